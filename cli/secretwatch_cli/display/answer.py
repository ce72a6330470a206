"""The answer of `secretwatch check`."""

from collections.abc import Iterator
from typing import Any

from rich.text import Text

from secretwatch.domain.state import ReferenceState
from secretwatch.domain.verdict_change import described, told
from secretwatch_cli.check import Answer
from secretwatch_cli.display.findings import finding_lines, name_of
from secretwatch_cli.display.terminal import headed, indented, moment


def answer_lines(answer: Answer) -> Iterator[Text]:
    """Every reference with its verdict, what is wrong, and what to do."""
    for state in answer.states:
        yield from _reference_lines(state)


def _reference_lines(state: ReferenceState) -> Iterator[Text]:
    verdict, reference = str(state.verdict or "unknown"), state.reference
    yield headed(verdict, name_of(reference), (f", {_how_known(state)}", "dim"))
    yield indented(reference.secret_arn, "dim")
    yield from finding_lines(state.findings)
    if state.unknown:
        yield indented(f"Unknown since {moment(state.unknown.since)}: {state.unknown.reason}.", "magenta")


def _how_known(state: ReferenceState) -> str:
    checked = f"checked {moment(state.checked_at)}" if state.checked_at else "not checked yet"
    return f"{checked}, observed {moment(state.observed_at)}" if state.observed_at else checked


def answer_json(answer: Answer, asked: str) -> dict[str, Any]:
    """The same for a program."""
    return {
        "asked": asked,
        "unchecked": answer.unchecked,
        "references": [_reference_json(state) for state in answer.states],
    }


def _reference_json(state: ReferenceState) -> dict[str, Any]:
    unknown = state.unknown
    return {
        **described(state.reference),
        "verdict": state.verdict,
        "findings": [told(finding) for finding in state.findings],
        "unknown": {"reason": unknown.reason, "since": unknown.since.isoformat()} if unknown else None,
        "evidence": "observed" if state.observed_at else "checked",
        "observedAt": state.observed_at.isoformat() if state.observed_at else None,
        "version": state.version,
        "checkedAt": state.checked_at.isoformat() if state.checked_at else None,
        "since": state.since.isoformat() if state.since else None,
        "correlationId": state.cause,
    }
