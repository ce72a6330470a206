"""The `secretwatch` bus, on Amazon EventBridge."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from secretwatch.adapters.aws import translated
from secretwatch.domain.alert import DETAIL_TYPES, UPDATED, Alert
from secretwatch.domain.finding import Verdict
from secretwatch.domain.incident import Delivery
from secretwatch.errors import Transient
from secretwatch.ports import Announcement, Bus, ChannelName, Target

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


class BusChannel:
    """`ports.Channel` on the bus: incidents for other teams' rules."""

    name = ChannelName.BUS

    def __init__(self, bus: Bus) -> None:
        """`bus` is told of incidents as of everything else."""
        self._bus = bus

    def targets(self, _owners: Collection[str | None], _severity: Verdict) -> list[Target]:
        """The bus, which is told of every change."""
        return [Target("bus", takes_updates=True)]

    def send(self, _target: Target, alert: Alert, _delivery: Delivery) -> None:
        """Incident Opened, Updated or Resolved, with its secrets as resources."""
        self._bus.publish(_IncidentNews(alert))


_RESOURCES = 10  # the rest stands in the detail


@dataclass(frozen=True, slots=True)
class _IncidentNews:
    """`ports.Announcement` of an incident."""

    alert: Alert

    @property
    def detail_type(self) -> str:
        return DETAIL_TYPES.get(self.alert.kind, UPDATED)

    @property
    def resources(self) -> list[str]:
        return list(self.alert.detail["secrets"][:_RESOURCES])

    def detail(self) -> dict[str, Any]:
        return dict(self.alert.detail)
