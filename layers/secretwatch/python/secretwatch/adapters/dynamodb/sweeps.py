"""The sweep that runs, or ran last, and how far it has come."""

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

from secretwatch.adapters.dynamodb.table import IF_ABSENT, Item, Key, Table, if_version
from secretwatch.domain.change import WholeInventory
from secretwatch.domain.sweep import Counted, Lane, Position, Stage, Sweep

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SWEEP_PREFIX = "SWEEP#"


class DynamoDbSweeps:
    """`ports.Sweeps` on the Registry."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """`client` is a boto3 DynamoDB client."""
        self._table = Table(client, table)

    def find(self, everything: WholeInventory) -> Sweep | None:
        """GetItem of the account's and Region's record."""
        item = self._table.get(_key(everything))
        return sweep_of(item) if item else None

    def store(self, sweep: Sweep) -> None:
        """PutItem, on the condition that the stored version is the one before."""
        only = if_version(sweep.version - 1) if sweep.version > 1 else IF_ABSENT
        self._table.put(sweep_item(sweep), only)


def _key(everything: WholeInventory) -> Key:
    return {"pk": f"{SWEEP_PREFIX}{everything.account}#{everything.region}", "sk": "STATE"}


def sweep_item(sweep: Sweep) -> Item:
    """The sweep as a record of the Registry."""
    return {
        **_key(sweep.scope),
        "account": sweep.scope.account,
        "region": sweep.scope.region,
        "version": sweep.version,
        "started_at": sweep.started_at.isoformat(),
        "moved_at": sweep.moved_at.isoformat(),
        "positions": {lane.value: _position_item(position) for lane, position in sweep.positions.items()},
        "verified": sweep.verified,
        "counts": {counted.value: count for counted, count in sweep.counts.items()},
        "failures": list(sweep.failures),
        "without_trail": list(sweep.without_trail) if sweep.without_trail is not None else None,
        "held_until": _text(sweep.held_until),
        "completed_at": _text(sweep.completed_at),
    }


def sweep_of(item: Item) -> Sweep:
    """The sweep that a record holds."""
    without_trail = item["without_trail"]
    return Sweep(
        scope=WholeInventory(item["account"], item["region"]),
        version=int(item["version"]),
        started_at=datetime.fromisoformat(item["started_at"]),
        moved_at=datetime.fromisoformat(item["moved_at"]),
        positions={Lane(lane): _position(position) for lane, position in item["positions"].items()},
        verified=item["verified"],
        counts=Counter({Counted(counted): int(count) for counted, count in item["counts"].items()}),
        failures=tuple(item["failures"]),
        without_trail=tuple(without_trail) if without_trail is not None else None,
        held_until=_moment(item["held_until"]),
        completed_at=_moment(item["completed_at"]),
    )


def _position_item(position: Position) -> Item:
    return {"stage": position.stage.value, "after": position.after}


def _position(item: Item) -> Position:
    return Position(Stage(item["stage"]), item["after"])


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
