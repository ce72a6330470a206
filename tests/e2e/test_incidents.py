"""Incidents on the deployed stack: people are told once, in the topic and in Slack, from the opening to the end."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from local import stack
from secretwatch.domain.change import request
from secretwatch.domain.secret import SecretId
from tests.e2e.conftest import PATIENCE_SECONDS, Fields, World, eventually
from tests.slack import RATE_LIMITED, TOKEN, Slack, a_workspace


@pytest.fixture(scope="module")
def slack(world: World) -> Iterator[Slack]:
    """A workspace that the stack tells, too; afterwards it does no more."""
    with a_workspace() as workspace:
        value = json.dumps({"token": TOKEN, "channels": {"default": "C0DEFAULT", "owner:payments": "C0PAYMENTS"}})
        arn = world.secrets.create_secret(Name="slack", SecretString=value)["ARN"]
        stack.deploy(world.aws, {**stack.PARAMETERS, "SlackSecretArn": arn, "AccountAlias": "prod-eu"})
        function, functions = world.physical_id("SendAlerts"), world.aws.client("lambda")
        given = functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
        variables = {**given, "SLACK_API_URL": workspace.api_url}  # the template knows Slack's own only
        functions.update_function_configuration(FunctionName=function, Environment={"Variables": variables})
        yield workspace
        functions.update_function_configuration(
            FunctionName=function, Environment={"Variables": {**given, "SLACK_SECRET_ARN": "", "ACCOUNT_ALIAS": ""}}
        )


def a_round(world: World) -> None:
    """What the schedule sends once a minute."""
    scheduled = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
    world.sqs.send_message(QueueUrl=world.physical_id("AlertQueue"), MessageBody=json.dumps(scheduled))


def with_rounds(world: World, look: Callable[[], Any], *, patience: float = PATIENCE_SECONDS) -> Any:
    """What `look` returns in the end, while the schedule comes more often than once a minute."""
    last = 0.0

    def look_again() -> Any:
        nonlocal last
        if time.monotonic() - last > 2:
            a_round(world)
            last = time.monotonic()
        return look()

    return eventually(look_again, patience=patience)


def posts_of(slack: Slack, name: str) -> list[Fields]:
    return [post for post in slack.posts if name in json.dumps(post)]


def subjects(world: World, name: str) -> list[str]:
    """Of the mails about it, in the order in which they came."""
    world.alerts(name)
    return [mail["Subject"] for mail in world.mail if name in mail["Message"]]


def test_a_secret_with_twelve_providers_breaks_is_reported_twice_grows_and_heals(world: World, slack: Slack) -> None:
    secret = world.secret()
    first, *_ = [world.provider(secret) for _ in range(11)]
    assert world.verdict(secret, first) == "RESOLVES"
    about = secret.rsplit(":", 1)[1][:-7]

    world.secrets.put_secret_value(SecretId=secret, SecretString="{}")
    (post,) = eventually(lambda: posts_of(slack, about) or None)
    again = request(SecretId.of_arn(secret), at=datetime.now(UTC), request_id="again")
    world.deliver("ChangeQueueUrl", *[json.dumps(again)] * 2)
    world.provider(secret)
    with_rounds(world, lambda: "12 providers can't get their credential" in post["text"])
    world.secrets.put_secret_value(SecretId=secret, SecretString='{"key": "a value"}')
    eventually(lambda: post["text"].startswith("🟢 12 providers can get their credential again · prod-eu"))
    eventually(lambda: len(subjects(world, about)) == 2)
    world.settle()

    assert posts_of(slack, about) == [post]
    replies = [reply["text"] for reply in slack.replies(post)]
    assert [text for text in replies if text.startswith("🟢")] == [replies[-1]]
    assert replies[-1].endswith("Checks pass; not yet observed.")
    opened, resolved = subjects(world, about)
    assert "can't get" in opened
    assert resolved.startswith("12 providers can get their credential again - prod-eu")


@pytest.mark.parametrize("many", [12, pytest.param(300, marks=pytest.mark.slow)])
def test_a_disabled_key_is_one_incident_however_many_secrets_are_under_it(
    world: World, slack: Slack, many: int
) -> None:
    kms = world.aws.client("kms")
    root = {"AWS": f"arn:aws:iam::{world.aws.account}:root"}
    statements = [
        {"Sid": "Own", "Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"},
        {
            "Effect": "Allow",
            "Principal": {"Service": "bedrock-agentcore.amazonaws.com"},
            "Action": "kms:Decrypt",
            "Resource": "*",
        },
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    key = kms.create_key(Policy=policy)["KeyMetadata"]["Arn"]
    with ThreadPoolExecutor(8) as pool:
        secrets = list(pool.map(lambda _: world.secret(KmsKeyId=key), range(many)))
        names = list(pool.map(world.provider, secrets))
    assert {world.verdict(*pair) for pair in zip(secrets, names, strict=True)} == {"RESOLVES"}
    key_id = key.rsplit("/", 1)[1]

    def the_post() -> Fields | None:
        found = posts_of(slack, key_id)
        assert len(found) <= 1
        return found[0] if found else None

    def says(words: str) -> bool:
        return words in (the_post() or {"text": ""})["text"]

    kms.disable_key(KeyId=key)
    with_rounds(world, lambda: says(f"🔴 {many} providers can't get their credential"), patience=240)
    kms.enable_key(KeyId=key)
    with_rounds(world, lambda: says(f"🟢 {many} providers can get their credential again"), patience=240)

    eventually(lambda: len(subjects(world, key_id)) == 2)
    assert [state["state"] for state in world._registry(f"INCIDENT#{key}") if state["sk"] == "STATE"] == ["RESOLVED"]
    with ThreadPoolExecutor(8) as pool:  # the tests after this one sweep what there is
        list(pool.map(lambda name: world.agentcore.delete_api_key_credential_provider(name=name), names))
    eventually(lambda: not any(map(world.records, secrets)), patience=240)


# --- bad input


@pytest.fixture
def impatient(world: World) -> Iterator[None]:
    """News is tried again after a second, where the deployed queue waits for six minutes."""
    queue = world.physical_id("AlertQueue")
    world.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "1"})
    yield
    world.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "360"})


@pytest.mark.usefixtures("impatient")
def test_a_slack_that_refuses_the_token_costs_nobody_else_the_alert_and_loses_nothing(
    world: World, slack: Slack
) -> None:
    secret = world.secret()
    provider = world.provider(secret)
    dead_letters, alarm = world.physical_id("AlertDeadLetters"), world.physical_id("AlertDeadLettersAlarm")
    cloudwatch = world.aws.client("cloudwatch")
    slack.revoked = {TOKEN}

    world.secrets.put_secret_value(SecretId=secret, SecretString="{}")
    (mail,) = eventually(lambda: world.alerts(provider) or None)
    (failed, *_) = eventually(lambda: world.logged("SendAlerts", "token_revoked") or None)
    eventually(lambda: is_in_alarm(cloudwatch, alarm))

    assert "can't get its credential" in mail
    assert (failed["channel"], failed["reason"]) == ("slack", "Slack: token_revoked")
    counted = world.logged("SendAlerts", '"AlertsFailed"')
    assert {line["channel"] for line in counted if "channel" in line} == {"slack"}
    assert posts_of(slack, provider) == []
    slack.revoked = set()
    arn = world.sqs.get_queue_attributes(QueueUrl=dead_letters, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    forget_the_rest(world, secret)
    world.sqs.start_message_move_task(SourceArn=arn)
    with_rounds(world, lambda: posts_of(slack, provider))
    world.settle()

    assert len(posts_of(slack, provider)) == 1
    assert len(world.alerts(provider)) == 1


def is_in_alarm(cloudwatch: Any, alarm: str) -> bool:
    (found,) = cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
    return bool(found["StateValue"] == "ALARM")


def forget_the_rest(world: World, secret: str) -> None:
    """As if the five minutes had passed for which a channel rests that a person has to mend."""
    key = {"pk": {"S": f"INCIDENT#{secret}"}, "sk": {"S": "STATE"}}
    path = {"#telling": "telling", "#deliveries": "deliveries", "#target": "slack:default", "#until": "not_before"}
    world.dynamodb.update_item(
        TableName=world.outputs["RegistryTable"],
        Key=key,
        UpdateExpression="SET #telling.#deliveries.#target.#until = :now, next_at = :now",
        ExpressionAttributeNames=path,
        ExpressionAttributeValues={":now": {"S": datetime.now(UTC).isoformat()}},
    )


def test_an_owner_is_told_in_the_owners_channel_and_slack_is_left_alone_while_it_asks(
    world: World, slack: Slack
) -> None:
    secret = world.secret(Tags=[{"Key": "owner", "Value": "payments"}])
    provider = world.provider(secret)
    slack.script = [RATE_LIMITED]

    world.secrets.put_secret_value(SecretId=secret, SecretString="{}")
    eventually(lambda: slack.script == [])
    mails = eventually(lambda: world.alerts(provider) or None)

    assert len(mails) == 1
    assert posts_of(slack, provider) == []
    # Slack asked for 90 seconds. The incident waits in the Registry, and no longer than that.
    (state,) = [one for one in world._registry(f"INCIDENT#{secret}") if one["sk"] == "STATE"]
    deliveries = eventually(lambda: state["telling"]["deliveries"])
    assert deliveries["slack:owner:payments"]["not_before"]
    assert deliveries["sns"]["revision"] == 1


def test_an_address_that_never_confirmed_is_counted_for_its_alarm_and_the_others_hear(world: World) -> None:
    address, sns = "never@example.com", world.aws.client("sns")
    sns.subscribe(TopicArn=world.outputs["AlertsTopicArn"], Protocol="email", Endpoint=address)
    secret = world.secret()
    provider = world.provider(secret)

    def counts() -> list[float]:
        lines = world.logged("SendAlerts", '"SubscriptionsUnconfirmed"')
        return [count for line in lines for count in line["SubscriptionsUnconfirmed"]]

    with_rounds(world, lambda: counts()[-1:] == [1])
    world.secrets.put_secret_value(SecretId=secret, SecretString="{}")
    (mail,) = eventually(lambda: world.alerts(provider) or None)
    assert "can't get its credential" in mail
    world.aws.confirm_subscription(address)
    with_rounds(world, lambda: counts()[-1:] == [0])

    assert address not in json.dumps(world.logged("SendAlerts", "SubscriptionsUnconfirmed"))
