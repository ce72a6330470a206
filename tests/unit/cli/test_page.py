"""docs/cli.md is about the command as it is."""

import re
import shlex

import pytest
import typer.main

from secretwatch_cli.app import app
from tests.contract.template import ROOT

PAGE = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
BLOCKS = [block.replace("\\\n", " ") for block in re.findall(r"```sh\n(.+?)```", PAGE, flags=re.DOTALL)]
EXAMPLES = [line for block in BLOCKS for line in block.splitlines() if line.strip()]
GROUP = typer.main.get_command(app)
COMMANDS = GROUP.commands  # type: ignore[attr-defined]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_taken_by_the_command_as_it_stands(example: str) -> None:
    name, command, *arguments = shlex.split(example.partition(">")[0], comments=True)

    assert name == "secretwatch"
    COMMANDS[command].make_context(command, arguments)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_is_on_the_page_with_an_example(command: str) -> None:
    assert any(f"secretwatch {command}" in example for example in EXAMPLES)


@pytest.mark.parametrize(
    "parameter", [one for one in COMMANDS["scan"].params if one.name != "help"], ids=lambda one: one.name
)
def test_every_option_of_scan_is_on_the_page(parameter: typer.core.TyperOption) -> None:
    assert parameter.opts[0] in PAGE
