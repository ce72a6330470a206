"""How a function behind a Function URL with AWS_IAM takes what people decide. Who they are, AWS says, nobody else."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from secretwatch.repairing import Answer

LONGEST_REASON = 500  # characters
MISUSED, _NOBODY = 400, 403


def answered(event: Mapping[str, Any], decide: Callable[[Mapping[str, Any], str], Answer]) -> dict[str, Any]:
    """The URL's response: what `decide` answers to what is asked, a JSON object, and to the ARN of who asks."""
    caller = _caller(event)
    if caller is None:
        given = Answer(_NOBODY, "AWS does not say who asks: the URL takes requests that are signed for IAM only.")
    else:
        given = decide(_asked(event), caller)
    return {
        "statusCode": given.status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps({"message": given.message}),
    }


def is_reason(text: str) -> bool:
    """Whether the text can stand as somebody's reason."""
    return 0 < len(text.strip()) <= LONGEST_REASON


def _caller(event: Mapping[str, Any]) -> str | None:
    """The ARN that AWS reports; nothing in the request's own words counts."""
    match event:
        case {"requestContext": {"authorizer": {"iam": {"userArn": str(arn)}}}}:
            return arn
    return None


def _asked(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the body says; nothing, when it is no JSON object."""
    body = event.get("body") or ""
    try:
        asked = json.loads(base64.b64decode(body) if event.get("isBase64Encoded") else body)
    except ValueError:
        return {}
    return asked if isinstance(asked, dict) else {}
