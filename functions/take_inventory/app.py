"""From InventoryQueue: takes the inventory when it is time, or reads the provider that a record names."""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.batch import EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from secretwatch import telemetry
from secretwatch.adapters.agentcore import AgentCoreProviders
from secretwatch.adapters.aws import client
from secretwatch.adapters.dynamodb import DynamoDbProviderRecords, DynamoDbReferences
from secretwatch.adapters.sqs import SqsRequests
from secretwatch.domain.change import UnknownChange, WholeInventory, read_change
from secretwatch.domain.reference import ProviderName
from secretwatch.inventory import Inventory
from secretwatch.records import RecordProcessor
from secretwatch.settings import TakeInventorySettings

processor = RecordProcessor(EventType.SQS)


@cache
def inventory() -> Inventory:
    settings = TakeInventorySettings.from_environ(os.environ)
    dynamodb, sqs = client("dynamodb"), client("sqs")
    return Inventory(
        AgentCoreProviders(client("bedrock-agentcore-control")),
        DynamoDbProviderRecords(dynamodb, settings.registry_table),
        DynamoDbReferences(dynamodb, settings.registry_table),
        reads=SqsRequests(sqs, settings.inventory_queue_url),
        checks=SqsRequests(sqs, settings.sweep_queue_url),
    )


def handle_record(record: SQSRecord) -> None:
    change = read_change(record.body)
    telemetry.logger.set_correlation_id(change.event_id)
    match change.subject:
        case WholeInventory() as everything:
            telemetry.inventory_taken(inventory().take(everything))
        case ProviderName() as name:
            telemetry.provider_read(change, inventory().read(name, check_all=not change.is_request))
        case _:
            raise UnknownChange(f"{change.what!r} is about neither a provider nor an inventory")


@telemetry.logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return process_partial_response(event, handle_record, processor, context)
