"""Repairs: what the Registry keeps of each plan, of each policy that was repaired, and of every change that we made."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from secretwatch.domain.repair.document import our_statement, same, with_statement, without_statement
from secretwatch.domain.repair.plan import Decided, Kind, Plan, Refusal, plan_id
from secretwatch.domain.repair.statement import named_secrets, without_secret

PLAN_LASTS = timedelta(days=7)
"""A plan that nobody decided on for so long is not what somebody should approve unseen."""

CONTEST_WITHIN = timedelta(days=1)


class Status(StrEnum):
    """Where a repair stands."""

    PLANNED = "planned"  # waits for a person
    APPROVED = "approved"
    APPLYING = "applying"  # is being written, or was when the function died
    APPLIED = "applied"
    REJECTED = "rejected"
    REFUSED = "refused"  # by us or by AWS; see its reason
    SUPERSEDED = "superseded"  # the policy moved on
    EXPIRED = "expired"


class Purpose(StrEnum):
    """Why a policy is changed."""

    REPAIR = "repair"
    UNDO = "undo"
    GRANT = "grant"  # for a provider that is onboarded
    WITHDRAW = "withdraw"  # what an onboarding that failed had added, or a removed provider had needed


@dataclass(frozen=True, slots=True)
class Repair:
    """An exact change of one policy, and what became of it; None stands for no policy at all.

    `version` counts the writes of the record. `told` says that the bus knows of the status. `decided_by` is the ARN of
    who approved or rejected, None where nobody had to. `undo_asked_by` is who wants it back, `of` the repair that this
    one undoes or withdraws.
    """

    id: str
    kind: Kind
    resource: str
    before: str | None
    after: str | None
    status: Status
    why: str
    planned_at: datetime
    purpose: Purpose = Purpose.REPAIR
    statement: Mapping[str, Any] | None = None
    decisions: tuple[Decided, ...] = ()
    asked_by: str = "secretwatch"
    secret: str | None = None
    version: int = 0
    told: bool = False
    decided_by: str | None = None
    decided_at: datetime | None = None
    reason: str | None = None
    began_at: datetime | None = None
    ended_at: datetime | None = None
    request_id: str | None = None
    undo_asked_by: str | None = None
    undo_asked_at: datetime | None = None
    undone_by: str | None = None
    of: str | None = None

    @classmethod
    def planned(cls, plan: Plan, *, applied: int, secret: str, at: datetime) -> Self:
        """A plan that waits for a person."""
        return cls(
            id=plan.id(applied),
            kind=plan.kind,
            resource=plan.resource,
            before=plan.before,
            after=plan.after,
            status=Status.PLANNED,
            why=plan.why,
            planned_at=at,
            statement=plan.statement,
            decisions=plan.decisions,
            secret=secret,
        )

    @classmethod
    def refused(cls, refusal: Refusal, *, applied: int, secret: str, at: datetime) -> Self:
        """A plan that there will not be."""
        return cls(
            id=refusal.id(applied),
            kind=refusal.kind,
            resource=refusal.resource,
            before=refusal.before,
            after=refusal.before,
            status=Status.REFUSED,
            why="Somebody lacks access.",
            planned_at=at,
            reason=refusal.reason,
            secret=secret,
            ended_at=at,
        )

    @classmethod
    def undo(cls, done: "Repair", current: str | None, *, applied: int, by: str, at: datetime) -> Self:
        """What takes an applied repair back: the document before it, if nothing else changed since, or only ours out.

        Raises Unkeepable for a document that cannot be kept.
        """
        why = f"{by} asked to undo {done.id}."
        after = Removal(done.kind, done.resource, done.secret or done.resource, why, by, granted=done).of(current)
        return cls(
            id=plan_id(done.resource, current, after, applied),
            kind=done.kind,
            resource=done.resource,
            before=current,
            after=after,
            status=Status.APPROVED,
            why=why,
            planned_at=at,
            purpose=Purpose.UNDO,
            asked_by=by,
            secret=done.secret,
            decided_by=by,
            decided_at=at,
            of=done.id,
        )

    @classmethod
    def grant(cls, plan: Plan, *, id_: str, secret: str, asked_by: str, decided_by: str | None, at: datetime) -> Self:
        """What lets the readers of a provider in that is yet to be created; decided already."""
        return cls(
            id=id_,
            kind=plan.kind,
            resource=plan.resource,
            before=plan.before,
            after=plan.after,
            status=Status.APPROVED,
            why=plan.why,
            planned_at=at,
            purpose=Purpose.GRANT,
            statement=plan.statement,
            decisions=plan.decisions,
            asked_by=asked_by,
            secret=secret,
            decided_by=decided_by,
            decided_at=at if decided_by else None,
        )

    def is_planned_by(self, plan: Plan, *, applied: int) -> bool:
        """Whether the plan is this very change; a grant has an id of its own."""
        if self.purpose is Purpose.GRANT:
            return (plan.before, plan.after) == (self.before, self.after)
        return plan.id(applied) == self.id

    def expired(self, at: datetime) -> bool:
        """Whether it waited too long for a person."""
        return self.status is Status.PLANNED and at - self.planned_at > PLAN_LASTS

    def moved(self, status: Status, **others: Any) -> Self:
        """The record's successor, of which the bus is still to be told."""
        return replace(self, status=status, version=self.version + 1, told=False, **others)

    def successor(self, **others: Any) -> Self:
        """The record's successor in the same status."""
        return replace(self, version=self.version + 1, **others)


@dataclass(frozen=True, slots=True)
class Removal:
    """A wish to take what one secret needed out of a policy. `granted` is the repair that it takes back, if it does."""

    kind: Kind
    resource: str
    secret: str
    why: str
    asked_by: str
    granted: Repair | None = None

    def of(self, current: str | None) -> str | None:
        """The document that is to be in place of the current one; raises Unkeepable for one that cannot be kept."""
        ours = our_statement(current, self.kind.sid)
        if self.granted and same(current, self.granted.after):
            return self.granted.before
        if current is None or ours is None:
            return current
        before = our_statement(self.granted.before, self.kind.sid) if self.granted else None
        if self.kind is Kind.KEY and not (self.granted and ours == self.granted.statement):
            # Others' secrets stay in it, and ours if it was there before.
            if before is not None and self.secret in named_secrets(before):
                return current
            before = without_secret(ours, self.secret)
        return with_statement(current, before) if before is not None else without_statement(current, self.kind.sid)

    def repair(self, current: str | None, *, applied: int, at: datetime) -> Repair:
        """The change that does it; raises Unkeepable as `of` does."""
        after = self.of(current)
        return Repair(
            id=plan_id(self.resource, current, after, applied),
            kind=self.kind,
            resource=self.resource,
            before=current,
            after=after,
            status=Status.APPROVED,
            why=self.why,
            planned_at=at,
            purpose=Purpose.WITHDRAW,
            asked_by=self.asked_by,
            secret=self.secret,
            of=self.granted.id if self.granted else None,
        )

    def is_of(self, repair: Repair) -> bool:
        """Whether the repair is this very removal."""
        same_wish = (repair.resource, repair.secret, repair.asked_by) == (self.resource, self.secret, self.asked_by)
        return same_wish and repair.purpose is Purpose.WITHDRAW

    def is_under_way(self, repair: Repair) -> bool:
        """Whether the repair is this very removal, begun and not ended."""
        return self.is_of(repair) and repair.status in {Status.APPROVED, Status.APPLYING}


@dataclass(frozen=True, slots=True)
class Standing:
    """What we know of one policy: how often we changed it, our plan, and whether we keep our hands off.

    `stands` is the id of the repair whose statement should still be there; `undone` are the times at which we found
    that another writer had taken it out.
    """

    resource: str
    version: int = 0
    applied: int = 0
    plan: str | None = None
    stands: str | None = None
    undone: tuple[datetime, ...] = ()
    contested_at: datetime | None = None
    contested_by: tuple[str, ...] = ()
    contest_told: bool = False
    paused_at: datetime | None = None
    paused_by: str | None = None

    @property
    def at_rest(self) -> str | None:
        """Why nothing is repaired here, or None."""
        if self.contested_at:
            return "the repair is contested: another writer keeps undoing it"
        return f"repairs of it are paused by {self.paused_by}" if self.paused_at else None

    def found_undone(self, at: datetime) -> Self:
        """The record's successor once our statement was found gone."""
        recent = tuple(one for one in self.undone if at - one < CONTEST_WITHIN)
        return self.successor(stands=None, undone=(*recent, at))

    def resumed(self) -> Self:
        """The record's successor that begins anew."""
        fresh: dict[str, Any] = {"contested_at": None, "contested_by": (), "paused_at": None, "paused_by": None}
        return self.successor(undone=(), contest_told=False, **fresh)

    def successor(self, **others: Any) -> Self:
        """The record's successor."""
        return replace(self, version=self.version + 1, **others)


@dataclass(frozen=True, slots=True)
class Breaker:
    """Whether repairs stop for the whole stack: because somebody paused them, or because too many were asked for."""

    version: int = 0
    tripped_at: datetime | None = None
    reason: str | None = None
    told: bool = False
    paused_at: datetime | None = None
    paused_by: str | None = None
    resumed_at: datetime | None = None

    @property
    def at_rest(self) -> str | None:
        """Why nothing is repaired, or None."""
        if self.tripped_at:
            return f"the breaker stopped all repairs: {self.reason}"
        return f"all repairs are paused by {self.paused_by}" if self.paused_at else None

    def resumed(self, at: datetime) -> Self:
        """The record's successor; what was broken before is no reason to stop again."""
        stopped: dict[str, Any] = {"tripped_at": None, "reason": None, "paused_at": None, "paused_by": None}
        return self.successor(resumed_at=at, told=False, **stopped)

    def successor(self, **others: Any) -> Self:
        """The record's successor."""
        return replace(self, version=self.version + 1, **others)


@dataclass(frozen=True, slots=True)
class Spending:
    """How many repairs of one policy began in an hour."""

    resource: str
    hour: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Audit:
    """A change of a policy that we made. Written once, kept for good, changed by nobody."""

    repair: str
    purpose: Purpose
    kind: Kind
    resource: str
    at: datetime
    before: str | None
    after: str | None
    why: str
    asked_by: str
    approved_by: str | None
    request_id: str | None
    note: str | None = None
    of: str | None = None

    @classmethod
    def of_repair(cls, repair: Repair, *, request_id: str | None, note: str | None) -> Self:
        """The same for every attempt to write it down: its time is that of the intent."""
        if repair.began_at is None:
            raise ValueError("a repair that never began has changed nothing")
        return cls(
            repair=repair.id,
            purpose=repair.purpose,
            kind=repair.kind,
            resource=repair.resource,
            at=repair.began_at,
            before=repair.before,
            after=repair.after,
            why=repair.why,
            asked_by=repair.asked_by,
            approved_by=repair.decided_by,
            request_id=request_id,
            note=note,
            of=repair.of,
        )
