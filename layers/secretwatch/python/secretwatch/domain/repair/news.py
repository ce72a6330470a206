"""What the `secretwatch` bus tells of repairs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from secretwatch.domain.repair.rendering import as_cloudformation, as_json, as_terraform, diff
from secretwatch.domain.repair.repair import Breaker, Purpose, Repair, Standing, Status

PLANNED, APPLIED = "Repair Planned", "Repair Applied"
REFUSED, CONTESTED = "Repair Refused", "Repair Contested"
SCHEMA_VERSION = "1"

_BY_STATUS = {
    Status.PLANNED: PLANNED,
    Status.APPLIED: APPLIED,
    Status.REFUSED: REFUSED,
    Status.SUPERSEDED: REFUSED,
}


_OF_ONBOARDINGS = {Purpose.GRANT, Purpose.WITHDRAW}  # they tell themselves why they fail


@dataclass(frozen=True, slots=True)
class RepairNews:
    """One event: `id` is the same whenever the same news is published again. `message` is for people."""

    what: str
    id: str
    resource: str | None
    message: str
    at: datetime
    repair: Repair | None = None
    by: tuple[str, ...] = ()
    reason: str | None = None

    @classmethod
    def of_repair(cls, repair: Repair) -> "RepairNews | None":
        """The news of where a repair stands now; None where nobody waits to hear of it."""
        what = _BY_STATUS.get(repair.status)
        if what is None or (what is REFUSED and repair.purpose in _OF_ONBOARDINGS):
            return None
        at = repair.ended_at or repair.planned_at
        return cls(
            what, f"{repair.id}@{repair.version}", repair.resource, _message(repair), at, repair, reason=repair.reason
        )

    @classmethod
    def of_contest(cls, standing: Standing, repair: Repair) -> Self:
        """Another writer keeps undoing what we repair."""
        times, at = len(standing.undone), standing.contested_at or repair.planned_at
        who = ", ".join(standing.contested_by) or "Another writer"
        message = (
            f"{who} undid the repair of {standing.resource} {times} times within a day, and we stop. Add the statement"
            " to the code that writes this policy, then run"
            f" `secretwatch resume {standing.resource}`:\n{as_terraform(repair.statement or {})}"
        )
        id_ = f"{standing.resource}@{at.isoformat()}"
        return cls(CONTESTED, id_, standing.resource, message, at, repair, by=standing.contested_by)

    @classmethod
    def of_breaker(cls, breaker: Breaker, at: datetime) -> Self:
        """All repairs stop."""
        when = breaker.tripped_at or at
        message = (
            f"Nothing is repaired any more: {breaker.reason}. See what happened to all of them at once; then run"
            " `secretwatch resume --all`."
        )
        return cls(REFUSED, f"breaker@{when.isoformat()}", None, message, when, reason=breaker.reason)

    def detail(self, account: str, region: str) -> dict[str, Any]:
        """The event's detail, as docs/events describes it."""
        repair = self.repair
        return {
            "schemaVersion": SCHEMA_VERSION,
            "id": self.id,
            "account": account,
            "region": region,
            "at": self.at.isoformat(),
            "message": self.message,
            "reason": self.reason,
            "by": list(self.by),
            "resource": self.resource,
            "repair": described(repair) if repair else None,
        }


def described(repair: Repair) -> dict[str, Any]:
    """A repair as other programs read it."""
    statement = repair.statement
    return {
        "id": repair.id,
        "purpose": repair.purpose,
        "status": repair.status,
        "kind": repair.kind,
        "resource": repair.resource,
        "secretArn": repair.secret,
        "why": repair.why,
        "plannedAt": repair.planned_at.isoformat(),
        "diff": diff(repair.before, repair.after),
        "statement": {
            "json": as_json(statement),
            "terraform": as_terraform(statement),
            "cloudFormation": as_cloudformation(statement),
        }
        if statement
        else None,
        "decisions": [
            {"reader": one.reader, "providerArn": one.provider_arn, "before": one.before, "after": one.after}
            for one in repair.decisions
        ],
        "askedBy": repair.asked_by,
        "decidedBy": repair.decided_by,
        "reason": repair.reason,
        "requestId": repair.request_id,
    }


def _message(repair: Repair) -> str:
    match repair.status:
        case Status.PLANNED:
            return (
                f"{repair.why} A repair of {repair.resource} waits: see it with `secretwatch repairs {repair.id}`,"
                f" then `secretwatch approve {repair.id}`, or `secretwatch reject {repair.id} --reason ...`."
            )
        case Status.APPLIED if repair.purpose is Purpose.UNDO:
            return f"{repair.why} It is done. Repairs of {repair.resource} are paused until `secretwatch resume`."
        case Status.APPLIED if repair.purpose is Purpose.GRANT:
            return f"{repair.why} {repair.resource} lets them now ({repair.id}), as {repair.asked_by} asked."
        case Status.APPLIED if repair.purpose is Purpose.WITHDRAW:
            return f"{repair.why} What it needed is taken out of {repair.resource} ({repair.id})."
        case Status.APPLIED:
            approved = f" {repair.decided_by} approved it." if repair.decided_by else ""
            return (
                f"{repair.why} {repair.resource} was repaired ({repair.id}).{approved} That is checked; the next read"
                f" will show. `secretwatch undo {repair.id}` takes it back."
            )
        case _:
            return f"{repair.why} {repair.resource} is not repaired ({repair.id}): {repair.reason}."
