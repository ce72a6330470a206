"""Findings: what can be wrong with a reference, how bad it is, and what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Verdict(StrEnum):
    """Whether a reference still serves its provider."""

    RESOLVES = "RESOLVES"
    DEGRADED = "DEGRADED"
    BROKEN = "BROKEN"


class Code(StrEnum):
    """What is wrong, as a word that a program can match on."""

    SECRET_NOT_FOUND = "SECRET_NOT_FOUND"  # noqa: S105
    SECRET_RECREATED = "SECRET_RECREATED"  # noqa: S105
    SECRET_PENDING_DELETION = "SECRET_PENDING_DELETION"  # noqa: S105
    REGION_MISMATCH = "REGION_MISMATCH"
    NO_CURRENT_VERSION = "NO_CURRENT_VERSION"
    VALUE_NOT_JSON = "VALUE_NOT_JSON"
    JSON_KEY_MISSING = "JSON_KEY_MISSING"
    JSON_KEY_NOT_A_STRING = "JSON_KEY_NOT_A_STRING"
    JSON_KEY_EMPTY = "JSON_KEY_EMPTY"
    READER_NOT_ALLOWED = "READER_NOT_ALLOWED"
    READER_UNPROVEN = "READER_UNPROVEN"
    READER_DENIED = "READER_DENIED"
    READER_DEPENDS = "READER_DEPENDS"
    POLICY_INVALID = "POLICY_INVALID"
    KEY_DISABLED = "KEY_DISABLED"
    KEY_PENDING_DELETION = "KEY_PENDING_DELETION"
    KEY_NOT_FOUND = "KEY_NOT_FOUND"
    KEY_NOT_ALLOWED = "KEY_NOT_ALLOWED"
    CROSS_ACCOUNT_DEFAULT_KEY = "CROSS_ACCOUNT_DEFAULT_KEY"
    PROVIDER_FAILED = "PROVIDER_FAILED"
    PROVIDER_GONE = "PROVIDER_GONE"
    OBSERVED_READ_DENIED = "OBSERVED_READ_DENIED"
    ROTATION_FAILED = "ROTATION_FAILED"
    ROTATION_OVERDUE = "ROTATION_OVERDUE"
    ROTATION_OFF = "ROTATION_OFF"
    TAG_MISSING = "TAG_MISSING"
    TAG_VALUE_NOT_ALLOWED = "TAG_VALUE_NOT_ALLOWED"
    KEY_NOT_CUSTOMER_MANAGED = "KEY_NOT_CUSTOMER_MANAGED"
    POLICY_TOO_BROAD = "POLICY_TOO_BROAD"


_DEGRADING = frozenset(
    {
        Code.READER_UNPROVEN,
        Code.READER_DEPENDS,
        Code.POLICY_INVALID,
        Code.ROTATION_FAILED,
        Code.ROTATION_OVERDUE,
        Code.ROTATION_OFF,
        Code.TAG_MISSING,
        Code.TAG_VALUE_NOT_ALLOWED,
        Code.KEY_NOT_CUSTOMER_MANAGED,
        Code.POLICY_TOO_BROAD,
    }
)


def severity_of(code: Code) -> Verdict:
    """The verdict that a finding of this code brings about: BROKEN or DEGRADED."""
    return Verdict.DEGRADED if code in _DEGRADING else Verdict.BROKEN


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong: the code, what shows it, what to do, and the exact command where one exists.

    `about` is the ARN of what is wrong: of the secret, its key or the provider; findings about one thing share a cause.
    `waived_until` is set while somebody has decided to live with it.
    """

    code: Code
    evidence: str
    remedy: str
    command: str | None = None
    about: str | None = None
    waived_until: datetime | None = None

    @property
    def severity(self) -> Verdict:
        """BROKEN or DEGRADED."""
        return severity_of(self.code)


def worst(findings: Iterable[Finding]) -> Verdict:
    """The verdict that the findings bring about together; RESOLVES without any."""
    severities = {finding.severity for finding in findings}
    return next((verdict for verdict in (Verdict.BROKEN, Verdict.DEGRADED) if verdict in severities), Verdict.RESOLVES)
