"""From ChangeQueue and SweepQueue: checks every reference to the secret, or to those under the key, of a record."""

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
from secretwatch.adapters.pace import Paces
from secretwatch.adapters.secretsmanager import SecretsManagerSecrets
from secretwatch.adapters.sqs import SqsRequests
from secretwatch.checking import Checking
from secretwatch.domain.change import read_change
from secretwatch.errors import Transient
from secretwatch.following import Following
from secretwatch.gathering import POOL, Gathering
from secretwatch.records import RecordProcessor
from secretwatch.settings import CheckReferencesSettings
from secretwatch.spreading import Spreading

processor = RecordProcessor(EventType.SQS)


@cache
def settings() -> CheckReferencesSettings:
    return CheckReferencesSettings.from_environ(os.environ)


# SweepQueue hands out two batches at a time: together they read fewer than 30 policies a second, of the 50 that Secrets
# Manager allows in an account and never raises. Changes do not wait.
POLICIES_A_SECOND = 14.0
SWEEP_PACES = Paces({"secretsmanager": {"GetResourcePolicy": POLICIES_A_SECOND}})
NO_PACES = Paces({})


@cache
def new_checking(paces: Paces = NO_PACES) -> Callable[[], Checking]:
    """Makes what checks one batch: keys and providers are read once in it, while clients last."""
    dynamodb, table, rules = client("dynamodb"), settings().registry_table, settings().rules
    references, waivers = DynamoDbReferences(dynamodb, table), DynamoDbWaivers(dynamodb, table)
    protected = DynamoDbProtectedSecrets(dynamodb, table)
    gathering = partial(
        Gathering,
        SecretsManagerSecrets(paces.apply(client("secretsmanager"))),
        KmsKeys(client("kms")),
        DynamoDbProviderRecords(dynamodb, table),
        DynamoDbConsumers(dynamodb, table),
        IamIdentities(client("iam")),
        rules=rules,
        pool=telemetry.pool(POOL),
    )
    owner_tag = settings().owner_tag
    return lambda: Checking(references, gathering(), waivers, protected, rules=rules, owner_tag=owner_tag)


@cache
def spreading() -> Spreading:
    protected = DynamoDbProtectedSecrets(client("dynamodb"), settings().registry_table)
    return Spreading(protected, checks=SqsRequests(client("sqs"), settings().sweep_queue_url))


def handle_record(following: Following, record: SQSRecord) -> None:
    telemetry.logger.set_correlation_id(record.message_id)
    telemetry.count("ChangesReceived")
    change = read_change(record.body, own_roles=settings().own_roles)
    telemetry.logger.set_correlation_id(change.event_id)
    followed = following.follow(change)
    for checked in followed.anew:
        telemetry.reference_checked(checked)
    for key, secrets in followed.spread.items():
        telemetry.key_changed(key, secrets)
    telemetry.change_received(change, relevant=followed.is_relevant)
    if again := [one.unknown.reason for one in followed.checked if one.unknown and one.unknown.transient]:
        raise Transient(again[0])


def new_checking_for(event: dict[str, Any]) -> Callable[[], Checking]:
    queue = event["Records"][0]["eventSourceARN"].rsplit(":", 1)[1]
    is_sweep = queue == settings().sweep_queue_url.rsplit("/", 1)[-1]
    return new_checking(SWEEP_PACES) if is_sweep else new_checking()


@telemetry.instrumented
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    following = Following(new_checking_for(event)(), spreading)
    return process_partial_response(event, partial(handle_record, following), processor, context)
