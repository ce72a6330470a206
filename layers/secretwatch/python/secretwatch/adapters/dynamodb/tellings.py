"""What was told of an incident or a digest, as part of its record."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from secretwatch.adapters.dynamodb.references import moment_of, text_of
from secretwatch.adapters.dynamodb.table import Item
from secretwatch.domain.incident import Delivery, Kind, Telling


def telling_item(telling: Telling) -> dict[str, Any]:
    """The outbox as part of a record."""
    return {
        "revision": telling.revision,
        "aloud": telling.aloud,
        "kind": telling.kind.value,
        "at": text_of(telling.at),
        "lease_until": text_of(telling.lease_until),
        "deliveries": {name: _delivery_item(delivery) for name, delivery in telling.deliveries.items()},
    }


def telling_of(item: Item) -> Telling:
    """The outbox that a record holds."""
    return Telling(
        revision=int(item["revision"]),
        aloud=int(item["aloud"]),
        kind=Kind(item["kind"]),
        at=moment_of(item.get("at")),
        lease_until=moment_of(item.get("lease_until")),
        deliveries={name: _delivery(one) for name, one in item["deliveries"].items()},
    )


def owners_item(owners: Collection[str | None]) -> list[str | None]:
    """Owners as part of a record; None stands for secrets without one."""
    return sorted(owners, key=lambda owner: owner or "")


def owners_of(found: Collection[str | None] | None) -> frozenset[str | None]:
    """The owners that a record holds; those of 0.2.0 hold none, and were told as if nobody owned them."""
    return frozenset(found or [None])


def expiry(over_at: datetime, days: int) -> int:
    """When TTL may delete what is over."""
    return int(over_at.timestamp()) + days * 86_400


def _delivery_item(delivery: Delivery) -> Item:
    return {
        "revision": delivery.revision,
        "place": delivery.place,
        "attempted": delivery.attempted,
        "not_before": text_of(delivery.not_before),
        "at": text_of(delivery.at),
    }


def _delivery(item: Item) -> Delivery:
    return Delivery(
        revision=int(item["revision"]),
        place=item.get("place"),
        attempted=bool(item.get("attempted")),
        not_before=moment_of(item.get("not_before")),
        at=moment_of(item.get("at")),
    )
