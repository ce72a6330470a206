"""Alerting: incidents follow what is stored of the references, and people are told once."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from secretwatch.attempts import until_won
from secretwatch.delivering import Delivering
from secretwatch.domain.change import WholeInventory
from secretwatch.domain.incident import (
    AlertRules,
    Brief,
    Cause,
    Digest,
    FirstLook,
    Incident,
    Part,
    advance,
    follow,
    opened,
    parts_of,
)
from secretwatch.domain.incident.digest import advance_digest, collected, due, quiet
from secretwatch.domain.incident.incident import FIRST_LOOK, HELD, is_same
from secretwatch.domain.reference import Reference
from secretwatch.domain.repair.prospect import Prospect
from secretwatch.domain.repair.repair import Status
from secretwatch.domain.repair.rules import Mode
from secretwatch.domain.secret import SecretId
from secretwatch.domain.state import ReferenceState
from secretwatch.errors import SecretwatchError
from secretwatch.ports import Digests, Incidents, References, Repairs, Sweeps


class Alerting:
    """Looks at secrets of which there is news, and goes round what is open.

    News says where to look, never what is true: order, duplicates and loss of it do not change what people are told.
    """

    def __init__(
        self,
        references: References,
        incidents: Incidents,
        digests: Digests,
        delivering: Delivering,
        *,
        rules: AlertRules,
        swept_at: Callable[[], datetime | None] = lambda: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`references` says what holds now, `delivering` tells people.

        `swept_at` tells when the last sweep was completed, if none runs.
        """
        self._references = references
        self._incidents = incidents
        self._digests = digests
        self._delivering = delivering
        self._rules = rules
        self._clock = clock
        self._swept_at = swept_at
        self._known_first_look: FirstLook | None = None

    def look(self, secret: SecretId) -> list[Incident]:
        """Bring every incident that concerns the secret up to what is stored of it, and tell what is new.

        Returns those that there are. What fails stops no other incident, and is raised at the end.
        """
        arn = secret.arn or ""
        causes = {cause for state in self._stored(secret).values() for cause, _ in parts_of(state)}
        followed: list[Incident] = []
        failures: list[SecretwatchError] = []
        self._first_look()
        for cause in sorted({*causes, *self._incidents.causes_of(arn)}):
            with _put_off(failures):
                incident = until_won(lambda: self._follow(cause, secret), attempts=_ATTEMPTS)  # noqa: B023 - called at once
                if incident:
                    followed.append(incident)
                    self._delivering.tell(incident)
        if failures:
            raise failures[0]
        return followed

    def go_round(self) -> list[Brief]:
        """Do what time asks for: remind, call over what kept still, tell what could not be told, make digests.

        Returns what is open. A failure is reported by whoever delivers; the next round tries again.
        """
        at = self._clock()
        open_ones = self._incidents.open()
        unheard: list[SecretwatchError] = []
        for brief in [one for one in open_ones if one.next_at and one.next_at <= at][:_A_ROUND]:
            with _put_off(unheard):
                self._advance(brief.cause)
        self._go_round_digests(open_ones, at, unheard)
        return open_ones

    # --- one incident

    def _follow(self, cause: Cause, secret: SecretId) -> Incident | None:
        """The incident first, then what it is to follow: whoever writes in between makes us lose, and look again."""
        before, at = self._incidents.find(cause), self._clock()
        states = self._stored(secret)
        found = [part for state in states.values() for its, part in parts_of(state) if its == cause]
        if before and (not found or is_same(before, found, at=at, rules=self._rules)):
            after = follow(before, found, states, secret_arn=secret.arn or "", at=at)
        elif found:
            after = opened(cause, found, at, hold=self._hold(found, at))
            after = replace(after, version=before.version if before else 0)
        else:
            return None
        return before if after is before else self._delivering.keep(before, after)

    def _stored(self, secret: SecretId) -> dict[Reference, ReferenceState]:
        states = self._references.of_secret(secret)
        return {state.reference: state for state in states if state.reference.secret_arn == secret.arn}

    def _hold(self, found: Collection[Part], at: datetime) -> str | None:
        """With which others an incident that opens now is told, if with any.

        News of what the first sweep found may come when it is completed: what counts is when it was found.
        """
        until = self._first_look().until(self._rules)
        late = at >= until + self._rules.hold_longest
        if not late and all(part.well_at is None and part.since <= until for part in found):
            return FIRST_LOOK
        return HELD if self._incidents.opened_since(at - self._rules.burst) >= self._rules.digest_after else None

    def _first_look(self) -> FirstLook:
        """As it was noted; while it goes on, the sweep is asked whether it is completed."""
        known, at = self._known_first_look, self._clock()
        if known is None or (known.ended_at is None and at < known.until(self._rules)):
            known = self._incidents.first_look(at)
            if known.ended_at is None and at < known.until(self._rules) and (ended_at := self._swept_at()):
                known = replace(known, ended_at=ended_at)
                self._incidents.end_first_look(known)
            self._known_first_look = known
        return known

    def _advance(self, cause: Cause) -> None:
        incident = until_won(lambda: self._advance_once(cause), attempts=_ATTEMPTS)
        if incident:
            self._delivering.tell(incident)

    def _advance_once(self, cause: Cause) -> Incident | None:
        before = self._incidents.find(cause)
        if before is None:
            return None
        after = advance(before, at=self._clock(), rules=self._rules)
        return before if after is before else self._delivering.keep(before, after)

    # --- digests

    def _go_round_digests(self, open_ones: Sequence[Brief], at: datetime, unheard: list[SecretwatchError]) -> None:
        digests = self._digests.open()
        gathered = {cause for digest in digests for cause in digest.members}
        for what in (FIRST_LOOK, HELD):
            held = [one for one in open_ones if one.digest == what and one.cause not in gathered]
            with _put_off(unheard):
                if self._is_due(what, held, at):
                    new = collected(held, at=at, first_look=what == FIRST_LOOK)
                    digests = [*digests, self._delivering.keep_digest(None, new)]
        for digest in digests:
            with _put_off(unheard):
                self._go_round_digest(digest, open_ones, at)

    def _is_due(self, what: str, held: Collection[Brief], at: datetime) -> bool:
        if what == HELD or not held:
            return due(held, at=at, rules=self._rules)
        return at >= self._first_look().until(self._rules) and quiet(held, at=at, rules=self._rules)

    def _go_round_digest(self, digest: Digest, open_ones: Sequence[Brief], at: datetime) -> None:
        for one in open_ones:
            if one.waits and one.cause in digest.members:
                until_won(lambda: self._gather(one.cause, digest.id), attempts=_ATTEMPTS)  # noqa: B023 - called at once
        before = self._digests.find(digest.id) or digest
        after = advance_digest(before, open_ones, at=at, rules=self._rules)
        stored = before if after is before else self._delivering.keep_digest(before, after)
        self._delivering.tell(stored, open_ones)

    def _gather(self, cause: Cause, digest_id: str) -> None:
        incident = self._incidents.find(cause)
        if incident and incident.waits:
            self._delivering.keep(incident, replace(incident, digest=digest_id))


_ATTEMPTS = 20  # a key's incident is written for each of its secrets, by two functions at a time
_A_ROUND = 50  # what a function has the time for though every channel be slow; the oldest first, the rest next time


@contextmanager
def _put_off(failures: list[SecretwatchError]) -> Iterator[None]:
    """Let the rest go on before the failure is raised."""
    try:
        yield
    except SecretwatchError as error:
        failures.append(error)


def swept_at(sweeps: Sweeps, everything: WholeInventory) -> datetime | None:
    """When the last sweep was completed; None while one runs, or before the first."""
    last = sweeps.find(everything)
    return last.completed_at if last else None


def prospect(repairs: Repairs, mode: Mode, resource: str) -> Prospect:
    """What becomes of a repair of the policy, for whoever is told that it is needed."""
    standing = repairs.standing(resource)
    plan = repairs.find(standing.plan) if standing.plan else None
    waiting = plan.id if plan and plan.status is Status.PLANNED else None
    return Prospect(mode, waiting, standing.at_rest)
