"""Onboardings and offboardings, and which execution works on a provider's name."""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from secretwatch.adapters.dynamodb.table import IF_ABSENT, Condition, Item, Key, Table, delete, if_version
from secretwatch.domain.onboarding.onboarding import (
    KEPT_FOR,
    Approval,
    Execution,
    Offboarding,
    OffboardingStatus,
    Onboarding,
    Pointer,
    Shown,
    Status,
)
from secretwatch.domain.onboarding.request import Options, Problem
from secretwatch.domain.reference import ProviderKind, ProviderName
from secretwatch.domain.repair.plan import Kind
from secretwatch.errors import LostRace

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_NO_FIX = "docs/onboarding.md says what to do."  # problems in records of release 0.3.0 may have none
_OPEN, _OPEN_OFFBOARDING = "ONBOARDING", "OFFBOARDING"


class DynamoDbOnboardings:
    """`ports.Onboardings` on the Registry; and what the command needs to list them."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """`client` is a boto3 DynamoDB client."""
        self._table = Table(client, table)

    def find(self, onboarding_id: str) -> Onboarding | None:
        """GetItem."""
        item = self._table.get(_key(onboarding_id))
        return onboarding_of(item) if item else None

    def store(self, onboarding: Onboarding) -> None:
        """PutItem, on the condition that the stored version is the one before."""
        self._table.put(onboarding_item(onboarding), _following(onboarding.version))

    def find_offboarding(self, offboarding_id: str) -> Offboarding | None:
        """GetItem."""
        item = self._table.get(_offboarding_key(offboarding_id))
        return offboarding_of(item) if item else None

    def store_offboarding(self, offboarding: Offboarding) -> None:
        """PutItem, on the condition that the stored version is the one before."""
        self._table.put(offboarding_item(offboarding), _following(offboarding.version))

    def claimed_by(self, name: ProviderName) -> str | None:
        """GetItem."""
        item = self._table.get(_claim_key(name))
        return item["execution"] if item else None

    def claim(self, name: ProviderName, execution: str, *, over: str | None) -> None:
        """PutItem, on the condition that nobody has it, or that very execution."""
        only = IF_ABSENT if over is None else _if_held_by(over)
        self._table.put({**_claim_key(name), "execution": execution}, only)

    def release(self, name: ProviderName, execution: str) -> None:
        """A delete on the condition that the execution has it still."""
        with suppress(LostRace):
            self._table.write(delete(_claim_key(name), _if_held_by(execution)))

    def open(self) -> list[Onboarding]:
        """Query of the index of what is open: those that run or wait, the oldest first."""
        return [onboarding_of(item) for item in self._table.opened(_OPEN)]

    def open_offboardings(self) -> list[Offboarding]:
        """Query of the index of what is open: those that run, the oldest first."""
        return [offboarding_of(item) for item in self._table.opened(_OPEN_OFFBOARDING)]


def _key(onboarding_id: str) -> Key:
    return {"pk": f"ONBOARDING#{onboarding_id}", "sk": "STATE"}


def _offboarding_key(offboarding_id: str) -> Key:
    return {"pk": f"ONBOARDING#{offboarding_id}", "sk": "OFFBOARDING"}


def _claim_key(name: ProviderName) -> Key:
    return {"pk": f"ONBOARDINGS#{name.account}#{name.region}#{name.kind}", "sk": name.name}


def _if_held_by(execution: str) -> Condition:
    return {
        "ConditionExpression": "execution = :execution",
        "ExpressionAttributeValues": {":execution": {"S": execution}},
    }


def _following(version: int) -> Condition:
    return if_version(version - 1) if version > 1 else IF_ABSENT


def onboarding_item(onboarding: Onboarding) -> dict[str, Any]:
    """An onboarding as a record of the Registry; one that is not over is in the index of what is open.

    DynamoDB would refuse the numbers in a request's body, and a plan is long: both are kept as JSON.
    """
    one, over = onboarding, onboarding.status.over
    return {
        **_key(one.id),
        **({} if over else {"open": _OPEN, "opened_at": one.execution.started_at.isoformat()}),
        **(_expiry(one.ended_at) if over else {}),
        **_execution_item(one.execution),
        "account": one.account,
        "region": one.region,
        "version": one.version,
        "status": one.status.value,
        "kind": one.kind.value if one.kind else None,
        "name": one.name,
        "vendor": one.vendor,
        "owner": one.owner,
        "approve_within": int(one.options.approve_within.total_seconds()),
        "vend": one.options.vend,
        "asked": json.dumps(one.asked) if one.asked is not None else None,
        "requested_by": one.requested_by,
        "pointers": [_pointer_item(pointer) for pointer in one.pointers],
        "plans": [_shown_item(shown) for shown in one.plans],
        "warnings": list(one.warnings),
        "problems": [{"field": it.field, "message": it.message, "fix": it.fix} for it in one.problems],
        "approval": _approval_item(one.approval) if one.approval else None,
        "creating": one.creating,
        "provider_arn": one.provider_arn,
        "created": one.created,
        "callback_url": one.callback_url,
        "registering": one.registering,
        "ended_at": _text(one.ended_at),
        "failed_step": one.failed_step,
        "error": one.error,
        "message": one.message,
        "notes": list(one.notes),
        "left": list(one.left),
    }


def onboarding_of(item: Item) -> Onboarding:
    """The onboarding that a record holds."""
    return Onboarding(
        execution=_execution_of(item),
        account=item["account"],
        region=item["region"],
        version=int(item["version"]),
        status=Status(item["status"]),
        kind=ProviderKind(item["kind"]) if item["kind"] else None,
        name=item["name"],
        vendor=item["vendor"],
        owner=item["owner"],
        options=Options(timedelta(seconds=int(item["approve_within"])), item["vend"]),
        asked=json.loads(item["asked"]) if item["asked"] is not None else None,
        requested_by=item["requested_by"],
        pointers=tuple(map(_pointer, item["pointers"])),
        plans=tuple(map(_shown, item["plans"])),
        warnings=tuple(item["warnings"]),
        problems=tuple(Problem(one["field"], one["message"], one["fix"] or _NO_FIX) for one in item["problems"]),
        approval=_approval(item["approval"]) if item["approval"] else None,
        creating=item["creating"],
        provider_arn=item["provider_arn"],
        created=item["created"],
        callback_url=item["callback_url"],
        registering=item["registering"],
        ended_at=_moment(item["ended_at"]),
        failed_step=item["failed_step"],
        error=item["error"],
        message=item["message"],
        notes=tuple(item["notes"]),
        left=tuple(item["left"]),
    )


def offboarding_item(offboarding: Offboarding) -> dict[str, Any]:
    """An offboarding as a record of the Registry; one that runs is in the index of what is open."""
    one, runs = offboarding, offboarding.status is OffboardingStatus.RUNNING
    return {
        **_offboarding_key(one.id),
        **({"open": _OPEN_OFFBOARDING, "opened_at": one.execution.started_at.isoformat()} if runs else {}),
        **({} if runs else _expiry(one.ended_at)),
        **_execution_item(one.execution),
        "account": one.provider.account,
        "region": one.provider.region,
        "kind": one.provider.kind.value,
        "name": one.provider.name,
        "version": one.version,
        "status": one.status.value,
        "forced": one.forced,
        "provider_arn": one.provider_arn,
        "pointers": [_pointer_item(pointer) for pointer in one.pointers],
        "used_by": list(one.used_by),
        "gone": one.gone,
        "removed": one.removed,
        "notes": list(one.notes),
        "ended_at": _text(one.ended_at),
        "failed_step": one.failed_step,
        "error": one.error,
        "message": one.message,
    }


def offboarding_of(item: Item) -> Offboarding:
    """The offboarding that a record holds."""
    return Offboarding(
        execution=_execution_of(item),
        provider=ProviderName(item["account"], item["region"], ProviderKind(item["kind"]), item["name"]),
        version=int(item["version"]),
        status=OffboardingStatus(item["status"]),
        forced=item["forced"],
        provider_arn=item["provider_arn"],
        pointers=tuple(map(_pointer, item["pointers"])),
        used_by=tuple(item["used_by"]),
        gone=item.get("gone", False),  # records of release 0.3.0 do not say
        removed=item["removed"],
        notes=tuple(item["notes"]),
        ended_at=_moment(item["ended_at"]),
        failed_step=item["failed_step"],
        error=item["error"],
        message=item["message"],
    )


def _execution_item(execution: Execution) -> Item:
    return {"id": execution.name, "execution": execution.arn, "started_at": execution.started_at.isoformat()}


def _execution_of(item: Item) -> Execution:
    return Execution(item["execution"], item["id"], datetime.fromisoformat(item["started_at"]))


def _expiry(ended_at: datetime | None) -> Mapping[str, int]:
    """TTL deletes what is long over."""
    return {"expires_at": int((ended_at + KEPT_FOR).timestamp())} if ended_at else {}


def _pointer_item(pointer: Pointer) -> Item:
    return {"field": pointer.field, "secret_arn": pointer.secret_arn, "json_key": pointer.json_key}


def _pointer(item: Item) -> Pointer:
    return Pointer(item["field"], item["secret_arn"], item["json_key"])


def _shown_item(shown: Shown) -> Item:
    return {
        "kind": shown.kind.value,
        "resource": shown.resource,
        "secret": shown.secret,
        "before": shown.before,
        "after": shown.after,
        "statement": json.dumps(shown.statement),
        "why": shown.why,
    }


def _shown(item: Item) -> Shown:
    return Shown(
        kind=Kind(item["kind"]),
        resource=item["resource"],
        secret=item["secret"],
        before=item["before"],
        after=item["after"],
        statement=json.loads(item["statement"]),
        why=item["why"],
    )


def _approval_item(approval: Approval) -> Item:
    return {
        "needed": approval.needed,
        "why": approval.why,
        "within": int(approval.within.total_seconds()),
        "token": approval.token,
        "until": _text(approval.until),
        "decided_by": approval.decided_by,
        "decided_at": _text(approval.decided_at),
        "rejected": approval.rejected,
    }


def _approval(item: Item) -> Approval:
    return Approval(
        needed=item["needed"],
        why=item["why"],
        within=timedelta(seconds=int(item["within"])),
        token=item["token"],
        until=_moment(item["until"]),
        decided_by=item["decided_by"],
        decided_at=_moment(item["decided_at"]),
        rejected=item["rejected"],
    )


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
