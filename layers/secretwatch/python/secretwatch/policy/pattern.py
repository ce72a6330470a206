"""Text in a policy: wildcards, policy variables, and how both match."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import TypeAlias

from secretwatch.policy.context import Context, values_of
from secretwatch.policy.truth import Truth


class Wildcard(Enum):
    """The characters that stand for others."""

    MANY = "*"
    ONE = "?"


@dataclass(frozen=True, slots=True)
class Variable:
    """`${key}` or `${key, 'default'}`."""

    key: str
    default: str | None


Token: TypeAlias = str | Wildcard | Variable
Plain: TypeAlias = str | Wildcard

_VARIABLE = re.compile(r"\$\{(?:([*?$])|([^{}$,']+)(?:, '([^']*)')?)\}")


class Glob:
    """A pattern without variables. Its time grows with pattern times text, never faster: no star backtracks."""

    def __init__(self, tokens: Iterable[Plain]) -> None:
        """Of literal texts and wildcards; texts side by side are one."""
        self.tokens = tuple(_joined(tokens))
        texts = [token for token in self.tokens if isinstance(token, str)]
        self.exact = "".join(texts) if len(texts) == len(self.tokens) else None

    def matches(self, text: str) -> bool:
        """Whether it covers the whole text."""
        if self.exact is not None:
            return text == self.exact
        return self._covers(text)

    def _covers(self, text: str) -> bool:
        first, *rest = self._runs
        if not rest:
            return len(text) == first.length and first.stands_at(text, 0)
        *middle, last = rest
        position, end = first.length, len(text) - last.length
        if position > end or not first.stands_at(text, 0) or not last.stands_at(text, end):
            return False
        for run in middle:
            position = run.end_in(text, position, end)  # the leftmost will do: a star takes what is left
            if position < 0:
                return False
        return True

    @cached_property
    def _runs(self) -> list["_Run"]:
        """What stands between the stars."""
        runs: list[list[Plain]] = [[]]
        for token in self.tokens:
            if token is Wildcard.MANY:
                runs.append([])
            else:
                runs[-1].append(token)
        return [_Run(run) for run in runs]

    @cached_property
    def segments(self) -> list["Glob"]:
        """The parts between the first five colons, as of an ARN."""
        parts: list[list[Plain]] = [[]]
        for token in self.tokens:
            texts = token.split(":", 6 - len(parts)) if isinstance(token, str) else [token]
            parts[-1].append(texts[0])
            parts.extend([text] for text in texts[1:])
        return [Glob(part) for part in parts]

    @cached_property
    def ends(self) -> tuple[str, str]:
        """The literal text that it starts and ends with."""
        if self.exact is not None:
            return self.exact, self.exact
        first, last = self.tokens[0], self.tokens[-1]
        return first if isinstance(first, str) else "", last if isinstance(last, str) else ""

    @property
    def ends_open(self) -> bool:
        """Whether it ends with a star."""
        return self.tokens[-1:] == (Wildcard.MANY,)


def _joined(tokens: Iterable[Plain]) -> Iterator[Plain]:
    text = ""
    for token in tokens:
        if isinstance(token, str):
            text += token
        else:
            yield from [text] if text else []
            text = ""
            yield token
    yield from [text] if text else []


class _Run:
    """Literal text and question marks."""

    def __init__(self, tokens: Sequence[Plain]) -> None:
        self.length = sum(len(token) if isinstance(token, str) else 1 for token in tokens)
        self._text = "".join(token if isinstance(token, str) else "?" for token in tokens)
        self._regex = (
            re.compile("".join(re.escape(token) if isinstance(token, str) else "." for token in tokens), re.DOTALL)
            if Wildcard.ONE in tokens
            else None
        )

    def stands_at(self, text: str, position: int) -> bool:
        if self._regex:
            return self._regex.match(text, position) is not None
        return text.startswith(self._text, position)

    def end_in(self, text: str, start: int, end: int) -> int:
        """Where its first occurrence ends; -1 when there is none."""
        if self._regex:
            found = self._regex.search(text, start, end)
            return found.end() if found else -1
        position = text.find(self._text, start, end)
        return position + self.length if position >= 0 else -1


@dataclass(frozen=True)
class Text:
    """Text of a policy, which variables may complete; `keys` are the ones that they name, in lower case."""

    tokens: tuple[Token, ...]
    keys: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str, *, wildcards: bool, variables: bool) -> "Text":
        """Never fails: what is no variable is text."""
        tokens = tuple(_tokens(text, wildcards=wildcards, variables=variables))
        return cls(tokens, {token.key.lower(): token.key for token in tokens if isinstance(token, Variable)})

    @cached_property
    def glob(self) -> Glob | None:
        """Itself, when it needs no variable."""
        return None if self.keys else Glob(token for token in self.tokens if not isinstance(token, Variable))

    @property
    def only_variable(self) -> Variable | None:
        """The variable that it wholly consists of."""
        return self.tokens[0] if len(self.tokens) == 1 and isinstance(self.tokens[0], Variable) else None

    @cached_property
    def has_late_variables(self) -> bool:
        """Whether every variable follows the fifth colon."""
        first = next(index for index, token in enumerate(self.tokens) if isinstance(token, Variable))
        return sum(token.count(":") for token in self.tokens[:first] if isinstance(token, str)) >= 5

    def resolve(self, context: Context) -> Glob | frozenset[str] | None:
        """With its variables replaced; None when one has no value; or the keys that it hangs on.

        A variable takes the value of a key that has exactly one. Wildcards in such a value are only characters.
        """
        if self.glob:
            return self.glob
        values = {key: values_of(context, key) for key in self.keys}
        if unknown := frozenset(self.keys[key] for key, value in values.items() if value is None):
            return unknown
        tokens: list[Plain] = []
        for token in self.tokens:
            if isinstance(token, Variable):
                value = _only(values[token.key.lower()], token.default)
                if value is None:
                    return None
                tokens.append(value)
            else:
                tokens.append(token)
        return Glob(tokens)


def _only(values: tuple[str, ...] | None, default: str | None) -> str | None:
    if not values:
        return default
    return values[0] if len(values) == 1 else None


def _tokens(text: str, *, wildcards: bool, variables: bool) -> Iterator[Token]:
    position = 0
    for found in _VARIABLE.finditer(text) if variables else ():
        yield from _plain(text[position : found.start()], wildcards=wildcards)
        character, key, default = found.groups()
        yield character or Variable(key, default)
        position = found.end()
    yield from _plain(text[position:], wildcards=wildcards)


def _plain(text: str, *, wildcards: bool) -> Iterator[Plain]:
    for part in re.split(r"([*?])", text) if wildcards else [text]:
        if wildcards and part in {"*", "?"}:
            yield Wildcard(part)
        elif part:
            yield part


def arn_like(pattern: Glob, arn: str) -> bool | None:
    """As ArnLike compares: each of the six parts by itself; None when either is no ARN."""
    patterns, texts = pattern.segments, arn.split(":", 5)
    if len(patterns) != 6 or len(texts) != 6 or texts[0] != "arn":
        return None
    return all(part.matches(text) for part, text in zip(patterns, texts, strict=True))


def resource_like(pattern: Text, resource: str, context: Context) -> Truth:
    """As the Resource element compares (IAM User Guide: "Resource", "Where you can use policy variables").

    A wildcard stays within its part of the ARN, but a star that ends a part may run on past the colon. All that follows
    the fifth colon is one part. Only there may a variable stand; one without a value matches no resource.
    """
    if pattern.tokens == (Wildcard.MANY,):
        return True
    if pattern.keys and not pattern.has_late_variables:
        return False
    resolved = pattern.resolve(context)
    if isinstance(resolved, frozenset):
        return resolved
    if resolved is None:
        return False
    return resource == resolved.exact or _runs_over(resolved.segments, resource.split(":"))


def _runs_over(patterns: Sequence[Glob], texts: Sequence[str], at: int = 0) -> bool:
    """Whether the parts from `at` on cover the texts."""
    pattern = patterns[at]
    if at == 5:
        return pattern.matches(":".join(texts))
    if not texts or not pattern.matches(texts[0]):
        return False
    if at + 1 == len(patterns):
        return pattern.ends_open or len(texts) == 1
    taken = range(1, len(texts)) if pattern.ends_open else (1,)
    return any(_runs_over(patterns, texts[count:], at + 1) for count in taken)
