"""What people and programs see of onboardings, and where a decision about one goes."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.httpsession import URLLib3Session

from secretwatch.domain.onboarding.news import awaiting, started
from secretwatch.domain.onboarding.onboarding import (
    Approval,
    Execution,
    Offboarding,
    Onboarding,
    Pointer,
    Shown,
    Status,
)
from secretwatch.domain.onboarding.request import Problem, read_request
from secretwatch.domain.reference import ProviderKind, ProviderName
from secretwatch.domain.repair.plan import Kind
from secretwatch_cli.decisions import ONBOARDINGS, Decisions
from secretwatch_cli.display.onboarding import onboarding_json, onboarding_lines, open_json, open_lines
from secretwatch_cli.failures import Unable
from secretwatch_cli.stack import Stack
from secretwatch_cli.status import Status as Whole
from secretwatch_cli.status import status_json, status_lines
from secretwatch_cli.underway import UnderWay, waiting
from tests.fakes import ACCOUNT, NOON, REGION, secret_arn
from tests.unit.onboarding.world import a_custom

SECRET = secret_arn("agents/crm")
TEAM, ALICE = (f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/x" for role in ("team", "alice"))
URL = "https://def.lambda-url.eu-west-1.on.aws/"
STATEMENT = {
    "Sid": "SecretwatchAgentCoreRead",
    "Effect": "Allow",
    "Principal": {"Service": "bedrock-agentcore.amazonaws.com"},
    "Action": "secretsmanager:GetSecretValue",
    "Resource": "*",
}
GRANT = Shown(
    Kind.SECRET, SECRET, SECRET, None, json.dumps({"Statement": [STATEMENT]}), STATEMENT, "AgentCore may not read it."
)


def an_onboarding(id_: str = "o-abc-1", *, at: datetime = NOON, **others: Any) -> Onboarding:
    execution = Execution(f"arn:aws:states:{REGION}:{ACCOUNT}:execution:OnboardSecret:{id_}", id_, at)
    return replace(Onboarding(execution, ACCOUNT, REGION, kind=ProviderKind.OAUTH2, name="crm", owner="Blue"), **others)


TOKEN = "token-of-the-task"
WAITING = an_onboarding(
    status=Status.AWAITING_APPROVAL,
    pointers=(Pointer("clientSecret", SECRET, "client_secret"),),
    plans=(GRANT,),
    warnings=("Its last rotation failed.",),
    requested_by=TEAM,
    approval=Approval(True, "No tag of the secret names it.", timedelta(days=3), TOKEN, NOON + timedelta(days=3)),
)
LEAVING = Offboarding(
    Execution(f"arn:aws:states:{REGION}:{ACCOUNT}:execution:OffboardProvider:off-abc-1", "off-abc-1", NOON),
    ProviderName(ACCOUNT, REGION, ProviderKind.API_KEY, "weather"),
)


def text(lines: Any) -> str:
    return "\n".join(str(line) for line in lines)


def test_whoever_approves_sees_whose_it_is_which_secret_and_the_change() -> None:
    shown = text(onboarding_lines(WAITING))

    assert 'OAUTH2 provider crm, said to be of "Blue"' in shown
    assert f"clientSecret: {SECRET}, JSON key client_secret" in shown
    assert f"Asked by {TEAM}" in shown
    assert "No tag of the secret names it." in shown
    assert '+      "Sid": "SecretwatchAgentCoreRead"' in shown
    assert "warning   Its last rotation failed." in shown


def test_whoever_approves_sees_where_the_credential_is_sent() -> None:
    request = read_request(a_custom(server="https://evil.example.com"))
    assert not isinstance(request, list)

    shown = text(onboarding_lines(replace(WAITING.asking(request), approval=WAITING.approval)))

    assert "The credential is for CustomOauth2." in shown
    assert "tokenEndpoint: https://evil.example.com/token" in shown


def test_who_asked_is_said_even_while_nobody_knows() -> None:
    assert "AWS has not named yet" in text(onboarding_lines(replace(WAITING, requested_by=None)))


def test_what_came_of_it_is_told() -> None:
    done = an_onboarding(status=Status.SUCCEEDED, provider_arn="arn:p", created=False, callback_url="https://back")
    failed = an_onboarding(
        status=Status.ROLL_BACK_FAILED,
        problems=(Problem("name", "is missing", "Add it."),),
        failed_step="Inspect",
        error="RequestRefused",
        message="see above",
        notes=("The statement stays.",),
        left=("the provider could not be deleted",),
    )

    assert "arn:p (it was there before)" in text(onboarding_lines(done))
    assert "Register this URL at the vendor: https://back" in text(onboarding_lines(done))
    for told in (
        "refused   name is missing",
        "What to do: Add it.",
        "at Inspect (RequestRefused)",
        "stays.",
        "deleted",
    ):
        assert told in text(onboarding_lines(failed))


def test_a_decision_is_told_with_who_and_why() -> None:
    approval = replace(WAITING.approval, decided_by=ALICE, decided_at=NOON)  # type: ignore[type-var]

    assert f"2026-11-23 12:00:00 UTC: {ALICE} approved it." in text(
        onboarding_lines(replace(WAITING, approval=approval))
    )
    rejected = replace(WAITING, approval=replace(approval, rejected=f"{ALICE} rejected it: not yours"))  # type: ignore[type-var]
    assert f"12:00:00 UTC: {ALICE} rejected it: not yours" in text(onboarding_lines(rejected))


def test_those_that_wait_come_first() -> None:
    runs = an_onboarding("o-runs-1", at=NOON - timedelta(hours=1))

    shown = text(open_lines(UnderWay([runs, WAITING]), at=NOON))

    assert shown.index("o-abc-1") < shown.index("o-runs-1")
    assert text(open_lines(UnderWay(), at=NOON)) == "No onboarding is under way."


def test_what_was_stopped_is_told_so_with_what_to_do_about_it() -> None:
    cut = UnderWay(offboardings=[LEAVING], stopped=[WAITING, replace(LEAVING, execution=WAITING.execution)])

    lines = text(open_lines(cut, at=NOON)).splitlines()
    document = json.loads(json.dumps(open_json(cut)))

    assert lines[0].startswith("off-abc-1 RUNNING")
    assert [line for line in lines if "STOPPED" in line] == ["o-abc-1 STOPPED, begun 2026-11-23 12:00:00 UTC"] * 2
    assert (
        "          It was stopped, or could not tell its end, and what it did may stand: start it again"
        in "\n".join(lines)
    )
    assert "          It was stopped, or could not tell its end: start it again, and it goes on" in "\n".join(lines)
    assert "secretwatch approve" not in str(lines)
    assert "Waits for somebody" not in str(lines)
    assert [one["status"] for one in document["onboardings"]] == ["STOPPED"]
    assert [one["status"] for one in document["offboardings"]] == ["RUNNING", "STOPPED"]
    assert "STOPPED" in text(onboarding_lines(WAITING, stopped=True))
    assert onboarding_json(WAITING, stopped=True)["status"] == "STOPPED"


def test_the_token_that_answers_for_a_person_is_shown_to_nobody() -> None:
    status = Whole(NOON, [], [], under_way=UnderWay([WAITING]))
    shown = [
        text(onboarding_lines(WAITING)),
        text(open_lines(UnderWay([WAITING]), at=NOON)),
        text(status_lines(status)),
        json.dumps(onboarding_json(WAITING)),
        json.dumps(open_json(UnderWay([WAITING]))),
        json.dumps(status_json(status)),
        *(json.dumps([tell(WAITING, NOON).detail(), tell(WAITING, NOON).message]) for tell in (started, awaiting)),
    ]

    assert WAITING.approval is not None
    assert WAITING.approval.token == TOKEN
    assert not [one for one in shown if TOKEN in one]


def test_a_program_gets_the_same_but_never_the_request() -> None:
    asked = {"clientId": "id"}
    document = json.loads(json.dumps(onboarding_json(replace(WAITING, asked=asked))))

    assert document["status"] == "AWAITING_APPROVAL"
    assert document["references"] == [{"field": "clientSecret", "secretArn": SECRET, "jsonKey": "client_secret"}]
    assert document["approval"]["plans"][0]["resource"] == SECRET
    assert "clientId" not in json.dumps(document)


def test_the_status_shows_what_waits_and_what_runs() -> None:
    runs = an_onboarding("o-runs-1")
    cut = an_onboarding("o-cut-1")
    status = Whole(NOON, [], [], under_way=UnderWay([runs, WAITING], [LEAVING], [cut]))

    shown = text(status_lines(status))

    assert "2 onboardings under way, 1 wait for a person: secretwatch onboardings" in shown
    assert "crm: secretwatch approve o-abc-1" in shown
    assert "          crm runs since 2026-11-23 12:00:00 UTC" in shown.splitlines()
    assert "1 offboardings under way\n          weather runs since 2026-11-23 12:00:00 UTC" in shown
    assert "1 were stopped half-way: secretwatch onboardings" in shown
    assert status_json(status)["onboardings"] == {
        "underWay": ["o-runs-1", "o-abc-1"],
        "waiting": ["o-abc-1"],
        "stopped": ["o-cut-1"],
    }
    assert status_json(status)["offboardings"] == {"underWay": ["off-abc-1"], "stopped": []}
    assert "onboarding" not in text(status_lines(Whole(NOON, [], [])))


def test_who_has_waited_longest_is_asked_about_first() -> None:
    earlier = replace(WAITING, execution=replace(WAITING.execution, name="o-x-1", started_at=NOON - timedelta(hours=1)))

    assert [one.id for one in waiting([WAITING, an_onboarding("o-runs-1"), earlier], at=NOON)] == ["o-x-1", "o-abc-1"]


def test_nobody_is_asked_about_what_is_too_late_to_approve() -> None:
    assert waiting([WAITING], at=NOON + timedelta(days=3)) == []
    assert f"approve {WAITING.id}" not in text(
        status_lines(Whole(NOON + timedelta(days=3), [], [], under_way=UnderWay([WAITING])))
    )


class Answer:
    def __init__(self, status_code: int, text: str) -> None:
        self.status_code = status_code
        self.text = text


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (403, '{"Message": "Forbidden"}', "lambda:InvokeFunctionUrl on DecideOnboarding"),
        (403, '{"__type": "AccessDeniedException", "message": "No."}', "lambda:InvokeFunctionUrl on DecideOnboarding"),
        (502, "Internal Server Error", "answered 502, and not as DecideOnboarding does"),
        (403, '{"message": "Nobody approves an onboarding of their own."}', "of their own"),
        (409, '{"message": "AWS has not said yet who started it."}', "not said yet"),
    ],
)
def test_a_decision_goes_to_its_own_url_and_a_no_is_told_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, status: int, body: str, says: str
) -> None:
    sent: list[Any] = []
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)

    def send(_self: URLLib3Session, request: Any) -> Answer:
        sent.append(request)
        return Answer(status, body)

    monkeypatch.setattr(URLLib3Session, "send", send)
    stack = Stack("s", f"arn:aws:cloudformation:{REGION}:1:stack/s/1", {"OnboardingDecisionsUrl": URL}, {}, {})

    with pytest.raises(Unable, match=says):
        Decisions(stack, None, ONBOARDINGS).ask("approve", id="o-abc-1")

    assert sent[0].url == URL
