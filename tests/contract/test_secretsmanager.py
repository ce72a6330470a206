"""The adapter tells what a secret is like, and never what it holds."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from secretwatch.adapters.secretsmanager import SecretsManagerSecrets
from secretwatch.domain.facts import NoSuchSecret, Rotation, SecretDescription, ValueFacts, ValueShape
from secretwatch.domain.key import KeyId
from secretwatch.errors import Permanent
from tests.contract.stubs import MakeStub, Stub
from tests.fakes import ACCOUNT, KEY_ARN, LETS_AGENTCORE_READ, REGION, secret_arn

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


def test_a_description_tells_all_that_a_judgement_asks_for(aws: Stub) -> None:
    last, due = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)

    secret = described(
        aws,
        ARN=ARN,
        KmsKeyId="1234abcd-12ab-34cd-56ef-1234567890ab",
        Tags=[{"Key": "team", "Value": "crm"}, {"Key": "empty"}],
        RotationEnabled=True,
        LastRotatedDate=last,
        NextRotationDate=due,
        CreatedDate=last,
        OwningService="appflow",
        Type="Salesforce",
    )

    assert secret == SecretDescription(
        key=KeyId(KEY_ARN),
        tags={"team": "crm", "empty": ""},
        rotation=Rotation(enabled=True, last=last, next=due),
        created=last,
        owner="appflow",
        partner="Salesforce",
    )


@pytest.mark.parametrize(
    ("recorded", "key"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({"KmsKeyId": "alias/aws/secretsmanager"}, None, id="the AWS managed one, by its alias"),
        pytest.param({"KmsKeyId": KEY_ARN}, KEY_ARN, id="an ARN"),
        pytest.param({"KmsKeyId": "alias/agents"}, f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/agents", id="an alias"),
        pytest.param(
            {"KmsKeyId": f"arn:aws:kms:{REGION}:444455556666:alias/agents"},
            f"arn:aws:kms:{REGION}:444455556666:alias/agents",
            id="the alias of another account",
        ),
    ],
)
def test_a_key_is_named_as_it_is_recorded(aws: Stub, recorded: dict[str, str], key: str | None) -> None:
    secret = described(aws, ARN=ARN, **recorded)

    assert isinstance(secret, SecretDescription)
    assert secret.key == (KeyId(key) if key else None)


def test_a_secret_that_has_another_ones_name_now_is_found(aws: Stub) -> None:
    namesake = secret_arn(suffix="z9y8x7")
    aws.add_client_error("describe_secret", "ResourceNotFoundException", "not found", 400)
    aws.add_response("describe_secret", {"ARN": namesake}, {"SecretId": "agents/crm"})

    assert SecretsManagerSecrets(aws.client).describe(ARN) == NoSuchSecret(recreated=namesake)


def test_a_namesake_that_is_marked_for_deletion_is_nobodys_way_out(aws: Stub) -> None:
    aws.add_client_error("describe_secret", "ResourceNotFoundException", "not found", 400)
    going = {"ARN": secret_arn(suffix="z9y8x7"), "DeletedDate": datetime(2026, 11, 9, tzinfo=UTC)}
    aws.add_response("describe_secret", going, {"SecretId": "agents/crm"})

    assert SecretsManagerSecrets(aws.client).describe(ARN) == NoSuchSecret()


# --- policies


def test_the_names_of_the_policies_come_page_by_page(aws: Stub) -> None:
    aws.add_response(
        "list_resource_policies", {"ResourcePolicies": [{"PolicyName": "default"}], "NextToken": "t"}, {"SecretId": ARN}
    )
    aws.add_response(
        "list_resource_policies",
        {"ResourcePolicies": [{"PolicyName": "a-service"}]},
        {"SecretId": ARN, "NextToken": "t"},
    )

    assert SecretsManagerSecrets(aws.client).policy_names(ARN) == ["default", "a-service"]


def test_a_policy_is_read_by_its_name_and_keeps_its_text(aws: Stub) -> None:
    answer = {"ARN": ARN, "Name": "agents/crm", "PolicyName": "a-service", "ResourcePolicy": LETS_AGENTCORE_READ}
    aws.add_response("get_resource_policy", answer, {"SecretId": ARN, "PolicyName": "a-service"})

    policy = SecretsManagerSecrets(aws.client).policy(ARN, "a-service")

    assert policy is not None
    assert (policy.name, policy.text, policy.problems) == ("a-service", LETS_AGENTCORE_READ, ())


def test_a_policy_that_nobody_understands_is_read_all_the_same(aws: Stub) -> None:
    aws.add_response("get_resource_policy", {"ARN": ARN, "ResourcePolicy": "{"})

    policy = SecretsManagerSecrets(aws.client).policy(ARN, "default")

    assert policy is not None
    assert policy.problems


def test_a_secret_without_a_policy_of_that_name_has_none(aws: Stub) -> None:
    aws.add_response("get_resource_policy", {"ARN": ARN, "Name": "agents/crm"})
    aws.add_client_error("get_resource_policy", "ResourceNotFoundException", "no policy", 400)

    assert SecretsManagerSecrets(aws.client).policy(ARN, "default") is None
    assert SecretsManagerSecrets(aws.client).policy(ARN, "a-service") is None


# --- values


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
