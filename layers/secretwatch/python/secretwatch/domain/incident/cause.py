"""Causes, and the parts that references have in an incident."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self

from secretwatch.domain.finding import Code, Finding, Verdict, worst
from secretwatch.domain.reference import Reference
from secretwatch.domain.state import Occasion, ReferenceState


class CauseKind(StrEnum):
    """What can be the one thing behind many broken references."""

    SECRET = "SECRET"  # noqa: S105
    KEY = "KEY"
    ACCOUNT = "ACCOUNT"


@dataclass(frozen=True, slots=True, order=True)
class Cause:
    """What is wrong: a secret or a key by its ARN, or, where we cannot tell, `account/region`."""

    subject: str

    @property
    def kind(self) -> CauseKind:
        """A secret, a key or the account."""
        if not self.subject.startswith("arn:"):
            return CauseKind.ACCOUNT
        return CauseKind.KEY if self.subject.split(":")[2] == "kms" else CauseKind.SECRET

    @property
    def place(self) -> tuple[str, str]:
        """Account and Region."""
        if self.kind is CauseKind.ACCOUNT:
            account, region = self.subject.split("/")
        else:
            region, account = self.subject.split(":")[3:5]
        return account, region


@dataclass(frozen=True, slots=True)
class Part:
    """What one reference has to do with an incident: its findings of that cause, or why we cannot tell.

    `since` is when it was first found so, `well_at` when it was last found well before, and `occasion` the change that
    was looked into then. `healed_at` is set once it is over, `gone` if the reference is there no more; `observed_at` if
    AgentCore itself has read the secret since the change that mended it.
    """

    reference: Reference
    since: datetime
    findings: tuple[Finding, ...] = ()
    unknown: str | None = None
    owner: str | None = None
    well_at: datetime | None = None
    occasion: Occasion | None = None
    healed_at: datetime | None = None
    observed_at: datetime | None = None
    gone: bool = False

    @property
    def key(self) -> tuple[str, str, str]:
        """Tells it from every other part of the incident."""
        return self.reference.secret_arn, self.reference.provider_arn, self.reference.field

    @property
    def active(self) -> bool:
        """Whether it is still so."""
        return self.healed_at is None

    @property
    def severity(self) -> Verdict:
        """BROKEN or DEGRADED; that we cannot tell is no more than DEGRADED."""
        return worst(self.findings) if self.findings else Verdict.DEGRADED

    @property
    def codes(self) -> tuple[Code, ...]:
        """What is wrong, each once."""
        return tuple(dict.fromkeys(finding.code for finding in self.findings))

    def reads_like(self, other: Self) -> bool:
        """Whether people would read the two alike."""
        return self._read() == other._read()

    def _read(self) -> tuple[object, ...]:
        return self.active, frozenset(self.codes), self.unknown is None, self.owner

    def following(self, before: "Part | None") -> "Part":
        """The part, after `before` was known of it: while it is the same trouble, it began back then."""
        if before is None or not before.active:
            return self
        return replace(self, since=before.since, well_at=before.well_at, occasion=before.occasion)

    def healed(self, state: ReferenceState | None, at: datetime) -> "Part":
        """The part once its reference is well, or gone."""
        read, mended = (state.observed_at, state.occasion) if state else (None, None)
        proven = read is not None and mended is not None and read > mended.at
        return replace(self, healed_at=at, observed_at=read if proven else None, gone=state is None)


def parts_of(state: ReferenceState) -> Iterator[tuple[Cause, Part]]:
    """What the reference, as it is now, has to do with incidents; findings that somebody waived have nothing to."""
    if state.checked_at is None:
        return
    by_cause: dict[Cause, list[Finding]] = {}
    for finding in state.findings:
        if not finding.waived_until:
            by_cause.setdefault(_cause_of(finding, state.reference), []).append(finding)
    for cause, findings in by_cause.items():
        yield cause, _part(state, state.checked_at, findings=tuple(findings))
    if state.unknown and state.unknown.lasts:
        provider = state.reference.provider
        part = _part(state, state.checked_at, unknown=state.unknown.reason)
        yield Cause(f"{provider.account}/{provider.region}"), replace(part, since=state.unknown.since)


def _part(
    state: ReferenceState, at: datetime, *, findings: tuple[Finding, ...] = (), unknown: str | None = None
) -> Part:
    return Part(state.reference, at, findings, unknown, state.owner, state.well_at, state.occasion)


def _cause_of(finding: Finding, reference: Reference) -> Cause:
    about = Cause(finding.about) if finding.about else None
    return about if about and about.kind is CauseKind.KEY else Cause(reference.secret_arn)
