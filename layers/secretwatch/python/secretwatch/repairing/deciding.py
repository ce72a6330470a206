"""Deciding: what people want, as far as a person may have it; nothing here writes to a secret or a key."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from secretwatch.attempts import until_won
from secretwatch.domain.repair.repair import Repair, Status
from secretwatch.domain.repair.rules import Mode
from secretwatch.domain.secret import SecretId
from secretwatch.ports import RepairRequests, Repairs


class Wish(StrEnum):
    """What somebody may ask for."""

    APPROVE = "approve"
    REJECT = "reject"
    UNDO = "undo"
    PAUSE = "pause"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether it is granted, as an HTTP status, and one sentence that says why and what to do."""

    status: int
    message: str


_ACCEPTED, _NOT_FOUND, _CONFLICT = 202, 404, 409


class Deciding:
    """Writes down who decided what, and asks for it to be done."""

    def __init__(
        self,
        repairs: Repairs,
        requests: RepairRequests,
        *,
        mode: Mode,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`mode` is the stack's: where nothing is repaired, nothing is approved."""
        self._repairs = repairs
        self._requests = requests
        self._mode = mode
        self._clock = clock

    def approve(self, repair_id: str, by: str) -> Answer:
        """The very plan that was shown is to be applied, if the policy has not moved."""
        return until_won(lambda: self._approve(repair_id, by))

    def reject(self, repair_id: str, by: str, reason: str) -> Answer:
        """The plan is not to be applied, nor asked for again until something changes."""
        return until_won(lambda: self._reject(repair_id, by, reason))

    def undo(self, repair_id: str, by: str) -> Answer:
        """The policy is to be as it was before the repair, or at least without our statement."""
        return until_won(lambda: self._undo(repair_id, by))

    def pause(self, resource: str | None, by: str) -> Answer:
        """Nothing is to be repaired, of one policy or of all."""
        return until_won(lambda: self._pause(resource, by))

    def resume(self, resource: str | None, by: str) -> Answer:
        """Repairs go on; what asked for one meanwhile is looked at again."""
        return until_won(lambda: self._resume(resource, by))

    def _approve(self, repair_id: str, by: str) -> Answer:
        repair = self._repairs.find(repair_id)
        if repair is None:
            return _unknown(repair_id)
        if hindrance := self._hindrance(repair):
            return Answer(_CONFLICT, hindrance)
        if repair.expired(self._clock()):
            self._repairs.store(repair.successor(status=Status.EXPIRED, told=True))
            return Answer(_CONFLICT, f"{repair_id} is too old to be approved. It is planned anew at the next change.")
        if repair.status is Status.APPROVED:
            self._requests.carry_out(repair_id)  # it may have been lost on the way
            return Answer(_ACCEPTED, f"{repair_id} was approved already, and is being applied.")
        if repair.status is not Status.PLANNED:
            return _settled(repair)
        self._repairs.store(repair.moved(Status.APPROVED, decided_by=by, decided_at=self._clock()))
        self._requests.carry_out(repair_id)
        return Answer(_ACCEPTED, f"{repair_id} is approved, and applied if the policy has not moved since.")

    def _hindrance(self, repair: Repair) -> str | None:
        if self._mode is Mode.OBSERVE:
            return "Nothing can be repaired: the stack's parameter RepairMode is observe."
        rest = self._repairs.breaker().at_rest or self._repairs.standing(repair.resource).at_rest
        return f"{repair.id} cannot be applied: {rest}. `secretwatch resume` ends that." if rest else None

    def _reject(self, repair_id: str, by: str, reason: str) -> Answer:
        repair = self._repairs.find(repair_id)
        if repair is None:
            return _unknown(repair_id)
        if repair.status is not Status.PLANNED:
            return _settled(repair)
        at = self._clock()
        self._repairs.store(
            repair.successor(
                status=Status.REJECTED, told=True, decided_by=by, decided_at=at, ended_at=at, reason=reason
            )
        )
        return Answer(200, f"{repair_id} is rejected. It is not planned again while the policy stays as it is.")

    def _undo(self, repair_id: str, by: str) -> Answer:
        repair = self._repairs.find(repair_id)
        if repair is None:
            return _unknown(repair_id)
        if self._mode is Mode.OBSERVE:
            return Answer(_CONFLICT, "Nothing can be written: the stack's parameter RepairMode is observe.")
        if repair.status is not Status.APPLIED:
            return Answer(_CONFLICT, f"{repair_id} is {repair.status}: only an applied repair can be undone.")
        if repair.of or repair.undone_by:
            return Answer(_CONFLICT, f"{repair_id} {'is itself an undoing' if repair.of else 'is undone already'}.")
        if not repair.undo_asked_by:
            self._repairs.store(repair.successor(undo_asked_by=by, undo_asked_at=self._clock()))
        self._requests.carry_out(repair_id)
        return Answer(_ACCEPTED, f"{repair_id} is being undone. Repairs of {repair.resource} are paused then.")

    def _pause(self, resource: str | None, by: str) -> Answer:
        at = self._clock()
        if resource is None:
            self._repairs.store(self._repairs.breaker().successor(paused_at=at, paused_by=by))
            return Answer(200, "All repairs are paused.")
        self._repairs.store(self._repairs.standing(resource).successor(paused_at=at, paused_by=by))
        return Answer(200, f"Repairs of {resource} are paused.")

    def _resume(self, resource: str | None, by: str) -> Answer:
        waiting = self._repairs.broken()
        if resource is None:
            self._repairs.store(self._repairs.breaker().resumed(self._clock()))
            secrets = set(waiting)
        else:
            self._repairs.store(self._repairs.standing(resource).resumed())
            secrets = {resource} & set(waiting)
        for arn in sorted(secrets):
            self._requests.consider(SecretId.of_arn(arn))
        what = "All repairs" if resource is None else f"Repairs of {resource}"
        return Answer(200, f"{what} go on, as {by} asked; {len(secrets)} that asked for one meanwhile are looked at.")


def _unknown(repair_id: str) -> Answer:
    return Answer(_NOT_FOUND, f"There is no repair {repair_id}. `secretwatch repairs` lists those that wait.")


def _settled(repair: Repair) -> Answer:
    because = f" ({repair.reason})" if repair.reason else ""
    return Answer(_CONFLICT, f"{repair.id} is {repair.status} already{because}: nothing is done.")
