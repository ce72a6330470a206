"""Workflows are started once for each request, and followed to their end."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from secretwatch_cli.executions import Executions
from secretwatch_cli.failures import Unable
from secretwatch_cli.steps import Execution, Outcome, Step
from tests.contract.stubs import MakeStub, Stub

WORKFLOW = "arn:aws:states:eu-west-1:111122223333:stateMachine:OnboardSecret-x"
RUN = "arn:aws:states:eu-west-1:111122223333:execution:OnboardSecret-x:o-abc"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
GIVEN = {"name": "weather"}
RUNNING = Execution("o-abc-1", f"{RUN}-1", "RUNNING")


@pytest.fixture
def states(make_stub: MakeStub) -> Stub:
    return make_stub("stepfunctions")


def executions(states: Stub) -> Executions:
    return Executions(lambda _service: states.client, WORKFLOW)


def starts(states: Stub, number: int, *, taken: bool = False) -> None:
    asked = {"stateMachineArn": WORKFLOW, "name": f"o-abc-{number}", "input": json.dumps(GIVEN)}
    if taken:
        states.add_client_error("start_execution", "ExecutionAlreadyExists", expected_params=asked)
    else:
        states.add_response("start_execution", {"executionArn": f"{RUN}-{number}", "startDate": NOON}, asked)


def is_described(states: Stub, number: int, status: str, **more: str) -> None:
    answer = {
        "executionArn": f"{RUN}-{number}",
        "stateMachineArn": WORKFLOW,
        "status": status,
        "startDate": NOON,
        **more,
    }
    states.add_response("describe_execution", answer, {"executionArn": f"{RUN}-{number}"})


def has_history(states: Stub, *events: Mapping[str, Any]) -> None:
    told = [{"id": number, "timestamp": NOON, **event} for number, event in enumerate(events, 1)]
    asked = {"executionArn": f"{RUN}-1", "includeExecutionData": False}
    states.add_response("get_execution_history", {"events": told}, asked)


VALIDATES = {"type": "TaskStateEntered", "stateEnteredEventDetails": {"name": "Validate"}}
VALIDATED = {"type": "TaskStateExited", "stateExitedEventDetails": {"name": "Validate"}}


def test_a_request_is_started_under_its_name_and_the_first_number(states: Stub) -> None:
    starts(states, 1)

    assert executions(states).start("o-abc", GIVEN) == RUNNING


def test_one_that_runs_is_followed_and_not_started_again(states: Stub) -> None:
    starts(states, 1, taken=True)
    is_described(states, 1, "RUNNING")

    assert executions(states).start("o-abc", GIVEN) == RUNNING


def test_after_one_that_is_over_comes_the_next_number(states: Stub) -> None:
    for number in (1, 2):
        starts(states, number, taken=True)
        is_described(states, number, "FAILED")
    starts(states, 3)

    assert executions(states).start("o-abc", GIVEN).id == "o-abc-3"


def test_who_may_not_start_it_is_told_so(states: Stub) -> None:
    states.add_client_error("start_execution", "AccessDeniedException")

    with pytest.raises(Unable, match="You may not call StartExecution"):
        executions(states).start("o-abc", GIVEN)


def test_it_is_followed_to_its_end(states: Stub) -> None:
    pauses: list[float] = []
    is_described(states, 1, "RUNNING")
    has_history(states, VALIDATES)
    is_described(states, 1, "SUCCEEDED", output='{"providerArn": "arn", "created": true}')
    has_history(states, VALIDATES, VALIDATED)

    seen = list(executions(states).follow(RUNNING, pause=pauses.append))

    assert [one.steps for one in seen] == [(Step("Validate", Outcome.RUNNING),), (Step("Validate", Outcome.DONE),)]
    assert seen[-1].succeeded
    assert seen[-1].output == {"providerArn": "arn", "created": True}
    assert len(pauses) == 1


def test_how_it_failed_is_told_in_the_workflows_words(states: Stub) -> None:
    is_described(states, 1, "FAILED", error="NameTaken", cause="There is a provider weather already.")
    has_history(states, VALIDATES)

    (end,) = executions(states).follow(RUNNING)

    assert (end.over, end.succeeded) == (True, False)
    assert (end.error, end.cause) == ("NameTaken", "There is a provider weather already.")
