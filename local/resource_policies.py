"""What Secrets Manager and KMS refuse as a resource policy, and what Secrets Manager calls a public one.

Pure, and apart from the product's own reading of policies: what is tested must not be its own judge. The grammar is
that of the IAM reference; whether a principal exists is not looked at.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Fields = dict[str, Any]

MOST_CHARACTERS = 20_480
"""Of a secret's policy, by the service model."""

VERSIONS = ("2012-10-17", "2008-10-17")
ELEMENTS = frozenset(
    {
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    }
)
AWS_PRINCIPAL = re.compile(r"\*|\d{12}|arn:aws[a-z-]*:(iam|sts)::\d{12}:.+|A[A-Z0-9]{15,}")
PRINCIPALS = {
    "AWS": AWS_PRINCIPAL,
    "Service": re.compile(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?", re.IGNORECASE),
    "Federated": re.compile(r".+"),
    "CanonicalUser": re.compile(r"[0-9a-f]{64}"),
}
ACTION = re.compile(r"\*|[a-z0-9-]+:[a-z0-9*?]+", re.IGNORECASE)
RESOURCE = re.compile(r".+")
OPERATOR = re.compile(
    r"(ForAnyValue:|ForAllValues:)?"
    r"(String(Not)?(Equals(IgnoreCase)?|Like)|Arn(Not)?(Equals|Like)|(Not)?IpAddress|Bool|BinaryEquals"
    r"|(Numeric|Date)((Not)?Equals|(Less|Greater)Than(Equals)?))(IfExists)?|Null",
    re.IGNORECASE,
)

LIMITING = re.compile(r"(ForAnyValue:)?(String(Equals(IgnoreCase)?|Like)|Arn(Equals|Like)|IpAddress)", re.IGNORECASE)
"""Operators that let in only callers who are known by the key's value."""
LIMITING_KEYS = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceip",
        "aws:sourceorgid",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "aws:vpcsourceip",
    }
)


class NotJsonError(ValueError):
    """The text is no JSON object, so there is no policy to look at."""


def problems(text: str) -> list[str]:
    """Return what is wrong with a policy's form, in words; raises NotJsonError for what is no JSON object."""
    document = _read(text)
    found = [f"Unknown element {name}." for name in document if name not in {"Version", "Id", "Statement"}]
    if document.get("Version", VERSIONS[1]) not in VERSIONS:
        found.append("Version must be 2012-10-17 or 2008-10-17.")
    if "Statement" not in document:
        return [*found, "Missing required field Statement."]
    statements = _statements(document)
    for number, statement in enumerate(statements, start=1):
        found += [f"Statement {number}: {problem}" for problem in _of_statement(statement)]
    sids = [statement["Sid"] for statement in statements if isinstance(statement, dict) and statement.get("Sid")]
    if len(set(map(str, sids))) < len(sids):
        found.append("Statement IDs must be unique.")
    return found


def is_public(text: str) -> bool:
    """Whether a statement of a well-formed policy allows everybody, limited by no condition on who calls."""
    return any(
        statement["Effect"] == "Allow" and _is_everybody(statement) and not _is_limited(statement.get("Condition", {}))
        for statement in _statements(_read(text))
    )


def _read(text: str) -> Fields:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise NotJsonError("This policy contains invalid Json") from None
    if not isinstance(document, dict):
        raise NotJsonError("This policy is no JSON object")
    return document


def _statements(document: Fields) -> list[Any]:
    statements = document["Statement"]
    return statements if isinstance(statements, list) else [statements]


def _of_statement(statement: Any) -> Iterator[str]:
    if not isinstance(statement, dict):
        yield "it must be an object."
        return
    yield from (f"unknown element {name}." for name in statement if name not in ELEMENTS)
    if statement.get("Effect") not in ("Allow", "Deny"):
        yield "Effect must be Allow or Deny."
    if not isinstance(statement.get("Sid", ""), str):
        yield "Sid must be a string."
    for element, pattern in (("Principal", None), ("Action", ACTION), ("Resource", RESOURCE)):
        names = [name for name in (element, f"Not{element}") if name in statement]
        if len(names) != 1:
            yield f"it must have either {element} or Not{element}."
        elif pattern is None:
            yield from _of_principal(names[0], statement[names[0]])
        elif not _all_match(statement[names[0]], pattern):
            yield f"{names[0]} has a value of an unknown form."
    yield from _of_condition(statement.get("Condition", {}))


def _of_principal(name: str, principal: Any) -> Iterator[str]:
    if principal == "*":
        return
    if not isinstance(principal, dict) or not principal:
        yield f"{name} must be * or an object."
        return
    for kind, given in principal.items():
        if kind not in PRINCIPALS:
            yield f"{name} is of an unknown kind: {kind}."
        elif not _all_match(given, PRINCIPALS[kind]):
            yield f"this resource policy contains an unsupported principal, in {name}."


def _of_condition(condition: Any) -> Iterator[str]:
    if not isinstance(condition, dict):
        yield "Condition must be an object."
        return
    for operator, tests in condition.items():
        if OPERATOR.fullmatch(operator) is None:
            yield f"Condition has an unknown operator: {operator}."
        if not isinstance(tests, dict) or not all(map(_is_plain, tests.values())):
            yield f"Condition must give each key of {operator} a value or a list of values."


def _all_match(given: Any, pattern: re.Pattern[str]) -> bool:
    values = given if isinstance(given, list) else [given]
    return bool(values) and all(isinstance(value, str) and pattern.fullmatch(value) for value in values)


def _is_plain(given: Any) -> bool:
    values = given if isinstance(given, list) else [given]
    return all(isinstance(value, str | bool | int | float) for value in values)


def _is_everybody(statement: Fields) -> bool:
    if "NotPrincipal" in statement:
        return True
    principal = statement["Principal"]
    named = principal if isinstance(principal, str) else principal.get("AWS", [])
    return "*" in (named if isinstance(named, list) else [named])


def _is_limited(condition: Fields) -> bool:
    return any(
        LIMITING.fullmatch(operator)
        and any(key.lower() in LIMITING_KEYS and _is_narrow(given) for key, given in tests.items())
        for operator, tests in condition.items()
    )


def _is_narrow(given: Any) -> bool:
    values = [str(value) for value in (given if isinstance(given, list) else [given])]
    return bool(values) and not any(set(value) <= set("*?:") or value in {"0.0.0.0/0", "::/0"} for value in values)
