"""`secretwatch can-read`: what goes in, what comes out, and the exit status."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from secretwatch_cli.app import app
from tests.unit.policy.statements import ACTION, OWN, ROLE, SECRET, SERVICE, a_statement

Command = Callable[..., Result]


@pytest.fixture
def policy(tmp_path: Path) -> Callable[..., str]:
    """Writes a policy of these statements into a file of its own."""

    def written(*statements: Any, text: str | None = None) -> str:
        path = tmp_path / f"policy-{len(list(tmp_path.iterdir()))}.json"
        path.write_text(text or json.dumps({"Version": "2012-10-17", "Statement": statements}))
        return str(path)

    return written


@pytest.fixture
def can_read(monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command, without anything of AWS in the environment."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str, reader: str = SERVICE.name) -> Result:
        request = ["--reader", reader, "--action", ACTION, "--resource", SECRET]
        return CliRunner().invoke(app, ["can-read", *request, *arguments], catch_exceptions=False)

    return run


CONDITION = {"StringEquals": {"aws:SourceAccount": OWN}}
ALLOW = a_statement(Sid="AgentCore", Principal={"Service": SERVICE.name}, Condition=CONDITION)


@pytest.mark.parametrize(
    ("context", "decision", "depends_on", "status"),
    [
        (["--present", f"aws:SourceAccount={OWN}"], "ALLOWED", [], 0),
        (["--present", f"AWS:sourceaccount={OWN}"], "ALLOWED", [], 0),
        (["--absent", "aws:SourceAccount"], "DENIED_IMPLICIT", [], 3),
        (["--present", "aws:SourceAccount="], "DENIED_IMPLICIT", [], 3),
        (["--unknown", "aws:SourceAccount"], "UNKNOWN", ["aws:SourceAccount"], 4),
        ([], "UNKNOWN", ["aws:SourceAccount"], 4),
    ],
)
def test_the_decision_is_printed_as_json(
    can_read: Command, policy: Callable[..., str], context: list[str], decision: str, depends_on: list[str], status: int
) -> None:
    result = can_read("--policy", policy(ALLOW), *context, "--json")

    printed = json.loads(result.stdout)
    assert (printed["decision"], printed["depends_on"], result.exit_code) == (decision, depends_on, status)
    assert list(printed) == ["decision", "depends_on", "statements", "problems"]
    if decision != "DENIED_IMPLICIT":
        assert printed["statements"] == [{"policy": 0, "sid": "AgentCore", "index": 0, "effect": "Allow"}]


def test_policies_are_taken_together_and_options_take_several_values(
    can_read: Command, policy: Callable[..., str]
) -> None:
    tags = {"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b=c"]}}
    allow, deny = policy(a_statement(Condition=tags)), policy(ALLOW, a_statement("Deny", Condition=CONDITION))
    context = ["--present", "aws:TagKeys=a", "aws:TagKeys=b=c", "--absent", "aws:SourceAccount", "aws:SourceArn"]

    assert can_read("--policy", allow, deny, *context).exit_code == 0
    assert can_read("--policy", allow, "--policy", deny, *context, "--present", "aws:TagKeys=d").exit_code == 3

    denied = can_read("--policy", allow, deny, "--json", "--present", f"aws:SourceAccount={OWN}")
    assert json.loads(denied.stdout)["statements"] == [{"policy": 1, "sid": None, "index": 1, "effect": "Deny"}]


def test_an_invalid_policy_is_told(can_read: Command, policy: Callable[..., str]) -> None:
    broken = policy(text="{")

    result = can_read("--policy", broken, "--json")

    assert result.exit_code == 3
    assert json.loads(result.stdout) == {
        "decision": "INVALID",
        "depends_on": [],
        "statements": [],
        "problems": [f"policy {broken}: line 1, column 2: not JSON: Expecting property name enclosed in double quotes"],
    }


def test_a_person_reads_words(can_read: Command, policy: Callable[..., str]) -> None:
    path = policy(ALLOW, a_statement(Principal={"AWS": OWN}))

    assert can_read("--policy", path).stdout.splitlines() == [
        "UNKNOWN: it may be ALLOWED or DENIED_IMPLICIT.",
        f"  Allow by statement 1 (Sid AgentCore) of {path}",
        "  depends on aws:SourceAccount",
    ]
    assert can_read("--policy", path, reader=ROLE.name).stdout.splitlines() == [
        "UNKNOWN: it may be ALLOWED or DENIED_IMPLICIT.",
        f"  Allow by statement 2 of {path}",
        f"  depends on identity policy of {ROLE.name}",
    ]
    assert can_read("--policy", policy(ALLOW), reader=ROLE.name).stdout == "DENIED_IMPLICIT: no statement allows it.\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--policy", "/no/such/file"], "/no/such/file cannot be read: No such file or directory."),
        (["--policy", "."], ". cannot be read: Is a directory."),
        (
            ["--policy", "{policy}", "--present", "aws:SourceAccount"],
            "'aws:SourceAccount' is not of the form KEY=VALUE.",
        ),
        (["--policy", "{policy}", "--present", "a=1", "--absent", "A"], "A is given in two states."),
        (["--policy", "{policy}", "--absent", "a", "--unknown", "a"], "a is given in two states."),
    ],
)
def test_wrong_usage_is_told(can_read: Command, policy: Callable[..., str], arguments: list[str], message: str) -> None:
    path = policy(ALLOW)

    result = can_read(*(argument.replace("{policy}", path) for argument in arguments))

    assert (result.exit_code, result.stderr.strip()) == (2, message)


def test_what_is_no_reader_and_no_text_is_wrong_usage(can_read: Command, tmp_path: Path) -> None:
    path = tmp_path / "binary"
    path.write_bytes(b"\xff")

    assert can_read("--policy", str(path)).stderr.strip() == f"{path} is no UTF-8 text."
    path.write_text("{}")
    assert can_read("--policy", str(path), reader="nobody").exit_code == 2


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_policy_is_read_as_any_editor_writes_it(can_read: Command, tmp_path: Path, mark: str, newline: str) -> None:
    path = tmp_path / "policy.json"
    text = json.dumps({"Version": "2012-10-17", "Statement": [a_statement()]}, indent=2)
    path.write_bytes((mark + text.replace("\n", newline)).encode())

    assert can_read("--policy", str(path)).exit_code == 0


def test_an_option_that_takes_several_values_may_have_none(can_read: Command, policy: Callable[..., str]) -> None:
    path = policy(ALLOW)

    assert can_read("--present", "--absent", "aws:SourceAccount", "--unknown", "--policy", path).exit_code == 3
    assert "Missing option '--policy'" in can_read("--policy", "--present", f"aws:SourceAccount={OWN}").stderr


@pytest.mark.parametrize("sid", ["Größe", "\ud800"])
def test_what_the_terminal_cannot_write_is_escaped(policy: Callable[..., str], sid: str) -> None:
    request = ["--reader", SERVICE.name, "--action", ACTION, "--resource", SECRET]

    result = CliRunner(charset="ascii").invoke(app, ["can-read", *request, "--policy", policy(a_statement(Sid=sid))])

    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "ALLOWED: the policies allow it.")
    assert ascii(sid).strip("'") in result.stdout
