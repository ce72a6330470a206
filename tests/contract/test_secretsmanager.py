"""The adapter tells what a secret is like, and never what it holds."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from secretwatch.adapters.secretsmanager import SecretsManagerSecrets
from secretwatch.domain.facts import NoSuchSecret, SecretDescription, ValueFacts, ValueShape
from secretwatch.errors import Permanent
from tests.contract.stubs import MakeStub, Stub
from tests.fakes import secret_arn

ARN = secret_arn()
CURRENT, PREVIOUS, PENDING = (letter * 32 for letter in "cba")
CANARY = "canary-4f9d1c"


@pytest.fixture
def aws(make_stub: MakeStub) -> Stub:
    return make_stub("secretsmanager")


@pytest.fixture(autouse=True)
def no_log_holds_the_value(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever a test here does, at whatever level."""
    caplog.set_level(logging.DEBUG)
    yield
    assert CANARY not in caplog.text


def described(aws: Stub, **secret: Any) -> SecretDescription | NoSuchSecret:
    """What the adapter says of a secret that DescribeSecret describes so."""
    aws.add_response("describe_secret", secret, {"SecretId": ARN})
    return SecretsManagerSecrets(aws.client).describe(ARN)


def read(aws: Stub, *json_keys: str, stage: str = "AWSCURRENT", **value: Any) -> ValueFacts:
    """What the adapter says of a version that GetSecretValue gives so."""
    answer = {"ARN": ARN, "VersionId": CURRENT, **value}
    aws.add_response("get_secret_value", answer, {"SecretId": ARN, "VersionStage": stage})
    return SecretsManagerSecrets(aws.client).shapes(ARN, stage=stage, json_keys=json_keys or ("client_secret",))


def test_a_description_tells_which_version_each_label_stands_at(aws: Stub) -> None:
    labels = {CURRENT: ["AWSCURRENT", "blue"], PREVIOUS: ["AWSPREVIOUS"], PENDING: ["AWSPENDING"]}

    secret = described(aws, ARN=ARN, Name="agents/crm", VersionIdsToStages=labels)

    assert secret == SecretDescription(
        versions={"AWSCURRENT": CURRENT, "blue": CURRENT, "AWSPREVIOUS": PREVIOUS, "AWSPENDING": PENDING}
    )


def test_a_description_tells_when_the_secret_was_marked_for_deletion(aws: Stub) -> None:
    deleted = datetime(2026, 11, 9, 8, 15, 30, tzinfo=UTC)

    secret = described(aws, ARN=ARN, DeletedDate=deleted, VersionIdsToStages={CURRENT: ["AWSCURRENT"]})

    assert secret == SecretDescription(deleted, {"AWSCURRENT": CURRENT})


@pytest.mark.parametrize("absent", [{}, {"VersionIdsToStages": {}}])
def test_a_secret_without_a_value_has_no_current_version(aws: Stub, absent: dict[str, Any]) -> None:
    secret = described(aws, ARN=ARN, **absent)

    assert secret == SecretDescription()


def test_a_secret_that_is_not_found_is_a_fact_and_no_failure(aws: Stub) -> None:
    for _ in range(2):  # the name is asked for as well
        aws.add_client_error("describe_secret", "ResourceNotFoundException", "not found", 400)

    assert SecretsManagerSecrets(aws.client).describe(ARN) == NoSuchSecret()


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        pytest.param(json.dumps({"client_secret": CANARY}), ValueShape.USABLE, id="a string"),
        pytest.param(json.dumps({"client_secret": " ", "other": CANARY}), ValueShape.USABLE, id="a blank"),
        pytest.param(json.dumps({"client_secret": "", "other": CANARY}), ValueShape.EMPTY, id="empty"),
        pytest.param(json.dumps({"other": CANARY}), ValueShape.KEY_MISSING, id="another key"),
        pytest.param(json.dumps({"CLIENT_SECRET": CANARY}), ValueShape.KEY_MISSING, id="another case"),
        pytest.param(json.dumps({"client_secret": 7, "other": CANARY}), ValueShape.NOT_A_STRING, id="a number"),
        pytest.param(json.dumps({"client_secret": None, "other": CANARY}), ValueShape.NOT_A_STRING, id="null"),
        pytest.param(json.dumps({"client_secret": [CANARY]}), ValueShape.NOT_A_STRING, id="a list of it"),
        pytest.param(json.dumps({"client_secret": {"value": CANARY}}), ValueShape.NOT_A_STRING, id="an object"),
        pytest.param(json.dumps([CANARY]), ValueShape.NOT_AN_OBJECT, id="a JSON list"),
        pytest.param(json.dumps(CANARY), ValueShape.NOT_AN_OBJECT, id="a JSON string"),
        pytest.param(CANARY, ValueShape.NOT_JSON, id="not JSON"),
        pytest.param("{" + CANARY, ValueShape.NOT_JSON, id="torn JSON"),
        pytest.param(" ", ValueShape.NOT_JSON, id="a blank text"),
        pytest.param('{"client_secret":' + "[" * 30_000, ValueShape.NOT_JSON, id="JSON too deep to read"),
    ],
)
def test_a_value_is_told_by_its_shape_alone(aws: Stub, text: str, shape: ValueShape) -> None:
    facts = read(aws, SecretString=text)

    assert facts == ValueFacts(CURRENT, {"client_secret": shape})
    assert CANARY not in repr(facts)


def test_a_binary_value_serves_under_no_key(aws: Stub) -> None:
    facts = read(aws, "api_key", "client_secret", SecretBinary=CANARY.encode())

    assert facts == ValueFacts(CURRENT, {"api_key": ValueShape.BINARY, "client_secret": ValueShape.BINARY})
    assert CANARY not in repr(facts)


def test_each_key_is_judged_by_itself(aws: Stub) -> None:
    facts = read(aws, "api_key", "client_secret", SecretString=json.dumps({"api_key": "", "client_secret": CANARY}))

    assert facts.shapes == {"api_key": ValueShape.EMPTY, "client_secret": ValueShape.USABLE}


def test_the_previous_version_is_read_by_its_label(aws: Stub) -> None:
    facts = read(aws, stage="AWSPREVIOUS", VersionId=PREVIOUS, SecretString=json.dumps({"client_secret": CANARY}))

    assert facts == ValueFacts(PREVIOUS, {"client_secret": ValueShape.USABLE})


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "DecryptionFailure", "InvalidRequestException"])
def test_a_value_that_cannot_be_read_is_not_a_fact_about_it(aws: Stub, code: str) -> None:
    aws.add_client_error("get_secret_value", code, CANARY, 400)

    with pytest.raises(Permanent, match=f"^GetSecretValue: {code}$"):
        SecretsManagerSecrets(aws.client).shapes(ARN, stage="AWSCURRENT", json_keys={"client_secret"})
