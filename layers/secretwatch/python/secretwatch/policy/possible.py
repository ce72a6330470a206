"""Which outcomes are possible while context keys are unknown, and on which of the keys that hangs.

Three-valued logic alone cannot see that `k is a` and `k is not a` never hold together. So each unknown key is tried in
every state that the open questions can tell apart (see `telling`). Where these may not be all, or are too many, the
three-valued answer stands.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, combinations, product
from math import prod
from typing import Protocol, TypeAlias

from secretwatch.policy.context import ABSENT, Absent, Context, OneOf, Present
from secretwatch.policy.decision import Decision, Decisive, Outcome
from secretwatch.policy.document import Effect
from secretwatch.policy.telling import Telling
from secretwatch.policy.truth import Truth

_MOST_WORLDS = 10_000
_MOST_VALUES = 6  # of a key that may have several at once: all sets of them are tried

_OUTCOMES = {Effect.ALLOW: Outcome.ALLOWED, Effect.DENY: Outcome.DENIED_EXPLICIT}

State: TypeAlias = Present | Absent
World: TypeAlias = tuple[int, ...]
"""For each unknown key, the number of its state."""


class Question(Protocol):
    """Something that has to hold for a statement to apply."""

    def holds(self, context: Context) -> Truth:
        """Whether it does."""

    def tell(self, telling: Telling) -> None:
        """Name the values of context keys that make a difference to it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement that applies if all of its open `questions` hold; without any, it does. `keys` would tell."""

    decisive: Decisive
    questions: tuple[Question, ...]
    keys: frozenset[str]

    @classmethod
    def of(cls, decisive: Decisive, questions: Iterable[Question], context: Context) -> "Claim | None":
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


def settle(claims: Sequence[Claim], allows: Sequence[Decisive], context: Context) -> Decision:
    """The decision while `claims` are open, and the statements `allows` apply for certain."""
    names = {name.lower(): name for claim in reversed(claims) for name in claim.keys}
    keys = sorted(names)
    otherwise = Outcome.ALLOWED if allows else Outcome.DENIED_IMPLICIT
    states = _states(keys, [question for claim in claims for question in claim.questions], context)
    if states is None:
        possible = frozenset({otherwise, *(_OUTCOMES[claim.effect] for claim in claims)})
        return _unknown(claims, names.values(), possible)
    worlds = _worlds(claims, dict(zip(keys, states, strict=True)), context, otherwise)
    possible = frozenset(worlds.values())
    if len(possible) > 1:
        return _unknown(claims, [names[key] for at, key in enumerate(keys) if _matters(at, worlds)], possible)
    (outcome,) = possible
    agreeing = tuple(claim.decisive for claim in claims if _OUTCOMES[claim.effect] is outcome)
    return Decision(outcome, agreeing or tuple(allows), possible=possible)


def _unknown(claims: Iterable[Claim], keys: Iterable[str], possible: frozenset[Outcome]) -> Decision:
    depends_on = tuple(sorted(keys))
    lower = {key.lower() for key in depends_on}
    hanging = (claim for claim in claims if not lower.isdisjoint(key.lower() for key in claim.keys))
    return Decision(Outcome.UNKNOWN, tuple(claim.decisive for claim in hanging), depends_on, possible=possible)


# --- states


def _states(keys: Sequence[str], questions: Sequence[Question], context: Context) -> list[Sequence[State]] | None:
    """Those of each key that matter; None when they cannot all be named, or are too many to try."""
    telling = Telling(context)
    for question in questions:
        question.tell(telling)
    needed = [(question, _keys_of(question, context)) for question in questions]
    found: list[Sequence[State]] = []
    for key in keys:
        own = [(question, others) for question, others in needed if key in others]
        alone = [question for question, others in own if len(others) == 1]
        distinct = partial(_distinct, key, alone if len(alone) == len(own) else None, context)
        states = _candidates(key, context) or _named(key, telling, distinct)
        if states is None:
            return None
        found.append(distinct(states))
    return found if prod(map(len, found)) <= _MOST_WORLDS else None


def _candidates(key: str, context: Context) -> Sequence[State]:
    state = context.get(key)
    return state.candidates if isinstance(state, OneOf) else ()


def _named(key: str, telling: Telling, distinct: Callable[[Sequence[State]], list[State]]) -> list[State] | None:
    values, is_complete = telling.values(key)
    single = distinct([Present((value,)) for value in values])
    if not is_complete or (telling.has_many(key) and len(single) > _MOST_VALUES):
        return None
    if not telling.has_many(key):
        return [ABSENT, *single]
    members = [value for state in single if isinstance(state, Present) for value in state.values if value]
    sets = chain.from_iterable(combinations(members, size) for size in range(1, len(members) + 1))
    return [ABSENT, *(Present(each) for each in sets)]


def _distinct(key: str, questions: Sequence[Question] | None, context: Context, states: Sequence[State]) -> list[State]:
    """One of each kind: states that get the same answers from all questions. All, when another key has a say in those."""
    if questions is None:
        return list(states)
    kinds: dict[tuple[Truth, ...], State] = {}
    for state in states:
        world = {**context, key: state}
        kinds.setdefault(tuple(question.holds(world) for question in questions), state)
    return list(kinds.values())


def _keys_of(question: Question, context: Context) -> frozenset[str]:
    truth = question.holds(context)
    return frozenset() if isinstance(truth, bool) else frozenset(key.lower() for key in truth)


# --- worlds


def _worlds(
    claims: Sequence[Claim], states: Mapping[str, Sequence[State]], context: Context, otherwise: Outcome
) -> dict[World, Outcome]:
    """The outcome for every combination of states."""
    tables = [(claim.effect, [_Table(each, states, context) for each in claim.questions]) for claim in claims]
    worlds = {}
    for world in product(*(range(len(each)) for each in states.values())):
        effects = {effect for effect, questions in tables if all(question.holds(world) for question in questions)}
        outcome = Outcome.ALLOWED if Effect.ALLOW in effects else otherwise
        worlds[world] = Outcome.DENIED_EXPLICIT if Effect.DENY in effects else outcome
    return worlds


def _matters(at: int, worlds: Mapping[World, Outcome]) -> bool:
    """Whether two worlds with another outcome differ in this key alone."""
    return any(outcome is not worlds[(*world[:at], 0, *world[at + 1 :])] for world, outcome in worlds.items())


class _Table:
    """The answers to one question, each found once."""

    def __init__(self, question: Question, states: Mapping[str, Sequence[State]], context: Context) -> None:
        keys = _keys_of(question, context)
        self._question, self._states, self._context = question, states, dict(context)
        self._at = [(at, key) for at, key in enumerate(states) if key in keys]
        self._answers: dict[World, bool] = {}

    def holds(self, world: World) -> bool:
        row = tuple(world[at] for at, _ in self._at)
        if row not in self._answers:
            self._context |= {key: self._states[key][world[at]] for at, key in self._at}
            self._answers[row] = self._question.holds(self._context) is True
        return self._answers[row]
