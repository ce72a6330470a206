"""Inventory: which providers reference which secrets."""

from collections.abc import Iterable
from dataclasses import dataclass

from secretwatch.domain.change import Subject, WholeInventory
from secretwatch.domain.reference import Provider, ProviderKind, ProviderName, Reference
from secretwatch.domain.secret import SecretId
from secretwatch.domain.state import ReferenceState
from secretwatch.ports import ProviderRecords, Providers, References, Requests
from secretwatch.racing import until_won


@dataclass(frozen=True, slots=True)
class Read:
    """What reading one provider showed; `provider` is None once AgentCore no longer knows it."""

    provider: Provider | None
    added: frozenset[Reference]
    removed: frozenset[Reference]


class Inventory:
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

    def take(self, inventory: WholeInventory) -> int:
        """Ask for every provider to be read and every referenced secret to be checked; returns how many providers.

        A provider that is recorded but no longer listed is read too: only AgentCore's own "not found" removes it.
        """
        known = self._records.known(inventory)
        self._checks.send(_secrets(reference for one in known for reference in one.provider.references))
        names = {one.provider.name for one in known}
        for kind in ProviderKind:
            names.update(self._providers.names(kind, inventory))
        self._reads.send(sorted(names))
        return len(names)

    def read(self, name: ProviderName, *, check_all: bool) -> Read:
        """Read one provider, record its references, and ask for the new ones, or all, to be checked.

        Raises LostRace when other readers were first several times over: their answers may be newer than ours.
        """
        read = until_won(lambda: self._read_once(name))
        references = read.provider.references if read.provider else frozenset()
        self._checks.send(_secrets(references if check_all else read.added))
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
        return Read(provider, after - before, before - after)

    def _moved(
        self, before: frozenset[Reference], after: frozenset[Reference]
    ) -> list[tuple[ReferenceState, Reference]]:
        """The fields that point elsewhere than before, with the state that they take along."""
        old = {reference.field: reference for reference in before - after}
        pairs = [(old[new.field], new) for new in after - before if new.field in old]
        return [(state, new) for earlier, new in pairs if (state := self._references.find(earlier))]


def _secrets(references: Iterable[Reference]) -> list[Subject]:
    return [SecretId.of_arn(arn) for arn in sorted({reference.secret_arn for reference in references})]
