"""The state of a reference: what the Registry keeps, and how a judgement moves it."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Self

from secretwatch.domain.finding import Finding, Verdict, worst
from secretwatch.domain.judging import Judgement
from secretwatch.domain.observed import Observation, Observations
from secretwatch.domain.reference import Reference
from secretwatch.domain.rules import Rules

_UNKNOWN_AFTER = Rules().unknown_after
_ONE_CHANGE = timedelta(seconds=10)  # Secrets Manager's own event of a write, and CloudTrail's


@dataclass(frozen=True, slots=True)
class UnknownSince:
    """Why we cannot tell, and since when. It stands beside the last verdict and never replaces it.

    `lasts` once it has stood long enough for people to be told; a `quiet` one, which is nobody's fault here or was
    chosen, never does.
    """

    reason: str
    since: datetime
    lasts: bool = False
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Occasion:
    """The change that was looked into when a verdict became what it is: it may be the reason, and mostly is.

    `actor` did it, where the event says who.
    """

    what: str
    at: datetime
    actor: str | None = None

    def completes(self, other: Self) -> bool:
        """Whether this is most likely the same change, and says who made it, which the other does not."""
        return self.actor is not None and other.actor is None and abs(self.at - other.at) <= _ONE_CHANGE


@dataclass(frozen=True, slots=True)
class ReferenceState:
    """A reference with its last known verdict.

    `version` counts the writes of this record, so that a writer who read an older one is refused.
    `good_version` is the AWSCURRENT version id whose value was last found usable: it need not be read again.
    `access` names all on which access hangs, as `access_of` does, and `access_since` when it was first seen so.
    `observations` are what events told of the secret.
    `since` is when the verdict began to stand. `cause` is the id of the event that the last check was made for.
    `owner` is whom the secret belongs to, by its tags; `well_at` is when the reference was last found to resolve, and
    `occasion` the change that its verdict was found after.
    """

    reference: Reference
    version: int = 0
    verdict: Verdict | None = None
    findings: tuple[Finding, ...] = ()
    unknown: UnknownSince | None = None
    good_version: str | None = None
    checked_at: datetime | None = None
    access: str | None = None
    access_since: datetime | None = None
    observations: Observations = field(default_factory=Observations)
    since: datetime | None = None
    cause: str | None = None
    owner: str | None = None
    well_at: datetime | None = None
    occasion: Occasion | None = None

    @property
    def alarming(self) -> Verdict | None:
        """The verdict that people are told: without the findings that somebody waived."""
        if self.verdict is None:
            return None
        return worst(finding for finding in self.findings if not finding.waived_until)

    @property
    def observed_at(self) -> datetime | None:
        """When AgentCore itself last read the secret, if access has not changed since."""
        read = self.observations.read
        return read.at if read and self.access_since and read.at > self.access_since else None

    def with_observation(self, observation: Observation) -> Self:
        """The state that knows one thing more that was seen."""
        return replace(self, observations=self.observations.seen(observation))

    def with_access(self, access: str | None, *, at: datetime) -> Self:
        """The state that knows on what access hangs now; None, when that could not be read, changes nothing."""
        if access is None or access == self.access:
            return self
        return replace(self, access=access, access_since=at)

    def owned_by(self, owner: str | None) -> Self:
        """The state that knows whom its secret belongs to."""
        return replace(self, owner=owner)

    def after(
        self,
        judgement: Judgement,
        *,
        good_version: str | None,
        at: datetime,
        unknown_after: timedelta = _UNKNOWN_AFTER,
        cause: str | None = None,
    ) -> Self:
        """The state that follows a check; an open judgement keeps the last verdict and its findings."""
        known = judgement.verdict is not None
        stands = not known or judgement.verdict is self.verdict
        return replace(
            self,
            version=self.version + 1,
            verdict=judgement.verdict if known else self.verdict,
            findings=judgement.findings if known else self.findings,
            unknown=self._unknown_after(judgement, at, unknown_after),
            good_version=good_version if known else self.good_version,
            checked_at=at,
            since=self.since if stands and self.since else at if known else None,
            cause=cause,
            well_at=at if judgement.verdict is Verdict.RESOLVES else self.well_at,
        )

    def found_after(self, occasion: Occasion | None, before: Self) -> Self:
        """The state that knows what was looked into, if people read it differently than `before`.

        Of one change the first event may not say who made it; the one that does may come when the verdict is known.
        """
        if self.tells_other_than(before) or (occasion and before.occasion and occasion.completes(before.occasion)):
            return replace(self, occasion=occasion)
        return self

    def _unknown_after(self, judgement: Judgement, at: datetime, unknown_after: timedelta) -> UnknownSince | None:
        unknown = judgement.unknown
        if unknown is None:
            return None
        since = self.unknown.since if self.unknown else at
        quiet = unknown.quiet or unknown.by_choice
        return UnknownSince(unknown.reason, since, not quiet and at - since >= unknown_after, quiet)

    def moved_to(self, reference: Reference) -> Self:
        """The state of the same field after its provider was pointed elsewhere: the verdict stands until checked."""
        return replace(
            self,
            reference=reference,
            version=self.version + 1,
            good_version=None,
            access=None,
            access_since=None,
            observations=Observations(),
            occasion=None,
        )

    def tells_other_than(self, earlier: Self) -> bool:
        """Whether people read this state differently: another verdict, other findings or waivers, or no answer."""
        return self._told() != earlier._told()

    def _told(self) -> tuple[object, ...]:
        findings = frozenset((finding.code, bool(finding.waived_until)) for finding in self.findings)
        return self.verdict, findings, bool(self.unknown and self.unknown.lasts)
