"""The stack and the command of one release say the same version."""

import tomllib

from tests.contract.template import ROOT, TEMPLATE


def test_the_stack_tells_the_version_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert TEMPLATE["Mappings"]["Secretwatch"]["Release"]["Version"] == project["version"]
    assert TEMPLATE["Outputs"]["Version"]["Value"] == {"Fn::FindInMap": ["Secretwatch", "Release", "Version"]}
