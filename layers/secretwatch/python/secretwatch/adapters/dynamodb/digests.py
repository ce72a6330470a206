"""Digests: many incidents that are told as one."""

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from secretwatch.adapters.dynamodb.references import moment_of, text_of
from secretwatch.adapters.dynamodb.table import IF_ABSENT, Item, Key, Table, if_version
from secretwatch.adapters.dynamodb.tellings import expiry, owners_item, owners_of, telling_item, telling_of
from secretwatch.domain.finding import Verdict
from secretwatch.domain.incident import Cause, Digest

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_OPEN = "DIGEST"  # under which the index holds them
_DAYS_KEPT = 90


class DynamoDbDigests:
    """`ports.Digests` on the Registry."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """`client` is a boto3 DynamoDB client."""
        self._table = Table(client, table)

    def find(self, digest_id: str) -> Digest | None:
        """One Query."""
        return next((_digest(item) for item in self._table.query(_key(digest_id)["pk"])), None)

    def store(self, before: Digest | None, after: Digest, *, next_at: datetime | None) -> Digest:
        """PutItem on the condition of the version."""
        stored = replace(after, version=before.version + 1 if before else 1)
        self._table.put(_item(stored, next_at), if_version(before.version) if before else IF_ABSENT)
        return stored

    def open(self) -> list[Digest]:
        """Query of the index of what is open."""
        return [_digest(item) for item in self._table.opened(_OPEN)]


def _key(digest_id: str) -> Key:
    return {"pk": f"DIGEST#{digest_id}", "sk": "STATE"}


def _item(digest: Digest, next_at: datetime | None) -> Item:
    account, region = digest.place
    item: dict[str, Any] = {
        **_key(digest.id),
        "opened_at": digest.opened_at.isoformat(),
        "account": account,
        "region": region,
        "members": [cause.subject for cause in digest.members],
        "still": [cause.subject for cause in digest.still],
        "owners": [owners_item(digest.owners_of(cause)) for cause in digest.members],
        "severity": digest.severity.value,
        "first_look": digest.first_look,
        "resolved_at": text_of(digest.resolved_at),
        "telling": telling_item(digest.telling),
        "version": digest.version,
    }
    if next_at:
        item["open"] = _OPEN
    if digest.resolved_at:
        item["expires_at"] = expiry(digest.resolved_at, _DAYS_KEPT)
    return item


def _digest(item: Item) -> Digest:
    members = tuple(Cause(subject) for subject in item["members"])
    return Digest(
        id=item["pk"].removeprefix("DIGEST#"),
        place=(item["account"], item["region"]),
        opened_at=datetime.fromisoformat(item["opened_at"]),
        members=members,
        still=tuple(Cause(subject) for subject in item["still"]),
        whose={cause: owners_of(found) for cause, found in zip(members, item.get("owners") or (), strict=False)},
        severity=Verdict(item.get("severity") or Verdict.BROKEN),
        first_look=bool(item["first_look"]),
        resolved_at=moment_of(item.get("resolved_at")),
        telling=telling_of(item["telling"]),
        version=int(item["version"]),
    )
