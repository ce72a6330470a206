"""Incidents on the deployed stack: people are told once, in the topic and in Slack, from the opening to the end."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from local import stack
from secretwatch.domain.change import request
from secretwatch.domain.secret import SecretId
from tests.e2e.conftest import Fields, World, eventually
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


def with_rounds(world: World, look: Callable[[], Any]) -> Any:
    """What `look` returns in the end, while the schedule comes more often than once a minute."""
    queue, last = world.physical_id("AlertQueue"), 0.0
    scheduled = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}

    def look_again() -> Any:
        nonlocal last
        if time.monotonic() - last > 2:
            world.sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(scheduled))
            last = time.monotonic()
        return look()

    return eventually(look_again)


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


def test_a_disabled_key_is_one_incident_however_many_secrets_are_under_it(world: World, slack: Slack) -> None:
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
    secrets = [world.secret(KmsKeyId=key) for _ in range(4)]
    names = [world.provider(secret) for secret in secrets]
    assert {world.verdict(*pair) for pair in zip(secrets, names, strict=True)} == {"RESOLVES"}
    key_id = key.rsplit("/", 1)[1]

    kms.disable_key(KeyId=key)
    with_rounds(world, lambda: any("4 providers" in post["text"] for post in posts_of(slack, key_id)))
    kms.enable_key(KeyId=key)
    (post,) = posts_of(slack, key_id)
    eventually(lambda: post["text"].startswith("🟢 4 providers"))

    assert len(posts_of(slack, key_id)) == 1
    eventually(lambda: len(subjects(world, key_id)) == 2)


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
