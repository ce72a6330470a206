"""Offboarding: a provider is removed when nobody uses it, and with it what only it needed."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from secretwatch.domain.change import WholeInventory
from secretwatch.domain.onboarding import news
from secretwatch.domain.onboarding.errors import ProviderInUse, RequestRefused
from secretwatch.domain.onboarding.failure import Failure, failure_of
from secretwatch.domain.onboarding.onboarding import (
    Execution,
    Offboarding,
    OffboardingStatus,
    Pointer,
    stand_in_arn,
)
from secretwatch.domain.onboarding.request import NAME, Problem
from secretwatch.domain.reference import ProviderKind, ProviderName
from secretwatch.errors import Permanent
from secretwatch.onboarding.announcing import Caught
from secretwatch.onboarding.beginning import claim
from secretwatch.onboarding.registering import forget
from secretwatch.ports import Bus, Executions, Gateways, Onboardings, ProviderRecords, TokenVault


class Removing:
    """Sees to it that a provider can go, and that nothing of it stays."""

    def __init__(
        self,
        onboardings: Onboardings,
        executions: Executions,
        vault: TokenVault,
        gateways: Gateways,
        records: ProviderRecords,
        bus: Bus,
        *,
        account: str,
        region: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`gateways` are AgentCore's own, asked afresh."""
        self._onboardings = onboardings
        self._executions = executions
        self._vault = vault
        self._gateways = gateways
        self._records = records
        self._bus = bus
        self._everything = WholeInventory(account, region)
        self._clock = clock

    def check_use(self, execution: Execution, given: object) -> Offboarding:
        """Begin: the provider's name is this execution's alone, and no gateway target uses it, unless that is forced.

        One that is gone already may go on, where something of it is left. Raises RequestRefused, AlreadyUnderWay, and
        ProviderInUse.
        """
        provider, forced = self._asked(given)
        unfinished = self._unfinished(provider)
        claim(self._onboardings, self._executions, provider, execution.arn)
        begun = self._begun(execution, provider, forced, unfinished)
        used_by = tuple(self._users(begun.provider_arn or stand_in_arn(provider)))
        if used_by != begun.used_by:
            begun = begun.successor(used_by=used_by)
            self._onboardings.store_offboarding(begun)
        if used_by and not forced:
            raise ProviderInUse(
                f"{', '.join(used_by)} use the provider {provider.name}: remove it there first, or say `force`"
            )
        return begun

    def close(self, offboarding_id: str) -> None:
        """The Registry forgets the provider; the stream then tells the end of each reference, and incidents close."""
        forget(self._records, self._needed(offboarding_id).provider)

    def succeed(self, offboarding_id: str) -> news.OffboardingNews:
        """It is done; returns what was told."""
        offboarding = self._needed(offboarding_id)
        if offboarding.status is not OffboardingStatus.SUCCEEDED:
            offboarding = offboarding.successor(status=OffboardingStatus.SUCCEEDED, ended_at=self._clock())
            self._onboardings.store_offboarding(offboarding)
        told = news.offboarded(offboarding, offboarding.ended_at or self._clock())
        self._bus.publish(told)
        self._onboardings.release(offboarding.provider, offboarding.execution.arn)
        return told

    def fail(self, execution: Execution, given: object, caught: Caught) -> Failure:
        """It was refused, or failed on the way: told, unless nobody could say of which provider; returns why."""
        failure = failure_of(*caught)
        offboarding = self._known(execution) or self._unbegun(execution, given)
        if offboarding is None:
            return failure
        ended = replace(
            offboarding,
            status=OffboardingStatus.FAILED,
            failed_step=failure.step,
            error=failure.error,
            message=failure.message,
        )
        if ended != offboarding:
            ended = ended.successor(ended_at=self._clock())
            self._onboardings.store_offboarding(ended)
        self._bus.publish(news.not_offboarded(ended, ended.ended_at or self._clock()))
        if not ended.removed:
            self._onboardings.release(ended.provider, execution.arn)
        return failure

    def _unfinished(self, provider: ProviderName) -> Offboarding | None:
        """The offboarding that deleted the provider and failed after it: it has the name until somebody ends its work.

        What the provider referenced, it alone may know: the inventory forgets a provider that is gone.
        """
        holder = self._onboardings.claimed_by(provider)
        former = self._onboardings.find_offboarding(holder.rpartition(":")[2]) if holder else None
        return former if former and former.execution.arn == holder and former.removed else None

    def _begun(
        self, execution: Execution, provider: ProviderName, forced: bool, unfinished: Offboarding | None
    ) -> Offboarding:
        """What it references is written down while somebody still knows."""
        known = self._known(execution)
        if known:
            return known
        held, recorded = self._vault.find(provider), self._records.find(provider)
        pointers: set[Pointer] = set(held.pointers) if held else set()
        if recorded:
            pointers |= {Pointer.of(reference) for reference in recorded.provider.references}
        if unfinished:
            pointers |= set(unfinished.pointers)
        if not (held or recorded or unfinished):
            raise RequestRefused(str(_unknown(provider)))
        if not pointers:
            raise RequestRefused(str(_not_ours(provider)))
        arn = held.arn if held else recorded.provider.arn if recorded else None
        former = self._onboardings.find_offboarding(execution.name)
        begun = Offboarding(
            execution,
            provider,
            version=former.version if former else 0,
            forced=forced,
            provider_arn=arn or (unfinished.provider_arn if unfinished else None),
            pointers=tuple(sorted(pointers, key=str)),
            gone=held is None,
        ).successor()
        self._onboardings.store_offboarding(begun)
        return begun

    def _users(self, provider_arn: str) -> Iterator[str]:
        """Every gateway target that uses the provider, as AgentCore says now."""
        for name in self._gateways.names(self._everything):
            gateway = self._gateways.get(name)
            for consumer in sorted(gateway.consumers) if gateway else ():
                if consumer.provider_arn == provider_arn:
                    yield f"target {consumer.target} of gateway {consumer.gateway}"

    def _asked(self, given: object) -> tuple[ProviderName, bool]:
        asked = given if isinstance(given, Mapping) else {}
        kind, name, force = asked.get("kind"), asked.get("name"), asked.get("force", False)
        problems: list[Problem] = []
        if kind not in set(ProviderKind):
            problems.append(Problem("kind", "is no kind of provider", f"Say {', '.join(ProviderKind)}."))
        if not isinstance(name, str) or not NAME.fullmatch(name):
            problems.append(Problem("name", "is no provider's name", "Say the name that AgentCore lists."))
        if not isinstance(force, bool):
            problems.append(Problem("force", "is neither true nor false", "Say true, or leave it out."))
        if problems:
            raise RequestRefused("\n".join(map(str, problems)))
        return self._name(str(kind), str(name)), bool(force)

    def _name(self, kind: str, name: str) -> ProviderName:
        return ProviderName(self._everything.account, self._everything.region, ProviderKind(kind), name)

    def _unbegun(self, execution: Execution, given: object) -> Offboarding | None:
        try:
            provider, forced = self._asked(given)
        except RequestRefused:
            return None
        former = self._onboardings.find_offboarding(execution.name)
        return Offboarding(execution, provider, version=former.version if former else 0, forced=forced)

    def _known(self, execution: Execution) -> Offboarding | None:
        known = self._onboardings.find_offboarding(execution.name)
        return known if known and known.execution == execution else None

    def _needed(self, offboarding_id: str) -> Offboarding:
        found = self._onboardings.find_offboarding(offboarding_id)
        if found is None:
            raise Permanent(f"the offboarding {offboarding_id} was never begun")
        return found


def _not_ours(provider: ProviderName) -> Problem:
    """AgentCore deletes a secret that it keeps together with its provider."""
    return Problem(
        "name",
        f"is {provider.name}, which references no secret of yours: AgentCore keeps its credential",
        "Delete it with AgentCore's own API, if that is what you want: the credential goes with it.",
    )


def _unknown(provider: ProviderName) -> Problem:
    return Problem(
        "name",
        f"is {provider.name}, and neither AgentCore nor the Registry knows a provider of that name ({provider.kind})",
        "Say the kind and the name that AgentCore lists.",
    )
