"""Steps of the state machine OffboardProvider that change nothing but the Registry."""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeAlias

from aws_lambda_powertools.utilities.typing import LambdaContext

from secretwatch import telemetry
from secretwatch.adapters.agentcore import AgentCore, AgentCoreGateways
from secretwatch.adapters.aws import client
from secretwatch.adapters.dynamodb import DynamoDbOnboardings, DynamoDbProviderRecords
from secretwatch.adapters.eventbridge import EventBridgeBus
from secretwatch.adapters.pace import Paces
from secretwatch.adapters.stepfunctions import StepFunctionsExecutions
from secretwatch.adapters.token_vault import AgentCoreTokenVault
from secretwatch.domain.onboarding.onboarding import Execution
from secretwatch.onboarding import Removing
from secretwatch.settings import OffboardProviderSettings
from secretwatch.steps import Event, Step, taken

Answer: TypeAlias = dict[str, Any]

# Every gateway and target is asked for: that leaves most of AgentCore's 20 calls a second to others.
PACES = Paces({"bedrock-agentcore-control": {"*": 4.75}})


@cache
def removing() -> Removing:
    settings, dynamodb = OffboardProviderSettings.from_environ(os.environ), client("dynamodb")
    agentcore = PACES.apply(client("bedrock-agentcore-control"))
    return Removing(
        DynamoDbOnboardings(dynamodb, settings.registry_table),
        StepFunctionsExecutions(client("stepfunctions")),
        AgentCoreTokenVault(agentcore),
        AgentCoreGateways(AgentCore(agentcore)),
        DynamoDbProviderRecords(dynamodb, settings.registry_table),
        EventBridgeBus(client("events"), settings.bus_name),
        account=settings.account,
        region=settings.region,
    )


def check_use(execution: Execution, event: Event) -> Answer:
    begun = removing().check_use(execution, event["input"])
    return {"providerArn": begun.provider_arn, "usedBy": list(begun.used_by)}


def close(execution: Execution, _event: Event) -> Answer:
    removing().close(execution.name)
    return {"done": True, "note": None}


def announce_offboarded(execution: Execution, _event: Event) -> Answer:
    told = removing().succeed(execution.name)
    return {"providerArn": told.offboarding.provider_arn, "message": told.message}


def announce_offboarding_failed(execution: Execution, event: Event) -> Answer:
    caught = event["failure"]["step"], event["failure"]["error"], event["failure"].get("cause") or ""
    failure = removing().fail(execution, event["input"], caught)
    telemetry.offboarding_failed(execution, failure)
    return {"error": failure.error, "message": failure.message}


STEPS: Mapping[str, Step] = {
    "check_use": check_use,
    "close": close,
    "announce_offboarded": announce_offboarded,
    "announce_offboarding_failed": announce_offboarding_failed,
}


@telemetry.instrumented
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    return taken(event, STEPS)
