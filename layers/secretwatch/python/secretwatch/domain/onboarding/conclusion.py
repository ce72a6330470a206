"""What stands in a provider's way, and what is only worth knowing, from the facts of a reference that it is to have."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from secretwatch.domain.facts import Facts, Unknown
from secretwatch.domain.finding import Code, Finding
from secretwatch.domain.judging import all_found
from secretwatch.domain.onboarding.request import Problem, WantedReference
from secretwatch.domain.reference import SECRET_FIELDS, Reference
from secretwatch.domain.rules import Rules

_HARMLESS = frozenset({Code.READER_DEPENDS, Code.READER_UNPROVEN, Code.ROTATION_FAILED, Code.ROTATION_OVERDUE})
"""What may be so without the provider failing to get its credential; the operator's own rules are none of it."""

_OF_VALUE = frozenset({Code.VALUE_NOT_JSON, Code.JSON_KEY_MISSING, Code.JSON_KEY_NOT_A_STRING, Code.JSON_KEY_EMPTY})

LET_US_READ = (
    "Let Secretwatch read it: the stack's parameter SecretArnPatterns names the secrets, and no policy of theirs or of"
    " their keys may keep it out."
)

ROTATE = "If that was the secret itself, rotate it: it stands in the execution history."


@dataclass(frozen=True, slots=True)
class Conclusion:
    """All that is wrong, and all that is to be told besides; `unsettled` is what trying again may tell."""

    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    unsettled: str | None = None


def conclude(reference: Reference, facts: Facts, rules: Rules, *, mended: Collection[Code] = ()) -> Conclusion:
    """Conclude from the facts; findings of the codes that are `mended` by a grant do not count."""
    found = list(dict.fromkeys(all_found(reference, facts, rules)))
    findings = tuple(one for one in found if isinstance(one, Finding) and one.code not in mended)
    unknowns = [one for one in found if isinstance(one, Unknown)]
    harmless = [one for one in findings if one.code in _HARMLESS]
    tolerable = [one for one in unknowns if one.quiet or one.by_choice]
    return Conclusion(
        problems=(
            *(_problem(reference, one) for one in findings if one not in harmless),
            *(
                Problem(field_of(reference), f"cannot be judged: {one.reason}", LET_US_READ)
                for one in unknowns
                if one not in tolerable
            ),
        ),
        warnings=(
            *(f"{field_of(reference)}: {one.evidence}. {one.remedy}" for one in harmless),
            *(f"{field_of(reference)}: not everything could be looked at: {one.reason}." for one in tolerable),
        ),
        findings=findings,
        unsettled=next((one.reason for one in unknowns if one.transient), None),
    )


def field_of(reference: Reference | WantedReference, part: str = "secretId") -> str:
    """Where the request names the reference's secret, or its JSON key."""
    stem = next((stem for stem, field in SECRET_FIELDS.items() if field == reference.field), None)
    return f"{stem}Config.{part}" if stem else "certificateConfigurations.secretsManager.secretArn"


def _problem(reference: Reference, finding: Finding) -> Problem:
    part = "jsonKey" if finding.code in _OF_VALUE else "secretId"
    fix = f"{finding.remedy} `{finding.command}`" if finding.command else finding.remedy
    problem = Problem(field_of(reference, part), f"does not serve: {finding.evidence}", fix)
    return _unquoted(problem, reference.json_key) if finding.code is Code.JSON_KEY_MISSING else problem


def _unquoted(problem: Problem, json_key: str | None) -> Problem:
    """A key that the value does not have may be the secret itself, typed in the wrong place."""
    message, fix = (
        text.replace(f"JSON key `{json_key}`", "the JSON key that is named").replace(f"`{json_key}`", "that key")
        for text in (problem.message, problem.fix or "")
    )
    return replace(problem, message=message, fix=f"{fix} {ROTATE}")
