"""What an event costs: counted calls of the whole function, on its own adapters, however many secrets there are."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from boto3.dynamodb.types import TypeSerializer
from moto import mock_aws

from functions.check_references import app
from secretwatch.adapters.dynamodb import DynamoDbProviderRecords, item_of
from secretwatch.adapters.dynamodb.references import pointer_keys
from secretwatch.domain.change import parse_change
from secretwatch.domain.reference import Reference
from secretwatch.domain.state import ReferenceState
from tests.fakes import a_provider, a_reference
from tests.lambdas import Context, sqs_event

EVENTS = {path.stem: json.loads(path.read_text()) for path in (Path(__file__).parents[2] / "events").glob("*.json")}
OF_SECRETS_AND_KEYS = sorted(name for name in EVENTS if name.startswith(("secretsmanager.", "tag.", "kms.")))
SIZES = [10, 1_000, 3_000]
MOST_READS = 7  # of a secret, its key and its policies; and one more for each provider that depends on it
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"

Calls = list[str]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[Calls]:
    """Every AWS call that the function makes from here on, on moto."""
    with mock_aws():
        session, made = boto3.Session(), Calls()
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
        session.client("dynamodb").create_table(
            TableName="registry",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        )
        monkeypatch.setenv("REGISTRY_TABLE", "registry")
        monkeypatch.setenv("SWEEP_QUEUE_URL", session.client("sqs").create_queue(QueueName="sweep")["QueueUrl"])
        monkeypatch.setenv("OWN_ROLE_ARNS", "")
        session.events.register("before-send", lambda event_name, **_: made.append(event_name.split(".", 1)[1]))
        _forget_clients()
        yield made
        _forget_clients()


def _forget_clients() -> None:
    for made_once in (app.settings, app.checking, app.spreading):
        made_once.cache_clear()


@pytest.mark.parametrize("name", OF_SECRETS_AND_KEYS)
def test_an_event_that_concerns_nobody_costs_one_read_of_the_registry_for_each_secret_or_key_that_it_names(
    name: str, calls: Calls
) -> None:
    calls.clear()

    response = app.handler(sqs_event(EVENTS[name]), Context())

    assert response == {"batchItemFailures": []}
    assert calls == ["dynamodb.Query"] * len(parse_change(EVENTS[name]).subjects)


def test_nearly_every_event_names_one() -> None:
    several = {name for name in OF_SECRETS_AND_KEYS if len(parse_change(EVENTS[name]).subjects) > 1}

    assert {name.split(".")[1] for name in several} == {
        "AssociateCrossAccountReplica",
        "BatchGetSecretValue",
        "DeleteAlias",
        "DisassociateCrossAccountReplica",
        "UpdateAlias",
    }


@pytest.mark.parametrize("providers", [1, 5])
def test_an_event_for_a_referenced_secret_reads_the_secret_once_however_many_depend_on_it(
    calls: Calls, providers: int
) -> None:
    secrets = boto3.client("secretsmanager")
    secret = secrets.create_secret(Name="agents/crm", SecretString='{"client_secret": "a value"}')["ARN"]
    records = DynamoDbProviderRecords(boto3.client("dynamodb"), "registry")
    for number in range(providers):
        name = f"agent-{number}"
        records.record(None, a_provider(name, a_reference(name, secret=secret)), moved=[])

    first, second = costs(calls, label_updated(secret)), costs(calls, label_updated(secret))

    stores = ["dynamodb.PutItem"] * providers
    reads = ["dynamodb.Query", "secrets-manager.DescribeSecret"]
    assert first == [*reads, "secrets-manager.GetSecretValue", *stores]
    assert second == [*reads, *stores]  # the value was found good: it is not read again


def test_what_an_event_costs_does_not_grow_with_the_number_of_secrets(calls: Calls) -> None:
    secrets, registry, arns = boto3.client("secretsmanager"), boto3.client("dynamodb"), list[str]()
    other = secrets.create_secret(Name="other", SecretString="{}")["ARN"]
    costs_at: list[dict[str, Calls]] = []
    for size in SIZES:
        new = [secrets.create_secret(Name=f"agents/n-{at}", SecretString="{}")["ARN"] for at in range(len(arns), size)]
        for arn in new:
            put_reference(registry, a_reference(f"agent-of-{arn}", secret=arn, json_key=None))
        arns += new
        put(registry, {"pk": f"KEY#{KEY}", "sk": f"SECRET#{arns[0]}"})
        costs_at.append(
            {
                "of no interest, by ARN": costs(calls, put_secret_value(other)),
                "of no interest, by partial ARN": costs(calls, put_secret_value(other[:-7])),
                "of no interest, by name": costs(calls, put_secret_value("other")),
                "referenced, by ARN": costs(calls, put_secret_value(arns[-1])),
                "referenced, by partial ARN": costs(calls, put_secret_value(arns[-1][:-7])),
                "referenced, by name": costs(calls, put_secret_value(f"agents/n-{size - 1}")),
                "a key of one of them": costs(calls, key_disabled()),
            }
        )

    few, *many = costs_at
    assert many == [few] * len(many)
    assert {name: made for name, made in few.items() if "of no interest" in name} == {
        "of no interest, by ARN": ["dynamodb.Query"],
        "of no interest, by partial ARN": ["dynamodb.Query"],
        "of no interest, by name": ["dynamodb.Query"],
    }
    for name, made in few.items():
        if name.startswith("referenced"):
            assert "dynamodb.PutItem" in made  # it was matched, and checked
            assert len([call for call in made if not call.startswith("dynamodb.")]) <= MOST_READS + 1
    assert few["a key of one of them"] == ["dynamodb.Query", "sqs.SendMessageBatch"]


def costs(calls: Calls, event: dict[str, Any]) -> Calls:
    """The calls that the function makes for one event."""
    calls.clear()
    app.handler(sqs_event(event), Context())
    return calls.copy()


def label_updated(arn: str) -> dict[str, Any]:
    """The native event for a secret."""
    return {**EVENTS["secretsmanager.SecretLabelUpdated"], "resources": [arn]}


def put_secret_value(secret: str) -> dict[str, Any]:
    """The event of a call in which the secret was named so."""
    event = EVENTS["secretsmanager.TagResource"]  # it has no answer that would name the secret better
    detail = {**event["detail"], "requestParameters": {"secretId": secret}}
    return {**event, "account": "123456789012", "detail": detail}


def key_disabled() -> dict[str, Any]:
    event = EVENTS["kms.DisableKey"]
    return {**event, "detail": {**event["detail"], "resources": [{"ARN": KEY}]}}


def put_reference(registry: Any, reference: Reference) -> None:
    """As a provider's record brings it; not in a transaction, for each of which moto copies all of the table."""
    put(registry, item_of(ReferenceState(reference)))
    for key in pointer_keys(reference):
        put(registry, {**key, "secret_arn": reference.secret_arn})


def put(registry: Any, item: Mapping[str, Any]) -> None:
    attributes = {name: TypeSerializer().serialize(value) for name, value in item.items()}
    registry.put_item(TableName="registry", Item=attributes)
