"""What every adapter shares: how AWS's failures become ours, and how clients are made."""

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from secretwatch.adapters.agentcore import AgentCore, AgentCoreGateways, AgentCoreProviders
from secretwatch.adapters.aws import client, translated
from secretwatch.adapters.cloudtrail import CloudTrailTrails
from secretwatch.adapters.dynamodb import DynamoDbProviderRecords, DynamoDbReferences, DynamoDbWaivers
from secretwatch.adapters.eventbridge import EventBridgeBus
from secretwatch.adapters.iam import IamIdentities
from secretwatch.adapters.kms import KmsKeys
from secretwatch.adapters.policies import KmsDocuments, SecretsManagerDocuments
from secretwatch.adapters.repair_news import CloudTrailWriters
from secretwatch.adapters.secretsmanager import SecretsManagerSecrets
from secretwatch.adapters.sns import SnsChannel, SnsSubscriptions
from secretwatch.adapters.sqs import SqsRequests
from secretwatch.adapters.stepfunctions import StepFunctionsDecisions, StepFunctionsExecutions
from secretwatch.adapters.token_vault import AgentCoreTokenVault, AgentCoreVending
from secretwatch.domain.finding import Code, Verdict
from secretwatch.domain.incident import Delivery
from secretwatch.domain.key import KeyId
from secretwatch.domain.reference import ProviderKind
from secretwatch.domain.rules import AGENTCORE as READER
from secretwatch.domain.state import ReferenceState
from secretwatch.domain.verdict_change import VerdictChange
from secretwatch.errors import Permanent, SecretwatchError, Transient
from secretwatch.policy import Principal
from secretwatch.ports import KnownProvider, Target
from tests.contract.stubs import MakeClient, MakeStub, Stub, answer_with
from tests.contract.template import FUNCTIONS, as_list, statements
from tests.fakes import (
    ACCOUNT,
    EVERYTHING,
    KEY_ARN,
    NOON,
    REGION,
    a_gateway,
    a_name,
    a_provider,
    a_reference,
    an_alert,
    secret_arn,
)

CANARY = "canary-4f9d1c"

STATE = ReferenceState(a_reference(), version=1, verdict=Verdict.BROKEN, checked_at=NOON)
KNOWN = KnownProvider(a_provider(), 1)
CHANGE = VerdictChange(replace(STATE, version=0, verdict=None), STATE)
QUEUE = "https://sqs.eu-west-1.amazonaws.com/111122223333/sweep"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/support-bot"
TOPIC = "arn:aws:sns:eu-west-1:111122223333:alerts"

EXECUTION = "arn:aws:states:eu-west-1:111122223333:execution:secretwatch-OnboardSecret:o-1"
OF_GOOGLE, WALLET = a_name(kind=ProviderKind.OAUTH2), a_name(kind=ProviderKind.PAYMENT)

AGENTCORE = "bedrock-agentcore-control"


def names(aws: Any, kind: ProviderKind) -> object:
    return list(AgentCoreProviders(AgentCore(aws)).names(kind, EVERYTHING))


def provider(aws: Any, kind: ProviderKind) -> object:
    return AgentCoreProviders(AgentCore(aws)).get(a_name(kind=kind))


# What the adapters take for an answer instead of a failure: a trail that cannot be read is unknown (test_cloudtrail).
# What AgentCore refuses to create, or to hand out, is an answer too (test_onboardings).
ANSWERED = {
    "GetTrailStatus",
    "GetEventSelectors",
    "CreateApiKeyCredentialProvider",
    "CreateOauth2CredentialProvider",
    "CreatePaymentCredentialProvider",
    "GetResourceApiKey",
}

# Every other call that the product makes of AWS: service, the adapter's use of it, and the operation.
CALLS: dict[str, tuple[str, Callable[[Any], object]]] = {
    "DescribeSecret": ("secretsmanager", lambda aws: SecretsManagerSecrets(aws).describe(secret_arn())),
    "GetSecretValue": (
        "secretsmanager",
        lambda aws: SecretsManagerSecrets(aws).shapes(secret_arn(), stage="AWSCURRENT", json_keys={"key"}),
    ),
    "ListResourcePolicies": ("secretsmanager", lambda aws: SecretsManagerSecrets(aws).policy_names(secret_arn())),
    "GetResourcePolicy": ("secretsmanager", lambda aws: SecretsManagerSecrets(aws).policy(secret_arn(), "default")),
    "DescribeKey": ("kms", lambda aws: KmsKeys(aws).describe(KeyId(KEY_ARN))),
    "GetKeyPolicy": ("kms", lambda aws: KmsKeys(aws).policy(KEY_ARN)),
    "ListGrants": ("kms", lambda aws: KmsKeys(aws).grants(KEY_ARN, Principal.service(READER))),
    "SimulatePrincipalPolicy": ("iam", lambda aws: IamIdentities(aws).decide(ROLE, "kms:Decrypt", KEY_ARN)),
    "ListApiKeyCredentialProviders": (AGENTCORE, lambda aws: names(aws, ProviderKind.API_KEY)),
    "ListOauth2CredentialProviders": (AGENTCORE, lambda aws: names(aws, ProviderKind.OAUTH2)),
    "ListPaymentCredentialProviders": (AGENTCORE, lambda aws: names(aws, ProviderKind.PAYMENT)),
    "GetApiKeyCredentialProvider": (AGENTCORE, lambda aws: provider(aws, ProviderKind.API_KEY)),
    "GetOauth2CredentialProvider": (AGENTCORE, lambda aws: provider(aws, ProviderKind.OAUTH2)),
    "GetPaymentCredentialProvider": (AGENTCORE, lambda aws: provider(aws, ProviderKind.PAYMENT)),
    "ListGateways": (AGENTCORE, lambda aws: list(AgentCoreGateways(AgentCore(aws)).names(EVERYTHING))),
    "GetGateway": (AGENTCORE, lambda aws: AgentCoreGateways(AgentCore(aws)).get(a_gateway().name)),
    # The next two come after a GetGateway that was answered: here each is called by itself.
    "ListGatewayTargets": (
        AGENTCORE,
        lambda aws: list(
            AgentCore(aws).pages("list_gateway_targets", of="items", gatewayIdentifier=a_gateway().name.gateway_id)
        ),
    ),
    "GetGatewayTarget": (
        AGENTCORE,
        lambda aws: AgentCore(aws).find(
            "get_gateway_target", gatewayIdentifier=a_gateway().name.gateway_id, targetId="A1b2C3d4E5"
        ),
    ),
    "DescribeTrails": ("cloudtrail", lambda aws: CloudTrailTrails(aws).coverages(REGION)),
    "Query": ("dynamodb", lambda aws: DynamoDbReferences(aws, "registry").of_secret(a_reference().secret)),
    "GetItem": ("dynamodb", lambda aws: DynamoDbProviderRecords(aws, "registry").find(a_name())),
    "BatchGetItem": (
        "dynamodb",
        lambda aws: DynamoDbWaivers(aws, "registry").holding([(secret_arn(), Code.ROTATION_OFF)]),
    ),
    "PutItem": ("dynamodb", lambda aws: DynamoDbReferences(aws, "registry").store(STATE)),
    "TransactWriteItems": ("dynamodb", lambda aws: DynamoDbProviderRecords(aws, "registry").forget(KNOWN)),
    "PutEvents": ("events", lambda aws: EventBridgeBus(aws, "secretwatch").publish(CHANGE)),
    "SendMessageBatch": ("sqs", lambda aws: SqsRequests(aws, QUEUE).send([a_name()])),
    "ValidateResourcePolicy": (
        "secretsmanager",
        lambda aws: SecretsManagerDocuments(aws).problems(secret_arn(), "{}"),
    ),
    "PutResourcePolicy": ("secretsmanager", lambda aws: SecretsManagerDocuments(aws).write(secret_arn(), "{}")),
    "DeleteResourcePolicy": ("secretsmanager", lambda aws: SecretsManagerDocuments(aws).write(secret_arn(), None)),
    "PutKeyPolicy": ("kms", lambda aws: KmsDocuments(aws).write(KEY_ARN, "{}")),
    "LookupEvents": ("cloudtrail", lambda aws: CloudTrailWriters(aws, own_roles={ROLE}).of_policy(KEY_ARN, since=NOON)),
    "DeleteApiKeyCredentialProvider": (
        AGENTCORE,
        lambda aws: AgentCoreTokenVault(aws).delete(a_name(kind=ProviderKind.API_KEY)),
    ),
    "DeleteOauth2CredentialProvider": (AGENTCORE, lambda aws: AgentCoreTokenVault(aws).delete(OF_GOOGLE)),
    "DeletePaymentCredentialProvider": (AGENTCORE, lambda aws: AgentCoreTokenVault(aws).delete(WALLET)),
    "ListTagsForResource": (AGENTCORE, lambda aws: AgentCoreTokenVault(aws).maker(a_reference().provider_arn)),
    # It comes after a GetWorkloadAccessToken that was answered: here it is called by itself.
    "CreateWorkloadIdentity": (AGENTCORE, lambda aws: AgentCore(aws).call("create_workload_identity", name="a-name")),
    "GetWorkloadAccessToken": ("bedrock-agentcore", lambda aws: AgentCoreVending(aws, aws).vend("weather")),
    "DescribeExecution": ("stepfunctions", lambda aws: StepFunctionsExecutions(aws).is_running(EXECUTION)),
    "SendTaskSuccess": ("stepfunctions", lambda aws: StepFunctionsDecisions(aws).approve("token", ROLE)),
    "SendTaskFailure": ("stepfunctions", lambda aws: StepFunctionsDecisions(aws).reject("token", "no")),
    "Publish": (
        "sns",
        lambda aws: SnsChannel(aws, TOPIC).send(Target("sns", takes_updates=False), an_alert(), Delivery()),
    ),
    "ListSubscriptionsByTopic": ("sns", lambda aws: SnsSubscriptions(aws, TOPIC).unconfirmed()),
}


def operation_method(stub: Stub, operation: str) -> str:
    """How boto3 spells an operation's name."""
    mapping: dict[str, str] = stub.client.meta.method_to_api_mapping
    return next(method for method, name in mapping.items() if name == operation)


def a_client_error(code: str, status: int = 400) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": CANARY}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "AnyOperation",
    )


# Actions that Lambda and the libraries use, or that are spelled otherwise than the operation that needs them.
NO_CALLS = {
    "bedrock-agentcore:TagResource",  # a provider is created with its tags
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:SendMessage",
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
    "dynamodb:DeleteItem",
    "kms:Decrypt",
}


def test_every_call_that_the_functions_may_make_is_tested() -> None:
    allowed = {
        action
        for function in FUNCTIONS.values()
        for statement in statements(function["Role"]["Fn::GetAtt"][0])
        for action in as_list(statement["Action"])
    }

    assert {action.split(":")[1] for action in allowed - NO_CALLS} <= CALLS.keys() | ANSWERED


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        pytest.param("AccessDeniedException", 400, Permanent, id="access denied"),
        pytest.param("ThrottlingException", 400, Transient, id="throttled"),
        pytest.param("SomethingNew", 503, Transient, id="the service is not well"),
    ],
)
@pytest.mark.parametrize("operation", CALLS)
def test_every_call_tells_a_failure_that_may_pass_from_one_that_stays(
    make_stub: MakeStub, operation: str, code: str, status: int, expected: type[SecretwatchError]
) -> None:
    service, call = CALLS[operation]
    stub = make_stub(service)
    stub.add_client_error(operation_method(stub, operation), code, CANARY, http_status_code=status)

    with pytest.raises(SecretwatchError) as raised:
        call(stub.client)

    assert type(raised.value) is expected
    assert code in str(raised.value)
    assert CANARY not in str(raised.value)


@pytest.mark.parametrize("operation", CALLS)
def test_every_call_may_succeed_later_when_aws_was_not_reached(make_client: MakeClient, operation: str) -> None:
    service, call = CALLS[operation]
    aws = make_client(service)

    def unreachable(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://aws.example")

    aws.meta.events.register("before-send", unreachable)

    with pytest.raises(Transient, match="EndpointConnectionError"):
        call(aws)


@pytest.mark.parametrize(
    "code",
    [
        "InternalServerError",
        "InternalServerException",
        "InternalServiceError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "ServiceUnavailable",
        "Throttling",
        "ThrottledException",
        "TooManyRequestsException",
        "TransactionConflictException",
        "TransactionInProgressException",
    ],
)
def test_codes_that_mean_later_are_transient_whatever_the_status(code: str) -> None:
    with pytest.raises(Transient, match=f"^AnyOperation: {code}$"), translated("AnyOperation"):
        raise a_client_error(code)


@pytest.mark.parametrize(
    "code",
    [
        "AccessDenied",
        "DecryptionFailure",
        "InvalidRequestException",
        "ResourceNotFoundException",
        "ValidationException",
    ],
)
def test_codes_that_mean_never_are_permanent(code: str) -> None:
    with pytest.raises(Permanent, match=f"^AnyOperation: {code}$"), translated("AnyOperation"):
        raise a_client_error(code)


@pytest.mark.parametrize("status", [500, 502, 503, 599])
def test_any_server_error_is_transient(status: int) -> None:
    with pytest.raises(Transient), translated("AnyOperation"):
        raise a_client_error("NeverHeardOf", status)


def test_an_error_without_code_or_status_is_permanent() -> None:
    with pytest.raises(Permanent), translated("AnyOperation"):
        raise ClientError({}, "AnyOperation")


@pytest.mark.parametrize(
    "failure",
    [
        ConnectTimeoutError(endpoint_url="https://aws.example"),
        ReadTimeoutError(endpoint_url="https://aws.example"),
        ConnectionClosedError(endpoint_url="https://aws.example"),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_a_connection_that_fails_is_transient_and_says_how(failure: Exception) -> None:
    with pytest.raises(Transient, match=f"^AnyOperation: {type(failure).__name__}$"), translated("AnyOperation"):
        raise failure


def test_a_mistake_of_ours_is_not_taken_for_a_failure_of_aws() -> None:
    with pytest.raises(KeyError), translated("AnyOperation"):
        raise KeyError("SecretString")


def test_the_cause_is_kept_for_whoever_has_to_look() -> None:
    failure = a_client_error("AccessDenied")

    with pytest.raises(Permanent) as raised, translated("AnyOperation"):
        raise failure

    assert raised.value.__cause__ is failure


# --- clients ---


def test_a_client_gives_up_before_its_function_does() -> None:
    config = client("sqs").meta.config

    assert (config.connect_timeout, config.read_timeout) == (2, 5)
    assert config.retries == {"mode": "standard", "total_max_attempts": 3}


@pytest.mark.parametrize("name", ["boto3", "botocore", "urllib3"])
def test_libraries_that_print_responses_stay_quiet_when_everything_else_speaks(name: str) -> None:
    assert not logging.getLogger(name).isEnabledFor(logging.DEBUG)


def test_a_value_that_aws_sends_reaches_no_log_even_at_debug(
    make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    aws = make_client("secretsmanager")
    answer_with(
        aws, {"ARN": secret_arn(), "VersionId": "v" * 32, "SecretString": json.dumps({"client_secret": CANARY})}
    )

    facts = SecretsManagerSecrets(aws).shapes(secret_arn(), stage="AWSCURRENT", json_keys={"client_secret"})

    logging.getLogger("anybody else").debug("a line at DEBUG")
    assert facts.shapes == {"client_secret": "USABLE"}
    assert "a line at DEBUG" in caplog.text
    assert CANARY not in caplog.text
