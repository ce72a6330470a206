"""The calls that a service takes in a second, imposed on demand, and the count of calls that were made meanwhile.

AWS documents how many; how it counts, it does not. Here a bucket holds one second's worth, and fills evenly.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

POLICY_OPERATIONS = frozenset(
    {"GetResourcePolicy", "PutResourcePolicy", "DeleteResourcePolicy", "ValidateResourcePolicy"}
)
"""Secrets Manager counts these together; the number of its quotas page cannot be raised."""

PROVIDER_OPERATIONS = frozenset(
    f"{verb}{kind}CredentialProvider{'s' if verb == 'List' else ''}"
    for verb in ("Create", "Get", "Update", "Delete", "List")
    for kind in ("ApiKey", "Oauth2", "Payment")
)
"""AgentCore counts each of these by itself."""

Clock = Callable[[], float]


@dataclass
class Bucket:
    """Tokens of one quota: a call takes one, and a second brings as many as a second may have calls."""

    a_second: float
    left: float
    at: float

    def take(self, now: float) -> bool:
        """Take a token if one is left."""
        self.left = min(self.a_second, self.left + (now - self.at) * self.a_second)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class Quotas:
    """What is imposed, and what was called since; nothing at first."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        """Take the clock by which buckets fill."""
        self._clock, self._lock = clock, threading.Lock()
        self._calls: Counter[str] = Counter()
        self._throttled: Counter[str] = Counter()
        self._buckets: dict[str, Bucket] = {}
        self._limits: dict[str, float] = {}

    def impose(self, policies: float = 50, providers: float = 20, lookups: float = 2) -> None:
        """Impose the quotas from now on, AWS's own by default, and count anew.

        `policies` is for Secrets Manager's policy operations together, `providers` for each operation on AgentCore's
        credential providers, `lookups` for CloudTrail's LookupEvents.
        """
        limits = {"policies": policies, "providers": providers, "lookups": lookups}
        if any(limit < 1 for limit in limits.values()):
            raise ValueError("a quota is at least 1 a second")
        with self._lock:
            self._limits = limits
            self._forget()

    def lift(self) -> None:
        """Impose nothing, and count anew."""
        with self._lock:
            self._limits = {}
            self._forget()

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how often each operation was called and was throttled, as service:Operation."""
        with self._lock:
            return {"calls": dict(self._calls), "throttled": dict(self._throttled)}

    def admit(self, service: str, operation: str) -> bool:
        """Count a call; whether the quotas let it pass."""
        name = f"{service}:{operation}"
        with self._lock:
            self._calls[name] += 1
            bucket = self._bucket(service, operation)
            admitted = bucket is None or bucket.take(self._clock())
            if not admitted:
                self._throttled[name] += 1
        return admitted

    def _bucket(self, service: str, operation: str) -> Bucket | None:
        found = _quota_of(service, operation)
        if found is None or not self._limits:
            return None
        quota, name = found
        limit = self._limits[quota]
        return self._buckets.setdefault(name, Bucket(limit, limit, self._clock()))

    def _forget(self) -> None:
        self._calls.clear()
        self._throttled.clear()
        self._buckets.clear()


def _quota_of(service: str, operation: str) -> tuple[str, str] | None:
    """Return the quota that an operation falls under, and the bucket that it shares or has to itself."""
    if service == "secretsmanager" and operation in POLICY_OPERATIONS:
        return "policies", "policies"
    if service == "bedrock-agentcore" and operation in PROVIDER_OPERATIONS:
        return "providers", operation
    if service == "cloudtrail" and operation == "LookupEvents":
        return "lookups", "lookups"
    return None
