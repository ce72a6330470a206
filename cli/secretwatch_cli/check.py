"""`secretwatch check`: what the Registry says of one secret or provider, after a fresh check."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from secretwatch.domain.reference import Reference
from secretwatch.domain.state import ReferenceState
from secretwatch.ports import Requests
from secretwatch_cli.exits import Exit, FailOn
from secretwatch_cli.failures import Unable
from secretwatch_cli.target import Target, nobody

_PAUSE_SECONDS = 0.5  # between two looks at the Registry

Progress = Callable[[int, int], None]
"""Told how many of the references have been checked, of how many."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The references; `unchecked` of them were not checked in time, and show what stood before."""

    states: list[ReferenceState]
    unchecked: int = 0

    def exit_status(self, fail_on: FailOn) -> Exit:
        """Findings that are waived do not count, nor what is unknown by choice or quietly."""
        if any(fail_on.counts(state.alarming) for state in self.states if state.alarming):
            return Exit.FINDINGS
        if self.unchecked or any(_is_open(state) for state in self.states):
            return Exit.UNKNOWN
        return Exit.WELL


def _is_open(state: ReferenceState) -> bool:
    return not state.unknown.quiet if state.unknown else state.verdict is None


def look_up(target: Target) -> Answer:
    """What is stored; raises Unable when there is no reference."""
    states = target.look()
    if not states:
        raise Unable(nobody(target.name))
    return Answer(states)


def check_anew(
    target: Target,
    requests: Requests,
    *,
    timeout: float,
    progress: Progress = lambda _checked, _of: None,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> Answer:
    """Ask for a check, and wait until every reference was checked after that, at most `timeout` seconds."""
    before = {state.reference: state for state in look_up(target).states}
    ask(before, requests)
    deadline = clock() + timeout
    while True:
        states = look_up(target).states
        unchecked = sum(not _is_checked(state, before) for state in states)
        progress(len(states) - unchecked, len(states))
        if not unchecked or clock() >= deadline:
            return Answer(states, unchecked)
        pause(_PAUSE_SECONDS)


def ask(references: Iterable[Reference], requests: Requests) -> None:
    """Ask for a check of every secret that is referenced."""
    requests.send(dict.fromkeys(reference.secret for reference in references))


def _is_checked(state: ReferenceState, before: Mapping[Reference, ReferenceState]) -> bool:
    """Whether a check moved the record on; to point the provider elsewhere moves it too, but is no check."""
    if earlier := before.get(state.reference):
        return state.version > earlier.version and state.checked_at != earlier.checked_at
    return state.checked_at is not None
