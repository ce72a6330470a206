"""What the command's exit status means, the same for every command."""

from enum import IntEnum, StrEnum

from secretwatch.domain.finding import Verdict


class Exit(IntEnum):
    """The exit status: shells and pipelines match on it."""

    WELL = 0
    FAILED = 1
    USAGE = 2  # also what Typer itself exits with
    FINDINGS = 3
    UNKNOWN = 4


class FailOn(StrEnum):
    """From which severity on a finding counts."""

    BROKEN = "broken"
    DEGRADED = "degraded"
    NEVER = "never"

    def counts(self, severity: Verdict) -> bool:
        """Whether a finding of this severity counts."""
        match self:
            case FailOn.BROKEN:
                return severity is Verdict.BROKEN
            case FailOn.DEGRADED:
                return severity is not Verdict.RESOLVES
            case FailOn.NEVER:
                return False


EXIT_STATUS = """\b
Exit status:
  0  nothing at or above --fail-on (findings that are waived do not count)
  1  the command failed
  2  wrong usage
  3  findings at or above --fail-on
  4  nothing at or above --fail-on, but something could not be told
"""
"""The end of the help of every command that judges references."""
