"""Inventory: which providers reference which secrets, and which gateways use them."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from secretwatch.attempts import until_won
from secretwatch.domain.change import Subject, WholeInventory
from secretwatch.domain.consumer import Gateway, GatewayName
from secretwatch.domain.reference import Provider, ProviderKind, ProviderName, Reference
from secretwatch.domain.secret import SecretId
from secretwatch.domain.state import ReferenceState
from secretwatch.domain.sweep import DONE, Counted, Counts, Position, Stage
from secretwatch.errors import SecretwatchError
from secretwatch.ports import (
    GatewayRecords,
    Gateways,
    KnownProvider,
    Page,
    ProviderRecords,
    Providers,
    References,
    Requests,
)

Clock = Callable[[], datetime]
Name = TypeVar("Name", ProviderName, GatewayName)

_SETTLES_WITHIN = timedelta(minutes=30)
_SOONEST, _LATEST = timedelta(seconds=5), timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Read:
    """What reading one provider showed; `provider` is None once AgentCore no longer knows it."""

    name: ProviderName
    provider: Provider | None
    added: frozenset[Reference]
    removed: frozenset[Reference]
    status_changed: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a lane of a sweep has come with one thing more: where it is, what counted, and which providers it read.

    With a `failure` it comes no further: AgentCore does not give its list.
    """

    position: Position
    counts: Counts = field(default_factory=Counter)
    reads: tuple[Read, ...] = ()
    failure: SecretwatchError | None = None


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
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        """`reads` takes providers that are to be read one by one, `checks` secrets that are to be checked."""
        self._providers = providers
        self._records = records
        self._references = references
        self._reads = reads
        self._checks = checks
        self._clock = clock

    def secrets(self, everything: WholeInventory) -> list[str]:
        """The ARN of each secret that a recorded provider references, in order."""
        return sorted(
            {one.secret_arn for known in self._records.known(everything) for one in known.provider.references}
        )

    def sweep(
        self, kind: ProviderKind, everything: WholeInventory, position: Position, *, cause: str | None = None
    ) -> Iterator[Progress]:
        """Read each provider of a kind once, from a position on; one that cannot be read is asked for by itself.

        A provider that is recorded but no longer listed is read too: only AgentCore's own "not found" removes it.
        """
        return _each_once(
            position,
            recorded=lambda: {one.provider.name.name: one.provider.name for one in self._of_kind(kind, everything)},
            page=lambda token: self._providers.page(kind, everything, token),
            read=lambda name: self._swept(name, cause),
        )

    def _of_kind(self, kind: ProviderKind, everything: WholeInventory) -> list[KnownProvider]:
        return [one for one in self._records.known(everything) if one.provider.name.kind is kind]

    def _swept(self, name: ProviderName, cause: str | None) -> "_Swept":
        try:
            read = self.read(name, since=self._clock(), check_all=False, cause=cause)
        except SecretwatchError:
            self._reads.send([name], cause=cause)
            return Counter([Counted.READS_FAILED]), ()
        counts = Counter(
            {
                Counted.PROVIDERS_READ: 1,
                Counted.PROVIDERS_GONE: int(read.provider is None),
                Counted.REFERENCES_ADDED: len(read.added),
                Counted.REFERENCES_REMOVED: len(read.removed),
            }
        )
        return counts, (read,)

    def read(self, name: ProviderName, *, since: datetime, check_all: bool, cause: str | None = None) -> Read:
        """Read one provider, record its references, and ask for the new ones to be checked; for all, when asked to or
        when the provider itself fares otherwise than before. `cause` is the id of the event that led to it.

        One that AgentCore has not finished with is read again soon, until it settles or too much time has passed since.
        Raises LostRace when other readers were first several times over: their answers may be newer than ours.
        """
        read = until_won(lambda: self._read_once(name))
        references = read.provider.references if read.provider else frozenset()
        self._checks.send(_secrets(references if check_all or read.status_changed else read.added), cause=cause)
        if read.provider and read.provider.status.settling:
            _read_again(self._reads, name, since, self._clock(), cause)
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
        return Read(name, provider, after - before, before - after, status_changed)

    def _moved(
        self, before: frozenset[Reference], after: frozenset[Reference]
    ) -> list[tuple[ReferenceState, Reference]]:
        """The fields that point elsewhere than before, with the state that they take along."""
        pairs = _pairs_of_a_field(before - after, after - before)
        return [(state, new) for old, new in pairs if (state := self._references.find(old))]


class GatewayInventory:
    """Keeps the Registry's gateways and consumers equal to AgentCore's."""

    def __init__(
        self,
        gateways: Gateways,
        records: GatewayRecords,
        providers: ProviderRecords,
        *,
        reads: Requests,
        checks: Requests,
        consumers_have_to_read: bool,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        """`reads` takes gateways that are to be read one by one, `checks` secrets that are to be checked.

        Where consumers have to be able to read what their providers reference, a change of them has that checked.
        """
        self._gateways = gateways
        self._records = records
        self._providers = providers
        self._reads = reads
        self._checks = checks
        self._consumers_have_to_read = consumers_have_to_read
        self._clock = clock

    def sweep(self, everything: WholeInventory, position: Position, *, cause: str | None = None) -> Iterator[Progress]:
        """Read each gateway once, from a position on; one that cannot be read is asked for by itself."""
        return _each_once(
            position,
            recorded=lambda: {one.gateway.name.gateway_id: one.gateway.name for one in self._records.known(everything)},
            page=lambda token: self._gateways.page(everything, token),
            read=lambda name: self._swept(name, cause),
        )

    def _swept(self, name: GatewayName, cause: str | None) -> "_Swept":
        try:
            self.read(name, since=self._clock(), cause=cause)
        except SecretwatchError:
            self._reads.send([name], cause=cause)
            return Counter([Counted.READS_FAILED]), ()
        return Counter([Counted.GATEWAYS_READ]), ()

    def read(self, name: GatewayName, *, since: datetime, cause: str | None = None) -> Gateway | None:
        """Read one gateway and record its consumers; returns it, or None once it is gone. `cause` is as for a provider.

        One that AgentCore has not finished with is read again soon, until it settles or too much time has passed since.
        Raises LostRace when other readers were first several times over.
        """
        gateway = until_won(lambda: self._read_once(name, cause))
        if gateway and gateway.settling:
            _read_again(self._reads, name, since, self._clock(), cause)
        return gateway

    def _read_once(self, name: GatewayName, cause: str | None) -> Gateway | None:
        known, gateway = self._records.find(name), self._gateways.get(name)
        before = known.gateway.consumers if known else frozenset()
        after = gateway.consumers if gateway else frozenset()
        if known and gateway is None:
            self._records.forget(known)
        elif gateway and (known is None or known.gateway != gateway):
            self._records.record(known, gateway)
        if self._consumers_have_to_read and before != after:
            self._check({consumer.provider_arn for consumer in before ^ after}, name, cause)
        return gateway

    def _check(self, provider_arns: set[str], of: GatewayName, cause: str | None) -> None:
        """Ask for checks of what these providers reference."""
        known = self._providers.known(WholeInventory(of.account, of.region))
        concerned = (one.provider.references for one in known if one.provider.arn in provider_arns)
        self._checks.send(_secrets(reference for references in concerned for reference in references), cause=cause)


_Swept = tuple[Counts, tuple[Read, ...]]


def _each_once(
    position: Position,
    *,
    recorded: Callable[[], dict[str, Name]],
    page: Callable[[str | None], Page[Name]],
    read: Callable[[Name], _Swept],
) -> Iterator[Progress]:
    """Read what is recorded, in order, then what is listed beside, page by page.

    A page's position holds until all of it is read: whoever begins it anew finds what was read among the recorded.
    """
    if position.stage is Stage.RECORDED:
        for key, name in sorted(recorded().items()):
            if key > position.after:
                yield Progress(Position(Stage.RECORDED, key), *read(name))
        position = Position(Stage.LISTED)
    known = set(recorded().values())
    while position.stage is Stage.LISTED:
        try:
            listed = page(position.after or None)
        except SecretwatchError as error:
            yield Progress(position, failure=error)
            return
        for name in listed.items:
            if name not in known:
                yield Progress(position, *read(name))
        position = Position(Stage.LISTED, listed.token) if listed.token else DONE
        yield Progress(position)


def _read_again(reads: Requests, name: Subject, since: datetime, now: datetime, cause: str | None) -> None:
    """Ask for another look: the longer it takes, the later, and at last no more."""
    age = now - since
    if age < _SETTLES_WITHIN:
        reads.send([name], cause=cause, at=since, delay=min(max(age, _SOONEST), _LATEST))


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
