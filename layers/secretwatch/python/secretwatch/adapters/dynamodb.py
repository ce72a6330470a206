"""The Registry, one Amazon DynamoDB table.

| pk | sk | what |
|---|---|---|
| SECRET#<arn> | REF#<provider arn>#<field> | a reference and its state |
| NAME#<account>#<region>#<name> | <secret arn>#<provider arn>#<field> | the same, by the secret's name |
| PROVIDERNAME#<account>#<region>#<kind> | <name> | a provider as last read |
| GATEWAYID#<account>#<region> | <gateway id> | a gateway as last read |
| PROVIDER#<provider arn> | CONSUMER#<gateway arn>#<target id> | a consumer of the provider |
| ALERT | <digest of the news> | an alert that was sent; expires (Powertools idempotency) |
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from secretwatch.adapters.aws import code_of, translated
from secretwatch.domain.change import WholeInventory
from secretwatch.domain.consumer import Consumer, Gateway, GatewayName
from secretwatch.domain.finding import Code, Finding, Verdict
from secretwatch.domain.reference import Provider, ProviderKind, ProviderName, Reference
from secretwatch.domain.secret import SecretId
from secretwatch.domain.state import ReferenceState, UnknownSince
from secretwatch.errors import LostRace
from secretwatch.ports import KnownGateway, KnownProvider

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = Mapping[str, Any]
Conditions = Mapping[tuple[str, ...], dict[str, Any]]

_to_attribute = TypeSerializer().serialize
_from_attribute = TypeDeserializer().deserialize

_REFERENCE_PREFIX = "REF#"
_CONSUMER_PREFIX = "CONSUMER#"
_TRANSACTION = 100  # TransactWriteItems takes no more writes

# How Powertools' DynamoDBPersistenceLayer keeps its records in the Registry.
TOLD_ALERTS: dict[str, Any] = {
    "key_attr": "pk",
    "sort_key_attr": "sk",
    "static_pk_value": "ALERT",
    "expiry_attr": "expires_at",
}


class DynamoDbReferences:
    """`ports.References` on the Registry. Reads are consistent: a reference just recorded is not missed."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """`client` is a boto3 DynamoDB client."""
        self._client = client
        self._table = table

    def of_secret(self, secret: SecretId) -> list[ReferenceState]:
        """Query by ARN; by name, the ARNs are looked up first."""
        arns = [secret.arn] if secret.arn else self._arns(secret)
        return [
            state_of(item)
            for arn in arns
            for item in _query(self._client, self._table, f"SECRET#{arn}", begins_with=_REFERENCE_PREFIX)
        ]

    def find(self, reference: Reference) -> ReferenceState | None:
        """GetItem of the reference's own record."""
        item = _get(self._client, self._table, _reference_key(reference))
        return state_of(item) if item else None

    def store(self, state: ReferenceState) -> None:
        """PutItem, on the condition that the stored version is the one before."""
        with translated("PutItem"), _race_named():
            self._client.put_item(
                TableName=self._table, Item=_attributes(item_of(state)), **_if_version(state.version - 1)
            )

    def _arns(self, secret: SecretId) -> list[str]:
        items = _query(self._client, self._table, _name_pk(secret))
        return sorted({item["secret_arn"] for item in items})


class DynamoDbProviderRecords:
    """`ports.ProviderRecords` on the Registry."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """`client` is a boto3 DynamoDB client."""
        self._client = client
        self._table = table

    def known(self, inventory: WholeInventory) -> list[KnownProvider]:
        """One Query a kind."""
        return [
            _known_provider(item, ProviderName(inventory.account, inventory.region, kind, item["sk"]))
            for kind in ProviderKind
            for item in _query(self._client, self._table, _provider_pk(inventory.account, inventory.region, kind))
        ]

    def find(self, name: ProviderName) -> KnownProvider | None:
        """GetItem of the provider's record."""
        item = _get(self._client, self._table, _provider_key(name))
        return _known_provider(item, name) if item else None

    def record(
        self, known: KnownProvider | None, provider: Provider, *, moved: Collection[tuple[ReferenceState, Reference]]
    ) -> None:
        """TransactWriteItems: the provider's record, its new references, and the end of its former ones."""
        before = known.provider.references if known else frozenset()
        states = {new: state.moved_to(new) for state, new in moved}
        added = [states.get(reference, ReferenceState(reference)) for reference in provider.references - before]
        # What is taken along must be what is left behind: a check stored in between must not get lost.
        only_if = {_record(state.reference): _if_version(state.version) for state, _ in moved}
        self._transact(
            _put_provider(known, provider),
            *(write for state in added for write in _puts(state, only_if)),
            *_deletes(before, only_if, keep=provider.references),
        )

    def forget(self, known: KnownProvider) -> None:
        """TransactWriteItems: the provider's record and its references are deleted."""
        self._transact(
            {"Delete": {"Key": _keys(_provider_key(known.provider.name)), **_if_version(known.version)}},
            *_deletes(known.provider.references, {}, keep=frozenset()),
        )

    def _transact(self, *writes: dict[str, Any]) -> None:
        _transact(self._client, self._table, writes)


class DynamoDbConsumers:
    """`ports.Consumers` on the Registry."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """`client` is a boto3 DynamoDB client."""
        self._client = client
        self._table = table

    def of_provider(self, provider_arn: str) -> list[Consumer]:
        """One Query."""
        items = _query(self._client, self._table, f"PROVIDER#{provider_arn}", begins_with=_CONSUMER_PREFIX)
        return [_consumer(item) for item in items]


class DynamoDbGatewayRecords:
    """`ports.GatewayRecords` on the Registry."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """`client` is a boto3 DynamoDB client."""
        self._client = client
        self._table = table

    def known(self, inventory: WholeInventory) -> list[KnownGateway]:
        """One Query."""
        items = _query(self._client, self._table, _gateway_pk(inventory.account, inventory.region))
        return [_known_gateway(item, GatewayName(inventory.account, inventory.region, item["sk"])) for item in items]

    def find(self, name: GatewayName) -> KnownGateway | None:
        """GetItem of the gateway's record."""
        item = _get(self._client, self._table, _gateway_key(name))
        return _known_gateway(item, name) if item else None

    def record(self, known: KnownGateway | None, gateway: Gateway) -> None:
        """TransactWriteItems: the gateway's record, its new consumers, and the end of its former ones."""
        before = known.gateway.consumers if known else frozenset()
        self._transact(
            _put_gateway(known, gateway),
            *({"Put": {"Item": _attributes(_consumer_item(consumer))}} for consumer in gateway.consumers - before),
            *_consumer_deletes(before, keep=gateway.consumers),
        )

    def forget(self, known: KnownGateway) -> None:
        """TransactWriteItems: the gateway's record and its consumers are deleted."""
        self._transact(
            {"Delete": {"Key": _keys(_gateway_key(known.gateway.name)), **_if_version(known.version)}},
            *_consumer_deletes(known.gateway.consumers, keep=frozenset()),
        )

    def _transact(self, *writes: dict[str, Any]) -> None:
        _transact(self._client, self._table, writes)


# --- writes ---


def _transact(client: "DynamoDBClient", table: str, writes: Sequence[dict[str, Any]]) -> None:
    """All of the writes or none; the first holds the condition on the record.

    Beyond what one transaction takes, the rest goes before it: only when all of it is written is the record.
    """
    for start in [*range(_TRANSACTION, len(writes), _TRANSACTION), 0]:
        batch = writes[start : start + _TRANSACTION]
        items: Any = [{kind: {"TableName": table, **write[kind]} for kind in write} for write in batch]
        with translated("TransactWriteItems"), _race_named():
            client.transact_write_items(TransactItems=items)


def _put_gateway(known: KnownGateway | None, gateway: Gateway) -> dict[str, Any]:
    item = {
        **_gateway_key(gateway.name),
        "arn": gateway.arn,
        "consumers": [_consumer_attributes(consumer) for consumer in sorted(gateway.consumers)],
        "version": known.version + 1 if known else 1,
    }
    return {"Put": {"Item": _attributes(item), **_if_still(known)}}


def _consumer_deletes(consumers: Iterable[Consumer], *, keep: Iterable[Consumer]) -> Iterator[dict[str, Any]]:
    kept = [_consumer_key(consumer) for consumer in keep]
    for consumer in consumers:
        if (key := _consumer_key(consumer)) not in kept:
            yield {"Delete": {"Key": _keys(key)}}


def _if_still(known: KnownProvider | KnownGateway | None) -> dict[str, Any]:
    """The record is as it was known; or there is none yet."""
    return _if_version(known.version) if known else {"ConditionExpression": "attribute_not_exists(pk)"}


def _put_provider(known: KnownProvider | None, provider: Provider) -> dict[str, Any]:
    item = {
        **_provider_key(provider.name),
        "arn": provider.arn,
        "references": [
            {"field": reference.field, "secret_arn": reference.secret_arn, "json_key": reference.json_key}
            for reference in sorted(provider.references)
        ],
        "version": known.version + 1 if known else 1,
    }
    return {"Put": {"Item": _attributes(item), **_if_still(known)}}


def _puts(state: ReferenceState, only_if: Conditions) -> Iterator[dict[str, Any]]:
    name = {**_name_key(state.reference), "secret_arn": state.reference.secret_arn}
    yield {"Put": {"Item": _attributes(item_of(state)), **only_if.get(_record(state.reference), {})}}
    yield {"Put": {"Item": _attributes(name)}}


def _deletes(
    references: Iterable[Reference], only_if: Conditions, *, keep: Iterable[Reference]
) -> Iterator[dict[str, Any]]:
    """Deletes of what `keep` does not write under the same key: one transaction may touch an item only once."""
    kept = {_record(reference) for reference in keep}
    for reference in references:
        if (record := _record(reference)) not in kept:
            yield {"Delete": {"Key": _keys(_reference_key(reference)), **only_if.get(record, {})}}
            yield {"Delete": {"Key": _keys(_name_key(reference))}}


def _if_version(version: int) -> dict[str, Any]:
    return {"ConditionExpression": "version = :version", "ExpressionAttributeValues": {":version": {"N": str(version)}}}


@contextmanager
def _race_named() -> Iterator[None]:
    """A failed condition means that another writer was first; so does a transaction that met another."""
    try:
        yield
    except ClientError as error:
        if code_of(error) in {"ConditionalCheckFailedException", "TransactionCanceledException"}:
            raise LostRace("the Registry's record has moved on") from error
        raise


# --- reads ---


def _query(client: "DynamoDBClient", table: str, pk: str, *, begins_with: str = "") -> Iterator[Item]:
    condition, values = "pk = :pk", {":pk": {"S": pk}}
    if begins_with:
        condition, values = f"{condition} AND begins_with(sk, :sk)", {**values, ":sk": {"S": begins_with}}
    start: dict[str, Any] = {}
    while True:
        with translated("Query"):
            page = client.query(
                TableName=table,
                KeyConditionExpression=condition,
                ExpressionAttributeValues=values,
                ConsistentRead=True,
                **start,
            )
        yield from (plain(item) for item in page["Items"])
        if "LastEvaluatedKey" not in page:
            return
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def _get(client: "DynamoDBClient", table: str, key: Mapping[str, str]) -> Item | None:
    with translated("GetItem"):
        answer = client.get_item(TableName=table, Key=_keys(key), ConsistentRead=True)
    return plain(answer["Item"]) if "Item" in answer else None


# --- keys ---


def _reference_key(reference: Reference) -> dict[str, str]:
    return {
        "pk": f"SECRET#{reference.secret_arn}",
        "sk": f"{_REFERENCE_PREFIX}{reference.provider_arn}#{reference.field}",
    }


def _record(reference: Reference) -> tuple[str, ...]:
    """Which record holds the reference: two references that differ in their JSON key alone share one."""
    return tuple(_reference_key(reference).values())


def _name_pk(secret: SecretId) -> str:
    return f"NAME#{secret.account}#{secret.region}#{secret.name}"


def _name_key(reference: Reference) -> dict[str, str]:
    sk = f"{reference.secret_arn}#{reference.provider_arn}#{reference.field}"
    return {"pk": _name_pk(reference.secret), "sk": sk}


def _provider_pk(account: str, region: str, kind: ProviderKind) -> str:
    return f"PROVIDERNAME#{account}#{region}#{kind}"


def _provider_key(name: ProviderName) -> dict[str, str]:
    return {"pk": _provider_pk(name.account, name.region, name.kind), "sk": name.name}


def _gateway_pk(account: str, region: str) -> str:
    return f"GATEWAYID#{account}#{region}"


def _gateway_key(name: GatewayName) -> dict[str, str]:
    return {"pk": _gateway_pk(name.account, name.region), "sk": name.gateway_id}


def _consumer_key(consumer: Consumer) -> dict[str, str]:
    sk = f"{_CONSUMER_PREFIX}{consumer.gateway_arn}#{consumer.target_id}"
    return {"pk": f"PROVIDER#{consumer.provider_arn}", "sk": sk}


# --- records: an attribute that an older version did not write is read as its default ---


def item_of(state: ReferenceState) -> dict[str, Any]:
    """The state as a record of the Registry."""
    reference, unknown = state.reference, state.unknown
    return {
        **_reference_key(reference),
        "provider_arn": reference.provider_arn,
        "account": reference.provider.account,
        "region": reference.provider.region,
        "kind": reference.provider.kind.value,
        "provider": reference.provider.name,
        "field": reference.field,
        "secret_arn": reference.secret_arn,
        "json_key": reference.json_key,
        "version": state.version,
        "verdict": state.verdict.value if state.verdict else None,
        "findings": [
            {
                "code": finding.code.value,
                "evidence": finding.evidence,
                "remedy": finding.remedy,
                "command": finding.command,
            }
            for finding in state.findings
        ],
        "unknown": {"reason": unknown.reason, "since": unknown.since.isoformat()} if unknown else None,
        "good_version": state.good_version,
        "checked_at": state.checked_at.isoformat() if state.checked_at else None,
    }


def state_of(item: Item) -> ReferenceState:
    """The state that a record holds."""
    name = ProviderName(item["account"], item["region"], ProviderKind(item["kind"]), item["provider"])
    unknown, checked_at = item.get("unknown"), item.get("checked_at")
    return ReferenceState(
        reference=Reference(item["provider_arn"], name, item["field"], item["secret_arn"], item.get("json_key")),
        version=int(item["version"]),
        verdict=Verdict(item["verdict"]) if item.get("verdict") else None,
        findings=tuple(
            Finding(Code(finding["code"]), finding["evidence"], finding["remedy"], finding.get("command"))
            for finding in item.get("findings") or ()
        ),
        unknown=UnknownSince(unknown["reason"], datetime.fromisoformat(unknown["since"])) if unknown else None,
        good_version=item.get("good_version"),
        checked_at=datetime.fromisoformat(checked_at) if checked_at else None,
    )


def plain(attributes: Mapping[str, Any]) -> Item:
    """A record as plain values, from DynamoDB's typed attributes (as a table or its stream gives them)."""
    return {name: _from_attribute(attribute) for name, attribute in attributes.items()}


def _known_provider(item: Item, name: ProviderName) -> KnownProvider:
    references = frozenset(
        Reference(item["arn"], name, one["field"], one["secret_arn"], one.get("json_key")) for one in item["references"]
    )
    return KnownProvider(Provider(item["arn"], name, references), int(item["version"]))


def _consumer_attributes(consumer: Consumer) -> dict[str, Any]:
    return {
        "provider_arn": consumer.provider_arn,
        "target_id": consumer.target_id,
        "target": consumer.target,
        "gateway": consumer.gateway,
        "gateway_arn": consumer.gateway_arn,
        "role_arn": consumer.role_arn,
    }


def _consumer_item(consumer: Consumer) -> dict[str, Any]:
    return {**_consumer_key(consumer), **_consumer_attributes(consumer)}


def _consumer(item: Item) -> Consumer:
    return Consumer(
        provider_arn=item["provider_arn"],
        target_id=item["target_id"],
        target=item["target"],
        gateway=item["gateway"],
        gateway_arn=item["gateway_arn"],
        role_arn=item.get("role_arn"),
    )


def _known_gateway(item: Item, name: GatewayName) -> KnownGateway:
    consumers = frozenset(_consumer(one) for one in item["consumers"])
    return KnownGateway(Gateway(name, item["arn"], consumers), int(item["version"]))


def _attributes(item: Item) -> dict[str, Any]:
    return {name: _to_attribute(value) for name, value in item.items()}


def _keys(key: Mapping[str, str]) -> dict[str, Any]:
    return {name: {"S": value} for name, value in key.items()}
