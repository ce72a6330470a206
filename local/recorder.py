"""Puts a CloudTrail event on the embedded AWS's default bus for every write call on a recorded service.

Of reads only those that AWS makes for a caller are recorded: `record` is for whoever makes them.

Only the server's process imports this: it knows MiniStack's insides, and ``local.cloudtrail`` knows the records.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ministack.core.iam_evaluator import resolve_caller_identity
from ministack.core.responses import get_account_id, get_region
from ministack.core.router import extract_access_key_id
from ministack.services import eventbridge, kms

from local import cloudtrail
from local.cloudtrail import Answer, Caller, Failure, Message, Occasion, Record, Request, Service

if TYPE_CHECKING:
    from types import ModuleType

Response = tuple[int, dict[str, str], bytes]
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Response]]
"""A service of MiniStack: method, path, headers, body and query in; status, headers and body out."""

logger = logging.getLogger(__name__)

_served: ContextVar[bool] = ContextVar("served", default=False)
"""Whether the request under way reached its service; IAM may have refused it before."""

_publisher = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cloudtrail")
"""One thread, so that events leave in the order of the calls."""


def install(app: ModuleType) -> None:
    """Record the write calls of every recorded service of MiniStack, and those that IAM refuses before a service."""
    for service in cloudtrail.MODELS:
        app.SERVICE_HANDLERS[service] = _recorded(service, app.SERVICE_HANDLERS[service])
    vars(app)["_dispatch_service_request"] = _recording_refusals(app.detect_service, app._dispatch_service_request)


def _recorded(service: str, handler: Handler) -> Handler:
    async def call(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Response:
        _served.set(True)
        request = _read(service, Message(method, path, headers, body, query))
        response = await handler(method, path, headers, body, query)
        if request is not None:
            record(request, cloudtrail.read_answer(*response), caller(headers))
        return response

    return call


def _recording_refusals(detect_service: Callable[..., str], dispatch: Callable[..., Awaitable[Response]]) -> Any:
    async def call(*asked: Any) -> Response:
        _served.set(False)
        response = await dispatch(*asked)
        if not _served.get() and isinstance(answer := cloudtrail.read_answer(*response), Failure):
            method, path, headers, body, query, _request_id = asked
            request = _read(detect_service(method, path, headers, query), Message(method, path, headers, body, query))
            if request is not None:
                record(request, answer, caller(headers))
        return response

    return call


def _read(service: str, message: Message) -> Request | None:
    """Read a write call of a recorded service; KMS is asked for the key before the call may take its alias away."""
    request = cloudtrail.read_request(service, message) if service in cloudtrail.MODELS else None
    if request is None or not request.is_write:
        return None
    return replace(request, key_arn=_key_arn(request)) if service == "kms" else request


def _key_arn(request: Request) -> str | None:
    members = ("TargetKeyId", "KeyId", "AliasName")
    named = next((request.parameters[member] for member in members if member in request.parameters), None)
    key = kms._resolve_key(named) if isinstance(named, str) else None
    return str(key["Arn"]) if key else None


def record(request: Request, answer: Answer, caller: Caller | Service) -> None:
    """Publish what happened, without keeping the caller waiting or letting it fail."""
    published = _publisher.submit(copy_context().run, _publish, request, answer, caller, _occasion())
    published.add_done_callback(_report)


def _rotations(request: Request, answer: Answer, occasion: Occasion) -> list[Record]:
    """Return the steps of a rotation, which MiniStack finishes within the call that asks for it."""
    if request.operation.name != "RotateSecret" or isinstance(answer, Failure):
        return []
    secret_arn, version_id = answer.output["ARN"], answer.output["VersionId"]
    steps = ("RotationStarted", "RotationSucceeded")
    occasions = (replace(occasion, event_id=str(uuid.uuid4())) for _ in steps)
    return [
        cloudtrail.rotation(step, secret_arn, version_id, each) for step, each in zip(steps, occasions, strict=True)
    ]


def _publish(request: Request, answer: Answer, caller: Caller | Service, occasion: Occasion) -> None:
    records = [cloudtrail.api_call(request, answer, caller, occasion), *_rotations(request, answer, occasion)]
    entries = [cloudtrail.entry(each) for each in records]
    eventbridge._put_events({"Entries": entries}, allow_aws_source=True)


def _report(published: Future[None]) -> None:
    if error := published.exception():
        logger.error("event not published", exc_info=error)


def _occasion() -> Occasion:
    return Occasion(get_account_id(), get_region(), datetime.now(UTC), str(uuid.uuid4()), str(uuid.uuid4()))


def caller(headers: dict[str, str]) -> Caller:
    """Say who signed; a key that nobody knows was refused, and CloudTrail knows no more of it than the key."""
    access_key_id = extract_access_key_id(headers)
    known = resolve_caller_identity(access_key_id) or {}
    account = str(known.get("accountId") or get_account_id())
    issued = (known.get("session") or {}).get("IssuedAt")
    return Caller(
        arn=str(known.get("userArn") or f"arn:aws:iam::{account}:root"),
        account=account,
        principal_id=str(known.get("userId") or account),
        access_key_id=access_key_id,
        user_agent=headers.get("user-agent", ""),
        session_started=datetime.fromtimestamp(issued, UTC) if issued else None,
    )
