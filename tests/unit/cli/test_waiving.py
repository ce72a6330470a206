"""Nothing is waived without an end, a reason and an author."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from secretwatch.domain.finding import Code
from secretwatch.domain.waiver import Waiver
from secretwatch_cli.app import app
from secretwatch_cli.failures import Misused
from secretwatch_cli.waiving import LONGEST, in_force, read_duration, read_reason, waiver_lines, waivers_json
from tests.fakes import NOON, secret_arn

AUTHOR = "arn:aws:sts::111122223333:assumed-role/operators/alice"


def a_waiver(reason: str = "The vendor rotates it.", days: int = 30) -> Waiver:
    return Waiver(secret_arn(), Code.ROTATION_OFF, reason, AUTHOR, NOON, NOON + timedelta(days=days))


@pytest.mark.parametrize(
    ("text", "duration"),
    [("30d", timedelta(days=30)), ("2h", timedelta(hours=2)), ("365d", LONGEST), ("8760h", LONGEST)],
)
def test_a_time_is_given_in_days_or_hours(text: str, duration: timedelta) -> None:
    assert read_duration(text) == duration


@pytest.mark.parametrize("text", ["", "30", "d", "1w", "-1d", "0d", "0h", "366d", "8761h", "1.5d", "forever", "٣d"])
def test_no_time_too_short_and_too_long_are_refused(text: str) -> None:
    with pytest.raises(Misused):
        read_duration(text)


@given(st.text())
def test_a_time_is_never_longer_than_a_year(text: str) -> None:
    try:
        duration = read_duration(text)
    except Misused:
        return
    assert timedelta(0) < duration <= LONGEST


@pytest.mark.parametrize("reason", ["", " \n", "x" * 501])
def test_a_reason_that_says_nothing_or_too_much_is_refused(reason: str) -> None:
    with pytest.raises(Misused, match="--reason"):
        read_reason(reason)


def test_a_reason_is_kept_in_one_line() -> None:
    assert read_reason("two\n lines ") == "two lines"


@pytest.mark.parametrize(
    ("code", "lasts", "reason"), [("NO_CODE", "30d", "why"), ("ROTATION_OFF", "30", "why"), ("ROTATION_OFF", "30d", "")]
)
def test_what_is_wrong_with_a_waiver_is_told_before_aws_is_asked(code: str, lasts: str, reason: str) -> None:
    place = ["--profile", "no-such-profile"]

    result = CliRunner().invoke(app, [*place, "waive", "agents/crm", code, "--for", lasts, "--reason", reason])

    assert result.exit_code == 2


def test_what_has_ended_is_listed_no_more_though_the_registry_still_has_it() -> None:
    later, sooner, ended = a_waiver(days=30), a_waiver(days=2), replace(a_waiver(), expires_at=NOON)

    assert in_force([later, ended, sooner], at=NOON) == [sooner, later]


def test_people_and_programs_read_who_lives_with_what_until_when_and_why() -> None:
    lines = [line.plain.strip() for line in waiver_lines([a_waiver()])]

    assert lines == [
        "ROTATION_OFF until 2026-12-23 12:00:00 UTC",
        secret_arn(),
        f"The vendor rotates it. ({AUTHOR}, 2026-11-23 12:00:00 UTC)",
    ]
    assert waivers_json([a_waiver()]) == {
        "waivers": [
            {
                "subject": secret_arn(),
                "code": "ROTATION_OFF",
                "reason": "The vendor rotates it.",
                "author": AUTHOR,
                "createdAt": "2026-11-23T12:00:00+00:00",
                "until": "2026-12-23T12:00:00+00:00",
            }
        ]
    }
