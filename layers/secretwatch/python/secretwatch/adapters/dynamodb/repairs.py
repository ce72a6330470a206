"""Repairs: plans and what became of them, what is known of each policy, and the audit, which is only ever added to."""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

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
from secretwatch.domain.repair.plan import Decided, Kind
from secretwatch.domain.repair.repair import Audit, Breaker, Purpose, Repair, Spending, Standing, Status
from secretwatch.errors import LostRace
from secretwatch.policy import Outcome

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# Under which the index holds them: plans that wait, policies at rest, and every change that we made.
_WAITING, _AT_REST, _AUDIT = "REPAIR", "REPAIRS", "AUDIT"
_BREAKER: Key = {"pk": "BREAKER", "sk": "STATE"}
_BROKEN = "BROKEN#"
_A_DAY = timedelta(days=1)

_TIMES = ("planned_at", "decided_at", "began_at", "ended_at", "undo_asked_at")


class DynamoDbRepairs:
    """`ports.Repairs` on the Registry; and what the command needs to list them."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """`client` is a boto3 DynamoDB client."""
        self._table = Table(client, table)

    def find(self, repair_id: str) -> Repair | None:
        """GetItem."""
        item = self._table.get(_repair_key(repair_id))
        return repair_of(item) if item else None

    def standing(self, resource: str) -> Standing:
        """GetItem."""
        item = self._table.get(_standing_key(resource))
        return standing_of(item) if item else Standing(resource)

    def breaker(self) -> Breaker:
        """GetItem."""
        item = self._table.get(_BREAKER)
        return breaker_of(item) if item else Breaker()

    def spent(self, resource: str, hour: datetime) -> int:
        """GetItem."""
        item = self._table.get(_spending_key(resource, hour))
        return int(item["version"]) if item else 0

    def store(self, *records: Repair | Standing | Breaker | Spending | Audit) -> None:
        """TransactWriteItems, each on the condition that the stored version is the one before."""
        self._table.write(*map(_write, records))

    def lease(self, resource: str, *, holder: str, at: datetime, until: datetime) -> None:
        """PutItem, on the condition that there is no lease or that it has run out; TTL deletes what is left."""
        item = {**_lease_key(resource), "holder": holder, "until": _seconds(until), "expires_at": _seconds(until)}
        condition: Condition = {
            "ConditionExpression": "attribute_not_exists(pk) OR #until <= :at",
            "ExpressionAttributeNames": {"#until": "until"},
            "ExpressionAttributeValues": {":at": {"N": str(_seconds(at))}},
        }
        self._table.put(item, condition)

    def release(self, resource: str, *, holder: str) -> None:
        """A delete on the condition that the holder is still the same."""
        condition: Condition = {
            "ConditionExpression": "holder = :holder",
            "ExpressionAttributeValues": {":holder": {"S": holder}},
        }
        with suppress(LostRace):
            self._table.write(delete(_lease_key(resource), condition))

    def note_broken(self, resource: str, secret: str, *, at: datetime) -> None:
        """PutItem; TTL deletes it after a day."""
        key = {**_BREAKER, "sk": f"{_BROKEN}{resource}"}
        expires = _seconds(at + _A_DAY)
        self._table.put({**key, "secret": secret, "since": at.isoformat(), "expires_at": expires}, ALWAYS)

    def forget_broken(self, resource: str) -> None:
        """DeleteItem; no matter whether it was there."""
        self._table.delete({**_BREAKER, "sk": f"{_BROKEN}{resource}"})

    def broken(self) -> dict[str, datetime]:
        """Query."""
        found = self._table.query(_BREAKER["pk"], begins_with=_BROKEN)
        return {item["secret"]: datetime.fromisoformat(item["since"]) for item in found}

    def waiting(self) -> list[Repair]:
        """Query of the index of what is open: the plans that wait for a person, the oldest first."""
        return [repair_of(item) for item in self._table.opened(_WAITING)]

    def at_rest(self) -> list[Standing]:
        """Query of the index of what is open: the policies whose repair is contested or paused."""
        return [standing_of(item) for item in self._table.opened(_AT_REST)]

    def audits(self, resource: str | None = None) -> Iterator[Audit]:
        """Every change that we made to one policy, or to all, the oldest first."""
        found = self._table.query(f"AUDIT#{resource}") if resource else self._table.opened(_AUDIT)
        return (audit_of(item) for item in found)


def _write(record: Repair | Standing | Breaker | Spending | Audit) -> Write:
    match record:
        case Repair():
            return put(repair_item(record), _following(record.version))
        case Standing():
            return put(standing_item(record), _following(record.version))
        case Breaker():
            return put(breaker_item(record), _following(record.version))
        case Spending():
            return put(_spending_item(record), _following(record.count))
        case Audit():
            return put(audit_item(record), IF_ABSENT)


def _following(version: int) -> Condition:
    return if_version(version - 1) if version > 1 else IF_ABSENT


def _repair_key(repair_id: str) -> Key:
    return {"pk": f"REPAIR#{repair_id}", "sk": "STATE"}


def _standing_key(resource: str) -> Key:
    return {"pk": f"REPAIRS#{resource}", "sk": "STATE"}


def _lease_key(resource: str) -> Key:
    return {"pk": f"REPAIRS#{resource}", "sk": "LEASE"}


def _spending_key(resource: str, hour: datetime) -> Key:
    return {"pk": f"REPAIRS#{resource}", "sk": f"BUDGET#{hour:%Y-%m-%dT%H}"}


def _spending_item(spending: Spending) -> Item:
    expires = _seconds(spending.hour + _A_DAY)
    return {**_spending_key(spending.resource, spending.hour), "version": spending.count, "expires_at": expires}


def repair_item(repair: Repair) -> dict[str, Any]:
    """A repair as a record of the Registry; one that waits is in the index of what is open."""
    waits = repair.status is Status.PLANNED
    return {
        **_repair_key(repair.id),
        **({"open": _WAITING, "opened_at": repair.planned_at.isoformat()} if waits else {}),
        "id": repair.id,
        "kind": repair.kind.value,
        "resource": repair.resource,
        "before": repair.before,
        "after": repair.after,
        "status": repair.status.value,
        "why": repair.why,
        "purpose": repair.purpose.value,
        "statement": json.dumps(repair.statement) if repair.statement is not None else None,
        "decisions": [
            {
                "reader": one.reader,
                "provider_arn": one.provider_arn,
                "before": one.before.value,
                "after": one.after.value,
            }
            for one in repair.decisions
        ],
        "asked_by": repair.asked_by,
        "secret": repair.secret,
        "version": repair.version,
        "told": repair.told,
        "decided_by": repair.decided_by,
        "reason": repair.reason,
        "request_id": repair.request_id,
        "undo_asked_by": repair.undo_asked_by,
        "undone_by": repair.undone_by,
        "of": repair.of,
        **{name: _text(getattr(repair, name)) for name in _TIMES},
    }


def repair_of(item: Item) -> Repair:
    """The repair that a record holds."""
    return Repair(
        id=item["id"],
        kind=Kind(item["kind"]),
        resource=item["resource"],
        before=item["before"],
        after=item["after"],
        status=Status(item["status"]),
        why=item["why"],
        planned_at=datetime.fromisoformat(item["planned_at"]),
        purpose=Purpose(item["purpose"]),
        statement=json.loads(item["statement"]) if item["statement"] else None,
        decisions=tuple(
            Decided(one["reader"], one["provider_arn"], Outcome(one["before"]), Outcome(one["after"]))
            for one in item["decisions"]
        ),
        asked_by=item["asked_by"],
        secret=item["secret"],
        version=int(item["version"]),
        told=item["told"],
        decided_by=item["decided_by"],
        decided_at=_moment(item["decided_at"]),
        reason=item["reason"],
        began_at=_moment(item["began_at"]),
        ended_at=_moment(item["ended_at"]),
        request_id=item["request_id"],
        undo_asked_by=item["undo_asked_by"],
        undo_asked_at=_moment(item["undo_asked_at"]),
        undone_by=item["undone_by"],
        of=item["of"],
    )


def standing_item(standing: Standing) -> dict[str, Any]:
    """What is known of a policy as a record of the Registry; one at rest is in the index of what is open."""
    since = standing.contested_at or standing.paused_at
    return {
        **_standing_key(standing.resource),
        **({"open": _AT_REST, "opened_at": since.isoformat()} if since else {}),
        "resource": standing.resource,
        "version": standing.version,
        "applied": standing.applied,
        "plan": standing.plan,
        "stands": standing.stands,
        "undone": [one.isoformat() for one in standing.undone],
        "contested_at": _text(standing.contested_at),
        "contested_by": list(standing.contested_by),
        "contest_told": standing.contest_told,
        "paused_at": _text(standing.paused_at),
        "paused_by": standing.paused_by,
    }


def standing_of(item: Item) -> Standing:
    """What a record says of a policy."""
    return Standing(
        resource=item["resource"],
        version=int(item["version"]),
        applied=int(item["applied"]),
        plan=item["plan"],
        stands=item["stands"],
        undone=tuple(map(datetime.fromisoformat, item["undone"])),
        contested_at=_moment(item["contested_at"]),
        contested_by=tuple(item["contested_by"]),
        contest_told=item["contest_told"],
        paused_at=_moment(item["paused_at"]),
        paused_by=item["paused_by"],
    )


def breaker_item(breaker: Breaker) -> dict[str, Any]:
    """The breaker as a record of the Registry."""
    return {
        **_BREAKER,
        "version": breaker.version,
        "tripped_at": _text(breaker.tripped_at),
        "reason": breaker.reason,
        "told": breaker.told,
        "paused_at": _text(breaker.paused_at),
        "paused_by": breaker.paused_by,
        "resumed_at": _text(breaker.resumed_at),
    }


def breaker_of(item: Item) -> Breaker:
    """The breaker that a record holds."""
    return Breaker(
        version=int(item["version"]),
        tripped_at=_moment(item["tripped_at"]),
        reason=item["reason"],
        told=item["told"],
        paused_at=_moment(item["paused_at"]),
        paused_by=item["paused_by"],
        resumed_at=_moment(item["resumed_at"]),
    )


def audit_item(audit: Audit) -> dict[str, Any]:
    """A change that we made as a record of the Registry. The index, which holds what is open, finds all of them."""
    moment = f"{audit.at:%Y-%m-%dT%H:%M:%S.%fZ}"
    return {
        "pk": f"AUDIT#{audit.resource}",
        "sk": f"{moment}#{audit.repair}",
        "open": _AUDIT,
        "opened_at": moment,
        "repair": audit.repair,
        "purpose": audit.purpose.value,
        "kind": audit.kind.value,
        "resource": audit.resource,
        "at": audit.at.isoformat(),
        "before": audit.before,
        "after": audit.after,
        "why": audit.why,
        "asked_by": audit.asked_by,
        "approved_by": audit.approved_by,
        "request_id": audit.request_id,
        "note": audit.note,
        "of": audit.of,
    }


def audit_of(item: Item) -> Audit:
    """The change that a record tells of."""
    return Audit(
        repair=item["repair"],
        purpose=Purpose(item["purpose"]),
        kind=Kind(item["kind"]),
        resource=item["resource"],
        at=datetime.fromisoformat(item["at"]),
        before=item["before"],
        after=item["after"],
        why=item["why"],
        asked_by=item["asked_by"],
        approved_by=item["approved_by"],
        request_id=item["request_id"],
        note=item["note"],
        of=item["of"],
    )


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
