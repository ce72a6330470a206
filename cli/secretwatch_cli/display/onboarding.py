"""Onboardings for people and for programs: what is wrong with a request, each step, and what came of it."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from rich.text import Text

from secretwatch.domain.onboarding.destination import destination_of
from secretwatch.domain.onboarding.news import quoted
from secretwatch.domain.onboarding.onboarding import Offboarding, Onboarding, Status
from secretwatch.domain.onboarding.request import Problem
from secretwatch.domain.repair.rendering import as_cloudformation, as_json, as_terraform, diff
from secretwatch_cli.display.terminal import headed, indented, moment
from secretwatch_cli.steps import Execution, Outcome, Step
from secretwatch_cli.underway import UnderWay, waiting

_MEANINGS = {
    "Validate": "the request is what AgentCore takes",
    "Inspect": "the secret, its key, their policies and your organisation's rules",
    "Approve": "a person approves",
    "Grant": "AgentCore is let in",
    "CreateProvider": "the provider",
    "Verify": "the provider gets its credential",
    "Register": "Secretwatch watches it",
    "Announce": "everybody is told",
    "Forget": "taken out of the Registry again",
    "DeleteProvider": "the provider is deleted again, if it was created here",
    "WithdrawAccess": "what AgentCore was allowed is taken back",
    "AnnounceFailure": "everybody is told why",
    "CheckUse": "nobody uses the provider",
    "RemoveProvider": "the provider is deleted",
    "Close": "its references and incidents are closed",
    "AnnounceOffboarded": "everybody is told",
}
_AGAIN = "start it again, or remove the provider with offboard."
_ON = "start it again, and it goes on where it was."


def problem_lines(problems: Iterable[Problem]) -> Iterator[Text]:
    """Every problem with its field, and how to mend it."""
    for one in problems:
        yield headed("refused", (one.field, "bold"), f" {one.message}")
        if one.fix:
            yield indented(f"What to do: {one.fix}")


def problems_json(problems: Iterable[Problem]) -> list[dict[str, str | None]]:
    """The same for a program."""
    return [{"field": one.field, "message": one.message, "fix": one.fix} for one in problems]


def inspected_lines(one: Onboarding) -> Iterator[Text]:
    """What a dry run found besides problems: what is worth knowing, who has to approve, and what would be changed."""
    for warning in one.warnings:
        yield headed("warning", warning)
    if one.approval:
        yield indented(f"{'Somebody has to approve it. ' if one.approval.needed else ''}{one.approval.why}")
    yield from _plan_lines(one)


def dry_run_json(problems: Iterable[Problem], inspected: Onboarding | None, unknown: str | None) -> dict[str, Any]:
    """The same for a program; `unknown` is why what the request names could not be looked at."""
    return {
        "problems": problems_json(problems),
        "warnings": list(inspected.warnings) if inspected else [],
        "approval": _approval_json(inspected) if inspected else None,
        "unknown": unknown,
    }


def waits_for_people(step: Step) -> bool:
    """Whether it is told as soon as it begins: somebody has to do something."""
    return step.name == "Approve"


def step_line(step: Step, execution: str) -> Text:
    """One step, and what it is about."""
    meaning = _MEANINGS.get(step.name)
    if step.outcome is Outcome.RUNNING and waits_for_people(step):
        meaning = f"somebody else has to: secretwatch approve {execution}"
    return headed(step.outcome, step.name, (f": {meaning}", "dim") if meaning else "")


def outcome_lines(execution: Execution) -> Iterator[Text]:
    """What came of it."""
    if not execution.over:
        yield headed(Outcome.RUNNING, execution.id)
        return
    yield headed(Outcome.DONE if execution.succeeded else Outcome.FAILED, execution.id)
    yield from map(indented, _told(execution).splitlines())


def _told(execution: Execution) -> str:
    """The workflow's own words, or why it has none."""
    if execution.status == "ABORTED":
        leaves = execution.id.startswith("off-")  # as the command calls offboardings
        return f"It was stopped: {_ON}" if leaves else f"It was stopped. Nothing is rolled back then: {_AGAIN}"
    told = (execution.output or {}).get("message") if execution.succeeded else execution.cause
    return str(told or execution.error or execution.status)


def execution_json(execution: Execution) -> dict[str, Any]:
    """The same for a program, with what the workflow gave back."""
    return {
        "id": execution.id,
        "executionArn": execution.arn,
        "status": execution.status,
        "steps": [{"step": one.name, "outcome": one.outcome} for one in execution.steps],
        "output": dict(execution.output) if execution.output is not None else None,
        "error": execution.error,
        "message": _told(execution) if execution.over else None,
    }


_STOPPED = "STOPPED"  # as no record says: nobody was there to write it


def open_lines(under_way: UnderWay, *, at: datetime) -> Iterator[Text]:
    """Every onboarding and offboarding that is not over: those that wait for a person first."""
    wait = waiting(under_way.onboardings, at=at)
    for one in (*wait, *(one for one in under_way.onboardings if one not in wait)):
        yield from _headline(one)
    for leaving in under_way.offboardings:
        yield from _offboarding_headline(leaving)
    for cut in under_way.stopped:
        yield from (
            _headline(cut, stopped=True) if isinstance(cut, Onboarding) else _offboarding_headline(cut, stopped=True)
        )
    if under_way == UnderWay():
        yield Text("No onboarding is under way.")


def onboarding_lines(one: Onboarding, *, stopped: bool = False) -> Iterator[Text]:
    """All of one onboarding: whose it is, which secrets, each change of a policy, and what came of it."""
    yield from _headline(one, stopped=stopped)
    for pointer in one.pointers:
        key = f", JSON key {pointer.json_key}" if pointer.json_key else ""
        yield indented(f"{pointer.field}: {pointer.secret_arn}{key}")
    yield from map(indented, _destination_lines(one))
    if one.approval:
        yield from _decision_lines(one)
    for warning in one.warnings:
        yield headed("warning", warning)
    yield from _plan_lines(one)
    yield from problem_lines(one.problems)
    if one.provider_arn:
        yield indented(f"The provider: {one.provider_arn}{' (it was there before)' if one.created is False else ''}")
    if one.callback_url:
        yield indented(f"Register this URL at the vendor: {one.callback_url}", "bold")
    if one.error:
        yield indented(f"It came to nothing at {one.failed_step} ({one.error}): {one.message}")
    for note in one.notes:
        yield indented(note)
    for left in one.left:
        yield headed("refused", f"Left behind: {left}")


def _destination_lines(one: Onboarding) -> Iterator[str]:
    """Where the credential is sent."""
    if (request := one.request) and request.vendor:
        yield f"The credential is for {request.vendor}."
        yield from (f"{name}: {value}" for name, value in destination_of(request))


def _headline(one: Onboarding, *, stopped: bool = False) -> Iterator[Text]:
    whose = f", said to be of {quoted(one.owner)}" if one.owner else ""
    status = _STOPPED if stopped else one.status
    yield Text.assemble((one.id, "bold"), f" {status}, begun {moment(one.execution.started_at)}")
    yield indented(f"{one.kind} provider {one.name}{whose}" if one.provider else "a request that is not read yet")
    if stopped:
        yield indented(f"It was stopped, or could not tell its end, and what it did may stand: {_AGAIN}")
    elif one.status is Status.AWAITING_APPROVAL and one.approval and one.approval.until:
        yield indented(f"Waits for somebody to approve it, until {moment(one.approval.until)}.")


def _offboarding_headline(one: Offboarding, *, stopped: bool = False) -> Iterator[Text]:
    status = _STOPPED if stopped else one.status
    yield Text.assemble((one.id, "bold"), f" {status}, begun {moment(one.execution.started_at)}")
    yield indented(f"offboarding of the {one.provider.kind} provider {one.provider.name}")
    if stopped:
        yield indented(f"It was stopped, or could not tell its end: {_ON}")


def _plan_lines(one: Onboarding) -> Iterator[Text]:
    for plan in one.plans:
        yield indented(f"{plan.why} It changes {plan.resource}:")
        yield Text(diff(plan.before, plan.after))


def _decision_lines(one: Onboarding) -> Iterator[Text]:
    if one.approval is None:
        return
    yield indented(one.approval.why)
    yield indented(f"Asked by {one.requested_by or 'whom AWS has not named yet'}.")
    if one.approval.decided_by and one.approval.decided_at:
        decided = one.approval.rejected or f"{one.approval.decided_by} approved it."
        yield indented(f"{moment(one.approval.decided_at)}: {decided}")


def open_json(under_way: UnderWay) -> dict[str, Any]:
    """The same for a program."""
    cut = under_way.stopped
    return {
        "onboardings": [
            *map(onboarding_json, under_way.onboardings),
            *(onboarding_json(one, stopped=True) for one in cut if isinstance(one, Onboarding)),
        ],
        "offboardings": [
            *map(_offboarding_json, under_way.offboardings),
            *(_offboarding_json(one, stopped=True) for one in cut if isinstance(one, Offboarding)),
        ],
    }


def _offboarding_json(one: Offboarding, *, stopped: bool = False) -> dict[str, Any]:
    return {
        "id": one.id,
        "status": _STOPPED if stopped else one.status,
        "executionArn": one.execution.arn,
        "startedAt": one.execution.started_at.isoformat(),
        "provider": {"kind": one.provider.kind, "name": one.provider.name, "arn": one.provider_arn},
    }


def onboarding_json(one: Onboarding, *, stopped: bool = False) -> dict[str, Any]:
    """One onboarding for a program."""
    return {
        "id": one.id,
        "status": _STOPPED if stopped else one.status,
        "executionArn": one.execution.arn,
        "startedAt": one.execution.started_at.isoformat(),
        "endedAt": _time(one.ended_at),
        "provider": {"kind": one.kind, "name": one.name, "arn": one.provider_arn} if one.provider else None,
        "created": one.created,
        "callbackUrl": one.callback_url,
        "owner": one.owner,
        "requestedBy": one.requested_by,
        "references": [
            {"field": pointer.field, "secretArn": pointer.secret_arn, "jsonKey": pointer.json_key}
            for pointer in one.pointers
        ],
        "approval": _approval_json(one),
        "warnings": list(one.warnings),
        "problems": problems_json(one.problems),
        "failure": {"step": one.failed_step, "error": one.error, "message": one.message} if one.error else None,
        "leftAlone": list(one.notes),
        "leftBehind": list(one.left),
    }


def _approval_json(one: Onboarding) -> dict[str, Any] | None:
    approval = one.approval
    if approval is None:
        return None
    return {
        "needed": approval.needed,
        "why": approval.why,
        "until": _time(approval.until),
        "decidedBy": approval.decided_by,
        "decidedAt": _time(approval.decided_at),
        "rejected": approval.rejected,
        "destination": {
            "vendor": one.vendor,
            "settings": [{"name": name, "value": value} for name, value in destination_of(one.request)],
        }
        if one.request and one.vendor
        else None,
        "plans": [
            {
                "kind": plan.kind,
                "resource": plan.resource,
                "why": plan.why,
                "diff": diff(plan.before, plan.after),
                "statement": {
                    "json": as_json(plan.statement),
                    "terraform": as_terraform(plan.statement),
                    "cloudFormation": as_cloudformation(plan.statement),
                },
            }
            for plan in one.plans
        ],
    }


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
