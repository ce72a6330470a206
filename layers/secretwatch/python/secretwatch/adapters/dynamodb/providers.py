"""Providers as last read, recorded together with their references."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias

from secretwatch.adapters.dynamodb.references import item_of, pointer_keys, reference_key
from secretwatch.adapters.dynamodb.table import (
    ALWAYS,
    IF_ABSENT,
    Condition,
    Item,
    Key,
    Table,
    Write,
    delete,
    if_version,
    put,
)
from secretwatch.domain.change import WholeInventory
from secretwatch.domain.facts import NoSuchProvider
from secretwatch.domain.reference import Provider, ProviderKind, ProviderName, ProviderStatus, Reference
from secretwatch.domain.state import ReferenceState
from secretwatch.ports import KnownProvider

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Conditions: TypeAlias = Mapping[tuple[str, ...], Condition]


class DynamoDbProviderRecords:
    """`ports.ProviderRecords` and `ports.ProviderStatuses` on the Registry."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """`client` is a boto3 DynamoDB client."""
        self._table = Table(client, table)

    def known(self, inventory: WholeInventory) -> list[KnownProvider]:
        """One Query a kind."""
        return [
            _known(item, ProviderName(inventory.account, inventory.region, kind, item["sk"]))
            for kind in ProviderKind
            for item in self._table.query(_pk(inventory.account, inventory.region, kind))
        ]

    def find(self, name: ProviderName) -> KnownProvider | None:
        """GetItem of the provider's record."""
        item = self._table.get(_key(name))
        return _known(item, name) if item else None

    def status(self, name: ProviderName) -> ProviderStatus | NoSuchProvider:
        """GetItem of the provider's record: what AgentCore said when the inventory last asked."""
        item = self._table.get(_key(name))
        return _status(item) if item else NoSuchProvider()

    def record(
        self, known: KnownProvider | None, provider: Provider, *, moved: Collection[tuple[ReferenceState, Reference]]
    ) -> None:
        """TransactWriteItems: the provider's record, its new references, and the end of its former ones."""
        before = known.provider.references if known else frozenset()
        states = {new: state.moved_to(new) for state, new in moved}
        added = [states.get(reference, ReferenceState(reference)) for reference in provider.references - before]
        # What is taken along must be what is left behind: a check stored in between must not get lost.
        only = {_record_of(state.reference): if_version(state.version) for state, _ in moved}
        self._table.write(
            put(_item(known, provider), if_version(known.version) if known else IF_ABSENT),
            *(write for state in added for write in _puts(state, only)),
            *_deletes(before, only, keep=provider.references),
        )

    def forget(self, known: KnownProvider) -> None:
        """TransactWriteItems: the provider's record and its references are deleted."""
        self._table.write(
            delete(_key(known.provider.name), if_version(known.version)),
            *_deletes(known.provider.references, {}, keep=frozenset()),
        )


def _pk(account: str, region: str, kind: ProviderKind) -> str:
    return f"PROVIDERNAME#{account}#{region}#{kind}"


def _key(name: ProviderName) -> Key:
    return {"pk": _pk(name.account, name.region, name.kind), "sk": name.name}


def _item(known: KnownProvider | None, provider: Provider) -> Item:
    return {
        **_key(provider.name),
        "arn": provider.arn,
        "references": [
            {"field": reference.field, "secret_arn": reference.secret_arn, "json_key": reference.json_key}
            for reference in sorted(provider.references, key=_record_of)
        ],
        "status": provider.status.status,
        "failure_reason": provider.status.failure_reason,
        "version": known.version + 1 if known else 1,
    }


def _known(item: Item, name: ProviderName) -> KnownProvider:
    references = frozenset(
        Reference(item["arn"], name, one["field"], one["secret_arn"], one.get("json_key")) for one in item["references"]
    )
    return KnownProvider(Provider(item["arn"], name, references, _status(item)), int(item["version"]))


def _status(item: Item) -> ProviderStatus:
    return ProviderStatus(item.get("status"), item.get("failure_reason"))


def _record_of(reference: Reference) -> tuple[str, ...]:
    return tuple(reference_key(reference).values())


def _puts(state: ReferenceState, only: Conditions) -> Iterator[Write]:
    reference = state.reference
    yield put(item_of(state), only.get(_record_of(reference), ALWAYS))
    for key in pointer_keys(reference):
        yield put({**key, "secret_arn": reference.secret_arn})


def _deletes(references: Iterable[Reference], only: Conditions, *, keep: Iterable[Reference]) -> Iterator[Write]:
    """Deletes of what `keep` does not write under the same key: one transaction may touch a record only once."""
    kept = {_record_of(reference) for reference in keep}
    for reference in references:
        if (record := _record_of(reference)) not in kept:
            yield delete(reference_key(reference), only.get(record, ALWAYS))
            yield from (delete(key) for key in pointer_keys(reference))
