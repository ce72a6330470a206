"""What people and programs read: lines in words, or JSON with the names that the `secretwatch` bus uses too."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from secretwatch.domain.state import ReferenceState
from secretwatch.domain.verdict_change import described
from secretwatch_cli.check import Answer
from secretwatch_cli.result import Health, Result

_STYLES = {
    "RESOLVES": "green",
    "DEGRADED": "yellow",
    "BROKEN": "bold red",
    Health.OK: "green",
    Health.WARNING: "yellow",
    Health.PROBLEM: "bold red",
    Health.UNKNOWN: "magenta",
}
_INDENT = " " * 10


def console(*, stderr: bool = False) -> Console:
    """A console that prints text as it is, and no line in two: a command can be copied whole."""
    return Console(stderr=stderr, soft_wrap=True, highlight=False, markup=False, emoji=False)


def print_lines(lines: Iterable[Text]) -> None:
    """Lines on stdout."""
    out = console()
    for line in lines:
        out.print(line)


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    print(json.dumps(value, indent=2))


# --- check


def answer_lines(answer: Answer) -> Iterator[Text]:
    """Every reference with its verdict, what is wrong, and what to do."""
    for state in answer.states:
        yield from _reference_lines(state)


def _reference_lines(state: ReferenceState) -> Iterator[Text]:
    verdict, reference = str(state.verdict or "unknown"), state.reference
    name = f"{reference.provider.name} ({reference.provider.kind}, {reference.field})"
    checked = f", checked {_moment(state.checked_at)}" if state.checked_at else ", not checked yet"
    yield Text.assemble((f"{verdict:<{len(_INDENT)}}", _STYLES.get(verdict, "magenta")), name, (checked, "dim"))
    yield _indented(reference.secret_arn, "dim")
    for finding in state.findings:
        yield _indented(f"{finding.code}: {finding.evidence}.")
        yield from _what_to_do(finding.remedy, finding.command)
    if state.unknown:
        yield _indented(f"Unknown since {_moment(state.unknown.since)}: {state.unknown.reason}.", "magenta")


def answer_json(answer: Answer, secret: str) -> dict[str, Any]:
    """The same for a program."""
    return {
        "secret": secret,
        "unchecked": answer.unchecked,
        "references": [_reference_json(state) for state in answer.states],
    }


def _reference_json(state: ReferenceState) -> dict[str, Any]:
    unknown = state.unknown
    return {
        **described(state.reference),
        "verdict": state.verdict,
        "findings": [asdict(finding) for finding in state.findings],
        "unknown": {"reason": unknown.reason, "since": unknown.since.isoformat()} if unknown else None,
        "version": state.version,
        "checkedAt": state.checked_at.isoformat() if state.checked_at else None,
    }


# --- doctor


def result_lines(results: Iterable[Result]) -> Iterator[Text]:
    """Every check with its health, what that means, and what to do."""
    for one in results:
        yield Text.assemble((f"{one.health:<{len(_INDENT)}}", _STYLES[one.health]), f"{one.check}: {one.meaning}")
        yield from _what_to_do(one.remedy, one.command)


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


# --- both


def _what_to_do(remedy: str | None, command: str | None) -> Iterator[Text]:
    if remedy:
        yield _indented(f"What to do: {remedy}")
    if command:
        yield _indented(f"  {command}", "bold")


def _indented(text: str, style: str = "") -> Text:
    return Text.assemble(_INDENT, (text, style))


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S %Z}"
