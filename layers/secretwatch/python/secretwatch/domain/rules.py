"""Rules: what the operator asks of every reference beyond that it resolves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

AGENTCORE = "bedrock-agentcore.amazonaws.com"
"""The service principal that the announcement of referenced secrets tells to allow."""

CONSUMERS = "consumers"
"""Stands, among the required readers, for the roles of the gateways that use the provider."""


class ReadValues(StrEnum):
    """Which secrets' values may be looked at."""

    ALL = "all"
    TAGGED = "tagged"  # those with READ_VALUE_TAG
    NONE = "none"


READ_VALUE_TAG, READ_VALUE = "secretwatch:read-value", "true"
"""The tag, and its value, by which a secret's owner lets Secretwatch look at the value."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The stack's parameters that a judgement depends on; governance is off by default.

    `required_readers` are service principals, role ARNs, and CONSUMERS. `required_tags` gives the values that a tag may
    have, none for any. An unknown that lasts `unknown_after` is told to people: two sweeps, by default.
    """

    required_readers: tuple[str, ...] = (AGENTCORE,)
    required_tags: Mapping[str, frozenset[str]] = field(default_factory=dict)
    customer_managed_key: bool = False
    rotation: bool = False
    rotation_max_age: timedelta | None = None
    narrow_policy: bool = False
    unknown_after: timedelta = timedelta(hours=2)
    read_values: ReadValues = ReadValues.ALL

    def may_read_value(self, tags: Mapping[str, str]) -> bool:
        """Whether the value of a secret with these tags may be looked at."""
        match self.read_values:
            case ReadValues.ALL:
                return True
            case ReadValues.TAGGED:
                return tags.get(READ_VALUE_TAG) == READ_VALUE
            case ReadValues.NONE:
                return False
