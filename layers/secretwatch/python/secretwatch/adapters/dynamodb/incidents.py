"""Incidents: each its record, the parts that references have in it, and a way to it from their secrets."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from secretwatch.adapters.dynamodb.references import (
    finding_item,
    finding_of,
    moment_of,
    occasion_item,
    occasion_of,
    reference_item,
    reference_of,
    text_of,
)
from secretwatch.adapters.dynamodb.table import ALWAYS, IF_ABSENT, Item, Key, Table, Write, delete, if_version, put
from secretwatch.adapters.dynamodb.tellings import expiry, owners_item, owners_of, telling_item, telling_of
from secretwatch.domain.finding import Verdict
from secretwatch.domain.incident import Brief, Cause, FirstLook, Incident, IncidentState, Part
from secretwatch.errors import LostRace

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_STATE, _PART = "STATE", "PART#"
_OPEN = "INCIDENT"  # under which the index holds them
_CHANGES_AT_ONCE = 99  # TransactWriteItems takes a hundred writes, and the incident's own record is one
_DAYS_KEPT = 90
_FIRST: Key = {"pk": "ALERTS", "sk": "FIRST"}


class DynamoDbIncidents:
    """`ports.Incidents` on the Registry."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """`client` is a boto3 DynamoDB client."""
        self._table = Table(client, table)

    def find(self, cause: Cause) -> Incident | None:
        """One Query: the record and its parts; parts of an earlier incident wait for TTL and are left out."""
        items = list(self._table.query(_pk(cause)))
        state = next((item for item in items if item["sk"] == _STATE), None)
        if state is None:
            return None
        parts = [item for item in items if item["sk"].startswith(_PART) and item["incident_id"] == state["incident_id"]]
        return _incident(cause, state, tuple(sorted(map(_part, parts), key=lambda part: part.key)))

    def causes_of(self, secret_arn: str) -> list[Cause]:
        """One Query."""
        return [Cause(item["sk"]) for item in self._table.query(f"INVOLVED#{secret_arn}")]

    def store(self, before: Incident | None, after: Incident, brief: Brief) -> Incident:
        """TransactWriteItems: the record, the parts that changed, and the ways to it.

        More changes than one transaction takes are made step by step; a step that is not followed by the next is made
        good by whoever looks again.
        """
        changes = list(_changes(before, after))
        version = before.version if before else 0
        for start in range(0, max(len(changes), 1), _CHANGES_AT_ONCE):
            only = if_version(version) if version else IF_ABSENT
            version += 1
            item = _item(replace(after, version=version), brief)
            self._table.write(put(item, only), *changes[start : start + _CHANGES_AT_ONCE])
        return replace(after, version=version)

    def open(self) -> list[Brief]:
        """Query of the index of what is open."""
        return [_brief(item) for item in self._table.opened(_OPEN)]

    def opened_since(self, at: datetime) -> int:
        """Query of the index, by time."""
        return sum(1 for _ in self._table.opened(_OPEN, since=at.isoformat()))

    def first_look(self, at: datetime) -> FirstLook:
        """One Query; PutItem once in the stack's life."""
        noted, begun = self._noted(), FirstLook(at)
        if noted:
            return noted
        try:
            self._table.put(_first_look_item(begun), IF_ABSENT)
        except LostRace:
            return self._noted() or begun
        return begun

    def end_first_look(self, first_look: FirstLook) -> None:
        """PutItem once in the stack's life; whoever else notes it notes the same."""
        self._table.put(_first_look_item(first_look), ALWAYS)

    def _noted(self) -> FirstLook | None:
        found = self._table.query(_FIRST["pk"])
        return next(
            (FirstLook(datetime.fromisoformat(one["at"]), moment_of(one.get("ended_at"))) for one in found), None
        )


def _first_look_item(first_look: FirstLook) -> Item:
    return {**_FIRST, "at": first_look.began_at.isoformat(), "ended_at": text_of(first_look.ended_at)}


def _pk(cause: Cause) -> str:
    return f"INCIDENT#{cause.subject}"


def _changes(before: Incident | None, after: Incident) -> Iterator[Write]:
    same = before is not None and before.id == after.id
    known = {part.key: part for part in before.parts} if before and same else {}
    for part in after.parts:
        if known.get(part.key) != part:
            yield put(_part_item(after, part))
    led = {part.reference.secret_arn for part in known.values() if part.active}
    leads = {part.reference.secret_arn for part in after.active}
    for arn in sorted(leads - led):
        yield put(_pointer(arn, after.cause))
    for arn in sorted(led - leads):
        yield delete(_pointer(arn, after.cause))


def _pointer(secret_arn: str, cause: Cause) -> Key:
    return {"pk": f"INVOLVED#{secret_arn}", "sk": cause.subject}


def _item(incident: Incident, brief: Brief) -> Item:
    item: dict[str, Any] = {
        "pk": _pk(incident.cause),
        "sk": _STATE,
        "opened_at": incident.opened_at.isoformat(),
        "incident_id": incident.id,
        "state": incident.state.value,
        "severity": incident.severity.value,
        "headline": brief.headline,
        "codes": [str(code) for code in brief.codes],
        "references": brief.references,
        "owners": owners_item(brief.owners),
        "next_at": text_of(brief.next_at),
        "updated_at": incident.updated_at.isoformat(),
        "calm_since": text_of(incident.calm_since),
        "resolved_at": text_of(incident.resolved_at),
        "reopened": [moment.isoformat() for moment in incident.reopened],
        "reminders": incident.reminders,
        "digest": incident.digest,
        "telling": telling_item(incident.telling),
        "version": incident.version,
    }
    if brief.next_at or not incident.resolved_at:
        item["open"] = _OPEN
    if incident.resolved_at:
        item["expires_at"] = expiry(incident.resolved_at, _DAYS_KEPT)
    return item


def _incident(cause: Cause, item: Item, parts: tuple[Part, ...]) -> Incident:
    return Incident(
        cause=cause,
        opened_at=datetime.fromisoformat(item["opened_at"]),
        updated_at=datetime.fromisoformat(item["updated_at"]),
        severity=Verdict(item["severity"]),
        parts=parts,
        calm_since=moment_of(item.get("calm_since")),
        resolved_at=moment_of(item.get("resolved_at")),
        reopened=tuple(map(datetime.fromisoformat, item["reopened"])),
        reminders=int(item["reminders"]),
        digest=item.get("digest"),
        telling=telling_of(item["telling"]),
        version=int(item["version"]),
    )


def _brief(item: Item) -> Brief:
    return Brief(
        id=item["incident_id"],
        cause=Cause(item["pk"].removeprefix("INCIDENT#")),
        state=IncidentState(item["state"]),
        severity=Verdict(item["severity"]),
        headline=item["headline"],
        codes=tuple(item["codes"]),
        opened_at=datetime.fromisoformat(item["opened_at"]),
        digest=item.get("digest"),
        next_at=moment_of(item.get("next_at")),
        references=int(item["references"]),
        owners=owners_of(item.get("owners")),
    )


def _part_item(incident: Incident, part: Part) -> Item:
    reference = part.reference
    item: dict[str, Any] = {
        "pk": _pk(incident.cause),
        "sk": f"{_PART}{reference.secret_arn}#{reference.provider_arn}#{reference.field}",
        "incident_id": incident.id,
        **reference_item(reference),
        "since": part.since.isoformat(),
        "findings": [finding_item(finding) for finding in part.findings],
        "unknown": part.unknown,
        "owner": part.owner,
        "well_at": text_of(part.well_at),
        "occasion": occasion_item(part.occasion) if part.occasion else None,
        "healed_at": text_of(part.healed_at),
        "observed_at": text_of(part.observed_at),
        "gone": part.gone,
    }
    if part.healed_at:
        item["expires_at"] = expiry(part.healed_at, _DAYS_KEPT)
    return item


def _part(item: Item) -> Part:
    return Part(
        reference=reference_of(item),
        since=datetime.fromisoformat(item["since"]),
        findings=tuple(finding_of(finding) for finding in item["findings"]),
        unknown=item.get("unknown"),
        owner=item.get("owner"),
        well_at=moment_of(item.get("well_at")),
        occasion=occasion_of(item["occasion"]) if item.get("occasion") else None,
        healed_at=moment_of(item.get("healed_at")),
        observed_at=moment_of(item.get("observed_at")),
        gone=bool(item.get("gone")),
    )
