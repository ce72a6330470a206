"""Gateways as last read, and their targets as consumers of providers."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from secretwatch.adapters.dynamodb.table import IF_ABSENT, Item, Key, Table, Write, delete, if_version, put
from secretwatch.domain.change import WholeInventory
from secretwatch.domain.consumer import Consumer, Gateway, GatewayName
from secretwatch.ports import KnownGateway

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PREFIX = "CONSUMER#"


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
        """TransactWriteItems: the gateway's record, its new consumers, and the end of its former ones."""
        before = known.gateway.consumers if known else frozenset()
        self._table.write(
            put(_item(known, gateway), if_version(known.version) if known else IF_ABSENT),
            *(put({**_consumer_key(new), **_consumer_item(new)}) for new in gateway.consumers - before),
            *_deletes(before, keep=gateway.consumers),
        )

    def forget(self, known: KnownGateway) -> None:
        """TransactWriteItems: the gateway's record and its consumers are deleted."""
        self._table.write(
            delete(_key(known.gateway.name), if_version(known.version)),
            *_deletes(known.gateway.consumers, keep=frozenset()),
        )


def _pk(account: str, region: str) -> str:
    return f"GATEWAYID#{account}#{region}"


def _key(name: GatewayName) -> Key:
    return {"pk": _pk(name.account, name.region), "sk": name.gateway_id}


def _item(known: KnownGateway | None, gateway: Gateway) -> Item:
    return {
        **_key(gateway.name),
        "arn": gateway.arn,
        "consumers": [_consumer_item(consumer) for consumer in sorted(gateway.consumers, key=_order)],
        "version": known.version + 1 if known else 1,
    }


def _known(item: Item, name: GatewayName) -> KnownGateway:
    consumers = frozenset(_consumer(one) for one in item["consumers"])
    return KnownGateway(Gateway(name, item["arn"], consumers), int(item["version"]))


def _deletes(consumers: Iterable[Consumer], *, keep: Iterable[Consumer]) -> Iterator[Write]:
    """Deletes of what `keep` does not write under the same key: one transaction may touch a record only once."""
    kept = {_order(consumer) for consumer in keep}
    return (delete(_consumer_key(consumer)) for consumer in consumers if _order(consumer) not in kept)


def _consumer_key(consumer: Consumer) -> Key:
    return {"pk": f"PROVIDER#{consumer.provider_arn}", "sk": f"{_PREFIX}{consumer.gateway_arn}#{consumer.target_id}"}


def _order(consumer: Consumer) -> tuple[str, ...]:
    return tuple(_consumer_key(consumer).values())


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
