"""Every code is explained; one that does not exist is answered with those that may be meant."""

import json

import pytest
from typer.testing import CliRunner, Result

from secretwatch.domain.finding import Code, severity_of
from secretwatch_cli.app import app


def explain(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["explain", *arguments], catch_exceptions=False)


@pytest.mark.parametrize("code", Code)
def test_every_code_says_what_it_means_and_what_to_do(code: Code) -> None:
    result = explain(code)

    heading, meaning, mend = result.stdout.splitlines()
    assert result.exit_code == 0
    assert heading.split() == [severity_of(code), code]
    assert len(meaning.strip()) > len(code)
    assert mend.strip().startswith("What to do: ")


def test_json_tells_the_same() -> None:
    told = json.loads(explain("JSON_KEY_MISSING", "--json").stdout)

    assert set(told) == {"code", "severity", "meaning", "mend"}
    assert (told["code"], told["severity"]) == ("JSON_KEY_MISSING", "BROKEN")


def test_without_a_code_all_are_listed() -> None:
    listed = [line.split() for line in explain().stdout.splitlines()]

    assert listed == [[severity_of(code), code] for code in Code]
    assert [one["code"] for one in json.loads(explain("--json").stdout)["codes"]] == list(Code)


def test_a_code_may_be_typed_in_small_letters() -> None:
    assert explain("json-key-missing").stdout == explain("JSON_KEY_MISSING").stdout


@pytest.mark.parametrize(
    ("typed", "hint"),
    [("JSON_KEY_MISING", "Did you mean JSON_KEY_MISSING"), ("WHATEVER", "All of them: secretwatch explain")],
)
def test_a_code_that_does_not_exist_is_wrong_usage_and_says_what_may_be_meant(typed: str, hint: str) -> None:
    result = explain(typed)

    assert (result.exit_code, result.stdout) == (2, "")
    assert hint in result.stderr
