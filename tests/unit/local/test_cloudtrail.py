"""CloudTrail records against the shapes of public captures and AWS's examples."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local import cloudtrail
from local.cloudtrail import Caller, Failure, Message, Occasion, Request, Service, Success

ACCOUNT, REGION = "111122223333", "us-west-2"
ARN = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:prod/weather-a1b2c3"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
NOON = datetime(2026, 8, 13, 12, 5, 9, tzinfo=UTC)
OCCASION = Occasion(ACCOUNT, REGION, NOON, request_id="request-1", event_id="event-1")
ROOT = Caller(f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT, ACCOUNT, "test", user_agent="aws-cli/2.27.0")
CANARY = "canary-4f7a"
GATEWAY = "support-0123456789"
GATEWAY_ARN = f"arn:aws:bedrock-agentcore:{REGION}:{ACCOUNT}:gateway/{GATEWAY}"


def a_request(service: str, operation: str, key_arn: str | None = None, **parameters: Any) -> Request:
    return Request(service, cloudtrail.service_model(service).operation_model(operation), parameters, key_arn)


def a_record(request: Request, output: dict[str, Any] | None = None) -> dict[str, Any]:
    return cloudtrail.api_call(request, Success(output or {}), ROOT, OCCASION)


def a_message(
    target: str = "", body: Any = None, method: str = "POST", path: str = "/", query: dict[str, Any] | None = None
) -> Message:
    return Message(method, path, {"x-amz-target": target}, json.dumps(body or {}).encode(), query or {})


class TestReadingRequests:
    def test_a_json_protocol_names_the_operation_in_a_header(self) -> None:
        request = cloudtrail.read_request("kms", a_message("TrentService.DisableKey", {"KeyId": "alias/a"}))

        assert request is not None
        assert (request.operation.name, request.parameters) == ("DisableKey", {"KeyId": "alias/a"})

    def test_agentcore_names_it_in_the_path(self) -> None:
        message = a_message(path="/identities/DeleteApiKeyCredentialProvider", body={"name": "weather"})

        request = cloudtrail.read_request("bedrock-agentcore", message)

        assert request is not None
        assert (request.operation.name, request.parameters) == ("DeleteApiKeyCredentialProvider", {"name": "weather"})

    @pytest.mark.parametrize("quoted", [True, False])
    def test_an_arn_in_a_path_may_come_quoted_or_not(self, quoted: bool) -> None:
        arn = f"arn:aws:bedrock-agentcore:{REGION}:{ACCOUNT}:token-vault/default/apikeycredentialprovider/weather"
        path = f"/tags/{arn.replace('/', '%2F') if quoted else arn}"

        request = cloudtrail.read_request(
            "bedrock-agentcore", a_message(method="DELETE", path=path, query={"tagKeys": ["a", "b"]})
        )

        assert request is not None
        assert request.operation.name == "UntagResource"
        assert request.parameters == {"resourceArn": arn, "tagKeys": ["a", "b"]}

    @pytest.mark.parametrize(
        ("service", "message"),
        [
            ("kms", a_message("TrentService.NoSuchOperation")),
            ("secretsmanager", a_message()),
            ("states", a_message("AWSStepFunctions.SendTaskSuccess", {"taskToken": CANARY})),
            ("bedrock-agentcore", a_message(path="/identities/api-key")),
            ("bedrock-agentcore", a_message(path="/identities/DeleteApiKeyCredentialProvider", method="GET")),
        ],
    )
    def test_what_the_model_does_not_know_or_is_no_management_event_is_none(
        self, service: str, message: Message
    ) -> None:
        assert cloudtrail.read_request(service, message) is None

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"null"])
    def test_a_body_that_is_no_object_has_no_parameters(self, body: bytes) -> None:
        request = cloudtrail.read_request("kms", Message("POST", "/", {"x-amz-target": "TrentService.CreateKey"}, body))

        assert request is not None
        assert request.parameters == {}

    @pytest.mark.parametrize(
        ("service", "operation", "is_write"),
        [
            ("secretsmanager", "GetSecretValue", False),
            ("secretsmanager", "BatchGetSecretValue", False),
            ("secretsmanager", "ValidateResourcePolicy", False),
            ("secretsmanager", "PutSecretValue", True),
            ("secretsmanager", "UpdateSecretVersionStage", True),
            ("kms", "Decrypt", False),
            ("kms", "GenerateDataKey", False),
            ("kms", "DisableKey", True),
            ("kms", "CreateGrant", True),
            ("bedrock-agentcore", "ListOauth2CredentialProviders", False),
            ("bedrock-agentcore", "SetTokenVaultCMK", True),
        ],
    )
    def test_writes_are_told_from_reads(self, service: str, operation: str, is_write: bool) -> None:
        assert a_request(service, operation).is_write is is_write


class TestReadingAnswers:
    def test_below_400_is_success(self) -> None:
        assert cloudtrail.read_answer(204, {}, b"") == Success({})

    @pytest.mark.parametrize(
        ("headers", "body"),
        [
            ({}, {"__type": "ResourceNotFoundException", "Message": "gone"}),
            ({}, {"__type": "com.amazonaws.secretsmanager#ResourceNotFoundException", "message": "gone"}),
            ({"X-Amzn-ErrorType": "ResourceNotFoundException:http://internal/"}, {"message": "gone"}),
        ],
    )
    def test_each_protocols_errors_are_read(self, headers: dict[str, str], body: dict[str, str]) -> None:
        answer = cloudtrail.read_answer(404, headers, json.dumps(body).encode())

        assert answer == Failure("ResourceNotFoundException", "gone")

    def test_an_error_that_says_nothing_is_internal(self) -> None:
        assert cloudtrail.read_answer(500, {}, b"<html>") == Failure("InternalFailure", "")


class TestSecretsManager:
    def test_put_secret_value_is_as_captured(self) -> None:
        parameters = {"SecretId": ARN, "ClientRequestToken": "token-1", "SecretString": CANARY}
        output = {"ARN": ARN, "Name": "prod/weather", "VersionId": "token-1", "VersionStages": ["AWSCURRENT"]}

        record = a_record(a_request("secretsmanager", "PutSecretValue", **parameters), output)

        assert record == {
            "eventVersion": "1.11",
            "userIdentity": {
                "type": "Root",
                "principalId": ACCOUNT,
                "arn": f"arn:aws:iam::{ACCOUNT}:root",
                "accountId": ACCOUNT,
                "accessKeyId": "test",
            },
            "eventTime": "2026-08-13T12:05:09Z",
            "eventSource": "secretsmanager.amazonaws.com",
            "eventName": "PutSecretValue",
            "awsRegion": REGION,
            "sourceIPAddress": "127.0.0.1",
            "userAgent": "aws-cli/2.27.0",
            "requestParameters": {"secretId": ARN, "clientRequestToken": "token-1"},
            "responseElements": {"arn": ARN},
            "requestID": "request-1",
            "eventID": "event-1",
            "readOnly": False,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": ACCOUNT,
            "eventCategory": "Management",
        }

    @pytest.mark.parametrize(
        ("operation", "parameters", "output", "request_parameters", "response_elements"),
        [
            (
                "CreateSecret",
                {"Name": "prod/weather", "KmsKeyId": "alias/a", "Tags": [{"Key": "Team", "Value": "A"}]},
                {"ARN": ARN, "Name": "prod/weather", "VersionId": "v"},
                {"name": "prod/weather", "kmsKeyId": "alias/a", "tags": [{"key": "Team", "value": "A"}]},
                {"arn": ARN},
            ),
            (
                "UpdateSecret",
                {"SecretId": ARN, "KmsKeyId": "alias/a"},
                {"ARN": ARN, "Name": "prod/weather", "VersionId": "v"},
                {"secretId": ARN, "kmsKeyId": "alias/a"},
                {"arn": ARN, "name": "prod/weather", "versionId": "v"},
            ),
            (
                "DeleteSecret",
                {"SecretId": "prod/weather", "RecoveryWindowInDays": 7},
                {"ARN": ARN, "Name": "prod/weather", "DeletionDate": 1688990879},
                {"secretId": "prod/weather", "recoveryWindowInDays": 7},
                {"arn": ARN, "name": "prod/weather", "deletionDate": "Jul 10, 2023, 12:07:59 PM"},
            ),
            (
                "TagResource",
                {"SecretId": "prod/weather", "Tags": [{"Key": "Team", "Value": "A"}]},
                {},
                {"secretId": "prod/weather", "tags": [{"key": "Team", "value": "A"}]},
                None,
            ),
            (
                "ReplicateSecretToRegions",
                {"SecretId": ARN, "AddReplicaRegions": [{"Region": "us-east-1"}]},
                {"ARN": ARN, "ReplicationStatus": [{"Region": "us-east-1", "Status": "InProgress"}]},
                {"secretId": ARN, "addReplicaRegions": [{"region": "us-east-1"}]},
                {"arn": ARN, "replicationStatus": [{"region": "us-east-1", "status": "InProgress"}]},
            ),
            (
                "RotateSecret",
                {"SecretId": ARN, "RotationLambdaARN": "arn:f", "RotationRules": {"AutomaticallyAfterDays": 3}},
                {"ARN": ARN, "Name": "prod/weather", "VersionId": "v"},
                {"secretId": ARN, "rotationLambdaARN": "arn:f", "rotationRules": {"automaticallyAfterDays": 3}},
                {"arn": ARN, "name": "prod/weather", "versionId": "v"},
            ),
        ],
    )
    def test_names_are_in_lower_camel_case_and_values_as_given(
        self,
        operation: str,
        parameters: dict[str, Any],
        output: dict[str, Any],
        request_parameters: dict[str, Any],
        response_elements: dict[str, Any] | None,
    ) -> None:
        record = a_record(a_request("secretsmanager", operation, **parameters), output)

        assert record["requestParameters"] == request_parameters
        assert record["responseElements"] == response_elements
        assert "resources" not in record

    def test_a_resource_policy_is_logged_whole(self) -> None:
        policy = '{"Version":"2012-10-17","Statement":[]}'

        record = a_record(a_request("secretsmanager", "PutResourcePolicy", SecretId=ARN, ResourcePolicy=policy))

        assert record["requestParameters"]["resourcePolicy"] == policy

    def test_a_refusal_has_a_code_and_no_response(self) -> None:
        request = a_request("secretsmanager", "PutSecretValue", SecretId="prod/weather", SecretString=CANARY)

        record = cloudtrail.api_call(request, Failure("AccessDeniedException", "no"), ROOT, OCCASION)

        assert (record["errorCode"], record["errorMessage"], record["responseElements"]) == ("AccessDenied", "no", None)
        assert record["requestParameters"] == {"secretId": "prod/weather"}

    def test_other_codes_stay_as_they_are(self) -> None:
        request = a_request("secretsmanager", "TagResource", SecretId="prod/weather")

        record = cloudtrail.api_call(request, Failure("ResourceNotFoundException", "no"), ROOT, OCCASION)

        assert record["errorCode"] == "ResourceNotFoundException"

    def test_a_rotation_is_told_by_the_service_itself(self) -> None:
        record = cloudtrail.rotation("RotationSucceeded", ARN, "version-1", OCCASION)

        assert record == {
            "eventVersion": "1.08",
            "userIdentity": {"accountId": ACCOUNT, "invokedBy": "secretsmanager.amazonaws.com"},
            "eventTime": "2026-08-13T12:05:09Z",
            "eventSource": "secretsmanager.amazonaws.com",
            "eventName": "RotationSucceeded",
            "awsRegion": REGION,
            "sourceIPAddress": "secretsmanager.amazonaws.com",
            "userAgent": "secretsmanager.amazonaws.com",
            "requestParameters": None,
            "responseElements": None,
            "additionalEventData": {"SecretId": ARN},
            "requestID": f"Rotation-{ARN}-version-1",
            "eventID": "event-1",
            "readOnly": False,
            "eventType": "AwsServiceEvent",
            "managementEvent": True,
            "recipientAccountId": ACCOUNT,
            "eventCategory": "Management",
        }

    def test_a_rotation_that_failed_has_a_message_and_no_code(self) -> None:
        record = cloudtrail.rotation("RotationFailed", ARN, "version-1", OCCASION, "the function timed out")

        assert record["errorMessage"] == "the function timed out"
        assert "errorCode" not in record


class TestKms:
    def test_the_key_stands_in_the_resources_and_in_the_response(self) -> None:
        record = a_record(a_request("kms", "DisableKey", KEY, KeyId="alias/a"))

        assert record["requestParameters"] == {"keyId": "alias/a"}
        assert record["responseElements"] == {"keyId": KEY}
        assert record["resources"] == [{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": KEY}]

    def test_an_alias_comes_with_its_key(self) -> None:
        record = a_record(a_request("kms", "UpdateAlias", KEY, AliasName="alias/a", TargetKeyId="1234abcd"))

        alias = f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/a"
        assert [resource["ARN"] for resource in record["resources"]] == [alias, KEY]

    def test_a_new_key_is_known_by_the_answer(self) -> None:
        record = a_record(a_request("kms", "CreateKey"), {"KeyMetadata": {"KeyId": "1234abcd", "Arn": KEY}})

        assert record["requestParameters"] is None
        assert record["responseElements"] == {"keyMetadata": {"keyId": "1234abcd", "arn": KEY}}
        assert [resource["ARN"] for resource in record["resources"]] == [KEY]

    def test_a_deletion_says_when(self) -> None:
        output = {"KeyId": KEY, "DeletionDate": 1618253910.0, "KeyState": "PendingDeletion"}

        record = a_record(a_request("kms", "ScheduleKeyDeletion", KEY, KeyId=KEY, PendingWindowInDays=20), output)

        assert record["responseElements"] == {
            "keyId": KEY,
            "keyState": "PendingDeletion",
            "deletionDate": "Apr 12, 2021, 6:58:30 PM",
        }

    def test_a_grant_keeps_its_token(self) -> None:
        record = a_record(
            a_request("kms", "CreateGrant", KEY, KeyId=KEY, GranteePrincipal="p"),
            {"GrantId": "grant-1", "GrantToken": CANARY},
        )

        assert record["responseElements"] == {"grantId": "grant-1", "keyId": KEY}

    def test_a_deleted_key_is_told_by_the_service_itself(self) -> None:
        record = cloudtrail.key_deletion(KEY, OCCASION)

        assert (record["eventName"], record["eventType"]) == ("DeleteKey", "AwsServiceEvent")
        assert record["userIdentity"] == {"accountId": ACCOUNT, "invokedBy": "AWS Internal"}
        assert [resource["ARN"] for resource in record["resources"]] == [KEY]
        assert cloudtrail.entry(record)["DetailType"] == "AWS Service Event via CloudTrail"

    def test_a_key_that_nobody_knows_is_no_resource(self) -> None:
        request = a_request("kms", "DisableKey", KeyId="nowhere")

        record = cloudtrail.api_call(request, Failure("NotFoundException", "no"), ROOT, OCCASION)

        assert "resources" not in record


class TestStepFunctions:
    def test_who_starts_an_execution_is_told_and_with_what_is_not(self) -> None:
        machine = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:OnboardSecret"
        execution = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:OnboardSecret:o-1"
        request = a_request("states", "StartExecution", stateMachineArn=machine, name="o-1", input=f'"{CANARY}"')

        record = a_record(request, {"executionArn": execution, "startDate": NOON.timestamp()})

        assert record["userIdentity"]["arn"] == ROOT.arn
        assert record["requestParameters"] == {
            "stateMachineArn": machine,
            "name": "o-1",
            "input": "HIDDEN_DUE_TO_SECURITY_REASONS",
        }
        assert record["responseElements"] == {"executionArn": execution, "startDate": "Aug 13, 2026, 12:05:09 PM"}


class TestAgentCore:
    def test_a_reference_is_logged_and_asterisks_for_a_client_secret(self) -> None:
        reference = {"secretId": "prod/weather", "jsonKey": "k"}
        config = {"clientId": "c", "clientSecret": CANARY, "clientSecretConfig": reference}
        parameters: dict[str, Any] = {
            "name": "search",
            "credentialProviderVendor": "GoogleOauth2",
            "oauth2ProviderConfigInput": {"googleOauth2ProviderConfig": config},
        }

        record = a_record(a_request("bedrock-agentcore", "CreateOauth2CredentialProvider", **parameters))

        assert record["eventSource"] == "bedrock-agentcore.amazonaws.com"
        logged = record["requestParameters"]["oauth2ProviderConfigInput"]["googleOauth2ProviderConfig"]
        assert logged == {"clientId": "c", "clientSecret": "***", "clientSecretConfig": reference}

    def test_times_are_in_iso_form(self) -> None:
        output = {"name": "weather", "createdTime": NOON.timestamp()}

        record = a_record(a_request("bedrock-agentcore", "UpdateApiKeyCredentialProvider", name="weather"), output)

        assert record["responseElements"] == {"name": "weather", "createdTime": "2026-08-13T12:05:09Z"}

    def test_a_deletion_answers_nothing(self) -> None:
        record = a_record(a_request("bedrock-agentcore", "DeleteApiKeyCredentialProvider", name="weather"))

        assert (record["requestParameters"], record["responseElements"]) == ({"name": "weather"}, None)

    def test_both_references_of_a_payment_provider_are_logged_and_its_secrets_are_not(self) -> None:
        reference = {"secretId": "prod/wallet", "jsonKey": "k"}
        config = {"apiKeyId": "id", "apiKeySecret": CANARY, "walletSecretSource": "EXTERNAL"}
        parameters: dict[str, Any] = {
            "name": "wallet",
            "credentialProviderVendor": "CoinbaseCDP",
            "providerConfigurationInput": {
                "coinbaseCdpConfiguration": {**config, "walletSecret": CANARY, "walletSecretConfig": reference}
            },
        }
        output = {"walletSecretArn": {"secretArn": ARN}, "walletSecretJsonKey": "k", "walletSecretSource": "EXTERNAL"}
        response = {"name": "wallet", "providerConfigurationOutput": {"coinbaseCdpConfiguration": output}}

        record = a_record(a_request("bedrock-agentcore", "CreatePaymentCredentialProvider", **parameters), response)

        logged = record["requestParameters"]["providerConfigurationInput"]["coinbaseCdpConfiguration"]
        masked = {"apiKeySecret": "***", "walletSecret": "***"}
        assert logged == {"apiKeyId": "id", "walletSecretSource": "EXTERNAL", "walletSecretConfig": reference, **masked}
        assert record["responseElements"] == response

    @pytest.mark.parametrize(
        ("operation", "parameters"),
        [
            ("CreateWorkloadIdentity", {"name": "agent", "allowedResourceOauth2ReturnUrls": ["https://a/"]}),
            ("UpdateWorkloadIdentity", {"name": "agent"}),
            ("DeleteWorkloadIdentity", {"name": "agent"}),
            ("SetTokenVaultCMK", {"kmsConfiguration": {"keyType": "CustomerManagedKey", "kmsKeyArn": KEY}}),
            ("TagResource", {"resourceArn": ARN, "tags": {"team": "a"}}),
        ],
    )
    def test_other_writes_are_logged_as_they_were_asked(self, operation: str, parameters: dict[str, Any]) -> None:
        record = a_record(a_request("bedrock-agentcore", operation, **parameters))

        assert (record["eventName"], record["readOnly"]) == (operation, False)
        assert record["requestParameters"] == parameters

    @pytest.mark.parametrize(
        ("operation", "parameters", "output"),
        [
            ("CreateGateway", {"name": "support"}, {"gatewayId": GATEWAY, "gatewayArn": GATEWAY_ARN}),
            ("UpdateGateway", {"gatewayIdentifier": GATEWAY}, {"gatewayId": GATEWAY, "gatewayArn": GATEWAY_ARN}),
            ("DeleteGateway", {"gatewayIdentifier": GATEWAY}, {"gatewayId": GATEWAY, "status": "DELETING"}),
            ("CreateGatewayTarget", {"gatewayIdentifier": GATEWAY}, {"gatewayArn": GATEWAY_ARN, "targetId": "T123"}),
            ("UpdateGatewayTarget", {"gatewayIdentifier": GATEWAY}, {"gatewayArn": GATEWAY_ARN, "targetId": "T123"}),
            ("DeleteGatewayTarget", {"gatewayIdentifier": GATEWAY, "targetId": "T123"}, {"targetId": "T123"}),
        ],
    )
    def test_a_call_on_a_gateway_names_it_among_its_resources(
        self, operation: str, parameters: dict[str, Any], output: dict[str, Any]
    ) -> None:
        record = a_record(a_request("bedrock-agentcore", operation, **parameters), output)

        gateway = {"accountId": ACCOUNT, "type": "AWS::BedrockAgentCore::Gateway", "ARN": GATEWAY_ARN}
        assert record["resources"] == [gateway]
        assert record["requestParameters"] == parameters
        assert record["responseElements"] == output

    def test_a_targets_name_is_masked_and_its_provider_is_not(self) -> None:
        provider = {"providerArn": f"arn:aws:bedrock-agentcore:{REGION}:{ACCOUNT}:token-vault/default/x"}
        credentials = [{"credentialProvider": {"apiKeyCredentialProvider": provider}}]
        parameters: dict[str, Any] = {
            "gatewayIdentifier": GATEWAY,
            "name": CANARY,
            "credentialProviderConfigurations": credentials,
        }

        record = a_record(a_request("bedrock-agentcore", "CreateGatewayTarget", **parameters))

        assert record["requestParameters"] == {**parameters, "name": "***"}

    def test_a_refused_call_on_no_gateway_names_none(self) -> None:
        request = a_request("bedrock-agentcore", "CreateGateway", name="support")

        record = cloudtrail.api_call(request, Failure("ConflictException", "no"), ROOT, OCCASION)

        assert "resources" not in record


class TestReadsThatAgentCoreMakes:
    SERVICE = "bedrock-agentcore.amazonaws.com"
    REQUEST = a_request("secretsmanager", "GetSecretValue", SecretId=ARN)

    def test_its_own_say_who_and_what_and_nothing_of_the_value(self) -> None:
        answer = Success({"ARN": ARN, "SecretString": CANARY, "VersionStages": ["AWSCURRENT"]})

        record = cloudtrail.api_call(self.REQUEST, answer, Service(self.SERVICE), OCCASION)

        assert record["userIdentity"] == {"type": "AWSService", "invokedBy": self.SERVICE}
        assert (record["sourceIPAddress"], record["userAgent"]) == (self.SERVICE, self.SERVICE)
        assert record["requestParameters"] == {"secretId": ARN}
        assert (record["readOnly"], record["responseElements"]) == (True, None)
        assert CANARY not in json.dumps(record)

    def test_those_in_a_callers_name_show_both(self) -> None:
        role = f"arn:aws:sts::{ACCOUNT}:assumed-role/Agent/session-1"
        caller = Caller(role, ACCOUNT, "AROAX:session-1", "ASIAX", "Boto3/1", NOON, invoked_by=self.SERVICE)

        record = cloudtrail.api_call(self.REQUEST, Success({}), caller, OCCASION)

        identity = record["userIdentity"]
        assert (identity["type"], identity["arn"], identity["invokedBy"]) == ("AssumedRole", role, self.SERVICE)
        assert identity["sessionContext"]["sessionIssuer"]["userName"] == "Agent"
        assert (record["sourceIPAddress"], record["userAgent"]) == (self.SERVICE, self.SERVICE)

    def test_a_refused_one_has_its_code(self) -> None:
        refused = Failure("AccessDeniedException", "no")

        record = cloudtrail.api_call(self.REQUEST, refused, Service(self.SERVICE), OCCASION)

        assert (record["errorCode"], record["errorMessage"]) == ("AccessDenied", "no")


class TestCallers:
    def test_a_role_shows_its_session(self) -> None:
        caller = Caller(
            f"arn:aws:sts::{ACCOUNT}:assumed-role/Remediator/session-1", ACCOUNT, "AROAX:session-1", "ASIAX", "", NOON
        )

        assert caller.identity() == {
            "type": "AssumedRole",
            "principalId": "AROAX:session-1",
            "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/Remediator/session-1",
            "accountId": ACCOUNT,
            "accessKeyId": "ASIAX",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": "AROAX",
                    "arn": f"arn:aws:iam::{ACCOUNT}:role/Remediator",
                    "accountId": ACCOUNT,
                    "userName": "Remediator",
                },
                "attributes": {"creationDate": "2026-08-13T12:05:09Z", "mfaAuthenticated": "false"},
            },
        }

    def test_a_user_shows_its_name(self) -> None:
        identity = Caller(f"arn:aws:iam::{ACCOUNT}:user/team/alice", ACCOUNT, "AIDAX", "AKIAX").identity()

        assert (identity["type"], identity["userName"]) == ("IAMUser", "alice")


def test_an_entry_has_the_source_and_detail_type_of_its_family() -> None:
    call = cloudtrail.entry(a_record(a_request("kms", "DisableKey", KEY, KeyId=KEY)))
    step = cloudtrail.entry(cloudtrail.rotation("RotationStarted", ARN, "v", OCCASION))

    assert (call["Source"], call["DetailType"]) == ("aws.kms", "AWS API Call via CloudTrail")
    assert (step["Source"], step["DetailType"]) == ("aws.secretsmanager", "AWS Service Event via CloudTrail")
    assert call["Resources"] == step["Resources"] == []


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("service", "operation", "names"),
    [
        ("secretsmanager", "PutSecretValue", ["SecretString", "SecretBinary", "RotationToken"]),
        ("secretsmanager", "CreateSecret", ["SecretString", "SecretBinary"]),
        ("secretsmanager", "UpdateSecret", ["SecretString", "SecretBinary"]),
        ("kms", "ImportKeyMaterial", ["EncryptedKeyMaterial", "ImportToken"]),
        ("kms", "CreateCustomKeyStore", ["KeyStorePassword"]),
        ("bedrock-agentcore", "CreateApiKeyCredentialProvider", ["apiKey"]),
        ("bedrock-agentcore", "UpdateApiKeyCredentialProvider", ["apiKey"]),
    ],
)
@given(other=ANYTHING)
def test_no_secret_is_logged_in_whatever_form_it_comes(
    service: str, operation: str, names: list[str], other: Any
) -> None:
    model = cloudtrail.service_model(service).operation_model(operation).input_shape
    assert model is not None
    members = dict.fromkeys(model.members, other)
    for canary in (CANARY, [CANARY], {"value": CANARY}):
        request = a_request(service, operation, **{**members, **dict.fromkeys(names, canary), "Unknown": CANARY})

        record = a_record(request, {"ARN": ARN, "Unknown": CANARY})

        assert CANARY not in json.dumps(record)


def test_claims_of_a_private_key_jwt_keep_their_values() -> None:
    claims = {"additionalPayloadClaims": {"tenant": CANARY}, "signingAlgorithm": "RS256"}
    custom = {"clientId": "c", "privateKeyJwtConfig": claims}
    request = a_request(
        "bedrock-agentcore",
        "CreateOauth2CredentialProvider",
        oauth2ProviderConfigInput={"customOauth2ProviderConfig": custom},
    )

    assert CANARY not in json.dumps(a_record(request))


@pytest.mark.parametrize("operation", ["CreatePaymentCredentialProvider", "UpdatePaymentCredentialProvider"])
@pytest.mark.parametrize(
    ("member", "secrets"),
    [
        ("coinbaseCdpConfiguration", ["apiKeySecret", "walletSecret"]),
        ("stripePrivyConfiguration", ["appSecret", "authorizationPrivateKey"]),
    ],
)
@pytest.mark.parametrize("form", [CANARY, [CANARY], {"value": CANARY}])
def test_no_secret_of_a_payment_provider_is_logged_in_whatever_form_it_comes(
    operation: str, member: str, secrets: list[str], form: Any
) -> None:
    configuration = {member: dict.fromkeys([*secrets, "unknown"], form)}
    request = a_request("bedrock-agentcore", operation, name="wallet", providerConfigurationInput=configuration)

    assert CANARY not in json.dumps(a_record(request))
