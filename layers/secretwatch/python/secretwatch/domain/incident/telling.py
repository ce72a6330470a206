"""What has been told of an incident, where, and what is still to be told: nothing twice, and nothing left out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self


class Kind(StrEnum):
    """What there is to tell. All but UPDATED are told aloud: anew, and not by a silent change of what stands there."""

    OPENED = "OPENED"
    REOPENED = "REOPENED"
    WORSENED = "WORSENED"
    UPDATED = "UPDATED"
    REMINDED = "REMINDED"
    RESOLVED = "RESOLVED"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one channel has been told: up to which revision.

    `place` is where its message stands, for a channel that can change one. `attempted` while it is being told: whoever
    finds it so later does not know whether the message went out. `not_before` is until when the channel is left alone;
    `at` is when it was last told something.
    """

    revision: int = 0
    place: str | None = None
    attempted: bool = False
    not_before: datetime | None = None
    at: datetime | None = None


LEASE = timedelta(seconds=90)  # longer than a function may run


@dataclass(frozen=True, slots=True)
class Telling:
    """Each thing to tell is a revision; a channel that is behind is told what is true now, not what it missed.

    `aloud` is the last revision that was more than an update, and `kind` what it was. Whoever tells holds the lease.
    """

    revision: int = 0
    aloud: int = 0
    kind: Kind = Kind.OPENED
    at: datetime | None = None
    deliveries: Mapping[str, Delivery] = field(default_factory=dict)
    lease_until: datetime | None = None

    def with_news(self, kind: Kind, at: datetime) -> Self:
        """One thing more to tell."""
        revision = self.revision + 1
        if kind is Kind.UPDATED:
            return replace(self, revision=revision)
        return replace(self, revision=revision, aloud=revision, kind=kind, at=at)

    def to(self, name: str) -> Delivery:
        """What the channel has been told."""
        return self.deliveries.get(name, Delivery())

    def kind_for(self, name: str) -> Kind:
        """What the channel is to be told next: whatever was last told aloud, unless it knows that."""
        return self.kind if self.aloud > self.to(name).revision else Kind.UPDATED

    def behind(self, name: str, *, takes_updates: bool) -> bool:
        """Whether there is something that the channel has not been told."""
        return self.to(name).revision < (self.revision if takes_updates else self.aloud)

    @property
    def owes(self) -> bool:
        """Whether a channel that was told something has not been told the last of it."""
        return any(delivery.revision < self.aloud for delivery in self.deliveries.values())

    def leased(self, at: datetime) -> bool:
        """Whether somebody else is telling."""
        return self.lease_until is not None and at < self.lease_until

    def claimed(self, names: Iterable[str], at: datetime) -> Self:
        """As stored before the channels are told."""
        attempts = {name: replace(self.to(name), attempted=True) for name in names}
        return replace(self, deliveries={**self.deliveries, **attempts}, lease_until=at + LEASE)

    def told(self, deliveries: Mapping[str, Delivery]) -> Self:
        """As stored after they were told, or could not be."""
        return replace(self, deliveries={**self.deliveries, **deliveries}, lease_until=None)
