"""Observed reads: AgentCore's own reads of a secret, as CloudTrail tells them."""

from dataclasses import dataclass
from datetime import datetime

AGENTCORE = "bedrock-agentcore.amazonaws.com"
"""How AgentCore is named as the one who called (`userIdentity.invokedBy`)."""

READS = frozenset({"GetSecretValue", "BatchGetSecretValue"})
"""The operations by which a value is read."""


@dataclass(frozen=True, slots=True)
class ObservedRead:
    """One read that AgentCore made: `reader` is the role or principal that it made it as, if the event says so."""

    at: datetime
    reader: str | None
    error_code: str | None = None

    @property
    def failed(self) -> bool:
        """Whether Secrets Manager, or KMS behind it, refused."""
        return self.error_code is not None
