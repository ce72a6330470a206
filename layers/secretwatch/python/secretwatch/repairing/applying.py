"""Applying: the very change that was planned, or nothing; a crash at any point is finished by the next delivery."""

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from secretwatch.attempts import until_won
from secretwatch.domain.change import Subject
from secretwatch.domain.facts import Unknown
from secretwatch.domain.key import KeyId
from secretwatch.domain.repair.document import Unkeepable, our_statement, same
from secretwatch.domain.repair.news import RepairNews
from secretwatch.domain.repair.plan import Kind, Plan
from secretwatch.domain.repair.repair import Audit, Purpose, Removal, Repair, Spending, Status
from secretwatch.domain.repair.rules import Mode, RepairRules
from secretwatch.domain.secret import SecretId
from secretwatch.errors import Permanent, SecretwatchError, Transient
from secretwatch.ports import Documents, RepairBus, Repairs, Requests
from secretwatch.repairing.looking import Look, Looking

_CALLED_FOR = {Purpose.REPAIR, Purpose.GRANT}
"""What is written only as long as somebody lacks access."""

_LEASE_LASTS = timedelta(seconds=60)  # longer than the function may run: whose lease has run out is dead


class Applying:
    """Writes policies. Nothing else in Secretwatch does."""

    def __init__(
        self,
        looking: Looking,
        documents: Mapping[Kind, Documents],
        repairs: Repairs,
        checks: Requests,
        bus: RepairBus,
        *,
        rules: RepairRules,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`checks` takes what is to be checked again; `bus` hears what became of it."""
        self._looking = looking
        self._documents = documents
        self._repairs = repairs
        self._checks = checks
        self._bus = bus
        self._rules = rules
        self._clock = clock

    def apply(self, repair: Repair) -> Repair:
        """Apply an approved repair, or finish one that was begun; returns what became of it.

        Raises LostRace while another repair of the policy is under way, Transient when AWS does not answer.
        """
        if repair.status not in {Status.APPROVED, Status.APPLYING}:
            return self.tell(repair)
        return self.tell(self._leased(repair, self._under_lease))

    def undo(self, done: Repair) -> Repair:
        """Take an applied repair back as somebody asked; returns what became of that.

        Raises Transient when the policy moved meanwhile: the next delivery looks again.
        """
        try:
            current = self._documents[done.kind].read(done.resource)
            standing, by, at = self._repairs.standing(done.resource), done.undo_asked_by or "", self._clock()
            begun = self._repairs.find(standing.plan) if standing.plan else None
            if begun and begun.of == done.id and begun.status in {Status.APPROVED, Status.APPLYING}:
                undo = begun
            else:
                undo = Repair.undo(done, current, applied=standing.applied, by=by, at=at).successor()
                if same(undo.before, undo.after):
                    return self._nothing_to_undo(done, "nothing of ours was there any more")
                self._repairs.store(undo, standing.successor(plan=undo.id))
        except (Permanent, Unkeepable) as error:
            return self._nothing_to_undo(done, str(error))
        undone = self.apply(undo)
        if undone.status is Status.SUPERSEDED:
            raise Transient(f"the policy of {done.resource} moved while {done.id} was undone")
        return undone

    def withdraw(self, removal: Removal) -> Repair | None:
        """Take out of a policy what a secret needed; returns what became of that, None when nothing of it is there.

        Raises Transient when the policy moved meanwhile, Permanent when it cannot be read or kept.
        """
        current = self._documents[removal.kind].read(removal.resource)
        standing = self._repairs.standing(removal.resource)
        begun = self._repairs.find(standing.plan) if standing.plan else None
        if begun and removal.is_under_way(begun):
            taken = begun
        else:
            try:
                taken = removal.repair(current, applied=standing.applied, at=self._clock())
            except Unkeepable as error:
                raise Permanent(f"the policy of {removal.resource} cannot be kept: {error}") from error
            if same(taken.before, taken.after):
                return self.tell(begun) if begun and removal.is_of(begun) else None
            known = self._repairs.find(taken.id)
            taken = replace(taken, version=known.version + 1 if known else 1)
            self._repairs.store(taken, standing.successor(plan=taken.id))
        done = self.apply(taken)
        if done.status is Status.SUPERSEDED:
            raise Transient(f"the policy of {done.resource} moved while {done.id} was withdrawn")
        return done

    def settle(self, repair: Repair) -> Repair:
        """Find out how far a repair came that was begun, and write no more; returns what became of it.

        Raises LostRace while another repair of the policy is under way.
        """
        if repair.status not in {Status.APPROVED, Status.APPLYING}:
            return self.tell(repair)
        return self.tell(self._leased(repair, self._settled))

    def tell(self, repair: Repair) -> Repair:
        """Tell the bus where a repair stands, unless it knows; and have checked what was written."""
        if repair.told:
            return repair
        if repair.status is Status.APPLIED:
            self._checks.send(_subjects(repair))
        if news := RepairNews.of_repair(repair):
            self._bus.tell(news)
        told = repair.successor(told=True)
        self._repairs.store(told)
        return told

    # --- under the lease

    def _leased(self, repair: Repair, do: Callable[[str], Repair]) -> Repair:
        holder, at = str(uuid.uuid4()), self._clock()
        self._repairs.lease(repair.resource, holder=holder, at=at, until=at + _LEASE_LASTS)
        try:
            done = do(repair.id)
        except SecretwatchError:
            self._repairs.release(repair.resource, holder=holder)
            raise
        self._repairs.release(repair.resource, holder=holder)
        return done

    def _settled(self, repair_id: str) -> Repair:
        repair = self._repairs.find(repair_id)
        if repair is None:
            raise Permanent(f"there is no repair {repair_id}")
        if repair.status is Status.APPLYING:
            current = self._documents[repair.kind].read(repair.resource)
            if current != repair.before:
                return self._recover(repair, current)
        if repair.status in {Status.APPROVED, Status.APPLYING}:
            return self._give_up(repair, Status.SUPERSEDED, "it was not written before it was not wanted any more")
        return repair

    def _under_lease(self, repair_id: str) -> Repair:
        repair = self._repairs.find(repair_id)
        if repair is None:
            raise Permanent(f"there is no repair {repair_id}")
        if repair.status not in {Status.APPROVED, Status.APPLYING}:
            return repair  # another delivery was first
        documents = self._documents[repair.kind]
        try:
            current = documents.read(repair.resource)
        except Permanent as error:
            return self._give_up(repair, Status.REFUSED, f"its policy cannot be read: {error}")
        if repair.status is Status.APPLYING and current != repair.before:
            return self._recover(repair, current)
        if obstacle := self._obstacle(repair, current):
            return self._give_up(repair, *obstacle)
        begun = self._begin(repair) if repair.status is Status.APPROVED else repair
        return self._write(begun, documents)

    def _write(self, repair: Repair, documents: Documents) -> Repair:
        """The service takes whatever comes last: the comparison stands as close before the write as it can."""
        if documents.read(repair.resource) != repair.before:
            return self._give_up(repair, Status.SUPERSEDED, "the policy moved just before the write")
        try:
            request_id = documents.write(repair.resource, repair.after)
        except Permanent as error:
            return self._give_up(repair, Status.REFUSED, f"AWS refused it: {error}")
        kept = same(documents.read(repair.resource), repair.after)
        note = None if kept else "read back, the policy was another one already"
        return until_won(lambda: self._record(repair, request_id, note))

    def _recover(self, repair: Repair, current: str | None) -> Repair:
        """The function died while it wrote, or after: what stands there now tells how far it came."""
        if same(current, repair.after):
            return self._record(repair, None, "found written after an interruption: CloudTrail has the request id")
        if _stands(repair, current):
            note = "found written after an interruption, and changed by somebody since: CloudTrail has the request id"
            return self._record(repair, None, note)
        return self._give_up(
            repair,
            Status.SUPERSEDED,
            "the policy moved during an interruption; CloudTrail tells whether it was written before that",
        )

    def _obstacle(self, repair: Repair, current: str | None) -> tuple[Status, str] | None:
        """Why it is not begun."""
        if self._rules.mode is Mode.OBSERVE:
            return Status.REFUSED, "RepairMode is observe"
        if current != repair.before:
            return Status.SUPERSEDED, "the policy moved since it was planned"
        if repair.purpose in _CALLED_FOR and (obstacle := self._not_called_for(repair)):
            return obstacle
        if repair.after is None:
            return None if repair.kind is Kind.SECRET else (Status.REFUSED, "a key is never without a policy")
        if problems := self._documents[repair.kind].problems(repair.resource, repair.after):
            return Status.REFUSED, f"AWS would not take it: {'; '.join(problems)}"
        return None

    def _not_called_for(self, repair: Repair) -> tuple[Status, str] | None:
        """Plans are made anew before each is begun: what was shown must still be what is needed."""
        standing = self._repairs.standing(repair.resource)
        if rest := self._repairs.breaker().at_rest or standing.at_rest:
            return Status.SUPERSEDED, rest
        look = self._look_again(repair)
        planned = look.planned.get(repair.resource) if look else None
        if isinstance(planned, Unknown):
            return Status.SUPERSEDED, f"what it hangs on is not known: {planned.reason}"
        applied = standing.applied
        if look is None or not isinstance(planned, Plan) or not repair.is_planned_by(planned, applied=applied):
            return Status.SUPERSEDED, "it is not what is needed any more"
        if look.mode is Mode.OBSERVE:
            return Status.SUPERSEDED, "the secret's tag secretwatch:repair lets nothing be repaired"
        if repair.purpose is Purpose.REPAIR and repair.decided_by is None and look.mode is not Mode.ENFORCE:
            return Status.SUPERSEDED, "somebody has to approve it now"
        return None

    def _look_again(self, repair: Repair) -> Look | None:
        if repair.secret is None:
            return None
        looks = self._looking.look(SecretId.of_arn(repair.secret), at=self._clock())
        return next((look for look in looks if look.secret == repair.secret), None)

    # --- what is written down

    def _begin(self, repair: Repair) -> Repair:
        """The intent, before the write: whoever comes after a crash knows that there may have been one."""
        at = self._clock()
        begun = repair.moved(Status.APPLYING, began_at=at)
        hour = at.replace(minute=0, second=0, microsecond=0)
        spent = self._repairs.spent(repair.resource, hour)
        self._repairs.store(begun, Spending(repair.resource, hour, spent + 1))
        return begun

    def _record(self, repair: Repair, request_id: str | None, note: str | None) -> Repair:
        """All of it or nothing: the repair, the standing of the policy, and the audit."""
        done = repair.moved(Status.APPLIED, ended_at=self._clock(), request_id=request_id)
        standing = self._repairs.standing(repair.resource)
        audit = Audit.of_repair(repair, request_id=request_id, note=note)
        if repair.purpose in _CALLED_FOR:
            after = standing.successor(applied=standing.applied + 1, plan=repair.id, stands=repair.id)
            self._repairs.store(done, after, audit)
            return done
        after = standing.successor(applied=standing.applied + 1, plan=repair.id, stands=None)
        if repair.purpose is Purpose.UNDO:  # what a person took back is not to be put there again at once
            after = replace(after, paused_by=repair.asked_by, paused_at=done.ended_at)
        undone = self._repairs.find(repair.of or "")
        self._repairs.store(done, after, audit, *([undone.successor(undone_by=repair.id)] if undone else []))
        return done

    def _give_up(self, repair: Repair, status: Status, reason: str) -> Repair:
        given_up = repair.moved(status, reason=reason, ended_at=self._clock())
        self._repairs.store(given_up)
        return given_up

    def _nothing_to_undo(self, done: Repair, reason: str) -> Repair:
        kept = done.successor(undo_asked_by=None, undo_asked_at=None, reason=f"not undone: {reason}")
        self._repairs.store(kept)
        return kept


def _stands(repair: Repair, current: str | None) -> bool:
    """Whether the statement that was to be written is there."""
    try:
        return repair.statement is not None and our_statement(current, repair.kind.sid) == repair.statement
    except Unkeepable:
        return False


def _subjects(repair: Repair) -> Iterable[Subject]:
    """What has to be checked now: the secret, or all under the key."""
    return [SecretId.of_arn(repair.resource) if repair.kind is Kind.SECRET else KeyId(repair.resource)]
