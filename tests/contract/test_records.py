"""What an older version wrote into the Registry is read, changed and removed by today's code.

`records/<version>/` holds one item of each kind, as that version wrote it. The newest holds what is written now: when
that changes on purpose, a folder is added for the version that changes it; the older ones stay as they are.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from secretwatch.adapters.dynamodb import (
    DynamoDbConsumers,
    DynamoDbDigests,
    DynamoDbGatewayRecords,
    DynamoDbIncidents,
    DynamoDbProtectedSecrets,
    DynamoDbProviderRecords,
    DynamoDbReferences,
    DynamoDbSweeps,
    DynamoDbWaivers,
)
from secretwatch.domain.change import WholeInventory
from secretwatch.domain.consumer import Consumer, Gateway, GatewayName
from secretwatch.domain.finding import Code, Finding, Verdict
from secretwatch.domain.incident import Brief, Cause, Delivery, Digest, FirstLook, Incident, Kind, Part, Telling
from secretwatch.domain.key import KeyId
from secretwatch.domain.observed import FailedRotation, Observations, ObservedRead
from secretwatch.domain.reference import Provider, ProviderKind, ProviderName, Reference
from secretwatch.domain.secret import SecretId
from secretwatch.domain.state import Occasion, ReferenceState, UnknownSince
from secretwatch.domain.sweep import DONE, Counted, Lane, Position, Stage, Sweep
from secretwatch.domain.waiver import Waiver
from secretwatch.ports import KnownGateway, KnownProvider
from tests.contract.registry import TABLE, items, keys, on_moto
from tests.contract.template import ROOT

SAMPLES = ROOT / "tests/contract/records"
VERSIONS = sorted((path.name for path in SAMPLES.iterdir()), key=lambda name: tuple(map(int, name.split("."))))
KINDS = {
    "KEY": "key",
    "SECRET": "reference",
    "NAME": "reference-by-name",
    "PROVIDERNAME": "provider",
    "GATEWAYID": "gateway",
    "PROVIDER": "consumer",
    "ALERT": "alert",
    "WAIVER": "waiver",
    "SWEEP": "sweep",
    "INCIDENT": "incident",
    "INVOLVED": "involved",
    "DIGEST": "digest",
    "ALERTS": "first-news",
}
BY_SORT_KEY = {"PART": "incident-part"}
"""The kinds that share a partition with another."""

NOT_WRITTEN = {
    "0.1.0": {"key", "waiver", "sweep", "incident", "incident-part", "involved", "digest", "first-news"},
    "0.2.0": {"alert"},
    "0.3.0": {"alert"},
}
"""The kinds that a version did not write."""

# What the items of every version say.
REFERENCE = Reference(
    "arn:aws:bedrock-agentcore:eu-west-1:111122223333:token-vault/default/apikeycredentialprovider/weather-api",
    ProviderName("111122223333", "eu-west-1", ProviderKind.API_KEY, "weather-api"),
    "apiKey",
    "arn:aws:secretsmanager:eu-west-1:111122223333:secret:agents/weather-q7Wm2K",
    "api_key",
)
PROVIDER = Provider(REFERENCE.provider_arn, REFERENCE.provider, frozenset({REFERENCE}))
STATE = ReferenceState(
    REFERENCE,
    version=1,
    verdict=Verdict.BROKEN,
    findings=(
        Finding(
            Code.JSON_KEY_MISSING,
            "the current version lacks JSON key `api_key`",
            "Store the key under `api_key`.",
            "aws secretsmanager ...",
        ),
    ),
    unknown=UnknownSince("GetSecretValue: AccessDeniedException", datetime(2026, 11, 2, 8, 20, tzinfo=UTC)),
    good_version="c2271b3d-575d-5c07-ba6a-aa4e869d1ece",
    checked_at=datetime(2026, 11, 2, 8, 15, 31, 502_000, tzinfo=UTC),
)
# What the reference's item of a version says, where it says more than the one before.
WAIVED = replace(
    STATE.findings[0],
    about=REFERENCE.secret_arn,
    waived_until=datetime(2026, 12, 1, tzinfo=UTC),
)
ROLE = "arn:aws:iam::111122223333:role/support-bot"
READ = ObservedRead(datetime(2026, 11, 2, 8, 10, tzinfo=UTC))
DENIED = ObservedRead(datetime(2026, 11, 2, 8, 12, tzinfo=UTC), ROLE, "AccessDenied")
OCCASION = Occasion(
    "PutSecretValue", datetime(2026, 11, 2, 8, 15, 30, tzinfo=UTC), "arn:aws:iam::111122223333:role/rotator"
)
STATES = {
    "0.1.0": STATE,
    "0.2.0": replace(
        STATE,
        findings=(WAIVED,),
        unknown=replace(STATE.unknown, lasts=True) if STATE.unknown else None,
        access="5f2c8a1e9b7d4036",
        access_since=datetime(2026, 11, 2, 8, 5, tzinfo=UTC),
        observations=Observations(
            read=READ,
            denied=DENIED,
            rotation_failed=FailedRotation(datetime(2026, 11, 1, 3, 30, tzinfo=UTC)),
            readers=(DENIED,),
        ),
        since=datetime(2026, 11, 2, 8, 15, 31, 502_000, tzinfo=UTC),
        cause="99d2b4bc-1f4d-5e0e-9b2b-1c2a53a9b2c1",
        owner="team-weather",
        well_at=datetime(2026, 11, 2, 7, 0, tzinfo=UTC),
        occasion=OCCASION,
    ),
}
STATES["0.3.0"] = STATES["0.2.0"]
KEY = KeyId("arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab")
KEY_KNOWN_UNTIL = datetime(2026, 12, 2, 8, 15, 31, tzinfo=UTC)
WAIVER = Waiver(
    REFERENCE.secret_arn,
    Code.JSON_KEY_MISSING,
    reason="the vendor delivers the key in December",
    author="arn:aws:iam::111122223333:user/ops",
    created_at=datetime(2026, 11, 2, 9, 0, tzinfo=UTC),
    expires_at=datetime(2026, 12, 1, tzinfo=UTC),
)
CONSUMER = Consumer(
    provider_arn=REFERENCE.provider_arn,
    target_id="A1b2C3d4E5",
    target="weather",
    gateway="support-bot",
    gateway_arn="arn:aws:bedrock-agentcore:eu-west-1:111122223333:gateway/support-bot-a1b2c3d4e5",
    role_arn="arn:aws:iam::111122223333:role/support-bot",
)
GATEWAY = Gateway(
    GatewayName("111122223333", "eu-west-1", "support-bot-a1b2c3d4e5"), CONSUMER.gateway_arn, frozenset({CONSUMER})
)
OPENED_AT = datetime(2026, 11, 2, 8, 15, 33, tzinfo=UTC)
CAUSE = Cause(REFERENCE.secret_arn)
INCIDENT = Incident(
    cause=CAUSE,
    opened_at=OPENED_AT,
    updated_at=OPENED_AT,
    severity=Verdict.BROKEN,
    parts=(
        Part(
            REFERENCE,
            since=datetime(2026, 11, 2, 8, 15, 31, tzinfo=UTC),
            findings=(
                Finding(
                    Code.JSON_KEY_MISSING,
                    "the current version lacks JSON key `api_key`",
                    "Store the key under `api_key`.",
                    "aws secretsmanager ...",
                    about=REFERENCE.secret_arn,
                ),
            ),
            owner="team-weather",
            well_at=datetime(2026, 11, 2, 7, 0, tzinfo=UTC),
            occasion=OCCASION,
        ),
    ),
    reopened=(datetime(2026, 11, 2, 8, 30, tzinfo=UTC),),
    reminders=1,
    telling=Telling(
        revision=3,
        aloud=2,
        kind=Kind.REMINDED,
        at=datetime(2026, 11, 2, 8, 40, tzinfo=UTC),
        deliveries={
            "sns": Delivery(2, at=datetime(2026, 11, 2, 8, 40, tzinfo=UTC)),
            "slack:default": Delivery(
                1,
                "C0123456789:1730536533.000100",
                attempted=True,
                not_before=datetime(2026, 11, 2, 8, 41, tzinfo=UTC),
            ),
        },
        lease_until=datetime(2026, 11, 2, 8, 42, tzinfo=UTC),
    ),
)
BRIEF = Brief(
    id=INCIDENT.id,
    cause=CAUSE,
    state=INCIDENT.state,
    severity=Verdict.BROKEN,
    headline="weather-api can't get its credential",
    codes=("JSON_KEY_MISSING",),
    opened_at=OPENED_AT,
    digest=None,
    next_at=datetime(2026, 11, 2, 8, 41, tzinfo=UTC),
    references=1,
    owners=frozenset({"team-weather"}),
)
DIGEST = Digest(
    id=f"digest-{INCIDENT.id}",
    place=("111122223333", "eu-west-1"),
    opened_at=OPENED_AT,
    members=(CAUSE, Cause(KEY.arn)),
    still=(CAUSE,),
    whose={CAUSE: frozenset({"team-weather"}), Cause(KEY.arn): frozenset({None, "team-crm"})},
    severity=Verdict.DEGRADED,
    first_look=True,
    telling=Telling().with_news(Kind.OPENED, OPENED_AT),
)
FIRST_LOOK = FirstLook(OPENED_AT, datetime(2026, 11, 2, 8, 18, 2, tzinfo=UTC))
# What 0.2.0 did not record is told as 0.2.0 told it: as if nobody owned the secrets.
UNOWNED_BRIEF = replace(BRIEF, owners=frozenset({None}))
UNOWNED_DIGEST = replace(DIGEST, whose={}, severity=Verdict.BROKEN)

EVERYTHING = WholeInventory("111122223333", "eu-west-1")

SWEEP = Sweep(
    EVERYTHING,
    started_at=datetime(2026, 11, 2, 9, 0, 1, 250_000, tzinfo=UTC),
    moved_at=datetime(2026, 11, 2, 9, 0, 15, tzinfo=UTC),
    version=1,
    positions=dict.fromkeys(Lane, DONE) | {Lane.OAUTH2: Position(Stage.RECORDED, "crm-google")},
    verified="",
    counts=Counter({Counted.PROVIDERS_READ: 90}),
    failures=("ListPaymentCredentialProviders: AccessDeniedException",),
    without_trail=("kms.amazonaws.com",),
)


def kind_of(item: dict[str, Any]) -> str:
    return kind_of_key(item["pk"]["S"], item["sk"]["S"])


def kind_of_key(pk: str, sk: str) -> str:
    return BY_SORT_KEY.get(sk.partition("#")[0]) or KINDS[pk.partition("#")[0]]


def samples(version: str) -> dict[str, dict[str, Any]]:
    """The items that a version wrote, by their kind."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (SAMPLES / version).glob("*.json")}


@pytest.fixture
def table() -> Iterator[Any]:
    """A DynamoDB client beside the Registry's table, empty."""
    with on_moto() as client:
        yield client


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    """The version that wrote the table."""
    written_by: str = request.param
    return written_by


@pytest.fixture
def state(version: str) -> ReferenceState:
    """What that version knew of the reference."""
    return STATES[version]


@pytest.fixture
def written_before(version: str, table: Any) -> Any:
    """The table as the version left it."""
    for item in samples(version).values():
        table.put_item(TableName=TABLE, Item=item)
    return table


def known_provider(table: Any) -> KnownProvider:
    known = DynamoDbProviderRecords(table, TABLE).find(PROVIDER.name)
    assert known
    return known


def known_gateway(table: Any) -> KnownGateway:
    known = DynamoDbGatewayRecords(table, TABLE).find(GATEWAY.name)
    assert known
    return known


# --- written ---


def test_what_is_written_now_is_what_the_newest_samples_hold(table: Any) -> None:
    DynamoDbProviderRecords(table, TABLE).record(None, PROVIDER, moved=[])
    DynamoDbReferences(table, TABLE).store(STATES[VERSIONS[-1]])
    DynamoDbGatewayRecords(table, TABLE).record(None, GATEWAY)
    DynamoDbProtectedSecrets(table, TABLE).record(REFERENCE.secret_arn, [KEY], until=KEY_KNOWN_UNTIL)
    DynamoDbWaivers(table, TABLE).give(WAIVER)
    DynamoDbSweeps(table, TABLE).store(SWEEP)
    DynamoDbIncidents(table, TABLE).store(None, INCIDENT, BRIEF)
    DynamoDbIncidents(table, TABLE).end_first_look(FIRST_LOOK)
    DynamoDbDigests(table, TABLE).store(None, DIGEST, next_at=DIGEST.opened_at)

    assert {kind_of(item): item for item in items(table)} == samples(VERSIONS[-1])


@pytest.mark.parametrize("version", VERSIONS)
def test_a_version_has_a_sample_of_every_kind_that_it_wrote(version: str) -> None:
    found = samples(version)

    assert {kind: kind_of(item) for kind, item in found.items()} == {kind: kind for kind in found}
    assert set(found) == {*KINDS.values(), *BY_SORT_KEY.values()} - NOT_WRITTEN[version]


# --- read ---


def test_a_reference_is_read_as_it_was_written(written_before: Any, state: ReferenceState) -> None:
    registry = DynamoDbReferences(written_before, TABLE)

    assert registry.find(REFERENCE) == state
    assert registry.of_secret(REFERENCE.secret) == [state]
    assert registry.of_secret(SecretId("111122223333", "eu-west-1", "agents/weather")) == [state]


def test_a_provider_is_read_as_it_was_written(written_before: Any) -> None:
    assert known_provider(written_before) == KnownProvider(PROVIDER, 1)
    assert DynamoDbProviderRecords(written_before, TABLE).known(EVERYTHING) == [KnownProvider(PROVIDER, 1)]


def test_a_gateway_and_its_consumer_are_read_as_they_were_written(written_before: Any) -> None:
    assert known_gateway(written_before) == KnownGateway(GATEWAY, 1)
    assert DynamoDbGatewayRecords(written_before, TABLE).known(EVERYTHING) == [KnownGateway(GATEWAY, 1)]
    assert DynamoDbConsumers(written_before, TABLE).of_provider(REFERENCE.provider_arn) == [CONSUMER]


def test_a_waiver_is_read_as_it_was_written(table: Any) -> None:
    table.put_item(TableName=TABLE, Item=samples("0.2.0")["waiver"])
    waivers = DynamoDbWaivers(table, TABLE)

    assert waivers.holding([(WAIVER.subject, WAIVER.code)]) == waivers.all() == [WAIVER]


def test_a_key_is_read_as_it_was_written(table: Any) -> None:
    table.put_item(TableName=TABLE, Item=samples("0.2.0")["key"])

    assert DynamoDbProtectedSecrets(table, TABLE).under(KEY) == [REFERENCE.secret]


def test_a_sweep_is_read_as_it_was_written(table: Any) -> None:
    table.put_item(TableName=TABLE, Item=samples("0.2.0")["sweep"])

    assert DynamoDbSweeps(table, TABLE).find(EVERYTHING) == SWEEP


@pytest.mark.parametrize(("since", "brief"), [("0.2.0", UNOWNED_BRIEF), ("0.3.0", BRIEF)])
def test_an_incident_is_read_as_it_was_written(table: Any, since: str, brief: Brief) -> None:
    for kind in ("incident", "incident-part", "involved"):
        table.put_item(TableName=TABLE, Item=samples(since)[kind])
    incidents = DynamoDbIncidents(table, TABLE)

    assert incidents.find(INCIDENT.cause) == replace(INCIDENT, version=1)
    assert incidents.causes_of(REFERENCE.secret_arn) == [INCIDENT.cause]
    assert incidents.open() == [brief]


@pytest.mark.parametrize(("since", "digest"), [("0.2.0", UNOWNED_DIGEST), ("0.3.0", DIGEST)])
def test_a_digest_is_read_as_it_was_written(table: Any, since: str, digest: Digest) -> None:
    table.put_item(TableName=TABLE, Item=samples(since)["digest"])
    digests = DynamoDbDigests(table, TABLE)

    found = digests.find(digest.id)
    assert found
    assert digests.open() == [found]
    assert {cause: found.owners_of(cause) for cause in found.members} == {
        cause: digest.owners_of(cause) for cause in digest.members
    }
    assert replace(found, whose=digest.whose) == replace(digest, version=1)


@pytest.mark.parametrize(("since", "first_look"), [("0.2.0", FirstLook(OPENED_AT)), ("0.3.0", FIRST_LOOK)])
def test_the_first_look_is_noted_once(table: Any, since: str, first_look: FirstLook) -> None:
    table.put_item(TableName=TABLE, Item=samples(since)["first-news"])

    assert DynamoDbIncidents(table, TABLE).first_look(datetime.now(UTC)) == first_look


# --- changed and removed ---


def test_a_check_follows_the_one_that_an_older_version_stored(written_before: Any, state: ReferenceState) -> None:
    registry = DynamoDbReferences(written_before, TABLE)
    well = replace(state, version=2, verdict=Verdict.RESOLVES, findings=(), unknown=None)

    registry.store(well)

    assert registry.find(REFERENCE) == well


def test_a_reference_takes_its_verdict_along_when_it_points_elsewhere(
    written_before: Any, state: ReferenceState
) -> None:
    there = replace(REFERENCE, secret_arn=f"{REFERENCE.secret_arn[:-6]}Zz9Yy8")
    moved = replace(PROVIDER, references=frozenset({there}))

    DynamoDbProviderRecords(written_before, TABLE).record(known_provider(written_before), moved, moved=[(state, there)])

    assert DynamoDbReferences(written_before, TABLE).of_secret(REFERENCE.secret) == []
    assert DynamoDbReferences(written_before, TABLE).find(there) == state.moved_to(there)


def test_a_consumer_goes_with_the_target_that_an_older_version_recorded(written_before: Any) -> None:
    gateways = DynamoDbGatewayRecords(written_before, TABLE)

    gateways.record(known_gateway(written_before), replace(GATEWAY, consumers=frozenset()))

    assert known_gateway(written_before).version == 2
    assert DynamoDbConsumers(written_before, TABLE).of_provider(REFERENCE.provider_arn) == []


def test_what_is_forgotten_leaves_nothing_behind(written_before: Any) -> None:
    DynamoDbProviderRecords(written_before, TABLE).forget(known_provider(written_before))
    DynamoDbGatewayRecords(written_before, TABLE).forget(known_gateway(written_before))

    left = {kind_of_key(*key) for key in keys(written_before)}
    assert left.isdisjoint({"reference", "reference-by-name", "provider", "gateway", "consumer"})
