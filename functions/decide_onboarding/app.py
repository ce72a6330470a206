"""Behind a Function URL with AWS_IAM: takes what people decide about onboardings."""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from secretwatch import telemetry
from secretwatch.adapters.aws import client
from secretwatch.adapters.cloudtrail import CloudTrailStarters
from secretwatch.adapters.dynamodb import DynamoDbOnboardings
from secretwatch.adapters.stepfunctions import StepFunctionsDecisions
from secretwatch.decisions import MISUSED, answered, is_reason
from secretwatch.onboarding import Deciding, Wish
from secretwatch.repairing import Answer
from secretwatch.settings import DecideOnboardingSettings


@cache
def deciding() -> Deciding:
    settings = DecideOnboardingSettings.from_environ(os.environ)
    return Deciding(
        DynamoDbOnboardings(client("dynamodb"), settings.registry_table),
        CloudTrailStarters(client("cloudtrail")),
        StepFunctionsDecisions(client("stepfunctions")),
    )


def decide(asked: Mapping[str, Any], by: str) -> Answer:
    match asked:
        case {"wish": Wish.APPROVE, "id": str(onboarding_id)}:
            return deciding().approve(onboarding_id, by)
        case {"wish": Wish.REJECT, "id": str(onboarding_id), "reason": str(reason)} if is_reason(reason):
            return deciding().reject(onboarding_id, by, reason.strip())
    return Answer(
        MISUSED,
        f"Say as JSON what you wish for: {' or '.join(Wish)}, an onboarding by its id, and a reason to reject it.",
    )


def told(asked: Mapping[str, Any], by: str) -> Answer:
    answer = decide(asked, by)
    if answer.status != MISUSED:  # of that, nothing is known to be fit for a log
        telemetry.onboarding_decided(asked["wish"], asked["id"], by, answer.status)
    return answer


@telemetry.instrumented
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    return answered(event, told)
