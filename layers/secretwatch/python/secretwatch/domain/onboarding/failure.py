"""What went wrong, in words for people, from what Step Functions says of it."""

import json
from dataclasses import dataclass
from datetime import timedelta

from secretwatch import errors as families
from secretwatch.domain.onboarding import errors
from secretwatch.domain.onboarding.onboarding import Onboarding

_OURS = {
    name
    for module in (families, errors)
    for name, one in vars(module).items()
    if isinstance(one, type) and issubclass(one, families.SecretwatchError)
}
_APPROVE = "Approve"  # the state that waits for a person
_LONGEST = 4_000  # characters: the message goes into an event and into the execution's cause


@dataclass(frozen=True, slots=True)
class Failure:
    """Which state failed, by which name, and why."""

    step: str
    error: str
    message: str


def failure_of(step: str, error: str, cause: str, onboarding: Onboarding | None = None) -> Failure:
    """Read what a Catch was given. Only what our own errors say is repeated: another's text may quote anything."""
    return Failure(step, error, _message(step, error, cause, onboarding)[:_LONGEST])


def _message(step: str, error: str, cause: str, onboarding: Onboarding | None) -> str:
    approval = onboarding.approval if onboarding else None
    if (step, error) == (_APPROVE, errors.TIMEOUT) and approval:
        return f"nobody approved it within {told(approval.within)}"
    if error == errors.APPROVAL_REJECTED:
        return approval.rejected if approval and approval.rejected else "somebody rejected it"
    if error == errors.RequestRefused.__name__ and onboarding and onboarding.problems:
        return "\n".join(map(str, onboarding.problems))
    if error in _OURS and (said := _said(cause)):
        return said
    if error in {errors.TIMEOUT, "Sandbox.Timedout"}:
        return f"{step} took too long"
    return f"{step} failed in a way that nobody foresaw ({error}): the function's log says more"


def _said(cause: str) -> str | None:
    """The message of an error that a function raised; a cause that Step Functions cut off is no JSON any more."""
    try:
        match json.loads(cause):
            case {"errorMessage": str(message)}:
                return message
    except (ValueError, RecursionError):
        return None
    return None


def told(duration: timedelta) -> str:
    """A time in the greatest unit that says it exactly."""
    seconds = int(duration.total_seconds())
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {unit}{'s' if seconds != size else ''}"
    return f"{seconds} second{'s' if seconds != 1 else ''}"
