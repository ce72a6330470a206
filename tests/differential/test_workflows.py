"""The workflows against npm's asl-validator: CloudFormation's linter looks at no transition.

`make test` installs it into .venv/node from the lock in tests/asl; like the policy oracle, `make unit` can spare it.
"""

import json
import os
import subprocess
from collections.abc import Callable

import pytest

from tests.contract.template import ROOT
from tests.contract.workflows import NAMES, WORKFLOWS, Fields, read

NODE = ROOT / ".venv" / "node"


def errors(*workflows: Fields) -> list[list[str]]:
    """The codes of what the validator has against each workflow, from one process."""
    answered = subprocess.run(
        [NODE / "bin" / "node", "--input-type=module", "--eval", (ROOT / "tests/asl/validate.mjs").read_text()],
        cwd=NODE / "asl",  # where its import finds the validator
        env={"PATH": os.environ["PATH"]},
        input="\n".join(json.dumps(workflow) for workflow in workflows),
        capture_output=True,
        text=True,
        check=True,
    )
    return [[error["Error code"] for error in json.loads(line)] for line in answered.stdout.splitlines()]


def test_step_functions_would_take_them() -> None:
    assert dict(zip(NAMES, errors(*WORKFLOWS.values()), strict=True)) == {name: [] for name in NAMES}


@pytest.mark.parametrize(
    ("code", "spoil"),
    [
        ("MISSING_TRANSITION_TARGET", lambda states: states["Validate"].update(Next="Inspekt")),
        ("MISSING_TRANSITION_TARGET", lambda states: states["Grant"]["Catch"][1].update(Next="Forgett")),
        ("MISSING_TRANSITION_TARGET", lambda states: states["NeedsApproval"].update(Default="Approved")),
        ("SCHEMA_VALIDATION_FAILED", lambda states: states["Verify"].update(Type="Tusk")),
    ],
)
def test_a_transition_that_leads_nowhere_would_be_noticed(code: str, spoil: Callable[[Fields], None]) -> None:
    workflow = read("onboard_secret")
    spoil(workflow["States"])

    (found,) = errors(workflow)
    assert code in found
