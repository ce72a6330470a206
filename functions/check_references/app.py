"""From ChangeQueue and SweepQueue: checks every reference to the secret, or to those under the key, of a record."""

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any, TypeAlias

from aws_lambda_powertools.utilities.batch import EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from secretwatch import telemetry
from secretwatch.adapters.aws import client
from secretwatch.adapters.dynamodb import DynamoDbProtectedSecrets, DynamoDbReferences
from secretwatch.adapters.secretsmanager import SecretsManagerSecrets
from secretwatch.adapters.sqs import SqsRequests
from secretwatch.checking import Checked, Checking
from secretwatch.domain.change import Change, UnknownChange, read_change
from secretwatch.domain.key import KeyId
from secretwatch.domain.secret import SecretId
from secretwatch.errors import Transient
from secretwatch.records import RecordProcessor
from secretwatch.settings import CheckReferencesSettings
from secretwatch.spreading import Spreading

processor = RecordProcessor(EventType.SQS)

Check: TypeAlias = Callable[[SecretId, datetime | None], list[Checked]]

A_SECOND = timedelta(seconds=1)  # CloudTrail tells no finer time


@cache
def settings() -> CheckReferencesSettings:
    return CheckReferencesSettings.from_environ(os.environ)


@cache
def checking() -> Checking:
    references = DynamoDbReferences(client("dynamodb"), settings().registry_table)
    return Checking(references, SecretsManagerSecrets(client("secretsmanager")))


@cache
def spreading() -> Spreading:
    protected = DynamoDbProtectedSecrets(client("dynamodb"), settings().registry_table)
    return Spreading(protected, checks=SqsRequests(client("sqs"), settings().sweep_queue_url))


def check(secret: SecretId, seen_since: datetime | None) -> list[Checked]:
    checked = checking().check(secret, seen_since=seen_since)
    for one in checked:
        telemetry.reference_checked(one)
    return checked


def spread(key: KeyId) -> list[SecretId]:
    secrets = spreading().spread(key)
    if secrets:
        telemetry.key_changed(key, secrets)
    return secrets


def handle_record(check: Check, record: SQSRecord) -> None:
    telemetry.logger.set_correlation_id(record.message_id)
    telemetry.count("ChangesReceived")
    change = read_change(record.body, own_roles=settings().own_roles)
    telemetry.logger.set_correlation_id(change.event_id)
    checked, spread_to = look(check, change)
    telemetry.change_received(change, relevant=bool(checked or spread_to))
    if again := [one.unknown.reason for one in checked if one.unknown and one.unknown.transient]:
        raise Transient(again[0])


def look(check: Check, change: Change) -> tuple[list[Checked], list[SecretId]]:
    # Whoever writes for Secretwatch checks what it wrote: the event of it asks only for what was not checked since.
    seen_since = change.at + A_SECOND if change.own_write else None
    checked: list[Checked] = []
    spread_to: list[SecretId] = []
    for subject in change.to_look_up:
        match subject:
            case SecretId():
                checked += check(subject, seen_since)
            case KeyId():
                spread_to += spread(subject)
            case _:
                raise UnknownChange(f"{change.what!r} is about neither a secret nor a key")
    return checked, spread_to


@telemetry.instrumented
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    once_a_batch = partial(handle_record, cache(check))
    return process_partial_response(event, once_a_batch, processor, context)
