"""Inventory: which providers reference which secrets, and which gateways use them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from secretwatch.attempts import or_unknown, until_won
from secretwatch.domain.change import Subject, WholeInventory
from secretwatch.domain.consumer import Gateway, GatewayName
from secretwatch.domain.facts import Unknown
from secretwatch.domain.reference import Provider, ProviderKind, ProviderName, Reference
from secretwatch.domain.secret import SecretId
from secretwatch.domain.state import ReferenceState
from secretwatch.domain.trail import missing
from secretwatch.errors import SecretwatchError
from secretwatch.ports import GatewayRecords, Gateways, ProviderRecords, Providers, References, Requests, Trails


@dataclass(frozen=True, slots=True)
class Read:
    """What reading one provider showed; `provider` is None once AgentCore no longer knows it."""

    provider: Provider | None
    added: frozenset[Reference]
    removed: frozenset[Reference]
    status_changed: bool = False


class ProviderInventory:
    """Keeps the Registry's providers and references equal to AgentCore's."""

    def __init__(
        self,
        providers: Providers,
        records: ProviderRecords,
        references: References,
        *,
        reads: Requests,
        checks: Requests,
    ) -> None:
        """`reads` takes providers that are to be read one by one, `checks` secrets that are to be checked."""
        self._providers = providers
        self._records = records
        self._references = references
        self._reads = reads
        self._checks = checks

    def take(self, inventory: WholeInventory, *, cause: str | None = None) -> int:
        """Ask for every provider to be read and every referenced secret to be checked; returns how many providers.

        A provider that is recorded but no longer listed is read too: only AgentCore's own "not found" removes it.
        A kind that cannot be listed stops no other; its failure is raised when all else is asked for.
        """
        known = self._records.known(inventory)
        self._checks.send(_secrets(reference for one in known for reference in one.provider.references), cause=cause)
        names = {one.provider.name for one in known}
        failures: list[SecretwatchError] = []
        for kind in ProviderKind:
            with _put_off(failures):
                names.update(self._providers.names(kind, inventory))
        self._reads.send(sorted(names), cause=cause)
        return _unless(failures, len(names))

    def read(self, name: ProviderName, *, check_all: bool, cause: str | None = None) -> Read:
        """Read one provider, record its references, and ask for the new ones to be checked; for all, when asked to or
        when the provider itself fares otherwise than before. `cause` is the id of the event that led to it.

        Raises LostRace when other readers were first several times over: their answers may be newer than ours.
        """
        read = until_won(lambda: self._read_once(name))
        references = read.provider.references if read.provider else frozenset()
        self._checks.send(_secrets(references if check_all or read.status_changed else read.added), cause=cause)
        return read

    def _read_once(self, name: ProviderName) -> Read:
        known = self._records.find(name)
        provider = self._providers.get(name)
        before = known.provider.references if known else frozenset()
        after = provider.references if provider else frozenset()
        if known and provider is None:
            self._records.forget(known)
        elif provider and (known is None or known.provider != provider):
            self._records.record(known, provider, moved=self._moved(before, after))
        status_changed = bool(known and provider and known.provider.status != provider.status)
        return Read(provider, after - before, before - after, status_changed)

    def _moved(
        self, before: frozenset[Reference], after: frozenset[Reference]
    ) -> list[tuple[ReferenceState, Reference]]:
        """The fields that point elsewhere than before, with the state that they take along."""
        pairs = _pairs_of_a_field(before - after, after - before)
        return [(state, new) for old, new in pairs if (state := self._references.find(old))]


class GatewayInventory:
    """Keeps the Registry's gateways and consumers equal to AgentCore's."""

    def __init__(self, gateways: Gateways, records: GatewayRecords, *, reads: Requests) -> None:
        """`reads` takes gateways that are to be read one by one."""
        self._gateways = gateways
        self._records = records
        self._reads = reads

    def take(self, inventory: WholeInventory, *, cause: str | None = None) -> int:
        """Ask for every gateway to be read, those that are recorded and no longer listed too; returns how many."""
        names = {one.gateway.name for one in self._records.known(inventory)} | set(self._gateways.names(inventory))
        self._reads.send(sorted(names), cause=cause)
        return len(names)

    def read(self, name: GatewayName) -> Gateway | None:
        """Read one gateway and record its consumers; returns it, or None once it is gone.

        Raises LostRace when other readers were first several times over.
        """
        return until_won(lambda: self._read_once(name))

    def _read_once(self, name: GatewayName) -> Gateway | None:
        known, gateway = self._records.find(name), self._gateways.get(name)
        if known and gateway is None:
            self._records.forget(known)
        elif gateway and (known is None or known.gateway != gateway):
            self._records.record(known, gateway)
        return gateway


@dataclass(frozen=True, slots=True)
class Inventory:
    """All that is taken stock of: providers, gateways, and the trails that bring their changes."""

    providers: ProviderInventory
    gateways: GatewayInventory
    trails: Trails

    def take(self, everything: WholeInventory, *, cause: str | None = None) -> int:
        """Ask for everything to be read and checked; returns how much. What fails stops nothing else, and is raised.

        `cause` is the id of the event that it is taken for.
        """
        failures: list[SecretwatchError] = []
        total = 0
        for part in (self.providers, self.gateways):
            with _put_off(failures):
                total += part.take(everything, cause=cause)
        return _unless(failures, total)

    def without_trail(self, region: str) -> frozenset[str] | Unknown:
        """Whose changes no trail hands over; a trail that we may not see leaves it unknown."""
        return or_unknown(lambda: missing(self.trails.coverages(region)))


@contextmanager
def _put_off(failures: list[SecretwatchError]) -> Iterator[None]:
    """Let the rest go on before the failure is raised."""
    try:
        yield
    except SecretwatchError as error:
        failures.append(error)


def _unless(failures: list[SecretwatchError], result: int) -> int:
    if failures:
        raise failures[0]
    return result


def _pairs_of_a_field(gone: Iterable[Reference], new: Iterable[Reference]) -> Iterator[tuple[Reference, Reference]]:
    """A reference that is gone and the one that took its place: of a field that occurs twice, in their order."""
    by_field: dict[str, list[Reference]] = defaultdict(list)
    for reference in sorted(gone):
        by_field[reference.field].append(reference)
    for reference in sorted(new):
        if by_field[reference.field]:
            yield by_field[reference.field].pop(0), reference


def _secrets(references: Iterable[Reference]) -> list[Subject]:
    return [SecretId.of_arn(arn) for arn in sorted({reference.secret_arn for reference in references})]
