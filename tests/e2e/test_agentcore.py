"""AgentCore Identity in the embedded AWS, over HTTP: who may read a secret, what is told of it, and what can fail."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.stack import EmbeddedAwsError
from tests.e2e.conftest import Fields, World, eventually

SERVICE = "bedrock-agentcore.amazonaws.com"
READ = "secretsmanager:GetSecretValue"
EVERY_EVENT = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"


@pytest.fixture(autouse=True)
def cleared(world: World) -> Iterator[None]:
    """What a test asks of AgentCore ends with it."""
    yield
    world.aws.agentcore("clear")


def a_name() -> str:
    return f"agent-{uuid.uuid4().hex[:8]}"


def refusal(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return str(refused.value)


def a_statement(effect: str = "Allow") -> Fields:
    return {"Effect": effect, "Principal": {"Service": SERVICE}, "Action": READ, "Resource": "*"}


class Agent:
    """An agent with a key in a secret: what it asks for, as the account's root or in a role, and what it gets."""

    def __init__(self, world: World) -> None:
        self.world, self.name = world, a_name()
        self.secret = world.secret('{"key": "the key"}')
        world.agentcore.create_api_key_credential_provider(
            name=self.name,
            apiKeySecretSource="EXTERNAL",
            apiKeySecretConfig={"secretId": self.secret, "jsonKey": "key"},
        )
        world.agentcore.create_workload_identity(name=self.name)

    def key(self, data_plane: Any = None) -> str:
        """The key that AgentCore gives out."""
        data_plane = data_plane or self.world.aws.client("bedrock-agentcore")
        token = data_plane.get_workload_access_token(workloadName=self.name)["workloadAccessToken"]
        vended: str = data_plane.get_resource_api_key(
            workloadIdentityToken=token, resourceCredentialProviderName=self.name
        )["apiKey"]
        return vended

    def allow(self, *statements: Fields) -> None:
        """Give the secret a resource policy."""
        policy = {"Version": "2012-10-17", "Statement": statements}
        self.world.secrets.put_resource_policy(SecretId=self.secret, ResourcePolicy=json.dumps(policy))

    def in_role(self, *actions: str) -> Any:
        """A client of the data plane in a role of its own that may do these things and no others."""
        iam, role = self.world.aws.client("iam"), f"{self.name}-{len(actions)}"
        trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        rights = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
        iam.put_role_policy(RoleName=role, PolicyName="rights", PolicyDocument=document(rights))
        session = self.world.aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
        keys = (session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
        return boto3.Session(*keys, region_name=self.world.aws.region).client(
            "bedrock-agentcore", endpoint_url=self.world.aws.endpoint
        )


def document(*statements: Fields) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


class Listener:
    """A queue behind a rule of the default bus."""

    def __init__(self, world: World, pattern: Fields, state: str = "ENABLED") -> None:
        self.sqs, name = world.sqs, a_name()
        self.queue = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events = world.aws.client("events")
        events.put_rule(Name=name, EventPattern=json.dumps(pattern), State=state)
        events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
        self.heard: list[Fields] = []

    def hears(self, *names: str) -> list[Fields]:
        """The details of the first events, once those of these names have come, in this order."""

        def all_came() -> list[Fields] | None:
            messages = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
            for message in messages:
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
                self.heard.append(json.loads(message["Body"])["detail"])
            return self.heard if len(self.heard) >= len(names) else None

        heard = eventually(all_came)
        assert [detail["eventName"] for detail in heard] == list(names)
        return heard


def about(secret: str, *names: str) -> Fields:
    detail = {"eventName": list(names), "requestParameters": {"secretId": [secret]}}
    return {"source": ["aws.secretsmanager"], "detail-type": ["AWS API Call via CloudTrail"], "detail": detail}


def test_a_key_is_given_out_only_when_the_secrets_policy_allows_the_service_and_each_read_is_told(
    world: World,
) -> None:
    agent = Agent(world)
    world.secrets.delete_resource_policy(SecretId=agent.secret)
    told = about(agent.secret, "GetSecretValue", "PutResourcePolicy", "DeleteResourcePolicy")
    told["detail"]["userIdentity"] = {"type": ["Root", "AWSService"]}  # our own functions read the secret too
    everything, writes = Listener(world, told, EVERY_EVENT), Listener(world, told)

    not_allowed = refusal(agent.key)
    agent.allow(a_statement())
    assert agent.key() == "the key"
    agent.allow(a_statement(), a_statement("Deny"))
    denied = refusal(agent.key)
    world.secrets.delete_resource_policy(SecretId=agent.secret)

    assert "AccessDeniedException" in not_allowed
    assert f"Access denied when retrieving secret '{agent.secret}'" in not_allowed
    assert f"not authorized to perform: {READ} on resource: {agent.secret}" in not_allowed
    assert "no resource-based policy allows" in not_allowed
    assert "explicit deny" in denied
    read = "GetSecretValue"
    first, _, second, _, third, _ = everything.hears(
        read, "PutResourcePolicy", read, "PutResourcePolicy", read, "DeleteResourcePolicy"
    )
    assert [each.get("errorCode") for each in (first, second, third)] == ["AccessDenied", None, "AccessDenied"]
    assert second["userIdentity"] == {"type": "AWSService", "invokedBy": SERVICE}
    assert (second["readOnly"], second["responseElements"]) == (True, None)
    writes.hears("PutResourcePolicy", "PutResourcePolicy", "DeleteResourcePolicy")
    assert "the key" not in json.dumps(everything.heard)


def test_when_callers_read_the_callers_role_has_to_be_allowed(world: World) -> None:
    agent = Agent(world)
    reads = about(agent.secret, "GetSecretValue")
    reads["detail"]["userIdentity"] = {"invokedBy": [SERVICE]}  # our own functions read the secret too
    told = Listener(world, reads, EVERY_EVENT)
    without, reader = agent.in_role("bedrock-agentcore:*"), agent.in_role("bedrock-agentcore:*", READ)
    agent.allow(a_statement())
    assert agent.key(without) == "the key"

    world.aws.agentcore("read_secrets_as", reader="caller")
    refused = refusal(agent.key, data_plane=without)
    assert agent.key(reader) == "the key"
    agent.allow({**a_statement("Deny"), "Principal": "*"})
    denied = refusal(agent.key, data_plane=reader)

    assert f"assumed-role/{agent.name}-1/session is not authorized to perform: {READ}" in refused
    assert "no identity-based policy allows" in refused
    assert "explicit deny in a resource-based policy" in denied
    as_service, as_refused, as_reader, _ = told.hears(*["GetSecretValue"] * 4)
    assert as_service["userIdentity"]["type"] == "AWSService"
    assert as_refused["errorCode"] == "AccessDenied"
    identity = as_reader["userIdentity"]
    assert (identity["type"], identity["invokedBy"]) == ("AssumedRole", SERVICE)
    assert identity["sessionContext"]["sessionIssuer"]["userName"] == f"{agent.name}-2"


def test_a_role_gets_a_key_only_with_the_permission_to_ask_for_it(world: World) -> None:
    agent = Agent(world)
    agent.allow(a_statement())

    refused = refusal(agent.key, data_plane=agent.in_role("bedrock-agentcore:GetWorkloadAccessToken"))

    assert "not authorized to perform: bedrock-agentcore:GetResourceApiKey" in refused


def test_operations_fail_as_asked_until_cleared_or_so_many_times(world: World) -> None:
    world.aws.agentcore("fail", operation="GetTokenVault", code="AccessDeniedException", times=1)
    once = refusal(world.agentcore.get_token_vault)
    assert world.agentcore.get_token_vault()["tokenVaultId"] == "default"

    world.aws.agentcore("fail", operation="ListGateways", code="AccessDeniedException")
    always = [refusal(world.agentcore.list_gateways) for _ in range(2)]
    world.aws.agentcore("clear")

    assert "AccessDeniedException" in once
    assert all("AccessDeniedException" in each for each in always)
    assert "items" in world.agentcore.list_gateways()
    with pytest.raises(EmbeddedAwsError, match="GetTokenVault declares no NoSuchException"):
        world.aws.agentcore("fail", operation="GetTokenVault", code="NoSuchException")


def test_an_oauth2_provider_fails_or_gets_ready_when_told_and_keeps_its_certificate(world: World) -> None:
    name, certificate = a_name(), [{"secretsManager": {"secretArn": world.secret()}}]
    custom = {
        "clientId": "client",
        "oauthDiscovery": {"discoveryUrl": "https://idp.example/.well-known/openid-configuration"},
        "privateEndpoint": {
            "selfManagedLatticeResource": {"resourceConfigurationIdentifier": "rcfg-0123456789abcdefg"}
        },
        "certificateConfigurations": certificate,
        "clientSecret": "value",
    }
    provider = {
        "name": name,
        "credentialProviderVendor": "CustomOauth2",
        "oauth2ProviderConfigInput": {"customOauth2ProviderConfig": custom},
    }

    world.aws.agentcore("hold")
    created = world.agentcore.create_oauth2_credential_provider(**provider)
    world.aws.agentcore("settle", name=name, failure_reason="no route")
    failed = world.agentcore.get_oauth2_credential_provider(name=name)
    world.agentcore.update_oauth2_credential_provider(**provider)
    world.aws.agentcore("settle", name=name)
    ready = world.agentcore.get_oauth2_credential_provider(name=name)

    assert created["status"] == "CREATING"
    assert (failed["status"], failed["failureReason"]) == ("CREATE_FAILED", "no route")
    assert (ready["status"], ready.get("failureReason")) == ("READY", None)
    output = ready["oauth2ProviderConfigOutput"]["customOauth2ProviderConfig"]
    assert output["certificateConfigurations"] == certificate


def test_writes_on_payment_providers_workloads_and_the_vault_are_told_without_their_secrets(world: World) -> None:
    name, secret = a_name(), world.secret()
    told = Listener(world, {"source": ["aws.bedrock-agentcore"]})
    reference = {"secretId": secret, "jsonKey": "key"}

    world.agentcore.create_payment_credential_provider(
        name=name,
        credentialProviderVendor="CoinbaseCDP",
        providerConfigurationInput={
            "coinbaseCdpConfiguration": {
                "apiKeyId": "id",
                "apiKeySecret": "CANARY",
                "walletSecretSource": "EXTERNAL",
                "walletSecretConfig": reference,
            }
        },
    )
    world.agentcore.create_workload_identity(name=name)
    world.agentcore.delete_workload_identity(name=name)
    world.agentcore.set_token_vault_cmk(kmsConfiguration={"keyType": "ServiceManagedKey"})
    world.agentcore.delete_payment_credential_provider(name=name)

    created, *_ = told.hears(
        "CreatePaymentCredentialProvider",
        "CreateWorkloadIdentity",
        "DeleteWorkloadIdentity",
        "SetTokenVaultCMK",
        "DeletePaymentCredentialProvider",
    )
    asked = created["requestParameters"]["providerConfigurationInput"]["coinbaseCdpConfiguration"]
    assert asked.pop("apiKeySecret") == "***"
    assert asked == {"apiKeyId": "id", "walletSecretSource": "EXTERNAL", "walletSecretConfig": reference}
    answered = created["responseElements"]["providerConfigurationOutput"]["coinbaseCdpConfiguration"]
    assert (answered["walletSecretArn"], answered["walletSecretJsonKey"]) == ({"secretArn": secret}, "key")
    assert "CANARY" not in json.dumps(told.heard)
    assert "CANARY" not in world.log()
