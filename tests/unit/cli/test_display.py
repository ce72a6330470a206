"""What people and programs read."""

from dataclasses import replace
from datetime import timedelta

import pytest
from rich.text import Text

from secretwatch.domain.finding import Code, Finding, Verdict
from secretwatch.domain.observed import Observations, ObservedRead
from secretwatch.domain.state import ReferenceState, UnknownSince
from secretwatch_cli import display
from secretwatch_cli.check import Answer
from secretwatch_cli.display.answer import answer_json, answer_lines
from secretwatch_cli.display.health import result_lines
from secretwatch_cli.result import Health, Result
from tests.fakes import NOON, a_reference, secret_arn

FINDING = Finding(Code.JSON_KEY_MISSING, "it lacks JSON key `[key]`", "Roll back.", f"aws undo {'x' * 200}")
BROKEN = ReferenceState(
    a_reference(),
    version=3,
    verdict=Verdict.BROKEN,
    findings=(FINDING,),
    unknown=UnknownSince("DescribeSecret: ThrottlingException", NOON),
    checked_at=NOON,
)


def plain(lines: list[Text]) -> list[str]:
    return [line.plain.strip() for line in lines]


def test_a_broken_reference_says_what_is_wrong_what_to_do_and_what_is_unknown_beside_it() -> None:
    assert plain(list(answer_lines(Answer([BROKEN])))) == [
        "BROKEN    crm-oauth (OAUTH2, clientSecret), checked 2026-11-23 12:00:00 UTC",
        secret_arn(),
        "JSON_KEY_MISSING (BROKEN): it lacks JSON key `[key]`.",
        "What to do: Roll back.",
        FINDING.command,
        "Unknown since 2026-11-23 12:00:00 UTC: DescribeSecret: ThrottlingException.",
    ]


def test_a_finding_that_is_waived_says_until_when() -> None:
    waived = replace(BROKEN, findings=(replace(FINDING, waived_until=NOON),))

    lines = plain(list(answer_lines(Answer([waived]))))

    assert "JSON_KEY_MISSING (BROKEN, waived until 2026-11-23 12:00:00 UTC): it lacks JSON key `[key]`." in lines
    assert answer_json(Answer([waived]), "crm")["references"][0]["findings"][0]["waivedUntil"] == NOON.isoformat()


def test_what_agentcore_itself_was_seen_to_read_is_said_to_be_observed() -> None:
    read = ObservedRead(NOON)
    seen = replace(BROKEN, access_since=NOON - timedelta(days=1), observations=Observations(read=read))

    first, *_ = plain(list(answer_lines(Answer([seen]))))

    assert first.endswith("checked 2026-11-23 12:00:00 UTC, observed 2026-11-23 12:00:00 UTC")
    assert answer_json(Answer([seen]), "crm")["references"][0]["evidence"] == "observed"


def test_a_reference_that_was_never_checked_says_so() -> None:
    first, _ = plain(list(answer_lines(Answer([ReferenceState(a_reference())]))))

    assert first == "unknown   crm-oauth (OAUTH2, clientSecret), not checked yet"


def test_json_holds_the_same_under_the_names_of_the_bus() -> None:
    document = answer_json(Answer([BROKEN, replace(BROKEN, unknown=None)], unchecked=1), "agents/crm")

    first, second = document["references"]
    assert (document["asked"], document["unchecked"]) == ("agents/crm", 1)
    assert first["verdict"] == "BROKEN"
    assert first["findings"][0]["code"] == "JSON_KEY_MISSING"
    assert first["unknown"] == {"reason": "DescribeSecret: ThrottlingException", "since": "2026-11-23T12:00:00+00:00"}
    assert second["unknown"] is None


def test_a_result_says_its_check_its_health_and_what_to_do() -> None:
    result = Result("rules", Health.PROBLEM, "A rule is disabled.", "Enable it.", "aws events enable-rule")

    assert plain(list(result_lines([result]))) == [
        "problem   rules: A rule is disabled.",
        "What to do: Enable it.",
        "aws events enable-rule",
    ]


def test_a_long_command_stays_one_line_and_brackets_stay_brackets(capsys: pytest.CaptureFixture[str]) -> None:
    display.print_lines(answer_lines(Answer([BROKEN])))

    written = capsys.readouterr().out
    assert f"aws undo {'x' * 200}\n" in written
    assert "`[key]`" in written
