"""An incident, and how what is stored of the references moves it: pure, and the same however often it is asked."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Self

from secretwatch.domain.finding import Code, Verdict
from secretwatch.domain.incident.cause import Cause, Part
from secretwatch.domain.incident.rules import AlertRules
from secretwatch.domain.incident.telling import Kind, Telling
from secretwatch.domain.reference import Reference
from secretwatch.domain.state import ReferenceState

HELD, FIRST_LOOK = "held", "first look"
"""Instead of a digest's id, while an incident waits for one: of those that open together, or of the first look."""

_WAITING = frozenset({HELD, FIRST_LOOK})


class IncidentState(StrEnum):
    """Whether somebody still has something to do."""

    OPEN = "OPEN"
    RESOLVED = "RESOLVED"


@dataclass(frozen=True, slots=True)
class Incident:
    """An open problem with one cause, or one that is over.

    `severity` is the worst that it has been. `reopened` are the times at which it came back: then it is flapping, and
    is over only once it kept still for a time; `calm_since` is when it last began to. `digest` is set when it is told
    together with others: the digest's id, or for which it waits. `version` counts the writes of the record.
    """

    cause: Cause
    opened_at: datetime
    updated_at: datetime
    severity: Verdict
    parts: tuple[Part, ...] = ()
    calm_since: datetime | None = None
    resolved_at: datetime | None = None
    reopened: tuple[datetime, ...] = ()
    reminders: int = 0
    digest: str | None = None
    telling: Telling = field(default_factory=Telling)
    version: int = 0

    @property
    def id(self) -> str:
        """The same for as long as the incident lasts, and never another's."""
        return f"{self.opened_at:%Y%m%dT%H%M%S}-{hashlib.sha256(self.cause.subject.encode()).hexdigest()[:10]}"

    @property
    def state(self) -> IncidentState:
        """OPEN or RESOLVED."""
        return IncidentState.RESOLVED if self.resolved_at else IncidentState.OPEN

    @property
    def waits(self) -> bool:
        """Whether a digest is to tell it, and there is none yet."""
        return self.digest in _WAITING

    @property
    def flapping(self) -> bool:
        """Whether it was over and came back."""
        return bool(self.reopened)

    @property
    def active(self) -> tuple[Part, ...]:
        """The parts that are still so."""
        return tuple(part for part in self.parts if part.active)

    @property
    def codes(self) -> tuple[Code, ...]:
        """What is wrong, or was."""
        return tuple(dict.fromkeys(code for part in self.active or self.parts for code in part.codes))

    @property
    def owners(self) -> frozenset[str | None]:
        """Whom the secrets belong to, by their tags."""
        return frozenset(part.owner for part in self.parts)

    def narrowed_to(self, owners: Collection[str | None]) -> Self:
        """The incident as far as it concerns these owners: for them it may be over while it is not for others."""
        theirs = replace(self, parts=tuple(part for part in self.parts if part.owner in owners))
        healed = [part.healed_at for part in theirs.parts if part.healed_at]
        if self.calm_since or not healed or theirs.active:
            return theirs
        return replace(theirs, calm_since=max(healed))

    def next_at(self, rules: AlertRules, *, pending: datetime | None) -> datetime | None:
        """When somebody has to look at it again, though nothing changes; `pending` is when there is more to tell."""
        times = [pending] if pending else []
        if self.waits or not self.resolved_at:  # what is over and waits has to be found by whoever makes the digest
            times.append(self.reminder_at(rules))
        if self.calm_since and not self.resolved_at:
            times.append(self.calm_since + rules.flap_window)
        return min(times, default=None)

    def reminder_at(self, rules: AlertRules) -> datetime:
        """When people are to be reminded: some time after the last word that was told aloud."""
        return (self.telling.at or self.opened_at) + rules.remind_after


def opened(cause: Cause, parts: Collection[Part], at: datetime, *, hold: str | None) -> Incident:
    """A new incident; `hold` says for which digest it waits, HELD or FIRST_LOOK."""
    return Incident(
        cause=cause,
        opened_at=at,
        updated_at=at,
        severity=_worst(parts),
        parts=tuple(sorted(parts, key=lambda part: part.key)),
        digest=hold,
        telling=Telling().with_news(Kind.OPENED, at),
    )


def follow(
    incident: Incident,
    found: Iterable[Part],
    states: Mapping[Reference, ReferenceState],
    *,
    secret_arn: str,
    at: datetime,
) -> Incident:
    """The incident once what it says of one secret is what is stored now; itself when nothing changed.

    `found` are the parts that the secret's references have in it now, `states` the references as stored.
    """
    parts = _merged(incident, found, states, secret_arn, at)
    if parts == incident.parts:
        return incident
    after = replace(incident, parts=parts)
    if incident.resolved_at:
        return _reopened(after, at) if after.active else incident
    return _moved(incident, after, at)


def _moved(incident: Incident, after: Incident, at: datetime) -> Incident:
    """An open incident whose parts are other ones now."""
    if not after.active:
        return _calmed(after, at)
    if incident.calm_since:
        return _back(after, at)
    worst = _worst(after.active)
    if worst is Verdict.BROKEN and incident.severity is not Verdict.BROKEN:
        return _with_news(replace(after, severity=worst), Kind.WORSENED, at)
    if _reads_alike(incident.parts, after.parts):
        return after
    return _with_news(after, Kind.UPDATED, at)


def advance(incident: Incident, *, at: datetime, rules: AlertRules) -> Incident:
    """The incident as time alone moves it: over after it kept still, or due for a reminder; else itself."""
    if incident.resolved_at:
        return incident
    if incident.calm_since:
        return _resolved(incident, at) if at >= incident.calm_since + rules.flap_window else incident
    if at >= incident.reminder_at(rules):
        return _with_news(replace(incident, reminders=incident.reminders + 1), Kind.REMINDED, at)
    return incident


def is_same(incident: Incident, found: Collection[Part], *, at: datetime, rules: AlertRules) -> bool:
    """Whether what was found is this incident still, or again: soon, and the same trouble in part at least.

    One that was not told to its end goes on, too, so that nobody waits for that.
    """
    if incident.resolved_at is None or incident.telling.owes or incident.waits:
        return True
    before, now = set(incident.codes), {code for part in found for code in part.codes}
    return at < incident.resolved_at + rules.flap_window and (before == now or not before.isdisjoint(now))


@dataclass(frozen=True, slots=True)
class Brief:
    """An incident at a glance, as the index of what is open holds it."""

    id: str
    cause: Cause
    state: IncidentState
    severity: Verdict
    headline: str
    codes: tuple[str, ...]
    opened_at: datetime
    digest: str | None
    next_at: datetime | None
    references: int = 0
    owners: frozenset[str | None] = frozenset({None})

    @property
    def waits(self) -> bool:
        """Whether a digest is to tell it, and there is none yet."""
        return self.digest in _WAITING


def _merged(
    incident: Incident,
    found: Iterable[Part],
    states: Mapping[Reference, ReferenceState],
    secret_arn: str,
    at: datetime,
) -> tuple[Part, ...]:
    before = {part.key: part for part in incident.parts}
    now = {part.key: part.following(before.get(part.key)) for part in found}
    for key, part in before.items():
        if key in now:
            now[key] = part if part.reads_like(now[key]) else now[key]
        elif part.active and part.reference.secret_arn == secret_arn:
            now[key] = part.healed(states.get(part.reference), at)
        else:
            now[key] = part
    return tuple(now[key] for key in sorted(now))


def _reads_alike(before: Iterable[Part], after: Iterable[Part]) -> bool:
    known = {part.key: part for part in before}
    return all(part.key in known and part.reads_like(known[part.key]) for part in after)


def _worst(parts: Collection[Part]) -> Verdict:
    broken = any(part.severity is Verdict.BROKEN for part in parts)
    return Verdict.BROKEN if broken else Verdict.DEGRADED


def _with_news(incident: Incident, kind: Kind, at: datetime) -> Incident:
    return replace(incident, updated_at=at, telling=incident.telling.with_news(kind, at))


def _calmed(incident: Incident, at: datetime) -> Incident:
    """All is well: over, unless it has flapped, which waits."""
    if incident.flapping:
        return _with_news(replace(incident, calm_since=at), Kind.UPDATED, at)
    return _resolved(replace(incident, calm_since=at), at)


def _resolved(incident: Incident, at: datetime) -> Incident:
    return _with_news(replace(incident, resolved_at=incident.calm_since or at), Kind.RESOLVED, at)


def _reopened(incident: Incident, at: datetime) -> Incident:
    """The same incident again; what was over together with others is told by itself now."""
    after = replace(incident, resolved_at=None, calm_since=None, reopened=(*incident.reopened, at)[-_TIMES_KEPT:])
    severity = Verdict.BROKEN if _worst(after.active) is Verdict.BROKEN else incident.severity
    digest = incident.digest if incident.waits else None
    return _with_news(replace(after, severity=severity, digest=digest), Kind.REOPENED, at)


def _back(incident: Incident, at: datetime) -> Incident:
    """It was known to flap, and does: told by a change of what stands there."""
    reopened = (*incident.reopened, at)[-_TIMES_KEPT:]
    return _with_news(replace(incident, calm_since=None, reopened=reopened), Kind.UPDATED, at)


_TIMES_KEPT = 100
