"""A sweep: every provider and gateway is read and every reference checked, whatever events told; one at a time."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from secretwatch.domain.change import RunningSweep, WholeInventory
from secretwatch.domain.finding import Verdict
from secretwatch.domain.reference import ProviderKind
from secretwatch.domain.state import ReferenceState

SWEEP_COMPLETED = "Sweep Completed"
SCHEMA_VERSION = "1"

HOLD = timedelta(seconds=75)
"""How long one worker has a sweep for itself: longer than a function runs, shorter than its queue waits to retry."""

_GIVEN_UP_AFTER = timedelta(hours=3)
_WAITS_FOR_LISTS = timedelta(minutes=10)
_WAITS_FOR_CHECKS = timedelta(minutes=15)  # a check that fails is a dead letter by then


class Lane(StrEnum):
    """What a sweep goes through side by side: the checks that it asks for, and what it reads of AgentCore."""

    CHECKS = "CHECKS"
    API_KEY = "API_KEY"
    OAUTH2 = "OAUTH2"
    PAYMENT = "PAYMENT"
    GATEWAYS = "GATEWAYS"

    @property
    def kind(self) -> ProviderKind | None:
        """The kind of the providers that are read in this lane, if it is theirs."""
        return ProviderKind(self.value) if self.value in set(ProviderKind) else None


class Stage(StrEnum):
    """The stages of a lane."""

    RECORDED = "RECORDED"  # what the Registry knows, in order
    LISTED = "LISTED"  # what AgentCore lists beside, page by page
    DONE = "DONE"


@dataclass(frozen=True, slots=True)
class Position:
    """How far a lane has come: after which of the recorded, or to which page of the listed."""

    stage: Stage = Stage.RECORDED
    after: str = ""


START, DONE = Position(), Position(Stage.DONE)


class Counted(StrEnum):
    """What a sweep counts, as its event names it."""

    PROVIDERS_READ = "providersRead"
    PROVIDERS_GONE = "providersGone"
    GATEWAYS_READ = "gatewaysRead"
    READS_FAILED = "readsFailed"
    REFERENCES_ADDED = "referencesAdded"
    REFERENCES_REMOVED = "referencesRemoved"
    REFERENCES_CHECKED = "referencesChecked"
    REFERENCES_UNCHECKED = "referencesUnchecked"
    RESOLVES = "resolves"
    DEGRADED = "degraded"
    BROKEN = "broken"
    UNKNOWN = "unknown"


Counts = Counter[Counted]

_BY_VERDICT = {
    Verdict.RESOLVES: Counted.RESOLVES,
    Verdict.DEGRADED: Counted.DEGRADED,
    Verdict.BROKEN: Counted.BROKEN,
}


@dataclass(frozen=True, slots=True)
class Sweep:
    """One sweep and how far it has come; `version` counts the writes of its record.

    `held_until` is set while a worker has it for itself, `moved_at` tells when it last came further. `verified` is the
    last secret whose references are counted. `failures` are what could not be listed. `without_trail` are the sources
    whose changes no trail hands over, None when we could not tell.
    """

    scope: WholeInventory
    started_at: datetime
    moved_at: datetime
    version: int = 0
    positions: Mapping[Lane, Position] = field(default_factory=dict)
    verified: str = ""
    counts: Counts = field(default_factory=Counter)
    failures: tuple[str, ...] = ()
    without_trail: tuple[str, ...] | None = ()
    held_until: datetime | None = None
    completed_at: datetime | None = None

    @property
    def id(self) -> str:
        """When it began: one runs at a time."""
        return f"{self.started_at:%Y-%m-%dT%H:%M:%S.%fZ}"

    @property
    def running(self) -> RunningSweep:
        """By what its continuation is asked for."""
        return RunningSweep(self.scope.account, self.scope.region, self.id)

    @property
    def duration(self) -> timedelta:
        """How long it took, once it is completed."""
        return (self.completed_at or self.started_at) - self.started_at

    def is_unfinished(self, at: datetime) -> bool:
        """Whether it may still be carried on; one that takes hours is given up, so that the next can begin anew."""
        return self.completed_at is None and at - self.started_at < _GIVEN_UP_AFTER

    def is_held(self, at: datetime) -> bool:
        """Whether a worker has it for itself."""
        return self.held_until is not None and at < self.held_until

    def held(self, at: datetime) -> Self:
        """The sweep in the hands of one worker."""
        return replace(self, held_until=at + HOLD, version=self.version + 1)

    def released(self) -> Self:
        """The sweep as its worker leaves it."""
        return replace(self, held_until=None, version=self.version + 1)

    # --- reading

    def position(self, lane: Lane) -> Position:
        """How far the lane has come."""
        return self.positions.get(lane, START)

    @property
    def open_lanes(self) -> list[Lane]:
        """The lanes that are not through."""
        return [lane for lane in Lane if self.position(lane) != DONE]

    def at(self, lane: Lane, position: Position, counts: Counts) -> Self:
        """The sweep whose lane has come so far and counted so much on the way."""
        return replace(self, positions={**self.positions, lane: position}, counts=self.counts + counts)

    def without(self, lane: Lane, failure: str) -> Self:
        """The sweep that gives up a lane whose list cannot be had."""
        return replace(self.at(lane, DONE, Counter()), failures=(*self.failures, failure))

    def may_try_lists_again(self, at: datetime) -> bool:
        """Whether a list that AgentCore does not give for now is worth another try."""
        return at - self.started_at < _WAITS_FOR_LISTS

    # --- verifying

    def may_wait_for_checks(self, at: datetime) -> bool:
        """Whether a check that was asked for may still come. Once one did not, no other is waited for."""
        return not self.counts[Counted.REFERENCES_UNCHECKED] and at - self.moved_at < _WAITS_FOR_CHECKS

    def unchecked(self, states: Iterable[ReferenceState]) -> list[ReferenceState]:
        """Those that were not checked since the sweep began."""
        return [state for state in states if state.checked_at is None or state.checked_at < self.started_at]

    def with_verified(self, secret_arn: str, states: Collection[ReferenceState], *, at: datetime) -> Self:
        """The sweep that has counted the secret's references; the unchecked among them are nobody's verdict."""
        unchecked = self.unchecked(states)
        checked = [state for state in states if state not in unchecked]
        counts = Counter(_BY_VERDICT[state.verdict] for state in checked if state.verdict)
        counts[Counted.UNKNOWN] = sum(state.unknown is not None for state in checked)
        counts[Counted.REFERENCES_CHECKED] = len(checked)
        counts[Counted.REFERENCES_UNCHECKED] = len(unchecked)
        return replace(self, verified=secret_arn, moved_at=at, counts=self.counts + counts)

    def completed(self, at: datetime) -> Self:
        """The sweep that is through."""
        return replace(self, completed_at=at)


@dataclass(frozen=True, slots=True)
class SweepCompleted:
    """A sweep that is through, as other teams read it on the `secretwatch` bus."""

    sweep: Sweep

    @classmethod
    def between(cls, before: Sweep, after: Sweep) -> "SweepCompleted | None":
        """The news in two stored states of a sweep's record, or None."""
        return cls(after) if after.completed_at and not before.completed_at else None

    @property
    def id(self) -> str:
        """The same for every delivery."""
        scope = self.sweep.scope
        return f"{scope.account}#{scope.region}#{self.sweep.id}"

    @property
    def detail_type(self) -> str:
        """The event's name."""
        return SWEEP_COMPLETED

    @property
    def resources(self) -> list[str]:
        """None: it is about all of them."""
        return []

    def detail(self) -> dict[str, Any]:
        """The event's detail, as `docs/events/` describes it."""
        sweep = self.sweep
        return {
            "schemaVersion": SCHEMA_VERSION,
            "id": self.id,
            "account": sweep.scope.account,
            "region": sweep.scope.region,
            "startedAt": sweep.started_at.isoformat(),
            "completedAt": sweep.completed_at.isoformat() if sweep.completed_at else None,
            "durationSeconds": sweep.duration.total_seconds(),
            "counts": {counted.value: sweep.counts[counted] for counted in Counted},
            "failures": list(sweep.failures),
            "withoutTrail": list(sweep.without_trail) if sweep.without_trail is not None else None,
        }
