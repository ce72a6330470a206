"""The judgement of a reference: a pure function of facts and rules."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from secretwatch.domain.facts import Facts, SecretDescription, Unknown
from secretwatch.domain.finding import Finding, Verdict, worst
from secretwatch.domain.judging.governance import governance_findings
from secretwatch.domain.judging.key import key_findings
from secretwatch.domain.judging.provider import provider_findings
from secretwatch.domain.judging.reading import reading_findings
from secretwatch.domain.judging.rotation import rotation_findings
from secretwatch.domain.judging.secret import secret_findings
from secretwatch.domain.judging.value import value_findings
from secretwatch.domain.reference import Reference
from secretwatch.domain.rules import Rules

Found: TypeAlias = Finding | Unknown


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the facts say: a verdict with its findings, or None and what is unknown.

    A finding that breaks stands whatever else is unknown. Without one, an unknown fact leaves the verdict open, unless
    the operator chose not to know it.
    """

    verdict: Verdict | None
    findings: tuple[Finding, ...] = ()
    unknown: Unknown | None = None


def judge(reference: Reference, facts: Facts, rules: Rules) -> Judgement:
    """Decide whether AgentCore can still take the reference's credential from its secret."""
    found = list(all_found(reference, facts, rules))
    findings = tuple(dict.fromkeys(one for one in found if isinstance(one, Finding)))
    # What leaves the verdict open comes first, and of that what trying again may tell.
    unknowns = [one for one in found if isinstance(one, Unknown)]
    unknown = min(unknowns, key=lambda one: (one.by_choice, not one.transient, one.quiet), default=None)
    verdict = worst(findings)
    if unknown and not unknown.by_choice and verdict is not Verdict.BROKEN:
        return Judgement(None, (), unknown)
    return Judgement(verdict, findings, unknown)


def all_found(reference: Reference, facts: Facts, rules: Rules) -> Iterator[Found]:
    """Everything that is wrong or unknown. Of a secret that cannot be read at all, nothing further is said."""
    yield from provider_findings(reference, facts)
    yield from secret_findings(reference, facts)
    secret = facts.secret
    if not isinstance(secret, SecretDescription) or secret.deletion_date:
        return
    yield from value_findings(reference, secret, facts)
    yield from key_findings(reference, secret, facts)
    yield from reading_findings(reference, secret, facts, rules)
    yield from rotation_findings(reference, secret, facts, rules)
    yield from governance_findings(reference, secret, facts, rules)
