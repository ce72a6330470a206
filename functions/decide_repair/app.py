"""Behind a Function URL with AWS_IAM: takes what people decide about repairs. Who they are, AWS says, nobody else."""

import base64
import json
import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from secretwatch import telemetry
from secretwatch.adapters.aws import client
from secretwatch.adapters.dynamodb import DynamoDbRepairs
from secretwatch.adapters.sqs import SqsRepairRequests
from secretwatch.repairing import Answer, Deciding, Wish
from secretwatch.settings import DecideRepairSettings

LONGEST_REASON = 500  # characters


@cache
def deciding() -> Deciding:
    settings = DecideRepairSettings.from_environ(os.environ)
    repairs = DynamoDbRepairs(client("dynamodb"), settings.registry_table)
    return Deciding(repairs, SqsRepairRequests(client("sqs"), settings.repair_queue_url), mode=settings.mode)


def answer(event: dict[str, Any]) -> Answer:
    caller = caller_of(event)
    if caller is None:
        return Answer(403, "AWS does not say who asks: the URL takes requests that are signed for IAM only.")
    try:
        asked = json.loads(body_of(event))
        wish = Wish(asked["wish"])
    except (KeyError, TypeError, ValueError):
        return Answer(400, f"Say what you wish for, as JSON: {', '.join(Wish)}.")
    found = decide(wish, asked, caller)
    telemetry.repair_decided(wish, asked.get("id") or asked.get("resource"), caller, found.status)
    return found


def decide(wish: Wish, asked: dict[str, Any], by: str) -> Answer:
    match wish, asked:
        case Wish.APPROVE, {"id": str(repair_id)}:
            return deciding().approve(repair_id, by)
        case Wish.REJECT, {"id": str(repair_id), "reason": str(reason)} if 0 < len(reason.strip()) <= LONGEST_REASON:
            return deciding().reject(repair_id, by, reason.strip())
        case Wish.UNDO, {"id": str(repair_id)}:
            return deciding().undo(repair_id, by)
        case Wish.PAUSE, {"resource": None | str() as resource}:
            return deciding().pause(resource, by)
        case Wish.RESUME, {"resource": None | str() as resource}:
            return deciding().resume(resource, by)
    return Answer(
        400, "A repair is named by its id, and rejected with a reason; a policy by its secret's or key's ARN."
    )


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
