"""Digests: many incidents that opened together, told as one."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime

from secretwatch.domain.incident.cause import Cause
from secretwatch.domain.incident.incident import HELD, Brief, IncidentState
from secretwatch.domain.incident.rules import AlertRules
from secretwatch.domain.incident.telling import Kind, Telling


@dataclass(frozen=True, slots=True)
class Digest:
    """One message about many incidents: `members`, of which those in `still` are open. `version` counts the writes.

    `first_look` when it tells what was found broken at first sight, shortly after installation.
    """

    id: str
    place: tuple[str, str]
    opened_at: datetime
    members: tuple[Cause, ...]
    still: tuple[Cause, ...]
    first_look: bool = False
    resolved_at: datetime | None = None
    telling: Telling = field(default_factory=Telling)
    version: int = 0


def due(held: Collection[Brief], *, at: datetime, rules: AlertRules) -> bool:
    """Whether those that are held have waited long enough for others to come."""
    if not held:
        return False
    newest, oldest = max(one.opened_at for one in held), min(one.opened_at for one in held)
    return at >= newest + rules.hold_quiet or at >= oldest + rules.hold_longest


def collected(held: Collection[Brief], *, at: datetime, first_look: bool) -> Digest:
    """The digest of what was held."""
    causes = tuple(sorted(one.cause for one in held))
    still = tuple(sorted(one.cause for one in held if one.state is IncidentState.OPEN))
    oldest = min(held, key=lambda one: (one.opened_at, one.cause))
    return Digest(
        id=f"digest-{oldest.id}",
        place=oldest.cause.place,
        opened_at=oldest.opened_at,
        members=causes,
        still=still,
        first_look=first_look,
        resolved_at=None if still else at,
        telling=Telling().with_news(Kind.OPENED if still else Kind.RESOLVED, at),
    )


def advance_digest(digest: Digest, open_ones: Collection[Brief], *, at: datetime, rules: AlertRules) -> Digest:
    """The digest once it says which of its incidents are still open; itself when nothing changed."""
    if digest.resolved_at:
        return digest
    still = {
        one.cause for one in open_ones if one.state is IncidentState.OPEN and one.digest in {digest.id, HELD}
    } & set(digest.members)
    after = replace(digest, still=tuple(sorted(still)))
    if not still:
        return replace(after, resolved_at=at, telling=digest.telling.with_news(Kind.RESOLVED, at))
    if at >= (digest.telling.at or digest.opened_at) + rules.remind_after:
        return replace(after, telling=digest.telling.with_news(Kind.REMINDED, at))
    if after.still != digest.still:
        return replace(after, telling=digest.telling.with_news(Kind.UPDATED, at))
    return digest
