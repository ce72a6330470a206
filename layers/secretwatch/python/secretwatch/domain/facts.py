"""Facts: what was read about a secret, before anybody judges it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Unknown:
    """A fact that we could not find out, and why; `transient` when trying later may tell."""

    reason: str
    transient: bool


@dataclass(frozen=True, slots=True)
class NoSuchSecret:
    """Secrets Manager knows no secret by that ARN."""


@dataclass(frozen=True, slots=True)
class SecretDescription:
    """A secret as DescribeSecret tells it; version ids by staging label."""

    deletion_date: datetime | None = None
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def current(self) -> str | None:
        """The version id that AWSCURRENT stands at."""
        return self.versions.get("AWSCURRENT")

    @property
    def previous(self) -> str | None:
        """The version id that AWSPREVIOUS stands at."""
        return self.versions.get("AWSPREVIOUS")


class ValueShape(StrEnum):
    """Whether a value serves under a JSON key. All that is ever kept of a value."""

    BINARY = "BINARY"
    NOT_JSON = "NOT_JSON"
    NOT_AN_OBJECT = "NOT_AN_OBJECT"
    KEY_MISSING = "KEY_MISSING"
    NOT_A_STRING = "NOT_A_STRING"
    EMPTY = "EMPTY"
    USABLE = "USABLE"


@dataclass(frozen=True, slots=True)
class ValueFacts:
    """The shape of one version's value under each JSON key that was asked for."""

    version_id: str
    shapes: Mapping[str, ValueShape]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a secret at one moment. A value is None where it was not needed."""

    secret: SecretDescription | NoSuchSecret | Unknown
    current: ValueFacts | Unknown | None = None
    previous: ValueFacts | Unknown | None = None
