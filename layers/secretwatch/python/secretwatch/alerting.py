"""Alerting: incidents follow what is stored of the references, and people are told once."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from secretwatch.attempts import until_won
from secretwatch.delivering import Delivering
from secretwatch.domain.incident import (
    AlertRules,
    Brief,
    Cause,
    Digest,
    Incident,
    Part,
    advance,
    follow,
    opened,
    parts_of,
)
from secretwatch.domain.incident.digest import advance_digest, collected, due
from secretwatch.domain.incident.incident import HELD, is_same
from secretwatch.domain.reference import Reference
from secretwatch.domain.secret import SecretId
from secretwatch.domain.state import ReferenceState
from secretwatch.errors import SecretwatchError
from secretwatch.ports import Digests, Incidents, References


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
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`references` says what holds now, `delivering` tells people."""
        self._references = references
        self._incidents = incidents
        self._digests = digests
        self._delivering = delivering
        self._rules = rules
        self._clock = clock
        self._first_news_at: datetime | None = None

    def look(self, secret: SecretId) -> list[Incident]:
        """Bring every incident that concerns the secret up to what is stored of it, and tell what is new.

        Returns those that there are. What fails stops no other incident, and is raised at the end.
        """
        arn = secret.arn or ""
        causes = {cause for state in self._stored(secret).values() for cause, _ in parts_of(state)}
        followed: list[Incident] = []
        failures: list[SecretwatchError] = []
        self._first_news()
        for cause in sorted({*causes, *self._incidents.causes_of(arn)}):
            with _put_off(failures):
                incident = until_won(lambda: self._follow(cause, secret))  # noqa: B023 - called at once
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
            after = opened(cause, found, at, hold=self._holds(found, at))
            after = replace(after, version=before.version if before else 0)
        else:
            return None
        return before if after is before else self._delivering.keep(before, after)

    def _stored(self, secret: SecretId) -> dict[Reference, ReferenceState]:
        states = self._references.of_secret(secret)
        return {state.reference: state for state in states if state.reference.secret_arn == secret.arn}

    def _holds(self, found: Collection[Part], at: datetime) -> bool:
        """Whether an incident that opens now is told together with others."""
        if at < self._first_news() + self._rules.first_look and all(part.well_at is None for part in found):
            return True
        return self._incidents.opened_since(at - self._rules.burst) >= self._rules.digest_after

    def _first_news(self) -> datetime:
        if self._first_news_at is None:
            self._first_news_at = self._incidents.first_news_at(self._clock())
        return self._first_news_at

    def _advance(self, cause: Cause) -> None:
        incident = until_won(lambda: self._advance_once(cause))
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
        held = [one for one in open_ones if one.digest == HELD and one.cause not in gathered]
        if due(held, at=at, rules=self._rules):
            first_look = min(one.opened_at for one in held) < self._first_news() + self._rules.first_look
            with _put_off(unheard):
                new = collected(held, at=at, first_look=first_look)
                digests = [*digests, self._delivering.keep_digest(None, new)]
        for digest in digests:
            with _put_off(unheard):
                self._go_round_digest(digest, open_ones, at)

    def _go_round_digest(self, digest: Digest, open_ones: Sequence[Brief], at: datetime) -> None:
        for one in open_ones:
            if one.digest == HELD and one.cause in digest.members:
                until_won(lambda: self._gather(one.cause, digest.id))  # noqa: B023 - called at once
        before = self._digests.find(digest.id) or digest
        after = advance_digest(before, open_ones, at=at, rules=self._rules)
        stored = before if after is before else self._delivering.keep_digest(before, after)
        self._delivering.tell(stored, open_ones)

    def _gather(self, cause: Cause, digest_id: str) -> None:
        incident = self._incidents.find(cause)
        if incident and incident.digest == HELD:
            self._delivering.keep(incident, replace(incident, digest=digest_id))


_A_ROUND = 50  # what a function has the time for though every channel be slow; the oldest first, the rest next time


@contextmanager
def _put_off(failures: list[SecretwatchError]) -> Iterator[None]:
    """Let the rest go on before the failure is raised."""
    try:
        yield
    except SecretwatchError as error:
        failures.append(error)
