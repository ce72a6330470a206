"""What each function takes from its environment; the only readers of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class CheckReferencesSettings:
    """Of `check_references`."""

    registry_table: str
    sweep_queue_url: str
    own_roles: frozenset[str]

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Raises KeyError for a variable that is not set."""
        return cls(
            registry_table=environ["REGISTRY_TABLE"],
            sweep_queue_url=environ["SWEEP_QUEUE_URL"],
            own_roles=frozenset(environ["OWN_ROLE_ARNS"].split(",")) - {""},
        )


@dataclass(frozen=True, slots=True)
class TakeInventorySettings:
    """Of `take_inventory`."""

    registry_table: str
    inventory_queue_url: str
    sweep_queue_url: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Raises KeyError for a variable that is not set."""
        return cls(
            registry_table=environ["REGISTRY_TABLE"],
            inventory_queue_url=environ["INVENTORY_QUEUE_URL"],
            sweep_queue_url=environ["SWEEP_QUEUE_URL"],
        )


@dataclass(frozen=True, slots=True)
class PublishVerdictsSettings:
    """Of `publish_verdicts`."""

    bus_name: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Raises KeyError for a variable that is not set."""
        return cls(bus_name=environ["BUS_NAME"])


@dataclass(frozen=True, slots=True)
class SendAlertsSettings:
    """Of `send_alerts`."""

    registry_table: str
    alerts_topic_arn: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Raises KeyError for a variable that is not set."""
        return cls(registry_table=environ["REGISTRY_TABLE"], alerts_topic_arn=environ["ALERTS_TOPIC_ARN"])
