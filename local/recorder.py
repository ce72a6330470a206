"""Puts a CloudTrail event on the embedded AWS's default bus for every call on a recorded service.

Reads go there only while a rule wants reads; LookupEvents finds all. `record` is for whoever makes a call of another
way than over HTTP, as AWS does for a caller. The last functions are what a test may ask for beyond the API.

Only the server's process imports this: it knows MiniStack's insides, and ``local.cloudtrail`` knows the records.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ministack.core.iam_evaluator import resolve_caller_identity
from ministack.core.responses import error_response_json, get_account_id, get_region
from ministack.core.router import extract_access_key_id
from ministack.services import cloudtrail as ministack_cloudtrail
from ministack.services import eventbridge, kms, secretsmanager

from local import cloudtrail, kms_patches
from local.cloudtrail import Answer, Caller, Failure, Message, Occasion, Record, Request, Service
from local.trail_history import History, RefusedLookup

if TYPE_CHECKING:
    from types import ModuleType

Response = tuple[int, dict[str, str], bytes]
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Response]]
"""A service of MiniStack: method, path, headers, body and query in; status, headers and body out."""

logger = logging.getLogger(__name__)

_served: ContextVar[bool] = ContextVar("served", default=False)
"""Whether the request under way reached its service; IAM may have refused it before."""

WANTS_READS = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"

history = History()
"""What LookupEvents finds."""

_publisher = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cloudtrail")
"""One thread, so that events leave in the order of the calls."""


def install(app: ModuleType) -> None:
    """Record the calls of every recorded service of MiniStack, and those that IAM refuses before a service."""
    for service in cloudtrail.MODELS:
        app.SERVICE_HANDLERS[service] = _recorded(service, app.SERVICE_HANDLERS[service])
    vars(ministack_cloudtrail)["_DISPATCH"]["LookupEvents"] = _lookup_events
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
    """Read a call of a recorded service; KMS is asked for the key before the call may take its alias away."""
    request = cloudtrail.read_request(service, message) if service in cloudtrail.MODELS else None
    if request is None:
        return None
    return replace(request, key_arn=_key_arn(request)) if service == "kms" else request


def _key_arn(request: Request) -> str | None:
    members = ("TargetKeyId", "KeyId", "AliasName")
    named = next((request.parameters[member] for member in members if member in request.parameters), None)
    key = kms._resolve_key(named) if isinstance(named, str) else None
    return str(key["Arn"]) if key else None


def record(request: Request, answer: Answer, caller: Caller | Service) -> None:
    """Publish what happened, without keeping the caller waiting or letting it fail."""
    also = _tag_change(request, answer)
    published = _publisher.submit(copy_context().run, _publish, request, answer, caller, _occasion(), also)
    published.add_done_callback(_report)


def _rotations(request: Request, answer: Answer, occasion: Occasion) -> list[Record]:
    """Return the steps of a rotation, which MiniStack finishes within the call that asks for it."""
    if request.operation.name != "RotateSecret" or isinstance(answer, Failure) or "VersionId" not in answer.output:
        return []
    secret_arn, version_id = answer.output["ARN"], answer.output["VersionId"]
    steps = ("RotationStarted", "RotationSucceeded")
    occasions = (replace(occasion, event_id=str(uuid.uuid4())) for _ in steps)
    return [
        cloudtrail.rotation(step, secret_arn, version_id, each) for step, each in zip(steps, occasions, strict=True)
    ]


def _publish(
    request: Request, answer: Answer, caller: Caller | Service, occasion: Occasion, also: list[Record]
) -> None:
    _publish_records(cloudtrail.api_call(request, answer, caller, occasion), *_rotations(request, answer, occasion))
    _put_events(*also)


def _publish_records(*records: Record) -> None:
    for each in records:
        history.add(each)
    _put_events(*(cloudtrail.entry(each) for each in records if not each["readOnly"] or _are_reads_wanted()))


def _put_events(*entries: Record) -> None:
    if entries:
        eventbridge._put_events({"Entries": list(entries)}, allow_aws_source=True)


def _are_reads_wanted() -> bool:
    return any(rule["State"] == WANTS_READS for rule in list(eventbridge._rules.values()))


TAGGING = ("TagResource", "UntagResource")


def _tag_change(request: Request, answer: Answer) -> list[Record]:
    """Return the event that AWS sends by itself when tags change, with the tags as they are now, or nothing."""
    if request.service != "secretsmanager" or request.operation.name not in TAGGING or isinstance(answer, Failure):
        return []
    _, secret = secretsmanager._resolve(request.parameters["SecretId"])
    changed = request.parameters.get("TagKeys") or [tag["Key"] for tag in request.parameters.get("Tags", [])]
    secret["_TagVersion"] = secret.get("_TagVersion", 0) + 1
    detail = {
        "changed-tag-keys": changed,
        "service": "secretsmanager",
        "resource-type": "secret",
        "version": secret["_TagVersion"],
        "tags": {tag["Key"]: tag["Value"] for tag in secret.get("Tags", [])},
    }
    return [
        {
            "Source": "aws.tag",
            "DetailType": "Tag Change on Resource",
            "Detail": json.dumps(detail),
            "Resources": [secret["ARN"]],
        }
    ]


def _lookup_events(request: Record) -> Response:
    """Answer LookupEvents, where MiniStack knows only the calls that it would record itself."""
    try:
        answer = history.lookup(request, datetime.now(UTC))
    except RefusedLookup as refused:
        answered: Response = error_response_json(refused.code, str(refused))
        return answered
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(answer).encode()


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


# --- What a test may ask for beyond the API


def put_event(event: Record) -> None:
    """Put an event on the default bus as AWS's services do: of a source that PutEvents refuses."""
    entry = {
        "Source": event["source"],
        "DetailType": event["detail-type"],
        "Detail": json.dumps(event.get("detail")),
        "Resources": event.get("resources", []),
    }
    _publisher.submit(copy_context().run, _put_events, entry).add_done_callback(_report)


def fail_rotation(secret: str, message: str) -> None:
    """Let Secrets Manager report that a rotation of the secret failed."""
    _, found = secretsmanager._resolve(secret)
    if found is None:
        raise ValueError(f"there is no secret {secret}")
    occasion = _occasion()
    _report_event(cloudtrail.rotation("RotationFailed", found["ARN"], occasion.request_id, occasion, message))


def delete_key(key: str) -> None:
    """Delete a key whose deletion is scheduled, as if its waiting period were over; KMS reports it."""
    _report_event(cloudtrail.key_deletion(kms_patches.delete_key(key), _occasion()))


def _report_event(record: Record) -> None:
    _publisher.submit(copy_context().run, _publish_records, record).add_done_callback(_report)
