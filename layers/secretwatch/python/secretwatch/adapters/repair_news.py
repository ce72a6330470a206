"""News of repairs, on the `secretwatch` bus; and who wrote a policy, from CloudTrail's event history."""

import json
from collections.abc import Callable, Collection
from datetime import datetime
from typing import TYPE_CHECKING, Any

from secretwatch.adapters.aws import translated
from secretwatch.domain.repair.news import RepairNews
from secretwatch.errors import Transient

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail import CloudTrailClient
    from mypy_boto3_events import EventBridgeClient

_SOURCE = "secretwatch"


class EventBridgeRepairBus:
    """`ports.RepairBus` on a custom event bus of an account and Region."""

    def __init__(
        self,
        client: "EventBridgeClient",
        bus_name: str,
        *,
        account: str,
        region: str,
        heard: Callable[[RepairNews], None] = lambda _news: None,
    ) -> None:
        """`client` is a boto3 EventBridge client; `heard` is told of what was published."""
        self._client = client
        self._heard = heard
        self._bus_name = bus_name
        self._place = account, region

    def tell(self, news: RepairNews) -> None:
        """PutEvents with one entry: an answer of 200 may still hold its failure."""
        with translated("PutEvents"):
            answer = self._client.put_events(
                Entries=[
                    {
                        "EventBusName": self._bus_name,
                        "Source": _SOURCE,
                        "DetailType": news.what,
                        "Detail": json.dumps(news.detail(*self._place)),
                        "Resources": [news.resource] if news.resource else [],
                    }
                ]
            )
        if answer["FailedEntryCount"]:
            raise Transient(f"PutEvents: {answer['Entries'][0].get('ErrorCode', '')}")
        self._heard(news)


class CloudTrailWriters:
    """`ports.Writers` on CloudTrail's event history: asked rarely, since it answers two calls a second."""

    def __init__(self, client: "CloudTrailClient", *, own_roles: Collection[str]) -> None:
        """`client` is a boto3 CloudTrail client; `own_roles` are the ARNs of the roles that write for us."""
        self._client = client
        self._own_roles = own_roles

    def of_policy(self, resource: str, *, since: datetime) -> list[str]:
        """LookupEvents by the names of the calls that write policies, the latest fifty of each."""
        records = [record for name in _writes(resource) for record in self._records(name, since)]
        records.sort(key=lambda record: str(record.get("eventTime")), reverse=True)
        actors = dict.fromkeys(_actor(record) for record in records if _is_about(record, resource))
        return [actor for actor in actors if actor and actor not in self._own_roles]

    def _records(self, name: str, since: datetime) -> list[dict[str, Any]]:
        with translated("LookupEvents"):
            page = self._client.lookup_events(
                LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}], StartTime=since, MaxResults=50
            )
        return [json.loads(event["CloudTrailEvent"]) for event in page["Events"]]


def _writes(resource: str) -> tuple[str, ...]:
    return ("PutKeyPolicy",) if ":kms:" in resource else ("PutResourcePolicy", "DeleteResourcePolicy")


def _is_about(record: dict[str, Any], resource: str) -> bool:
    """Callers name a secret by ARN or name, a key by ARN or id; the answer, where there is one, has the ARN."""
    parts = {**(record.get("requestParameters") or {}), **(record.get("responseElements") or {})}
    named = {parts.get(key) for key in ("secretId", "keyId", "arn", "aRN")}
    name = resource.rsplit(":", 1)[1]
    return resource in named or name in named or name.rpartition("-")[0] in named or name.removeprefix("key/") in named


def _actor(record: dict[str, Any]) -> str | None:
    """A role rather than its session."""
    identity = record.get("userIdentity") or {}
    issuer = (identity.get("sessionContext") or {}).get("sessionIssuer") or {}
    actor = issuer.get("arn") or identity.get("arn") or identity.get("invokedBy")
    return actor if isinstance(actor, str) else None
