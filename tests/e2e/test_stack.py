"""The deployed stack, from a call on a secret to the alert that people get."""

import json
from pathlib import Path

import pytest

from local import demo
from secretwatch_cli.rules import rules_that_match
from tests.contract.template import PATTERNS
from tests.e2e.conftest import LETS_AGENTCORE_READ, World, eventually

EVENTS = sorted((Path(__file__).parents[2] / "events").glob("*.json"))


def put_secret_value_event(world: World, secret: str) -> str:
    """The event of one PutSecretValue, to be delivered as often as a test likes."""
    return json.dumps(
        {
            "version": "0",
            "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
            "source": "aws.secretsmanager",
            "detail-type": "AWS API Call via CloudTrail",
            "account": world.aws.account,
            "region": world.aws.region,
            "time": "2026-11-23T12:00:00Z",
            "resources": [],
            "detail": {
                "eventSource": "secretsmanager.amazonaws.com",
                "eventName": "PutSecretValue",
                "requestParameters": {"secretId": secret},
                "responseElements": {"arn": secret},
            },
        }
    )


def test_a_value_that_lost_the_key_breaks_is_told_and_its_roll_back_recovers(world: World) -> None:
    secret = world.secret()
    provider = world.provider(secret)
    assert world.verdict(secret, provider) == "RESOLVES"

    world.secrets.put_secret_value(SecretId=secret, SecretString='{"other": "a value"}')
    (broken,) = eventually(lambda: world.alerts(provider) or None)
    versions = world.secrets.describe_secret(SecretId=secret)["VersionIdsToStages"]
    ids = {label: version for version, labels in versions.items() for label in labels}
    world.secrets.update_secret_version_stage(
        SecretId=secret,
        VersionStage="AWSCURRENT",
        MoveToVersionId=ids["AWSPREVIOUS"],
        RemoveFromVersionId=ids["AWSCURRENT"],
    )
    _, recovered = eventually(lambda: alerts if len(alerts := world.alerts(provider)) == 2 else None)

    assert "lacks JSON key `key`; the previous version has it" in broken
    assert f"--move-to-version-id {ids['AWSPREVIOUS']}" in broken
    assert broken.endswith("JSON_KEY_MISSING")
    assert recovered.startswith(f"🟢 {provider} can get its credential again · ")


def test_an_event_delivered_many_times_is_told_once(world: World) -> None:
    secret = world.secret()
    provider = world.provider(secret)

    world.secrets.put_secret_value(SecretId=secret, SecretString="{}")
    world.deliver("ChangeQueueUrl", *[put_secret_value_event(world, secret)] * 20)
    eventually(lambda: world.alerts(provider) or None)
    world.settle()

    assert len(world.alerts(provider)) == 1


def test_a_deleted_secret_breaks_and_its_restoration_recovers(world: World) -> None:
    secret = world.secret()
    provider = world.provider(secret)

    world.secrets.delete_secret(SecretId=secret, RecoveryWindowInDays=7)
    eventually(lambda: world.verdict(secret, provider) == "BROKEN")
    assert world.codes(secret) == ["SECRET_PENDING_DELETION"]

    world.secrets.restore_secret(SecretId=secret)
    eventually(lambda: world.verdict(secret, provider) == "RESOLVES")


def test_a_secret_whose_policy_is_deleted_breaks_and_recovers_when_it_is_put_back(world: World) -> None:
    secret = world.secret()
    provider = world.provider(secret)

    world.secrets.delete_resource_policy(SecretId=secret)
    eventually(lambda: world.verdict(secret, provider) == "BROKEN")
    assert world.codes(secret) == ["READER_NOT_ALLOWED"]

    world.let_agentcore_read(secret)
    eventually(lambda: world.verdict(secret, provider) == "RESOLVES")


def test_a_secret_whose_key_is_disabled_breaks_and_recovers_when_it_is_enabled(world: World) -> None:
    kms = world.aws.client("kms")
    key = kms.create_key(Policy=lets_decrypt(world.aws.account))["KeyMetadata"]["Arn"]
    secret = world.secret(KmsKeyId=key)
    provider = world.provider(secret)
    assert world.verdict(secret, provider) == "RESOLVES"

    kms.disable_key(KeyId=key)
    eventually(lambda: world.verdict(secret, provider) == "BROKEN")
    assert world.codes(secret) == ["KEY_DISABLED"]

    kms.enable_key(KeyId=key)
    eventually(lambda: world.verdict(secret, provider) == "RESOLVES")


def test_a_policy_that_another_service_attached_counts_as_well(world: World) -> None:
    secret = world.secret()
    provider = world.provider(secret)

    world.aws.secretsmanager("attach_policy", secret=secret, name="a-service", policy=LETS_AGENTCORE_READ)
    before = world.records(secret)[0]["version"]
    world.secrets.delete_resource_policy(SecretId=secret)
    eventually(lambda: world.records(secret)[0]["version"] > before)

    assert world.verdict(secret, provider) == "RESOLVES"


def lets_decrypt(account: str) -> str:
    """A key policy that leaves the key to its account, and lets AgentCore decrypt."""
    owner = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    agentcore = {
        "Effect": "Allow",
        "Principal": {"Service": "bedrock-agentcore.amazonaws.com"},
        "Action": "kms:Decrypt",
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [owner, agentcore]})


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (b"\x00\x01", "VALUE_NOT_JSON"),
        ("not JSON", "VALUE_NOT_JSON"),
        ('{"key": 7}', "JSON_KEY_NOT_A_STRING"),
        ('{"key": ""}', "JSON_KEY_EMPTY"),
    ],
)
def test_a_value_that_cannot_serve_is_found_when_the_provider_is_created(
    world: World, value: str | bytes, code: str
) -> None:
    secret = world.secret(value)
    provider = world.provider(secret)

    assert world.verdict(secret, provider) == "BROKEN"
    assert world.codes(secret) == [code]


def test_a_provider_that_is_deleted_is_forgotten_and_one_that_moves_is_followed(world: World) -> None:
    old, new = world.secret("{}"), world.secret()
    provider = world.provider(old)
    assert world.verdict(old, provider) == "BROKEN"

    config = {"secretId": new, "jsonKey": "key"}
    world.agentcore.update_api_key_credential_provider(
        name=provider, apiKeySecretSource="EXTERNAL", apiKeySecretConfig=config
    )
    eventually(lambda: world.verdict(new, provider) == "RESOLVES")
    assert world.records(old) == []

    world.agentcore.delete_api_key_credential_provider(name=provider)
    eventually(lambda: world.records(new) == [])


def test_the_scheduled_inventory_finds_what_no_event_told(world: World) -> None:
    secret = world.secret()
    provider = world.provider(secret)
    before = world.records(secret)[0]["version"]

    world.deliver("InventoryQueueUrl", scheduled_event(world))

    eventually(lambda: world.records(secret)[0]["version"] > before)
    eventually(lambda: '"TrailMissing":[' in world.log())  # counted at every sweep, for its alarm
    assert world.verdict(secret, provider) == "RESOLVES"


def test_an_alert_names_the_gateway_and_the_target_that_use_the_provider(world: World) -> None:
    secret = world.secret()
    provider = world.provider(secret)
    arn = world.records(secret)[0]["provider_arn"]
    gateway = world.agentcore.create_gateway(
        name=f"support-{provider[-8:]}",
        roleArn=f"arn:aws:iam::{world.aws.account}:role/support",
        protocolType="MCP",
        authorizerType="AWS_IAM",
    )
    world.agentcore.create_gateway_target(
        gatewayIdentifier=gateway["gatewayId"],
        name="crm",
        targetConfiguration={"mcp": {"mcpServer": {"endpoint": "https://crm.example.com/mcp"}}},
        credentialProviderConfigurations=[
            {
                "credentialProviderType": "API_KEY",
                "credentialProvider": {"apiKeyCredentialProvider": {"providerArn": arn}},
            }
        ],
    )

    world.deliver("InventoryQueueUrl", scheduled_event(world))
    eventually(lambda: world.consumers(arn) or None)
    world.secrets.put_secret_value(SecretId=secret, SecretString="{}")

    (alert,) = eventually(lambda: world.alerts(provider) or None)
    assert f"gateway support-{provider[-8:]} → target crm" in alert


def scheduled_event(world: World) -> str:
    """What EventBridge sends when InventorySchedule is due."""
    (sample,) = [path for path in EVENTS if json.loads(path.read_text())["source"] == "aws.events"]
    return json.dumps({**json.loads(sample.read_text()), "account": world.aws.account, "region": world.aws.region})


def test_what_cannot_be_processed_reaches_the_dead_letter_queue_and_the_rest_goes_on(world: World) -> None:
    secret = world.secret()
    provider = world.provider(secret)
    change_queue, dead_letters = world.physical_id("ChangeQueue"), world.physical_id("ChangeDeadLetters")
    # The deployed time-out is three minutes a try: too long for a test, and no part of what it shows.
    world.sqs.set_queue_attributes(QueueUrl=change_queue, Attributes={"VisibilityTimeout": "1"})

    alarm = world.physical_id("ChangeDeadLettersAlarm")
    told_before = len(world.alerts(alarm))
    damaged = world.secret()
    record = {"pk": {"S": f"SECRET#{damaged}"}, "sk": {"S": "REF#that nobody can read"}}
    world.dynamodb.put_item(TableName=world.outputs["RegistryTable"], Item=record)
    poison = put_secret_value_event(world, damaged)
    world.deliver("ChangeQueueUrl", poison, put_secret_value_event(world, world.secret()))
    world.secrets.put_secret_value(SecretId=secret, SecretString="{}")

    eventually(lambda: world.verdict(secret, provider) == "BROKEN")
    eventually(lambda: len(world.alerts(alarm)) > told_before)
    dead: list[str] = []

    def is_dead() -> bool:
        for message in world.sqs.receive_message(QueueUrl=dead_letters, MaxNumberOfMessages=10).get("Messages", []):
            world.sqs.delete_message(QueueUrl=dead_letters, ReceiptHandle=message["ReceiptHandle"])
            dead.append(message["Body"])
        return poison in dead

    eventually(is_dead)
    world.sqs.set_queue_attributes(QueueUrl=change_queue, Attributes={"VisibilityTimeout": "180"})
    world.dynamodb.delete_item(TableName=world.outputs["RegistryTable"], Key=record)
    assert all(damaged in body for body in dead)
    assert "change irrelevant: nobody references it" in world.log()


def test_what_no_later_try_could_read_either_is_told_and_done_with(world: World) -> None:
    world.deliver("ChangeQueueUrl", "{not JSON", json.dumps({"source": "aws.ec2"}))
    world.deliver("InventoryQueueUrl", "[]")

    eventually(lambda: world.log().count('"message":"change unreadable"') >= 3)
    assert '"reason":"not JSON"' in world.log()
    assert '"reason":"not an EventBridge event: its detail-type is missing"' in world.log()
    assert '"reason":"not an EventBridge event: it is a list"' in world.log()


@pytest.mark.parametrize(
    "failures",
    [
        "ChangeDeadLetters",
        "SweepDeadLetters",
        "InventoryDeadLetters",
        "UnpublishedVerdicts",
        "AlertDeadLetters",
        "UndeliveredEvents",
        "TrailMissing",
    ],
)
def test_the_alarm_on_failures_reaches_people(world: World, failures: str) -> None:
    """The alarm's state is set by hand, as AWS allows for tests of its actions: the embedded AWS keeps no metrics."""
    alarm = world.physical_id(f"{failures}Alarm")

    world.aws.client("cloudwatch").set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="a test")

    eventually(lambda: world.alerts(alarm) or None)


def test_no_value_reaches_a_log_an_event_the_table_or_an_alert(world: World) -> None:
    canary, event_queue = "canary-5d41402abc4b2a76b9719d911017c592", world.event_queue()
    secret = world.secret(json.dumps({"key": canary}))
    provider = world.provider(secret)
    for value in (json.dumps({"key": f"{canary}-2"}), json.dumps({"lost": canary}), f"{canary} is not JSON"):
        world.secrets.put_secret_value(SecretId=secret, SecretString=value)
        world.secrets.update_secret(SecretId=secret, Description="no value here")
    eventually(lambda: world.alerts(provider) or None)
    world.settle()

    events = world.events(event_queue)
    sources = {event["source"] for event in events if secret in json.dumps(event)}
    assert sources == {"aws.secretsmanager", "aws.bedrock-agentcore", "secretwatch"}
    assert canary not in json.dumps(events)
    table = world.dynamodb.scan(TableName=world.outputs["RegistryTable"], ConsistentRead=True)["Items"]
    assert secret in json.dumps(table, default=str)
    assert canary not in json.dumps(table, default=str)
    assert provider in json.dumps(world.mail)
    assert canary not in json.dumps(world.mail)
    assert secret in world.log()
    assert canary not in world.log()
    assert canary not in json.dumps(function_logs(world))


def function_logs(world: World) -> list[str]:
    """What the functions wrote to their log groups."""
    logs = world.aws.client("logs")
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    return [
        event["message"] for group in groups for event in logs.filter_log_events(logGroupName=group).get("events", [])
    ]


def test_the_command_s_matcher_and_the_service_s_own_agree_on_every_sample_event(world: World) -> None:
    """TestEventPattern refuses what is no valid pattern, too."""
    events = world.aws.client("events")
    for path in EVENTS:
        event = path.read_text()
        matched = {
            name
            for name, pattern in PATTERNS.items()
            if events.test_event_pattern(EventPattern=pattern, Event=event)["Result"]
        }
        ours = {rule.logical_id for rule in rules_that_match(json.loads(event), region="us-east-1")}
        assert matched == ours, path.name


def test_the_demo_tells_its_story_on_an_embedded_aws_that_runs(world: World) -> None:
    assert demo.main(world.aws.state_dir) == 0
