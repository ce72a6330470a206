"""template.yaml as plain values: `!Ref X` is {"Ref": X}, `!GetAtt X.Arn` is {"Fn::GetAtt": [X, Arn]}, and so on."""

from pathlib import Path
from typing import Any

import yaml

_HERE = Path(__file__).with_name("template.yaml")  # in the wheel
_IN_SOURCES = Path(__file__).parents[2] / "template.yaml"


class _CloudFormationLoader(yaml.SafeLoader):
    """YAML with CloudFormation's short function names."""


def _function(loader: _CloudFormationLoader, name: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", maxsplit=1)
    return {name if name in {"Ref", "Condition"} else f"Fn::{name}": value}


_CloudFormationLoader.add_multi_constructor("!", _function)


def load_template() -> dict[str, Any]:
    """The template of the release that the command is of."""
    path = _HERE if _HERE.exists() else _IN_SOURCES
    document: dict[str, Any] = _CloudFormationLoader(path.read_text(encoding="utf-8")).get_single_data()
    return document
