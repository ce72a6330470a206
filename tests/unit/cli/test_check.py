"""A check is over when every reference was checked after it was asked for, or when time is up."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from secretwatch.domain.finding import Code, Finding, Verdict
from secretwatch.domain.reference import Reference
from secretwatch.domain.secret import SecretId
from secretwatch.domain.state import ReferenceState, UnknownSince
from secretwatch_cli.check import Answer, check_anew, look_up
from secretwatch_cli.exits import Exit, FailOn
from secretwatch_cli.failures import Unable
from secretwatch_cli.target import Target, Targets
from tests.fakes import (
    EVERYTHING,
    NOON,
    InMemoryProviderRecords,
    InMemoryReferences,
    SentRequests,
    a_reference,
    secret_arn,
)

CRM = SecretId.of_arn(secret_arn())
FIRST, SECOND = a_reference("crm-a"), a_reference("crm-b")


def a_state(reference: Reference = FIRST, **parts: Any) -> ReferenceState:
    """A reference that resolved at noon, unless said otherwise."""
    resolves = ReferenceState(reference, version=1, verdict=Verdict.RESOLVES, checked_at=NOON)
    return replace(resolves, **parts)


class Patience:
    """A clock that moves by a second a pause, in which the next thing happens."""

    def __init__(self, references: InMemoryReferences, *happenings: ReferenceState | None) -> None:
        self.references, self.happenings, self.now = references, list(happenings), 0.0

    def clock(self) -> float:
        return self.now

    def pause(self, _seconds: float) -> None:
        self.now += 1
        if self.happenings and (state := self.happenings.pop(0)):
            self.references.states[state.reference] = state


def stored(*states: ReferenceState) -> InMemoryReferences:
    references = InMemoryReferences()
    references.states = {state.reference: state for state in states}
    return references


def checked(state: ReferenceState, verdict: Verdict = Verdict.RESOLVES) -> ReferenceState:
    """The state after one more check."""
    assert state.checked_at
    return replace(
        state, version=state.version + 1, verdict=verdict, checked_at=state.checked_at + timedelta(minutes=1)
    )


def target(references: InMemoryReferences, text: str = secret_arn()) -> Target:
    return Targets(references, InMemoryProviderRecords(references), EVERYTHING).find(text)


def ask(references: InMemoryReferences, *happenings: ReferenceState | None, timeout: float = 5) -> Answer:
    patience = Patience(references, *happenings)
    return check_anew(target(references), SentRequests(), timeout=timeout, clock=patience.clock, pause=patience.pause)


def test_what_is_stored_is_shown_in_order() -> None:
    answer = look_up(target(stored(a_state(SECOND), a_state(FIRST))))

    assert answer == Answer([a_state(FIRST), a_state(SECOND)])


def test_a_secret_that_nobody_references_cannot_be_told_about() -> None:
    with pytest.raises(Unable, match="is called agents/other, or references"):
        look_up(target(stored(a_state()), "agents/other"))


def test_each_secret_is_asked_for_once() -> None:
    recreated = a_reference("crm-c", secret=secret_arn(suffix="Zz9Yy8"))
    references, requests = stored(a_state(FIRST), a_state(SECOND), a_state(recreated)), SentRequests()

    check_anew(target(references, "agents/crm"), requests, timeout=0)

    assert requests.subjects == [CRM, recreated.secret]


def test_an_answer_waits_for_every_reference() -> None:
    first, second = checked(a_state(FIRST)), checked(a_state(SECOND), Verdict.BROKEN)

    answer = ask(stored(a_state(FIRST), a_state(SECOND)), first, None, second)

    assert answer == Answer([first, second])


def test_progress_is_told_at_every_look() -> None:
    references, told = stored(a_state(FIRST), a_state(SECOND)), list[tuple[int, int]]()
    patience = Patience(references, checked(a_state(FIRST)), checked(a_state(SECOND)))

    check_anew(
        target(references),
        SentRequests(),
        timeout=5,
        progress=lambda done, of: told.append((done, of)),
        clock=patience.clock,
        pause=patience.pause,
    )

    assert told == [(0, 2), (1, 2), (2, 2)]


def test_what_was_not_checked_in_time_shows_what_stood_before() -> None:
    second = checked(a_state(SECOND))

    answer = ask(stored(a_state(FIRST), a_state(SECOND)), second)

    assert answer == Answer([a_state(FIRST), second], unchecked=1)


def test_a_provider_that_is_pointed_elsewhere_meanwhile_is_not_checked_by_that() -> None:
    moved = replace(a_state(), version=2)

    assert ask(stored(a_state()), moved).unchecked == 1


def test_a_reference_that_is_new_meanwhile_is_waited_for() -> None:
    fresh = ReferenceState(SECOND)
    first, second = checked(a_state(FIRST)), replace(fresh, version=1, verdict=Verdict.RESOLVES, checked_at=NOON)
    references = stored(a_state(FIRST), fresh)

    assert ask(references, first).unchecked == 1
    assert ask(references, checked(first), second).unchecked == 0


def test_a_secret_that_is_no_longer_referenced_meanwhile_cannot_be_told_about() -> None:
    references = stored(a_state())

    with pytest.raises(Unable, match="No provider"):
        check_anew(
            target(references),
            SentRequests(),
            timeout=5,
            clock=lambda: 0,
            pause=lambda _seconds: references.states.clear(),
            progress=lambda _checked, _of: None,
        )


UNKNOWN = UnknownSince("DescribeSecret: AccessDeniedException", NOON)
QUIET = UnknownSince("GetSecretValue: AccessDeniedException", NOON, quiet=True)
MISSING, UNTAGGED = (Finding(code, "it lacks it", "Add it.") for code in (Code.JSON_KEY_MISSING, Code.TAG_MISSING))


def broken(*findings: Finding) -> ReferenceState:
    return a_state(verdict=Verdict.BROKEN, findings=findings or (MISSING,))


DEGRADED = a_state(verdict=Verdict.DEGRADED, findings=(UNTAGGED,))
WAIVED = broken(replace(MISSING, waived_until=NOON), UNTAGGED)


@pytest.mark.parametrize(
    ("answer", "fail_on", "status"),
    [
        pytest.param(Answer([a_state()]), "broken", Exit.WELL, id="resolves"),
        pytest.param(Answer([a_state(), broken()]), "broken", Exit.FINDINGS, id="one broken is enough"),
        pytest.param(Answer([a_state(), DEGRADED]), "broken", Exit.WELL, id="degraded is below"),
        pytest.param(Answer([a_state(), DEGRADED]), "degraded", Exit.FINDINGS, id="or not"),
        pytest.param(Answer([broken()]), "never", Exit.WELL, id="nobody wants to know"),
        pytest.param(Answer([WAIVED]), "broken", Exit.WELL, id="what is waived does not count"),
        pytest.param(Answer([WAIVED]), "degraded", Exit.FINDINGS, id="what is not waived still does"),
        pytest.param(Answer([a_state(unknown=UNKNOWN)]), "broken", Exit.UNKNOWN, id="an old verdict beside unknown"),
        pytest.param(Answer([a_state(unknown=UNKNOWN)]), "never", Exit.UNKNOWN, id="unknown is no finding"),
        pytest.param(Answer([a_state(unknown=QUIET)]), "broken", Exit.WELL, id="unknown, and meant to be"),
        pytest.param(Answer([a_state(verdict=None)]), "broken", Exit.UNKNOWN, id="never judged"),
        pytest.param(
            Answer([a_state(verdict=None, unknown=QUIET)]), "broken", Exit.WELL, id="never judged, and meant to be"
        ),
        pytest.param(Answer([broken(), a_state(unknown=UNKNOWN)]), "broken", Exit.FINDINGS, id="broken tells more"),
        pytest.param(Answer([a_state()], unchecked=1), "broken", Exit.UNKNOWN, id="not checked in time"),
        pytest.param(Answer([broken()], unchecked=1), "broken", Exit.FINDINGS, id="not checked, but known as broken"),
    ],
)
def test_the_exit_status_says_what_the_answer_means(answer: Answer, fail_on: str, status: Exit) -> None:
    assert answer.exit_status(FailOn(fail_on)) == status
