"""The judgement of a reference: a pure function of facts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from secretwatch.domain.facts import Facts, NoSuchSecret, SecretDescription, Unknown, ValueFacts, ValueShape
from secretwatch.domain.finding import Code, Finding, Verdict
from secretwatch.domain.reference import Reference


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the facts say: a verdict with its findings, or None and what is unknown.

    A definite finding stands whatever else is unknown; without one, an unknown fact leaves the verdict open.
    """

    verdict: Verdict | None
    findings: tuple[Finding, ...] = ()
    unknown: Unknown | None = None


def judge(reference: Reference, facts: Facts) -> Judgement:
    """Decide whether AgentCore can still take the reference's credential from its secret."""
    findings = tuple(_findings(reference, facts))
    unknown = next((fact for fact in (facts.secret, facts.current) if isinstance(fact, Unknown)), None)
    if findings:
        return Judgement(Verdict.BROKEN, findings, unknown)
    if unknown:
        return Judgement(None, (), unknown)
    return Judgement(Verdict.RESOLVES)


def _findings(reference: Reference, facts: Facts) -> Iterator[Finding]:
    match facts.secret:
        case NoSuchSecret():
            yield _not_found()
        case SecretDescription(deletion_date=None) as secret if secret.current is None:
            yield _no_current_version(reference, secret)
        case SecretDescription(deletion_date=None) as secret:
            yield from _value_findings(reference, secret, facts)
        case SecretDescription():
            yield _pending_deletion(reference, facts.secret)


def _not_found() -> Finding:
    return Finding(
        Code.SECRET_NOT_FOUND,
        "Secrets Manager knows no secret by this ARN",
        "A deleted secret does not come back under its old ARN: create it again and point the provider at the new one.",
    )


def _pending_deletion(reference: Reference, secret: SecretDescription) -> Finding:
    return Finding(
        Code.SECRET_PENDING_DELETION,
        f"the secret is marked for deletion ({secret.deletion_date:%Y-%m-%d %H:%M %Z}) and cannot be read",
        "Restore the secret, or point the provider at another one.",
        _aws(reference, "restore-secret"),
    )


def _no_current_version(reference: Reference, secret: SecretDescription) -> Finding:
    if secret.previous is None:
        evidence, command = "no version of the secret is labelled AWSCURRENT", None
        remedy = "Store a value in the secret."
    else:
        evidence = "no version of the secret is labelled AWSCURRENT; the previous version still is AWSPREVIOUS"
        command = _aws(
            reference,
            "update-secret-version-stage",
            {"version-stage": "AWSCURRENT", "move-to-version-id": secret.previous},
        )
        remedy = f"Make the previous version current again{_REVOKED}, or store a new value."
    return Finding(Code.NO_CURRENT_VERSION, evidence, remedy, command)


_REVOKED = " (the vendor may have revoked it)"

_WRONG_VALUES: Mapping[ValueShape, tuple[Code, str]] = {
    ValueShape.BINARY: (Code.VALUE_NOT_JSON, "is binary, not a JSON text"),
    ValueShape.NOT_JSON: (Code.VALUE_NOT_JSON, "is not JSON"),
    ValueShape.NOT_AN_OBJECT: (Code.VALUE_NOT_JSON, "is JSON, but not an object"),
    ValueShape.KEY_MISSING: (Code.JSON_KEY_MISSING, "lacks JSON key `{key}`"),
    ValueShape.NOT_A_STRING: (Code.JSON_KEY_NOT_A_STRING, "holds something other than a string under JSON key `{key}`"),
    ValueShape.EMPTY: (Code.JSON_KEY_EMPTY, "holds an empty string under JSON key `{key}`"),
}


def _value_findings(reference: Reference, secret: SecretDescription, facts: Facts) -> Iterator[Finding]:
    if reference.json_key is None or not isinstance(facts.current, ValueFacts):
        return
    shape = facts.current.shapes[reference.json_key]
    if shape is ValueShape.USABLE:
        return
    code, fault = _WRONG_VALUES[shape]
    evidence = f"the current version {fault.format(key=reference.json_key)}"
    if _would_do(facts.previous, reference.json_key) and secret.previous:
        yield Finding(
            code,
            f"{evidence}; the previous version has it",
            f"Make the previous version current again{_REVOKED}, or store a value with that key.",
            _roll_back(reference, secret.previous, facts.current.version_id),
        )
    else:
        yield Finding(
            code,
            f"{evidence}{_about_previous(facts.previous)}",
            f"Store a JSON object with a non-empty string under `{reference.json_key}`.",
        )


def _would_do(previous: ValueFacts | Unknown | None, json_key: str) -> bool:
    return isinstance(previous, ValueFacts) and previous.shapes[json_key] is ValueShape.USABLE


def _about_previous(previous: ValueFacts | Unknown | None) -> str:
    match previous:
        case None:
            return "; there is no previous version"
        case Unknown():
            return "; whether the previous version has it is unknown"
        case ValueFacts():
            return "; the previous version would not do either"


def _roll_back(reference: Reference, good: str, bad: str) -> str:
    return _aws(
        reference,
        "update-secret-version-stage",
        {"version-stage": "AWSCURRENT", "move-to-version-id": good, "remove-from-version-id": bad},
    )


def _aws(reference: Reference, operation: str, options: Mapping[str, str] | None = None) -> str:
    """An AWS CLI command on the reference's secret. ARNs and version ids need no quoting."""
    arguments = {"region": reference.secret.region, "secret-id": reference.secret_arn, **(options or {})}
    return f"aws secretsmanager {operation} " + " ".join(f"--{name} {value}" for name, value in arguments.items())
