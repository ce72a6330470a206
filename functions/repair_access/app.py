"""From RepairQueue: plans what lets a reference's readers in again, and writes what was approved. It reads no value."""

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from secretwatch import telemetry
from secretwatch.adapters.aws import client
from secretwatch.adapters.dynamodb import (
    DynamoDbConsumers,
    DynamoDbProviderRecords,
    DynamoDbReferences,
    DynamoDbRepairs,
)
from secretwatch.adapters.iam import IamIdentities
from secretwatch.adapters.kms import KmsKeys
from secretwatch.adapters.policies import KmsDocuments, SecretsManagerDocuments
from secretwatch.adapters.repair_news import CloudTrailWriters, EventBridgeRepairBus
from secretwatch.adapters.secretsmanager import SecretsManagerSecrets
from secretwatch.adapters.sqs import SqsRequests
from secretwatch.domain.repair.plan import Kind
from secretwatch.domain.repair.request import CarryOut, read_repair_request
from secretwatch.gathering import POOL, Gathering
from secretwatch.records import RecordProcessor
from secretwatch.repairing import Applying, Looking, Repairing
from secretwatch.settings import RepairAccessSettings

if TYPE_CHECKING:
    from secretwatch.ports import Documents

processor = RecordProcessor(EventType.SQS)


@cache
def repairing() -> Repairing:
    settings = RepairAccessSettings.from_environ(os.environ)
    dynamodb, table, rules = client("dynamodb"), settings.registry_table, settings.repair_rules
    secrets, keys, identities = client("secretsmanager"), client("kms"), IamIdentities(client("iam"))
    repairs, providers = DynamoDbRepairs(dynamodb, table), DynamoDbProviderRecords(dynamodb, table)

    def new_gathering() -> Gathering:
        return Gathering(
            SecretsManagerSecrets(secrets),
            KmsKeys(keys),
            providers,
            DynamoDbConsumers(dynamodb, table),
            identities,
            rules=settings.rules,
            pool=telemetry.pool(POOL),
        )

    looking = Looking(
        DynamoDbReferences(dynamodb, table), new_gathering, rules=settings.rules, repair_rules=settings.repair_rules
    )
    bus = EventBridgeRepairBus(
        client("events"),
        settings.bus_name,
        account=settings.account,
        region=settings.region,
        heard=telemetry.repair_told,
    )
    documents: dict[Kind, Documents] = {Kind.SECRET: SecretsManagerDocuments(secrets), Kind.KEY: KmsDocuments(keys)}
    checks = SqsRequests(client("sqs"), settings.sweep_queue_url)
    applying = Applying(looking, documents, repairs, checks, bus, rules=rules)
    writers = CloudTrailWriters(client("cloudtrail"), own_roles=settings.own_roles)
    return Repairing(looking, applying, repairs, providers, bus, writers, rules=rules)


def handle_record(record: SQSRecord) -> None:
    telemetry.logger.set_correlation_id(record.message_id)
    match read_repair_request(record.body):
        case CarryOut(repair_id):
            done = repairing().carry_out(repair_id)
            telemetry.repairs_considered(repair_id, [done] if done else [])
        case secret:
            telemetry.repairs_considered(str(secret.arn), repairing().consider(secret))


@telemetry.instrumented
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return process_partial_response(event, handle_record, processor, context)
