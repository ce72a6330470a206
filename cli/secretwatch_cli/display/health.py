"""What `secretwatch doctor` found."""

from collections.abc import Iterable, Iterator
from typing import Any

from rich.text import Text

from secretwatch_cli.display.terminal import headed, what_to_do
from secretwatch_cli.result import Result


def result_lines(results: Iterable[Result]) -> Iterator[Text]:
    """Every check with its health, what that means, and what to do."""
    for one in results:
        yield headed(one.health, f"{one.check}: {one.meaning}")
        yield from what_to_do(one.remedy, one.command)


def results_json(results: Iterable[Result], stack_arn: str) -> dict[str, Any]:
    """The same for a program."""
    return {
        "stack": stack_arn,
        "checks": [
            {
                "check": one.check,
                "health": one.health,
                "meaning": one.meaning,
                "remedy": one.remedy,
                "command": one.command,
            }
            for one in results
        ],
    }
