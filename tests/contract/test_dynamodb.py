"""The Registry keeps what it is given, refuses whoever read an older record, and finds a secret's references."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer
from botocore.stub import ANY
from hypothesis import given
from hypothesis import strategies as st

from secretwatch.adapters.dynamodb import (
    DynamoDbConsumers,
    DynamoDbGatewayRecords,
    DynamoDbProtectedSecrets,
    DynamoDbProviderRecords,
    DynamoDbReferences,
    DynamoDbSweeps,
    DynamoDbWaivers,
    item_of,
    plain,
    state_of,
    sweep_item,
    sweep_of,
)
from secretwatch.domain.change import WholeInventory
from secretwatch.domain.consumer import Consumer, Gateway
from secretwatch.domain.facts import NoSuchProvider
from secretwatch.domain.finding import Code, Finding, Verdict
from secretwatch.domain.key import KeyId
from secretwatch.domain.observed import FailedRotation, Observations, ObservedRead
from secretwatch.domain.reference import Provider, ProviderKind, ProviderName, ProviderStatus, Reference
from secretwatch.domain.secret import SecretId
from secretwatch.domain.state import ReferenceState, UnknownSince
from secretwatch.domain.sweep import Counted, Lane, Position, Stage, Sweep
from secretwatch.domain.waiver import Waiver
from secretwatch.errors import LostRace, Transient
from secretwatch.ports import KnownGateway, KnownProvider
from tests.contract.registry import TABLE, keys, on_moto
from tests.contract.stubs import MakeStub, Stub
from tests.fakes import (
    ACCOUNT,
    EVERYTHING,
    KEY_ARN,
    NOON,
    REGION,
    a_consumer,
    a_gateway,
    a_name,
    a_provider,
    a_reference,
    secret_arn,
)

CRM, BILLING = secret_arn("agents/crm"), secret_arn("agents/billing", "d4e5f6")
FINDING = Finding(Code.JSON_KEY_MISSING, "the current version lacks JSON key `client_secret`", "Store it.", "aws ...")


def a_state(version: int = 1, **parts: Any) -> ReferenceState:
    """A broken reference, unless said otherwise."""
    broken = ReferenceState(a_reference(), version, Verdict.BROKEN, (FINDING,), checked_at=NOON)
    return replace(broken, **parts)


def attributes(item: dict[str, Any]) -> dict[str, Any]:
    """An item as DynamoDB's typed attributes."""
    return {name: TypeSerializer().serialize(value) for name, value in item.items()}


# --- a record and the state it holds ---

texts = st.text(max_size=20)
times = st.datetimes(
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001 - Hypothesis adds the zone
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))]),
)
names = st.builds(ProviderName, texts, texts, st.sampled_from(ProviderKind), texts)
references = st.builds(Reference, texts, names, texts, texts, st.none() | texts)
findings = st.builds(
    Finding, st.sampled_from(Code), texts, texts, st.none() | texts, st.none() | texts, st.none() | times
)
reads = st.builds(ObservedRead, times, st.none() | texts, st.none() | texts)
observations = st.builds(
    Observations,
    st.none() | reads,
    st.none() | reads,
    st.none() | st.builds(FailedRotation, times),
    st.lists(reads, max_size=3).map(tuple),
)
states = st.builds(
    ReferenceState,
    references,
    version=st.integers(min_value=0, max_value=2**53),
    verdict=st.none() | st.sampled_from(Verdict),
    findings=st.lists(findings, max_size=3).map(tuple),
    unknown=st.none() | st.builds(UnknownSince, texts, times, st.booleans(), st.booleans()),
    good_version=st.none() | texts,
    checked_at=st.none() | times,
    access=st.none() | texts,
    access_since=st.none() | times,
    observations=observations,
)


@given(states)
def test_every_state_is_read_back_as_it_was_written(state: ReferenceState) -> None:
    assert state_of(plain(attributes(item_of(state)))) == state


def test_a_record_of_an_older_version_is_read_with_defaults_for_what_it_lacks() -> None:
    required = {
        "pk": f"SECRET#{CRM}",
        "sk": "REF#",
        "provider_arn": a_reference().provider_arn,
        "account": ACCOUNT,
        "region": REGION,
        "kind": "OAUTH2",
        "provider": "crm-oauth",
        "field": "clientSecret",
        "secret_arn": CRM,
        "version": 3,
    }

    state = state_of(plain(attributes(required)))

    assert state == ReferenceState(a_reference(json_key=None), version=3)


def test_a_finding_of_an_older_version_is_read_without_command() -> None:
    item = item_of(a_state())
    del item["findings"][0]["command"]

    assert state_of(plain(attributes(item))).findings == (replace(FINDING, command=None),)


def test_a_record_of_a_newer_version_is_read_without_what_is_new() -> None:
    state = a_state()

    assert state_of(plain(attributes({**item_of(state), "mood": "cheerful"}))) == state


# --- what is asked of DynamoDB ---


@pytest.fixture
def aws(make_stub: MakeStub) -> Stub:
    return make_stub("dynamodb")


def if_version(version: int) -> dict[str, Any]:
    """The condition that the stored record is the one that was read."""
    return {"ConditionExpression": "version = :version", "ExpressionAttributeValues": {":version": {"N": str(version)}}}


def queried(pk: str, *, sk: str = "", **more: Any) -> dict[str, Any]:
    """A consistent Query of one partition."""
    condition, values = "pk = :pk", {":pk": {"S": pk}}
    if sk:
        condition, values = "pk = :pk AND begins_with(sk, :sk)", {**values, ":sk": {"S": sk}}
    return {
        "TableName": TABLE,
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": values,
        "ConsistentRead": True,
        **more,
    }


def test_a_state_is_stored_on_condition_that_the_version_before_is_there(aws: Stub) -> None:
    state = a_state(version=7)
    aws.add_response("put_item", {}, {"TableName": TABLE, "Item": attributes(item_of(state)), **if_version(6)})

    DynamoDbReferences(aws.client, TABLE).store(state)

    aws.assert_no_pending_responses()


def test_a_store_whose_condition_fails_has_lost_the_race(aws: Stub) -> None:
    aws.add_client_error("put_item", "ConditionalCheckFailedException", "failed", 400)

    with pytest.raises(LostRace):
        DynamoDbReferences(aws.client, TABLE).store(a_state())


def test_a_query_goes_on_until_the_last_page(aws: Stub) -> None:
    first, second = a_state(), a_state(reference=a_reference("crm-copy"))
    token = {"pk": {"S": "p"}, "sk": {"S": "s"}}
    pages = [([first], {"LastEvaluatedKey": token}), ([], {"LastEvaluatedKey": token}), ([second], {})]
    for number, (found, more) in enumerate(pages):
        start: dict[str, Any] = {"ExclusiveStartKey": token} if number else {}
        aws.add_response(
            "query",
            {"Items": [attributes(item_of(state)) for state in found], **more},
            queried(f"SECRET#{CRM}", **start),
        )

    assert DynamoDbReferences(aws.client, TABLE).of_secret(SecretId.of_arn(CRM)) == [first, second]


def test_a_new_provider_is_recorded_on_condition_that_nobody_else_did(aws: Stub) -> None:
    sent = transaction(aws)

    DynamoDbProviderRecords(aws.client, TABLE).record(None, a_provider(), moved=[])

    assert conditions(sent) == [
        ("Put", "PROVIDERNAME#111122223333#eu-west-1#OAUTH2", "attribute_not_exists(pk)", None),
        ("Put", f"SECRET#{CRM}", None, None),
        ("Put", "NAME#111122223333#eu-west-1#agents/crm", None, None),
    ]


def test_a_known_provider_is_recorded_on_condition_that_it_is_still_the_known_one(aws: Stub) -> None:
    sent = transaction(aws)
    known = KnownProvider(a_provider(), 4)
    pointed_elsewhere = a_provider("crm-oauth", a_reference(secret=BILLING))

    DynamoDbProviderRecords(aws.client, TABLE).record(known, pointed_elsewhere, moved=[])

    assert sorted(conditions(sent), key=str) == sorted(
        [
            ("Put", "PROVIDERNAME#111122223333#eu-west-1#OAUTH2", "version = :version", "4"),
            ("Put", f"SECRET#{BILLING}", None, None),
            ("Put", "NAME#111122223333#eu-west-1#agents/billing", None, None),
            ("Delete", f"SECRET#{CRM}", None, None),
            ("Delete", "NAME#111122223333#eu-west-1#agents/crm", None, None),
        ],
        key=str,
    )


def test_a_reference_that_stays_in_its_record_is_replaced_on_condition_of_its_version(aws: Stub) -> None:
    sent = transaction(aws)
    another_key = a_reference(json_key="other")

    DynamoDbProviderRecords(aws.client, TABLE).record(
        KnownProvider(a_provider(), 1), a_provider("crm-oauth", another_key), moved=[(a_state(version=5), another_key)]
    )

    assert ("Put", f"SECRET#{CRM}", "version = :version", "5") in conditions(sent)
    assert {kind for kind, *_ in conditions(sent)} == {"Put"}


def test_a_provider_is_forgotten_on_condition_that_it_is_still_the_known_one(aws: Stub) -> None:
    sent = transaction(aws)

    DynamoDbProviderRecords(aws.client, TABLE).forget(KnownProvider(a_provider(), 4))

    assert conditions(sent) == [
        ("Delete", "PROVIDERNAME#111122223333#eu-west-1#OAUTH2", "version = :version", "4"),
        ("Delete", f"SECRET#{CRM}", None, None),
        ("Delete", "NAME#111122223333#eu-west-1#agents/crm", None, None),
    ]


@pytest.mark.parametrize("reason", ["ConditionalCheckFailed", "TransactionConflict"])
def test_a_cancelled_transaction_has_lost_the_race(aws: Stub, reason: str) -> None:
    aws.add_client_error("transact_write_items", "TransactionCanceledException", f"cancelled [{reason}, None]", 400)

    with pytest.raises(LostRace):
        DynamoDbProviderRecords(aws.client, TABLE).record(None, a_provider(), moved=[])


def test_a_race_that_was_lost_may_be_won_later() -> None:
    assert issubclass(LostRace, Transient)


def test_a_new_gateway_is_recorded_on_condition_that_nobody_else_did(aws: Stub) -> None:
    sent = transaction(aws)

    DynamoDbGatewayRecords(aws.client, TABLE).record(None, a_gateway("bot", a_consumer()))

    assert conditions(sent) == [
        ("Put", "GATEWAYID#111122223333#eu-west-1", "attribute_not_exists(pk)", None),
        ("Put", f"PROVIDER#{a_consumer().provider_arn}", None, None),
    ]


def test_a_gateway_is_forgotten_on_condition_that_it_is_still_the_known_one(aws: Stub) -> None:
    sent = transaction(aws, times=2)

    DynamoDbGatewayRecords(aws.client, TABLE).forget(KnownGateway(a_gateway("bot", a_consumer()), 4))

    assert conditions(sent) == [
        ("Put", "GATEWAYID#111122223333#eu-west-1", "version = :version", "4"),
        ("Delete", f"PROVIDER#{a_consumer().provider_arn}", None, None),
        ("Delete", "GATEWAYID#111122223333#eu-west-1", "version = :version", "5"),
    ]


@pytest.mark.parametrize(
    ("consumers", "steps"),
    [(0, [1]), (98, [99]), (99, [100]), (100, [100, 2]), (198, [100, 100]), (250, [100, 100, 53])],
)
def test_more_than_one_transaction_takes_is_recorded_step_by_step_each_with_the_gateway_s_record(
    aws: Stub, consumers: int, steps: list[int]
) -> None:
    sent = transaction(aws, times=len(steps))

    DynamoDbGatewayRecords(aws.client, TABLE).record(None, a_busy_gateway(consumers))

    records = [(at, version) for at, (_, pk, _, version) in enumerate(conditions(sent)) if pk.startswith("GATEWAYID#")]
    assert len(sent) == sum(steps)
    assert records == [(sum(steps[:step]), str(step) if step else None) for step in range(len(steps))]


def test_a_step_that_fails_ends_the_recording(aws: Stub) -> None:
    aws.add_client_error("transact_write_items", "ThrottlingException", "slower", 400)

    with pytest.raises(Transient, match=r"^TransactWriteItems: ThrottlingException$"):
        DynamoDbGatewayRecords(aws.client, TABLE).record(None, a_busy_gateway(150))

    aws.assert_no_pending_responses()  # nor was another transaction asked for


def test_the_consumers_of_every_page_are_found(aws: Stub) -> None:
    first, second = a_consumer(), a_consumer(target="billing")
    token = {"pk": {"S": "p"}, "sk": {"S": "s"}}
    pk = f"PROVIDER#{first.provider_arn}"
    pages = [(first, {}, {"LastEvaluatedKey": token}), (second, {"ExclusiveStartKey": token}, {})]
    for consumer, start, more in pages:
        item = attributes({"sk": "any", **{name: getattr(consumer, name) for name in Consumer.__slots__}})
        aws.add_response("query", {"Items": [item], **more}, queried(pk, sk="CONSUMER#", **start))

    assert DynamoDbConsumers(aws.client, TABLE).of_provider(first.provider_arn) == [first, second]


def a_busy_gateway(consumers: int, provider: str = "crm-oauth") -> Gateway:
    """A gateway with so many targets that use the provider."""
    return a_gateway("bot", *(a_consumer(provider, target=f"target-{number}") for number in range(consumers)))


def transaction(aws: Stub, *, times: int = 1) -> list[dict[str, Any]]:
    """Takes one transaction, or so many; what is sent is found in the list."""
    sent: list[dict[str, Any]] = []
    aws.client.meta.events.register(
        "provide-client-params.dynamodb.TransactWriteItems", lambda params, **_: sent.extend(params["TransactItems"])
    )
    for _ in range(times):
        aws.add_response("transact_write_items", {}, {"TransactItems": ANY})
    return sent


def conditions(sent: list[dict[str, Any]]) -> list[tuple[str, str, str | None, str | None]]:
    """Of each write: what it does, in which partition, on which condition, with which version."""
    found = []
    for item in sent:
        ((kind, write),) = item.items()
        assert write["TableName"] == TABLE
        key = write.get("Key") or write["Item"]
        version = write.get("ExpressionAttributeValues", {}).get(":version", {}).get("N")
        found.append((kind, key["pk"]["S"], write.get("ConditionExpression"), version))
    return found


# --- how the Registry behaves, on moto's DynamoDB, with the keys of template.yaml ---


@pytest.fixture
def table() -> Iterator[Any]:
    """A DynamoDB client beside the Registry's table, empty."""
    with on_moto() as client:
        yield client


@pytest.fixture
def registry(table: Any) -> DynamoDbReferences:
    return DynamoDbReferences(table, TABLE)


@pytest.fixture
def records(table: Any) -> DynamoDbProviderRecords:
    return DynamoDbProviderRecords(table, TABLE)


def recorded(records: DynamoDbProviderRecords, *providers: Provider) -> KnownProvider:
    """Record new providers; the last of them, as it is then known."""
    for provider in providers:
        records.record(None, provider, moved=[])
    known = records.find(providers[-1].name)
    assert known
    return known


def calls(table: Any) -> list[str]:
    """The operations that are called from now on."""
    called: list[str] = []
    table.meta.events.register("before-call.dynamodb", lambda model, **_: called.append(model.name))
    return called


def test_a_recorded_reference_is_found_by_arn_by_name_and_by_itself(
    registry: DynamoDbReferences, records: DynamoDbProviderRecords
) -> None:
    recorded(records, a_provider())

    fresh = ReferenceState(a_reference())
    assert registry.of_secret(SecretId.of_arn(CRM)) == [fresh]
    assert registry.of_secret(SecretId(ACCOUNT, REGION, "agents/crm")) == [fresh]
    assert registry.find(a_reference()) == fresh


def test_a_name_finds_every_secret_that_ever_bore_it_and_each_reference_once(
    registry: DynamoDbReferences, records: DynamoDbProviderRecords
) -> None:
    recreated = secret_arn("agents/crm", "Zz9Yy8")
    recorded(
        records,
        a_provider("crm-oauth"),
        a_provider("crm-copy", a_reference("crm-copy")),
        a_provider("crm-new", a_reference("crm-new", secret=recreated)),
    )

    found = registry.of_secret(SecretId(ACCOUNT, REGION, "agents/crm"))

    assert sorted(state.reference.provider.name for state in found) == ["crm-copy", "crm-new", "crm-oauth"]


def references_of(registry: DynamoDbReferences, secret: SecretId) -> set[Reference]:
    return {state.reference for state in registry.of_secret(secret)}


SUFFIXED = secret_arn("agents/crm-a1b2c3", "Zz9Yy8")
"""A secret whose name ends like a full ARN: its partial ARN is what CRM's full one is."""


def test_what_reads_as_a_full_arn_finds_the_secret_that_it_is_a_partial_arn_of_too(
    registry: DynamoDbReferences, records: DynamoDbProviderRecords
) -> None:
    full, partial = a_reference("full"), a_reference("partial", secret=SUFFIXED)
    recorded(records, a_provider("full", full), a_provider("partial", partial))

    assert references_of(registry, SecretId.of_arn(CRM)) == {full, partial}
    assert references_of(registry, SecretId.of_arn(SUFFIXED)) == {partial}
    assert references_of(registry, SecretId(ACCOUNT, REGION, "agents/crm-a1b2c3")) == {partial}
    assert references_of(registry, SecretId(ACCOUNT, REGION, "agents/crm")) == {full}


def test_a_reference_that_goes_takes_all_the_names_of_its_secret_along(
    table: Any, registry: DynamoDbReferences, records: DynamoDbProviderRecords
) -> None:
    known = recorded(records, a_provider("partial", a_reference("partial", secret=SUFFIXED)))

    records.record(known, a_provider("partial", a_reference("partial", secret=BILLING)), moved=[])

    assert registry.of_secret(SecretId.of_arn(CRM)) == []
    assert not [pk for pk, _ in keys(table) if "agents/crm" in pk]


def test_a_reference_that_an_older_version_recorded_without_that_name_is_forgotten_all_the_same(
    table: Any, records: DynamoDbProviderRecords
) -> None:
    known = recorded(records, a_provider("partial", a_reference("partial", secret=SUFFIXED)))
    (pointer,) = [(pk, sk) for pk, sk in keys(table) if sk.startswith("NAME#")]
    table.delete_item(TableName=TABLE, Key=attributes({"pk": pointer[0], "sk": pointer[1]}))

    records.forget(known)

    assert keys(table) == set()


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param(SecretId.of_arn(secret_arn("agents/crm", "Zz9Yy8")), id="recreated"),
        pytest.param(SecretId(ACCOUNT, "us-east-1", "agents/crm"), id="another Region"),
        pytest.param(SecretId("444455556666", REGION, "agents/crm"), id="another account"),
        pytest.param(SecretId(ACCOUNT, REGION, "agents/cr"), id="a name that begins alike"),
    ],
)
def test_another_secret_is_referenced_by_nobody(
    registry: DynamoDbReferences, records: DynamoDbProviderRecords, secret: SecretId
) -> None:
    recorded(records, a_provider())

    assert registry.of_secret(secret) == []


@pytest.mark.parametrize("secret", [SecretId.of_arn(BILLING), SecretId(ACCOUNT, REGION, "agents/billing")])
def test_a_secret_that_nobody_references_costs_one_read(
    table: Any, registry: DynamoDbReferences, records: DynamoDbProviderRecords, secret: SecretId
) -> None:
    recorded(records, a_provider())
    called = calls(table)

    found = registry.of_secret(secret)

    assert found == []
    assert called == ["Query"]


def test_the_second_of_two_writers_has_lost_the_race(
    registry: DynamoDbReferences, records: DynamoDbProviderRecords
) -> None:
    recorded(records, a_provider())
    first, second = a_state(good_version="first"), a_state(good_version="second")

    registry.store(first)
    with pytest.raises(LostRace):
        registry.store(second)

    assert registry.find(a_reference()) == first


def test_a_reference_that_was_removed_meanwhile_is_not_brought_back(
    table: Any, registry: DynamoDbReferences, records: DynamoDbProviderRecords
) -> None:
    records.forget(recorded(records, a_provider()))

    with pytest.raises(LostRace):
        registry.store(a_state())

    assert keys(table) == set()


def test_states_are_stored_one_after_the_other(registry: DynamoDbReferences, records: DynamoDbProviderRecords) -> None:
    recorded(records, a_provider())

    for version in (1, 2, 3):
        registry.store(a_state(version))

    assert registry.find(a_reference()) == a_state(3)


def test_a_provider_is_known_as_it_was_recorded(records: DynamoDbProviderRecords) -> None:
    assert records.find(a_name()) is None

    known = recorded(records, a_provider())

    assert known == KnownProvider(a_provider(), 1)


def test_a_provider_without_references_is_known_too(table: Any, records: DynamoDbProviderRecords) -> None:
    managed = Provider("arn:aws:bedrock-agentcore:any", a_name("managed"), frozenset())

    known = recorded(records, managed)

    assert known == KnownProvider(managed, 1)
    assert keys(table) == {("PROVIDERNAME#111122223333#eu-west-1#OAUTH2", "managed")}


def test_the_providers_of_an_account_and_region_are_known_of_every_kind(records: DynamoDbProviderRecords) -> None:
    here = [a_provider(), a_provider("weather", a_reference("weather", kind=ProviderKind.API_KEY))]
    elsewhere = replace(a_provider("far"), name=replace(a_name("far"), region="us-east-1"), references=frozenset())
    recorded(records, *here, elsewhere)

    assert {known.provider for known in records.known(EVERYTHING)} == set(here)
    assert [known.provider for known in records.known(WholeInventory(ACCOUNT, "us-east-1"))] == [elsewhere]
    assert records.known(WholeInventory("444455556666", REGION)) == []


def test_the_second_of_two_readers_of_a_new_provider_has_lost_the_race(records: DynamoDbProviderRecords) -> None:
    recorded(records, a_provider())

    with pytest.raises(LostRace):
        records.record(None, a_provider("crm-oauth", a_reference(secret=BILLING)), moved=[])

    assert records.find(a_name()) == KnownProvider(a_provider(), 1)


def test_a_reader_with_an_older_answer_changes_nothing(table: Any, records: DynamoDbProviderRecords) -> None:
    known = recorded(records, a_provider())
    records.record(known, a_provider("crm-oauth", a_reference(secret=BILLING)), moved=[])
    before = keys(table)

    with pytest.raises(LostRace):
        records.record(known, a_provider("crm-oauth", a_reference(json_key="stale")), moved=[])
    with pytest.raises(LostRace):
        records.forget(known)

    assert keys(table) == before


def test_a_reference_that_points_to_another_secret_takes_its_verdict_along_and_leaves_nothing_behind(
    table: Any, registry: DynamoDbReferences, records: DynamoDbProviderRecords
) -> None:
    known = recorded(records, a_provider())
    state = a_state(good_version="v1")
    registry.store(state)
    there = a_reference(secret=BILLING)

    records.record(known, a_provider("crm-oauth", there), moved=[(state, there)])

    assert registry.find(there) == replace(state, reference=there, version=2, good_version=None)
    assert registry.of_secret(SecretId.of_arn(CRM)) == []
    assert registry.of_secret(SecretId(ACCOUNT, REGION, "agents/crm")) == []
    assert registry.of_secret(SecretId(ACCOUNT, REGION, "agents/billing")) == [registry.find(there)]
    assert len(keys(table)) == 3


def test_a_reference_with_another_json_key_replaces_its_own_record_and_takes_its_verdict_along(
    table: Any, registry: DynamoDbReferences, records: DynamoDbProviderRecords
) -> None:
    known = recorded(records, a_provider())
    state = a_state(good_version="v1")
    registry.store(state)
    before, there = keys(table), a_reference(json_key="other")

    records.record(known, a_provider("crm-oauth", there), moved=[(state, there)])

    assert keys(table) == before
    assert registry.of_secret(SecretId.of_arn(CRM)) == [replace(state, reference=there, version=2, good_version=None)]


def test_a_check_that_was_stored_meanwhile_is_not_overwritten_by_another_json_key(
    registry: DynamoDbReferences, records: DynamoDbProviderRecords
) -> None:
    known = recorded(records, a_provider())
    read = a_state(1, verdict=Verdict.RESOLVES, findings=())
    registry.store(read)
    registry.store(a_state(2))
    there = a_reference(json_key="other")

    with pytest.raises(LostRace):
        records.record(known, a_provider("crm-oauth", there), moved=[(read, there)])

    assert registry.of_secret(SecretId.of_arn(CRM)) == [a_state(2)]


def test_a_check_that_was_stored_meanwhile_is_not_lost_when_the_reference_points_to_another_secret(
    registry: DynamoDbReferences, records: DynamoDbProviderRecords
) -> None:
    """Or people, who were told that it broke, would not be told that it resolves."""
    known = recorded(records, a_provider())
    read = a_state(1, verdict=Verdict.RESOLVES, findings=())
    registry.store(read)
    registry.store(a_state(2))
    there = a_reference(secret=BILLING)

    with pytest.raises(LostRace):
        records.record(known, a_provider("crm-oauth", there), moved=[(read, there)])

    assert registry.find(a_reference()) == a_state(2)
    assert registry.find(there) is None


def test_a_reference_that_stays_keeps_its_verdict_when_another_is_added(
    registry: DynamoDbReferences, records: DynamoDbProviderRecords
) -> None:
    known = recorded(records, a_provider())
    registry.store(a_state())
    added = replace(a_reference(secret=BILLING), field="privateKey")

    records.record(known, a_provider("crm-oauth", a_reference(), added), moved=[])

    assert registry.find(a_reference()) == a_state()
    assert registry.find(added) == ReferenceState(added)
    assert records.find(a_name()) == KnownProvider(a_provider("crm-oauth", a_reference(), added), 2)


def test_two_fields_that_point_to_one_secret_are_two_references(
    registry: DynamoDbReferences, records: DynamoDbProviderRecords
) -> None:
    second = replace(a_reference(), field="privateKey")

    recorded(records, a_provider("crm-oauth", a_reference(), second))

    assert {state.reference for state in registry.of_secret(SecretId.of_arn(CRM))} == {a_reference(), second}


def test_a_forgotten_provider_leaves_nothing_behind_and_takes_nothing_of_others(
    table: Any, records: DynamoDbProviderRecords
) -> None:
    other = a_provider("crm-copy", a_reference("crm-copy"))
    recorded(records, other)
    before = keys(table)
    known = recorded(records, a_provider())

    records.forget(known)

    assert records.find(a_name()) is None
    assert keys(table) == before


# --- a field that occurs twice in one provider: certificates ---


def a_certificate(secret: str) -> Reference:
    return replace(a_reference(secret=secret, json_key=None), field="certificate")


def test_two_certificates_of_one_provider_are_two_references(
    table: Any, registry: DynamoDbReferences, records: DynamoDbProviderRecords
) -> None:
    both = a_provider("crm-oauth", a_certificate(CRM), a_certificate(BILLING))

    known = recorded(records, both)

    assert known.provider == both
    assert registry.of_secret(SecretId.of_arn(CRM)) == [ReferenceState(a_certificate(CRM))]
    assert registry.of_secret(SecretId.of_arn(BILLING)) == [ReferenceState(a_certificate(BILLING))]
    assert len(keys(table)) == 5


def test_a_certificate_that_goes_leaves_the_other_with_its_verdict(
    table: Any, registry: DynamoDbReferences, records: DynamoDbProviderRecords
) -> None:
    known = recorded(records, a_provider("crm-oauth", a_certificate(CRM), a_certificate(BILLING)))
    stays = a_state(reference=a_certificate(BILLING))
    registry.store(stays)

    records.record(known, a_provider("crm-oauth", a_certificate(BILLING)), moved=[])

    assert registry.find(a_certificate(BILLING)) == stays
    assert registry.of_secret(SecretId.of_arn(CRM)) == []
    assert len(keys(table)) == 3


def test_a_certificate_that_points_elsewhere_takes_its_own_verdict_along_and_not_the_others(
    registry: DynamoDbReferences, records: DynamoDbProviderRecords
) -> None:
    known = recorded(records, a_provider("crm-oauth", a_certificate(CRM), a_certificate(BILLING)))
    broken = a_state(reference=a_certificate(CRM))
    well = a_state(reference=a_certificate(BILLING), verdict=Verdict.RESOLVES, findings=())
    registry.store(broken)
    registry.store(well)
    there = a_certificate(secret_arn("agents/ca", "Zz9Yy8"))

    records.record(known, a_provider("crm-oauth", a_certificate(BILLING), there), moved=[(broken, there)])

    assert registry.find(there) == broken.moved_to(there)
    assert registry.find(a_certificate(BILLING)) == well
    assert registry.find(a_certificate(CRM)) is None


# --- gateways and consumers ---


@pytest.fixture
def gateways(table: Any) -> DynamoDbGatewayRecords:
    return DynamoDbGatewayRecords(table, TABLE)


@pytest.fixture
def consumers(table: Any) -> DynamoDbConsumers:
    return DynamoDbConsumers(table, TABLE)


CRM_ARN = a_reference("crm-oauth").provider_arn
BOT = a_gateway("bot", a_consumer())


def another_gateway(gateway_id: str, *of: Consumer) -> Gateway:
    """A gateway with an ARN of its own, and consumers that are its own."""
    gateway = a_gateway(gateway_id)
    own = frozenset(replace(consumer, gateway=gateway_id, gateway_arn=gateway.arn) for consumer in of)
    return replace(gateway, consumers=own)


def known_gateway(gateways: DynamoDbGatewayRecords, *recorded: Gateway) -> KnownGateway:
    """Record new gateways; the last of them, as it is then known."""
    for gateway in recorded:
        gateways.record(None, gateway)
    known = gateways.find(recorded[-1].name)
    assert known
    return known


def test_a_gateway_is_known_as_it_was_recorded(gateways: DynamoDbGatewayRecords) -> None:
    assert gateways.find(BOT.name) is None

    assert known_gateway(gateways, BOT) == KnownGateway(BOT, 1)


def test_a_gateway_without_consumers_is_known_too(table: Any, gateways: DynamoDbGatewayRecords) -> None:
    idle = a_gateway("idle")

    assert known_gateway(gateways, idle) == KnownGateway(idle, 1)
    assert keys(table) == {("GATEWAYID#111122223333#eu-west-1", "idle")}


def test_a_consumer_without_role_is_read_back_without_one(
    gateways: DynamoDbGatewayRecords, consumers: DynamoDbConsumers
) -> None:
    without = replace(a_consumer(), role_arn=None)

    assert known_gateway(gateways, a_gateway("bot", without)).gateway.consumers == {without}
    assert consumers.of_provider(CRM_ARN) == [without]


def test_the_gateways_of_an_account_and_region_are_known(gateways: DynamoDbGatewayRecords) -> None:
    here = [BOT, another_gateway("another", a_consumer())]
    elsewhere = replace(a_gateway("far"), name=replace(BOT.name, region="us-east-1", gateway_id="far"))
    known_gateway(gateways, *here, elsewhere)

    assert {known.gateway for known in gateways.known(EVERYTHING)} == set(here)
    assert [known.gateway for known in gateways.known(WholeInventory(ACCOUNT, "us-east-1"))] == [elsewhere]
    assert gateways.known(WholeInventory("444455556666", REGION)) == []


def test_the_consumers_of_a_provider_are_found_in_every_gateway(
    gateways: DynamoDbGatewayRecords, consumers: DynamoDbConsumers
) -> None:
    first = a_gateway("bot", a_consumer(), a_consumer(target="billing"), a_consumer("weather", target="crm"))
    second = another_gateway("another", a_consumer())
    known_gateway(gateways, first, second)

    found = consumers.of_provider(CRM_ARN)

    assert sorted((one.gateway, one.target) for one in found) == [
        ("another", "crm"),
        ("support-bot", "billing"),
        ("support-bot", "crm"),
    ]
    assert consumers.of_provider(a_reference("weather").provider_arn) == [a_consumer("weather", target="crm")]


def test_a_provider_that_nobody_uses_has_no_consumers(
    gateways: DynamoDbGatewayRecords, consumers: DynamoDbConsumers
) -> None:
    known_gateway(gateways, BOT)

    assert consumers.of_provider(CRM_ARN[:-1]) == []


def test_a_target_that_uses_another_provider_now_is_found_there_and_only_there(
    gateways: DynamoDbGatewayRecords, consumers: DynamoDbConsumers
) -> None:
    known = known_gateway(gateways, BOT)

    gateways.record(known, a_gateway("bot", a_consumer("weather")))

    assert consumers.of_provider(CRM_ARN) == []
    assert consumers.of_provider(a_reference("weather").provider_arn) == [a_consumer("weather")]
    assert gateways.find(BOT.name) == KnownGateway(a_gateway("bot", a_consumer("weather")), 2)


def test_a_gateway_with_another_role_has_the_same_consumers_with_that_role(
    table: Any, gateways: DynamoDbGatewayRecords, consumers: DynamoDbConsumers
) -> None:
    known = known_gateway(gateways, BOT)
    before, changed = keys(table), replace(a_consumer(), role_arn=f"arn:aws:iam::{ACCOUNT}:role/another")

    gateways.record(known, a_gateway("bot", changed))

    assert keys(table) == before
    assert consumers.of_provider(CRM_ARN) == [changed]


def test_the_second_of_two_readers_of_a_new_gateway_has_lost_the_race(
    gateways: DynamoDbGatewayRecords, consumers: DynamoDbConsumers
) -> None:
    known_gateway(gateways, BOT)

    with pytest.raises(LostRace):
        gateways.record(None, a_gateway("bot", a_consumer("weather")))

    assert gateways.find(BOT.name) == KnownGateway(BOT, 1)
    assert consumers.of_provider(a_reference("weather").provider_arn) == []


def test_a_reader_of_a_gateway_with_an_older_answer_changes_nothing(
    table: Any, gateways: DynamoDbGatewayRecords
) -> None:
    known = known_gateway(gateways, BOT)
    gateways.record(known, a_gateway("bot", a_consumer("weather")))
    before = keys(table)

    with pytest.raises(LostRace):
        gateways.record(known, a_gateway("bot", a_consumer("stale")))
    with pytest.raises(LostRace):
        gateways.forget(known)

    assert keys(table) == before


def test_a_forgotten_gateway_leaves_nothing_behind_and_takes_nothing_of_others(
    table: Any, gateways: DynamoDbGatewayRecords
) -> None:
    known_gateway(gateways, another_gateway("another", a_consumer()))
    before = keys(table)
    known = known_gateway(gateways, BOT)

    gateways.forget(known)

    assert gateways.find(BOT.name) is None
    assert keys(table) == before


def test_more_consumers_than_one_transaction_takes_come_and_go_whole(
    table: Any, gateways: DynamoDbGatewayRecords, consumers: DynamoDbConsumers
) -> None:
    busy = a_busy_gateway(105)

    known = known_gateway(gateways, busy)
    assert known == KnownGateway(busy, 2)
    assert set(consumers.of_provider(CRM_ARN)) == busy.consumers

    weather = a_busy_gateway(105, "weather")
    gateways.record(known, weather)  # 105 come and 105 go
    assert consumers.of_provider(CRM_ARN) == []
    assert set(consumers.of_provider(a_reference("weather").provider_arn)) == weather.consumers

    there = gateways.find(weather.name)
    assert there
    gateways.forget(there)
    assert keys(table) == set()


def test_who_loses_the_race_for_a_busy_gateway_leaves_nothing_behind(
    gateways: DynamoDbGatewayRecords, consumers: DynamoDbConsumers
) -> None:
    known_gateway(gateways, BOT)

    with pytest.raises(LostRace):
        gateways.record(None, a_busy_gateway(105, "weather"))

    assert consumers.of_provider(a_reference("weather").provider_arn) == []


# --- keys ---


def test_a_key_finds_the_secrets_under_it_and_an_alias_those_under_the_alias(table: Any) -> None:
    key = KeyId(f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd")
    alias = KeyId(f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/agents")
    for protector, secret in ((key, CRM), (key, BILLING), (alias, CRM)):
        item = attributes({"pk": f"KEY#{protector.arn}", "sk": f"SECRET#{secret}"})
        table.put_item(TableName=TABLE, Item=item)

    protected = DynamoDbProtectedSecrets(table, TABLE)

    assert protected.under(key) == [SecretId.of_arn(BILLING), SecretId.of_arn(CRM)]
    assert protected.under(alias) == [SecretId.of_arn(CRM)]
    assert protected.under(KeyId(f"{key.arn}9")) == []


# --- sweeps ---


moments = st.datetimes(min_value=datetime(2020, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - Hypothesis adds it
sweeps = st.builds(
    Sweep,
    st.just(EVERYTHING),
    started_at=moments,
    moved_at=moments,
    version=st.integers(1, 10**6),
    positions=st.dictionaries(st.sampled_from(Lane), st.builds(Position, st.sampled_from(Stage), st.text(max_size=9))),
    verified=st.text(max_size=9),
    counts=st.dictionaries(st.sampled_from(Counted), st.integers(0, 10**5)).map(Counter),
    failures=st.lists(st.text(min_size=1, max_size=9)).map(tuple),
    without_trail=st.none() | st.lists(st.text(max_size=9)).map(tuple),
    held_until=st.none() | moments,
    completed_at=st.none() | moments,
)


@given(sweeps)
def test_a_sweep_is_read_back_as_it_was_stored(sweep: Sweep) -> None:
    assert sweep_of(plain(attributes(dict(sweep_item(sweep))))) == sweep


def test_a_sweep_has_one_record_which_is_written_on_its_version(table: Any) -> None:
    registry = DynamoDbSweeps(table, TABLE)
    first = Sweep(EVERYTHING, started_at=NOON, moved_at=NOON, version=1)
    assert registry.find(EVERYTHING) is None

    registry.store(first)
    with pytest.raises(LostRace):
        registry.store(first)
    registry.store(first.held(NOON))
    with pytest.raises(LostRace):
        registry.store(first.held(NOON))

    assert registry.find(EVERYTHING) == first.held(NOON)
    assert registry.find(WholeInventory("444455556666", REGION)) is None
    assert keys(table) == {("SWEEP#111122223333#eu-west-1", "STATE")}


# --- waivers ---


def a_waiver(subject: str = CRM, code: Code = Code.ROTATION_OFF, *, days: int = 30) -> Waiver:
    return Waiver(subject, code, "the vendor is slow", "somebody", NOON, NOON + timedelta(days=days))


def waiver_key(waiver: Waiver) -> dict[str, Any]:
    return {"pk": {"S": f"WAIVER#{waiver.subject}#{waiver.code}"}, "sk": {"S": "STATE"}}


def test_waivers_are_asked_for_by_their_keys_as_they_are_now(aws: Stub) -> None:
    waiver, other = a_waiver(), a_waiver(code=Code.TAG_MISSING)
    item = {
        **waiver_key(waiver),
        "subject": {"S": CRM},
        "code": {"S": "ROTATION_OFF"},
        "reason": {"S": waiver.reason},
        "author": {"S": waiver.author},
        "created_at": {"S": waiver.created_at.isoformat()},
        "until": {"S": waiver.expires_at.isoformat()},
    }
    asked = {"Keys": [waiver_key(waiver), waiver_key(other)], "ConsistentRead": True}
    aws.add_response("batch_get_item", {"Responses": {TABLE: [item]}}, {"RequestItems": {TABLE: asked}})

    found = DynamoDbWaivers(aws.client, TABLE).holding([(waiver.subject, waiver.code), (other.subject, other.code)])

    assert found == [waiver]


def test_what_dynamodb_did_not_come_to_is_asked_for_again(aws: Stub) -> None:
    waiver = a_waiver()
    pending = {"Keys": [waiver_key(waiver)], "ConsistentRead": True}
    aws.add_response("batch_get_item", {"Responses": {}, "UnprocessedKeys": {TABLE: pending}})
    aws.add_response("batch_get_item", {"Responses": {TABLE: []}}, {"RequestItems": {TABLE: pending}})

    assert DynamoDbWaivers(aws.client, TABLE).holding([(waiver.subject, waiver.code)]) == []


def test_a_hundred_waivers_are_asked_for_at_a_time(aws: Stub) -> None:
    for _ in range(3):
        aws.add_response("batch_get_item", {"Responses": {}})

    DynamoDbWaivers(aws.client, TABLE).holding([(f"{CRM}{number}", Code.TAG_MISSING) for number in range(201)])


def test_an_item_of_a_waiver_expires_with_it_and_is_open_until_then(aws: Stub) -> None:
    waiver = a_waiver()
    written: list[dict[str, Any]] = []
    aws.client.meta.events.register(
        "provide-client-params.dynamodb.PutItem", lambda params, **_: written.append(params)
    )
    aws.add_response("put_item", {})

    DynamoDbWaivers(aws.client, TABLE).give(waiver)

    item = written[0]["Item"]
    assert item["expires_at"] == {"N": str(int(waiver.expires_at.timestamp()))}
    assert (item["open"], item["opened_at"]) == ({"S": "WAIVER"}, {"S": waiver.expires_at.isoformat()})


def test_a_waiver_is_found_by_what_it_waives_and_listed_among_all_the_first_to_end_first(table: Any) -> None:
    waivers = DynamoDbWaivers(table, TABLE)
    long, short = a_waiver(), a_waiver(a_reference().provider_arn, Code.TAG_MISSING, days=1)
    for waiver in (long, short):
        waivers.give(waiver)

    assert waivers.holding([(long.subject, long.code), (short.subject, long.code)]) == [long]
    assert list(waivers.all()) == [short, long]


def test_a_waiver_that_is_given_again_replaces_the_former_and_one_that_is_ended_is_gone(table: Any) -> None:
    waivers, longer = DynamoDbWaivers(table, TABLE), a_waiver(days=60)
    waivers.give(a_waiver())
    waivers.give(longer)
    assert list(waivers.all()) == [longer]

    for _ in range(2):
        waivers.end(longer.subject, longer.code)

    assert list(waivers.all()) == []
    assert keys(table) == set()


def test_the_index_of_what_is_open_holds_nothing_else(table: Any) -> None:
    DynamoDbProviderRecords(table, TABLE).record(None, a_provider(), moved=[])
    DynamoDbProtectedSecrets(table, TABLE).record(CRM, [KeyId(KEY_ARN)], until=NOON)

    assert list(DynamoDbWaivers(table, TABLE).all()) == []


# --- keys and providers' own words ---


def test_a_key_that_protects_a_secret_finds_it_until_no_check_renews_it(table: Any) -> None:
    protected, alias = DynamoDbProtectedSecrets(table, TABLE), KeyId(KEY_ARN.replace("key/", "alias/"))

    protected.record(CRM, [KeyId(KEY_ARN), alias], until=NOON)
    protected.record(BILLING, [KeyId(KEY_ARN)], until=NOON)

    assert protected.under(KeyId(KEY_ARN)) == [SecretId.of_arn(BILLING), SecretId.of_arn(CRM)]
    assert protected.under(alias) == [SecretId.of_arn(CRM)]
    stored = table.get_item(TableName=TABLE, Key={"pk": {"S": f"KEY#{alias.arn}"}, "sk": {"S": f"SECRET#{CRM}"}})[
        "Item"
    ]
    assert stored["expires_at"] == {"N": str(int(NOON.timestamp()))}


def test_a_providers_status_is_what_the_inventory_last_heard(table: Any) -> None:
    failed = ProviderStatus("UPDATE_FAILED", "the discovery URL does not answer")
    records = DynamoDbProviderRecords(table, TABLE)
    records.record(None, replace(a_provider(), status=failed), moved=[])

    assert records.status(a_name()) == failed
    assert records.status(a_name("another")) == NoSuchProvider()
