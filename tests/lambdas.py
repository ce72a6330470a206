"""What Lambda hands to a function."""

import json
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

Event = dict[str, Any]


class Context(LambdaContext):
    """What Powertools reads of a Lambda context."""

    def __init__(self) -> None:
        self._function_name = "test"
        self._memory_limit_in_mb = 512
        self._invoked_function_arn = "arn:aws:lambda:eu-west-1:111122223333:function:test"
        self._aws_request_id = "r-1"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 30_000


def sqs_event(*bodies: object) -> Event:
    """Bodies as SQS delivers them: an event or request is JSON text, a text stays as it is."""
    texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
    return {"Records": [_sqs_record(f"message-{index}", text) for index, text in enumerate(texts)]}


def _sqs_record(message_id: str, body: str) -> Event:
    return {
        "messageId": message_id,
        "receiptHandle": "handle",
        "body": body,
        "attributes": {},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:111122223333:queue",
        "awsRegion": "eu-west-1",
    }
