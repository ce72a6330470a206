"""KMS keys: the key policy, and beside it the grants."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from secretwatch.policy.conditions import Condition
from secretwatch.policy.context import Context, folded
from secretwatch.policy.decision import Decision, Decisive, Outcome
from secretwatch.policy.document import Effect, Policy
from secretwatch.policy.evaluate import AboutReader, Request, decide, implied_context, problems_of
from secretwatch.policy.possible import Claim, Question
from secretwatch.policy.principal import Principal, PrincipalElement


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant as ListGrants tells it; operations are such as "Decrypt".

    The grantee is its GranteeServicePrincipal, or else its GranteePrincipal. A constraint that it lacks is None.
    """

    grant_id: str
    grantee: str
    operations: frozenset[str]
    context_equals: Mapping[str, str] | None = None
    context_subset: Mapping[str, str] | None = None
    source_arn: str | None = None
    name: str | None = None


def evaluate_key(
    policy: Policy, grants: Sequence[Grant], reader: Principal, action: str, key_arn: str, context: Context
) -> Decision:
    """What a key's policy and grants say to a reader's request, such as kms:Decrypt.

    Either may allow, and a Deny of the policy stands over both (KMS Developer Guide, "Grants", "Default key policy").
    A statement that names the account only hands over to IAM: the decision then hangs on the reader's identity policy.
    """
    if problems := problems_of([policy]):
        return Decision(Outcome.INVALID, problems=problems)
    request = Request(reader, action.lower(), key_arn, implied_context(reader, key_arn) | folded(context))
    granted = (_claim(index, grant, request) for index, grant in enumerate(grants))
    return decide([*request.claims(0, policy), *(claim for claim in granted if claim)], request.context)


def _claim(index: int, grant: Grant, request: Request) -> Claim | None:
    _, _, operation = request.action.partition(":")
    if operation not in {name.lower() for name in grant.operations}:
        return None
    kind = "AWS" if grant.grantee.startswith("arn:") else "Service"
    grantee = PrincipalElement.of([(kind, grant.grantee)], excluded=False)
    questions: list[Question] = [AboutReader(grantee, request.reader, allows=True), *_constraints(grant)]
    decisive = Decisive(1, f"grant {grant.grant_id}", grant.name, index, Effect.ALLOW)
    return Claim.of(decisive, questions, request.context)


def _constraints(grant: Grant) -> Iterator[Condition]:
    """EncryptionContextSubset asks for these pairs among others, EncryptionContextEquals for no others.

    SourceArn is the same as a condition on aws:SourceArn (KMS API Reference, "GrantConstraints").
    """
    for pairs in (grant.context_equals, grant.context_subset):
        for key, value in (pairs or {}).items():
            yield Condition.of("StringEquals", f"kms:EncryptionContext:{key}", [value], variables=False)
    if grant.context_equals is not None:
        yield Condition.of(
            "ForAllValues:StringEquals", "kms:EncryptionContextKeys", list(grant.context_equals), variables=False
        )
    if grant.source_arn is not None:
        yield Condition.of("ArnEquals", "aws:SourceArn", [grant.source_arn], variables=False)
