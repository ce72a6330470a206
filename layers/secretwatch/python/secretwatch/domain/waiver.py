"""Waivers: findings that somebody has decided to live with, for a time and for a reason."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from secretwatch.domain.finding import Code, Finding
from secretwatch.domain.reference import Reference


@dataclass(frozen=True, slots=True)
class Waiver:
    """One code on one secret or provider, by its ARN. None is without end."""

    subject: str
    code: Code
    reason: str
    author: str
    created_at: datetime
    expires_at: datetime


def waivable(reference: Reference, findings: Iterable[Finding]) -> Iterator[tuple[str, Code]]:
    """Subject and code of every waiver that could hold for these findings."""
    for finding in findings:
        yield reference.secret_arn, finding.code
        yield reference.provider_arn, finding.code


def waived(
    findings: Iterable[Finding], waivers: Collection[Waiver], reference: Reference, *, at: datetime
) -> tuple[Finding, ...]:
    """The findings, each marked with the latest end of the waivers that hold for it."""
    return tuple(replace(finding, waived_until=_until(finding, waivers, reference, at)) for finding in findings)


def _until(finding: Finding, waivers: Iterable[Waiver], reference: Reference, at: datetime) -> datetime | None:
    possible = set(waivable(reference, [finding]))
    ends = [one.expires_at for one in waivers if (one.subject, one.code) in possible and one.expires_at > at]
    return max(ends, default=None)
