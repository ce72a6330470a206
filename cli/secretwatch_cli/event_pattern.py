"""Event patterns, read and matched as EventBridge does: offline, for whoever asks which rule takes an event.

Built after the user guide ("Create Amazon EventBridge event patterns", "Comparison operators") and AWS's own engine,
aws/event-ruler: arrays match by any of their elements, and what a pattern asks of one array is asked of one element.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeAlias

Test: TypeAlias = Callable[[object], bool]
Path: TypeAlias = tuple[str, ...]
Elements: TypeAlias = Mapping[int, int]
"""Which element of each array a value stands in: indexes by the array's identity."""


class InvalidPattern(ValueError):
    """EventBridge would refuse the pattern; the message says why."""


@dataclass(frozen=True, slots=True)
class _Field:
    """What a pattern asks of one field: that some value of it meets one of the tests; `absent` says that none may."""

    path: Path
    tests: tuple[Test, ...]
    absent: bool


@dataclass(frozen=True, slots=True)
class EventPattern:
    """A pattern; `alternatives` are what is left of it without `$or`."""

    alternatives: tuple[tuple[_Field, ...], ...]

    @classmethod
    def read(cls, pattern: object) -> "EventPattern":
        """Read a pattern from JSON; raises InvalidPattern for what EventBridge would refuse."""
        return cls(tuple(_alternatives(_object(pattern, "the pattern"), ())))

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Whether the rule with this pattern takes the event."""
        return any(_all_match(fields, event, {}) for fields in self.alternatives)


# --- matching


def _all_match(fields: tuple[_Field, ...], event: object, chosen: Elements) -> bool:
    """Whether each field has a value that meets a test, all of them in the same elements of the arrays they share."""
    if not fields:
        return True
    field, *rest = fields
    values = list(_values(event, field.path))
    if field.absent and not values and _all_match(tuple(rest), event, chosen):
        return True
    return any(
        _all_match(tuple(rest), event, {**chosen, **elements})
        for value, elements in values
        if any(test(value) for test in field.tests)
        and all(chosen.get(array, index) == index for array, index in elements.items())
    )


def _values(event: object, path: Path) -> Iterator[tuple[object, Elements]]:
    """Every leaf under the path; what is nested as deep as somebody likes must not exhaust the stack."""
    pending: list[tuple[object, Path, Elements]] = [(event, path, {})]
    while pending:
        node, left, elements = pending.pop()
        if isinstance(node, list):
            inside = [(one, left, {**elements, id(node): index}) for index, one in enumerate(node)]
            pending.extend(reversed(inside))
        elif isinstance(node, dict):
            if left and left[0] in node:
                pending.append((node[left[0]], left[1:], elements))
        elif not left:
            yield node, elements


# --- reading


def _object(pattern: object, name: str) -> Mapping[str, Any]:
    if not isinstance(pattern, dict):
        raise InvalidPattern(f"{name} must be an object or an array")
    if not pattern:
        raise InvalidPattern(f"{name} is empty")
    return pattern


def _alternatives(pattern: Mapping[str, Any], path: Path) -> Iterator[tuple[_Field, ...]]:
    """What the pattern asks without `$or`: each of its branches together with all that stands beside it."""
    asked = [
        list(_branches(part, path)) if name == "$or" else list(_of_field(part, (*path, name)))
        for name, part in pattern.items()
    ]
    for combination in product(*asked):
        yield tuple(field for fields in combination for field in fields)


def _branches(part: object, path: Path) -> Iterator[tuple[_Field, ...]]:
    if not isinstance(part, list) or len(part) < 2:
        raise InvalidPattern("$or must be an array of at least two objects")
    for branch in part:
        yield from _alternatives(_object(branch, "a branch of $or"), path)


def _of_field(part: object, path: Path) -> Iterator[tuple[_Field, ...]]:
    if isinstance(part, list):
        yield (_field(part, path),)
    else:
        yield from _alternatives(_object(part, ".".join(path)), path)


def _field(matchers: list[object], path: Path) -> _Field:
    if not matchers:
        raise InvalidPattern(f"{'.'.join(path)} is an empty array")
    tests = [_test(matcher) for matcher in matchers]
    absent = any(matcher == {"exists": False} for matcher in matchers)
    return _Field(path, tuple(tests), absent)


def _test(matcher: object) -> Test:
    if isinstance(matcher, list):
        raise InvalidPattern("an array stands in an array")
    if not isinstance(matcher, dict):
        return lambda value: _equal(value, matcher)
    if len(matcher) != 1:
        raise InvalidPattern("a match expression has exactly one operator")
    ((operator, operand),) = matcher.items()
    if operator not in _OPERATORS:
        raise InvalidPattern(f"there is no operator {operator!r}")
    return _OPERATORS[operator](operand)


def _equal(value: object, wanted: object) -> bool:
    """Whether both are the same JSON: true is not 1, and 1.0 is."""
    if _is_number(value) and _is_number(wanted):
        return value == wanted
    return type(value) is type(wanted) and value == wanted


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(operand: object, operator: str) -> str:
    if not isinstance(operand, str):
        raise InvalidPattern(f"{operator} takes a text")
    return operand


def _on_texts(holds: Callable[[str], bool]) -> Test:
    return lambda value: isinstance(value, str) and holds(value)


def _ignoring_case(operand: object) -> Test:
    wanted = _text(operand, "equals-ignore-case").casefold()
    return _on_texts(lambda value: value.casefold() == wanted)


def _prefix(operand: object) -> Test:
    if (folded := _folded(operand)) is not None:
        return _on_texts(lambda value: value.casefold().startswith(folded))
    prefix = _text(operand, "prefix")
    return _on_texts(lambda value: value.startswith(prefix))


def _suffix(operand: object) -> Test:
    if (folded := _folded(operand)) is not None:
        return _on_texts(lambda value: value.casefold().endswith(folded))
    suffix = _text(operand, "suffix")
    return _on_texts(lambda value: value.endswith(suffix))


def _folded(operand: object) -> str | None:
    """The text in `{"equals-ignore-case": ...}`, which prefix and suffix take too."""
    if isinstance(operand, dict) and list(operand) == ["equals-ignore-case"]:
        return _text(operand["equals-ignore-case"], "equals-ignore-case").casefold()
    return None


def _wildcard(operand: object) -> Test:
    """`*` is any text; a backslash makes itself, or an asterisk, stand for nothing else."""
    pieces = re.findall(r"\\.?|\*+|[^\\*]+", _text(operand, "wildcard"), re.DOTALL)
    if any(piece.startswith("**") for piece in pieces):
        raise InvalidPattern("wildcard has consecutive asterisks")
    if any(piece.startswith("\\") and piece not in {"\\\\", "\\*"} for piece in pieces):
        raise InvalidPattern("wildcard has a backslash that escapes nothing")
    parts = (".*" if piece == "*" else re.escape(piece.removeprefix("\\")) for piece in pieces)
    expression = re.compile("".join(parts), re.DOTALL)
    return _on_texts(lambda value: expression.fullmatch(value) is not None)


def _exists(operand: object) -> Test:
    if not isinstance(operand, bool):
        raise InvalidPattern("exists takes true or false")
    return lambda _value: operand  # whatever is looked at exists; that nothing is there, `_Field.absent` tells


def _cidr(operand: object) -> Test:
    block = _text(operand, "cidr")
    try:
        network = ipaddress.ip_network(block, strict=False)
    except ValueError:
        network = None
    if network is None or "/" not in block:
        raise InvalidPattern("cidr takes a block of addresses")
    return _on_texts(lambda value: _is_in(value, network))


def _is_in(value: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    try:
        return ipaddress.ip_address(value) in network
    except ValueError:
        return False


_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "=": lambda value, bound: value == bound,
    ">": lambda value, bound: value > bound,
    ">=": lambda value, bound: value >= bound,
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
}
_FARTHEST = 5e9


def _numeric(operand: object) -> Test:
    """`["=", 1]`, one bound, or a lower one and then a higher."""
    if not isinstance(operand, list) or len(operand) not in {2, 4}:
        raise InvalidPattern("numeric takes a comparison, or the two of a range")
    pairs = list(zip(operand[::2], operand[1::2], strict=True))
    if any(name not in _COMPARISONS or not _is_number(bound) or abs(bound) > _FARTHEST for name, bound in pairs):
        raise InvalidPattern("numeric takes =, <, <=, > or >= and a number")
    if len(pairs) == 2:
        (lower, bottom), (upper, top) = pairs
        if not (lower.startswith(">") and upper.startswith("<") and bottom < top):
            raise InvalidPattern("numeric takes a range from its lower bound to its higher")
    return lambda value: _is_number(value) and all(_COMPARISONS[name](value, bound) for name, bound in pairs)  # type: ignore[arg-type]


def _anything_but(operand: object) -> Test:
    """Every value that is there, but those that match."""
    if isinstance(operand, dict):
        if len(operand) != 1 or not operand.keys() <= _BUT.keys():
            raise InvalidPattern("anything-but takes prefix, suffix, equals-ignore-case or wildcard")
        ((operator, inner),) = operand.items()
        excluded = [_BUT[operator](_text(one, operator)) for one in _as_many(inner)]
        return lambda value: not any(test(value) for test in excluded)
    values = _as_many(operand)
    if not (all(isinstance(one, str) for one in values) or all(_is_number(one) for one in values)):
        raise InvalidPattern("anything-but takes texts, or numbers")
    return lambda value: not any(_equal(value, one) for one in values)


def _as_many(operand: object) -> Iterable[object]:
    if operand == []:
        raise InvalidPattern("anything-but takes no empty array")
    return operand if isinstance(operand, list) else [operand]


_BUT: Mapping[str, Callable[[object], Test]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _ignoring_case,
    "wildcard": _wildcard,
}
_OPERATORS: Mapping[str, Callable[[object], Test]] = {
    **_BUT,
    "anything-but": _anything_but,
    "numeric": _numeric,
    "cidr": _cidr,
    "exists": _exists,
}
