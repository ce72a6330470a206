"""The account's trails, as AWS CloudTrail describes them; and who started an execution, from its event history."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from secretwatch.adapters.aws import translated
from secretwatch.attempts import or_unknown
from secretwatch.domain.facts import Unknown
from secretwatch.domain.trail import Coverage, trail_covers

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail import CloudTrailClient
    from mypy_boto3_cloudtrail.type_defs import TrailTypeDef


class CloudTrailTrails:
    """`ports.Trails` on CloudTrail."""

    def __init__(self, client: "CloudTrailClient") -> None:
        """`client` is a boto3 CloudTrail client."""
        self._client = client

    def coverages(self, region: str) -> list[Coverage | Unknown]:
        """DescribeTrails, which names other Regions' and the organisation's trails too; then two reads a trail."""
        with translated("DescribeTrails"):
            trails = self._client.describe_trails()["trailList"]
        # An organisation's trail may be closed to its members: then what it covers is unknown.
        return [or_unknown(partial(self._coverage, trail, region)) for trail in trails]

    def _coverage(self, trail: "TrailTypeDef", region: str) -> Coverage:
        arn = trail["TrailARN"]
        with translated("GetTrailStatus"):
            status = self._client.get_trail_status(Name=arn)
        with translated("GetEventSelectors"):
            selectors = self._client.get_event_selectors(TrailName=arn)
        return trail_covers(trail, status, selectors, region=region)


class CloudTrailStarters:
    """`ports.Starters` on CloudTrail's event history, which needs no trail: asked rarely, at two calls a second."""

    def __init__(self, client: "CloudTrailClient") -> None:
        """`client` is a boto3 CloudTrail client."""
        self._client = client

    def of_execution(self, arn: str, started_at: datetime) -> Sequence[str]:
        """LookupEvents of every StartExecution around that time; the record's own answer names the execution.

        They come with the latest first. Where there are more than are read, who came first is not known.
        """
        start, end = started_at - _AROUND, started_at + _AROUND
        found: list[str] = []
        token: dict[str, str] = {}
        for _ in range(_MOST_PAGES):
            with translated("LookupEvents"):
                page = self._client.lookup_events(
                    LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "StartExecution"}],
                    StartTime=start,
                    EndTime=end,
                    MaxResults=50,
                    **token,  # type: ignore[arg-type]
                )
            for event in page["Events"]:
                record = json.loads(event.get("CloudTrailEvent", "{}"))
                who = _who(record.get("userIdentity") or {})
                if who and (record.get("responseElements") or {}).get("executionArn") == arn:
                    found.append(who)
            if not (following := page.get("NextToken")):
                return tuple(dict.fromkeys(reversed(found)))
            token = {"NextToken": following}
        return ()


_AROUND = timedelta(minutes=2)
_MOST_PAGES = 20  # of fifty each: a thousand starts in four minutes


def _who(identity: dict[str, Any]) -> str | None:
    """A person or a session by its ARN; a federated user by whose they are; a service that started it by its name."""
    if identity.get("type") == "FederatedUser":
        issuer = ((identity.get("sessionContext") or {}).get("sessionIssuer") or {}).get("arn")
        if isinstance(issuer, str):
            return issuer
    who = identity.get("arn") or identity.get("invokedBy")
    return who if isinstance(who, str) else None
