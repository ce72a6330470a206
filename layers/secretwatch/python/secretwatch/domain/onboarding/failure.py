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
_TIMES_OUT = {errors.TIMEOUT, "Sandbox.Timedout"}
_APPROVE = "Approve"  # the state that waits for a person
_LONGEST = 4_000  # characters: the message goes into an event and into the execution's cause

_PASSES = "Start it again in a few minutes."
_TO_DO = {
    **dict.fromkeys(("Transient", "Later", "LostRace", "ProviderSettling"), _PASSES),
    "Permanent": "Secretwatch itself lacks something: `secretwatch doctor` and the function's log say more.",
    "PolicyMoved": "Start it again: the change is planned and shown anew.",
    "GrantRefused": "Mend what it names, then start it again.",
    "ProviderRefused": "Mend what AgentCore names, then start it again.",
    "ProviderFailed": "Mend what AgentCore names, mostly an address at the vendor, then start it again.",
    "NotResolving": "Mend that, then start it again.",
    errors.APPROVAL_REJECTED: "Agree with whoever rejected it, then start it again.",
}
"""What to do about each error of ours whose own words do not say it."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Which state failed, by which name, and why."""

    step: str
    error: str
    why: str
    to_do: str | None = None

    @property
    def message(self) -> str:
        """Why, and what to do about it."""
        return f"{self.why.rstrip('.')}. {self.to_do}" if self.to_do else self.why


def failure_of(step: str, error: str, cause: str, onboarding: Onboarding | None = None) -> Failure:
    """Read what a Catch was given. Only what our own errors say is repeated: another's text may quote anything."""
    return Failure(step, error, _why(step, error, cause, onboarding)[:_LONGEST], _to_do(step, error))


def _to_do(step: str, error: str) -> str | None:
    if error == errors.TIMEOUT and step == _APPROVE:
        return "Agree with somebody who may approve, then start it again."
    return _PASSES if error in _TIMES_OUT else _TO_DO.get(error)


def _why(step: str, error: str, cause: str, onboarding: Onboarding | None) -> str:
    approval = onboarding.approval if onboarding else None
    if (step, error) == (_APPROVE, errors.TIMEOUT) and approval:
        return f"nobody approved it within {told(approval.within)}"
    if error == errors.APPROVAL_REJECTED:
        return approval.rejected if approval and approval.rejected else "somebody rejected it"
    if error == errors.RequestRefused.__name__ and onboarding and onboarding.problems:
        return "\n".join(map(str, onboarding.problems))
    if error in _OURS and (said := _said(cause)):
        return said
    if error in _TIMES_OUT:
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
