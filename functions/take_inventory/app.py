"""From InventoryQueue: takes the inventory when it is time, or reads the provider or gateway that a record names."""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.batch import EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from secretwatch import telemetry
from secretwatch.adapters.agentcore import AgentCore, AgentCoreGateways, AgentCoreProviders
from secretwatch.adapters.aws import client
from secretwatch.adapters.cloudtrail import CloudTrailTrails
from secretwatch.adapters.dynamodb import DynamoDbGatewayRecords, DynamoDbProviderRecords, DynamoDbReferences
from secretwatch.adapters.sqs import SqsRequests
from secretwatch.domain.change import UnknownChange, WholeInventory, read_change
from secretwatch.domain.consumer import GatewayName
from secretwatch.domain.reference import ProviderName
from secretwatch.inventory import GatewayInventory, Inventory, ProviderInventory
from secretwatch.records import RecordProcessor
from secretwatch.settings import TakeInventorySettings

processor = RecordProcessor(EventType.SQS)


@cache
def inventory() -> Inventory:
    settings, dynamodb, sqs = TakeInventorySettings.from_environ(os.environ), client("dynamodb"), client("sqs")
    agentcore, table = AgentCore(client("bedrock-agentcore-control")), settings.registry_table
    reads, checks = SqsRequests(sqs, settings.inventory_queue_url), SqsRequests(sqs, settings.sweep_queue_url)
    records, references = DynamoDbProviderRecords(dynamodb, table), DynamoDbReferences(dynamodb, table)
    return Inventory(
        ProviderInventory(AgentCoreProviders(agentcore), records, references, reads=reads, checks=checks),
        GatewayInventory(AgentCoreGateways(agentcore), DynamoDbGatewayRecords(dynamodb, table), reads=reads),
        CloudTrailTrails(client("cloudtrail")),
    )


def handle_record(record: SQSRecord) -> None:
    telemetry.logger.set_correlation_id(record.message_id)
    change = read_change(record.body)
    telemetry.logger.set_correlation_id(change.event_id)
    match change.subject:  # no event of these names several
        case WholeInventory() as everything:
            telemetry.trails_read(inventory().without_trail(everything.region))
            telemetry.inventory_taken(inventory().take(everything, cause=change.event_id))
        case ProviderName() as name:
            read = inventory().providers.read(name, check_all=not change.is_request, cause=change.event_id)
            telemetry.provider_read(change, read)
        case GatewayName() as name:
            telemetry.gateway_read(change, inventory().gateways.read(name))
        case _:
            raise UnknownChange(f"{change.what!r} is about neither a provider, a gateway nor an inventory")


@telemetry.instrumented
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return process_partial_response(event, handle_record, processor, context)
