"""Conditions: every operator of the IAM reference, and what a missing key means to each.

Facts: IAM User Guide, "Condition operators", "Single-valued vs. multivalued context keys", "Policy variables".
"""

import operator
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Protocol, TypeAlias

from secretwatch.policy.context import Context, values_of
from secretwatch.policy.pattern import Glob, Text, arn_like
from secretwatch.policy.telling import Telling
from secretwatch.policy.truth import Truth, all_of, any_of

Match: TypeAlias = Truth | None
"""None when the two cannot be compared: then neither an operator nor its negation holds."""


class UnknownOperator(ValueError):
    """No operator of the IAM reference has this name."""


class Quantifier(Enum):
    """Which values of a key have to pass."""

    ANY = "foranyvalue"
    ALL = "forallvalues"


class Matcher(Protocol):
    """One value of a policy, as its operator compares it with the values of a request."""

    @property
    def keys(self) -> dict[str, str]:
        """The keys of its policy variables, by their lower case."""

    def matches(self, value: str, context: Context) -> Match:
        """Whether the request's value matches."""

    def tell(self, key: str, telling: Telling) -> None:
        """Name the values of the key that make a difference."""


@dataclass(frozen=True, slots=True)
class TextMatcher:
    """String operators; with `any_case` both sides are in lower case."""

    text: Text
    any_case: bool

    @property
    def keys(self) -> dict[str, str]:
        """Of its variables."""
        return self.text.keys

    def matches(self, value: str, context: Context) -> Match:
        """A variable without a value is like nothing: negated operators hold then."""
        resolved = self.text.resolve(context)
        if not isinstance(resolved, Glob):
            return resolved or False
        if self.any_case:
            return resolved.exact is not None and resolved.exact.lower() == value.lower()
        return resolved.matches(value)

    def tell(self, key: str, telling: Telling) -> None:
        """Its own text, or what its variables may be."""
        if glob := self.text.glob:
            telling.pattern(key, glob, is_arn=False)
            if self.any_case and glob.exact is not None:
                telling.text(key, glob.exact.swapcase())
        elif self.text.only_variable and not self.any_case:
            telling.same(key, self.text.only_variable.key.lower())
            telling.text(key, self.text.only_variable.default or "")
        else:
            _tell_variables(self, key, telling)


@dataclass(frozen=True, slots=True)
class ArnMatcher:
    """ARN operators, which are all of the `Like` kind."""

    text: Text

    @property
    def keys(self) -> dict[str, str]:
        """Of its variables."""
        return self.text.keys

    def matches(self, value: str, context: Context) -> Match:
        """As TextMatcher does, part by part."""
        resolved = self.text.resolve(context)
        if not isinstance(resolved, Glob):
            return resolved or False
        return arn_like(resolved, value)

    def tell(self, key: str, telling: Telling) -> None:
        """As TextMatcher does."""
        if glob := self.text.glob:
            telling.pattern(key, glob, is_arn=True)
        else:
            _tell_variables(self, key, telling)


def _tell_variables(matcher: TextMatcher | ArnMatcher, key: str, telling: Telling) -> None:
    values = list(telling.known_values(key))
    if values and len(matcher.keys) == 1:
        for variable in matcher.keys:
            for value in values:
                telling.within(variable, value, partial(matcher.matches, value))
    else:
        telling.vague(key, *matcher.keys)


@dataclass(frozen=True, slots=True)
class ValueMatcher:
    """Operators on numbers, dates, Booleans, binary data and addresses, which know neither wildcards nor variables."""

    read: Callable[[str], Any]
    compare: Callable[[Any, Any], bool]
    expected: Any

    @property
    def keys(self) -> dict[str, str]:
        """None."""
        return {}

    def matches(self, value: str, _context: Context) -> Match:
        """Whether both can be read, and compare."""
        found = self.read(value)
        return None if self.expected is None or found is None else self.compare(found, self.expected)

    def tell(self, key: str, telling: Telling) -> None:
        """By the kind of value."""
        match self.expected:
            case bool():
                telling.boolean(key)
            case str():
                telling.text(key, self.expected)
            case Decimal():
                telling.number(key, self.expected)
            case IPv4Network() | IPv6Network():
                telling.network(key, self.expected)


# --- reading values: None for what is none of the kind

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATE = re.compile(r"\d{4}-\d\d(-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)?", re.ASCII)


def read_number(text: str) -> Decimal | None:
    """An integer or decimal number."""
    return Decimal(text.strip()) if _NUMBER.fullmatch(text.strip()) else None


def read_date(text: str) -> Decimal | None:
    """A date in the W3C's forms of ISO 8601, or in seconds since 1970; UTC where it names no zone."""
    if not _DATE.fullmatch(text):
        return read_number(text)
    try:
        instant = datetime.fromisoformat(f"{text}-01" if len(text) == len("2026-01") else text)
    except ValueError:
        return None
    since = (instant if instant.tzinfo else instant.replace(tzinfo=UTC)) - _EPOCH
    return Decimal(since // timedelta(microseconds=1)).scaleb(-6)


def read_boolean(text: str) -> bool | None:
    """In any case."""
    return {"true": True, "false": False}.get(text.lower())


def read_address(text: str) -> IPv4Address | IPv6Address | None:
    """One address."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def read_network(text: str) -> IPv4Network | IPv6Network | None:
    """An address, or a range in CIDR notation."""
    _, slash, prefix = text.partition("/")
    if slash and not (prefix.isascii() and prefix.isdigit()):
        return None  # a netmask, which ip_network would take
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _is_within(address: IPv4Address | IPv6Address, network: IPv4Network | IPv6Network) -> bool:
    return address.version == network.version and address in network


# --- operators

Compile: TypeAlias = Callable[[str, bool], Matcher]
"""Of a value, and whether the policy's version knows variables."""


def _text(*, wildcards: bool = False, any_case: bool = False) -> Compile:
    def compiled(value: str, variables: bool) -> Matcher:
        return TextMatcher(Text.parse(value, wildcards=wildcards, variables=variables), any_case)

    return compiled


def _arn(value: str, variables: bool) -> Matcher:
    return ArnMatcher(Text.parse(value, wildcards=True, variables=variables))


def _value(
    read: Callable[[str], Any], compare: Callable[[Any, Any], bool], expected: Callable[[str], Any] | None = None
) -> Compile:
    return lambda value, _variables: ValueMatcher(read, compare, (expected or read)(value))


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": operator.eq,
    "lessthan": operator.lt,
    "lessthanequals": operator.le,
    "greaterthan": operator.gt,
    "greaterthanequals": operator.ge,
}
_POSITIVE: dict[str, Compile] = {
    "stringequals": _text(),
    "stringequalsignorecase": _text(any_case=True),
    "stringlike": _text(wildcards=True),
    "arnequals": _arn,
    "arnlike": _arn,
    "bool": _value(read_boolean, operator.eq),
    "binaryequals": _value(str, operator.eq),
    "ipaddress": _value(read_address, _is_within, read_network),
    **{f"numeric{name}": _value(read_number, compare) for name, compare in _COMPARISONS.items()},
    **{f"date{name}": _value(read_date, compare) for name, compare in _COMPARISONS.items()},
}
_NEGATED = {
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
    "arnnotequals": "arnequals",
    "arnnotlike": "arnlike",
    "notipaddress": "ipaddress",
    "numericnotequals": "numericequals",
    "datenotequals": "dateequals",
}
_NULL = "null"


@dataclass(frozen=True, slots=True)
class Operator:
    """A condition operator, apart into what its name says."""

    base: str
    negated: bool = False
    if_exists: bool = False
    quantifier: Quantifier | None = None

    @classmethod
    def parse(cls, name: str) -> "Operator":
        """Of a name in any case, such as ForAnyValue:StringNotLikeIfExists; raises UnknownOperator."""
        prefix, colon, base = name.lower().rpartition(":")
        if_exists = base.endswith("ifexists")
        base = base.removesuffix("ifexists")
        negated = base in _NEGATED
        base = _NEGATED.get(base, base)
        known = base in _POSITIVE or (base == _NULL and not if_exists)  # the one that takes no IfExists
        if not known or (colon and prefix not in {quantifier.value for quantifier in Quantifier}):
            raise UnknownOperator(name)
        return cls(base, negated, if_exists, Quantifier(prefix) if colon else None)


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator on one key: `values` are alternatives, conditions of a statement must all hold."""

    operator: Operator
    key: str
    folded: str
    matchers: tuple[Matcher, ...]

    @classmethod
    def of(cls, name: str, key: str, values: Iterable[str], *, variables: bool = True) -> "Condition":
        """Raises UnknownOperator; values that the operator cannot read never match."""
        parsed = Operator.parse(name)
        compiled = _POSITIVE.get(parsed.base, _POSITIVE["bool"])  # Null compares whether the key is absent
        return cls(parsed, key, key.lower(), tuple(compiled(value, variables) for value in values))

    def holds(self, context: Context) -> Truth:
        """Whether the request meets it."""
        values = values_of(context, self.folded)
        if values is None:
            return frozenset({self.key, *self._unknown_variables(context)})
        if self.operator.base == _NULL:
            return self._is_null(absent=not values, context=context)
        if self.operator.quantifier and not any(values):
            values = ()  # an empty string is an empty set to ForAllValues and ForAnyValue
        if not values:
            return self._holds_when_absent()
        if self.operator.quantifier is Quantifier.ANY:
            return any_of(self._passes(value, context) for value in values)
        if self.operator.quantifier is Quantifier.ALL:
            return all_of(self._passes(value, context) for value in values)
        # Several values require ForAnyValue or ForAllValues: without one nothing compares to them.
        return len(values) == 1 and self._passes(values[0], context)

    def tell(self, telling: Telling) -> None:
        """Name the values that make a difference; to Null none does."""
        if self.operator.quantifier:
            telling.many(self.folded)
        if self.operator.base != _NULL:
            for matcher in self.matchers:
                matcher.tell(self.folded, telling)

    def _holds_when_absent(self) -> bool:
        if self.operator.if_exists or self.operator.quantifier is Quantifier.ALL:
            return True
        return self.operator.negated and self.operator.quantifier is None

    def _is_null(self, *, absent: bool, context: Context) -> Truth:
        if absent and self.operator.quantifier:
            return self.operator.quantifier is Quantifier.ALL
        return any(matcher.matches(str(absent), context) is True for matcher in self.matchers)

    def _passes(self, value: str, context: Context) -> Truth:
        matches = [matcher.matches(value, context) for matcher in self.matchers]
        if not self.operator.negated:
            return any_of(match or False for match in matches)
        if None in matches:
            return False
        return all_of(_not(match) for match in matches)

    def _unknown_variables(self, context: Context) -> Iterator[str]:
        for matcher in self.matchers:
            yield from (key for folded, key in matcher.keys.items() if values_of(context, folded) is None)


def _not(match: Match) -> Truth:
    return match if isinstance(match, frozenset) else not match
