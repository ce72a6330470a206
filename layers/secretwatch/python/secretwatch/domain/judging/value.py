"""Whether the current value serves under the reference's JSON key."""

from collections.abc import Iterator, Mapping

from secretwatch.domain.facts import Facts, SecretDescription, Unknown, ValueFacts, ValueShape
from secretwatch.domain.finding import Code, Finding
from secretwatch.domain.judging.commands import REVOKED, move_current
from secretwatch.domain.reference import Reference

_FAULTS: Mapping[ValueShape, tuple[Code, str]] = {
    ValueShape.BINARY: (Code.VALUE_NOT_JSON, "is binary, not a JSON text"),
    ValueShape.NOT_JSON: (Code.VALUE_NOT_JSON, "is not JSON"),
    ValueShape.NOT_AN_OBJECT: (Code.VALUE_NOT_JSON, "is JSON, but not an object"),
    ValueShape.KEY_MISSING: (Code.JSON_KEY_MISSING, "lacks JSON key `{key}`"),
    ValueShape.NOT_A_STRING: (Code.JSON_KEY_NOT_A_STRING, "holds something other than a string under JSON key `{key}`"),
    ValueShape.EMPTY: (Code.JSON_KEY_EMPTY, "holds an empty string under JSON key `{key}`"),
}


def value_findings(reference: Reference, secret: SecretDescription, facts: Facts) -> Iterator[Finding | Unknown]:
    """VALUE_NOT_JSON, JSON_KEY_MISSING, JSON_KEY_NOT_A_STRING, JSON_KEY_EMPTY; nothing where no JSON key is named."""
    match facts.current:
        case Unknown() as unknown:
            yield unknown
        case ValueFacts() as value if reference.json_key is not None:
            shape = value.shapes[reference.json_key]
            if shape is not ValueShape.USABLE:
                yield _faulty(reference, reference.json_key, secret, value, facts.previous)


def _faulty(
    reference: Reference,
    json_key: str,
    secret: SecretDescription,
    value: ValueFacts,
    previous: ValueFacts | Unknown | None,
) -> Finding:
    code, fault = _FAULTS[value.shapes[json_key]]
    evidence = f"the current version {fault.format(key=json_key)}"
    if secret.previous and isinstance(previous, ValueFacts) and previous.shapes[json_key] is ValueShape.USABLE:
        return Finding(
            code,
            f"{evidence}; the previous version has it",
            f"Make the previous version current again{REVOKED}, or store a value with that key.",
            move_current(reference, secret.previous, away_from=value.version_id),
            about=reference.secret_arn,
        )
    return Finding(
        code,
        f"{evidence}{_about(previous)}",
        f"Store a JSON object with a non-empty string under `{json_key}`{_managed_by(secret)}.",
        about=reference.secret_arn,
    )


def _about(previous: ValueFacts | Unknown | None) -> str:
    match previous:
        case None:
            return "; there is no previous version"
        case Unknown():
            return "; whether the previous version has it is unknown"
        case ValueFacts():
            return "; the previous version would not do either"


def _managed_by(secret: SecretDescription) -> str:
    """A managed external secret has the keys that its partner writes: the reference may be what is wrong."""
    return f", or name a key that {secret.partner} writes" if secret.partner else ""
