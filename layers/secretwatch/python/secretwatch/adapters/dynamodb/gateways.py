"""Gateways as last read, and their targets as consumers of providers."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from secretwatch.adapters.dynamodb.table import IF_ABSENT, Item, Key, Table, Write, delete, if_version, put
from secretwatch.domain.change import WholeInventory
from secretwatch.domain.consumer import Consumer, Gateway, GatewayName
from secretwatch.ports import KnownGateway

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ConsumerKey: TypeAlias = tuple[str, str]

_PREFIX = "CONSUMER#"
_CHANGES_AT_ONCE = 99  # TransactWriteItems takes a hundred writes, and the gateway's own record is one


class DynamoDbConsumers:
    """`ports.Consumers` on the Registry."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """`client` is a boto3 DynamoDB client."""
        self._table = Table(client, table)

    def of_provider(self, provider_arn: str) -> list[Consumer]:
        """One Query."""
        return [_consumer(item) for item in self._table.query(f"PROVIDER#{provider_arn}", begins_with=_PREFIX)]


class DynamoDbGatewayRecords:
    """`ports.GatewayRecords` on the Registry."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """`client` is a boto3 DynamoDB client."""
        self._table = Table(client, table)

    def known(self, inventory: WholeInventory) -> list[KnownGateway]:
        """One Query."""
        items = self._table.query(_pk(inventory.account, inventory.region))
        return [_known(item, GatewayName(inventory.account, inventory.region, item["sk"])) for item in items]

    def find(self, name: GatewayName) -> KnownGateway | None:
        """GetItem of the gateway's record."""
        item = self._table.get(_key(name))
        return _known(item, name) if item else None

    def record(self, known: KnownGateway | None, gateway: Gateway) -> None:
        """TransactWriteItems: the gateway's record, its new consumers, and the end of its former ones.

        More changes than one transaction takes are made step by step, each of them whole.
        """
        recorded = self._step(known, gateway)
        while recorded.gateway != gateway:
            recorded = self._step(recorded, gateway)

    def forget(self, known: KnownGateway) -> None:
        """TransactWriteItems: first the gateway's consumers are deleted, then its record."""
        bare = replace(known.gateway, consumers=frozenset())
        while known.gateway.consumers:
            known = self._step(known, bare)
        self._table.write(delete(_key(known.gateway.name), if_version(known.version)))

    def _step(self, known: KnownGateway | None, gateway: Gateway) -> KnownGateway:
        """Bring the record as far towards the gateway as one transaction does; returns what is recorded then."""
        before = {_consumer_key(consumer): consumer for consumer in known.gateway.consumers} if known else {}
        changes = dict(islice(_changes(before, gateway), _CHANGES_AT_ONCE))
        consumers = filter(None, {**before, **changes}.values())
        recorded = KnownGateway(replace(gateway, consumers=frozenset(consumers)), known.version + 1 if known else 1)
        self._table.write(
            put(_item(recorded), if_version(known.version) if known else IF_ABSENT),
            *(_write(*change) for change in changes.items()),
        )
        return recorded


def _pk(account: str, region: str) -> str:
    return f"GATEWAYID#{account}#{region}"


def _key(name: GatewayName) -> Key:
    return {"pk": _pk(name.account, name.region), "sk": name.gateway_id}


def _item(recorded: KnownGateway) -> Item:
    return {
        **_key(recorded.gateway.name),
        "arn": recorded.gateway.arn,
        "consumers": [_consumer_item(consumer) for consumer in sorted(recorded.gateway.consumers, key=_consumer_key)],
        "version": recorded.version,
    }


def _known(item: Item, name: GatewayName) -> KnownGateway:
    consumers = frozenset(_consumer(one) for one in item["consumers"])
    return KnownGateway(Gateway(name, item["arn"], consumers), int(item["version"]))


def _changes(before: Mapping[ConsumerKey, Consumer], gateway: Gateway) -> Iterator[tuple[ConsumerKey, Consumer | None]]:
    """Each consumer's record that has to be written, or, without a consumer, deleted."""
    after = {_consumer_key(consumer): consumer for consumer in gateway.consumers}
    yield from ((key, consumer) for key, consumer in after.items() if before.get(key) != consumer)
    yield from ((key, None) for key in before if key not in after)


def _write(at: ConsumerKey, consumer: Consumer | None) -> Write:
    pk, sk = at
    key = {"pk": pk, "sk": sk}
    return put({**key, **_consumer_item(consumer)}) if consumer else delete(key)


def _consumer_key(consumer: Consumer) -> ConsumerKey:
    """The keys of the consumer's record."""
    return f"PROVIDER#{consumer.provider_arn}", f"{_PREFIX}{consumer.gateway_arn}#{consumer.target_id}"


def _consumer_item(consumer: Consumer) -> Item:
    return {
        "provider_arn": consumer.provider_arn,
        "target_id": consumer.target_id,
        "target": consumer.target,
        "gateway": consumer.gateway,
        "gateway_arn": consumer.gateway_arn,
        "role_arn": consumer.role_arn,
    }


def _consumer(item: Item) -> Consumer:
    return Consumer(
        provider_arn=item["provider_arn"],
        target_id=item["target_id"],
        target=item["target"],
        gateway=item["gateway"],
        gateway_arn=item["gateway_arn"],
        role_arn=item.get("role_arn"),
    )
