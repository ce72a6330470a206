"""Behind a Function URL with AWS_IAM: takes what people decide about onboardings. Who they are, only AWS says."""

import base64
import json
import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from secretwatch import telemetry
from secretwatch.adapters.aws import client
from secretwatch.adapters.cloudtrail import CloudTrailStarters
from secretwatch.adapters.dynamodb import DynamoDbOnboardings
from secretwatch.adapters.stepfunctions import StepFunctionsDecisions
from secretwatch.onboarding import Deciding, Wish
from secretwatch.repairing import Answer
from secretwatch.settings import DecideOnboardingSettings

LONGEST_REASON = 500  # characters


@cache
def deciding() -> Deciding:
    settings = DecideOnboardingSettings.from_environ(os.environ)
    return Deciding(
        DynamoDbOnboardings(client("dynamodb"), settings.registry_table),
        CloudTrailStarters(client("cloudtrail")),
        StepFunctionsDecisions(client("stepfunctions")),
    )


def answer(event: dict[str, Any]) -> Answer:
    caller = caller_of(event)
    if caller is None:
        return Answer(403, "AWS does not say who asks: the URL takes requests that are signed for IAM only.")
    try:
        asked = json.loads(body_of(event))
        wish = Wish(asked["wish"])
    except (KeyError, TypeError, ValueError):
        return Answer(400, f"Say what you wish for, as JSON: {', '.join(Wish)}.")
    match wish, asked:
        case Wish.APPROVE, {"id": str(onboarding_id)}:
            found = deciding().approve(onboarding_id, caller)
        case Wish.REJECT, {"id": str(onboarding_id), "reason": str(reason)} if (
            0 < len(reason.strip()) <= LONGEST_REASON
        ):
            found = deciding().reject(onboarding_id, caller, reason.strip())
        case _:
            return Answer(400, "An onboarding is named by its id, and rejected with a reason.")
    telemetry.onboarding_decided(wish, onboarding_id, caller, found.status)
    return found


def caller_of(event: dict[str, Any]) -> str | None:
    """The ARN that AWS reports; nothing in the request's own words counts."""
    match event:
        case {"requestContext": {"authorizer": {"iam": {"userArn": str(arn)}}}}:
            return arn
    return None


def body_of(event: dict[str, Any]) -> str:
    body = event.get("body") or ""
    return base64.b64decode(body).decode() if event.get("isBase64Encoded") else body


@telemetry.instrumented
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    given = answer(event)
    return {
        "statusCode": given.status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps({"message": given.message}),
    }
