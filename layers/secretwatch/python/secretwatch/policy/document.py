"""Policy documents: parsed once, with everything that is wrong with them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from secretwatch.policy.conditions import Condition, UnknownOperator
from secretwatch.policy.context import Context
from secretwatch.policy.pattern import Glob, Text, resource_like
from secretwatch.policy.principal import PrincipalElement
from secretwatch.policy.truth import Truth, any_of, negated

_VERSIONS = {"2008-10-17", "2012-10-17"}
_POLICY_ELEMENTS = {"Version", "Id", "Statement"}
_STATEMENT_ELEMENTS = {
    *("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition")
}
_PRINCIPAL_TYPES = {"AWS", "Service", "Federated", "CanonicalUser"}


class Effect(StrEnum):
    """What a statement does when it applies."""

    ALLOW = "Allow"
    DENY = "Deny"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a document: where, and what."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True, slots=True)
class ActionElement:
    """`Action` or `NotAction`: patterns in lower case, since neither services nor actions are case-sensitive."""

    patterns: tuple[Glob, ...]
    excluded: bool

    def covers(self, action: str) -> bool:
        """Whether a statement with this element is about the action, in lower case."""
        return any(pattern.matches(action) for pattern in self.patterns) is not self.excluded


@dataclass(frozen=True, slots=True)
class ResourceElement:
    """`Resource` or `NotResource`."""

    patterns: tuple[Text, ...]
    excluded: bool

    def covers(self, resource: str, context: Context) -> Truth:
        """Whether a statement with this element is about the resource."""
        truth = any_of(resource_like(pattern, resource, context) for pattern in self.patterns)
        return negated(truth) if self.excluded else truth


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement without problems; `index` counts from 0."""

    index: int
    sid: str | None
    effect: Effect
    principal: PrincipalElement
    action: ActionElement
    resource: ResourceElement
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A resource policy as parsed; with problems it says nothing about anybody."""

    name: str
    statements: tuple[Statement, ...]
    problems: tuple[Problem, ...] = ()
    text: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str, name: str = "default") -> "Policy":
        """Never raises: what is wrong with the document is told by `problems`."""
        document, problems = _load(text)
        if problems:
            return cls(name, (), tuple(problems), text)
        parser = _Parser()
        statements = tuple(parser.policy(document))
        return cls(name, () if parser.problems else statements, tuple(parser.problems), text)

    @property
    def condition_keys(self) -> frozenset[str]:
        """Every key that a condition asks for, as it is written."""
        return frozenset(condition.key for statement in self.statements for condition in statement.conditions)


class _Number(str):
    """A number as it was written: conditions compare text, and nobody else wants one."""

    __slots__ = ()


def _load(text: str) -> tuple[Any, list[Problem]]:
    twice: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, value in pairs:
            if key in made:
                twice.append(key)
            made[key] = value
        return made

    try:
        document = json.loads(
            text,
            object_pairs_hook=unique,
            parse_int=_Number,
            parse_float=_without_exponent,
            parse_constant=_no_constant,
        )
    except RecursionError:
        return None, [Problem("document", "too deeply nested")]
    except json.JSONDecodeError as error:
        return None, [Problem(f"line {error.lineno}, column {error.colno}", f"not JSON: {error.msg}")]
    except ValueError as error:
        return None, [Problem("document", f"not JSON: {error}")]
    return document, [Problem("document", f"has {_quoted(key)} twice in one object") for key in twice]


def _without_exponent(text: str) -> _Number:
    """As a policy's author would write it: 3e2 is 300 to JSON, and to nobody who compares text."""
    value = Decimal(text)
    return _Number(format(value, "f") if "e" in text.lower() and abs(value.adjusted()) < _MOST_DIGITS else text)


_MOST_DIGITS = 30  # of a number that anything is compared with


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no value")


class _Parser:
    """One pass over a document; collects what is wrong instead of stopping at it."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._where = "document"
        self._variables = False

    def policy(self, document: Any) -> Iterator[Statement]:
        if not isinstance(document, dict):
            self._problem("not a JSON object")
            return
        self._only(document, _POLICY_ELEMENTS)
        version = document.get("Version", "2008-10-17")
        if not _is_text(version) or version not in _VERSIONS:
            self._problem(f"unknown Version {_quoted(version)}")
        self._variables = version == "2012-10-17"  # what looks like one is plain text in the older version
        statements = document.get("Statement")
        if isinstance(statements, dict):
            statements = [statements]
        if not isinstance(statements, list):
            self._problem("Statement is missing" if statements is None else "Statement is neither object nor list")
            return
        for index, statement in enumerate(statements):
            self._where = f"statement {index + 1}"
            if isinstance(statement, dict):
                yield from self._statement(index, statement)
            else:
                self._problem("not a JSON object")

    def _statement(self, index: int, statement: dict[str, Any]) -> Iterator[Statement]:
        before = len(self.problems)
        sid = statement.get("Sid")
        if _is_text(sid):
            self._where += f" (Sid {sid})"
        elif sid is not None:
            self._problem("Sid is not text")
        self._only(statement, _STATEMENT_ELEMENTS)
        effect = self._effect(statement.get("Effect"))
        principal, excluded = self._either(statement, "Principal", otherwise={})
        principal_element = PrincipalElement.of(self._principals(principal), excluded=excluded)
        actions, excluded = self._either(statement, "Action", otherwise=[])
        action_element = ActionElement(tuple(self._actions(actions)), excluded)
        resources, excluded = self._either(statement, "Resource", otherwise=[])
        resource_element = ResourceElement(tuple(self._resources(resources)), excluded)
        conditions = tuple(self._conditions(statement.get("Condition", {})))
        if effect and len(self.problems) == before:
            yield Statement(index, sid, effect, principal_element, action_element, resource_element, conditions)

    def _effect(self, effect: Any) -> Effect | None:
        if _is_text(effect) and effect in set(Effect):
            return Effect(effect)
        self._problem("Effect is missing" if effect is None else f"unknown Effect {_quoted(effect)}")
        return None

    def _either(self, statement: dict[str, Any], element: str, *, otherwise: Any) -> tuple[Any, bool]:
        """The element or its `Not` form, and whether it is the latter; `otherwise` when there is neither."""
        inverse = f"Not{element}"
        if element in statement and inverse in statement:
            self._problem(f"has both {element} and {inverse}")
        if element not in statement and inverse not in statement:
            self._problem(f"{element} is missing")
        excluded = inverse in statement
        return statement.get(inverse if excluded else element, otherwise), excluded

    def _principals(self, principal: Any) -> Iterator[tuple[str, str]]:
        if principal == "*":
            yield "AWS", "*"
        elif isinstance(principal, dict):
            for kind, names in principal.items():
                if kind not in _PRINCIPAL_TYPES:
                    self._problem(f"unknown type of principal {_quoted(kind)}")
                for name in self._texts(names, f"principal {_quoted(kind)}"):
                    yield kind, name
        else:
            self._problem(f'a principal is "*" or an object, not {_quoted(principal)}')

    def _actions(self, actions: Any) -> Iterator[Glob]:
        for action in self._texts(actions, "Action"):
            service, colon, name = action.partition(":")
            if set(action) != {"*"} and not (colon and name and service and not {"*", "?"} & set(service)):
                self._problem(f"{_quoted(action)} is no action: it takes a service, a colon and a name")
            text = Text.parse(action.lower(), wildcards=True, variables=False)
            if text.glob:
                yield text.glob

    def _resources(self, resources: Any) -> Iterator[Text]:
        for resource in self._texts(resources, "Resource"):
            yield Text.parse(resource, wildcards=True, variables=self._variables)

    def _conditions(self, condition: Any) -> Iterator[Condition]:
        if not isinstance(condition, dict):
            self._problem("Condition is not an object")
            return
        for name, keys in condition.items():
            if not isinstance(keys, dict):
                self._problem(f"condition operator {_quoted(name)} is not followed by an object")
                continue
            for key, values in keys.items():
                scalars = list(self._scalars(values, key))
                try:
                    yield Condition.of(name, key, scalars, variables=self._variables)
                except UnknownOperator:
                    self._problem(f"unknown condition operator {_quoted(name)}")

    def _scalars(self, values: Any, key: str) -> Iterator[str]:
        for value in values if isinstance(values, list) else [values]:
            if isinstance(value, bool):
                yield str(value).lower()
            elif isinstance(value, str):
                yield str(value)
            else:
                self._problem(f"condition key {_quoted(key)} has a value that is no text, number or Boolean")

    def _texts(self, values: Any, what: str) -> Iterator[str]:
        for value in values if isinstance(values, list) else [values]:
            if _is_text(value):
                yield value
            else:
                self._problem(f"{what} has a value that is no text")

    def _only(self, found: dict[str, Any], known: set[str]) -> None:
        for name in found:
            if name not in known:
                self._problem(f"unknown element {_quoted(name)}")

    def _problem(self, what: str) -> None:
        self.problems.append(Problem(self._where, what))


def _is_text(value: Any) -> bool:
    return type(value) is str  # not a number


def _quoted(value: Any) -> str:
    """At most so much of it that a message stays one."""
    text = value if isinstance(value, str) else type(value).__name__
    return f"`{text if len(text) <= 100 else text[:100] + '...'}`"
