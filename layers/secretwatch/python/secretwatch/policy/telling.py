"""The values of an unknown key that policies can tell apart: one of each kind, so that trying them tries all."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from itertools import pairwise

from secretwatch.policy.context import Context, OneOf, Present
from secretwatch.policy.pattern import Glob, Wildcard

_OTHER = "\ue000"
"""A character that nobody writes (private use): text made of it is like nothing that a policy names."""
_OTHER_TEXTS = ("", _OTHER, "\ue001", _OTHER * 50)
_LONGEST = 120  # a text, of which all parts are tried
_MOST_SEARCHES = 20  # of such texts
_MOST_PATTERNS = 200  # which are compared with one another
_OTHER_ARN = ":".join(["arn", *[_OTHER] * 5])


@dataclass(slots=True)
class _Told:
    """What is told of one key."""

    texts: set[str] = field(default_factory=set)
    patterns: dict[tuple[object, ...], Glob] = field(default_factory=dict)
    are_arns: bool = True  # all of its patterns
    booleans: set[str] = field(default_factory=set)
    numbers: set[Decimal] = field(default_factory=set)
    networks: set[IPv4Network | IPv6Network] = field(default_factory=set)
    same: set[str] = field(default_factory=set)
    has_many: bool = False
    is_vague: bool = False


class Telling:
    """Takes down what conditions ask of keys, by lower case; then names the values that matter."""

    def __init__(self, context: Context) -> None:
        """The context tells the values of known keys, with which unknown ones may be compared."""
        self._context = context
        self._told: dict[str, _Told] = {}
        self._searches = 0

    # --- what conditions tell

    def text(self, key: str, *values: str) -> None:
        """They are compared with exactly these."""
        self._of(key).texts.update(values)

    def pattern(self, key: str, glob: Glob, *, is_arn: bool) -> None:
        """They are compared with a pattern."""
        told = self._of(key)
        if is_arn:
            told.texts.add(_OTHER_ARN)
        if is_arn and len(glob.segments) < 6:
            return  # like no ARN
        if glob.exact is not None:
            told.texts.add(glob.exact)
        elif glob.tokens != (Wildcard.MANY,):
            told.patterns[glob.tokens] = glob
            told.are_arns &= is_arn
            told.texts.update(_filled(glob))

    def within(self, key: str, text: str, holds: Callable[[Context], object]) -> None:
        """As a variable they are put into a pattern that the text is compared with: only a part of it can fit."""
        self._searches += 1
        if len(text) > _LONGEST or self._searches > _MOST_SEARCHES:
            self.vague(key)
            return
        parts = {text[start:end] for start in range(len(text)) for end in range(start + 1, len(text) + 1)}
        self.text(key, *(part for part in parts if holds({key: Present((part,))}) is True))

    def boolean(self, key: str) -> None:
        """They are compared with true or false."""
        self._of(key).booleans = {"true", "false"}

    def number(self, key: str, value: Decimal) -> None:
        """They are compared with a number, or a date as one."""
        told = self._of(key)
        told.numbers.add(value)
        told.is_vague |= len(format(value, "f")) > 20  # too exact to name what lies beside it

    def network(self, key: str, value: IPv4Network | IPv6Network) -> None:
        """They are compared with a range of addresses."""
        self._of(key).networks.add(value)

    def same(self, key: str, other: str) -> None:
        """They are compared with the value of another key."""
        self._of(key).same.add(other)
        self._of(other).same.add(key)

    def many(self, key: str) -> None:
        """It may have several values at once."""
        self._of(key).has_many = True

    def vague(self, *keys: str) -> None:
        """They are compared in a way of which no values can be named."""
        for key in keys:
            self._of(key).is_vague = True

    def _of(self, key: str) -> _Told:
        return self._told.setdefault(key, _Told())

    # --- what that comes to

    def has_many(self, key: str) -> bool:
        """Whether several values at once matter."""
        return any(told.has_many for told in self._group(key).values())

    def values(self, key: str) -> tuple[list[str], bool]:
        """The values of an unknown key that matter, and whether that is all of them."""
        group = self._group(key)
        merged = _merged(group.values())
        texts = merged.texts | {value for each in group for value in self.known_values(each)}
        typed = [merged.booleans, list(_around(sorted(merged.numbers))), list(_within(merged.networks))]
        others = () if any(typed) and not texts else _OTHER_TEXTS
        complete = (
            sum(map(bool, [texts, *typed])) <= 1
            and not merged.is_vague
            and not (merged.patterns and len(group) > 1)
            and len(merged.patterns) <= _MOST_PATTERNS
            and _are_laminar(list(merged.patterns.values()), are_arns=merged.are_arns)
        )
        return sorted({*texts, *others}.union(*typed)), complete

    def _group(self, key: str) -> Mapping[str, _Told]:
        """The key, and those that it is compared with."""
        group: dict[str, _Told] = {}
        left = [key]
        while left:
            each = left.pop()
            if each not in group:
                group[each] = self._of(each)
                left.extend(group[each].same)
        return group

    def known_values(self, key: str) -> Iterator[str]:
        """The values that a key has, or may be the ones of."""
        state = self._context.get(key)
        for each in state.candidates if isinstance(state, OneOf) else [state]:
            if isinstance(each, Present):
                yield from each.values


def _merged(group: Iterable[_Told]) -> _Told:
    merged = _Told()
    for told in group:
        merged.texts |= told.texts
        merged.patterns |= told.patterns
        merged.booleans |= told.booleans
        merged.numbers |= told.numbers
        merged.networks |= told.networks
        merged.are_arns &= told.are_arns
        merged.is_vague |= told.is_vague
    return merged


def _filled(glob: Glob) -> Iterator[str]:
    """Texts that a pattern covers: with as little as possible, and with what no other names."""
    for many in ("", _OTHER):
        stands_for = {Wildcard.MANY: many, Wildcard.ONE: _OTHER}
        yield "".join(token if isinstance(token, str) else stands_for[token] for token in glob.tokens)


def _around(numbers: list[Decimal]) -> Iterator[str]:
    """Each number, and one on each side of it."""
    if numbers:
        between = [(low + high) / 2 for low, high in pairwise(numbers)]
        for number in (*numbers, *between, numbers[0] - 1, numbers[-1] + 1):
            yield format(number, "f")


def _within(networks: Iterable[IPv4Network | IPv6Network]) -> Iterator[str]:
    """One address of each part into which the networks' bounds cut the two spaces."""
    for space, address in ((4, IPv4Address), (6, IPv6Address)):
        mine = [network for network in networks if network.version == space]
        last = 2 ** (32 if space == 4 else 128) - 1
        starts = {0} | {int(each[0]) for each in mine} | {int(each[-1]) + 1 for each in mine}
        yield from (str(address(start)) for start in starts if networks and start <= last)


# --- patterns: every one of two that meet has to lie within the other, or a value of both would have to be searched for


def _are_laminar(patterns: list[Glob], *, are_arns: bool) -> bool:
    return all(
        _are_apart(one, other) or _is_within(one, other) or _is_within(other, one) or (are_arns and _differ(one, other))
        for index, one in enumerate(patterns)
        for other in patterns[:index]
    )


def _differ(one: Glob, other: Glob) -> bool:
    """Whether two patterns of ARNs are apart in a part."""
    return any(_are_apart(a, b) for a, b in zip(one.segments, other.segments, strict=False))


def _are_apart(one: Glob, other: Glob) -> bool:
    (start, end), (other_start, other_end) = one.ends, other.ends
    return not (
        (start.startswith(other_start) or other_start.startswith(start))
        and (end.endswith(other_end) or other_end.endswith(end))
    )


def _is_within(one: Glob, other: Glob) -> bool:
    """Whether the other is a mere prefix, and of this."""
    return other.tokens == (other.ends[0], Wildcard.MANY) and one.ends[0].startswith(other.ends[0])
