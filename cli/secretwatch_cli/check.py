"""`secretwatch check`: what the Registry says of one secret, after a fresh check."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from secretwatch.domain.reference import Reference
from secretwatch.domain.secret import SecretId
from secretwatch.domain.state import ReferenceState
from secretwatch.ports import References, Requests
from secretwatch_cli.exits import Exit, FailOn
from secretwatch_cli.failures import Unable

_PAUSE_SECONDS = 0.5  # between two looks at the Registry

Progress = Callable[[int, int], None]
"""Told how many of the references have been checked, of how many."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Every reference to a secret; `unchecked` of them were not checked in time, and show what stood before."""

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


def look_up(references: References, secret: SecretId) -> Answer:
    """What is stored; raises Unable when nobody references the secret."""
    states = references.of_secret(secret)
    if not states:
        raise Unable(
            f"No provider that Secretwatch knows references {secret.arn or secret.name} in {secret.region}."
            " A provider that is new is found within seconds, or else by the next sweep."
        )
    return Answer(sorted(states, key=lambda state: state.reference))


def check_anew(
    references: References,
    requests: Requests,
    secret: SecretId,
    *,
    timeout: float,
    progress: Progress = lambda _checked, _of: None,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> Answer:
    """Ask for a check, and wait until every reference was checked after that, at most `timeout` seconds."""
    before = {state.reference: state for state in look_up(references, secret).states}
    requests.send(dict.fromkeys(reference.secret for reference in before))
    deadline = clock() + timeout
    while True:
        states = look_up(references, secret).states
        unchecked = sum(not _is_checked(state, before) for state in states)
        progress(len(states) - unchecked, len(states))
        if not unchecked or clock() >= deadline:
            return Answer(states, unchecked)
        pause(_PAUSE_SECONDS)


def _is_checked(state: ReferenceState, before: Mapping[Reference, ReferenceState]) -> bool:
    """Whether a check moved the record on; to point the provider elsewhere moves it too, but is no check."""
    if earlier := before.get(state.reference):
        return state.version > earlier.version and state.checked_at != earlier.checked_at
    return state.checked_at is not None
