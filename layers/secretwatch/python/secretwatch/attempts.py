"""How an attempt ends that does not succeed: a lost race is run again, a failed read leaves a fact unknown."""

from collections.abc import Callable
from typing import TypeVar

from secretwatch.domain.facts import Unknown
from secretwatch.errors import LostRace, Permanent, Transient

T = TypeVar("T")

_ATTEMPTS = 3  # then the queue tries again, later


def until_won(attempt: Callable[[], T], *, attempts: int = _ATTEMPTS) -> T:
    """What `attempt` returns; when another writer was first it is made again, since what it read may be stale.

    Raises LostRace when it loses so many times over.
    """
    for _ in range(attempts - 1):
        try:
            return attempt()
        except LostRace:
            continue
    return attempt()


def or_unknown(read: Callable[[], T]) -> T | Unknown:
    """What was read, or why it could not be: a failed read of ours says nothing about what it was to read."""
    try:
        return read()
    except (Transient, Permanent) as error:
        return Unknown(str(error), transient=isinstance(error, Transient))
