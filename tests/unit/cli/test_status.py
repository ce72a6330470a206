"""The status: how everything stands, in one screen."""

import json
from dataclasses import replace
from datetime import timedelta

from secretwatch.domain.finding import Code, Finding, Verdict
from secretwatch.domain.state import ReferenceState, UnknownSince
from secretwatch.domain.waiver import Waiver
from secretwatch_cli.status import SHOWN, Status, status_json, status_lines
from tests.fakes import NOON, a_reference, secret_arn

MISSING = Finding(Code.JSON_KEY_MISSING, "it lacks the key", "Store it.")
WELL = ReferenceState(
    a_reference("crm"), 1, Verdict.RESOLVES, checked_at=NOON - timedelta(minutes=40), since=NOON - timedelta(days=9)
)
WAIVER = Waiver(secret_arn(), Code.ROTATION_OFF, "by hand", "alice", NOON, NOON + timedelta(days=1))


def broken(name: str, *, minutes: int = 5, waived: bool = False) -> ReferenceState:
    finding = replace(MISSING, waived_until=NOON + timedelta(days=1) if waived else None)
    since = NOON - timedelta(minutes=minutes)
    return replace(
        WELL, reference=a_reference(name), verdict=Verdict.BROKEN, findings=(finding,), since=since, checked_at=NOON
    )


def shown(*states: ReferenceState, waivers: tuple[Waiver, ...] = ()) -> list[str]:
    return [line.plain.rstrip() for line in status_lines(Status(NOON, list(states), list(waivers)))]


def test_references_are_counted_by_verdict() -> None:
    degraded = replace(WELL, verdict=Verdict.DEGRADED)

    lines = shown(WELL, WELL, degraded, broken("a"))

    assert lines[:4] == [
        "4 references, 2026-11-23 12:00:00 UTC",
        "RESOLVES  2",
        "DEGRADED  1",
        "BROKEN    1",
    ]


def test_what_is_unknown_stands_beside_the_verdicts_and_takes_none_away() -> None:
    unknown = replace(WELL, unknown=UnknownSince("DescribeSecret: AccessDeniedException", NOON))
    new = replace(WELL, verdict=None, checked_at=None, since=None)

    lines = shown(unknown, new)

    assert "RESOLVES  1" in lines
    assert "unknown   1 without a verdict so far" in lines
    assert "unknown   1 at the moment; their last verdict stands" in lines


def test_the_longest_broken_comes_first_with_its_codes_and_since_when() -> None:
    lines = shown(broken("new"), broken("old", minutes=135))

    assert lines[4:8] == [
        "BROKEN    old (OAUTH2, clientSecret), for 2 h 15 min",
        "          JSON_KEY_MISSING",
        "BROKEN    new (OAUTH2, clientSecret), for 5 min",
        "          JSON_KEY_MISSING",
    ]


def test_what_is_waived_is_counted_and_not_listed() -> None:
    lines = shown(broken("a", waived=True), waivers=(WAIVER,))

    assert "BROKEN    1" in lines
    assert not any("JSON_KEY_MISSING" in line for line in lines)
    assert "1 waivers, the next to end 2026-11-24 12:00:00 UTC" in lines


def test_however_many_are_broken_it_is_one_screen() -> None:
    lines = shown(*(broken(f"provider-{number}") for number in range(100)))

    assert len(lines) < 30
    assert f"          and {100 - SHOWN} more: secretwatch scan" in lines


def test_how_fresh_it_is_shows_by_the_oldest_check() -> None:
    assert shown(WELL, broken("a"))[-1] == "Every reference was checked since 2026-11-23 11:20:00 UTC"


def test_without_any_reference_it_says_so() -> None:
    assert shown()[0] == "0 references, 2026-11-23 12:00:00 UTC"
    assert status_json(Status(NOON, [], []))["oldestCheck"] is None


def test_a_program_gets_all_that_are_broken() -> None:
    states = [broken(f"provider-{number:02}", minutes=60 - number) for number in range(20)]

    document = json.loads(json.dumps(status_json(Status(NOON, [WELL, *states], [WAIVER]))))

    assert (document["references"], document["waivers"]) == (21, 1)
    assert document["verdicts"] == {"RESOLVES": 1, "DEGRADED": 0, "BROKEN": 20}
    assert [one["providerName"] for one in document["broken"]] == [f"provider-{number:02}" for number in range(20)]
    assert document["broken"][0]["codes"] == ["JSON_KEY_MISSING"]
    assert document["broken"][0]["since"] == "2026-11-23T11:00:00+00:00"
