"""Trails: whether CloudTrail hands EventBridge what people change. Without one, everything would look healthy.

Speaks of trails as CloudTrail's API does: DescribeTrails, GetTrailStatus and GetEventSelectors.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from secretwatch.domain.facts import Unknown

Json: TypeAlias = Mapping[str, Any]

WATCHED = frozenset({"secretsmanager.amazonaws.com", "kms.amazonaws.com", "bedrock-agentcore.amazonaws.com"})
"""The event sources whose changes have to arrive."""


class Shortfall(StrEnum):
    """Why a trail does not hand over everything that is watched."""

    OTHER_REGION = "covers another Region only"
    STOPPED = "is not logging"
    LEAVES_OUT = "leaves out management write events"


@dataclass(frozen=True, slots=True)
class Coverage:
    """The watched sources of which a trail logs every management write event; `shortfall` says why not all."""

    trail_arn: str
    sources: frozenset[str]
    shortfall: Shortfall | None = None


def trail_covers(trail: Json, status: Json, selectors: Json, *, region: str) -> Coverage:
    """What one trail covers in this Region: an item of DescribeTrails, its GetTrailStatus, its GetEventSelectors."""
    arn = trail["TrailARN"]
    if not trail.get("IsMultiRegionTrail") and trail.get("HomeRegion") != region:
        return Coverage(arn, frozenset(), Shortfall.OTHER_REGION)
    if not status.get("IsLogging"):
        return Coverage(arn, frozenset(), Shortfall.STOPPED)
    sources = _logged(selectors)
    return Coverage(arn, sources, None if sources == WATCHED else Shortfall.LEAVES_OUT)


def uncovered(coverages: Iterable[Coverage]) -> frozenset[str]:
    """The watched sources that none of the trails covers: each event needs only one trail that logs it."""
    return WATCHED.difference(*(coverage.sources for coverage in coverages))


def missing(coverages: Iterable[Coverage | Unknown]) -> frozenset[str] | Unknown:
    """What no trail covers; unknown while a trail that we could not read might cover it."""
    known = list(coverages)
    left = uncovered(one for one in known if isinstance(one, Coverage))
    unread = next((one for one in known if isinstance(one, Unknown)), None)
    return unread if left and unread else left


def _logged(selectors: Json) -> frozenset[str]:
    """The watched sources whose management write events some selector takes; a trail has one kind of selectors."""
    basic, advanced = selectors.get("EventSelectors") or (), selectors.get("AdvancedEventSelectors") or ()
    return frozenset(
        source
        for source in WATCHED
        if any(_takes_by_type(selector, source) for selector in basic)
        or any(_takes_by_fields(selector, source) for selector in advanced)
    )


def _takes_by_type(selector: Json, source: str) -> bool:
    """What a basic selector does not say is as CloudTrail's default has it: everything."""
    return (
        selector.get("IncludeManagementEvents", True)
        and selector.get("ReadWriteType", "All") in {"All", "WriteOnly"}
        and source not in selector.get("ExcludeManagementEventSources", ())
    )


def _takes_by_fields(selector: Json, source: str) -> bool:
    """Whether the selector takes every write of the source; one that looks at other fields too takes only some."""
    event = {"eventCategory": "Management", "readOnly": "false", "eventSource": source}
    fields = selector["FieldSelectors"]
    # Without a category, nothing says that management events are meant.
    return any(field["Field"] == "eventCategory" for field in fields) and all(
        field["Field"] in event and _accepts(field, event[field["Field"]]) for field in fields
    )


_OPERATORS: Mapping[str, Callable[[str, list[str]], bool]] = {
    "Equals": lambda value, given: value in given,
    "StartsWith": lambda value, given: value.startswith(tuple(given)),
    "EndsWith": lambda value, given: value.endswith(tuple(given)),
    "NotEquals": lambda value, given: value not in given,
    "NotStartsWith": lambda value, given: not value.startswith(tuple(given)),
    "NotEndsWith": lambda value, given: not value.endswith(tuple(given)),
}


def _accepts(field: Json, value: str) -> bool:
    """Whether the value meets every operator of the field."""
    return all(holds(value, field[name]) for name, holds in _OPERATORS.items() if field.get(name))
