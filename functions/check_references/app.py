"""From ChangeQueue and SweepQueue: checks every reference to the secret, or to those under the key, of a record."""

import os
from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any, TypeAlias

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
from secretwatch.adapters.pace import Pace
from secretwatch.adapters.secretsmanager import SecretsManagerSecrets
from secretwatch.adapters.sqs import SqsRequests
from secretwatch.checking import Checked, Checking
from secretwatch.domain.change import Change, UnknownChange, read_change
from secretwatch.domain.key import KeyId
from secretwatch.domain.observed import Observation
from secretwatch.domain.secret import SecretId
from secretwatch.domain.state import Occasion
from secretwatch.errors import Transient
from secretwatch.gathering import POOL, Gathering
from secretwatch.records import RecordProcessor
from secretwatch.settings import CheckReferencesSettings
from secretwatch.spreading import Spreading

processor = RecordProcessor(EventType.SQS)

Check: TypeAlias = Callable[[SecretId, Observation | None, datetime | None, str, Occasion | None], list[Checked]]

A_SECOND = timedelta(seconds=1)  # CloudTrail tells no finer time


@cache
def settings() -> CheckReferencesSettings:
    return CheckReferencesSettings.from_environ(os.environ)


# SweepQueue hands out two batches at a time: together they read fewer than 30 policies a second, of the 50 that Secrets
# Manager allows in an account and never raises. Changes do not wait.
SECONDS_BETWEEN_POLICIES = 1 / 14
SWEEP_PACE = Pace(SECONDS_BETWEEN_POLICIES)


@cache
def new_checking(pace: Pace | None = None) -> Callable[[], Checking]:
    """Makes what checks one batch: keys and providers are read once in it, while clients last."""
    dynamodb, table, rules = client("dynamodb"), settings().registry_table, settings().rules
    references, waivers = DynamoDbReferences(dynamodb, table), DynamoDbWaivers(dynamodb, table)
    protected = DynamoDbProtectedSecrets(dynamodb, table)
    gathering = partial(
        Gathering,
        SecretsManagerSecrets(client("secretsmanager"), pace),
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


def checks_once(new_checking: Callable[[], Checking]) -> Check:
    """Checks a secret once in a batch, however many of its events are in it: on behalf of the first."""
    checking, done = new_checking(), dict[Hashable, list[Checked]]()

    def check(
        secret: SecretId,
        observation: Observation | None,
        seen_since: datetime | None,
        cause: str,
        occasion: Occasion | None,
    ) -> list[Checked]:
        asked = secret, observation, seen_since
        if asked not in done:
            done[asked] = checking.check(secret, observation, seen_since=seen_since, cause=cause, occasion=occasion)
            for one in done[asked]:
                telemetry.reference_checked(one)
        return done[asked]

    return check


def spread(key: KeyId, cause: str) -> list[SecretId]:
    secrets = spreading().spread(key, cause=cause)
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
    occasion = None if change.is_request else Occasion(change.what, change.at, change.actor)
    checked: list[Checked] = []
    spread_to: list[SecretId] = []
    for subject in change.to_look_up:
        match subject:
            case SecretId():
                checked += check(subject, change.observation, seen_since, change.event_id, occasion)
            case KeyId():
                spread_to += spread(subject, change.event_id)
            case _:
                raise UnknownChange(f"{change.what!r} is about neither a secret nor a key")
    return checked, spread_to


def new_checking_for(event: dict[str, Any]) -> Callable[[], Checking]:
    queue = event["Records"][0]["eventSourceARN"].rsplit(":", 1)[1]
    is_sweep = queue == settings().sweep_queue_url.rsplit("/", 1)[-1]
    return new_checking(SWEEP_PACE) if is_sweep else new_checking()


@telemetry.instrumented
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return process_partial_response(
        event, partial(handle_record, checks_once(new_checking_for(event))), processor, context
    )
