"""What is known of a request: the state of each context key."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias


@dataclass(frozen=True, slots=True)
class Present:
    """The request carries the key with these values; with none it is as good as absent."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Absent:
    """The request does not carry the key."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The key may be absent, or have any value."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """The key is in one of these states."""

    candidates: tuple[Present | Absent, ...]


ContextValue: TypeAlias = Present | Absent | Unknown | OneOf

Context: TypeAlias = Mapping[str, ContextValue]
"""By key, in any case. A key that it does not hold is unknown, unless the reader or the resource implies it."""

ABSENT: Final = Absent()
UNKNOWN: Final = Unknown()


def folded(context: Context) -> dict[str, ContextValue]:
    """The context by lower-case key: key names are not case-sensitive (IAM User Guide, "Condition")."""
    return {key.lower(): value for key, value in context.items()}


def values_of(context: Context, key: str) -> tuple[str, ...] | None:
    """The values of a lower-case key, none when it is absent; None when its state is not known."""
    match context.get(key, UNKNOWN):
        case Present(values):
            return values
        case Absent():
            return ()
    return None


def states_of(values: Iterable[str]) -> tuple[Present | Absent, ...]:
    """Absent, or one of these values."""
    return (ABSENT, *(Present((value,)) for value in values))
