"""Whether the secret keeps the operator's rules. What breaks one works still: DEGRADED, never BROKEN."""

from collections.abc import Iterator

from secretwatch.domain.access import GET_SECRET_VALUE, context_of
from secretwatch.domain.facts import Facts, KeyDescription, SecretDescription
from secretwatch.domain.finding import Code, Finding
from secretwatch.domain.reference import Reference
from secretwatch.domain.rules import AGENTCORE, Rules
from secretwatch.policy import ABSENT, Context, Outcome, Policy, Present, Principal, evaluate


def governance_findings(
    reference: Reference, secret: SecretDescription, facts: Facts, rules: Rules
) -> Iterator[Finding]:
    """TAG_MISSING, TAG_VALUE_NOT_ALLOWED, KEY_NOT_CUSTOMER_MANAGED, POLICY_TOO_BROAD."""
    yield from _tags(reference, secret, rules)
    if rules.customer_managed_key and not _is_under_own_key(secret, facts):
        yield Finding(
            Code.KEY_NOT_CUSTOMER_MANAGED,
            "the secret is under the AWS managed key aws/secretsmanager, and a customer managed one is required",
            "Encrypt the secret with a customer managed key, after letting its readers use the key.",
            about=reference.secret_arn,
        )
    if rules.narrow_policy and isinstance(facts.policies, tuple):
        yield from _too_broad(reference, secret, facts, facts.policies)


def _tags(reference: Reference, secret: SecretDescription, rules: Rules) -> Iterator[Finding]:
    for tag, allowed in sorted(rules.required_tags.items()):
        value = secret.tags.get(tag)
        if value is None:
            code, evidence = Code.TAG_MISSING, f"the secret lacks the tag `{tag}`"
        elif allowed and value not in allowed:
            code, evidence = Code.TAG_VALUE_NOT_ALLOWED, f"the tag `{tag}` is `{value}`, which the rules do not allow"
        else:
            continue
        choice = f" with one of: {', '.join(sorted(allowed))}" if allowed else ""
        yield Finding(code, evidence, f"Tag the secret with `{tag}`{choice}.", about=reference.secret_arn)


def _is_under_own_key(secret: SecretDescription, facts: Facts) -> bool:
    """A key that cannot be described is told of elsewhere; that the secret names it is enough here."""
    described = facts.key.key if facts.key else None
    return secret.key is not None and not (isinstance(described, KeyDescription) and not described.customer_managed)


_ELSEWHERE = "000000000000"  # an account that is nobody's

_STRANGER = Principal.parse(f"arn:aws:iam::{_ELSEWHERE}:role/stranger")
_AGENTCORE = Principal.parse(AGENTCORE)
_CALLED_DIRECTLY: Context = {
    "aws:ViaAWSService": Present(("false",)),
    "aws:CalledVia": ABSENT,
    "aws:CalledViaFirst": ABSENT,
    "aws:CalledViaLast": ABSENT,
}


def _too_broad(
    reference: Reference, secret: SecretDescription, facts: Facts, policies: tuple[Policy, ...]
) -> Iterator[Finding]:
    """Asks for those who need nothing: whoever is certainly let in is too many."""
    own = context_of(_AGENTCORE, reference, secret, policies, facts.at)
    elsewhere: Context = {
        **own,
        "aws:SourceAccount": Present((_ELSEWHERE,)),
        "aws:SourceArn": Present(
            (f"arn:aws:bedrock-agentcore:{reference.secret.region}:{_ELSEWHERE}:token-vault/any",)
        ),
    }
    stranger: Context = {**context_of(_STRANGER, reference, secret, policies, facts.at), **_CALLED_DIRECTLY}
    probes = {
        "anybody in any account may read it": (_STRANGER, GET_SECRET_VALUE, stranger),
        "AgentCore may read it for any account's agents": (_AGENTCORE, GET_SECRET_VALUE, elsewhere),
        "AgentCore may change it": (_AGENTCORE, "secretsmanager:PutSecretValue", own),
    }
    broad = [
        evidence
        for evidence, (reader, action, context) in probes.items()
        if evaluate(policies, reader, action, reference.secret_arn, context).outcome is Outcome.ALLOWED
    ]
    if broad:
        yield Finding(
            Code.POLICY_TOO_BROAD,
            f"the secret's policy allows more than is needed: {'; '.join(broad)}",
            f"Allow {AGENTCORE} {GET_SECRET_VALUE} only, on the condition that aws:SourceAccount is"
            f" {reference.provider.account}.",
            about=reference.secret_arn,
        )
