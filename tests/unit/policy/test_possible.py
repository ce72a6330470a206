"""Unknown context keys: the outcome is certain when it is the same either way, else it names what would tell."""

import itertools
import json
import random
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secretwatch.policy import (
    ABSENT,
    UNKNOWN,
    Absent,
    ContextValue,
    Decision,
    OneOf,
    Outcome,
    Policy,
    Present,
    Principal,
    evaluate,
)
from tests.differential.policies import KEY, KMS_KEYS, SECRET_KEYS, Case, Key, Maker
from tests.unit.policy.statements import ACTION, SECRET, SERVICE, a_policy, a_statement, decide

ALLOWED, EXPLICIT, IMPLICIT = Outcome.ALLOWED, Outcome.DENIED_EXPLICIT, Outcome.DENIED_IMPLICIT
ONE = {"StringEquals": {"aws:One": "1"}}
NOT_ONE = {"StringNotEquals": {"aws:One": "1"}}
TWO = {"StringEquals": {"aws:Two": "2"}}


def allow(condition: Any = None) -> dict[str, Any]:
    return a_statement(Condition=condition)


def deny(condition: Any = None) -> dict[str, Any]:
    return a_statement("Deny", Condition=condition)


@pytest.mark.parametrize(
    ("statements", "outcome", "depends_on"),
    [
        ([allow(ONE)], Outcome.UNKNOWN, ["aws:One"]),
        ([allow(ONE | {"Bool": {"aws:Two": "true"}})], Outcome.UNKNOWN, ["aws:One", "aws:Two"]),
        ([allow(ONE), allow(TWO)], Outcome.UNKNOWN, ["aws:One", "aws:Two"]),
        ([allow(ONE), allow()], ALLOWED, []),
        ([deny(ONE), deny()], EXPLICIT, []),
        ([deny(ONE), allow()], Outcome.UNKNOWN, ["aws:One"]),
        ([deny(ONE)], Outcome.UNKNOWN, ["aws:One"]),  # denied either way, but not in the same
        ([allow(ONE), deny()], EXPLICIT, []),
        # Each key by itself could be anything, but not all at once.
        ([allow(ONE), allow(NOT_ONE)], ALLOWED, []),
        ([allow(ONE), deny(ONE)], Outcome.UNKNOWN, ["aws:One"]),
        ([allow(), deny(ONE), deny(NOT_ONE)], EXPLICIT, []),
        ([allow(ONE | {"Null": {"aws:One": "true"}})], IMPLICIT, []),
        ([allow({"StringEquals": {"aws:One": "1"}, "StringLike": {"aws:One": "2*"}})], IMPLICIT, []),
        ([allow({"StringLike": {"aws:One": "1*"}}), allow({"StringNotLike": {"aws:One": "1*"}})], ALLOWED, []),
        ([allow({"NumericLessThan": {"aws:One": "5"}, "NumericGreaterThan": {"aws:One": "6"}})], IMPLICIT, []),
        (
            [allow({"NumericLessThan": {"aws:One": "6"}, "NumericGreaterThan": {"aws:One": "5"}})],
            Outcome.UNKNOWN,
            ["aws:One"],
        ),
        (
            [allow({"NumericLessThanIfExists": {"aws:One": "6"}}), allow({"NumericGreaterThan": {"aws:One": "5"}})],
            ALLOWED,
            [],
        ),
        (
            [allow({"DateLessThan": {"aws:One": "2026-01-01"}, "DateGreaterThan": {"aws:One": "2027-01-01"}})],
            IMPLICIT,
            [],
        ),
        ([allow({"IpAddress": {"aws:One": "10.0.0.0/8"}, "NotIpAddress": {"aws:One": "10.0.0.0/7"}})], IMPLICIT, []),
        (
            [allow({"IpAddress": {"aws:One": "10.0.0.0/8"}, "NotIpAddress": {"aws:One": "10.1.0.0/16"}})],
            Outcome.UNKNOWN,
            ["aws:One"],
        ),
        ([allow({"BoolIfExists": {"aws:One": "true"}}), allow({"Bool": {"aws:One": "false"}})], ALLOWED, []),
        (
            [allow({"ArnLike": {"aws:One": "arn:aws:s3:*:1:*"}, "ArnEquals": {"aws:One": "arn:aws:s3:*:2:*"}})],
            IMPLICIT,
            [],
        ),
        (
            [
                allow({"ForAllValues:StringEquals": {"aws:One": "1"}}),
                allow({"ForAnyValue:StringNotEquals": {"aws:One": "1"}}),
            ],
            ALLOWED,
            [],
        ),
        (
            [
                allow({"ForAnyValue:StringEquals": {"aws:One": "1"}}),
                allow({"ForAnyValue:StringNotEquals": {"aws:One": "1"}}),
            ],
            Outcome.UNKNOWN,
            ["aws:One"],
        ),
        # A third key decides alone, whatever the first two are.
        ([allow(ONE | TWO), allow({"StringNotEquals": {"aws:Two": "2"}}), allow(NOT_ONE)], ALLOWED, []),
        (
            [
                allow(ONE | {"StringEqualsIfExists": {"aws:Two": "2"}}),
                allow(NOT_ONE | {"StringEqualsIfExists": {"aws:Two": "2"}}),
            ],
            Outcome.UNKNOWN,
            ["aws:Two"],
        ),
        # Variables.
        ([allow({"StringEquals": {"aws:One": "${aws:Two}"}})], Outcome.UNKNOWN, ["aws:One", "aws:Two"]),
        (
            [allow({"StringEquals": {"aws:One": "${aws:Two}"}}), allow({"StringNotEquals": {"aws:One": "${aws:Two}"}})],
            ALLOWED,
            [],
        ),
        ([allow({"StringEquals": {"aws:Known": "${aws:Two}"}})], Outcome.UNKNOWN, ["aws:Two"]),
        ([allow({"StringLike": {"aws:Known": "${aws:Two}lu?"}})], Outcome.UNKNOWN, ["aws:Two"]),
        ([allow({"StringLike": {"aws:Known": "${aws:Two}x"}})], IMPLICIT, []),
        ([allow({"StringEquals": {"aws:Known": ["value", "${aws:Two}"]}})], ALLOWED, []),
        ([a_statement(Resource="arn:aws:secretsmanager:*:*:secret:${aws:Two}/crm-*")], Outcome.UNKNOWN, ["aws:Two"]),
        ([a_statement(Resource="arn:aws:secretsmanager:*:*:secret:${aws:Two}/other-*")], IMPLICIT, []),
        # Statements about others have no say.
        ([allow(), a_statement("Deny", Principal={"Service": "lambda.amazonaws.com"}, Condition=ONE)], ALLOWED, []),
        ([allow(), a_statement("Deny", Action="kms:*", Condition=ONE)], ALLOWED, []),
    ],
)
def test_the_outcome_hangs_on_what_makes_a_difference(statements: Any, outcome: Outcome, depends_on: list[str]) -> None:
    statements = [{name: part for name, part in each.items() if part is not None} for each in statements]

    decision = decide(*statements, context={"aws:Known": Present(("value",))})

    assert (decision.outcome, list(decision.depends_on)) == (outcome, depends_on)
    assert decision.outcome is Outcome.UNKNOWN or decision.possible == {outcome}


@pytest.mark.parametrize(
    ("candidates", "outcome"),
    [
        ((ABSENT, Present(("1",))), Outcome.UNKNOWN),
        ((ABSENT, Present(("2",))), IMPLICIT),
        ((Present(("1",)), Present(("1",))), ALLOWED),
        ((Present(("1",)),), ALLOWED),
        ((), Outcome.UNKNOWN),
    ],
)
def test_a_key_may_be_one_of_several(candidates: Any, outcome: Outcome) -> None:
    assert decide(a_statement(Condition=ONE), context={"aws:One": OneOf(candidates)}).outcome is outcome


def test_the_open_statements_are_named_and_the_outcomes_that_are_possible() -> None:
    decision = decide(
        allow(TWO) | {"Sid": "Settled"}, allow(TWO), deny(ONE) | {"Sid": "Open"}, context={"aws:Two": Present(("2",))}
    )

    assert [each.sid for each in decision.statements] == ["Open"]
    assert decision.possible == {ALLOWED, EXPLICIT}


def test_a_key_is_called_as_the_first_statement_does() -> None:
    decision = decide(allow(ONE), allow({"StringEquals": {"AWS:ONE": "2"}}))

    assert decision.depends_on == ("aws:One",)


def test_patterns_that_overlap_are_taken_for_independent() -> None:
    """Whether a value of both exists is not searched for, so this is unknown, never wrong."""
    both = allow({"StringLike": {"aws:One": "a*b*c"}, "StringNotLike": {"aws:One": "*b*"}})

    assert decide(both).depends_on == ("aws:One",)


@pytest.mark.parametrize(
    ("statements", "keys"),
    [
        ([allow({"StringEquals": {f"aws:K{number}": "1"}}) for number in range(5000)], 5000),
        ([allow({"StringEquals": {"aws:One": f"{number}"}}) for number in range(5000)], 1),
        ([allow({"StringLike": {"aws:One": f"*{number}?"}}) for number in range(150)], 1),
        ([allow({"ForAnyValue:StringLike": {"aws:One": [f"{number}*" for number in range(3000)]}})], 1),
        ([a_statement(Resource=[f"arn:aws:secretsmanager:*:*:secret:${{aws:One}}{c}*" for c in "abcdefgh" * 20])], 1),
    ],
)
def test_much_that_is_unknown_is_told_in_time(statements: Any, keys: int) -> None:
    statements = [{name: part for name, part in each.items() if part is not None} for each in statements]
    policy, began = a_policy(*statements), time.process_time()

    decision = evaluate([policy], SERVICE, ACTION, SECRET, {})

    assert time.process_time() - began < 2
    assert len(decision.depends_on) == keys


# --- by property, against every state that a generated policy's keys can be in


@settings(deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_outcome_is_right_for_every_state_of_the_unknown_keys(seed: int) -> None:
    """Certain: all states agree. Unknown: the keys that are named decide, and each outcome is foreseen."""
    case, chance = Maker(seed).cases(1)[0], random.Random(seed)  # noqa: S311 - no secret
    unknown, context = _with_unknown_keys(case, chance)
    decision = _decided(case, context)

    outcomes: dict[tuple[Any, ...], set[Outcome]] = {}
    names = [key.name for key in unknown]
    depends_on = {name.lower() for name in decision.depends_on}
    for states in _worlds(unknown, context, chance):
        world = dict(zip(names, states, strict=True))
        decided = tuple(world[name] for name in names if name.lower() in depends_on)
        outcomes.setdefault(decided, set()).add(_decided(case, context | world).outcome)

    assert set().union(*outcomes.values()) <= decision.possible
    assert all(len(each) == 1 for each in outcomes.values())
    assert depends_on <= {name.lower() for name in names}
    assert bool(depends_on) is (decision.outcome is Outcome.UNKNOWN)


@settings(deadline=None)
@given(seed=st.integers(0, 2**32))
def test_every_key_that_is_named_makes_a_difference(seed: int) -> None:
    """With all others in some state, it decides by itself."""
    case, chance = Maker(seed).cases(1)[0], random.Random(seed)  # noqa: S311 - no secret
    unknown, context = _with_unknown_keys(case, chance, candidates_only=True)
    decision = _decided(case, context)

    worlds = list(_worlds(unknown, context, chance))
    for at, key in enumerate(unknown):
        if key.name.lower() in {name.lower() for name in decision.depends_on}:
            outcomes: dict[tuple[Any, ...], set[Outcome]] = {}
            for states in worlds:
                world = dict(zip((each.name for each in unknown), states, strict=True))
                rest = (*states[:at], *states[at + 1 :])
                outcomes.setdefault(rest, set()).add(_decided(case, context | world).outcome)
            assert any(len(each) > 1 for each in outcomes.values())


def _with_unknown_keys(
    case: Case, chance: random.Random, *, candidates_only: bool = False
) -> tuple[list[Key], dict[str, ContextValue]]:
    """Up to four of the keys that the policy asks for are unknown, or one of two states."""
    keys = KMS_KEYS if case.resource == KEY else SECRET_KEYS
    text = json.dumps(case.policy).lower()
    asked = [key for key in keys if key.name.lower() in text]
    unknown = chance.sample(asked, min(len(asked), chance.randint(1, 4)))
    context: dict[str, ContextValue] = {key.name: ABSENT for key in keys}
    for name, value in case.context.items():
        context[name] = Present((value,) if isinstance(value, str) else tuple(value))
    for key in unknown:
        is_candidate = candidates_only or chance.random() < 0.3
        context[key.name] = OneOf(tuple(chance.sample(_states(key), 2))) if is_candidate else UNKNOWN
    return unknown, context


def _worlds(unknown: list[Key], context: dict[str, ContextValue], chance: random.Random) -> list[tuple[Any, ...]]:
    """All combinations of states, or some of them."""
    states = []
    for key in unknown:
        state = context[key.name]
        states.append(list(state.candidates) if isinstance(state, OneOf) else _states(key))
    worlds = list(itertools.product(*states))
    return worlds if len(worlds) <= 200 else chance.sample(worlds, 200)


def _states(key: Key) -> list[Present | Absent]:
    is_text = any(operator.startswith(("String", "Binary")) for operator in key.operators)
    asked = (value for value in key.asked if "${" not in value) if is_text else ()
    values = sorted({*key.carried, *asked, "other"} if is_text else {*key.carried})
    pairs = itertools.combinations(values, 2) if key.many else ()
    return [ABSENT, *(Present((value,)) for value in values), *(Present(pair) for pair in pairs)]


def _decided(case: Case, context: dict[str, ContextValue]) -> Decision:
    reader = Principal.parse(case.principal)
    known: dict[str, ContextValue] = {reader.identity_policy: ABSENT, reader.session_name: ABSENT}
    policy = Policy.parse(json.dumps(case.policy))
    return evaluate([policy], reader, case.action, case.resource, known | context)
