"""Decisions: what policies come to for one request."""

from dataclasses import dataclass, field
from enum import StrEnum

from secretwatch.policy.document import Effect


class Outcome(StrEnum):
    """What the policies say; UNKNOWN when that hangs on what is not known, INVALID when one says nothing."""

    ALLOWED = "ALLOWED"
    DENIED_EXPLICIT = "DENIED_EXPLICIT"
    DENIED_IMPLICIT = "DENIED_IMPLICIT"
    UNKNOWN = "UNKNOWN"
    INVALID = "INVALID"


@dataclass(frozen=True, slots=True)
class Decisive:
    """A statement that decided, or a grant; `policy` and `index` count from 0, `name` is the policy's."""

    policy: int
    name: str
    sid: str | None
    index: int
    effect: Effect


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome and its reasons.

    `depends_on` names what an UNKNOWN outcome hangs on, context keys as the policy writes them: with those known it
    would be another. `possible` has every outcome that it may then be. Names of no context key are those of Principal:
    its identity policy, its session's name, an exemption.
    """

    outcome: Outcome
    statements: tuple[Decisive, ...] = ()
    depends_on: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    possible: frozenset[Outcome] = field(default_factory=frozenset)
