"""Steps of the state machines that create and delete providers. No other function may."""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from secretwatch import telemetry
from secretwatch.adapters.aws import client
from secretwatch.adapters.dynamodb import DynamoDbOnboardings
from secretwatch.adapters.token_vault import AgentCoreTokenVault
from secretwatch.onboarding import Creating
from secretwatch.settings import CreateProviderSettings


@cache
def creating() -> Creating:
    settings = CreateProviderSettings.from_environ(os.environ)
    onboardings = DynamoDbOnboardings(client("dynamodb"), settings.registry_table)
    return Creating(onboardings, AgentCoreTokenVault(client("bedrock-agentcore-control")))


def came_to(step: str, onboarding_id: str) -> dict[str, Any]:
    match step:
        case "create":
            onboarding = creating().create(onboarding_id)
            return {"providerArn": onboarding.provider_arn, "created": bool(onboarding.created)}
        case "delete":
            done = creating().delete(onboarding_id)
        case "remove":
            done = creating().remove(onboarding_id)
        case _:
            raise ValueError(f"there is no step {step}")
    return {"done": done.done, "note": done.note}


@telemetry.instrumented
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    onboarding_id = event["execution"]["name"]
    telemetry.logger.set_correlation_id(onboarding_id)
    answer = came_to(event["step"], onboarding_id)
    telemetry.onboarding_step(event["step"], onboarding_id, answer)
    return answer
