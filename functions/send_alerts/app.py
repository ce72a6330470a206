"""From AlertQueue: news of changed verdicts, and once a minute a round; people are told of incidents, once."""

import json
import os
from collections.abc import Callable
from functools import cache, partial
from typing import Any, TypeAlias

from aws_lambda_powertools.utilities.batch import EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from secretwatch import telemetry
from secretwatch.adapters.aws import client
from secretwatch.adapters.dynamodb import (
    DynamoDbConsumers,
    DynamoDbDigests,
    DynamoDbIncidents,
    DynamoDbReferences,
    DynamoDbRepairs,
    DynamoDbSweeps,
)
from secretwatch.adapters.eventbridge import BusChannel, EventBridgeBus
from secretwatch.adapters.sns import SnsChannel, SnsSubscriptions
from secretwatch.alerting import Alerting, prospect, swept_at
from secretwatch.attempts import or_unknown
from secretwatch.delivering import Delivering
from secretwatch.domain.change import WholeInventory
from secretwatch.domain.incident import Incident
from secretwatch.domain.secret import SecretId
from secretwatch.domain.verdict_change import read_news
from secretwatch.ports import Channel, Subscriptions
from secretwatch.records import RecordProcessor
from secretwatch.settings import SendAlertsSettings

processor = RecordProcessor(EventType.SQS)

Look: TypeAlias = Callable[[SecretId], list[Incident]]


@cache
def alerting() -> Alerting:
    settings, dynamodb = SendAlertsSettings.from_environ(os.environ), client("dynamodb")
    table, rules = settings.registry_table, settings.rules
    incidents, digests = DynamoDbIncidents(dynamodb, table), DynamoDbDigests(dynamodb, table)
    delivering = Delivering(
        incidents,
        digests,
        DynamoDbConsumers(dynamodb, table),
        channels(settings),
        rules=rules,
        report=telemetry.told,
        alias=settings.account_alias,
        prospect=partial(prospect, DynamoDbRepairs(dynamodb, table), settings.repair_mode),
    )
    sweeps, everything = DynamoDbSweeps(dynamodb, table), WholeInventory(settings.account, settings.region)
    return Alerting(
        DynamoDbReferences(dynamodb, table),
        incidents,
        digests,
        delivering,
        rules=rules,
        swept_at=partial(swept_at, sweeps, everything),
    )


def channels(settings: SendAlertsSettings) -> list[Channel]:
    found: list[Channel] = [
        BusChannel(EventBridgeBus(client("events"), settings.bus_name)),
        SnsChannel(client("sns"), settings.alerts_topic_arn, as_json=settings.as_json),
    ]
    if settings.slack_secret_arn:
        # Loading it takes a tenth of a second: for those who have Slack.
        from secretwatch.adapters.slack import SlackAccess, SlackChannel  # noqa: PLC0415

        access = SlackAccess(client("secretsmanager"), settings.slack_secret_arn)
        found.append(SlackChannel(access, api_url=settings.slack_api_url))
    return found


@cache
def subscriptions() -> Subscriptions:
    settings = SendAlertsSettings.from_environ(os.environ)
    return SnsSubscriptions(client("sns"), settings.alerts_topic_arn, wanted=settings.alert_email)


def looks_once() -> Look:
    """Looks at a secret once in a batch: what all its news are about is stored when the first of them is read."""
    done: dict[SecretId, list[Incident]] = {}

    def look(secret: SecretId) -> list[Incident]:
        if secret not in done:
            done[secret] = alerting().look(secret)
        return done[secret]

    return look


def handle_record(look: Look, record: SQSRecord) -> None:
    telemetry.logger.set_correlation_id(record.message_id)
    if is_round(record.body):
        telemetry.round_gone(alerting().go_round())
        telemetry.subscriptions_read(or_unknown(subscriptions().unconfirmed))
        return
    news = read_news(record.body)
    telemetry.logger.set_correlation_id(news.correlation_id or news.id)
    telemetry.news_read(news, look(news.secret))


def is_round(body: str) -> bool:
    try:
        event = json.loads(body)
    except ValueError:
        return False
    return isinstance(event, dict) and event.get("detail-type") == "Scheduled Event"


@telemetry.instrumented
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return process_partial_response(event, partial(handle_record, looks_once()), processor, context)
