"""Steps of the state machines OnboardSecret and OffboardProvider that change neither a policy nor a provider."""

import os
from datetime import datetime
from functools import cache
from typing import Any, TypeAlias

from aws_lambda_powertools.utilities.typing import LambdaContext

from secretwatch import telemetry
from secretwatch.adapters.agentcore import AgentCore, AgentCoreGateways, AgentCoreProviders
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
from secretwatch.adapters.pace import Paces
from secretwatch.adapters.provider_requests import ProviderRequests
from secretwatch.adapters.secretsmanager import SecretsManagerSecrets
from secretwatch.adapters.stepfunctions import StepFunctionsExecutions
from secretwatch.adapters.token_vault import AgentCoreTokenVault, AgentCoreVending
from secretwatch.checking import Checking
from secretwatch.domain.onboarding.onboarding import Execution
from secretwatch.gathering import POOL, Gathering
from secretwatch.onboarding import Announcing, Asking, Beginning, Inspecting, Registering, Removing, Seeing, Verifying
from secretwatch.ports import ProviderStatuses
from secretwatch.settings import OnboardSecretSettings

Event: TypeAlias = dict[str, Any]


@cache
def settings() -> OnboardSecretSettings:
    return OnboardSecretSettings.from_environ(os.environ)


@cache
def onboardings() -> DynamoDbOnboardings:
    return DynamoDbOnboardings(client("dynamodb"), settings().registry_table)


@cache
def references() -> DynamoDbReferences:
    return DynamoDbReferences(client("dynamodb"), settings().registry_table)


@cache
def records() -> DynamoDbProviderRecords:
    return DynamoDbProviderRecords(client("dynamodb"), settings().registry_table)


@cache
def bus() -> EventBridgeBus:
    return EventBridgeBus(client("events"), settings().bus_name)


@cache
def secrets() -> SecretsManagerSecrets:
    return SecretsManagerSecrets(client("secretsmanager"))


# Offboarding asks for every gateway and target: that leaves most of AgentCore's 20 calls a second to others.
CALLS_A_SECOND = 4.75
PACES = Paces({"bedrock-agentcore-control": {"*": CALLS_A_SECOND}})


@cache
def agentcore() -> Any:
    return PACES.apply(client("bedrock-agentcore-control"))


@cache
def vault() -> AgentCoreTokenVault:
    return AgentCoreTokenVault(agentcore())


@cache
def executions() -> StepFunctionsExecutions:
    return StepFunctionsExecutions(client("stepfunctions"))


def new_gathering(statuses: ProviderStatuses) -> Gathering:
    return Gathering(
        secrets(),
        KmsKeys(client("kms")),
        statuses,
        DynamoDbConsumers(client("dynamodb"), settings().registry_table),
        IamIdentities(client("iam")),
        rules=settings().rules,
        pool=telemetry.pool(POOL),
    )


@cache
def seeing() -> Seeing:
    return Seeing(references(), records(), new_gathering, rules=settings().rules, repair_rules=settings().repair_rules)


def beginning() -> Beginning:
    account, region, vend = settings().account, settings().region, settings().vend
    return Beginning(onboardings(), ProviderRequests(), executions(), bus(), account=account, region=region, vend=vend)


def inspecting() -> Inspecting:
    repairs = DynamoDbRepairs(client("dynamodb"), settings().registry_table)
    return Inspecting(onboardings(), seeing(), secrets(), vault(), repairs)


def verifying() -> Verifying:
    vending = AgentCoreVending(agentcore(), client("bedrock-agentcore")) if settings().vend else None
    return Verifying(onboardings(), seeing(), vault(), vending)


def registering() -> Registering:
    dynamodb, table = client("dynamodb"), settings().registry_table
    checking = Checking(
        references(),
        new_gathering(records()),
        DynamoDbWaivers(dynamodb, table),
        DynamoDbProtectedSecrets(dynamodb, table),
        rules=settings().rules,
        owner_tag=settings().owner_tag,
    )
    return Registering(onboardings(), AgentCoreProviders(AgentCore(agentcore())), records(), references(), checking)


def announcing() -> Announcing:
    return Announcing(onboardings(), records(), bus(), account=settings().account, region=settings().region)


def removing() -> Removing:
    gateways = AgentCoreGateways(AgentCore(agentcore()))
    account, region = settings().account, settings().region
    return Removing(onboardings(), executions(), vault(), gateways, records(), bus(), account=account, region=region)


def validate(execution: Execution, event: Event) -> Event:
    provider = beginning().begin(execution, event["input"])
    return {"provider": {"kind": provider.kind, "name": provider.name}}


def inspect(execution: Execution) -> Event:
    inspected = inspecting().inspect(execution.name)
    approval, within = inspected.approval, inspected.options.approve_within
    return {
        "approval": {
            "needed": approval is None or approval.needed,
            "why": approval.why if approval else "",
            "withinSeconds": int(within.total_seconds()),
        },
        "warnings": list(inspected.warnings),
    }


def ask(execution: Execution, event: Event) -> Event:
    Asking(onboardings(), bus()).ask(execution.name, event["token"])
    return {}


def register(execution: Execution) -> Event:
    registering().register(execution.name)
    return {}


def announce(execution: Execution) -> Event:
    told = announcing().succeed(execution.name)
    telemetry.onboarding_succeeded(told.onboarding)
    url = told.onboarding.callback_url
    return {
        "providerArn": told.onboarding.provider_arn,
        "created": bool(told.onboarding.created),
        **({"callbackUrl": url} if url else {}),
        "message": told.message,
    }


def forget(execution: Execution) -> Event:
    done = registering().forget(execution.name)
    return {"done": done.done, "note": done.note}


def announce_failure(execution: Execution, event: Event) -> Event:
    roll_back = [caught(one) for one in event["rollBack"]]
    failure, ended = announcing().fail(execution, caught(event["failure"]), roll_back)
    telemetry.onboarding_rolled_back(ended)
    return {"error": failure.error, "message": failure.message}


def check_use(execution: Execution, event: Event) -> Event:
    begun = removing().check_use(execution, event["input"])
    return {"providerArn": begun.provider_arn, "usedBy": list(begun.used_by)}


def close(execution: Execution) -> Event:
    removing().close(execution.name)
    return {"done": True, "note": None}


def announce_offboarded(execution: Execution) -> Event:
    told = removing().succeed(execution.name)
    return {"providerArn": told.offboarding.provider_arn, "message": told.message}


def announce_offboarding_failed(execution: Execution, event: Event) -> Event:
    failure = removing().fail(execution, event["input"], caught(event["failure"]))
    telemetry.offboarding_failed(execution, failure)
    return {"error": failure.error, "message": failure.message}


def onboard(step: str, execution: Execution, event: Event) -> Event:
    match step:
        case "validate":
            answer = validate(execution, event)
        case "inspect":
            answer = inspect(execution)
        case "ask":
            answer = ask(execution, event)
        case "verify":
            answer = {"verdict": verifying().verify(execution.name)}
        case "register":
            answer = register(execution)
        case "announce":
            answer = announce(execution)
        case "forget":
            answer = forget(execution)
        case "announce_failure":
            answer = announce_failure(execution, event)
        case _:
            answer = offboard(step, execution, event)
    return answer


def offboard(step: str, execution: Execution, event: Event) -> Event:
    match step:
        case "check_use":
            return check_use(execution, event)
        case "close":
            return close(execution)
        case "announce_offboarded":
            return announce_offboarded(execution)
        case "announce_offboarding_failed":
            return announce_offboarding_failed(execution, event)
    raise ValueError(f"there is no step {step}")


def caught(failure: Event) -> tuple[str, str, str]:
    return failure["step"], failure["error"], failure.get("cause") or ""


def execution_of(event: Event) -> Execution:
    named = event["execution"]
    return Execution(named["id"], named["name"], datetime.fromisoformat(named["startTime"]))


@telemetry.instrumented
def handler(event: Event, _context: LambdaContext) -> Event:
    execution = execution_of(event)
    telemetry.logger.set_correlation_id(execution.name)
    came_to = onboard(event["step"], execution, event)
    telemetry.onboarding_step(event["step"], execution.name)
    return came_to
