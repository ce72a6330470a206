"""Findings: what can be wrong with a reference, how bad it is, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """Whether a reference still serves its provider."""

    RESOLVES = "RESOLVES"
    DEGRADED = "DEGRADED"
    BROKEN = "BROKEN"


class Code(StrEnum):
    """What is wrong, as a word that a program can match on."""

    SECRET_NOT_FOUND = "SECRET_NOT_FOUND"  # noqa: S105
    SECRET_PENDING_DELETION = "SECRET_PENDING_DELETION"  # noqa: S105
    NO_CURRENT_VERSION = "NO_CURRENT_VERSION"
    VALUE_NOT_JSON = "VALUE_NOT_JSON"
    JSON_KEY_MISSING = "JSON_KEY_MISSING"
    JSON_KEY_NOT_A_STRING = "JSON_KEY_NOT_A_STRING"
    JSON_KEY_EMPTY = "JSON_KEY_EMPTY"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong: the code, what shows it, what to do, and the exact command where one exists."""

    code: Code
    evidence: str
    remedy: str
    command: str | None = None
