"""Reading and writing the table: consistent reads, conditional writes, a lost race by its name."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from secretwatch.adapters.aws import code_of, translated
from secretwatch.errors import LostRace

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Key: TypeAlias = Mapping[str, str]
Item: TypeAlias = Mapping[str, Any]
Write: TypeAlias = Mapping[str, Any]
Condition: TypeAlias = Mapping[str, Any]

ALWAYS: Condition = {}
IF_ABSENT: Condition = {"ConditionExpression": "attribute_not_exists(pk)"}

OPEN_INDEX = "Open"
"""The sparse index of what is open: records with `open`, their kind, and `opened_at`."""

_KEYS_AT_ONCE = 100  # BatchGetItem takes no more

_to_attribute = TypeSerializer().serialize
_from_attribute = TypeDeserializer().deserialize


class Table:
    """The Registry's table. Reads are consistent: what was just recorded is not missed."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        """`client` is a boto3 DynamoDB client."""
        self._client = client
        self._name = name

    def query(self, pk: str, *, begins_with: str = "") -> Iterator[Item]:
        """Every record under the partition key whose sort key begins so."""
        condition, values = "pk = :pk", {":pk": {"S": pk}}
        if begins_with:
            condition, values = f"{condition} AND begins_with(sk, :sk)", {**values, ":sk": {"S": begins_with}}
        start: dict[str, Any] = {}
        while True:
            with translated("Query"):
                page = self._client.query(
                    TableName=self._name,
                    KeyConditionExpression=condition,
                    ExpressionAttributeValues=values,
                    ConsistentRead=True,
                    **start,
                )
            yield from (plain(item) for item in page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def get(self, key: Key) -> Item | None:
        """The record, or None."""
        with translated("GetItem"):
            answer = self._client.get_item(TableName=self._name, Key=_attributes(key), ConsistentRead=True)
        return plain(answer["Item"]) if "Item" in answer else None

    def get_all(self, keys: Sequence[Key]) -> list[Item]:
        """Those of the records that there are, a hundred keys at a time."""
        found: list[Item] = []
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            pending: Any = {self._name: {"Keys": [_attributes(key) for key in keys[start : start + _KEYS_AT_ONCE]]}}
            while pending:
                pending[self._name]["ConsistentRead"] = True
                with translated("BatchGetItem"):
                    answer = self._client.batch_get_item(RequestItems=pending)
                found += [plain(item) for item in answer["Responses"].get(self._name, [])]
                pending = answer.get("UnprocessedKeys")
        return found

    def opened(self, kind: str, *, since: str = "") -> Iterator[Item]:
        """Every record of the kind in the index of what is open, in the order of `opened_at`; eventually consistent.

        With `since`, those only that were opened then or later.
        """
        condition, values = "#open = :kind", {":kind": {"S": kind}}
        if since:
            condition, values = f"{condition} AND opened_at >= :since", {**values, ":since": {"S": since}}
        pages = self._client.get_paginator("query").paginate(
            TableName=self._name,
            IndexName=OPEN_INDEX,
            KeyConditionExpression=condition,
            ExpressionAttributeNames={"#open": "open"},
            ExpressionAttributeValues=values,
        )
        with translated("Query"):
            for page in pages:
                yield from (plain(item) for item in page["Items"])

    def delete(self, key: Key) -> None:
        """Delete the record, if it is there."""
        with translated("DeleteItem"):
            self._client.delete_item(TableName=self._name, Key=_attributes(key))

    def put(self, item: Item, only: Condition) -> None:
        """Write the record on the condition; raises LostRace when it does not hold."""
        with translated("PutItem"), _race_named():
            self._client.put_item(TableName=self._name, Item=_attributes(item), **only)

    def write(self, *writes: Write) -> None:
        """All of the writes, a hundred at most, or none; raises LostRace when a condition does not hold."""
        items: Any = [{kind: {"TableName": self._name, **write[kind]} for kind in write} for write in writes]
        with translated("TransactWriteItems"), _race_named():
            self._client.transact_write_items(TransactItems=items)


def put(item: Item, only: Condition = ALWAYS) -> Write:
    """Part of a transaction: the record is written on the condition."""
    return {"Put": {"Item": _attributes(item), **only}}


def delete(key: Key, only: Condition = ALWAYS) -> Write:
    """Part of a transaction: the record is deleted on the condition."""
    return {"Delete": {"Key": _attributes(key), **only}}


def if_version(version: int) -> Condition:
    """The stored record still has this version."""
    return {"ConditionExpression": "version = :version", "ExpressionAttributeValues": {":version": {"N": str(version)}}}


def plain(attributes: Mapping[str, Any]) -> Item:
    """A record as plain values, from DynamoDB's typed attributes (as a table or its stream gives them)."""
    return {name: _from_attribute(attribute) for name, attribute in attributes.items()}


def _attributes(item: Item) -> dict[str, Any]:
    return {name: _to_attribute(value) for name, value in item.items()}


@contextmanager
def _race_named() -> Iterator[None]:
    """A failed condition means that another writer was first; so does a transaction that met another."""
    try:
        yield
    except ClientError as error:
        if code_of(error) in {"ConditionalCheckFailedException", "TransactionCanceledException"}:
            raise LostRace("the Registry's record has moved on") from error
        raise
