"""The status: how everything stands, in one screen."""

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from secretwatch.domain.change import WholeInventory
from secretwatch.domain.finding import Code, Finding, Verdict
from secretwatch.domain.incident import Brief, Cause, IncidentState
from secretwatch.domain.state import ReferenceState, UnknownSince
from secretwatch.domain.sweep import Counted, Sweep
from secretwatch.domain.waiver import Waiver
from secretwatch_cli.status import SHOWN, Status, status_json, status_lines
from tests.fakes import ACCOUNT, NOON, REGION, a_reference, secret_arn

MISSING = Finding(Code.JSON_KEY_MISSING, "it lacks the key", "Store it.")
WELL = ReferenceState(
    a_reference("crm"), 1, Verdict.RESOLVES, checked_at=NOON - timedelta(minutes=40), since=NOON - timedelta(days=9)
)
SWEPT = Sweep(
    WholeInventory(ACCOUNT, REGION),
    started_at=NOON - timedelta(minutes=41),
    moved_at=NOON - timedelta(minutes=40),
    counts=Counter({Counted.PROVIDERS_READ: 150, Counted.REFERENCES_CHECKED: 160}),
    completed_at=NOON - timedelta(minutes=40),
)
WAIVER = Waiver(secret_arn(), Code.ROTATION_OFF, "by hand", "alice", NOON, NOON + timedelta(days=1))


def broken(name: str, *, minutes: int = 5, waived: bool = False) -> ReferenceState:
    finding = replace(MISSING, waived_until=NOON + timedelta(days=1) if waived else None)
    since = NOON - timedelta(minutes=minutes)
    return replace(
        WELL, reference=a_reference(name), verdict=Verdict.BROKEN, findings=(finding,), since=since, checked_at=NOON
    )


def an_incident(
    name: str = "crm",
    *,
    minutes: int = 5,
    severity: Verdict = Verdict.BROKEN,
    state: IncidentState = IncidentState.OPEN,
) -> Brief:
    return Brief(
        id=f"incident-{name}",
        cause=Cause(secret_arn(name)),
        state=state,
        severity=severity,
        headline=f"{name}-oauth can't get its credential",
        codes=("JSON_KEY_MISSING",),
        opened_at=NOON - timedelta(minutes=minutes),
        digest=None,
        next_at=None,
        references=2,
    )


def shown(
    *states: ReferenceState,
    waivers: tuple[Waiver, ...] = (),
    incidents: tuple[Brief, ...] = (),
    sweep: Sweep | None = SWEPT,
) -> list[str]:
    status = Status(NOON, list(states), list(waivers), list(incidents), sweep)
    return [line.plain.rstrip() for line in status_lines(status)]


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
    many = [an_incident(f"secret-{number}") for number in range(100)]

    lines = shown(*(broken(f"provider-{number}") for number in range(100)), incidents=tuple(many), waivers=(WAIVER,))

    assert len(lines) < 30
    assert "100 open incidents" in lines
    assert f"          and {100 - SHOWN} more: secretwatch status --json" in lines
    assert f"          and {100 - SHOWN} more: secretwatch scan" in lines


def test_open_incidents_are_told_the_broken_and_longest_open_first() -> None:
    late = an_incident("late", minutes=600, severity=Verdict.DEGRADED)
    over = an_incident("over", state=IncidentState.RESOLVED)

    lines = shown(incidents=(late, an_incident("new"), over, an_incident("old", minutes=90)))

    assert lines[4:8] == [
        "3 open incidents",
        "BROKEN    old-oauth can't get its credential, for 1 h 30 min: JSON_KEY_MISSING",
        "BROKEN    new-oauth can't get its credential, for 5 min: JSON_KEY_MISSING",
        "DEGRADED  late-oauth can't get its credential, for 10 h 0 min: JSON_KEY_MISSING",
    ]


RUNNING = replace(SWEPT, completed_at=None)
UNCHECKED = Counter({**SWEPT.counts, Counted.REFERENCES_UNCHECKED: 2})


@pytest.mark.parametrize(
    ("sweep", "told"),
    [
        pytest.param(None, ["No sweep so far"], id="none"),
        pytest.param(
            SWEPT,
            ["Last sweep: completed 2026-11-23 11:20:00 UTC, took 60 s: 150 providers read, 160 references checked"],
            id="completed",
        ),
        pytest.param(
            RUNNING,
            ["A sweep runs since 2026-11-23 11:19:00 UTC: 150 providers read, 160 references checked so far"],
            id="running",
        ),
        pytest.param(
            replace(RUNNING, started_at=NOON - timedelta(days=1)),
            ["The sweep that began 2026-11-22 12:00:00 UTC was given up: 150 providers read, 160 references checked"],
            id="given up",
        ),
        pytest.param(
            replace(SWEPT, counts=UNCHECKED, failures=("ListGateways: AccessDeniedException",)),
            [
                "Last sweep: completed 2026-11-23 11:20:00 UTC, took 60 s: 150 providers read, 160 references checked",
                "unknown   2 references were not checked by it",
                "unknown   it could not list everything: ListGateways: AccessDeniedException",
            ],
            id="not of everything",
        ),
    ],
)
def test_the_sweep_that_runs_or_ran_last_is_told_with_what_it_left_out(sweep: Sweep | None, told: list[str]) -> None:
    assert shown(sweep=sweep)[4:] == told


def test_how_fresh_it_is_shows_by_the_oldest_check() -> None:
    assert shown(WELL, broken("a"))[-1] == "Every reference was checked since 2026-11-23 11:20:00 UTC"


def test_without_any_reference_it_says_so() -> None:
    assert shown()[0] == "0 references, 2026-11-23 12:00:00 UTC"
    assert status_json(Status(NOON, [], []))["oldestCheck"] is None


def test_a_program_gets_all_that_are_broken() -> None:
    states = [broken(f"provider-{number:02}", minutes=60 - number) for number in range(20)]

    status = Status(NOON, [WELL, *states], [WAIVER], [an_incident()], SWEPT)

    document = json.loads(json.dumps(status_json(status)))

    assert (document["references"], document["waivers"]) == (21, 1)
    assert document["verdicts"] == {"RESOLVES": 1, "DEGRADED": 0, "BROKEN": 20}
    assert [one["providerName"] for one in document["broken"]] == [f"provider-{number:02}" for number in range(20)]
    assert document["broken"][0]["codes"] == ["JSON_KEY_MISSING"]
    assert document["broken"][0]["since"] == "2026-11-23T11:00:00+00:00"
    assert document["incidents"] == [
        {
            "incident_id": "incident-crm",
            "severity": "BROKEN",
            "cause": {"kind": "SECRET", "subject": secret_arn("crm")},
            "headline": "crm-oauth can't get its credential",
            "codes": ["JSON_KEY_MISSING"],
            "references": 2,
            "openedAt": "2026-11-23T11:55:00+00:00",
        }
    ]
    assert document["sweep"]["completedAt"] == "2026-11-23T11:20:00+00:00"
    assert document["sweep"]["durationSeconds"] == 60
    assert (document["sweep"]["counts"]["providersRead"], document["sweep"]["counts"]["broken"]) == (150, 0)


def test_a_sweep_that_runs_has_no_duration_yet() -> None:
    running = status_json(Status(NOON, [], [], [], RUNNING))["sweep"]

    assert (running["completedAt"], running["durationSeconds"]) == (None, None)
    assert status_json(Status(NOON, [], []))["sweep"] is None
