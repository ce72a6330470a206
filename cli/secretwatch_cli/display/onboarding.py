"""Onboardings for people and for programs: what is wrong with a request, each step, and what came of it."""

from collections.abc import Iterable, Iterator
from typing import Any

from rich.text import Text

from secretwatch.domain.onboarding.request import Problem
from secretwatch_cli.display.terminal import headed, indented
from secretwatch_cli.steps import Execution, Outcome, Step

_MEANINGS = {
    "Validate": "the request is what AgentCore takes",
    "Inspect": "the secret, its key, their policies and your organisation's rules",
    "Approve": "a person approves",
    "Grant": "AgentCore is let in",
    "CreateProvider": "the provider",
    "Verify": "the provider gets its credential",
    "Register": "Secretwatch watches it",
    "Announce": "everybody is told",
    "Forget": "taken out of the Registry again",
    "DeleteProvider": "the provider is deleted again, if it was created here",
    "WithdrawAccess": "what AgentCore was allowed is taken back",
    "AnnounceFailure": "everybody is told why",
    "CheckUse": "nobody uses the provider",
    "RemoveProvider": "the provider is deleted",
    "Close": "its references and incidents are closed",
    "AnnounceOffboarded": "everybody is told",
}


def problem_lines(problems: Iterable[Problem]) -> Iterator[Text]:
    """Every problem with its field, and how to mend it."""
    for one in problems:
        yield headed("refused", (one.field, "bold"), f" {one.message}")
        if one.fix:
            yield indented(f"What to do: {one.fix}")


def problems_json(problems: Iterable[Problem]) -> list[dict[str, str | None]]:
    """The same for a program."""
    return [{"field": one.field, "message": one.message, "fix": one.fix} for one in problems]


def waits_for_people(step: Step) -> bool:
    """Whether it is told as soon as it begins: somebody has to do something."""
    return step.name == "Approve"


def step_line(step: Step, execution: str) -> Text:
    """One step, and what it is about."""
    meaning = _MEANINGS.get(step.name)
    if step.outcome is Outcome.RUNNING and waits_for_people(step):
        meaning = f"somebody else has to: secretwatch approve {execution}"
    return headed(step.outcome, step.name, (f": {meaning}", "dim") if meaning else "")


def outcome_lines(execution: Execution) -> Iterator[Text]:
    """What came of it."""
    if not execution.over:
        yield headed(Outcome.RUNNING, execution.id)
        return
    output = execution.output or {}
    yield headed(Outcome.DONE if execution.succeeded else Outcome.FAILED, execution.id)
    yield from map(indented, _told(execution).splitlines())
    if url := output.get("callbackUrl"):
        yield indented(f"Register this URL at the vendor: {url}", "bold")


def _told(execution: Execution) -> str:
    """The workflow's own words, or why it has none."""
    if execution.status == "ABORTED":
        return "It was stopped. Nothing is rolled back then: start it again, or remove the provider with offboard."
    told = (execution.output or {}).get("message") if execution.succeeded else execution.cause
    return str(told or execution.error or execution.status)


def execution_json(execution: Execution) -> dict[str, Any]:
    """The same for a program, with what the workflow gave back."""
    return {
        "id": execution.id,
        "executionArn": execution.arn,
        "status": execution.status,
        "steps": [{"step": one.name, "outcome": one.outcome} for one in execution.steps],
        "output": dict(execution.output) if execution.output is not None else None,
        "error": execution.error,
        "message": _told(execution) if execution.over else None,
    }
