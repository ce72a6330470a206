"""Sweeping: everything is looked at once, whatever events told; one sweep at a time, slice by slice.

A slice is what one function call does. Where the sweep stands is in the Registry, so that whoever is asked to carry it
on begins where the last one ended; a request that comes twice, or late, finds the sweep held, moved on or completed.
Whatever a sweep asks for has the sweep's id.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from secretwatch.attempts import or_unknown
from secretwatch.domain.change import RunningSweep, WholeInventory
from secretwatch.domain.facts import Unknown
from secretwatch.domain.secret import SecretId
from secretwatch.domain.state import ReferenceState
from secretwatch.domain.sweep import DONE, Lane, Position, Stage, Sweep
from secretwatch.domain.trail import missing
from secretwatch.errors import LostRace, Permanent, SecretwatchError, Transient
from secretwatch.inventory import GatewayInventory, Progress, ProviderInventory, Read
from secretwatch.ports import NO_TIME, References, Requests, Sweeps, Trails

POOL = ThreadPoolExecutor(max_workers=len(Lane), thread_name_prefix="sweeping")
"""One for the whole process, with a thread for each lane."""

_SLICE = timedelta(seconds=20)
_PAUSE = timedelta(seconds=5)  # when there is nothing to do but wait
_CHECKS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Begun:
    """A sweep that has just begun; `without_trail` are the sources whose changes no trail hands over."""

    sweep: Sweep
    without_trail: frozenset[str] | Unknown


@dataclass(frozen=True, slots=True)
class Slice:
    """What a slice of a sweep left: how far it has come, and the providers that were read."""

    sweep: Sweep
    reads: tuple[Read, ...] = ()


class Sweeping:
    """Begins sweeps and carries them on until every provider is read and every reference checked."""

    def __init__(
        self,
        providers: ProviderInventory,
        gateways: GatewayInventory,
        trails: Trails,
        sweeps: Sweeps,
        references: References,
        *,
        steps: Requests,
        checks: Requests,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        pool: Executor = POOL,
    ) -> None:
        """`steps` takes requests to carry a sweep on, `checks` secrets that are to be checked."""
        self._providers = providers
        self._gateways = gateways
        self._trails = trails
        self._sweeps = sweeps
        self._references = references
        self._steps = steps
        self._checks = checks
        self._clock = clock
        self._pool = pool

    def begin(self, everything: WholeInventory) -> Begun | None:
        """Begin a sweep; None while one is running, which serves for both. One that died is carried on."""
        now, last = self._clock(), self._sweeps.find(everything)
        if last and last.is_unfinished(now):
            if not last.is_held(now):
                self._steps.send([last.running], cause=last.id)
            return None
        without_trail = or_unknown(lambda: missing(self._trails.coverages(everything.region)))
        sweep = Sweep(
            everything,
            started_at=now,
            moved_at=now,
            version=last.version + 1 if last else 1,
            without_trail=None if isinstance(without_trail, Unknown) else tuple(sorted(without_trail)),
        )
        try:
            self._sweeps.store(sweep)
        except LostRace:  # another one was begun just now
            return None
        self._steps.send([sweep.running], cause=sweep.id)
        return Begun(sweep, without_trail)

    def carry_on(self, running: RunningSweep) -> Slice | None:
        """Do a slice of the sweep and ask for the next; None when it is another's now, or was completed.

        Asked again once all else is done, it raises what could not be listed: a person has to look.
        """
        sweep = self._sweeps.find(WholeInventory(running.account, running.region))
        if sweep is None or sweep.running != running or sweep.is_held(self._clock()):
            return None
        if sweep.completed_at:
            _raise_what_failed(sweep)
            return None
        held = sweep.held(self._clock())
        try:
            self._sweeps.store(held)
        except LostRace:  # another worker was first
            return None
        return self._worked(held)

    def _worked(self, held: Sweep) -> Slice:
        until, done = self._clock() + _SLICE, Slice(held)
        try:
            done = self._work(held, until)
        finally:  # a slice that failed leaves the sweep where it was, for whoever tries again
            self._sweeps.store(done.sweep.released())
        if done.sweep.failures or not done.sweep.completed_at:
            early = self._clock() < until
            self._steps.send([done.sweep.running], cause=done.sweep.id, delay=_PAUSE if early else NO_TIME)
        return done

    def _work(self, sweep: Sweep, until: datetime) -> Slice:
        reads: tuple[Read, ...] = ()
        if sweep.open_lanes:
            sweep, reads = self._read(sweep, until)
        if not sweep.open_lanes:
            sweep = self._verify(sweep, until)
        return Slice(sweep, reads)

    # --- every provider and gateway

    def _read(self, sweep: Sweep, until: datetime) -> tuple[Sweep, tuple[Read, ...]]:
        """Take the lanes that are not through as far as they come, side by side."""
        lanes = {lane: self._pool.submit(self._drive, lane, sweep, until) for lane in sweep.open_lanes}
        wait(lanes.values())  # none is left running when one of them fails
        reads: list[Read] = []
        for lane, driven in lanes.items():
            for one in driven.result():
                sweep = sweep.at(lane, one.position, one.counts)
                reads += one.reads
                if one.failure and not self._is_worth_another_try(one.failure, sweep):
                    sweep = sweep.without(lane, str(one.failure))
        return replace(sweep, moved_at=self._clock()), tuple(reads)

    def _drive(self, lane: Lane, sweep: Sweep, until: datetime) -> list[Progress]:
        done: list[Progress] = []
        for progress in self._lane(lane, sweep):
            done.append(progress)
            if self._clock() >= until:
                break
        return done

    def _lane(self, lane: Lane, sweep: Sweep) -> Iterator[Progress]:
        position = sweep.position(lane)
        if lane is Lane.GATEWAYS:
            return self._gateways.sweep(sweep.scope, position, cause=sweep.id)
        if lane.kind:
            return self._providers.sweep(lane.kind, sweep.scope, position, cause=sweep.id)
        return self._ask_for_checks(sweep, position)

    def _ask_for_checks(self, sweep: Sweep, position: Position) -> Iterator[Progress]:
        """Each referenced secret once, however many providers reference it; those of new references are asked for when
        their providers are read.
        """
        secrets = [arn for arn in self._providers.secrets(sweep.scope) if arn > position.after]
        for start in range(0, len(secrets), _CHECKS_AT_ONCE):
            some = secrets[start : start + _CHECKS_AT_ONCE]
            self._checks.send((SecretId.of_arn(arn) for arn in some), cause=sweep.id)
            yield Progress(Position(Stage.RECORDED, some[-1]))
        yield Progress(DONE)

    def _is_worth_another_try(self, failure: SecretwatchError, sweep: Sweep) -> bool:
        return isinstance(failure, Transient) and sweep.may_try_lists_again(self._clock())

    # --- every reference

    def _verify(self, sweep: Sweep, until: datetime) -> Sweep:
        """See that every reference was checked since the sweep began; what no check reached in time is counted."""
        for arn in self._providers.secrets(sweep.scope):
            if arn <= sweep.verified:
                continue
            states, now = self._states(arn), self._clock()
            if now >= until or (sweep.unchecked(states) and sweep.may_wait_for_checks(now)):
                return sweep
            sweep = sweep.with_verified(arn, states, at=now)
        return sweep.completed(self._clock())

    def _states(self, arn: str) -> list[ReferenceState]:
        found = self._references.of_secret(SecretId.of_arn(arn))
        return [state for state in found if state.reference.secret_arn == arn]


def _raise_what_failed(sweep: Sweep) -> None:
    if sweep.failures:
        raise Permanent("; ".join(sweep.failures))
