"""Steps of the state machines that change policies of secrets and keys: the grant that was shown, and its way back."""

import os
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from secretwatch import telemetry
from secretwatch.adapters.aws import client
from secretwatch.adapters.dynamodb import (
    DynamoDbConsumers,
    DynamoDbOnboardings,
    DynamoDbProviderRecords,
    DynamoDbReferences,
    DynamoDbRepairs,
)
from secretwatch.adapters.iam import IamIdentities
from secretwatch.adapters.kms import KmsKeys
from secretwatch.adapters.policies import KmsDocuments, SecretsManagerDocuments
from secretwatch.adapters.repair_news import EventBridgeRepairBus
from secretwatch.adapters.secretsmanager import SecretsManagerSecrets
from secretwatch.adapters.sqs import SqsRequests
from secretwatch.domain.onboarding.onboarding import Execution
from secretwatch.domain.repair.plan import Kind
from secretwatch.gathering import POOL, Gathering
from secretwatch.onboarding import Granting, Seeing
from secretwatch.ports import ProviderStatuses
from secretwatch.repairing import Applying, Looking
from secretwatch.settings import GrantAccessSettings
from secretwatch.steps import Event, Step, taken

if TYPE_CHECKING:
    from secretwatch.ports import Documents


@cache
def granting() -> Granting:
    settings = GrantAccessSettings.from_environ(os.environ)
    dynamodb, table = client("dynamodb"), settings.registry_table
    secrets, keys, identities = client("secretsmanager"), client("kms"), IamIdentities(client("iam"))
    repairs = DynamoDbRepairs(dynamodb, table)
    documents: dict[Kind, Documents] = {Kind.SECRET: SecretsManagerDocuments(secrets), Kind.KEY: KmsDocuments(keys)}
    checks = SqsRequests(client("sqs"), settings.sweep_queue_url)
    bus = EventBridgeRepairBus(
        client("events"),
        settings.bus_name,
        account=settings.account,
        region=settings.region,
        heard=telemetry.repair_told,
    )

    def new_gathering(statuses: ProviderStatuses) -> Gathering:
        return Gathering(
            SecretsManagerSecrets(secrets),
            KmsKeys(keys),
            statuses,
            DynamoDbConsumers(dynamodb, table),
            identities,
            rules=settings.rules,
            pool=telemetry.pool(POOL),
        )

    def new_applying(looking: Looking) -> Applying:
        return Applying(looking, documents, repairs, checks, bus, rules=settings.repair_rules)

    seeing = Seeing(
        DynamoDbReferences(dynamodb, table),
        DynamoDbProviderRecords(dynamodb, table),
        new_gathering,
        rules=settings.rules,
        repair_rules=settings.repair_rules,
    )
    return Granting(DynamoDbOnboardings(dynamodb, table), repairs, seeing, new_applying)


def grant(execution: Execution, _event: Event) -> dict[str, Any]:
    return {"repairs": granting().grant(execution.name)}


def withdraw(execution: Execution, _event: Event) -> dict[str, Any]:
    return asdict(granting().withdraw(execution.name))


def withdraw_unneeded(execution: Execution, _event: Event) -> dict[str, Any]:
    return asdict(granting().withdraw_unneeded(execution.name))


STEPS: Mapping[str, Step] = {"grant": grant, "withdraw": withdraw, "withdraw_unneeded": withdraw_unneeded}


@telemetry.instrumented
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    return taken(event, STEPS)
