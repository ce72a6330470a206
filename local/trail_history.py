"""CloudTrail's event history: the records of management events of the last 90 days, as LookupEvents finds them.

Pure: records go in as ``local.cloudtrail`` writes them, and what LookupEvents answers comes out.
"""

from __future__ import annotations

import json
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.cloudtrail import Record

KEPT = timedelta(days=90)
LARGEST_PAGE = 50
RESOURCE_TYPES = {"secretsmanager.amazonaws.com": "AWS::SecretsManager::Secret"}
"""Of the services whose records hold no resources of their own."""

ATTRIBUTES = frozenset(
    {"EventId", "EventName", "ReadOnly", "Username", "ResourceType", "ResourceName", "EventSource", "AccessKeyId"}
)


class RefusedLookup(Exception):
    """LookupEvents refuses the request, with this code."""

    def __init__(self, code: str, message: str) -> None:
        """Take the code that the service model declares."""
        super().__init__(message)
        self.code = code


class History:
    """The records of one account and Region, the oldest forgotten first."""

    def __init__(self, most: int = 50_000) -> None:
        """Say how many records are kept at most."""
        self._events: deque[Record] = deque(maxlen=most)

    def add(self, record: Record) -> None:
        """Keep a record, later than all before it."""
        self._events.append(_event(record))

    def lookup(self, request: Record, now: datetime) -> Record:
        """Return what LookupEvents answers: the newest first, by one attribute at most, page by page."""
        attribute, value = _attribute(request)
        start, end = _range(request, now)
        found = [
            event
            for event in reversed(list(self._events))
            if start <= event["EventTime"] <= end and (attribute is None or value in _values(event, attribute))
        ]
        page = found[_start(found, request.get("NextToken")) :]
        size = _page_size(request)
        following = {"NextToken": page[size - 1]["EventId"]} if len(page) > size else {}
        return {"Events": page[:size], **following}


def _event(record: Record) -> Record:
    identity = record["userIdentity"]
    return {
        "EventId": record["eventID"],
        "EventName": record["eventName"],
        "ReadOnly": "true" if record["readOnly"] else "false",
        "EventTime": datetime.fromisoformat(record["eventTime"]).timestamp(),
        "EventSource": record["eventSource"],
        "Resources": list(_resources(record)),
        "CloudTrailEvent": json.dumps(record),
        **({"AccessKeyId": identity["accessKeyId"]} if identity.get("accessKeyId") else {}),
        **({"Username": name} if (name := _username(identity)) else {}),
    }


def _username(identity: Record) -> str | None:
    """Return the session's name for a role, as CloudTrail does, and the user's or root for others."""
    arn = identity.get("arn")
    return str(arn).rpartition("/")[2].rpartition(":")[2] if arn else None


def _resources(record: Record) -> Iterator[Record]:
    for resource in record.get("resources", []):
        yield {"ResourceType": resource["type"], "ResourceName": resource["ARN"]}
    if resource_type := RESOURCE_TYPES.get(record["eventSource"]):
        for name in dict.fromkeys(_secrets(record)):
            yield {"ResourceType": resource_type, "ResourceName": name}


def _secrets(record: Record) -> Iterator[str]:
    """Return the secret as the caller named it, and by the ARN that the service answered."""
    asked, answered = record["requestParameters"] or {}, record["responseElements"] or {}
    more = record.get("additionalEventData", {})
    yield from (name for name in (asked.get("secretId"), asked.get("name"), answered.get("arn")) if name)
    yield from (more[member] for member in ("SecretId", "ARN") if member in more)


def _attribute(request: Record) -> tuple[str | None, Any]:
    given = request.get("LookupAttributes") or []
    if not given:
        return None, None
    if len(given) > 1 or given[0].get("AttributeKey") not in ATTRIBUTES:
        raise RefusedLookup("InvalidLookupAttributesException", "You can specify one lookup attribute.")
    return given[0]["AttributeKey"], given[0].get("AttributeValue")


def _values(event: Record, attribute: str) -> list[Any]:
    if attribute.startswith("Resource"):
        return [resource[attribute] for resource in event["Resources"]]
    return [event.get(attribute)]


def _range(request: Record, now: datetime) -> tuple[float, float]:
    oldest = (now.astimezone(UTC) - KEPT).timestamp()
    start, end = request.get("StartTime"), request.get("EndTime")
    if start is not None and end is not None and start > end:
        raise RefusedLookup("InvalidTimeRangeException", "The start time is after the end time.")
    return max(oldest, start or oldest), now.timestamp() if end is None else end


def _page_size(request: Record) -> int:
    size = request.get("MaxResults", LARGEST_PAGE)
    if not 1 <= size <= LARGEST_PAGE:
        raise RefusedLookup("InvalidMaxResultsException", f"MaxResults is between 1 and {LARGEST_PAGE}.")
    return int(size)


def _start(found: list[Record], token: str | None) -> int:
    """Return where the page begins: after the event that the token names, so that newer ones move nothing."""
    if token is None:
        return 0
    for index, event in enumerate(found):
        if event["EventId"] == token:
            return index + 1
    raise RefusedLookup("InvalidNextTokenException", "The token is none that LookupEvents returned.")
