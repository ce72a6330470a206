"""Repairs and what we changed, for people and for programs."""

import csv
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Any, TextIO

from rich.text import Text

from secretwatch.domain.repair.news import described
from secretwatch.domain.repair.rendering import as_cloudformation, as_json, as_terraform, diff
from secretwatch.domain.repair.repair import Audit, Breaker, Repair, Standing
from secretwatch_cli.display.terminal import harmless, indented, moment


def waiting_lines(repairs: Collection[Repair], at_rest: Collection[Standing], breaker: Breaker) -> Iterator[Text]:
    """What waits for a person, and what is left alone."""
    if rest := breaker.at_rest:
        yield Text.assemble(("Nothing is repaired", "bold red"), f": {rest}. `secretwatch resume --all` ends that.")
    for repair in repairs:
        yield from _headline(repair)
    for standing in at_rest:
        yield Text.assemble(("at rest", "yellow"), f" {standing.resource}: {standing.at_rest}")
    if not repairs:
        yield Text("No repair waits for anybody.")


def plan_lines(repair: Repair) -> Iterator[Text]:
    """All of one repair: who gains what, the change, and the statement in three languages."""
    yield from _headline(repair)
    if repair.reason:
        yield indented(f"Reason: {repair.reason}")
    if repair.decided_by and repair.decided_at:
        yield indented(f"Decided by {repair.decided_by}, {moment(repair.decided_at)}")
    for one in repair.decisions:
        yield indented(f"{one.reader} for {one.provider_arn}: {one.before} -> {one.after}")
    if repair.decisions:
        yield indented("Nobody else whom the policies name gains or loses anything, by our own evaluation.")
    yield Text(diff(repair.before, repair.after))
    if repair.statement:
        written = (("JSON", as_json), ("Terraform", as_terraform), ("CloudFormation", as_cloudformation))
        for language, write in written:
            yield Text(f"\n{language}:", "bold")
            yield Text(write(repair.statement))


def _headline(repair: Repair) -> Iterator[Text]:
    yield Text.assemble((repair.id, "bold"), f" {repair.status}, planned {moment(repair.planned_at)}")
    yield indented(repair.resource, "dim")
    yield indented(repair.why)


def waiting_json(repairs: Iterable[Repair], at_rest: Iterable[Standing], breaker: Breaker) -> dict[str, Any]:
    """The same for a program."""
    return {
        "repairs": [described(repair) for repair in repairs],
        "atRest": [{"resource": one.resource, "reason": one.at_rest} for one in at_rest],
        "stopped": breaker.at_rest,
    }


COLUMNS = (
    "at",
    "purpose",
    "kind",
    "resource",
    "repair",
    "why",
    "asked_by",
    "approved_by",
    "request_id",
    "note",
    "before",
    "after",
)


def change_lines(audits: Iterable[Audit]) -> Iterator[Text]:
    """Every change: when, what, why, who, and the difference."""
    for one in audits:
        approved = f", approved by {one.approved_by}" if one.approved_by else ""
        yield Text.assemble((moment(one.at), "bold"), f" {one.purpose} {one.repair}: {one.resource}")
        yield indented(f"{one.why} Asked by {one.asked_by}{approved}.")
        yield indented(f"CloudTrail request id: {one.request_id or 'not known'}{f' ({one.note})' if one.note else ''}")
        yield Text(diff(one.before, one.after))


def changes_json(audits: Iterable[Audit]) -> dict[str, Any]:
    """The same for a program."""
    return {
        "changes": [
            {
                "at": one.at.isoformat(),
                "purpose": one.purpose,
                "kind": one.kind,
                "resource": one.resource,
                "repair": one.repair,
                "why": one.why,
                "askedBy": one.asked_by,
                "approvedBy": one.approved_by,
                "requestId": one.request_id,
                "note": one.note,
                "undoes": one.of,
                "before": one.before,
                "after": one.after,
            }
            for one in audits
        ]
    }


def write_changes(audits: Iterable[Audit], out: TextIO) -> None:
    """The same as CSV."""
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(COLUMNS)
    for one in audits:
        rows.writerow(harmless(_cell(getattr(one, column))) for column in COLUMNS)


def _cell(value: Any) -> str | None:
    return value.isoformat() if isinstance(value, datetime) else value
