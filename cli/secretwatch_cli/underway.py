"""What is under way: onboardings and offboardings that the Registry calls open, held against their executions.

Whoever stops an execution leaves a record that stays open; so does one whose last step could not write it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from secretwatch.adapters.dynamodb import DynamoDbOnboardings
from secretwatch.domain.onboarding.onboarding import Execution, Offboarding, Onboarding, Status
from secretwatch.domain.reference import ProviderName
from secretwatch.errors import Permanent
from secretwatch.ports import Executions

_Work = TypeVar("_Work", Onboarding, Offboarding)


@dataclass(frozen=True, slots=True)
class UnderWay:
    """What runs or waits; and what was stopped, and has its provider's name still."""

    onboardings: list[Onboarding] = field(default_factory=list)
    offboardings: list[Offboarding] = field(default_factory=list)
    stopped: list[Onboarding | Offboarding] = field(default_factory=list)


def waiting(onboardings: Iterable[Onboarding], *, at: datetime) -> list[Onboarding]:
    """Those that a person can still decide about, the first to have asked first."""
    return sorted(
        (one for one in onboardings if one.status is Status.AWAITING_APPROVAL and not _too_late(one, at)),
        key=lambda one: (one.execution.started_at, one.id),
    )


def _too_late(one: Onboarding, at: datetime) -> bool:
    return one.approval is not None and one.approval.until is not None and one.approval.until <= at


class Looking:
    """Looks at what is open in the Registry, and asks Step Functions as the caller whether it runs."""

    def __init__(self, onboardings: DynamoDbOnboardings, executions: Executions) -> None:
        """`executions` may refuse the caller: what the Registry says stands then."""
        self._onboardings = onboardings
        self._executions = executions

    def look(self) -> UnderWay:
        """All that is open. What was stopped is told until another execution takes up the provider's name."""
        onboardings, cut = self._sorted_out(self._onboardings.open())
        offboardings, cut_too = self._sorted_out(self._onboardings.open_offboardings())
        return UnderWay(onboardings, offboardings, [*cut, *cut_too])

    def is_stopped(self, one: Onboarding) -> bool:
        """Whether its record is open, and nothing works on it; not when it has ended since it was read."""
        if one.status.over or self._runs(one):
            return False
        latest = self._onboardings.find(one.id)
        return latest is not None and not latest.status.over

    def _sorted_out(self, works: Iterable[_Work]) -> tuple[list[_Work], list[_Work]]:
        """Those that run, and those that were stopped. One that came to its end by now is neither: it gave up the name.

        Nor is one that had no name yet: it has done nothing.
        """
        running, stopped = list[_Work](), list[_Work]()
        for one in works:
            if self._runs(one):
                running.append(one)
            elif self._has_the_name(one.execution, one.provider):
                stopped.append(one)
        return running, stopped

    def _has_the_name(self, execution: Execution, provider: ProviderName | None) -> bool:
        return provider is not None and self._onboardings.claimed_by(provider) == execution.arn

    def _runs(self, one: Onboarding | Offboarding) -> bool:
        try:
            return self._executions.is_running(one.execution.arn)
        except Permanent:  # people may look at the Registry who may not look at executions
            return True
