"""The steps of an execution, as its history tells them."""

from typing import Any

from secretwatch_cli.steps import Outcome, Step, steps_of

SCHEDULED, SUCCEEDED, FAILED = {"type": "TaskScheduled"}, {"type": "TaskSucceeded"}, {"type": "TaskFailed"}
STARTED = {"type": "ExecutionStarted"}


def entered(name: str, kind: str = "Task") -> dict[str, Any]:
    return {"type": f"{kind}StateEntered", "stateEnteredEventDetails": {"name": name}}


def exited(name: str, kind: str = "Task") -> dict[str, Any]:
    return {"type": f"{kind}StateExited", "stateExitedEventDetails": {"name": name}}


def ran(name: str) -> list[dict[str, Any]]:
    return [entered(name), SCHEDULED, SUCCEEDED, exited(name)]


def test_what_is_over_is_done_and_what_was_entered_runs() -> None:
    assert steps_of([STARTED, *ran("Validate"), entered("Inspect"), SCHEDULED]) == (
        Step("Validate", Outcome.DONE),
        Step("Inspect", Outcome.RUNNING),
    )


def test_a_step_that_failed_and_was_tried_again_with_success_is_done() -> None:
    tried_again = [entered("Grant"), SCHEDULED, FAILED, SCHEDULED, SUCCEEDED, exited("Grant")]

    assert steps_of(tried_again) == (Step("Grant", Outcome.DONE),)


def test_a_step_between_two_tries_runs() -> None:
    assert steps_of([entered("Grant"), SCHEDULED, FAILED]) == (Step("Grant", Outcome.RUNNING),)


def test_a_failure_that_was_caught_is_one_and_what_follows_is_the_roll_back() -> None:
    history = [entered("Verify"), SCHEDULED, FAILED, exited("Verify"), *ran("Forget"), entered("RolledBack", "Fail")]

    assert steps_of(history) == (Step("Verify", Outcome.FAILED), Step("Forget", Outcome.DONE))


def test_nobody_waits_for_a_choice() -> None:
    history = [*ran("Inspect"), entered("NeedsApproval", "Choice"), exited("NeedsApproval", "Choice"), *ran("Grant")]

    assert [step.name for step in steps_of(history)] == ["Inspect", "Grant"]


def test_what_ran_when_everything_was_stopped_failed() -> None:
    history = [entered("Approve"), SCHEDULED, {"type": "ExecutionAborted"}]

    assert steps_of(history) == (Step("Approve", Outcome.FAILED),)
