"""From the Registry's stream: publishes what a check stored, if people would read it differently than before; and that
a sweep is completed.
"""

import os
from collections.abc import Mapping
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


def changed(before: ReferenceState | None, after: ReferenceState | None) -> VerdictChange | None:
    match before, after:
        case ReferenceState(), ReferenceState():
            return VerdictChange.between(before, after)
        case None, ReferenceState():
            return VerdictChange.from_nothing(after)
        case ReferenceState(), None:
            return VerdictChange.to_nothing(before)
    raise ValueError("a stream record without an image")


def handle_record(record: DynamoDBRecord) -> None:
    images = record.raw_event["dynamodb"]
    before, after = image(images.get("OldImage")), image(images.get("NewImage"))
    if before and after and after["pk"].startswith(SWEEP_PREFIX):
        publish_completion(sweep_of(before), sweep_of(after))
    else:
        publish_verdict(state_of(before) if before else None, state_of(after) if after else None)


def image(attributes: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    return plain(attributes) if attributes else None


def publish_verdict(before: ReferenceState | None, after: ReferenceState | None) -> None:
    if change := changed(before, after):
        telemetry.logger.set_correlation_id(change.after.cause or change.id)
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
