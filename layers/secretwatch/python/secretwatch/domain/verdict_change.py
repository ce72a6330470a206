"""The news that a reference's verdict changed, as other teams read it on the `secretwatch` bus."""

import json
from dataclasses import dataclass
from typing import Any

from secretwatch.domain.finding import Finding, Verdict
from secretwatch.domain.reference import Reference
from secretwatch.domain.secret import SecretId
from secretwatch.domain.state import ReferenceState

VERDICT_CHANGED = "Reference Verdict Changed"
SCHEMA_VERSION = "1"


@dataclass(frozen=True, slots=True)
class VerdictChange:
    """A stored change of a reference; `before` is the state that `after` replaced."""

    before: ReferenceState
    after: ReferenceState

    @classmethod
    def between(cls, before: ReferenceState, after: ReferenceState) -> "VerdictChange | None":
        """The change between two stored states, or None when people would read them alike."""
        return cls(before, after) if after.tells_other_than(before) else None

    @classmethod
    def from_nothing(cls, after: ReferenceState) -> "VerdictChange | None":
        """The change of a reference that is new here; one that was moved here brings its verdict along."""
        return cls(ReferenceState(after.reference), after) if after.checked_at else None

    @classmethod
    def to_nothing(cls, before: ReferenceState) -> "VerdictChange | None":
        """The change of a reference that is there no more: news if something was wrong with it."""
        if before.alarming in {None, Verdict.RESOLVES} and not (before.unknown and before.unknown.lasts):
            return None
        after = ReferenceState(before.reference, version=before.version + 1, checked_at=before.checked_at)
        return cls(before, after)

    @property
    def id(self) -> str:
        """The same for every delivery of this change: reference, version and time of the check that found it.

        The time tells apart two providers that had the same name one after the other.
        """
        reference, checked_at = self.after.reference, self.after.checked_at
        return f"{reference.provider_arn}#{reference.field}@{self.after.version}@{checked_at:%Y-%m-%dT%H:%M:%S.%fZ}"

    @property
    def detail_type(self) -> str:
        """The event's name."""
        return VERDICT_CHANGED

    @property
    def resources(self) -> list[str]:
        """The provider and the secret."""
        return [self.after.reference.provider_arn, self.after.reference.secret_arn]

    def detail(self) -> dict[str, Any]:
        """The event's detail, as `docs/events/` describes it."""
        reference = self.after.reference
        return {
            "schemaVersion": SCHEMA_VERSION,
            "id": self.id,
            "account": reference.provider.account,
            "region": reference.provider.region,
            "reference": described(reference),
            "verdict": self.after.verdict,
            "previousVerdict": self.before.verdict,
            "findings": [told(finding) for finding in self.after.findings],
            "unknown": self.after.unknown.reason if self.after.unknown else None,
            "evidence": "observed" if self.after.observed_at else "checked",
            "observedAt": self.after.observed_at.isoformat() if self.after.observed_at else None,
            "version": self.after.version,
            "checkedAt": self.after.checked_at.isoformat() if self.after.checked_at else None,
            "since": self.after.since.isoformat() if self.after.since else None,
            "correlationId": self.after.cause,
        }


def told(finding: Finding) -> dict[str, Any]:
    """A finding as other programs read it."""
    until = finding.waived_until
    return {
        "code": finding.code,
        "severity": finding.severity,
        "evidence": finding.evidence,
        "remedy": finding.remedy,
        "command": finding.command,
        "about": finding.about,
        "waivedUntil": until.isoformat() if until else None,
    }


def described(reference: Reference) -> dict[str, Any]:
    """A reference as other programs read it."""
    return {
        "providerArn": reference.provider_arn,
        "providerKind": reference.provider.kind,
        "providerName": reference.provider.name,
        "field": reference.field,
        "secretArn": reference.secret_arn,
        "jsonKey": reference.json_key,
    }


@dataclass(frozen=True, slots=True)
class News:
    """A verdict change as a subscriber received it: which secret's references to look at."""

    id: str
    secret: SecretId
    correlation_id: str | None = None
    """Of the event that it began with; an older release did not tell it."""


def read_news(text: str) -> News:
    """Read a `Reference Verdict Changed` event from a queue record's body; raises ValueError when it is none."""
    try:
        event = json.loads(text)
        detail = event["detail"] if event["detail-type"] == VERDICT_CHANGED else {}
        return News(str(detail["id"]), SecretId.of_arn(detail["reference"]["secretArn"]), detail.get("correlationId"))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not a {VERDICT_CHANGED!r} event: {type(error).__name__}") from error
