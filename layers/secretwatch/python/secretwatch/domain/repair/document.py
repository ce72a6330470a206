"""Policy documents with and without our statement; all others keep their meaning, their order and their Sids."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Statement: TypeAlias = Mapping[str, Any]


class Unkeepable(ValueError):
    """What stands there cannot be kept in meaning; the message says why."""


_EMPTY: Mapping[str, Any] = {"Version": "2012-10-17", "Statement": []}


def our_statement(text: str | None, sid: str) -> Statement | None:
    """The statement with our Sid, if the document has it; raises Unkeepable for what is no policy document."""
    return next((one for one in _statements(_load(text)) if one.get("Sid") == sid), None)


def with_statement(text: str | None, statement: Statement) -> str:
    """The document with our statement in the place that it had, or at the end. Written twice, it is there once.

    Raises Unkeepable for what is no policy document.
    """
    document, sid = _load(text), statement["Sid"]
    statements = _statements(document)
    places = [index for index, one in enumerate(statements) if one.get("Sid") == sid]
    if places:
        kept = [one for index, one in enumerate(statements) if index not in places[1:]]
        kept[places[0]] = statement
    else:
        kept = [*statements, statement]
    return _dump({**document, "Statement": kept})


def without_statement(text: str, sid: str) -> str | None:
    """The document without our statement; None when nothing is left, since a policy without statements is none.

    Raises Unkeepable for what is no policy document.
    """
    document = _load(text)
    kept = [one for one in _statements(document) if one.get("Sid") != sid]
    return _dump({**document, "Statement": kept}) if kept else None


def same(one: str | None, other: str | None) -> bool:
    """Whether two documents say the same, however they are laid out; one that is no document is only like itself."""
    if one == other:
        return True
    try:
        return one is not None and other is not None and _load(one) == _load(other)
    except Unkeepable:
        return False


def _load(text: str | None) -> Mapping[str, Any]:
    try:
        document = json.loads(text, parse_float=_exact, parse_constant=_no_constant) if text is not None else _EMPTY
    except RecursionError:
        raise Unkeepable("the document is too deeply nested") from None
    except json.JSONDecodeError as error:
        raise Unkeepable("the document is not JSON") from error
    if not isinstance(document, dict):
        raise Unkeepable("the document is not a JSON object")
    return document


def _exact(number: str) -> float:
    """A number that is written back as it was read: no statement of another's may change by a digit."""
    value = float(number)
    if repr(value) != number:
        raise Unkeepable(f"the number {number} cannot be written back as it is")
    return value


def _no_constant(name: str) -> Any:
    raise Unkeepable(f"{name} is no value")


def _statements(document: Mapping[str, Any]) -> Sequence[Statement]:
    found = document.get("Statement")
    statements: list[Any] = found if isinstance(found, list) else [found]
    if not all(isinstance(one, dict) for one in statements):
        raise Unkeepable("a statement is not a JSON object")
    return statements


def _dump(document: Mapping[str, Any]) -> str:
    """Without spaces, since characters count; and in ASCII, which every reader of it understands alike."""
    return json.dumps(document, separators=(",", ":"))
