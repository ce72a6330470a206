"""The template's rules: which of them takes an event, wherever the stack is deployed."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from secretwatch.domain.key import partition_of
from secretwatch_cli.event_pattern import EventPattern
from secretwatch_cli.template import load_template


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule with a pattern; `option` is the parameter and its values with which a stack has it, None when always."""

    logical_id: str
    pattern: EventPattern
    option: str | None
    on_default_bus: bool


# The conditions of the template under which it has a rule, in the words of its parameters.
_OPTIONS = {
    "WatchesKeyGrants": "KmsGrantEvents=on",
    "WatchesFailedReads": "ObservedReads=failed, sampled or all",
    "WatchesSampledReads": "ObservedReads=sampled",
    "WatchesAllReads": "ObservedReads=all",
    "Repairs": "RepairMode=propose or enforce",
}


def rules_that_match(event: Mapping[str, Any], *, region: str) -> list[Rule]:
    """The rules of the template that take the event, in the partition of the Region."""
    return [rule for rule in _rules(partition_of(region)) if rule.pattern.matches(event)]


def patterns(template: Mapping[str, Any], *, partition: str) -> dict[str, Any]:
    """The pattern of each rule that has one, by logical id, as it is deployed."""
    return {
        name: _substituted(resource["Properties"]["EventPattern"], {"${AWS::Partition}": partition})
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Events::Rule" and "EventPattern" in resource["Properties"]
    }


@cache
def _rules(partition: str) -> tuple[Rule, ...]:
    template = load_template()
    return tuple(
        _rule(name, pattern, template["Resources"][name])
        for name, pattern in patterns(template, partition=partition).items()
    )


def _rule(name: str, pattern: object, resource: Mapping[str, Any]) -> Rule:
    return Rule(
        logical_id=name,
        pattern=EventPattern.read(pattern),
        option=_OPTIONS[resource["Condition"]] if "Condition" in resource else None,
        on_default_bus="EventBusName" not in resource["Properties"],
    )


def _substituted(value: Any, words: Mapping[str, str]) -> Any:
    match value:
        case {"Fn::Sub": str(text)}:
            for placeholder, word in words.items():
                text = text.replace(placeholder, word)
            return text
        case dict():
            return {name: _substituted(part, words) for name, part in value.items()}
        case list():
            return [_substituted(part, words) for part in value]
    return value
