"""docs/onboarding.md says of each refusal what the code says, and leaves none out."""

import ast
import inspect
import re

import pytest

from secretwatch import errors as families
from secretwatch.domain.onboarding import errors
from secretwatch_cli.commands.onboarding import EXIT_STATUS_OF_ONBOARD
from tests.contract.template import ROOT

PAGE = (ROOT / "docs/onboarding.md").read_text(encoding="utf-8")
PACKAGE = ROOT / "layers/secretwatch/python/secretwatch"
SOURCES = [
    path
    for place in ("adapters/provider_requests.py", "domain/onboarding", "onboarding")
    for path in ([PACKAGE / place] if place.endswith(".py") else sorted((PACKAGE / place).glob("*.py")))
]
DECIDING = (PACKAGE / "onboarding/deciding.py").read_text(encoding="utf-8")
OF_STEP_FUNCTIONS = {errors.APPROVAL_REJECTED, errors.TIMEOUT}
OF_DECIDING = {"NoLongerWaiting"}  # ends nothing: an approver is told


def rows(heading: str) -> list[list[str]]:
    """The cells of the tables under that first heading of a column."""
    tables = re.findall(rf"^\| {re.escape(heading)} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE, flags=re.MULTILINE)
    assert tables
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for table in tables for line in table.splitlines()]


def texts(node: ast.expr) -> list[str]:
    """What an expression may say, with … for what is not always the same."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=parts):
            return ["".join(texts(part)[0] for part in parts)]
        case ast.IfExp(body=one, orelse=other):
            return [*texts(one), *texts(other)]
    return ["…"]


def messages() -> list[str]:
    """The message of every `Problem` that the code makes."""
    calls = [
        node
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Problem"
    ]
    return sorted({text for call in calls for text in texts(call.args[1])})


@pytest.mark.parametrize("said", [row[0] for row in rows("says")])
def test_what_a_problem_says_is_what_the_code_says(said: str) -> None:
    assert [message for message in messages() if said in message]


@pytest.mark.parametrize("message", messages())
def test_whatever_the_code_says_is_on_the_page(message: str) -> None:
    assert message != "…"
    assert [row[0] for row in rows("says") if row[0] in message]


@pytest.mark.parametrize("said", [row[0] for row in rows("an approver is told")])
def test_what_an_approver_is_told_is_what_the_code_says(said: str) -> None:
    assert said in DECIDING


def test_every_error_that_ends_an_onboarding_has_its_row_and_no_other_has() -> None:
    raised = {
        name
        for module in (errors, families)
        for name, one in inspect.getmembers(module, inspect.isclass)
        if issubclass(one, families.Permanent | families.Transient)
    }

    documented = {name for row in rows("error") for name in re.findall(r"`([\w.]+)`", row[0])}

    assert documented == (raised - OF_DECIDING) | OF_STEP_FUNCTIONS


def test_the_exit_status_is_the_one_of_the_help() -> None:
    documented = [f"  {status}  {meaning.replace('`', '')}" for status, meaning in rows("exit status")]

    assert [line.rstrip() for line in EXIT_STATUS_OF_ONBOARD.splitlines() if re.match(r"  \d", line)] == documented
