"""The workflows as plain values, with something in the place of each placeholder."""

import json
import re
from typing import Any

from tests.contract.template import ROOT

Fields = dict[str, Any]

PLACEHOLDER = re.compile(r"[$][{](\w+)[}]")
SUBSTITUTED = {"Partition": "aws", "Alerts": "arn:aws:sns:eu-west-1:111122223333:alerts"}
"""What stands for the placeholders; for any other one the ARN of a function."""


def text(name: str) -> str:
    """A workflow as it is deployed, but for its placeholders."""
    return (ROOT / "workflows" / f"{name}.asl.json").read_text(encoding="utf-8")


def read(name: str) -> Fields:
    """A workflow, as a value of the caller's own."""
    function = "arn:aws:lambda:eu-west-1:111122223333:function:"
    filled = PLACEHOLDER.sub(lambda found: SUBSTITUTED.get(found[1], function + found[1]), text(name))
    workflow: Fields = json.loads(filled)
    return workflow


NAMES = sorted(path.name.removesuffix(".asl.json") for path in (ROOT / "workflows").glob("*.asl.json"))
WORKFLOWS = {name: read(name) for name in NAMES}
