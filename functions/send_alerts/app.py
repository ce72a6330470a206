"""From AlertQueue: tells people about a changed verdict, once however often the news is delivered."""

import os
from collections.abc import Callable
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.batch import EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent_function
from aws_lambda_powertools.utilities.typing import LambdaContext

from secretwatch import telemetry
from secretwatch.adapters.aws import client
from secretwatch.adapters.dynamodb import TOLD_ALERTS, DynamoDbConsumers, DynamoDbReferences
from secretwatch.adapters.sns import SnsTopic
from secretwatch.alerting import Alerting, Outcome
from secretwatch.domain.verdict_change import read_news
from secretwatch.errors import SecretwatchError
from secretwatch.records import RecordProcessor
from secretwatch.settings import SendAlertsSettings

processor = RecordProcessor(EventType.SQS)
idempotency = IdempotencyConfig(
    event_key_jmespath="id",
    expires_after_seconds=24 * 3600,
    response_hook=lambda _response, _record: Outcome.TOLD_BEFORE,
)


@cache
def tell_once() -> Callable[..., Outcome]:
    settings, dynamodb = SendAlertsSettings.from_environ(os.environ), client("dynamodb")
    table, topic = settings.registry_table, SnsTopic(client("sns"), settings.alerts_topic_arn)
    alerting = Alerting(DynamoDbReferences(dynamodb, table), DynamoDbConsumers(dynamodb, table), topic)
    told = DynamoDBPersistenceLayer(table, boto3_client=dynamodb, **TOLD_ALERTS)
    tell: Callable[..., Outcome] = idempotent_function(
        alerting.tell, data_keyword_argument="news", persistence_store=told, config=idempotency
    )
    return tell


def handle_record(record: SQSRecord) -> None:
    try:
        news = read_news(record.body)
        telemetry.logger.set_correlation_id(news.correlation_id or news.id)
        telemetry.news_told(news, tell_once()(news=news))
    except (SecretwatchError, ValueError):
        telemetry.count("AlertsFailed")
        raise


@telemetry.instrumented
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    idempotency.register_lambda_context(context)
    return process_partial_response(event, handle_record, processor, context)
