"""What an execution of a workflow did so far, read from its history."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

# States that only decide or end: nothing happens there that somebody waits for.
_SILENT = {"ChoiceState", "FailState", "SucceedState", "PassState"}
_ENDS = {"ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"}


class Outcome(StrEnum):
    """How a step went."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Step:
    """One state of the workflow that was entered."""

    name: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution as it was last seen; `output` once it succeeded, `error` and `cause` once it failed."""

    id: str
    arn: str
    status: str
    steps: tuple[Step, ...] = ()
    output: Mapping[str, Any] | None = None
    error: str | None = None
    cause: str | None = None

    @property
    def over(self) -> bool:
        """Whether nothing more happens."""
        return self.status not in ("RUNNING", "PENDING_REDRIVE")

    @property
    def succeeded(self) -> bool:
        """Whether it did what was asked."""
        return self.status == "SUCCEEDED"


def steps_of(events: Iterable[Mapping[str, Any]]) -> tuple[Step, ...]:
    """The steps of a history, in their order. One that failed, and was tried again with success, is done."""
    return tuple(_steps(events))


def _steps(events: Iterable[Mapping[str, Any]]) -> Iterator[Step]:
    name, failed, kind = "", False, ""
    for event in events:
        kind = str(event["type"])
        if kind.endswith("StateEntered"):
            silent = kind.removesuffix("Entered") in _SILENT
            name, failed = "" if silent else event["stateEnteredEventDetails"]["name"], False
        elif kind.endswith("StateExited") and name:
            yield Step(name, Outcome.FAILED if failed else Outcome.DONE)
            name = ""
        elif kind in ("TaskFailed", "TaskTimedOut", "TaskSubmitFailed", "TaskStartFailed"):
            failed = True
        elif kind == "TaskScheduled":
            failed = False
    if name:  # what failed may yet be tried again
        yield Step(name, Outcome.FAILED if kind in _ENDS else Outcome.RUNNING)
