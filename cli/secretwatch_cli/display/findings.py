"""What is wrong with a reference, in words."""

from collections.abc import Iterable, Iterator

from rich.text import Text

from secretwatch.domain.finding import Finding
from secretwatch.domain.reference import Reference
from secretwatch_cli.display.terminal import indented, moment, what_to_do


def name_of(reference: Reference) -> str:
    """The provider, and which of its fields."""
    return f"{reference.provider.name} ({reference.provider.kind}, {reference.field})"


def finding_lines(findings: Iterable[Finding]) -> Iterator[Text]:
    """Every finding with its severity and evidence, and what to do."""
    for finding in findings:
        until = finding.waived_until
        waived = f", waived until {moment(until)}" if until else ""
        yield indented(f"{finding.code} ({finding.severity}{waived}): {finding.evidence}.", "dim" if until else "")
        yield from what_to_do(finding.remedy, finding.command)
