"""The `secretwatch` bus, on Amazon EventBridge."""

import json
from typing import TYPE_CHECKING

from secretwatch.adapters.aws import translated
from secretwatch.errors import Transient
from secretwatch.ports import Announcement

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

_SOURCE = "secretwatch"


class EventBridgeBus:
    """`ports.Bus` on a custom event bus."""

    def __init__(self, client: "EventBridgeClient", bus_name: str) -> None:
        """`client` is a boto3 EventBridge client."""
        self._client = client
        self._bus_name = bus_name

    def publish(self, announcement: Announcement) -> None:
        """PutEvents with one entry: an answer of 200 may still hold its failure."""
        with translated("PutEvents"):
            answer = self._client.put_events(
                Entries=[
                    {
                        "EventBusName": self._bus_name,
                        "Source": _SOURCE,
                        "DetailType": announcement.detail_type,
                        "Detail": json.dumps(announcement.detail()),
                        "Resources": announcement.resources,
                    }
                ]
            )
        if answer["FailedEntryCount"]:
            raise Transient(f"PutEvents: {answer['Entries'][0].get('ErrorCode', '')}")
