"""`send_alerts` on moto and a Slack of the test's own: what counts is how many messages people get."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from boto3.dynamodb.types import TypeSerializer
from moto import mock_aws

from functions.send_alerts import app as send_alerts
from secretwatch import telemetry
from secretwatch.adapters.dynamodb import item_of
from secretwatch.adapters.eventbridge import BusChannel
from secretwatch.domain.alert import DETAIL_TYPES, UPDATED, Alert
from secretwatch.domain.finding import Code, Finding, Verdict
from secretwatch.domain.incident import Delivery
from secretwatch.domain.state import ReferenceState
from secretwatch.domain.verdict_change import VERDICT_CHANGED, VerdictChange
from secretwatch.ports import Target
from tests.contract.registry import TABLE, create_table
from tests.contract.template import ROOT
from tests.fakes import ACCOUNT, REGION, a_reference, secret_arn
from tests.lambdas import Context, Event, sqs_event
from tests.slack import BROKEN as FIVE_HUNDRED
from tests.slack import RATE_LIMITED, TOKEN, Slack, a_workspace

REFERENCE = a_reference(secret=secret_arn("crm"))
MISSING = Finding(
    Code.JSON_KEY_MISSING, "the current version lacks JSON key `client_secret`", "Store it.", about=REFERENCE.secret_arn
)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
WELL = ReferenceState(REFERENCE, version=1, verdict=Verdict.RESOLVES, checked_at=LONG_AGO, well_at=LONG_AGO)
BROKEN = replace(WELL, version=2, verdict=Verdict.BROKEN, findings=(MISSING,))
ROUND = json.loads((ROOT / "events/events.ScheduledEvent.json").read_text(encoding="utf-8"))


class World:
    """The Registry, people's mailbox, and Slack."""

    def __init__(self, slack: Slack) -> None:
        self.slack = slack
        self.dynamodb, self.sqs, self.secrets = (
            boto3.client("dynamodb"),
            boto3.client("sqs"),
            boto3.client("secretsmanager"),
        )
        create_table(self.dynamodb)
        self.mailbox = self.sqs.create_queue(QueueName="mailbox")["QueueUrl"]
        self.heard: list[str] = []  # on the bus: moto takes events, and hands them to nobody
        sns, events = boto3.client("sns"), boto3.client("events")
        self.topic = sns.create_topic(Name="alerts")["TopicArn"]
        sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint="arn:aws:sqs:eu-west-1:123456789012:mailbox")
        events.create_event_bus(Name="secretwatch")
        self.slack_secret = self.secrets.create_secret(
            Name="slack", SecretString=json.dumps({"token": TOKEN, "channels": {"default": "C0DEFAULT"}})
        )["ARN"]

    def stores(self, state: ReferenceState) -> None:
        item = {name: TypeSerializer().serialize(value) for name, value in item_of(state).items()}
        self.dynamodb.put_item(TableName=TABLE, Item=item)

    def subjects(self) -> list[str]:
        """Of the mails that came since this was last asked."""
        return [json.loads(text)["Subject"] for text in self._received(self.mailbox)]

    def _received(self, queue: str) -> list[str]:
        found: list[str] = []
        while messages := self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                found.append(message["Body"])
        return found


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with mock_aws(), a_workspace() as slack:
        world = World(slack)
        publish = BusChannel.send

        def hear(bus: BusChannel, target: Target, alert: Alert, delivery: Delivery) -> None:
            publish(bus, target, alert, delivery)
            world.heard.append(DETAIL_TYPES.get(alert.kind, UPDATED))

        monkeypatch.setattr(BusChannel, "send", hear)
        for name, value in {
            "REGISTRY_TABLE": TABLE,
            "BUS_NAME": "secretwatch",
            "ACCOUNT_ID": ACCOUNT,
            "AWS_REGION": REGION,
            "ALERTS_TOPIC_ARN": world.topic,
            "SLACK_SECRET_ARN": world.slack_secret,
            "SLACK_API_URL": slack.api_url,
        }.items():
            monkeypatch.setenv(name, value)
        world.dynamodb.put_item(
            TableName=TABLE, Item={"pk": {"S": "ALERTS"}, "sk": {"S": "FIRST"}, "at": {"S": LONG_AGO.isoformat()}}
        )
        for made in (send_alerts.alerting, send_alerts.subscriptions):
            made.cache_clear()
        yield world
    for made in (send_alerts.alerting, send_alerts.subscriptions):
        made.cache_clear()
    telemetry.metrics.clear_metrics()


def news(before: ReferenceState = WELL, after: ReferenceState = BROKEN) -> Event:
    detail = VerdictChange(before, after).detail()
    return {"source": "secretwatch", "detail-type": VERDICT_CHANGED, "detail": detail}


def handle(*bodies: object) -> list[str]:
    """Which of the records failed."""
    response: Any = send_alerts.handler(sqs_event(*bodies), Context())
    return [failure["itemIdentifier"] for failure in response["batchItemFailures"]]


def a_round_in(world: World, monkeypatch: pytest.MonkeyPatch, **how: float) -> None:
    """A round, as if so much later."""
    later = datetime.now(UTC) + timedelta(**how)
    alerting: Any = send_alerts.alerting()
    slack = alerting._delivering._channels[-1]
    for one in (alerting, alerting._delivering, slack):
        monkeypatch.setattr(one, "_clock", lambda: later)
    assert handle(ROUND) == []


def test_news_delivered_many_times_is_told_once_everywhere(world: World) -> None:
    world.stores(BROKEN)

    assert [handle(news(), news()) for _ in range(3)] == [[], [], []]

    assert world.subjects() == ["crm-oauth can't get its credential - 111122223333 eu-west-1"]
    assert world.heard == ["Incident Opened"]
    assert len(world.slack.posts) == 1


def test_an_incident_is_told_from_its_opening_to_its_end(world: World) -> None:
    world.stores(BROKEN)
    handle(news())
    world.stores(replace(WELL, version=3))
    handle(news(BROKEN, replace(WELL, version=3)))

    assert world.subjects() == [
        "crm-oauth can't get its credential - 111122223333 eu-west-1",
        "crm-oauth can get its credential again - 111122223333 eu-west-1",
    ]
    assert world.heard == ["Incident Opened", "Incident Resolved"]
    (post,) = world.slack.posts
    assert post["text"].startswith("🟢 crm-oauth can get its credential again")
    assert len(world.slack.replies(post)) == 1
    assert handle(ROUND) == []


@pytest.mark.parametrize("how", [RATE_LIMITED, FIVE_HUNDRED])
def test_what_slack_did_not_take_is_not_acknowledged_and_arrives_later_once(
    world: World, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    world.stores(BROKEN)
    world.slack.script = [how]

    assert handle(news()) == ["message-0"]
    assert len(world.subjects()) == 1
    assert handle(news()) == ["message-0"]
    a_round_in(world, monkeypatch, seconds=91)

    assert handle(news()) == []
    assert len(world.slack.posts) == 1
    assert world.subjects() == []


def test_every_incident_reaches_a_slack_of_many_moods_in_the_end_and_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"agent-{number}" for number in range(6)]
    world.slack.script = ["internal_error", FIVE_HUNDRED, "well", RATE_LIMITED, FIVE_HUNDRED, "service_unavailable"]
    for name in names:
        reference = a_reference(name, secret=secret_arn(name))
        finding = replace(MISSING, about=reference.secret_arn)
        broken = replace(BROKEN, reference=reference, findings=(finding,))
        world.stores(broken)
        handle(news(replace(WELL, reference=reference), broken))
    for minutes in range(2, 20, 2):
        a_round_in(world, monkeypatch, minutes=minutes)

    assert world.slack.script == []
    posted = [post["text"] for post in world.slack.posts]
    assert sorted(posted) == sorted(f"🔴 {name} can't get its credential · 111122223333 · eu-west-1" for name in names)
    assert len(world.subjects()) == len(names)


_NEITHER = "Slack: the secret holds neither a token with channels nor a webhook"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ('{"token": "xoxb-unknown", "channels": {"default": "C0DEFAULT"}}', "Slack: invalid_auth"),
        ('{"token": "xoxb-revoked", "channels": {"default": "C0DEFAULT"}}', "Slack: token_revoked"),
        ('{"token": "' + TOKEN + '", "channels": {"default": "C0GONE"}}', "Slack: channel_not_found"),
        ('{"webhook": "<slack>/services/gone"}', "Slack: webhook answers 404"),
        ("canary", _NEITHER),
        ('{"channels": {"default": "C0DEFAULT"}}', _NEITHER),
        ('{"token": "", "channels": {"default": "C0DEFAULT"}}', _NEITHER),
        (None, "Slack: GetSecretValue: ResourceNotFoundException"),
    ],
)
def test_a_slack_that_is_set_up_wrongly_costs_nobody_else_and_is_told_once_it_is_mended(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    value: str | None,
    reason: str,
) -> None:
    log = io.StringIO()
    world.slack.revoked = {"xoxb-revoked"}
    monkeypatch.setattr(telemetry.logger.registered_handler, "stream", log)
    world.stores(BROKEN)
    if value is None:
        monkeypatch.setenv("SLACK_SECRET_ARN", world.slack_secret[:-6] + "Zz9Yy8")
    else:
        value = value.replace("<slack>", world.slack.url)
        world.secrets.put_secret_value(SecretId=world.slack_secret, SecretString=value)

    assert handle(news()) == ["message-0"]

    assert len(world.subjects()) == 1
    assert world.heard == ["Incident Opened"]
    counted = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    failed = [line for line in counted if "AlertsFailed" in line and "channel" in line]
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [line["reason"] for line in lines if line["message"] == "alert failed"] == [reason]
    assert [(line["channel"], line["AlertsFailed"]) for line in failed] == [("slack", [1.0])]
    monkeypatch.setenv("SLACK_SECRET_ARN", world.slack_secret)
    good = json.dumps({"token": TOKEN, "channels": {"default": "C0DEFAULT"}})
    world.secrets.put_secret_value(SecretId=world.slack_secret, SecretString=good)
    send_alerts.alerting.cache_clear()
    a_round_in(world, monkeypatch, minutes=6)
    assert len(world.slack.posts) == 1
    assert world.subjects() == []


def test_a_round_counts_the_addresses_that_never_confirmed(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Moto confirms every address at once; one that was to be subscribed and is not is one that SNS has forgotten."""
    monkeypatch.setenv("ALERT_EMAIL", "ops@example.com")
    send_alerts.subscriptions.cache_clear()

    assert handle(ROUND) == []
    boto3.client("sns").subscribe(TopicArn=world.topic, Protocol="email", Endpoint="ops@example.com")
    assert handle(ROUND) == []

    counted = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["SubscriptionsUnconfirmed"] for line in counted] == [[1], [0]]


def test_a_round_that_may_not_see_who_subscribed_tells_people_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = io.StringIO()
    monkeypatch.setattr(telemetry.logger.registered_handler, "stream", log)
    monkeypatch.setenv("ALERTS_TOPIC_ARN", "arn:aws:sns:eu-west-1:123456789012:gone")
    send_alerts.subscriptions.cache_clear()

    assert handle(ROUND) == []

    (line,) = [json.loads(line) for line in log.getvalue().splitlines() if "subscriptions unknown" in line]
    assert line["reason"].startswith("ListSubscriptionsByTopic: ")
    assert "SubscriptionsUnconfirmed" not in capsys.readouterr().out


def test_a_topic_that_refuses_costs_slack_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.stores(BROKEN)
    monkeypatch.setenv("ALERTS_TOPIC_ARN", "arn:aws:sns:eu-west-1:123456789012:gone")
    assert handle(news()) == ["message-0"]
    assert len(world.slack.posts) == 1

    monkeypatch.setenv("ALERTS_TOPIC_ARN", world.topic)
    send_alerts.alerting.cache_clear()
    a_round_in(world, monkeypatch, minutes=6)

    assert len(world.subjects()) == 1
    assert len(world.slack.posts) == 1


def test_an_empty_batch_of_news_about_what_is_well_tells_nobody(world: World) -> None:
    world.stores(WELL)

    assert handle(news(replace(WELL, version=0, verdict=None), WELL)) == []

    assert (world.subjects(), world.heard, world.slack.requests) == ([], [], [])


@pytest.mark.parametrize(
    "text", ["nonsense", "[]", "{}", '{"detail-type": "Reference Verdict Changed", "detail": null}']
)
def test_what_is_no_news_is_left_to_the_queue_without_quoting_it(world: World, text: str) -> None:
    world.stores(BROKEN)

    assert handle(text, news()) == ["message-0"]
    assert len(world.subjects()) == 1
