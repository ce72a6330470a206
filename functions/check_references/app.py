"""From ChangeQueue and SweepQueue: checks every reference to the secret that a record names."""

import os
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from aws_lambda_powertools.utilities.batch import EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from secretwatch import telemetry
from secretwatch.adapters.aws import client
from secretwatch.adapters.dynamodb import (
    DynamoDbConsumers,
    DynamoDbProtectedSecrets,
    DynamoDbProviderRecords,
    DynamoDbReferences,
    DynamoDbWaivers,
)
from secretwatch.adapters.iam import IamIdentities
from secretwatch.adapters.kms import KmsKeys
from secretwatch.adapters.secretsmanager import SecretsManagerSecrets
from secretwatch.checking import Checked, Checking
from secretwatch.domain.change import UnknownChange, read_change
from secretwatch.domain.observed import Observation
from secretwatch.domain.secret import SecretId
from secretwatch.errors import Transient
from secretwatch.gathering import Gathering
from secretwatch.records import RecordProcessor
from secretwatch.settings import CheckReferencesSettings

processor = RecordProcessor(EventType.SQS)


@cache
def settings() -> CheckReferencesSettings:
    return CheckReferencesSettings.from_environ(os.environ)


@cache
def checking_of_a_batch() -> Callable[[], Checking]:
    """Makes what checks one batch of records: keys and providers are read once in it, clients once in a process."""
    dynamodb, table, rules = client("dynamodb"), settings().registry_table, settings().rules
    references, waivers = DynamoDbReferences(dynamodb, table), DynamoDbWaivers(dynamodb, table)
    protected = DynamoDbProtectedSecrets(dynamodb, table)
    gathering = partial(
        Gathering,
        SecretsManagerSecrets(client("secretsmanager")),
        KmsKeys(client("kms")),
        DynamoDbProviderRecords(dynamodb, table),
        DynamoDbConsumers(dynamodb, table),
        IamIdentities(client("iam")),
        rules=rules,
    )
    return lambda: Checking(references, gathering(), waivers, protected, rules=rules)


def handle_record(check: Callable[[SecretId, Observation | None], list[Checked]], record: SQSRecord) -> None:
    telemetry.count("ChangesReceived")
    change = read_change(record.body)
    telemetry.logger.set_correlation_id(change.event_id)
    if not isinstance(change.subject, SecretId):
        raise UnknownChange(f"{change.what!r} is not about a secret")
    checked = check(change.subject, change.observation)
    telemetry.change_received(change, relevant=bool(checked))
    if again := [one.unknown.reason for one in checked if one.unknown and one.unknown.transient]:
        raise Transient(again[0])


@telemetry.instrumented
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    once_a_batch = partial(handle_record, cache(check))
    return process_partial_response(event, once_a_batch, processor, context)
