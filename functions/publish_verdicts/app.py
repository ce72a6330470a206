"""From the Registry's stream: publishes what a check stored, if people would read it differently than before; and that
a sweep is completed.
"""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.batch import EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from secretwatch import telemetry
from secretwatch.adapters.aws import client
from secretwatch.adapters.dynamodb import SWEEP_PREFIX, plain, state_of, sweep_of
from secretwatch.adapters.eventbridge import EventBridgeBus
from secretwatch.domain.state import ReferenceState
from secretwatch.domain.sweep import Sweep, SweepCompleted
from secretwatch.domain.verdict_change import VerdictChange
from secretwatch.records import RecordProcessor
from secretwatch.settings import PublishVerdictsSettings

processor = RecordProcessor(EventType.DynamoDBStreams)


@cache
def bus() -> EventBridgeBus:
    settings = PublishVerdictsSettings.from_environ(os.environ)
    return EventBridgeBus(client("events"), settings.bus_name)


def handle_record(record: DynamoDBRecord) -> None:
    images = record.raw_event["dynamodb"]
    before, after = plain(images["OldImage"]), plain(images["NewImage"])
    if after["pk"].startswith(SWEEP_PREFIX):
        publish_completion(sweep_of(before), sweep_of(after))
    else:
        publish_verdict(state_of(before), state_of(after))


def publish_verdict(before: ReferenceState, after: ReferenceState) -> None:
    change = VerdictChange.between(before, after)
    if change:
        telemetry.logger.set_correlation_id(after.cause or change.id)
        bus().publish(change)
        telemetry.verdict_published(change)


def publish_completion(before: Sweep, after: Sweep) -> None:
    completed = SweepCompleted.between(before, after)
    if completed:
        telemetry.logger.set_correlation_id(completed.id)
        bus().publish(completed)
        telemetry.sweep_published(completed)


@telemetry.instrumented
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return process_partial_response(event, handle_record, processor, context)
