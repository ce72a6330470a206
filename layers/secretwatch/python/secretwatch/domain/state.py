"""The state of a reference: what the Registry keeps, and how a judgement moves it."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from secretwatch.domain.finding import Finding, Verdict
from secretwatch.domain.judging import Judgement
from secretwatch.domain.reference import Reference


@dataclass(frozen=True, slots=True)
class UnknownSince:
    """Why we cannot tell, and since when. It stands beside the last verdict and never replaces it."""

    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class ReferenceState:
    """A reference with its last known verdict.

    `version` counts the writes of this record, so that a writer who read an older one is refused.
    `good_version` is the AWSCURRENT version id whose value was last found usable: it need not be read again.
    """

    reference: Reference
    version: int = 0
    verdict: Verdict | None = None
    findings: tuple[Finding, ...] = ()
    unknown: UnknownSince | None = None
    good_version: str | None = None
    checked_at: datetime | None = None

    def after(self, judgement: Judgement, *, good_version: str | None, at: datetime) -> Self:
        """The state that follows a check; an open judgement keeps the last verdict and its findings."""
        unknown = None
        if judgement.unknown:
            unknown = UnknownSince(judgement.unknown.reason, self.unknown.since if self.unknown else at)
        known = judgement.verdict is not None
        return replace(
            self,
            version=self.version + 1,
            verdict=judgement.verdict if known else self.verdict,
            findings=judgement.findings if known else self.findings,
            unknown=unknown,
            good_version=good_version if known else self.good_version,
            checked_at=at,
        )

    def moved_to(self, reference: Reference) -> Self:
        """The state of the same field after its provider was pointed elsewhere: the verdict stands until checked."""
        return replace(self, reference=reference, version=self.version + 1, good_version=None)

    def tells_other_than(self, earlier: Self) -> bool:
        """Whether people would read this state differently: another verdict, or other findings."""
        return (self.verdict, self._codes()) != (earlier.verdict, earlier._codes())

    def _codes(self) -> frozenset[str]:
        return frozenset(finding.code.value for finding in self.findings)
