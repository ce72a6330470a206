"""From InventoryQueue: begins a sweep and carries it on, or reads the provider or gateway that a record names."""

import os
from dataclasses import dataclass
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.batch import EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from secretwatch import telemetry
from secretwatch.adapters.agentcore import AgentCore, AgentCoreGateways, AgentCoreProviders
from secretwatch.adapters.aws import client
from secretwatch.adapters.cloudtrail import CloudTrailTrails
from secretwatch.adapters.dynamodb import (
    DynamoDbGatewayRecords,
    DynamoDbProviderRecords,
    DynamoDbReferences,
    DynamoDbSweeps,
)
from secretwatch.adapters.pace import Paces
from secretwatch.adapters.sqs import SqsRequests
from secretwatch.domain.change import RunningSweep, UnknownChange, WholeInventory, read_change
from secretwatch.domain.consumer import GatewayName
from secretwatch.domain.reference import ProviderName
from secretwatch.inventory import GatewayInventory, ProviderInventory
from secretwatch.records import RecordProcessor
from secretwatch.settings import TakeInventorySettings
from secretwatch.sweeping import POOL, Sweeping

processor = RecordProcessor(EventType.SQS)

# Two of this function at a time stay under half of the 20 calls a second that AgentCore allows of each operation in an
# account, the customer's own deployments included.
CALLS_A_SECOND = 4.75
PACES = Paces({"bedrock-agentcore-control": {"*": CALLS_A_SECOND}})


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a record may ask for."""

    providers: ProviderInventory
    gateways: GatewayInventory
    sweeping: Sweeping


@cache
def inventory() -> Inventory:
    settings, dynamodb, sqs = TakeInventorySettings.from_environ(os.environ), client("dynamodb"), client("sqs")
    agentcore, table = AgentCore(PACES.apply(client("bedrock-agentcore-control"))), settings.registry_table
    reads, checks = SqsRequests(sqs, settings.inventory_queue_url), SqsRequests(sqs, settings.sweep_queue_url)
    records, references = DynamoDbProviderRecords(dynamodb, table), DynamoDbReferences(dynamodb, table)
    providers = ProviderInventory(AgentCoreProviders(agentcore), records, references, reads=reads, checks=checks)
    gateways = GatewayInventory(
        AgentCoreGateways(agentcore),
        DynamoDbGatewayRecords(dynamodb, table),
        records,
        reads=reads,
        checks=checks,
        consumers_have_to_read=settings.consumers_have_to_read,
    )
    trails, sweeps = CloudTrailTrails(client("cloudtrail")), DynamoDbSweeps(dynamodb, table)
    sweeping = Sweeping(
        providers, gateways, trails, sweeps, references, steps=reads, checks=checks, pool=telemetry.pool(POOL)
    )
    return Inventory(providers, gateways, sweeping)


def handle_record(record: SQSRecord) -> None:
    telemetry.logger.set_correlation_id(record.message_id)
    change = read_change(record.body)
    telemetry.logger.set_correlation_id(change.event_id)
    match change.subject:  # no event of these names several
        case WholeInventory() as everything:
            telemetry.sweep_asked_for(inventory().sweeping.begin(everything))
        case RunningSweep() as running:
            telemetry.sweep_carried_on(inventory().sweeping.carry_on(running))
        case ProviderName() as name:
            check_all, cause = not change.is_request, change.event_id
            read = inventory().providers.read(name, since=change.at, check_all=check_all, cause=cause)
            telemetry.provider_read(change.what, read)
        case GatewayName() as name:
            telemetry.gateway_read(change, inventory().gateways.read(name, since=change.at, cause=change.event_id))
        case _:
            raise UnknownChange(f"{change.what!r} is about neither a provider, a gateway nor an inventory")


@telemetry.instrumented
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return process_partial_response(event, handle_record, processor, context)
