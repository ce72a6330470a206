"""How a plan is shown: the difference of the documents, and the statement for those whose policy is code."""

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from secretwatch.domain.repair.document import Statement


def diff(before: str | None, after: str | None) -> str:
    """A unified diff of the two documents, laid out alike; empty when they say the same."""
    lines = difflib.unified_diff(_lines(before), _lines(after), "policy now", "policy then", lineterm="")
    return "\n".join(lines)


def _lines(text: str | None) -> list[str]:
    if text is None:
        return []
    try:
        return json.dumps(json.loads(text), indent=2).splitlines()
    except (ValueError, RecursionError):  # no JSON: as it stands
        return text.splitlines()


def as_json(statement: Statement) -> str:
    """The statement as it stands in the policy."""
    return json.dumps(statement, indent=2)


def as_terraform(statement: Statement) -> str:
    """The statement as a block of the data source aws_iam_policy_document."""
    lines = [
        "statement {",
        f"  sid       = {_hcl(statement['Sid'])}",
        f"  effect    = {_hcl(statement['Effect'])}",
        f"  actions   = [{_hcl(statement['Action'])}]",
        f"  resources = [{_hcl(statement['Resource'])}]",
    ]
    for kind, names in statement["Principal"].items():
        lines += [
            "",
            "  principals {",
            f"    type        = {_hcl(kind)}",
            f"    identifiers = {_hcl_list(names)}",
            "  }",
        ]
    for test, variable, values in _conditions(statement):
        lines += ["", "  condition {", f"    test     = {_hcl(test)}", f"    variable = {_hcl(variable)}"]
        lines += [f"    values   = {_hcl_list(values)}", "  }"]
    return "\n".join([*lines, "}"])


def as_cloudformation(statement: Statement) -> str:
    """The statement in YAML, for the list under `Statement` of a resource policy."""
    first, *rest = _yaml(statement)
    return "\n".join([f"- {first}", *(f"  {line}" for line in rest)])


def _conditions(statement: Statement) -> Iterator[tuple[str, str, Any]]:
    for test, keys in statement.get("Condition", {}).items():
        for variable, values in keys.items():
            yield test, variable, values


def _hcl(text: str) -> str:
    """HCL reads a template where a text has ${."""
    return json.dumps(text).replace("${", "$${")


def _hcl_list(values: Any) -> str:
    return f"[{', '.join(_hcl(value) for value in (values if isinstance(values, list) else [values]))}]"


def _yaml(value: Mapping[str, Any]) -> Iterator[str]:
    for name, part in value.items():
        if isinstance(part, Mapping):
            yield f"{name}:"
            yield from (f"  {line}" for line in _yaml(part))
        else:
            yield f"{name}: {json.dumps(part)}"  # YAML takes JSON's texts and lists
