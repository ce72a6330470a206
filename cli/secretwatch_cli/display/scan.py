"""What `secretwatch scan` found: a table with what is wrong under it, JSON, or CSV."""

import csv
from collections.abc import Collection, Iterator
from typing import Any, TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from secretwatch.domain.finding import Finding
from secretwatch.domain.verdict_change import described, told
from secretwatch_cli.display.findings import finding_lines, name_of
from secretwatch_cli.display.terminal import STYLES, harmless, headed, indented, moment
from secretwatch_cli.scanning import FailedScan, Found, Scan

SCHEMA_VERSION = "1"


def print_table(scans: Collection[Scan]) -> None:
    """One table for all: as wide as the terminal, and readable at 80 columns."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("Account\nRegion", no_wrap=True)
    table.add_column("Provider\nkind, field", overflow="fold")
    table.add_column("Secret", overflow="fold")
    table.add_column("Verdict\nfindings", no_wrap=True)  # a code stays whole: people search for it
    for scan in scans:
        for found in scan.found:
            table.add_row(*_cells(scan, found))
    Console(highlight=False, markup=False, emoji=False).print(table)


def _cells(scan: Scan, found: Found) -> Iterator[Text]:
    reference, verdict = found.reference, _verdict(found)
    codes = [finding.code.value for finding in found.judgement.findings]
    yield Text(f"{scan.account}\n{scan.region}")
    yield Text(f"{reference.provider.name}\n{reference.provider.kind}, {reference.field}")
    yield Text(reference.secret.name)
    told_not = ["not all told"] if found.judgement.unknown else []
    yield Text("\n").join([Text(verdict, STYLES[verdict]), *map(Text, [*codes, *told_not])])


def scan_lines(scans: Collection[Scan], failed: Collection[FailedScan]) -> Iterator[Text]:
    """What is wrong with each reference, and what to do; what could not be told; and the sum."""
    for scan in scans:
        for found in scan.found:
            if found.judgement.findings or found.judgement.unknown:
                yield from _found_lines(scan, found)
        for unread in scan.unread:
            yield headed("unknown", f"{scan.account} {scan.region}: {unread.what}: {unread.reason}.")
    for one in failed:
        yield headed("unknown", f"{_place(one)} could not be looked at: {one.reason}")
    yield Text(_sum(scans))


def _found_lines(scan: Scan, found: Found) -> Iterator[Text]:
    yield headed(_verdict(found), f"{name_of(found.reference)} in {scan.account} {scan.region}", _observed(found))
    yield indented(found.reference.secret_arn, "dim")
    yield from finding_lines(found.judgement.findings)
    if found.judgement.unknown:
        yield indented(f"Unknown: {found.judgement.unknown.reason}.", "magenta")


def _observed(found: Found) -> str:
    return f", observed {moment(found.observed_at)}" if found.observed_at else ""


def _place(failed: FailedScan) -> str:
    return f"profile {failed.profile} in {failed.region}" if failed.profile else failed.region


def _sum(scans: Collection[Scan]) -> str:
    verdicts = [_verdict(found) for scan in scans for found in scan.found]
    counts = ", ".join(f"{verdicts.count(one)} {one}" for one in ("BROKEN", "DEGRADED", "RESOLVES", "unknown"))
    return f"{len(verdicts)} references: {counts}."


def _verdict(found: Found) -> str:
    return str(found.judgement.verdict or "unknown")


def scan_json(scans: Collection[Scan], failed: Collection[FailedScan]) -> dict[str, Any]:
    """The same for a program."""
    return {
        "schemaVersion": SCHEMA_VERSION,
        "places": [*map(_place_json, scans), *map(_failed_json, failed)],
        "references": [_reference_json(scan, found) for scan in scans for found in scan.found],
    }


def _place_json(scan: Scan) -> dict[str, Any]:
    return {
        "account": scan.account,
        "region": scan.region,
        "profile": scan.profile,
        "scannedAt": scan.at.isoformat(),
        "error": None,
        "unread": [{"what": one.what, "reason": one.reason} for one in scan.unread],
    }


def _failed_json(failed: FailedScan) -> dict[str, Any]:
    return {
        "account": None,
        "region": failed.region,
        "profile": failed.profile,
        "scannedAt": None,
        "error": failed.reason,
        "unread": [],
    }


def _reference_json(scan: Scan, found: Found) -> dict[str, Any]:
    unknown = found.judgement.unknown
    return {
        "account": scan.account,
        "region": scan.region,
        **described(found.reference),
        "verdict": found.judgement.verdict,
        "findings": [told(finding) for finding in found.judgement.findings],
        "unknown": {"reason": unknown.reason, "byChoice": unknown.by_choice} if unknown else None,
        "evidence": "observed" if found.observed_at else "checked",
        "observedAt": found.observed_at.isoformat() if found.observed_at else None,
    }


COLUMNS = (
    "account",
    "region",
    "provider_kind",
    "provider",
    "field",
    "secret_arn",
    "json_key",
    "verdict",
    "code",
    "severity",
    "evidence",
    "remedy",
    "command",
    "unknown",
)


def write_csv(scans: Collection[Scan], out: TextIO) -> None:
    """A row for each finding, and one for each reference without."""
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(COLUMNS)
    for scan in scans:
        for found in scan.found:
            for finding in found.judgement.findings or (None,):
                rows.writerow(map(harmless, _row(scan, found, finding)))


def _row(scan: Scan, found: Found, finding: Finding | None) -> Iterator[str | None]:
    reference, unknown = found.reference, found.judgement.unknown
    yield from (scan.account, scan.region, reference.provider.kind, reference.provider.name, reference.field)
    yield from (reference.secret_arn, reference.json_key, _verdict(found))
    if finding:
        yield from (finding.code, finding.severity, finding.evidence, finding.remedy, finding.command)
    else:
        yield from ("", "", "", "", "")
    yield unknown.reason if unknown else ""
