"""template.yaml as plain values: `!Ref X` is {"Ref": X}, `!GetAtt X.Arn` is {"Fn::GetAtt": [X, Arn]}, and so on."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from secretwatch_cli.rules import patterns
from secretwatch_cli.template import load_template

ROOT = Path(__file__).parents[2]


TEMPLATE = load_template()
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    """The properties of every resource of that type, by logical id."""
    return {name: one.get("Properties", {}) for name, one in RESOURCES.items() if one["Type"] == kind}


RULES = of_type("AWS::Events::Rule")
PATTERNS = {name: json.dumps(pattern) for name, pattern in patterns(TEMPLATE, partition="aws").items()}
FUNCTIONS = of_type("AWS::Serverless::Function")
MACHINES = of_type("AWS::Serverless::StateMachine")


def arn_of(name: str) -> dict[str, list[str]]:
    """How the template names the ARN of one of its resources."""
    return {"Fn::GetAtt": [name, "Arn"]}


def named_by(arn: dict[str, list[str]]) -> str:
    """The logical id in what `arn_of` gives."""
    return arn["Fn::GetAtt"][0]


def as_list(value: Any) -> list[Any]:
    """IAM's one-or-many, as many."""
    return value if isinstance(value, list) else [value]


def statements(role: str) -> Iterator[dict[str, Any]]:
    """What a role allows, under a condition of the template's or always."""
    for policy in RESOURCES[role]["Properties"]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            yield from _either(statement)


def _either(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Both sides of an `!If`, but for the one that leaves the value out."""
    if "Fn::If" not in value:
        yield value
    else:
        _, *sides = value["Fn::If"]
        yield from (side for side in sides if side != {"Ref": "AWS::NoValue"})
