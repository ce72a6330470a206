"""Announcing: how an onboarding ended, once for the Registry, once for the bus; and its name is free again."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from secretwatch.domain.onboarding import news
from secretwatch.domain.onboarding.failure import Failure, failure_of
from secretwatch.domain.onboarding.onboarding import Execution, Onboarding, Status
from secretwatch.onboarding.beginning import needed
from secretwatch.onboarding.registering import forgotten
from secretwatch.ports import Bus, Onboardings, ProviderRecords

Caught = tuple[str, str, str]
"""A state that failed, by which error, and the cause as Step Functions gives it."""


class Announcing:
    """Ends onboardings."""

    def __init__(
        self,
        onboardings: Onboardings,
        records: ProviderRecords,
        bus: Bus,
        *,
        account: str,
        region: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`bus` tells programs and people."""
        self._onboardings = onboardings
        self._records = records
        self._bus = bus
        self._place = account, region
        self._clock = clock

    def succeed(self, onboarding_id: str) -> news.OnboardingNews:
        """It is done; returns what was told."""
        onboarding = needed(self._onboardings, onboarding_id)
        if onboarding.status is not Status.SUCCEEDED:
            onboarding = onboarding.successor(status=Status.SUCCEEDED, ended_at=self._clock())
            self._onboardings.store(onboarding)
        told = news.succeeded(onboarding, onboarding.ended_at or self._clock())
        self._bus.publish(told)
        self._release(onboarding)
        return told

    def fail(self, execution: Execution, caught: Caught, roll_back: Sequence[Caught]) -> tuple[Failure, Onboarding]:
        """It came to nothing, for what was caught; `roll_back` is what could not be taken back.

        Returns why, and the onboarding as it ended.
        """
        known = self._onboardings.find(execution.name)
        if known is None or known.execution != execution:
            known = Onboarding(execution, *self._place, version=known.version if known else 0)
        failure = failure_of(*caught, known)
        if not roll_back:
            forgotten(self._records, known)  # once more: the inventory may have seen the provider meanwhile
        ended = self._ended(known, failure, roll_back)
        self._bus.publish(news.rolled_back(ended, ended.ended_at or self._clock()))
        self._release(ended)
        return failure, ended

    def _ended(self, known: Onboarding, failure: Failure, roll_back: Sequence[Caught]) -> Onboarding:
        left = [failure_of(*one) for one in roll_back]
        ended = replace(
            known,
            status=Status.ROLL_BACK_FAILED if left else Status.ROLLED_BACK,
            failed_step=failure.step,
            error=failure.error,
            message=failure.message,
            left=tuple(f"{one.step}: {one.why}" for one in left),
        )
        if ended == known:
            return known
        ended = ended.successor(ended_at=self._clock())
        self._onboardings.store(ended)
        return ended

    def _release(self, onboarding: Onboarding) -> None:
        if onboarding.provider:
            self._onboardings.release(onboarding.provider, onboarding.execution.arn)
