"""What people who are told of a trouble may expect of a repair."""

from dataclasses import dataclass

from secretwatch.domain.repair.rules import Mode


@dataclass(frozen=True, slots=True)
class Prospect:
    """The stack's mode; and of one policy the id of the plan that waits for a person, or why it is left alone."""

    mode: Mode
    waiting: str | None = None
    at_rest: str | None = None
