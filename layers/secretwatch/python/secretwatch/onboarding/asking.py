"""Asking: an execution waits until somebody decides, and the Registry knows where."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from secretwatch.domain.onboarding import news
from secretwatch.domain.onboarding.onboarding import Onboarding, Status
from secretwatch.errors import Permanent
from secretwatch.onboarding.beginning import needed
from secretwatch.ports import Bus, Onboardings


class Asking:
    """Asks people for an approval."""

    def __init__(
        self, onboardings: Onboardings, bus: Bus, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """`bus` tells who may approve."""
        self._onboardings = onboardings
        self._bus = bus
        self._clock = clock

    def ask(self, onboarding_id: str, token: str) -> Onboarding:
        """Keep the token with which the execution goes on, and tell that somebody has to decide."""
        onboarding = needed(self._onboardings, onboarding_id)
        approval = onboarding.approval
        if approval is None:
            raise Permanent(f"the onboarding {onboarding_id} was not inspected")
        at = self._clock()
        if token != approval.token:
            # Whoever decided told an execution's former try, which waits no longer: somebody has to again.
            approval = replace(approval, decided_by=None, decided_at=None, rejected=None)
        asked = replace(approval, token=token, until=at + approval.within)
        asking = onboarding.successor(status=Status.AWAITING_APPROVAL, approval=asked)
        self._onboardings.store(asking)
        self._bus.publish(news.awaiting(asking, at))
        return asking
