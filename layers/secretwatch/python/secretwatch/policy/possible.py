"""Which outcomes are possible while context keys are unknown, and on which of the keys that hangs.

Three-valued logic alone cannot see that `k is a` and `k is not a` never hold together. So each unknown key is tried in
every state that the open questions can tell apart (see `telling`); a question about a key whose states cannot all be
named may be true or false by itself. Where the combinations are too many, the three-valued answer stands.
"""

from collections.abc import Iterable, Mapping, Sequence
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

_MOST_WORLDS = 4096
_MOST_QUESTIONS = 200
_MOST_VALUES = 200  # of a key
_MOST_MEMBERS = 6  # of a key that may have several at once: all sets of them are tried

_OUTCOMES = {Effect.ALLOW: Outcome.ALLOWED, Effect.DENY: Outcome.DENIED_EXPLICIT}

State: TypeAlias = Present | Absent
World: TypeAlias = tuple[int, ...]
"""For each axis, the number of its state."""


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
    otherwise = Outcome.ALLOWED if allows else Outcome.DENIED_IMPLICIT
    axes = _axes([question for claim in claims for question in claim.questions], context)
    if axes is None:
        possible = frozenset({otherwise, *(_OUTCOMES[claim.effect] for claim in claims)})
        return _unknown(claims, frozenset(key.lower() for claim in claims for key in claim.keys), possible)
    worlds = _worlds(claims, axes, context, otherwise)
    possible = frozenset(worlds.values())
    if len(possible) > 1:
        telling = [axis.keys for at, axis in enumerate(axes) if _matters(at, worlds)]
        return _unknown(claims, frozenset().union(*telling), possible)
    (outcome,) = possible
    agreeing = tuple(claim.decisive for claim in claims if _OUTCOMES[claim.effect] is outcome)
    return Decision(outcome, agreeing or tuple(allows), possible=possible)


def _unknown(claims: Sequence[Claim], keys: frozenset[str], possible: frozenset[Outcome]) -> Decision:
    """`keys` are in lower case; the decision writes them as the first statement does."""
    names = {name.lower(): name for claim in reversed(claims) for name in claim.keys}
    hanging = (claim for claim in claims if not keys.isdisjoint(key.lower() for key in claim.keys))
    return Decision(
        Outcome.UNKNOWN,
        tuple(claim.decisive for claim in hanging),
        depends_on=tuple(sorted(names[key] for key in keys)),
        possible=possible,
    )


# --- axes: what can be one way or another


@dataclass(frozen=True, slots=True)
class _Axis:
    """A key with its states; or a question about keys whose states cannot be named, which is true or false."""

    keys: frozenset[str]
    states: Sequence[State | bool]
    question: Question | None = None


def _axes(questions: Sequence[Question], context: Context) -> list[_Axis] | None:
    """None when they have too many combinations."""
    if len(questions) > _MOST_QUESTIONS:
        return None
    telling = Telling(context)
    for question in questions:
        question.tell(telling)
    needed = [(question, _keys_of(question, context)) for question in questions]
    unknown = sorted(frozenset().union(*(keys for _, keys in needed)))
    named = {key: states for key in unknown if (states := _states(key, needed, telling, context))}
    free = [(question, keys) for question, keys in needed if not keys <= named.keys()]
    tried = frozenset().union(*(keys for _, keys in needed if keys <= named.keys()))
    axes = [_Axis(frozenset({key}), states) for key, states in named.items() if key in tried]
    for question, keys in free:
        if all(axis.question != question for axis in axes):
            axes.append(_Axis(keys, (False, True), question))
    return axes if prod(len(axis.states) for axis in axes) <= _MOST_WORLDS else None


def _states(
    key: str, needed: Sequence[tuple[Question, frozenset[str]]], telling: Telling, context: Context
) -> list[State] | None:
    """Those of a key that matter; None when they cannot all be named, or are too many."""
    own = [(question, keys) for question, keys in needed if key in keys]
    alone = all(len(keys) == 1 for _, keys in own)
    distinct = partial(_distinct, key, [question for question, _ in own], context) if alone else list[State]
    state = context.get(key)
    if isinstance(state, OneOf) and state.candidates:
        return distinct(state.candidates)
    values, is_complete = telling.values(key)
    if not is_complete or len(values) > _MOST_VALUES:
        return None
    if not telling.has_many(key):
        return distinct([ABSENT, *(Present((value,)) for value in values)])
    members = distinct(Present((value,)) for value in values if value)
    if len(members) > _MOST_MEMBERS:
        return None
    sets = chain.from_iterable(combinations(members, size) for size in range(1, len(members) + 1))
    together = (Present(tuple(chain.from_iterable(_values(state) for state in each))) for each in sets)
    return distinct([ABSENT, Present(("",)), *together])  # which is no set to ForAnyValue, but not absent to Null


def _values(state: State) -> tuple[str, ...]:
    return state.values if isinstance(state, Present) else ()


def _distinct(key: str, questions: Sequence[Question], context: Context, states: Iterable[State]) -> list[State]:
    """One of each kind: states that get the same answers from all questions."""
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
    claims: Sequence[Claim], axes: Sequence[_Axis], context: Context, otherwise: Outcome
) -> dict[World, Outcome]:
    """The outcome for every combination of states."""
    tables = [(claim.effect, [_Table(each, axes, context) for each in claim.questions]) for claim in claims]
    worlds = {}
    for world in product(*(range(len(axis.states)) for axis in axes)):
        effects = {effect for effect, questions in tables if all(question.holds(world) for question in questions)}
        outcome = Outcome.ALLOWED if Effect.ALLOW in effects else otherwise
        worlds[world] = Outcome.DENIED_EXPLICIT if Effect.DENY in effects else outcome
    return worlds


def _matters(at: int, worlds: Mapping[World, Outcome]) -> bool:
    """Whether two worlds with another outcome differ on this axis alone."""
    return any(outcome is not worlds[(*world[:at], 0, *world[at + 1 :])] for world, outcome in worlds.items())


class _Table:
    """The answers to one question, each found once."""

    def __init__(self, question: Question, axes: Sequence[_Axis], context: Context) -> None:
        keys = _keys_of(question, context)
        own = [at for at, axis in enumerate(axes) if axis.question == question]
        self._at = own or [at for at, axis in enumerate(axes) if axis.question is None and axis.keys <= keys]
        self._question, self._axes, self._context = question, axes, dict(context)
        self._answers: dict[World, bool] = {}

    def holds(self, world: World) -> bool:
        row = tuple(world[at] for at in self._at)
        if row not in self._answers:
            self._answers[row] = self._asked(
                [(self._axes[at], number) for at, number in zip(self._at, row, strict=True)]
            )
        return self._answers[row]

    def _asked(self, row: Iterable[tuple[_Axis, int]]) -> bool:
        for axis, number in row:
            state = axis.states[number]
            if isinstance(state, bool):
                return state
            self._context |= dict.fromkeys(axis.keys, state)
        return self._question.holds(self._context) is True
