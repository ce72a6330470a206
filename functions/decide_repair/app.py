"""Behind a Function URL with AWS_IAM: takes what people decide about repairs."""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from secretwatch import telemetry
from secretwatch.adapters.aws import client
from secretwatch.adapters.dynamodb import DynamoDbRepairs
from secretwatch.adapters.sqs import SqsRepairRequests
from secretwatch.decisions import MISUSED, answered, is_reason
from secretwatch.repairing import Answer, Deciding, Wish
from secretwatch.settings import DecideRepairSettings


@cache
def deciding() -> Deciding:
    settings = DecideRepairSettings.from_environ(os.environ)
    repairs = DynamoDbRepairs(client("dynamodb"), settings.registry_table)
    return Deciding(repairs, SqsRepairRequests(client("sqs"), settings.repair_queue_url), mode=settings.mode)


def decide(asked: Mapping[str, Any], by: str) -> Answer:
    match asked:
        case {"wish": Wish.APPROVE, "id": str(repair_id)}:
            return deciding().approve(repair_id, by)
        case {"wish": Wish.REJECT, "id": str(repair_id), "reason": str(reason)} if is_reason(reason):
            return deciding().reject(repair_id, by, reason.strip())
        case {"wish": Wish.UNDO, "id": str(repair_id)}:
            return deciding().undo(repair_id, by)
        case {"wish": Wish.PAUSE, "resource": None | str() as resource}:
            return deciding().pause(resource, by)
        case {"wish": Wish.RESUME, "resource": None | str() as resource}:
            return deciding().resume(resource, by)
    return Answer(
        MISUSED,
        f"Say as JSON what you wish for: {', '.join(Wish)}. A repair is named by its id, and rejected with a reason;"
        " a policy is named by its secret's or key's ARN.",
    )


def told(asked: Mapping[str, Any], by: str) -> Answer:
    answer = decide(asked, by)
    if answer.status != MISUSED:  # of that, nothing is known to be fit for a log
        telemetry.repair_decided(asked["wish"], asked.get("id") or asked.get("resource"), by, answer.status)
    return answer


@telemetry.instrumented
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    return answered(event, told)
