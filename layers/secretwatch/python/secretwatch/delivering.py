"""Delivering: what is to be told of an incident or a digest goes to every channel, and what went is written down.

Stored before it is sent: the record itself is the outbox. Whoever sends holds the record's lease; so a message goes out
twice only when a process dies between sending it and writing that down, and the lease runs out.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from secretwatch.attempts import until_won
from secretwatch.domain.alert import LISTED, Alert, Place, compose, compose_digest, headline_of
from secretwatch.domain.consumer import Consumer
from secretwatch.domain.finding import Verdict
from secretwatch.domain.incident import AlertRules, Brief, Delivery, Digest, Incident, Kind
from secretwatch.domain.repair.prospect import Prospect
from secretwatch.errors import Later, LostRace, SecretwatchError, Transient
from secretwatch.ports import Channel, ChannelName, Consumers, Digests, Incidents, Target

Story: TypeAlias = Incident | Digest
"""What is told as one."""

_TO_RECORD = 100  # what was sent and not written down would be sent again
_REST = timedelta(seconds=30)  # after a failure that may pass; a round comes every minute
_LONG_REST = timedelta(minutes=5)  # after one that a person has to mend


@dataclass(frozen=True, slots=True)
class Told:
    """One attempt to tell something; `error` says why it failed."""

    channel: ChannelName
    target: str
    incident_id: str
    kind: Kind
    error: SecretwatchError | None = None


Report: TypeAlias = Callable[[Told], None]


class Delivering:
    """Brings each channel up to what there is to tell; one that fails stops no other."""

    def __init__(
        self,
        incidents: Incidents,
        digests: Digests,
        consumers: Consumers,
        channels: Sequence[Channel],
        *,
        rules: AlertRules,
        report: Report,
        alias: str = "",
        prospect: Callable[[str], Prospect | None] = lambda _resource: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`report` hears of every attempt; `alias` is how people call the account.

        `prospect` tells what may be expected of a repair of the policy on a secret or key, by its ARN.
        """
        self._incidents = incidents
        self._digests = digests
        self._consumers = consumers
        self._channels = channels
        self._rules = rules
        self._report = report
        self._alias = alias
        self._prospect = prospect
        self._clock = clock

    def keep(self, before: Incident | None, after: Incident) -> Incident:
        """Store an incident with when somebody has to look at it again; raises LostRace."""
        brief = self.brief(after)
        return self._incidents.store(before, after, brief)

    def keep_digest(self, before: Digest | None, after: Digest) -> Digest:
        """Store a digest likewise."""
        next_at = self._pending_at(after) if after.resolved_at else after.opened_at
        return self._digests.store(before, after, next_at=next_at)

    def brief(self, incident: Incident) -> Brief:
        """The incident at a glance."""
        return Brief(
            id=incident.id,
            cause=incident.cause,
            state=incident.state,
            severity=incident.severity,
            headline=headline_of(incident)[0],
            codes=incident.codes,
            opened_at=incident.opened_at,
            digest=incident.digest,
            next_at=incident.next_at(self._rules, pending=self._pending_at(incident)),
            references=len(incident.active),
            owners=incident.owners or frozenset({None}),
        )

    def tell(self, story: Story, open_ones: Collection[Brief] = ()) -> None:
        """Tell every channel that is behind; raises the first failure when all were tried.

        Returns while somebody else tells it: their turn includes what was stored now. Raises Transient when a channel
        that asked to be left alone is still behind.
        """
        while True:
            at = self._clock()
            if story.telling.leased(at):
                return
            behind = list(self._behind(story))
            due = [one for one in behind if self._not_before(story, one[1], at) <= at]
            if not due:
                if resting := [target.name for _, target in behind if story.telling.to(target.name).not_before]:
                    raise Transient(f"{resting[0]} is to be left alone for a while")
                return
            try:
                claimed = self._claim(story, due, at)
            except LostRace:
                story = self._again(story)
                continue
            deliveries, failures = self._send(claimed, due, open_ones, at)
            story = until_won(lambda: self._record(claimed, deliveries), attempts=_TO_RECORD)  # noqa: B023 - called at once
            if failures:
                raise failures[0]

    # --- who is to be told

    def _behind(self, story: Story) -> Iterator[tuple[Channel, Target]]:
        for channel in self._channels:
            if not _concerns(story, channel.name):
                continue
            for target in self._targets(channel, story):
                if story.telling.behind(target.name, takes_updates=target.takes_updates):
                    yield channel, target

    @staticmethod
    def _targets(channel: Channel, story: Story) -> list[Target]:
        """Where it belongs now, and where it was told while it was less severe: what stands there must not go stale.

        A channel that cannot say where stands for one place; when that is tried, the channel says why.
        """
        try:
            targets = channel.targets(story.owners, story.severity)
            former = channel.targets(story.owners, Verdict.DEGRADED)
        except SecretwatchError:
            return [Target(channel.name.value, takes_updates=False)]
        names = {target.name for target in targets}
        return targets + [one for one in former if one.name not in names and story.telling.to(one.name).revision]

    def _pending_at(self, story: Story) -> datetime | None:
        """When there is something to tell, and those whom to tell may be told."""
        at = self._clock()
        times = [self._not_before(story, target, at) for _, target in self._behind(story)]
        if not times:
            return None
        return max(min(times), story.telling.lease_until or at)

    def _not_before(self, story: Story, target: Target, at: datetime) -> datetime:
        """When it may be told: one that failed rests, and updates that follow each other closely are told as one."""
        delivery = story.telling.to(target.name)
        if delivery.not_before:
            return delivery.not_before
        if delivery.at and story.telling.kind_for(target.name) is Kind.UPDATED:
            return delivery.at + self._rules.update_pause
        return at

    # --- telling

    def _claim(self, story: Story, due: Sequence[tuple[Channel, Target]], at: datetime) -> Story:
        return self._keep(story, replace(story, telling=story.telling.claimed([target.name for _, target in due], at)))

    def _send(
        self, story: Story, due: Sequence[tuple[Channel, Target]], open_ones: Collection[Brief], at: datetime
    ) -> tuple[dict[str, Delivery], list[SecretwatchError]]:
        deliveries: dict[str, Delivery] = {}
        failures: list[SecretwatchError] = []
        for channel, target in due:
            before, kind = story.telling.to(target.name), story.telling.kind_for(target.name)
            error: SecretwatchError | None = None
            try:
                place = channel.send(target, self._alert(story, target, kind, open_ones, at), before)
                deliveries[target.name] = Delivery(story.telling.revision, place, at=at)
            except SecretwatchError as failure:
                error = failure
                failures.append(failure)
                passing = isinstance(failure, Transient)
                deliveries[target.name] = replace(before, attempted=passing, not_before=_rest_after(failure, at))
            self._report(Told(channel.name, target.name, story.id, kind, error))
        return deliveries, failures

    def _alert(self, story: Story, target: Target, kind: Kind, open_ones: Collection[Brief], at: datetime) -> Alert:
        if isinstance(story, Digest):
            theirs = story if target.owners is None else story.narrowed_to(target.owners)
            return compose_digest(theirs, kind, open_ones, Place(*story.place, self._alias))
        narrowed = story if target.owners is None else story.narrowed_to(target.owners)
        place = Place(*story.cause.place, self._alias)
        prospect = self._prospect(story.cause.subject) if narrowed.active else None
        return compose(narrowed, kind, self._consumers_of(narrowed), place, at=at, prospect=prospect)

    def _consumers_of(self, incident: Incident) -> list[Consumer]:
        """Who uses the first of the providers; a message has no room for more."""
        arns = sorted({part.reference.provider_arn for part in incident.active or incident.parts})[:LISTED]
        return [consumer for arn in arns for consumer in self._consumers.of_provider(arn)]

    def _record(self, claimed: Story, deliveries: dict[str, Delivery]) -> Story:
        """Write down who was told; what changed meanwhile stays, and is told next."""
        now = self._again(claimed)
        if now.id != claimed.id:
            return now
        return self._keep(now, replace(now, telling=now.telling.told(deliveries)))

    def _again(self, story: Story) -> Story:
        found = self._incidents.find(story.cause) if isinstance(story, Incident) else self._digests.find(story.id)
        return found or story

    def _keep(self, before: Story, after: Story) -> Story:
        if isinstance(after, Digest):
            return self.keep_digest(before if isinstance(before, Digest) else None, after)
        return self.keep(before if isinstance(before, Incident) else None, after)


def _concerns(story: Story, channel: ChannelName) -> bool:
    """Programs hear of each incident by itself, and people of those in a digest by that alone."""
    if isinstance(story, Digest):
        return channel is not ChannelName.BUS
    return channel is ChannelName.BUS or story.digest is None


def _rest_after(failure: SecretwatchError, at: datetime) -> datetime:
    if isinstance(failure, Later):
        return failure.until
    return at + (_REST if isinstance(failure, Transient) else _LONG_REST)
