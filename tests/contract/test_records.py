"""What an older version wrote into the Registry is read, changed and removed by today's code.

`records/<version>/` holds one item of each kind, as that version wrote it. The newest holds what is written now: when
that changes on purpose, a folder is added for the version that changes it; the older ones stay as they are.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from functions.send_alerts import app as send_alerts
from secretwatch.adapters.dynamodb import (
    DynamoDbConsumers,
    DynamoDbGatewayRecords,
    DynamoDbProtectedSecrets,
    DynamoDbProviderRecords,
    DynamoDbReferences,
    DynamoDbSweeps,
    DynamoDbWaivers,
)
from secretwatch.alerting import Outcome
from secretwatch.domain.change import WholeInventory
from secretwatch.domain.consumer import Consumer, Gateway, GatewayName
from secretwatch.domain.finding import Code, Finding, Verdict
from secretwatch.domain.key import KeyId
from secretwatch.domain.observed import FailedRotation, Observations, ObservedRead
from secretwatch.domain.reference import Provider
from secretwatch.domain.secret import SecretId
from secretwatch.domain.state import ReferenceState, UnknownSince
from secretwatch.domain.sweep import DONE, Counted, Lane, Position, Stage, Sweep
from secretwatch.domain.verdict_change import read_news
from secretwatch.domain.waiver import Waiver
from secretwatch.ports import KnownGateway, KnownProvider
from tests.contract.registry import TABLE, items, keys, on_moto
from tests.contract.template import ROOT
from tests.lambdas import Context

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
}
NOT_YET = {"0.1.0": {"key", "waiver", "sweep"}}
"""The kinds that a version did not write."""

# What the items of every version say.
NEWS = read_news((ROOT / "events/secretwatch.ReferenceVerdictChanged.json").read_text(encoding="utf-8"))
REFERENCE = NEWS.reference
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
    ),
}
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
    return kind_of_key(item["pk"]["S"])


def kind_of_key(pk: str) -> str:
    return KINDS[pk.partition("#")[0]]


def samples(version: str) -> dict[str, dict[str, Any]]:
    """The items that a version wrote, by their kind."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (SAMPLES / version).glob("*.json")}


Tell = Callable[..., Outcome]


@pytest.fixture
def table() -> Iterator[Any]:
    """A DynamoDB client beside the Registry's table, empty."""
    with on_moto() as client:
        yield client


@pytest.fixture
def tell(table: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tell]:
    """How `send_alerts` tells people."""
    monkeypatch.setenv("REGISTRY_TABLE", TABLE)
    monkeypatch.setenv("ALERTS_TOPIC_ARN", boto3.client("sns").create_topic(Name="alerts")["TopicArn"])
    send_alerts.tell_once.cache_clear()
    send_alerts.idempotency.register_lambda_context(Context())
    yield send_alerts.tell_once()
    send_alerts.tell_once.cache_clear()


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
    """The table as the version left it, an hour before the alert is forgotten."""
    for kind, item in samples(version).items():
        expiry = {"expires_at": {"N": str(int(time.time()) + 3600)}} if kind == "alert" else {}
        table.put_item(TableName=TABLE, Item=item | expiry)
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


def test_what_is_written_now_is_what_the_newest_samples_hold(table: Any, tell: Tell) -> None:
    DynamoDbProviderRecords(table, TABLE).record(None, PROVIDER, moved=[])
    DynamoDbReferences(table, TABLE).store(STATES[VERSIONS[-1]])
    DynamoDbGatewayRecords(table, TABLE).record(None, GATEWAY)
    DynamoDbProtectedSecrets(table, TABLE).record(REFERENCE.secret_arn, [KEY], until=KEY_KNOWN_UNTIL)
    DynamoDbWaivers(table, TABLE).give(WAIVER)
    DynamoDbSweeps(table, TABLE).store(SWEEP)
    told = tell(news=NEWS)

    assert told is Outcome.SENT
    written = {kind_of(item): item for item in items(table)}
    for alert in (written["alert"], sample := samples(VERSIONS[-1])["alert"]):
        assert set(alert.pop("expires_at")) == {"N"}
        assert set(alert.pop("in_progress_expiration")) == {"N"}
    assert written == samples(VERSIONS[-1]) | {"alert": sample}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_version_has_a_sample_of_every_kind_that_it_wrote(version: str) -> None:
    found = samples(version)

    assert {kind: kind_of(item) for kind, item in found.items()} == {kind: kind for kind in found}
    assert set(found) == set(KINDS.values()) - NOT_YET.get(version, set())


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


def test_an_alert_that_an_older_version_sent_is_not_sent_again(written_before: Any, tell: Tell) -> None:
    assert tell(news=NEWS) is Outcome.TOLD_BEFORE


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

    assert {kind_of_key(pk) for pk, _ in keys(written_before)} <= {"alert", "key", "waiver", "sweep"}
