"""Optimistic writes: whoever loses the race looks again."""

from collections.abc import Callable
from typing import TypeVar

from secretwatch.errors import LostRace

T = TypeVar("T")

_ATTEMPTS = 3  # then the queue tries again, later


def until_won(attempt: Callable[[], T]) -> T:
    """What `attempt` returns; when another writer was first it is made again, since what it read may be stale.

    Raises LostRace when it loses several times over.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return attempt()
        except LostRace:
            continue
    return attempt()
