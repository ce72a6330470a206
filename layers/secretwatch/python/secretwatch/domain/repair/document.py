"""Policy documents with and without our statement; all others keep their meaning, their order and their Sids."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Statement: TypeAlias = Mapping[str, Any]

_EMPTY: Mapping[str, Any] = {"Version": "2012-10-17", "Statement": []}


def our_statement(text: str | None, sid: str) -> Statement | None:
    """The statement with our Sid, if the document has it; raises ValueError for what is no policy document."""
    return next((one for one in _statements(_load(text)) if one.get("Sid") == sid), None)


def with_statement(text: str | None, statement: Statement) -> str:
    """The document with our statement in the place that it had, or at the end. Written twice, it is there once.

    Raises ValueError for what is no policy document.
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

    Raises ValueError for what is no policy document.
    """
    document = _load(text)
    kept = [one for one in _statements(document) if one.get("Sid") != sid]
    return _dump({**document, "Statement": kept}) if kept else None


def same(one: str | None, other: str | None) -> bool:
    """Whether two documents say the same, however they are laid out."""
    return one == other or (one is not None and other is not None and json.loads(one) == json.loads(other))


def _load(text: str | None) -> Mapping[str, Any]:
    try:
        document = json.loads(text) if text is not None else _EMPTY
    except RecursionError:
        raise ValueError("the document is too deeply nested") from None
    if not isinstance(document, dict):
        raise ValueError("the document is not a JSON object")
    return document


def _statements(document: Mapping[str, Any]) -> Sequence[Statement]:
    found = document.get("Statement")
    statements = found if isinstance(found, list) else [found]
    if not all(isinstance(one, dict) for one in statements):
        raise ValueError("a statement is not a JSON object")
    return statements


def _dump(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False)
