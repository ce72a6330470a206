"""What only events tell: AgentCore's own reads of a secret, and rotations that failed.

No API answers either question later, so what was seen is kept, and judged together with what can be read.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self, TypeVar

AGENTCORE = "bedrock-agentcore.amazonaws.com"
"""How AgentCore is named as the one who called (`userIdentity.invokedBy`)."""

READS = frozenset({"GetSecretValue", "BatchGetSecretValue"})
"""The operations by which a value is read."""

_ROLES_KEPT = 10  # of a secret: those that read it last

_PASSING = frozenset(
    {"InternalFailure", "InternalServiceError", "ServiceUnavailable", "Throttling", "ThrottlingException"}
)
"""Failures that say nothing of whether AgentCore may read."""


@dataclass(frozen=True, slots=True)
class ObservedRead:
    """One GetSecretValue that AgentCore made, as CloudTrail recorded it.

    `reader` is the role on whose behalf it read, None when it read as the service; `error_code` is AWS's, of a failure.
    """

    at: datetime
    reader: str | None = None
    error_code: str | None = None

    @property
    def failed(self) -> bool:
        """Whether Secrets Manager, or KMS behind it, refused."""
        return self.error_code is not None


@dataclass(frozen=True, slots=True)
class FailedRotation:
    """A rotation that Secrets Manager gave up at this time."""

    at: datetime


Observation = ObservedRead | FailedRotation

T = TypeVar("T", ObservedRead, FailedRotation)


@dataclass(frozen=True, slots=True)
class Observations:
    """The latest of each kind that was seen of a secret: the same, however often and in what order it was seen."""

    read: ObservedRead | None = None
    denied: ObservedRead | None = None
    rotation_failed: FailedRotation | None = None
    readers: tuple[ObservedRead, ...] = ()

    @property
    def roles(self) -> frozenset[str]:
        """The roles that AgentCore was seen to read, or try to read, the secret for."""
        return frozenset(read.reader for read in self.readers if read.reader)

    @property
    def succeeded(self) -> tuple[ObservedRead, ...]:
        """The latest read that succeeded, and that of each role whose latest did."""
        return tuple(read for read in (self.read, *self.readers) if read and not read.failed)

    def seen(self, observation: Observation) -> Self:
        """These, and one more."""
        match observation:
            case FailedRotation():
                return replace(self, rotation_failed=_later(self.rotation_failed, observation))
            case ObservedRead(error_code=str(error)) if error in _PASSING:
                return self
            case ObservedRead(error_code=None):
                return replace(self, read=_later(self.read, observation), readers=self._readers(observation))
            case ObservedRead():
                return replace(self, denied=_later(self.denied, observation), readers=self._readers(observation))

    def _readers(self, read: ObservedRead) -> tuple[ObservedRead, ...]:
        """The latest read of each role; those that read last are kept."""
        if read.reader is None:
            return self.readers
        latest = {one.reader: one for one in self.readers}
        latest[read.reader] = _later(latest.get(read.reader), read)
        return tuple(sorted(latest.values(), key=_order, reverse=True)[:_ROLES_KEPT])


def _later(one: T | None, other: T) -> T:
    """Whichever was later; of two at the same moment always the same one, in whatever order they came."""
    return max(one, other, key=_order) if one else other


def _order(observation: Observation) -> tuple[datetime, str]:
    return observation.at, repr(observation)
