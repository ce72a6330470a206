"""What is under way, as the commands tell and decide it: the Registry on moto, held against the executions."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.httpsession import URLLib3Session
from typer.testing import CliRunner, Result

from secretwatch.adapters.dynamodb import DynamoDbOnboardings
from secretwatch.domain.onboarding.onboarding import Approval, Execution, Offboarding, Onboarding, Pointer, Status
from secretwatch.domain.reference import ProviderKind, ProviderName
from secretwatch_cli.app import app
from secretwatch_cli.invocation import Place
from secretwatch_cli.stack import Stack
from tests.contract.registry import TABLE, on_moto
from tests.contract.stubs import MakeStub, Stub
from tests.fakes import ACCOUNT, REGION, secret_arn

REPAIRS, ONBOARDINGS = "https://repairs.lambda-url.example/", "https://onboardings.lambda-url.example/"
STACK = Stack(
    name="secretwatch",
    arn=f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/secretwatch/1",
    outputs={
        "RegistryTable": TABLE,
        "SweepQueueUrl": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/sweep",
        "DecisionsUrl": REPAIRS,
        "OnboardingDecisionsUrl": ONBOARDINGS,
    },
    parameters={},
    resources={},
)
NOW = datetime.now(UTC)
APPROVAL = Approval(True, "No tag names it.", timedelta(days=3), "token", NOW + timedelta(days=3))


def an_execution(id_: str, minutes: int = 0) -> Execution:
    return Execution(f"arn:aws:states:{REGION}:{ACCOUNT}:execution:w:{id_}", id_, NOW + timedelta(minutes=minutes))


def an_onboarding(id_: str, *, minutes: int = 0, **others: Any) -> Onboarding:
    begun = Onboarding(an_execution(id_, minutes), ACCOUNT, REGION, version=1, kind=ProviderKind.API_KEY, name=id_)
    return replace(begun, pointers=(Pointer("apiKey", secret_arn(), "key"),), **others)


WAITS = an_onboarding("o-waits-1", status=Status.AWAITING_APPROVAL, approval=APPROVAL)
LEAVES = Offboarding(
    an_execution("off-runs-1", 9), ProviderName(ACCOUNT, REGION, ProviderKind.OAUTH2, "crm"), version=1
)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch, states: Stub) -> Iterator[DynamoDbOnboardings]:
    """The Registry of the stack that is found."""
    with on_moto() as dynamodb:
        clients = {"stepfunctions": states.client}
        monkeypatch.setattr(Place, "find", lambda _place: (lambda service: clients.get(service, dynamodb), STACK))
        yield DynamoDbOnboardings(dynamodb, TABLE)


@pytest.fixture
def states(make_stub: MakeStub) -> Stub:
    """Where executions are asked about, one after the other."""
    return make_stub("stepfunctions")


def stands(states: Stub, *statuses: str) -> None:
    """How the executions stand that are looked at, in that order."""
    for status in statuses:
        states.add_response(
            "describe_execution", {"executionArn": "x", "stateMachineArn": "x", "status": status, "startDate": NOW}
        )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Mapping[str, str]]]:
    """What is sent to the Function URLs, all of which is granted."""
    sent: list[tuple[str, Mapping[str, str]]] = []

    def send(_self: URLLib3Session, request: Any) -> Any:
        sent.append((request.url, json.loads(request.body)))
        return type("Answer", (), {"status_code": 202, "text": '{"message": "It goes on."}'})

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(URLLib3Session, "send", send)
    return sent


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=stdin, catch_exceptions=False)


def stored(registry: DynamoDbOnboardings, *onboardings: Onboarding) -> None:
    """As an execution leaves it that has the provider's name."""
    for one in onboardings:
        registry.store(one)
        assert one.provider is not None
        registry.claim(one.provider, one.execution.arn, over=None)


def test_what_was_stopped_is_called_so_and_nobody_is_asked_to_approve_it(
    registry: DynamoDbOnboardings, states: Stub
) -> None:
    stored(registry, WAITS, an_onboarding("o-runs-1", minutes=1))
    registry.store_offboarding(LEAVES)
    registry.claim(LEAVES.provider, LEAVES.execution.arn, over=None)

    stands(states, "ABORTED", "RUNNING", "ABORTED")
    listed = json.loads(run("onboardings", "--json").stdout)
    stands(states, "ABORTED", "RUNNING", "RUNNING")
    status = json.loads(run("status", "--json").stdout)
    stands(states, "ABORTED", "RUNNING", "RUNNING")
    shown = run("onboardings").stdout
    stands(states, "ABORTED", "RUNNING", "RUNNING")
    approved = run("approve")
    stands(states, "ABORTED")
    one = run("onboardings", WAITS.id)

    assert {each["id"]: each["status"] for each in (*listed["onboardings"], *listed["offboardings"])} == {
        "o-runs-1": "RUNNING",
        "o-waits-1": "STOPPED",
        "off-runs-1": "STOPPED",
    }
    assert status["onboardings"] == {"underWay": ["o-runs-1"], "waiting": [], "stopped": ["o-waits-1"]}
    assert status["offboardings"] == {"underWay": ["off-runs-1"], "stopped": []}
    assert "o-waits-1 STOPPED" in shown
    assert "Nothing waits for anybody." in approved.stderr
    assert "It was stopped, or could not tell its end, and what it did may stand" in one.stdout
    states.assert_no_pending_responses()


def test_what_has_ended_since_or_was_taken_up_by_another_is_told_no_more(
    registry: DynamoDbOnboardings, states: Stub
) -> None:
    ended, taken_up, unread = an_onboarding("o-1"), an_onboarding("o-2", minutes=1), an_onboarding("o-3", minutes=2)
    registry.store(ended)
    registry.store(taken_up)
    registry.store(replace(unread, name=None))
    assert taken_up.provider is not None
    registry.claim(taken_up.provider, an_execution("o-again-1").arn, over=None)

    stands(states, "SUCCEEDED", "ABORTED", "ABORTED")

    assert run("onboardings").stdout == "No onboarding is under way.\n"


def test_whoever_may_not_look_at_executions_is_told_what_the_registry_says(
    registry: DynamoDbOnboardings, states: Stub
) -> None:
    stored(registry, WAITS)
    states.add_client_error("describe_execution", "AccessDeniedException")

    assert "o-waits-1 AWAITING_APPROVAL" in run("onboardings").stdout


def test_one_that_ends_while_somebody_looks_is_not_called_stopped(
    registry: DynamoDbOnboardings, states: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(registry, WAITS)
    done = WAITS.successor(status=Status.SUCCEEDED, ended_at=NOW)
    states.client.meta.events.register("provide-client-params.stepfunctions.*", lambda **_: registry.store(done))
    stands(states, "SUCCEEDED")

    assert "STOPPED" not in run("onboardings", WAITS.id).stdout


def test_each_that_waits_is_shown_and_asked_about(
    registry: DynamoDbOnboardings, states: Stub, asked: list[tuple[str, Mapping[str, str]]]
) -> None:
    late = replace(APPROVAL, until=NOW - timedelta(minutes=1))
    other = an_onboarding("o-other-1", minutes=1, status=Status.AWAITING_APPROVAL, approval=APPROVAL)
    stored(
        registry,
        WAITS,
        other,
        an_onboarding("o-late-1", minutes=2, status=Status.AWAITING_APPROVAL, approval=late),
    )
    stands(states, "RUNNING", "RUNNING", "RUNNING")

    result = run("approve", stdin="y\nn\n")

    assert "API_KEY provider o-waits-1" in result.stdout
    assert "Approve o-waits-1? [y/N]: y" in result.stdout
    assert "Approve o-other-1? [y/N]: n" in result.stdout
    assert "o-late-1" not in result.output
    assert "It goes on." in result.stderr
    assert asked == [(ONBOARDINGS, {"wish": "approve", "id": "o-waits-1"})]


def test_a_decision_goes_to_those_who_decide_about_the_matter(
    registry: DynamoDbOnboardings, asked: list[tuple[str, Mapping[str, str]]]
) -> None:
    stored(registry, WAITS)

    run("approve", WAITS.id)
    run("reject", WAITS.id, "--reason", "not this one")
    run("approve", "r-1a2b3c4d5e6f")

    assert asked == [
        (ONBOARDINGS, {"wish": "approve", "id": WAITS.id}),
        (ONBOARDINGS, {"wish": "reject", "id": WAITS.id, "reason": "not this one"}),
        (REPAIRS, {"wish": "approve", "id": "r-1a2b3c4d5e6f"}),
    ]


@pytest.mark.usefixtures("registry")
def test_an_onboarding_that_there_is_not_is_told_with_how_to_find_those_that_there_are() -> None:
    result = run("onboardings", "o-nowhere-1")

    assert result.exit_code == 1
    assert "There is no onboarding o-nowhere-1. `secretwatch onboardings` lists" in result.stderr
