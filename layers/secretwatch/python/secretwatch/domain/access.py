"""Access: who has to read a secret, what is known of such a request, and when access last changed."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from secretwatch.domain.facts import Facts, IdentityDecision, KeyDescription, KeyFacts, SecretDescription, Unknown
from secretwatch.domain.key import KeyId
from secretwatch.domain.observed import ObservedRead
from secretwatch.domain.reference import Reference
from secretwatch.domain.rules import AGENTCORE, CONSUMERS, Rules
from secretwatch.policy import (
    ABSENT,
    UNKNOWN,
    Context,
    ContextValue,
    Decision,
    Grant,
    OneOf,
    Outcome,
    Policy,
    Present,
    Principal,
    evaluate,
    evaluate_key,
)

GET_SECRET_VALUE = "secretsmanager:GetSecretValue"  # noqa: S105
DECRYPT = "kms:Decrypt"

_NOTHING: Context = {}


def readers_of(facts: Facts, rules: Rules) -> tuple[Principal, ...]:
    """Who has to be able to read: the required readers, and the roles that AgentCore was seen to read for."""
    known = facts.consumers if isinstance(facts.consumers, tuple) else ()
    consumers = sorted({one.role_arn for one in known if one.role_arn})
    named = [text for reader in rules.required_readers for text in (consumers if reader == CONSUMERS else [reader])]
    return tuple(map(Principal.parse, dict.fromkeys([*named, *sorted(facts.observations.roles)])))


def context_of(
    reader: Principal, reference: Reference, secret: SecretDescription, policies: Iterable[Policy], at: datetime
) -> Context:
    """What is known of the reader's GetSecretValue; a key that is not here is unknown."""
    tags: dict[str, ContextValue] = {
        f"{prefix}{tag}": Present((value,)) for tag, value in secret.tags.items() for prefix in _TAG_PREFIXES
    }
    # A tag that a policy asks for and the secret lacks is known to be absent.
    asked = {key for policy in policies for key in policy.condition_keys if key.lower().startswith(_TAG_PREFIXES)}
    had = {key.lower() for key in tags}
    tags |= dict.fromkeys((key for key in asked if key.lower() not in had), ABSENT)
    own: dict[str, ContextValue] = {
        "secretsmanager:SecretId": Present((reference.secret_arn,)),
        "secretsmanager:VersionStage": OneOf((ABSENT, Present(("AWSCURRENT",)))),
        "secretsmanager:VersionId": ABSENT,
    }
    return {**_common(reader, reference, at), **own, **tags}


def key_context_of(reader: Principal, reference: Reference, at: datetime) -> Context:
    """What is known of the Decrypt that Secrets Manager makes on the reader's behalf (KMS: "kms:ViaService")."""
    secret = reference.secret
    own: dict[str, ContextValue] = {
        "kms:ViaService": Present((via_service(secret.region),)),
        "kms:CallerAccount": Present((reader.account,)) if reader.account else UNKNOWN,
        "kms:EncryptionContext:SecretARN": Present((reference.secret_arn,)),
        "kms:EncryptionContextKeys": Present(("SecretARN", "SecretVersionId")),
        "kms:GrantIsForAWSResource": ABSENT,
    }
    return {**_common(reader, reference, at), **own}


@dataclass(frozen=True, slots=True)
class Access:
    """Whether a reader may do something, with what the resource's own policies decided."""

    outcome: Outcome | Unknown
    decision: Decision


def may_read(
    reader: Principal,
    reference: Reference,
    secret: SecretDescription,
    policies: Sequence[Policy],
    facts: Facts,
    *,
    assumed: Context = _NOTHING,
) -> Access:
    """Whether the reader may read the secret: by the secret's policies, or in its account by the reader's own.

    `assumed` is taken for granted of the request, whatever is known of it.
    """
    context = {
        **context_of(reader, reference, secret, policies, facts.at),
        **_own_policies(reader, GET_SECRET_VALUE, facts),
        **assumed,
    }
    decision = evaluate(policies, reader, GET_SECRET_VALUE, reference.secret_arn, context)
    own = facts.identities.get((reader.name, GET_SECRET_VALUE), _NOT_ASKED)
    if reader.account == reference.secret.account:
        return Access(_either(decision, own), decision)
    return Access(_both(decision, own) if reader.account else _settled(decision), decision)


def may_decrypt(
    reader: Principal, reference: Reference, key_arn: str, policy: Policy, grants: Sequence[Grant], facts: Facts
) -> Access:
    """Whether the reader may decrypt the secret through Secrets Manager: by the key's policy and grants first."""
    context = {**key_context_of(reader, reference, facts.at), **_own_policies(reader, DECRYPT, facts)}
    decision = evaluate_key(policy, grants, reader, DECRYPT, key_arn, context)
    own = facts.identities.get((reader.name, DECRYPT), _NOT_ASKED)
    if reader.account and reader.account != KeyId(key_arn).account:
        return Access(_both(decision, own), decision)
    if reader.account and decision.outcome is not Outcome.DENIED_EXPLICIT and own is IdentityDecision.DENIED_EXPLICIT:
        return Access(Outcome.DENIED_EXPLICIT, decision)
    left_to_own = bool(reader.account) and decision.depends_on == (reader.identity_policy,)
    return Access(own if left_to_own and isinstance(own, Unknown) else _settled(decision), decision)


def seen_reading(reader: Principal, facts: Facts) -> ObservedRead | None:
    """AgentCore's own latest read since access last changed, if there is one: then its way in is another than ours.

    A role is let in by a read on its behalf, or by one that AgentCore made as itself; not by another role's.
    """
    since = facts.access_since
    reads = [read for read in facts.observations.succeeded if since and read.at > since]
    own = [read for read in reads if not reader.account or read.reader in {None, reader.name}]
    return max(own, key=lambda read: read.at, default=None)


_NOT_ASKED = Unknown("what the role's own policies allow was not asked")
_FINAL = frozenset({Outcome.INVALID, Outcome.DENIED_EXPLICIT})


def _settled(decision: Decision) -> Outcome:
    """What is denied whatever the unknown turns out to be, is denied."""
    denied = decision.outcome is Outcome.UNKNOWN and Outcome.ALLOWED not in decision.possible
    return Outcome.DENIED_IMPLICIT if denied else decision.outcome


def _both(decision: Decision, own: IdentityDecision | Unknown) -> Outcome | Unknown:
    """In another account, the resource's policies and the reader's own have to allow (IAM user guide, "Cross-account
    policy evaluation logic").
    """
    settled = _settled(decision)
    if settled in _FINAL or settled is Outcome.DENIED_IMPLICIT:
        return settled
    match own:
        case Unknown():
            return own
        case IdentityDecision.ALLOWED:
            return settled
        case IdentityDecision.DENIED_EXPLICIT:
            return Outcome.DENIED_EXPLICIT
        case IdentityDecision.DENIED_IMPLICIT:
            return Outcome.DENIED_IMPLICIT


def _either(decision: Decision, own: IdentityDecision | Unknown) -> Outcome | Unknown:
    """In one account, either suffices, and either may deny (IAM user guide, "Policy evaluation logic")."""
    if decision.outcome in _FINAL:
        return decision.outcome
    if own is IdentityDecision.DENIED_EXPLICIT:
        return Outcome.DENIED_EXPLICIT
    if decision.outcome is Outcome.ALLOWED:
        return Outcome.ALLOWED
    if own is IdentityDecision.ALLOWED:
        return Outcome.UNKNOWN if Outcome.DENIED_EXPLICIT in decision.possible else Outcome.ALLOWED
    return own if isinstance(own, Unknown) else _settled(decision)


def _own_policies(reader: Principal, action: str, facts: Facts) -> Context:
    """What a role's own policies say, where a resource's policy leaves it to them."""
    match facts.identities.get((reader.name, action)):
        case IdentityDecision.ALLOWED:
            return {reader.identity_policy: Present(("allows",))}
        case IdentityDecision():
            return {reader.identity_policy: ABSENT}
    return {}


_TAG_PREFIXES = ("aws:resourcetag/", "secretsmanager:resourcetag/")


def via_service(region: str) -> str:
    """Secrets Manager, as kms:ViaService names it in a Region."""
    return f"secretsmanager.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"


def _common(reader: Principal, reference: Reference, at: datetime) -> Context:
    return {
        "aws:SecureTransport": Present(("true",)),
        "aws:RequestedRegion": Present((reference.secret.region,)),
        "aws:ResourceAccount": Present((reference.secret.account,)),
        "aws:CurrentTime": Present((f"{at:%Y-%m-%dT%H:%M:%SZ}",)),
        "aws:EpochTime": Present((str(int(at.timestamp())),)),
        "aws:MultiFactorAuthPresent": ABSENT,
        "aws:MultiFactorAuthAge": ABSENT,
        "aws:username": ABSENT,
        # A service does not call through a network of the customer's.
        "aws:SourceVpc": ABSENT,
        "aws:SourceVpce": ABSENT,
        "aws:VpcSourceIp": ABSENT,
        **(_role_context(reader) if reader.account else _service_context(reader, reference)),
    }


def _service_context(reader: Principal, reference: Reference) -> Context:
    """AgentCore calls as itself. Whether it fills aws:SourceAccount and aws:SourceArn, no page of AWS's says.

    IAM user guide, "AWS global condition context keys": what a service principal's request has and lacks.
    """
    return {
        "aws:PrincipalIsAWSService": Present(("true",)),
        "aws:PrincipalServiceName": Present((reader.name,)),
        "aws:PrincipalArn": ABSENT,
        "aws:PrincipalAccount": ABSENT,
        "aws:PrincipalOrgID": ABSENT,
        "aws:PrincipalOrgPaths": ABSENT,
        "aws:ViaAWSService": Present(("false",)),
        "aws:CalledVia": ABSENT,
        "aws:CalledViaFirst": ABSENT,
        "aws:CalledViaLast": ABSENT,
        "aws:SourceAccount": OneOf((ABSENT, Present((reference.provider.account,)))),
        "aws:SourceArn": OneOf((ABSENT, Present((reference.provider_arn,)))),
    }


def _role_context(reader: Principal) -> Context:
    """AgentCore calls on behalf of a role, by a forward access session: the role is the principal."""
    return {
        "aws:PrincipalIsAWSService": Present(("false",)),
        "aws:PrincipalServiceName": ABSENT,
        "aws:PrincipalArn": Present((reader.name,)),
        "aws:PrincipalAccount": Present((reader.account or "",)),
        "aws:PrincipalType": Present(("AssumedRole",)),
        "aws:ViaAWSService": Present(("true",)),
        "aws:CalledVia": Present((AGENTCORE,)),
        "aws:CalledViaFirst": Present((AGENTCORE,)),
        "aws:CalledViaLast": Present((AGENTCORE,)),
        "aws:SourceAccount": ABSENT,
        "aws:SourceArn": ABSENT,
    }


def access_of(reference: Reference, facts: Facts) -> str | None:
    """A name for all on which access hangs: policies, key and provider; another one once any of them changed.

    None while a part is unknown. Holds nothing of a value.
    """
    policies, key = facts.policies, facts.key
    if not isinstance(policies, tuple) or not isinstance(facts.secret, SecretDescription):
        return None
    if key and any(isinstance(part, Unknown) for part in (key.key, key.policy, key.grants)):
        return None
    parts = [
        reference.provider_arn,
        reference.json_key,
        str(facts.secret.deletion_date),
        [policy.text for policy in policies],
        _key_parts(key) if key else None,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _key_parts(key: KeyFacts) -> list[str]:
    described, grants = key.key, key.grants if isinstance(key.grants, tuple) else ()
    state = [described.arn, described.state] if isinstance(described, KeyDescription) else []
    return [*state, key.policy.text if isinstance(key.policy, Policy) else "", *sorted(map(repr, grants))]
