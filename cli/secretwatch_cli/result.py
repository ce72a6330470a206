"""What one check of the doctor shows."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from secretwatch_cli.exits import Exit


class Health(StrEnum):
    """How it stands with what was looked at; `UNKNOWN` is no problem, only something that could not be seen."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Result:
    """What was looked at, how it stands and what that means; what to do, and the exact command where one exists."""

    check: str
    health: Health
    meaning: str
    remedy: str | None = None
    command: str | None = None


def exit_status(results: Iterable[Result]) -> Exit:
    """What cannot be seen is no problem: who may see it is not the same everywhere."""
    return Exit.FINDINGS if any(result.health is Health.PROBLEM for result in results) else Exit.WELL
