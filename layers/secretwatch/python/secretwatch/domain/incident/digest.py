"""Digests: many incidents that opened together, told as one."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

from secretwatch.domain.finding import Verdict
from secretwatch.domain.incident.cause import Cause
from secretwatch.domain.incident.incident import Brief, IncidentState
from secretwatch.domain.incident.rules import AlertRules
from secretwatch.domain.incident.telling import Kind, Telling


@dataclass(frozen=True, slots=True)
class FirstLook:
    """What a new stack finds by its first sweep; it begins with the first news of all.

    `ended_at` is when that sweep was completed, None while nobody knows that it was.
    """

    began_at: datetime
    ended_at: datetime | None = None

    def until(self, rules: AlertRules) -> datetime:
        """What was found broken at first sight until then belongs to it; no sweep is waited for longer."""
        longest = self.began_at + rules.first_look
        return min(self.ended_at or longest, longest)


@dataclass(frozen=True, slots=True)
class Digest:
    """One message about many incidents: `members`, of which those in `still` are open. `version` counts the writes.

    `whose` are the owners of each member, `severity` the worst of them at first. `first_look` when it tells what was
    found broken at first sight, shortly after installation.
    """

    id: str
    place: tuple[str, str]
    opened_at: datetime
    members: tuple[Cause, ...]
    still: tuple[Cause, ...]
    whose: Mapping[Cause, frozenset[str | None]] = field(default_factory=dict)
    severity: Verdict = Verdict.BROKEN
    first_look: bool = False
    resolved_at: datetime | None = None
    telling: Telling = field(default_factory=Telling)
    version: int = 0

    @property
    def owners(self) -> frozenset[str | None]:
        """Whom the secrets belong to, by their tags."""
        return frozenset().union(*(self.owners_of(cause) for cause in self.members))

    def owners_of(self, member: Cause) -> frozenset[str | None]:
        """The owners of one member."""
        return self.whose.get(member, frozenset({None}))

    def narrowed_to(self, owners: Collection[str | None]) -> Self:
        """The digest as far as it concerns these owners."""
        theirs = [cause for cause in self.members if not self.owners_of(cause).isdisjoint(owners)]
        return replace(self, members=tuple(theirs), still=tuple(cause for cause in self.still if cause in theirs))


def due(held: Collection[Brief], *, at: datetime, rules: AlertRules) -> bool:
    """Whether those that are held have waited long enough for others to come."""
    if not held:
        return False
    return quiet(held, at=at, rules=rules) or at >= min(one.opened_at for one in held) + rules.hold_longest


def quiet(held: Collection[Brief], *, at: datetime, rules: AlertRules) -> bool:
    """Whether none has come for a while."""
    return at >= max(one.opened_at for one in held) + rules.hold_quiet


_MOST = 500
"""Members of a digest: a record of the Registry, and a round, take so many whatever their names."""


def collected(held: Collection[Brief], *, at: datetime, first_look: bool) -> Digest:
    """The digest of what was held, or of the oldest of it, when there is more than one can take."""
    members = sorted(held, key=lambda one: (one.opened_at, one.cause))[:_MOST]
    still = tuple(sorted(one.cause for one in members if one.state is IncidentState.OPEN))
    oldest = members[0]
    return Digest(
        id=f"digest-{oldest.id}",
        place=oldest.cause.place,
        opened_at=oldest.opened_at,
        members=tuple(sorted(one.cause for one in members)),
        still=still,
        whose={one.cause: one.owners for one in members},
        severity=Verdict.BROKEN if any(one.severity is Verdict.BROKEN for one in members) else Verdict.DEGRADED,
        first_look=first_look,
        resolved_at=None if still else at,
        telling=Telling().with_news(Kind.OPENED if still else Kind.RESOLVED, at),
    )


def advance_digest(digest: Digest, open_ones: Collection[Brief], *, at: datetime, rules: AlertRules) -> Digest:
    """The digest once it says which of its incidents are still open; itself when nothing changed."""
    if digest.resolved_at:
        return digest
    still = {
        one.cause for one in open_ones if one.state is IncidentState.OPEN and (one.waits or one.digest == digest.id)
    } & set(digest.members)
    after = replace(digest, still=tuple(sorted(still)))
    if not still:
        return replace(after, resolved_at=at, telling=digest.telling.with_news(Kind.RESOLVED, at))
    if at >= (digest.telling.at or digest.opened_at) + rules.remind_after:
        return replace(after, telling=digest.telling.with_news(Kind.REMINDED, at))
    if after.still != digest.still:
        return replace(after, telling=digest.telling.with_news(Kind.UPDATED, at))
    return digest
