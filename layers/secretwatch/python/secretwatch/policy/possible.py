"""Which outcomes are possible while context keys are unknown, and on which of the keys that hangs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from secretwatch.policy.context import Context
from secretwatch.policy.decision import Decision, Decisive, Outcome
from secretwatch.policy.document import Effect
from secretwatch.policy.truth import Truth


class Question(Protocol):
    """Something that has to hold for a statement to apply."""

    def holds(self, context: Context) -> Truth:
        """Whether it does."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement that applies if all of its open `questions` hold; without any, it does."""

    decisive: Decisive
    questions: tuple[Question, ...]
    keys: frozenset[str]

    @classmethod
    def of(cls, decisive: Decisive, questions: Sequence[Question], context: Context) -> "Claim | None":
        """None when one of the questions does not hold."""
        hanging, keys = [], frozenset[str]()
        for question in questions:
            truth = question.holds(context)
            if truth is False:
                return None
            if truth is not True:
                hanging.append(question)
                keys |= truth
        return cls(decisive, tuple(hanging), keys)

    @property
    def effect(self) -> Effect:
        """Its statement's."""
        return self.decisive.effect


def settle(hanging: Sequence[Claim], allows: Sequence[Decisive], context: Context) -> Decision:
    """The decision while `hanging` claims are open and `allows` apply for certain."""
    keys = sorted(frozenset().union(*(claim.keys for claim in hanging)))
    possible = {Outcome.DENIED_EXPLICIT for claim in hanging if claim.effect is Effect.DENY}
    possible |= {Outcome.ALLOWED} if allows or any(c.effect is Effect.ALLOW for c in hanging) else set()
    possible |= set() if allows else {Outcome.DENIED_IMPLICIT}
    return Decision(
        Outcome.UNKNOWN,
        tuple(claim.decisive for claim in hanging),
        depends_on=tuple(keys),
        possible=frozenset(possible),
    )
