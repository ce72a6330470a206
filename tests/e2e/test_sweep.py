"""The Registry follows keys, providers and gateways; a sweep of many providers keeps within its share of the quotas."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.e2e.conftest import Fields, World, eventually
from tests.e2e.test_burst import about, waiting

SERVICE = {"Service": "bedrock-agentcore.amazonaws.com"}
ROTATION = [
    "secretsmanager.RotationStarted",
    "secretsmanager.PutSecretValue",
    "secretsmanager.UpdateSecretVersionStage",
    "secretsmanager.SecretLabelUpdated",
    "secretsmanager.SecretLabelUpdated.native",
    "secretsmanager.RotationSucceeded",
]
OF_CHECKS = ("ChangeQueueUrl", "SweepQueueUrl")  # InventoryQueue may hold what another test has put off
A_KIND = 50
"""As many providers of each kind as AgentCore allows in an account unless it is asked for more."""


def a_key(world: World) -> str:
    """A customer managed key that AgentCore may decrypt with; its ARN."""
    root = {"Effect": "Allow", "Principal": {"AWS": world.aws.account}, "Action": "kms:*", "Resource": "*"}
    reader = {"Effect": "Allow", "Principal": SERVICE, "Action": "kms:Decrypt", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [root, reader]})
    arn: str = world.aws.client("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"]
    return arn


def test_a_key_that_is_disabled_breaks_each_reference_under_it_by_id_and_by_alias(world: World) -> None:
    kms, key, alias = world.aws.client("kms"), a_key(world), f"alias/agents-{uuid.uuid4().hex[:8]}"
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    named = [world.secret(KmsKeyId=name) for name in (key, key.rsplit("/", 1)[1], alias)]
    providers = {secret: world.provider(secret) for secret in named}
    bystander = world.secret(KmsKeyId=a_key(world))
    providers[bystander] = world.provider(bystander)
    assert {world.verdict(secret, provider) for secret, provider in providers.items()} == {"RESOLVES"}
    version = world.records(bystander)[0]["version"]

    kms.disable_key(KeyId=key)
    eventually(lambda: all(world.verdict(secret, providers[secret]) == "BROKEN" for secret in named))
    assert [world.codes(secret) for secret in named] == [["KEY_DISABLED"]] * 3

    kms.enable_key(KeyId=key)
    eventually(lambda: all(world.verdict(secret, providers[secret]) == "RESOLVES" for secret in named))
    assert world.records(bystander)[0]["version"] == version


def test_a_rotation_with_its_half_dozen_events_and_a_tag_change_are_one_verdict_change_at_most(world: World) -> None:
    heard = world.event_queue()
    rotated, tagged = world.secret(), world.secret()
    providers = {secret: [world.provider(secret) for _ in range(3)] for secret in (rotated, tagged)}
    world.settle()
    world.events(heard)

    world.secrets.put_secret_value(SecretId=rotated, SecretString="{}")
    world.deliver("ChangeQueueUrl", *(about(rotated, shape) for shape in ROTATION))
    world.secrets.tag_resource(SecretId=tagged, Tags=[{"Key": "team", "Value": "sales"}])
    world.secrets.untag_resource(SecretId=tagged, TagKeys=["team"])
    eventually(lambda: all(world.verdict(rotated, provider) == "BROKEN" for provider in providers[rotated]))
    eventually(lambda: waiting(world, "ChangeQueueUrl") == 0)
    world.settle()

    changes = [
        (event["detail"]["reference"]["secretArn"], event["detail"]["reference"]["providerName"])
        for event in world.events(heard)
        if event["detail-type"] == "Reference Verdict Changed"
    ]
    assert sorted(one for one in changes if one[0] == rotated) == sorted(
        (rotated, provider) for provider in providers[rotated]
    )
    assert [one for one in changes if one[0] == tagged] == []


def test_a_provider_that_is_deleted_leaves_nothing_and_its_siblings_alone(world: World) -> None:
    secret = world.secret()
    gone, stays = world.provider(secret), world.provider(secret)

    world.agentcore.delete_api_key_credential_provider(name=gone)

    eventually(lambda: [record["provider"] for record in world.records(secret)] == [stays])


def test_a_gateway_s_new_role_and_its_deletion_reach_its_consumers(world: World) -> None:
    provider = world.provider(secret := world.secret())
    (record,) = world.records(secret)
    assert record["provider"] == provider
    role = f"arn:aws:iam::{world.aws.account}:role/"
    settings = {
        "name": f"support-{provider[-8:]}",
        "protocolType": "MCP",
        "authorizerType": "AWS_IAM",
    }
    gateway = world.agentcore.create_gateway(roleArn=f"{role}support", **settings)["gatewayId"]
    by_key = {"apiKeyCredentialProvider": {"providerArn": record["provider_arn"]}}
    target = world.agentcore.create_gateway_target(
        gatewayIdentifier=gateway,
        name="crm",
        targetConfiguration={"mcp": {"mcpServer": {"endpoint": "https://crm.example.com/mcp"}}},
        credentialProviderConfigurations=[{"credentialProviderType": "API_KEY", "credentialProvider": by_key}],
    )["targetId"]

    def roles() -> list[str]:
        return [consumer["role_arn"] for consumer in world.consumers(record["provider_arn"])]

    eventually(lambda: roles() == [f"{role}support"])
    world.agentcore.update_gateway(gatewayIdentifier=gateway, roleArn=f"{role}sales", **settings)
    eventually(lambda: roles() == [f"{role}sales"])
    world.agentcore.delete_gateway_target(gatewayIdentifier=gateway, targetId=target)
    eventually(lambda: roles() == [])


# --- sweeps


def ask_for_a_sweep(world: World) -> None:
    world.deliver(
        "InventoryQueueUrl",
        json.dumps(
            {
                "source": "secretwatch",
                "detail-type": "Inventory Requested",
                "id": "by hand",
                "account": world.aws.account,
                "region": world.aws.region,
                "time": "2026-11-23T12:00:00Z",
                "detail": {},
            }
        ),
    )


def completed(world: World, heard: str) -> Fields:
    """The detail of the next completion that is told."""

    def look() -> Fields | None:
        told = [event["detail"] for event in world.events(heard) if event["detail-type"] == "Sweep Completed"]
        return told[0] if told else None

    return eventually(look)


def api_key(world: World, name: str, reference: Fields) -> None:
    world.agentcore.create_api_key_credential_provider(
        name=name, apiKeySecretSource="EXTERNAL", apiKeySecretConfig=reference
    )


def oauth2(world: World, name: str, reference: Fields) -> None:
    google = {"clientId": "agent", "clientSecretSource": "EXTERNAL", "clientSecretConfig": reference}
    world.agentcore.create_oauth2_credential_provider(
        name=name,
        credentialProviderVendor="GoogleOauth2",
        oauth2ProviderConfigInput={"googleOauth2ProviderConfig": google},
    )


def payment(world: World, name: str, reference: Fields) -> None:
    coinbase = {"apiKeyId": "id", "apiKeySecret": "a-key", "walletSecretSource": "EXTERNAL"}
    world.agentcore.create_payment_credential_provider(
        name=name,
        credentialProviderVendor="CoinbaseCDP",
        providerConfigurationInput={"coinbaseCdpConfiguration": {**coinbase, "walletSecretConfig": reference}},
    )


TRIES_TAKE = 400.0  # seconds: a check that was throttled is tried again when its message shows again


@contextmanager
def quotas_imposed(world: World) -> Iterator[None]:
    world.aws.quotas("impose")
    try:
        yield
    finally:
        world.aws.quotas("lift")


@pytest.fixture(scope="module")
def many(world: World) -> list[str]:
    """The secrets of as many providers of each kind as an account may have, all of them known and checked.

    What is tried again is tried soon: three minutes, as deployed, are a long time for a test.
    """
    for queue in OF_CHECKS:
        world.sqs.set_queue_attributes(QueueUrl=world.outputs[queue], Attributes={"VisibilityTimeout": "20"})

    def one(create: Callable[[World, str, Fields], None]) -> str:
        secret = world.secret()
        create(world, f"agent-{uuid.uuid4().hex[:8]}", {"secretId": secret, "jsonKey": "key"})
        return secret

    with ThreadPoolExecutor(4) as pool:
        secrets = list(pool.map(one, [api_key, oauth2, payment] * A_KIND))
    eventually(lambda: all(is_checked(world, secret) for secret in secrets))
    eventually(lambda: all(waiting(world, queue) == 0 for queue in OF_CHECKS), patience=TRIES_TAKE)
    return secrets


def is_checked(world: World, secret: str) -> bool:
    return any(record["checked_at"] for record in world.records(secret))


@pytest.mark.slow
def test_a_hundred_and_fifty_providers_are_swept_in_half_a_minute_within_a_share_of_the_quotas(
    world: World, many: list[str]
) -> None:
    heard = world.event_queue()
    versions = {secret: world.records(secret)[0]["version"] for secret in many}

    with quotas_imposed(world):
        begun = time.monotonic()
        ask_for_a_sweep(world)
        ask_for_a_sweep(world)  # which is the same one
        sweep = completed(world, heard)
        took = time.monotonic() - begun
        counts = world.aws.quotas("counts")

    assert sum(counts["throttled"].values()) == 0
    assert took < 30
    assert sweep["durationSeconds"] < 30
    assert (sweep["counts"]["readsFailed"], sweep["counts"]["referencesUnchecked"], sweep["failures"]) == (0, 0, [])
    assert sweep["counts"]["providersRead"] >= len(many)
    assert all(world.records(secret)[0]["version"] == versions[secret] + 1 for secret in many)
    for operation, calls in counts["calls"].items():
        if "CredentialProvider" in operation:
            assert calls / took < 10, operation
    assert counts["calls"]["secretsmanager:GetResourcePolicy"] / took < 30


def test_a_sweep_under_quotas_that_others_use_up_reads_and_checks_everything_all_the_same(
    world: World, many: list[str]
) -> None:
    heard = world.event_queue()

    world.aws.quotas("impose", policies=8, providers=3)
    ask_for_a_sweep(world)
    sweep = completed(world, heard)
    throttled = world.aws.quotas("counts")["throttled"]
    world.aws.quotas("lift")
    eventually(lambda: all(waiting(world, queue) == 0 for queue in OF_CHECKS), patience=TRIES_TAKE)

    assert throttled
    assert sweep["counts"]["referencesUnchecked"] == 0
    assert sweep["counts"]["referencesChecked"] >= len(many)
    assert waiting(world, "SweepDeadLetters") == waiting(world, "InventoryDeadLetters") == 0
