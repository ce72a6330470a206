"""docs/events.md says of every event by which rule it comes, and where in it the subject is."""

import json
import re
from dataclasses import dataclass
from typing import Any

import pytest

from secretwatch.domain.change import parse_change
from tests.contract.template import PATTERNS, ROOT, RULES
from tests.contract.test_events import EVENTS, SAMPLES, rules_that_match

PAGE = (ROOT / "docs/events.md").read_text(encoding="utf-8")
NO_CHANGES = {  # Secretwatch's own news
    "VerdictChangedRule",
    "AlertSchedule",
    "LostAccessRule",
    "RepairNewsRule",
    "OnboardingNewsRule",
}


@dataclass(frozen=True)
class Row:
    """One row of the table, as far as it is code."""

    rule: str
    events: tuple[str, ...]
    places: tuple[str, ...]

    def __str__(self) -> str:
        return self.rule


def rows() -> list[Row]:
    cells = [line.split(" | ") for line in PAGE.splitlines() if re.match(r"\|[^|]+\| `\w+` \|", line)]
    coded = [[tuple(re.findall(r"`([^`]+)`", cell)) for cell in row[1:4]] for row in cells]
    return [Row(rule, events, places) for ((rule,), events, places) in coded]


ROWS = rows()


def name_of(event: dict[str, Any]) -> str:
    name: str = event["detail"].get("eventName") or event["detail-type"]
    return name


SAMPLES_OF_ROWS = [
    (row, name)
    for row in ROWS
    for name, sample in SAMPLES.items()
    if (row.rule in sample.rules or row.rule == "InventorySchedule") and name_of(EVENTS[name]) in row.events
]


def test_every_rule_that_brings_changes_is_in_the_table() -> None:
    assert {row.rule for row in ROWS} == set(RULES) - NO_CHANGES


@pytest.mark.parametrize("rule", sorted(set(PATTERNS) - NO_CHANGES))
def test_every_event_that_a_rule_takes_is_in_the_table(rule: str) -> None:
    pattern = json.loads(PATTERNS[rule])
    listed = [name for row in ROWS if row.rule == rule for name in row.events]

    assert len(listed) == len(set(listed))
    for wanted in pattern.get("detail", {}).get("eventName") or pattern["detail-type"]:
        if isinstance(wanted, str):
            assert wanted in listed
        else:
            assert any(name.startswith(wanted["prefix"]) for name in listed)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.rule}-{row.events[0]}")
def test_every_event_of_the_table_has_a_sample_that_comes_by_that_rule(row: Row) -> None:
    found = {name_of(EVENTS[name]) for of, name in SAMPLES_OF_ROWS if of == row}

    assert found == set(row.events)


@pytest.mark.parametrize(("row", "name"), SAMPLES_OF_ROWS, ids=str)
def test_the_subject_of_a_sample_is_where_the_table_says(row: Row, name: str) -> None:
    event = EVENTS[name]
    place = next(place for place in row.places if values_at(event, place.split(".")))

    bare = reduced_to(event, place.split("."))

    assert parse_change(bare).subject == SAMPLES[name].subjects[0]
    assert row.rule == "InventorySchedule" or row.rule in rules_that_match(event)


def values_at(node: Any, path: list[str]) -> list[str]:
    """Every text under the path; `[]` stands for each element of a list."""
    if not path:
        return [node] if isinstance(node, str) else []
    name, *rest = path
    inner = node.get(name.removesuffix("[]")) if isinstance(node, dict) else None
    elements = inner if name.endswith("[]") and isinstance(inner, list) else [inner]
    return [text for element in elements for text in values_at(element, rest)]


def reduced_to(event: dict[str, Any], path: list[str]) -> dict[str, Any]:
    """The event with nothing in it that could name a subject but what stands at the path."""
    bare = {**event, "resources": [], "detail": {"eventName": name_of(event)}}
    source: Any = event
    target: Any = bare
    for step in path[:-1]:
        name = step.removesuffix("[]")
        source, target[name] = source[name], target.get(name) or {}
        if isinstance(source, list):
            target[name] = [{path[-1]: one.get(path[-1])} for one in source]
            return bare
        target = target[name]
    last = path[-1].removesuffix("[]")
    target[last] = source[last]
    return bare


def test_the_page_says_what_the_table_cannot() -> None:
    assert "change unreadable" in PAGE
    assert "ChangesUnreadable" in PAGE
