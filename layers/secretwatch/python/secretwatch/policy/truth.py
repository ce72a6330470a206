"""Three-valued logic that remembers: true, false, or the context keys that it hangs on."""

from collections.abc import Iterable
from typing import TypeAlias

Truth: TypeAlias = bool | frozenset[str]
"""True, False, or unknown: then the keys that would tell, never none."""


def any_of(truths: Iterable[Truth]) -> Truth:
    """True when one is; unknown when none is, but one may be."""
    keys: frozenset[str] = frozenset()
    for truth in truths:
        if truth is True:
            return True
        if truth:
            keys |= truth
    return keys or False


def all_of(truths: Iterable[Truth]) -> Truth:
    """False when one is; unknown when none is, but one may be."""
    keys: frozenset[str] = frozenset()
    for truth in truths:
        if truth is False:
            return False
        if truth is not True:
            keys |= truth
    return keys or True


def negated(truth: Truth) -> Truth:
    """What is unknown stays so."""
    return not truth if isinstance(truth, bool) else truth
