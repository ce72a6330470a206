"""What every adapter shares: how clients are made, and how AWS's failures become ours."""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection
from botocore.parsers import ResponseParserError

from secretwatch.errors import Permanent, Transient

# botocore prints responses at DEBUG, secret values included.
for _name in ("boto3", "botocore", "urllib3"):
    logging.getLogger(_name).setLevel(logging.INFO)

# Three tries in all, and a queue behind them: waiting longer inside a function only costs.
_CONFIG = Config(
    connect_timeout=2,
    read_timeout=5,
    max_pool_connections=10,
    retries={"mode": "standard", "total_max_attempts": 3},
)


def client(service: str) -> Any:
    """A boto3 client of the function's own account and Region."""
    return taking_whole_answers(boto3.client(service, config=_CONFIG))  # type: ignore[call-overload]


def taking_whole_answers(client: Any) -> Any:
    """The boto3 client, for which an answer that broke off is a failure.

    botocore takes JSON that it cannot parse for an answer without members: of a policy that was not read whole, that
    there is none.
    """
    client.meta.events.register("after-call", _refuse_torn)
    return client


def _refuse_torn(http_response: Any, parsed: Mapping[str, Any], **_: object) -> None:
    content = http_response.content
    if parsed.keys() <= {"ResponseMetadata"} and content.startswith(b"{") and not _is_json(content):
        raise ResponseParserError("the answer broke off")


def _is_json(content: bytes) -> bool:
    try:
        json.loads(content)
    except ValueError:
        return False
    return True


_TRANSIENT_CODES = {
    "InternalFailure",
    "InternalServerError",
    "InternalServerException",
    "InternalServiceError",
    "InternalServiceErrorException",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
    "TransactionConflictException",
    "TransactionInProgressException",
}
_SERVER_ERROR = 500


def code_of(error: ClientError) -> str:
    """AWS's own word for what went wrong."""
    return error.response.get("Error", {}).get("Code", "")


@contextmanager
def translated(operation: str) -> Iterator[None]:
    """Turn AWS's failures into Transient or Permanent, named by operation and code.

    AWS's message stays out of ours: it may quote what was sent.
    """
    try:
        yield
    except ClientError as error:
        code = code_of(error)
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        family = Transient if code in _TRANSIENT_CODES or status >= _SERVER_ERROR else Permanent
        raise family(f"{operation}: {code}") from error
    except (NoConnection, HTTPClientError, ResponseParserError) as error:  # the last: an answer that broke off
        raise Transient(f"{operation}: {type(error).__name__}") from error
