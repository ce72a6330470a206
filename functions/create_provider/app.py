"""Steps of the state machines that create and delete providers. No other function may."""

import os
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from secretwatch import telemetry
from secretwatch.adapters.aws import client
from secretwatch.adapters.dynamodb import DynamoDbOnboardings
from secretwatch.adapters.token_vault import AgentCoreTokenVault
from secretwatch.domain.onboarding.onboarding import Execution
from secretwatch.onboarding import Creating
from secretwatch.settings import CreateProviderSettings
from secretwatch.steps import Event, Step, taken


@cache
def creating() -> Creating:
    settings = CreateProviderSettings.from_environ(os.environ)
    onboardings = DynamoDbOnboardings(client("dynamodb"), settings.registry_table)
    return Creating(onboardings, AgentCoreTokenVault(client("bedrock-agentcore-control")))


def create(execution: Execution, _event: Event) -> dict[str, Any]:
    onboarding = creating().create(execution.name)
    return {"providerArn": onboarding.provider_arn, "created": bool(onboarding.created)}


def delete(execution: Execution, _event: Event) -> dict[str, Any]:
    return asdict(creating().delete(execution.name))


def remove(execution: Execution, _event: Event) -> dict[str, Any]:
    return asdict(creating().remove(execution.name))


STEPS: Mapping[str, Step] = {"create": create, "delete": delete, "remove": remove}


@telemetry.instrumented
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    return taken(event, STEPS)
