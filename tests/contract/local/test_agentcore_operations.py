"""Every operation of AgentCore Identity, against botocore's models of it, and what may be asked beyond them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.session import get_session
from moto.bedrockagentcorecontrol.models import bedrockagentcorecontrol_backends

from local import agentcore_identity
from local.agentcore_identity import CONTROL_PLANE, DATA_PLANE, OPERATIONS, MotoSecrets, SecretReader, controls
from tests.contract.local.agentcore import (
    ACCOUNT,
    COINBASE,
    DISCOVERY,
    MODELS,
    PRIVATE_ENDPOINT,
    STRIPE,
    body,
    client_secret,
    coinbase,
    external,
    google,
    is_declared,
    references,
    refusal,
    stripe,
)

VALUES = {field: f"the-{field}" for field in ("apiKey", "secret", *COINBASE, *STRIPE)}
ARN = f"arn:aws:bedrock-agentcore:us-east-1:{ACCOUNT}:token-vault/default/apikeycredentialprovider/weather"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
CUSTOM = {
    "credentialProviderVendor": "CustomOauth2",
    "oauth2ProviderConfigInput": {
        "customOauth2ProviderConfig": {
            "oauthDiscovery": DISCOVERY,
            "clientId": "client",
            "clientAuthenticationMethod": "PRIVATE_KEY_JWT",
            "privateEndpoint": PRIVATE_ENDPOINT,
            "certificateConfigurations": [{"s3": {"uri": "s3://bucket/ca.pem", "bucketOwnerAccountId": ACCOUNT}}],
            "privateKeyJwtConfig": {
                "privateKeySource": {"kmsKeySource": {"kmsKeyArn": KEY}},
                "signingAlgorithm": "PS256",
                "additionalPayloadClaims": {"tenant": "weather"},
            },
            **client_secret("team/weather"),
        }
    },
}
PAYMENT_REQUEST = {
    "coinbaseCdpTokenRequest": {
        "requestMethod": "POST",
        "requestHost": "api.example",
        "requestPath": "/pay",
        "includeWalletAuthToken": True,
        "requestBody": "{}",
    }
}
PAGE = {"maxResults": 1}
TAGS = {"tags": {"team": "a"}}


def provider(**arguments: Any) -> dict[str, Any]:
    return {"workloadIdentityToken": "", "resourceCredentialProviderName": "", **arguments}


CALLS: dict[str, dict[str, Any]] = {
    "CreateApiKeyCredentialProvider": {"name": "new", **external("team/weather"), **TAGS},
    "GetApiKeyCredentialProvider": {"name": "weather"},
    "UpdateApiKeyCredentialProvider": {"name": "weather", **external("team/weather")},
    "DeleteApiKeyCredentialProvider": {"name": "weather"},
    "ListApiKeyCredentialProviders": PAGE,
    "CreateOauth2CredentialProvider": {"name": "new", **CUSTOM, **TAGS},
    "GetOauth2CredentialProvider": {"name": "search"},
    "UpdateOauth2CredentialProvider": {"name": "search", **google(**client_secret("team/weather"))},
    "DeleteOauth2CredentialProvider": {"name": "search"},
    "ListOauth2CredentialProviders": PAGE,
    "CreatePaymentCredentialProvider": {"name": "new", **stripe(**references(*STRIPE)), **TAGS},
    "GetPaymentCredentialProvider": {"name": "wallet"},
    "UpdatePaymentCredentialProvider": {"name": "wallet", **coinbase(**references(*COINBASE))},
    "DeletePaymentCredentialProvider": {"name": "wallet"},
    "ListPaymentCredentialProviders": PAGE,
    "CreateWorkloadIdentity": {"name": "new", "allowedResourceOauth2ReturnUrls": ["https://agent.example/"], **TAGS},
    "GetWorkloadIdentity": {"name": "agent"},
    "UpdateWorkloadIdentity": {"name": "agent", "allowedResourceOauth2ReturnUrls": ["https://agent.example/"]},
    "DeleteWorkloadIdentity": {"name": "agent"},
    "ListWorkloadIdentities": PAGE,
    "GetTokenVault": {"tokenVaultId": "default"},
    "SetTokenVaultCMK": {"kmsConfiguration": {"keyType": "CustomerManagedKey", "kmsKeyArn": KEY}},
    "TagResource": {"resourceArn": ARN, **TAGS},
    "UntagResource": {"resourceArn": ARN, "tagKeys": ["team"]},
    "ListTagsForResource": {"resourceArn": ARN},
    "GetWorkloadAccessToken": {"workloadName": "agent"},
    "GetWorkloadAccessTokenForJWT": {"workloadName": "agent", "userToken": "a.b.c"},
    "GetWorkloadAccessTokenForUserId": {"workloadName": "agent", "userId": "alice"},
    "GetResourceApiKey": provider(resourceCredentialProviderName="weather"),
    "GetResourceOauth2Token": provider(resourceCredentialProviderName="search", scopes=["read"], oauth2Flow="M2M"),
    "GetResourcePaymentToken": provider(resourceCredentialProviderName="wallet", paymentTokenRequest=PAYMENT_REQUEST),
}
"""A call of every operation that succeeds on the account below, once it has its token."""

every_operation = pytest.mark.parametrize(
    ("service", "operation"), [(service, name) for service, names in OPERATIONS.items() for name in names]
)


@cache
def clients() -> dict[str, Any]:
    """Clients that check nothing and try once; made once, which takes longer than most tests."""
    session = boto3.Session("testing", "testing", region_name="us-east-1")
    config = Config(parameter_validation=False, retries={"total_max_attempts": 1})
    client: Any = session.client
    return {service: client(service, config=config) for service in (*MODELS, "secretsmanager")}


class Account:
    """An account with a provider of each kind, and a workload."""

    def __init__(self) -> None:
        self.clients = clients()
        self.control, self.data = self.clients[CONTROL_PLANE], self.clients[DATA_PLANE]
        self.secrets = self.clients["secretsmanager"]
        self.secrets.create_secret(Name="team/weather", SecretString=json.dumps(VALUES))
        self.control.create_api_key_credential_provider(name="weather", **external("team/weather"))
        self.control.create_oauth2_credential_provider(name="search", **google(**client_secret("team/weather")))
        self.control.create_payment_credential_provider(name="wallet", **coinbase(**references(*COINBASE)))
        self.control.create_workload_identity(name="agent")
        self.token = self.data.get_workload_access_token(workloadName="agent")["workloadAccessToken"]

    def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        service = next(service for service, names in OPERATIONS.items() if operation in names)
        client = self.clients[service]
        method = next(name for name, known in client.meta.method_to_api_mapping.items() if known == operation)
        response: dict[str, Any] = getattr(client, method)(**arguments)
        return response

    def arguments(self, operation: str) -> dict[str, Any]:
        """Those of the call that succeeds."""
        arguments = deepcopy(CALLS[operation])
        if "workloadIdentityToken" in arguments:
            arguments["workloadIdentityToken"] = self.token
        return arguments

    def refusal(self, operation: str, **arguments: Any) -> tuple[str, str]:
        return refusal(lambda **given: self.call(operation, **given), **{**self.arguments(operation), **arguments})

    def status(self) -> tuple[str, str | None]:
        found = self.control.get_oauth2_credential_provider(name="search")
        return found["status"], found.get("failureReason")


@pytest.fixture
def account(aws: None) -> Account:
    return Account()


def required_but_missing(shape: Shape | None, value: Any, path: str = "") -> Iterator[str]:
    """The members that the model requires and the value lacks."""
    match shape:
        case StructureShape():
            yield from (f"{path}.{name}" for name in shape.required_members if name not in value)
            for name in value.keys() & shape.members.keys():
                yield from required_but_missing(shape.members[name], value[name], f"{path}.{name}")
        case ListShape():
            for item in value:
                yield from required_but_missing(shape.member, item, f"{path}[]")


Broken = Iterator[tuple[str, Any]]
"""What is wrong, and the whole value with that wrong."""


def violations(shape: Shape, value: Any) -> Broken:
    """Each way in which one part of a valid value can break the model."""
    match shape:
        case StructureShape():
            yield from broken_structures(shape, value)
        case ListShape():
            if "max" in shape.metadata:
                yield "too many", value * (shape.metadata["max"] + 1)
            yield from ((what, [broken]) for what, broken in violations(shape.member, value[0]))
        case MapShape():
            [(key, item)] = value.items()
            yield "too many", {f"{key}{number}": item for number in range(shape.metadata["max"] + 1)}
            yield from ((f"key {what}", {broken: item}) for what, broken in violations(shape.key, key))
            yield from ((f"value {what}", {key: broken}) for what, broken in violations(shape.value, item))
        case Shape(type_name="string"):
            yield from broken_strings(shape, value)
        case Shape(type_name="integer"):
            yield "too large", shape.metadata["max"] + 1
            yield "too small", shape.metadata["min"] - 1


def broken_structures(shape: StructureShape, value: dict[str, Any]) -> Broken:
    for name, item in value.items():
        in_body = "location" not in shape.members[name].serialization  # moto routes no call that lacks the others
        if name in shape.required_members and in_body:
            yield f"{name} missing", {key: other for key, other in value.items() if key != name}
        for what, broken in violations(shape.members[name], item):
            yield f"{name}.{what}", {**value, name: broken}
    if shape.is_tagged_union:
        yield "no member", {}


def broken_strings(shape: Shape, value: str) -> Broken:
    if "max" in shape.metadata:
        yield "too long", value + value[-1] * shape.metadata["max"]
    if "enum" in shape.metadata:
        yield "no such value", "NO_SUCH"
    if "pattern" in shape.metadata:
        yield "no such form", "ä ä"


@every_operation
def test_every_operation_answers_all_that_its_model_requires(account: Account, service: str, operation: str) -> None:
    model = MODELS[service].operation_model(operation)

    answered = account.call(operation, **account.arguments(operation))

    assert answered["ResponseMetadata"]["HTTPStatusCode"] == model.http["responseCode"]
    assert list(required_but_missing(model.output_shape, body(answered))) == []


@every_operation
def test_every_operation_refuses_what_breaks_a_limit_of_its_model(
    account: Account, service: str, operation: str
) -> None:
    shape = MODELS[service].operation_model(operation).input_shape
    assert shape is not None
    reasons: Any = MODELS[service].shape_for("ValidationExceptionReason")

    broken = list(violations(shape, account.arguments(operation)))
    accepted = [what for what, arguments in broken if not is_refused(account, operation, arguments, reasons.enum)]

    assert broken
    assert accepted == []


def is_refused(account: Account, operation: str, arguments: dict[str, Any], reasons: list[str]) -> bool:
    try:
        account.call(operation, **arguments)
    except account.control.exceptions.ValidationException as error:
        return error.response["reason"] in reasons
    except account.data.exceptions.ValidationException as error:
        return error.response["reason"] in reasons
    return False


@every_operation
def test_every_operation_fails_as_asked_and_then_works_again(account: Account, service: str, operation: str) -> None:
    failures = {"ThrottlingException": 429, "AccessDeniedException": 403, "InternalServerException": 500}
    seen: dict[str, int] = {}
    for code in failures:
        controls.fail(operation, code, times=1)
        with pytest.raises(account.clients[service].exceptions.from_code(code)) as failed:
            account.call(operation, **account.arguments(operation))
        seen[code] = failed.value.response["ResponseMetadata"]["HTTPStatusCode"]

    assert seen == failures
    assert account.call(operation, **account.arguments(operation))


def test_every_call_that_names_what_is_not_there_answers_a_declared_error(account: Account) -> None:
    elsewhere = {"name": "nobody", "workloadName": "nobody", "resourceCredentialProviderName": "nobody"}
    named = {
        operation: {member: name for member, name in elsewhere.items() if member in arguments}
        for operation, arguments in CALLS.items()
        if not operation.startswith("Create")
    }

    refusals = {operation: account.refusal(operation, **names)[0] for operation, names in named.items() if names}

    assert set(refusals.values()) == {"ResourceNotFoundException"}
    assert len(refusals) == 18
    assert all(is_declared(operation, code) for operation, code in refusals.items())


def test_every_operation_is_in_its_model_and_has_an_example() -> None:
    for service, operations in OPERATIONS.items():
        assert set(operations) <= set(get_session().get_service_model(service).operation_names)
    assert CALLS.keys() == {name for operations in OPERATIONS.values() for name in operations}


class TestFailuresOnDemand:
    def test_without_a_number_they_last_until_cleared(self, account: Account) -> None:
        controls.fail("GetTokenVault", "ThrottlingException")

        assert [account.refusal("GetTokenVault")[0] for _ in range(3)] == ["ThrottlingException"] * 3
        controls.clear()
        assert account.call("GetTokenVault")

    def test_a_number_counts_tries(self, account: Account) -> None:
        patient = boto3.client(
            "bedrock-agentcore-control", config=Config(retries={"total_max_attempts": 2, "mode": "standard"})
        )
        controls.fail("GetTokenVault", "InternalServerException", times=1)

        assert patient.get_token_vault()["ResponseMetadata"]["RetryAttempts"] == 1

    def test_the_operations_of_moto_itself_fail_too(self, account: Account) -> None:
        controls.fail("ListGateways", "AccessDeniedException", times=1)

        assert refusal(account.control.list_gateways)[0] == "AccessDeniedException"
        assert account.control.list_gateways()["items"] == []

    def test_a_failed_change_changes_nothing(self, account: Account) -> None:
        controls.fail("DeleteApiKeyCredentialProvider", "InternalServerException", times=1)

        account.refusal("DeleteApiKeyCredentialProvider")

        assert account.call("GetApiKeyCredentialProvider", name="weather")

    @pytest.mark.parametrize(
        ("operation", "code"), [("GetTokenVault", "ConflictException"), ("NoSuchOperation", "ThrottlingException")]
    )
    def test_what_no_model_declares_cannot_be_asked_for(self, operation: str, code: str) -> None:
        with pytest.raises(ValueError, match=operation):
            controls.fail(operation, code)

    def test_installation_clears_them(self, account: Account) -> None:
        controls.fail("GetTokenVault", "ThrottlingException")
        controls.hold()
        controls.read_secrets_as("caller")

        agentcore_identity.install()

        assert account.call("GetTokenVault")
        assert (controls.changes_are_held, controls.secret_reader) == (False, SecretReader.SERVICE)

    def test_commands_by_name_do_the_same(self, account: Account) -> None:
        controls.obey("fail", operation="GetTokenVault", code="ThrottlingException", times=1)

        assert account.refusal("GetTokenVault")[0] == "ThrottlingException"

    @pytest.mark.parametrize(
        ("command", "arguments"),
        [
            ("due", {"operation": "GetTokenVault"}),
            ("__init__", {}),
            ("fail", {"operation": "GetTokenVault"}),
            ("fail", {"operation": "GetTokenVault", "code": "ThrottlingException", "times": 0}),
            ("fail", {"operation": "GetTokenVault", "code": "ThrottlingException", "times": "2"}),
            ("hold", {"for_ever": True}),
            ("read_secrets_as", {"reader": "nobody"}),
            ("settle", {"name": "nobody"}),
        ],
    )
    def test_commands_that_make_no_sense_are_refused(
        self, account: Account, command: str, arguments: dict[str, Any]
    ) -> None:
        with pytest.raises(ValueError, match=r"[a-z]"):
            controls.obey(command, **arguments)


class TestStatusOfOauth2Providers:
    def test_a_creation_succeeds_once_settled(self, account: Account) -> None:
        controls.hold()
        created = account.call("CreateOauth2CredentialProvider", name="new", **CUSTOM)
        begun = account.call("GetOauth2CredentialProvider", name="new")["status"]

        controls.settle("new")

        assert (created["status"], begun) == ("CREATING", "CREATING")
        assert account.call("GetOauth2CredentialProvider", name="new")["status"] == "READY"

    def test_a_creation_fails_with_its_reason(self, account: Account) -> None:
        controls.hold()
        account.call("CreateOauth2CredentialProvider", name="new", **CUSTOM)

        controls.settle("new", failure_reason="no route")

        found = account.call("GetOauth2CredentialProvider", name="new")
        assert (found["status"], found["failureReason"]) == ("CREATE_FAILED", "no route")

    def test_an_update_fails_and_the_next_succeeds(self, account: Account) -> None:
        controls.hold()
        account.call("UpdateOauth2CredentialProvider", **account.arguments("UpdateOauth2CredentialProvider"))
        begun = account.status()
        controls.settle("search", failure_reason="no route")
        failed = account.status()
        controls.clear()

        account.call("UpdateOauth2CredentialProvider", **account.arguments("UpdateOauth2CredentialProvider"))

        assert (begun, failed) == (("UPDATING", None), ("UPDATE_FAILED", "no route"))
        assert account.status() == ("READY", None)

    def test_a_deletion_fails_or_ends_in_nothing(self, account: Account) -> None:
        controls.hold()
        account.call("DeleteOauth2CredentialProvider", name="search")
        begun = account.status()
        controls.settle("search", failure_reason="in use")
        failed = account.status()
        account.call("DeleteOauth2CredentialProvider", name="search")

        controls.settle("search")

        assert (begun, failed) == (("DELETING", None), ("DELETE_FAILED", "in use"))
        assert account.refusal("GetOauth2CredentialProvider")[0] == "ResourceNotFoundException"

    @pytest.mark.parametrize("operation", ["UpdateOauth2CredentialProvider", "DeleteOauth2CredentialProvider"])
    def test_a_change_under_way_allows_no_other(self, account: Account, operation: str) -> None:
        controls.hold()
        account.call("UpdateOauth2CredentialProvider", **account.arguments("UpdateOauth2CredentialProvider"))

        code, _ = account.refusal(operation)

        assert (code, is_declared(operation, code)) == ("ConflictException", True)

    def test_other_kinds_have_no_status_to_hold(self, account: Account) -> None:
        controls.hold()

        account.call("DeleteApiKeyCredentialProvider", name="weather")

        assert account.refusal("GetApiKeyCredentialProvider")[0] == "ResourceNotFoundException"

    @pytest.mark.parametrize(
        ("change", "failure", "serves"),
        [
            ("UpdateOauth2CredentialProvider", None, True),
            ("UpdateOauth2CredentialProvider", "no route", True),
            ("DeleteOauth2CredentialProvider", "in use", True),
            ("DeleteOauth2CredentialProvider", None, False),
        ],
    )
    def test_a_provider_that_once_was_ready_serves_until_it_is_deleted(
        self, account: Account, change: str, failure: str | None, serves: bool
    ) -> None:
        controls.hold()
        account.call(change, **account.arguments(change))
        if failure:
            controls.settle("search", failure_reason=failure)

        if serves:
            assert account.call("GetResourceOauth2Token", **account.arguments("GetResourceOauth2Token"))["accessToken"]
        else:
            assert account.refusal("GetResourceOauth2Token")[0] == "ValidationException"


class TestCredentials:
    def test_an_api_key_is_what_stands_in_the_secret_now(self, account: Account) -> None:
        before = account.call("GetResourceApiKey", **account.arguments("GetResourceApiKey"))["apiKey"]

        account.secrets.put_secret_value(SecretId="team/weather", SecretString='{"apiKey": "rotated"}')

        assert before == VALUES["apiKey"]
        assert account.call("GetResourceApiKey", **account.arguments("GetResourceApiKey"))["apiKey"] == "rotated"

    def test_a_managed_api_key_is_the_one_that_was_given_last(self, account: Account) -> None:
        account.control.create_api_key_credential_provider(name="managed", apiKey="first")
        account.control.update_api_key_credential_provider(name="managed", apiKey="second")

        vended = account.data.get_resource_api_key(
            workloadIdentityToken=account.token, resourceCredentialProviderName="managed"
        )

        assert vended["apiKey"] == "second"

    @pytest.mark.parametrize(
        "value",
        [
            {"SecretString": "CANARY"},
            {"SecretString": '["CANARY"]'},
            {"SecretString": '{"other": "CANARY"}'},
            {"SecretString": '{"apiKey": 7}'},
            {"SecretString": '{"apiKey": ""}'},
            {"SecretBinary": b"CANARY"},
        ],
    )
    def test_a_value_without_the_credential_fails_every_call_and_is_not_repeated(
        self, account: Account, value: dict[str, Any]
    ) -> None:
        account.secrets.put_secret_value(SecretId="team/weather", **value)

        code, message = account.refusal("GetResourceApiKey")

        assert (code, "team/weather" in message, "CANARY" in message) == ("ValidationException", True, False)

    def test_a_secret_marked_for_deletion_or_gone_fails(self, account: Account) -> None:
        account.secrets.delete_secret(SecretId="team/weather")
        marked, _ = account.refusal("GetResourceApiKey")
        account.secrets.delete_secret(SecretId="team/weather", ForceDeleteWithoutRecovery=True)
        gone, _ = account.refusal("GetResourceApiKey")

        assert (marked, gone) == ("ValidationException", "ResourceNotFoundException")

    @pytest.mark.parametrize("operation", ["GetResourceApiKey", "GetResourceOauth2Token", "GetResourcePaymentToken"])
    @pytest.mark.parametrize("token", ["forged", "WyJBcGlLZXkiLCAiYWdlbnQiXQ=="])
    def test_a_token_from_elsewhere_opens_nothing(self, account: Account, operation: str, token: str) -> None:
        code, _ = account.refusal(operation, workloadIdentityToken=token)

        assert (code, is_declared(operation, code)) == ("UnauthorizedException", True)

    def test_a_token_goes_with_its_workload(self, account: Account) -> None:
        account.control.delete_workload_identity(name="agent")

        assert account.refusal("GetResourceApiKey")[0] == "UnauthorizedException"

    def test_a_machine_gets_a_token_that_is_made_up(self, account: Account) -> None:
        vended = account.call("GetResourceOauth2Token", **account.arguments("GetResourceOauth2Token"))

        assert vended["accessToken"].startswith("made-up-")

    def test_no_other_flow_is_simulated(self, account: Account) -> None:
        assert account.refusal("GetResourceOauth2Token", oauth2Flow="USER_FEDERATION")[0] == "ValidationException"

    def test_a_private_key_jwt_needs_no_client_secret(self, account: Account) -> None:
        custom = deepcopy(CUSTOM["oauth2ProviderConfigInput"]["customOauth2ProviderConfig"])  # type: ignore[index]
        config = {name: value for name, value in custom.items() if not name.startswith("clientSecret")}
        account.control.create_oauth2_credential_provider(
            name="jwt",
            credentialProviderVendor="CustomOauth2",
            oauth2ProviderConfigInput={"customOauth2ProviderConfig": config},
        )
        arguments = {**account.arguments("GetResourceOauth2Token"), "resourceCredentialProviderName": "jwt"}

        assert account.call("GetResourceOauth2Token", **arguments)["accessToken"]

    def test_a_wallet_is_read_only_when_its_token_is_wanted(self, account: Account) -> None:
        value = {"apiKeySecret": "good", "walletSecret": ""}
        account.secrets.put_secret_value(SecretId="team/weather", SecretString=json.dumps(value))
        plain = {"coinbaseCdpTokenRequest": {"requestMethod": "GET", "requestPath": "/balance"}}
        arguments = {**account.arguments("GetResourcePaymentToken"), "paymentTokenRequest": plain}

        vended = account.call("GetResourcePaymentToken", **arguments)["paymentTokenResponse"]
        code, message = account.refusal("GetResourcePaymentToken")

        assert vended["coinbaseCdpTokenResponse"].keys() == {"bearerToken"}
        assert (code, "walletSecret" in message) == ("ValidationException", True)

    def test_a_stripe_provider_answers_with_its_app_and_refuses_coinbase_requests(self, account: Account) -> None:
        account.control.create_payment_credential_provider(name="stripe", **stripe(**references(*STRIPE)))
        request = {"requestPath": "/pay", "requestBody": "{}", "includeAuthorizationSignature": True}
        arguments = {**account.arguments("GetResourcePaymentToken"), "resourceCredentialProviderName": "stripe"}

        vended = account.call(
            "GetResourcePaymentToken", **{**arguments, "paymentTokenRequest": {"stripePrivyTokenRequest": request}}
        )

        response = vended["paymentTokenResponse"]["stripePrivyTokenResponse"]
        assert response.keys() == {"appId", "basicAuthToken", "authorizationSignature"}
        assert account.refusal("GetResourcePaymentToken", **arguments)[0] == "ValidationException"


class TestReaders:
    class GuardedSecrets(MotoSecrets):
        """Secrets that one reader may not read."""

        def __init__(self, refused: SecretReader) -> None:
            self.refused = refused

        def read(self, arn: str, reader: SecretReader) -> str:
            if reader is self.refused:
                why = f"{reader} is not authorized to perform: secretsmanager:GetSecretValue"
                raise agentcore_identity.AccessDeniedError(arn, why)
            return super().read(arn, reader)

    @pytest.mark.parametrize("operation", ["GetResourceApiKey", "GetResourceOauth2Token", "GetResourcePaymentToken"])
    @pytest.mark.parametrize(("reader", "other"), [("service", "caller"), ("caller", "service")])
    def test_the_one_that_was_asked_for_has_to_be_allowed(
        self, account: Account, operation: str, reader: str, other: str
    ) -> None:
        agentcore_identity.install(self.GuardedSecrets(refused=SecretReader(reader)))
        controls.read_secrets_as(reader)
        code, message = account.refusal(operation)
        controls.read_secrets_as(other)

        assert (code, is_declared(operation, code)) == ("AccessDeniedException", True)
        assert message.startswith("Access denied when retrieving secret 'arn:aws:secretsmanager:us-east-1:")
        assert message.endswith("is not authorized to perform: secretsmanager:GetSecretValue")
        assert account.call(operation, **account.arguments(operation))


def test_a_reset_of_moto_forgets_workloads_and_the_vaults_key(account: Account) -> None:
    account.call("SetTokenVaultCMK", **CALLS["SetTokenVaultCMK"])

    bedrockagentcorecontrol_backends.reset()

    assert account.call("ListWorkloadIdentities")["workloadIdentities"] == []
    assert account.call("GetTokenVault")["kmsConfiguration"] == {"keyType": "ServiceManagedKey"}
