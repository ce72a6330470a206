"""Every command that is shown to people is one that there is: of the AWS CLI by botocore's models, and our own."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
import typer.main
from botocore import xform_name

from secretwatch.domain.judging import judge
from secretwatch_cli.app import app
from tests.contract.template import ROOT
from tests.unit.judging.test_codes import TABLE

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TOLD_IN_CODE = sorted(
    path
    for part in ("layers/secretwatch/python/secretwatch/domain", "cli/secretwatch_cli")
    for path in (ROOT / part).rglob("*.py")
)
GLOBAL = {"region", "profile", "query", "output"}
OF_THE_CLI_ALONE = {("sso", "login"), ("configure", "list-profiles")}  # which asks no service of that name
SESSION = botocore.session.get_session()


def commands_in(text: str) -> Iterator[tuple[str, str, set[str]]]:
    """Service, operation and options of each AWS CLI command in a text; one may stand within another."""
    for line in text.replace("\\\n", " ").splitlines():
        for command in re.split(r"(?=\baws [a-z])", line):
            if found := re.match(r"aws ([a-z0-9-]+) ([a-z]+(?:-[a-z]+)+|login|subscribe)\b([^`;)]*)", command):
                yield found[1], found[2], set(re.findall(r"\s--([a-z-]+)", found[3]))


def options_of(service: str, operation: str) -> tuple[set[str], set[str]]:
    """The options that the AWS CLI makes of an operation's parameters, and those that it requires."""
    model = SESSION.get_service_model(service)
    (name,) = [name for name in model.operation_names if xform_name(name, "-") == operation]
    members: Any = model.operation_model(name).input_shape
    switches = {
        f"no-{xform_name(name, '-')}" for name, shape in members.members.items() if shape.type_name == "boolean"
    }
    return {xform_name(name, "-") for name in members.members} | switches, {
        xform_name(name, "-") for name in members.required_members
    }


@pytest.mark.parametrize("row", [row for row in TABLE if row.command], ids=lambda row: f"{row.code}: {row.shows}")
def test_a_findings_command_has_the_options_of_its_operation(row: Any) -> None:
    (finding,) = judge(row.reference, row.has, row.rules).findings

    ((service, operation, _),) = commands_in(finding.command or "")
    words = shlex.split(finding.command or "")
    given = {word.removeprefix("--") for word in words[3:] if word.startswith("--")}
    known, required = options_of(service, operation)

    assert required <= given <= known | GLOBAL


@pytest.mark.parametrize("path", [*PAGES, *TOLD_IN_CODE], ids=lambda path: str(path.relative_to(ROOT)))
def test_a_command_that_a_text_names_is_one_of_the_aws_cli(path: Any) -> None:
    for service, operation, given in commands_in(path.read_text(encoding="utf-8")):
        if (service, operation) not in OF_THE_CLI_ALONE:
            assert given <= options_of(service, operation)[0] | GLOBAL


def of_secretwatch(text: str) -> Iterator[str]:
    """The lines of a page's blocks that call our own command."""
    for block in re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith("secretwatch "):
                yield line


OURS = [pytest.param(line, id=line) for path in PAGES for line in of_secretwatch(path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("line", OURS)
def test_a_command_of_ours_that_a_page_shows_is_understood(line: str) -> None:
    group: Any = typer.main.get_command(app)

    context = group.make_context("secretwatch", shlex.split(line.partition(" > ")[0], comments=True)[1:])
    name, command, words = group.resolve_command(context, [*context._protected_args, *context.args])

    command.make_context(name, words, parent=context)  # raises what a person would read


def test_pages_name_only_commands_that_there_are() -> None:
    group: Any = typer.main.get_command(app)
    named = {
        word
        for path in PAGES
        for word in re.findall(r"`secretwatch (?:--\S+ \S+ )*([a-z][a-z-]+)", path.read_text(encoding="utf-8"))
    }

    assert named <= set(group.commands)
