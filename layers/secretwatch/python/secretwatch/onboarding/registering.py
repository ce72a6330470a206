"""Registering: the Registry knows the provider, and each reference has a verdict; and forgetting it again."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from secretwatch.attempts import until_won
from secretwatch.checking import Checking
from secretwatch.domain.change import Subject
from secretwatch.domain.finding import Verdict
from secretwatch.domain.onboarding.errors import NotResolving
from secretwatch.domain.onboarding.onboarding import Onboarding
from secretwatch.domain.reference import ProviderName
from secretwatch.domain.secret import SecretId
from secretwatch.errors import Permanent, Transient
from secretwatch.inventory import ProviderInventory
from secretwatch.onboarding.beginning import needed
from secretwatch.onboarding.granting import Done
from secretwatch.ports import NO_TIME, Onboardings, ProviderRecords, Providers, References


class Registering:
    """Does at once what the inventory and the checks would do within minutes."""

    def __init__(
        self,
        onboardings: Onboardings,
        providers: Providers,
        records: ProviderRecords,
        references: References,
        checking: Checking,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`checking` judges with the same rules as ever."""
        here_at_once = _HereAtOnce()
        self._inventory = ProviderInventory(
            providers, records, references, reads=here_at_once, checks=here_at_once, clock=clock
        )
        self._onboardings = onboardings
        self._records = records
        self._checking = checking
        self._clock = clock

    def register(self, onboarding_id: str) -> None:
        """Record the provider and check its references; raises NotResolving when a verdict is BROKEN."""
        onboarding = needed(self._onboardings, onboarding_id)
        provider = onboarding.provider
        if provider is None:
            raise Permanent(f"the onboarding {onboarding_id} names no provider")
        if not onboarding.registering and (onboarding.created or self._records.find(provider) is None):
            onboarding = onboarding.successor(registering=True)
            self._onboardings.store(onboarding)
        self._inventory.read(provider, since=self._clock(), check_all=True)
        for arn in onboarding.secrets:
            for checked in self._checking.check(SecretId.of_arn(arn), cause=onboarding.id):
                if checked.after.reference.provider != provider:
                    continue
                if checked.unknown and checked.unknown.transient:
                    raise Transient(checked.unknown.reason)
                if checked.after.verdict is Verdict.BROKEN:
                    found = "; ".join(finding.evidence for finding in checked.after.findings)
                    raise NotResolving(f"{checked.after.reference.field}: {found}")

    def forget(self, onboarding_id: str) -> Done:
        """Take the provider out of the Registry, if it was not there before."""
        onboarding = self._onboardings.find(onboarding_id)
        return forgotten(self._records, onboarding) if onboarding else Done(True, "nothing was registered")


def forgotten(records: ProviderRecords, onboarding: Onboarding) -> Done:
    """Take the provider of a failed onboarding out of the Registry, if this execution brought it there.

    The inventory may have recorded what was created, too.
    """
    if onboarding.provider is None or not (onboarding.registering or onboarding.created):
        return Done(True, "nothing was registered")
    forget(records, onboarding.provider)
    return Done(True)


def forget(records: ProviderRecords, provider: ProviderName) -> None:
    """The stream then tells the end of each reference, and its incidents close."""

    def once() -> None:
        if known := records.find(provider):
            records.forget(known)

    until_won(once)


class _HereAtOnce:
    """`ports.Requests` that nobody has to fulfil: what the inventory would ask for is done by who called it."""

    def send(
        self,
        subjects: Iterable[Subject],
        *,
        cause: str | None = None,
        at: datetime | None = None,
        delay: timedelta = NO_TIME,
    ) -> None:
        """Nothing."""
