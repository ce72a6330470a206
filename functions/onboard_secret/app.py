"""Steps of the state machine OnboardSecret that change nothing but the Registry."""

import os
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from typing import Any, TypeAlias

from aws_lambda_powertools.utilities.typing import LambdaContext

from secretwatch import telemetry
from secretwatch.adapters.agentcore import AgentCore, AgentCoreProviders
from secretwatch.adapters.aws import client
from secretwatch.adapters.dynamodb import (
    DynamoDbConsumers,
    DynamoDbOnboardings,
    DynamoDbProtectedSecrets,
    DynamoDbProviderRecords,
    DynamoDbReferences,
    DynamoDbRepairs,
    DynamoDbWaivers,
)
from secretwatch.adapters.eventbridge import EventBridgeBus
from secretwatch.adapters.iam import IamIdentities
from secretwatch.adapters.kms import KmsKeys
from secretwatch.adapters.provider_requests import ProviderRequests
from secretwatch.adapters.secretsmanager import SecretsManagerSecrets
from secretwatch.adapters.stepfunctions import StepFunctionsExecutions
from secretwatch.adapters.token_vault import AgentCoreTokenVault, AgentCoreVending
from secretwatch.checking import Checking
from secretwatch.domain.onboarding.onboarding import Execution
from secretwatch.gathering import POOL, Gathering
from secretwatch.onboarding import Announcing, Asking, Beginning, Inspecting, Registering, Seeing, Verifying
from secretwatch.ports import ProviderStatuses
from secretwatch.settings import OnboardSecretSettings
from secretwatch.steps import Event, Step, taken

Answer: TypeAlias = dict[str, Any]


@cache
def settings() -> OnboardSecretSettings:
    return OnboardSecretSettings.from_environ(os.environ)


@cache
def aws(service: str) -> Any:
    """One client of each service, for as long as the function lives."""
    return client(service)


@cache
def onboardings() -> DynamoDbOnboardings:
    return DynamoDbOnboardings(aws("dynamodb"), settings().registry_table)


@cache
def references() -> DynamoDbReferences:
    return DynamoDbReferences(aws("dynamodb"), settings().registry_table)


@cache
def records() -> DynamoDbProviderRecords:
    return DynamoDbProviderRecords(aws("dynamodb"), settings().registry_table)


@cache
def bus() -> EventBridgeBus:
    return EventBridgeBus(aws("events"), settings().bus_name)


@cache
def secrets() -> SecretsManagerSecrets:
    return SecretsManagerSecrets(aws("secretsmanager"))


@cache
def vault() -> AgentCoreTokenVault:
    return AgentCoreTokenVault(aws("bedrock-agentcore-control"))


def new_gathering(statuses: ProviderStatuses) -> Gathering:
    return Gathering(
        secrets(),
        KmsKeys(aws("kms")),
        statuses,
        DynamoDbConsumers(aws("dynamodb"), settings().registry_table),
        IamIdentities(aws("iam")),
        rules=settings().rules,
        pool=telemetry.pool(POOL),
    )


@cache
def seeing() -> Seeing:
    return Seeing(references(), records(), new_gathering, rules=settings().rules, repair_rules=settings().repair_rules)


def beginning() -> Beginning:
    return Beginning(
        onboardings(),
        ProviderRequests(),
        StepFunctionsExecutions(aws("stepfunctions")),
        bus(),
        account=settings().account,
        region=settings().region,
        vend=settings().vend,
    )


def inspecting() -> Inspecting:
    repairs = DynamoDbRepairs(aws("dynamodb"), settings().registry_table)
    return Inspecting(onboardings(), seeing(), secrets(), vault(), repairs)


def verifying() -> Verifying:
    vending = AgentCoreVending(aws("bedrock-agentcore-control"), aws("bedrock-agentcore")) if settings().vend else None
    return Verifying(onboardings(), seeing(), vault(), vending)


def registering() -> Registering:
    dynamodb, table = aws("dynamodb"), settings().registry_table
    checking = Checking(
        references(),
        new_gathering(records()),
        DynamoDbWaivers(dynamodb, table),
        DynamoDbProtectedSecrets(dynamodb, table),
        rules=settings().rules,
        owner_tag=settings().owner_tag,
    )
    return Registering(
        onboardings(),
        AgentCoreProviders(AgentCore(aws("bedrock-agentcore-control"))),
        records(),
        references(),
        checking,
    )


def announcing() -> Announcing:
    return Announcing(onboardings(), records(), bus(), account=settings().account, region=settings().region)


def validate(execution: Execution, event: Event) -> Answer:
    provider = beginning().begin(execution, event["input"])
    return {"provider": {"kind": provider.kind, "name": provider.name}}


def inspect(execution: Execution, _event: Event) -> Answer:
    inspected = inspecting().inspect(execution.name)
    approval, within = inspected.approval, inspected.options.approve_within
    return {
        "approval": {
            "needed": approval is None or approval.needed,
            "withinSeconds": int(within.total_seconds()),
        }
    }


def ask(execution: Execution, event: Event) -> Answer:
    Asking(onboardings(), bus()).ask(execution.name, event["token"])
    return {}


def verify(execution: Execution, _event: Event) -> Answer:
    return {"verdict": verifying().verify(execution.name)}


def register(execution: Execution, _event: Event) -> Answer:
    registering().register(execution.name)
    return {}


def announce(execution: Execution, _event: Event) -> Answer:
    told = announcing().succeed(execution.name)
    telemetry.onboarding_succeeded(told.onboarding)
    url = told.onboarding.callback_url
    return {
        "providerArn": told.onboarding.provider_arn,
        "created": bool(told.onboarding.created),
        **({"callbackUrl": url} if url else {}),
        "message": told.message,
    }


def forget(execution: Execution, _event: Event) -> Answer:
    return asdict(registering().forget(execution.name))


def caught(failure: Mapping[str, str]) -> tuple[str, str, str]:
    return failure["step"], failure["error"], failure.get("cause") or ""


def announce_failure(execution: Execution, event: Event) -> Answer:
    roll_back = [caught(one) for one in event["rollBack"]]
    failure, ended = announcing().fail(execution, caught(event["failure"]), roll_back)
    telemetry.onboarding_rolled_back(ended)
    return {"error": failure.error, "message": failure.message}


STEPS: Mapping[str, Step] = {
    "validate": validate,
    "inspect": inspect,
    "ask": ask,
    "verify": verify,
    "register": register,
    "announce": announce,
    "forget": forget,
    "announce_failure": announce_failure,
}


@telemetry.instrumented
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    return taken(event, STEPS)
