"""`secretwatch history`: the changes that we made, and which of our statements still stand."""

from collections.abc import Callable, Iterable
from datetime import datetime

from secretwatch.domain.repair.document import Unkeepable, our_statement
from secretwatch.domain.repair.plan import Kind
from secretwatch.domain.repair.repair import Audit, Purpose


def since(audits: Iterable[Audit], start: datetime | None) -> list[Audit]:
    """Those from then on, the oldest first."""
    return sorted((one for one in audits if start is None or one.at >= start), key=lambda one: one.at)


def standing(audits: Iterable[Audit], read: Callable[[Kind, str], str | None]) -> list[Audit]:
    """Of each policy the last repair or grant, where our statement is in the policy as it is now."""
    last = {one.resource: one for one in since(audits, None) if one.purpose in _ADDS}
    return [one for one in last.values() if _stands(read(one.kind, one.resource), one.kind)]


_ADDS = {Purpose.REPAIR, Purpose.GRANT}


def _stands(text: str | None, kind: Kind) -> bool:
    try:
        return our_statement(text, kind.sid) is not None
    except Unkeepable:
        return False
