"""docs/onboarding.md says of each refusal what the code says, and leaves none out."""

import inspect
import re

import pytest

from secretwatch import errors as families
from secretwatch.domain.onboarding import errors
from secretwatch_cli.commands.onboarding import EXIT_STATUS
from tests.contract.template import ROOT

PAGE = (ROOT / "docs/onboarding.md").read_text(encoding="utf-8")
SOURCE = (ROOT / "layers/secretwatch/python/secretwatch/adapters/provider_requests.py").read_text(encoding="utf-8")
OF_STEP_FUNCTIONS = {errors.APPROVAL_REJECTED, errors.TIMEOUT}
OF_OTHERS = {"ProviderInUse", "NoLongerWaiting"}  # than an onboarding: of offboarding, and of deciding


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under that first heading of a column."""
    (table,) = re.findall(rf"^\| {re.escape(heading)} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE, flags=re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()]


@pytest.mark.parametrize("said", [row[0] for row in rows("says")])
def test_what_a_problem_says_is_what_the_code_says(said: str) -> None:
    assert said in SOURCE


def test_every_error_that_ends_an_onboarding_has_its_row_and_no_other_has() -> None:
    raised = {
        name
        for module in (errors, families)
        for name, one in inspect.getmembers(module, inspect.isclass)
        if issubclass(one, families.Permanent | families.Transient)
    }

    documented = {name for row in rows("error") for name in re.findall(r"`([\w.]+)`", row[0])}

    assert documented == (raised - OF_OTHERS) | OF_STEP_FUNCTIONS
    assert "ProviderInUse" in PAGE


def test_the_exit_status_is_the_one_of_the_help() -> None:
    documented = [f"  {status}  {meaning.replace('`', '')}" for status, meaning in rows("exit status")]

    assert [line.rstrip() for line in EXIT_STATUS.splitlines() if re.match(r"  \d", line)] == documented
