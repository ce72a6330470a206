"""What people and programs see of repairs, and what of them is sent in whose name."""

import csv
import io
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.httpsession import URLLib3Session

from secretwatch.domain.repair.repair import Breaker, Repair, Standing
from secretwatch.domain.repair.rules import Mode
from secretwatch_cli.changes import since, standing
from secretwatch_cli.decisions import Decisions
from secretwatch_cli.display.repairs import (
    COLUMNS,
    change_lines,
    changes_json,
    plan_lines,
    waiting_json,
    waiting_lines,
    write_changes,
)
from secretwatch_cli.failures import Misused, Unable
from secretwatch_cli.stack import Stack
from secretwatch_cli.status import RepairStatus, Status, bounds_of, status_json, status_lines
from tests.fakes import NOON, secret_arn
from tests.unit.repair.world import ALICE, World

URL = "https://abc.lambda-url.eu-west-1.on.aws/"
STACK = Stack("secretwatch", "arn:aws:cloudformation:eu-west-1:1:stack/s/1", {"DecisionsUrl": URL}, {}, {})


def a_plan() -> Repair:
    world = World(Mode.PROPOSE)
    (repair,) = world.consider()
    return repair


def worlds_audits() -> World:
    world = World(Mode.ENFORCE)
    world.consider()
    return world


def text(lines: Any) -> str:
    return "\n".join(str(line) for line in lines)


def test_a_plan_is_shown_with_its_difference_its_decisions_and_the_statement_in_three_languages() -> None:
    shown = text(plan_lines(a_plan()))

    assert '+      "Sid": "SecretwatchAgentCoreRead",' in shown
    assert "DENIED_IMPLICIT -> ALLOWED" in shown
    assert "Nobody else" in shown
    for language in ("JSON:", 'sid       = "SecretwatchAgentCoreRead"', "- Sid: "):
        assert language in shown


def test_what_waits_is_listed_with_what_is_left_alone_and_why() -> None:
    rest = Standing(secret_arn("agents/erp"), paused_at=NOON, paused_by=ALICE)
    repair, breaker = a_plan(), Breaker(tripped_at=NOON, reason="12 of 40 secrets asked for a repair")

    shown = text(waiting_lines([repair], [rest], breaker))
    document = json.loads(json.dumps(waiting_json([repair], [rest], breaker)))

    assert repair.id in shown
    assert "agents/erp" in shown
    assert "12 of 40" in shown
    assert [one["id"] for one in document["repairs"]] == [repair.id]
    assert (document["atRest"][0]["resource"], "12 of 40" in document["stopped"]) == (rest.resource, True)


def test_where_nothing_waits_that_is_said() -> None:
    assert text(waiting_lines([], [], Breaker())) == "No repair waits for anybody."


def test_the_history_tells_who_when_why_and_the_difference_as_text_json_and_csv() -> None:
    audits = worlds_audits().repairs.audits
    out = io.StringIO()

    shown, document = text(change_lines(audits)), changes_json(audits)
    write_changes([replace(audits[0], note="=cmd()")], out)
    rows = list(csv.DictReader(io.StringIO(out.getvalue())))

    assert "CloudTrail request id: request-1" in shown
    assert document["changes"][0]["requestId"] == "request-1"
    assert tuple(rows[0]) == COLUMNS
    assert (rows[0]["note"], rows[0]["request_id"]) == ("'=cmd()", "request-1")


def test_the_history_begins_when_one_says() -> None:
    audits = worlds_audits().repairs.audits

    assert since(audits, NOON) == audits
    assert since(audits, NOON + timedelta(seconds=1)) == []


def test_only_statements_that_are_in_the_policy_now_stand() -> None:
    world = worlds_audits()

    assert standing(world.repairs.audits, lambda _, arn: world.policy) == world.repairs.audits
    assert standing(world.repairs.audits, lambda _, arn: None) == []
    assert standing(world.repairs.audits, lambda _, arn: "no policy") == []


def test_status_shows_what_waits_and_within_which_bounds() -> None:
    bounds = bounds_of({"RepairMode": "propose", "BreakerSecrets": "10", "AlertEmail": "x", "IacTags": "t"})
    status = Status(NOON, [], [], repairs=RepairStatus(2, 1, "all repairs are paused by alice", bounds))

    shown = text(status_lines(status))

    assert "2 repairs wait for a person, 1 are at rest" in shown
    assert "paused by alice" in shown
    assert "BreakerSecrets=10, IacTags=t, RepairMode=propose" in shown
    assert status_json(status)["repairs"]["bounds"] == bounds


# --- what is sent ---


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The URL's answer, and the request that it got."""
    seen: dict[str, Any] = {"status": 202, "text": '{"message": "It is approved."}'}

    def send(_: URLLib3Session, request: Any) -> Any:
        seen["request"] = request
        return type("Answer", (), {"status_code": seen["status"], "text": seen["text"]})

    monkeypatch.setattr(URLLib3Session, "send", send)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made up")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    return seen


def test_a_decision_is_signed_for_lambda_in_the_stack_s_region(answered: dict[str, Any]) -> None:
    message = Decisions(STACK, None).ask("approve", id="r-1")

    assert message == "It is approved."
    request = answered["request"]
    assert (request.method, request.url, json.loads(request.body)) == ("POST", URL, {"wish": "approve", "id": "r-1"})
    assert "/eu-west-1/lambda/aws4_request" in str(request.headers["Authorization"])


@pytest.mark.parametrize(
    ("status", "text", "failure", "says"),
    [
        (403, '{"Message": "Forbidden"}', Unable, "lambda:InvokeFunctionUrl"),
        (409, '{"message": "It is applied already."}', Unable, "applied already"),
        (404, '{"message": "There is no such repair."}', Unable, "no such repair"),
        (400, '{"message": "Say what."}', Misused, "Say what"),
        (502, "Bad gateway", Unable, "502"),
    ],
)
def test_what_is_not_granted_is_told_with_its_reason(
    answered: dict[str, Any], status: int, text: str, failure: type[Exception], says: str
) -> None:
    answered |= {"status": status, "text": text}

    with pytest.raises(failure, match=says):
        Decisions(STACK, None).ask("approve", id="r-1")


def test_an_older_stack_has_nowhere_to_decide() -> None:
    with pytest.raises(Unable, match="DecisionsUrl"):
        Decisions(replace(STACK, outputs={}), None)
