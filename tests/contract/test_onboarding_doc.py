"""docs/onboarding.md says of each refusal what the code says, and leaves none out."""

import re

import pytest

from secretwatch_cli.commands.onboarding import EXIT_STATUS
from tests.contract.template import ROOT

PAGE = (ROOT / "docs/onboarding.md").read_text(encoding="utf-8")
SOURCE = (ROOT / "layers/secretwatch/python/secretwatch/adapters/provider_requests.py").read_text(encoding="utf-8")
DECIDED_BY_PEOPLE = {"ApprovalRejected", "States.Timeout"}


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under that first heading of a column."""
    (table,) = re.findall(rf"^\| {re.escape(heading)} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE, flags=re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()]


@pytest.mark.parametrize("said", [row[0] for row in rows("says")])
def test_what_a_problem_says_is_what_the_code_says(said: str) -> None:
    assert said in SOURCE


def test_the_exit_status_is_the_one_of_the_help() -> None:
    documented = [f"  {status}  {meaning.replace('`', '')}" for status, meaning in rows("exit status")]

    assert [line.rstrip() for line in EXIT_STATUS.splitlines() if re.match(r"  \d", line)] == documented
