"""A reference's state follows its judgements; an unknown stands beside the last verdict."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretwatch.domain.facts import Unknown
from secretwatch.domain.finding import Code, Finding, Verdict
from secretwatch.domain.judging import Judgement
from secretwatch.domain.observed import Observations, ObservedRead
from secretwatch.domain.state import ReferenceState, UnknownSince
from secretwatch.domain.verdict_change import VerdictChange
from tests.fakes import NOON, a_reference, secret_arn

MISSING = Finding(Code.JSON_KEY_MISSING, "the current version lacks it", "Store it.")
EMPTY = Finding(Code.JSON_KEY_EMPTY, "it is empty", "Store it.")
RESOLVES = Judgement(Verdict.RESOLVES)
BROKEN = Judgement(Verdict.BROKEN, (MISSING,))
THROTTLED = Judgement(None, (), Unknown("DescribeSecret: ThrottlingException", transient=True))
NEW = ReferenceState(a_reference())


def test_every_check_is_a_new_version_whether_it_changes_the_verdict_or_not() -> None:
    once = NEW.after(RESOLVES, good_version="v1", at=NOON)
    twice = once.after(RESOLVES, good_version="v1", at=NOON)

    assert (once.version, twice.version) == (1, 2)
    assert not twice.tells_other_than(once)


def test_an_unknown_keeps_the_last_verdict_and_the_time_since_when() -> None:
    broken = NEW.after(BROKEN, good_version=None, at=NOON)

    unknown = broken.after(THROTTLED, good_version=None, at=NOON + timedelta(hours=1))
    still = unknown.after(THROTTLED, good_version=None, at=NOON + timedelta(hours=2))

    assert (still.verdict, still.findings) == (Verdict.BROKEN, (MISSING,))
    assert still.unknown == UnknownSince("DescribeSecret: ThrottlingException", NOON + timedelta(hours=1))
    assert not still.tells_other_than(broken)


def test_a_verdict_stands_since_it_was_first_found_whatever_is_unknown_in_between() -> None:
    later = [NOON + timedelta(hours=hours) for hours in range(1, 5)]
    broken = NEW.after(BROKEN, good_version=None, at=NOON)
    otherwise = broken.after(Judgement(Verdict.BROKEN, (EMPTY,)), good_version=None, at=later[0])
    unknown = otherwise.after(THROTTLED, good_version=None, at=later[1])
    still = unknown.after(BROKEN, good_version=None, at=later[2])
    well = still.after(RESOLVES, good_version="v1", at=later[3])

    assert [state.since for state in (broken, otherwise, unknown, still)] == [NOON] * 4
    assert well.since == later[3]


def test_a_verdict_that_an_older_release_stored_stands_since_the_next_check_at_least() -> None:
    old = ReferenceState(a_reference(), version=1, verdict=Verdict.BROKEN, findings=(MISSING,))

    assert old.after(BROKEN, good_version=None, at=NOON).since == NOON
    assert old.after(THROTTLED, good_version=None, at=NOON).since is None


def test_a_state_names_the_event_that_it_was_checked_for_last() -> None:
    once = NEW.after(RESOLVES, good_version="v1", at=NOON, cause="e-1")

    assert once.cause == "e-1"
    assert once.after(RESOLVES, good_version="v1", at=NOON).cause is None


def test_a_definite_judgement_ends_the_unknown() -> None:
    unknown = NEW.after(THROTTLED, good_version=None, at=NOON)

    assert unknown.after(RESOLVES, good_version="v1", at=NOON).unknown is None


def test_a_version_once_found_good_stays_so_through_an_unknown() -> None:
    good = NEW.after(RESOLVES, good_version="v1", at=NOON)

    assert good.after(THROTTLED, good_version=None, at=NOON).good_version == "v1"


@pytest.mark.parametrize(
    ("after", "told"),
    [
        pytest.param(RESOLVES, True, id="recovers"),
        pytest.param(Judgement(Verdict.BROKEN, (EMPTY,)), True, id="breaks in another way"),
        pytest.param(BROKEN, False, id="still broken"),
        pytest.param(THROTTLED, False, id="unknown"),
    ],
)
def test_people_are_told_of_another_verdict_or_another_finding(after: Judgement, *, told: bool) -> None:
    broken = NEW.after(BROKEN, good_version=None, at=NOON)

    assert broken.after(after, good_version=None, at=NOON).tells_other_than(broken) is told


def test_a_field_pointed_elsewhere_keeps_its_verdict_until_it_is_checked_but_forgets_the_value() -> None:
    elsewhere = a_reference(secret=secret_arn("agents/other"))
    broken = NEW.after(BROKEN, good_version="v1", at=NOON)

    moved = broken.moved_to(elsewhere)

    assert (moved.reference, moved.verdict, moved.version, moved.good_version) == (elsewhere, Verdict.BROKEN, 2, None)


@given(st.lists(st.sampled_from([RESOLVES, BROKEN, THROTTLED])))
def test_the_verdict_is_always_that_of_the_last_definite_judgement(judgements: list[Judgement]) -> None:
    state = NEW
    for judgement in judgements:
        state = state.after(judgement, good_version=None, at=NOON)

    definite = [judgement.verdict for judgement in judgements if judgement.verdict]
    assert state.verdict == (definite[-1] if definite else None)
    assert (state.unknown is not None) == (judgements[-1:] == [THROTTLED])
    assert state.version == len(judgements)


# --- what people read


def a_state(verdict: Verdict, *findings: Finding, **parts: Any) -> ReferenceState:
    return ReferenceState(a_reference(), 1, verdict, findings, **parts)


WAIVED = replace(MISSING, waived_until=NOON)
SINCE = UnknownSince("DescribeSecret: AccessDeniedException", NOON)
READ = Observations(read=ObservedRead(NOON))


@pytest.mark.parametrize(
    ("before", "after", "differs"),
    [
        pytest.param(a_state(Verdict.RESOLVES), a_state(Verdict.BROKEN, MISSING), True, id="another verdict"),
        pytest.param(a_state(Verdict.BROKEN, MISSING), a_state(Verdict.BROKEN, EMPTY), True, id="another code"),
        pytest.param(a_state(Verdict.BROKEN, MISSING), a_state(Verdict.BROKEN, MISSING, EMPTY), True, id="one more"),
        pytest.param(
            a_state(Verdict.BROKEN, MISSING, EMPTY), a_state(Verdict.BROKEN, EMPTY, MISSING), False, id="another order"
        ),
        pytest.param(
            a_state(Verdict.BROKEN, MISSING),
            a_state(Verdict.BROKEN, replace(MISSING, evidence="in other words")),
            False,
            id="other words",
        ),
        pytest.param(a_state(Verdict.BROKEN, MISSING), a_state(Verdict.BROKEN, WAIVED), True, id="waived"),
        pytest.param(
            a_state(Verdict.BROKEN, WAIVED),
            a_state(Verdict.BROKEN, replace(WAIVED, waived_until=NOON + timedelta(days=1))),
            False,
            id="waived for longer",
        ),
        pytest.param(a_state(Verdict.RESOLVES), a_state(Verdict.RESOLVES, unknown=SINCE), False, id="unknown"),
        pytest.param(
            a_state(Verdict.RESOLVES, unknown=SINCE),
            a_state(Verdict.RESOLVES, unknown=replace(SINCE, lasts=True)),
            True,
            id="unknown for long",
        ),
        pytest.param(
            a_state(Verdict.RESOLVES), a_state(Verdict.RESOLVES, observations=READ), False, id="an observed read"
        ),
    ],
)
def test_what_people_would_read_differently(before: ReferenceState, after: ReferenceState, *, differs: bool) -> None:
    assert after.tells_other_than(before) is differs
    assert bool(VerdictChange.between(before, after)) is differs


def test_a_read_proves_access_only_when_it_came_after_the_last_change() -> None:
    seen = a_state(Verdict.RESOLVES, observations=READ)

    assert replace(seen, access_since=NOON - timedelta(minutes=1)).observed_at == NOON
    assert replace(seen, access_since=NOON).observed_at is None
    assert replace(seen, access_since=None).observed_at is None


def test_access_is_dated_from_when_it_was_first_seen_so() -> None:
    later = NOON + timedelta(hours=1)
    known = NEW.with_access("a", at=NOON)

    assert known.with_access("a", at=later) == known
    assert known.with_access(None, at=later) == known
    assert known.with_access("b", at=later).access_since == later


def test_a_field_pointed_elsewhere_forgets_what_was_seen_of_the_secret() -> None:
    moved = a_state(Verdict.RESOLVES, observations=READ, access="a", access_since=NOON).moved_to(a_reference("other"))

    assert (moved.observations, moved.access, moved.access_since) == (Observations(), None, None)
