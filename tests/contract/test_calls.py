"""What an event costs: counted calls of the whole function, on its own adapters."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from functions.check_references import app
from secretwatch.adapters.dynamodb import DynamoDbProviderRecords
from tests.fakes import a_provider, a_reference
from tests.lambdas import Context, sqs_event

EVENTS = sorted((Path(__file__).parents[2] / "events").glob("secretsmanager.*.json"))

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
        session.events.register("before-send", lambda event_name, **_: made.append(event_name.split(".", 1)[1]))
        app.checking.cache_clear()
        yield made
        app.checking.cache_clear()


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_an_event_for_a_secret_that_nobody_references_costs_one_read_of_the_registry(path: Path, calls: Calls) -> None:
    response = app.handler(sqs_event(path.read_text()), Context())

    assert response == {"batchItemFailures": []}
    assert calls == ["dynamodb.Query"]


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
    calls.clear()

    app.handler(sqs_event(label_updated(secret)), Context())
    first = calls.copy()
    calls.clear()
    app.handler(sqs_event(label_updated(secret)), Context())

    stores = ["dynamodb.PutItem"] * providers
    reads = ["dynamodb.Query", "secrets-manager.DescribeSecret"]
    assert first == [*reads, "secrets-manager.GetSecretValue", *stores]
    assert calls == [*reads, *stores]  # the value was found good: it is not read again


def label_updated(arn: str) -> dict[str, Any]:
    """The native event for a secret."""
    (sample,) = [path for path in EVENTS if path.stem == "secretsmanager.SecretLabelUpdated"]
    event: dict[str, Any] = json.loads(sample.read_text())
    return {**event, "resources": [arn]}
