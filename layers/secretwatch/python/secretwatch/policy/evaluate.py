"""What policies decide: Deny over Allow over nothing, and what it hangs on when that cannot be told."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from secretwatch.policy.context import Context, ContextValue, Present, folded
from secretwatch.policy.decision import Decision, Decisive, Outcome
from secretwatch.policy.document import Effect, Policy, ResourceElement, Statement
from secretwatch.policy.pattern import resource_like
from secretwatch.policy.possible import Claim, Question, settle
from secretwatch.policy.principal import Principal, PrincipalElement
from secretwatch.policy.telling import Telling
from secretwatch.policy.truth import Truth


def evaluate(policies: Sequence[Policy], reader: Principal, action: str, resource: str, context: Context) -> Decision:
    """What the resource policies together say to a reader's request, such as secretsmanager:GetSecretValue.

    To a service that is all there is. A role in the resource's own account may be allowed by its identity policy where
    these say nothing, and one in another account needs that as well: the caller asks IAM. SCPs and RCPs are not seen.
    """
    if problems := problems_of(policies):
        return Decision(Outcome.INVALID, problems=problems)
    request = Request(reader, action.lower(), resource, implied_context(reader, resource) | folded(context))
    return decide(
        [claim for index, policy in enumerate(policies) for claim in request.claims(index, policy)], request.context
    )


def problems_of(policies: Iterable[Policy]) -> tuple[str, ...]:
    """What is wrong with any of them, in sentences."""
    return tuple(f"policy {policy.name}: {problem}" for policy in policies for problem in policy.problems)


def implied_context(reader: Principal, resource: str) -> dict[str, ContextValue]:
    """The keys that follow from who asks and for what, by lower case; what the caller knows better replaces them."""
    parts = resource.split(":", 5)
    account = parts[4] if len(parts) == 6 else ""
    return reader.implied_context() | ({"aws:resourceaccount": Present((account,))} if account else {})


@dataclass(frozen=True, slots=True)
class Request:
    """A request, with its action and context's keys in lower case."""

    reader: Principal
    action: str
    resource: str
    context: Context

    def claims(self, index: int, policy: Policy) -> Iterator[Claim]:
        """The statements of the policy that apply, or may."""
        for statement in policy.statements:
            if statement.action.covers(self.action) and (claim := self._claim(index, policy.name, statement)):
                yield claim

    def _claim(self, index: int, name: str, statement: Statement) -> Claim | None:
        questions: tuple[Question, ...] = (
            AboutReader(statement.principal, self.reader, statement.effect is Effect.ALLOW),
            AboutResource(statement.resource, self.resource),
            *statement.conditions,
        )
        decisive = Decisive(index, name, statement.sid, statement.index, statement.effect)
        return Claim.of(decisive, questions, self.context)


@dataclass(frozen=True, slots=True)
class AboutReader:
    """Whether a statement is about the reader."""

    element: PrincipalElement
    reader: Principal
    allows: bool

    def holds(self, context: Context) -> Truth:
        """As the element says."""
        return self.element.applies(self.reader, context, allows=self.allows)

    def tell(self, telling: Telling) -> None:
        """Whether IAM or a NotPrincipal makes an exception, and which session asks."""
        telling.text(self.reader.identity_policy.lower(), "allows")
        telling.text(self.reader.exemption.lower(), "spares")
        telling.text(self.reader.session_name.lower(), *self.element.sessions_of(self.reader))


@dataclass(frozen=True, slots=True)
class AboutResource:
    """Whether a statement is about the resource."""

    element: ResourceElement
    resource: str

    def holds(self, context: Context) -> Truth:
        """As the element says."""
        return self.element.covers(self.resource, context)

    def tell(self, telling: Telling) -> None:
        """What its variables may be."""
        last = self.resource.split(":", 5)[-1]
        for pattern in self.element.patterns:
            for key in pattern.keys:
                if len(pattern.keys) > 1:
                    telling.vague(key)
                else:
                    telling.within(key, last, partial(resource_like, pattern, self.resource))


def decide(claims: Sequence[Claim], context: Context) -> Decision:
    """Of all statements that apply, or may: any Deny, else any Allow, else nothing."""
    certain = [claim for claim in claims if not claim.questions]
    if denies := [claim.decisive for claim in certain if claim.effect is Effect.DENY]:
        return _certainly(Outcome.DENIED_EXPLICIT, denies)
    allows = [claim.decisive for claim in certain if claim.effect is Effect.ALLOW]
    hanging = [claim for claim in claims if claim.questions and not (allows and claim.effect is Effect.ALLOW)]
    otherwise = Outcome.ALLOWED if allows else Outcome.DENIED_IMPLICIT
    if not hanging:
        return _certainly(otherwise, allows)
    return settle(hanging, allows, context)


def _certainly(outcome: Outcome, statements: Iterable[Decisive]) -> Decision:
    return Decision(outcome, tuple(statements), possible=frozenset({outcome}))
