"""Incidents and digests in the Registry: written whole, found by their secrets, and gone from the index when over."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from secretwatch.adapters.dynamodb import DynamoDbDigests, DynamoDbIncidents
from secretwatch.domain.finding import Code, Finding, Verdict
from secretwatch.domain.incident import Brief, Cause, Digest, FirstLook, Incident, IncidentState, Kind, Part, opened
from secretwatch.errors import LostRace
from tests.contract.registry import TABLE, items, keys, on_moto
from tests.fakes import ACCOUNT, KEY_ARN, NOON, REGION, a_reference, secret_arn

CRM = secret_arn("crm")
MISSING = Finding(Code.JSON_KEY_MISSING, "it lacks the key", "Store it.", about=CRM)


@pytest.fixture
def table() -> Iterator[Any]:
    with on_moto() as client:
        yield client


@pytest.fixture
def incidents(table: Any) -> DynamoDbIncidents:
    return DynamoDbIncidents(table, TABLE)


def a_part(number: int = 0, secret: str = CRM) -> Part:
    return Part(a_reference(f"agent-{number:03}", secret=secret), NOON, (MISSING,))


def an_incident(*parts: Part, cause: str = CRM) -> Incident:
    return opened(Cause(cause), parts or (a_part(),), NOON, hold=None)


def brief(incident: Incident, *, due: bool = False) -> Brief:
    return Brief(
        id=incident.id,
        cause=incident.cause,
        state=incident.state,
        severity=Verdict.BROKEN,
        headline="it is broken",
        codes=("JSON_KEY_MISSING",),
        opened_at=incident.opened_at,
        digest=incident.digest,
        next_at=NOON if due else None,
        references=len(incident.active),
    )


def over(incident: Incident) -> Incident:
    parts = tuple(replace(part, healed_at=NOON) for part in incident.parts)
    return replace(incident, parts=parts, resolved_at=NOON, calm_since=NOON)


def test_an_incident_is_found_as_it_was_stored_by_its_cause_and_by_its_secrets(incidents: DynamoDbIncidents) -> None:
    other = secret_arn("other")
    stored = incidents.store(None, *pair(an_incident(a_part(1), a_part(2, other), cause=KEY_ARN)))

    assert incidents.find(Cause(KEY_ARN)) == stored
    assert incidents.causes_of(CRM) == incidents.causes_of(other) == [Cause(KEY_ARN)]
    assert incidents.causes_of(secret_arn("third")) == []
    assert incidents.find(Cause(CRM)) is None


def pair(incident: Incident, *, due: bool = False) -> tuple[Incident, Brief]:
    return incident, brief(incident, due=due)


def test_an_incident_with_more_parts_than_one_transaction_takes_is_whole(incidents: DynamoDbIncidents) -> None:
    incident = an_incident(*map(a_part, range(250)))

    stored = incidents.store(None, *pair(incident))
    healed = incidents.store(stored, *pair(over(stored)))

    assert incidents.find(incident.cause) == healed
    assert (stored.version, healed.version) == (3, 6)


def test_only_parts_that_changed_are_written(incidents: DynamoDbIncidents, table: Any) -> None:
    stored = incidents.store(None, *pair(an_incident(a_part(1), a_part(2))))
    table.delete_item(
        TableName=TABLE,
        Key=next({"pk": one["pk"], "sk": one["sk"]} for one in items(table) if "agent-002" in one["sk"]["S"]),
    )

    incidents.store(stored, *pair(replace(stored, parts=(replace(stored.parts[0], owner="team-crm"), stored.parts[1]))))

    found = incidents.find(stored.cause)
    assert found
    assert [part.owner for part in found.parts] == ["team-crm"]


@pytest.mark.parametrize("version", [0, 1, 7])
def test_whoever_was_not_first_loses(incidents: DynamoDbIncidents, version: int) -> None:
    first = incidents.store(None, *pair(an_incident()))
    second = incidents.store(first, *pair(first))
    stale = replace(second, version=version)

    with pytest.raises(LostRace):
        incidents.store(stale if version else None, *pair(second))


def test_what_is_over_has_no_way_to_it_and_stands_in_no_index_and_expires(
    incidents: DynamoDbIncidents, table: Any
) -> None:
    stored = incidents.store(None, *pair(an_incident()))
    assert [one.id for one in incidents.open()] == [stored.id]

    incidents.store(stored, *pair(over(stored)))

    assert incidents.open() == []
    assert incidents.causes_of(CRM) == []
    assert {pk.partition("#")[0] for pk, _ in keys(table)} == {"INCIDENT"}
    ends = {int(item["expires_at"]["N"]) for item in items(table)}
    assert ends == {int((NOON + timedelta(days=90)).timestamp())}


def test_what_is_over_stays_in_the_index_while_there_is_more_to_tell(incidents: DynamoDbIncidents) -> None:
    incidents.store(None, *pair(over(an_incident()), due=True))

    assert [one.state for one in incidents.open()] == [IncidentState.RESOLVED]


def test_another_incident_of_the_cause_takes_none_of_the_former_ones_parts(incidents: DynamoDbIncidents) -> None:
    former = incidents.store(None, *pair(an_incident(a_part(1), a_part(2))))
    ended = incidents.store(former, *pair(over(former)))

    later = opened(ended.cause, [a_part(2), a_part(3)], NOON + timedelta(days=1), hold=None)
    incidents.store(ended, *pair(later))

    found = incidents.find(ended.cause)
    assert found
    assert [part.reference.provider.name for part in found.parts] == ["agent-002", "agent-003"]
    assert found.id != former.id


def test_openings_are_counted_from_a_time_on(incidents: DynamoDbIncidents) -> None:
    for minutes in range(5):
        arn = secret_arn(f"secret-{minutes}")
        incident = opened(Cause(arn), [a_part(0, arn)], NOON + timedelta(minutes=minutes), hold=None)
        incidents.store(None, *pair(incident))

    assert incidents.opened_since(NOON + timedelta(minutes=3)) == 2


def test_the_first_look_begins_once_and_ends_once(incidents: DynamoDbIncidents) -> None:
    begun = FirstLook(NOON)
    assert incidents.first_look(NOON) == begun
    assert incidents.first_look(NOON + timedelta(days=1)) == begun

    ended = replace(begun, ended_at=NOON + timedelta(minutes=3))
    incidents.end_first_look(ended)

    assert incidents.first_look(NOON + timedelta(days=2)) == ended


def test_a_digest_is_found_as_it_was_stored_and_only_its_version_s_successor_follows(table: Any) -> None:
    digests = DynamoDbDigests(table, TABLE)
    members = (Cause(CRM), Cause(KEY_ARN))
    whose = {Cause(CRM): frozenset({"payments"}), Cause(KEY_ARN): frozenset({None, "payments", "search"})}
    digest = Digest("d-1", (ACCOUNT, REGION), NOON, members, members[:1], whose, Verdict.DEGRADED)

    stored = digests.store(None, replace(digest, telling=digest.telling.with_news(Kind.OPENED, NOON)), next_at=NOON)

    assert digests.find("d-1") == stored
    assert digests.open() == [stored]
    with pytest.raises(LostRace):
        digests.store(None, digest, next_at=NOON)
    over_and_told = digests.store(stored, replace(stored, resolved_at=NOON, still=()), next_at=None)
    assert digests.open() == []
    assert digests.find("d-1") == over_and_told
