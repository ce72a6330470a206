"""Waivers, found by subject and code; those that still hold by one index."""

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING

from secretwatch.adapters.dynamodb.table import ALWAYS, Item, Key, Table
from secretwatch.domain.finding import Code
from secretwatch.domain.waiver import Waiver

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_OPEN = "WAIVER"  # under which the index holds them


class DynamoDbWaivers:
    """`ports.Waivers` on the Registry; and what the command needs to give, list and end them."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """`client` is a boto3 DynamoDB client."""
        self._table = Table(client, table)

    def holding(self, subjects: Collection[tuple[str, Code]]) -> list[Waiver]:
        """BatchGetItem; TTL deletes an expired waiver up to two days late, so one may still be among them."""
        return [_waiver(item) for item in self._table.get_all([_key(*one) for one in subjects])]

    def all(self) -> list[Waiver]:
        """Query of the index of what is open, the first to end first."""
        return [_waiver(item) for item in self._table.opened(_OPEN)]

    def give(self, waiver: Waiver) -> None:
        """PutItem; a waiver of the same subject and code is replaced."""
        self._table.put(_item(waiver), ALWAYS)

    def end(self, subject: str, code: Code) -> None:
        """DeleteItem; no matter whether there was one."""
        self._table.delete(_key(subject, code))


def _key(subject: str, code: Code) -> Key:
    return {"pk": f"WAIVER#{subject}#{code}", "sk": "STATE"}


def _item(waiver: Waiver) -> Item:
    return {
        **_key(waiver.subject, waiver.code),
        "open": _OPEN,
        "opened_at": waiver.expires_at.isoformat(),
        "subject": waiver.subject,
        "code": waiver.code.value,
        "reason": waiver.reason,
        "author": waiver.author,
        "created_at": waiver.created_at.isoformat(),
        "expires_at": int(waiver.expires_at.timestamp()),
        "until": waiver.expires_at.isoformat(),
    }


def _waiver(item: Item) -> Waiver:
    return Waiver(
        subject=item["subject"],
        code=Code(item["code"]),
        reason=item["reason"],
        author=item["author"],
        created_at=datetime.fromisoformat(item["created_at"]),
        expires_at=datetime.fromisoformat(item["until"]),
    )
