"""`secretwatch onboard` and `offboard`, from what is typed to what is started and told."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from typer.testing import CliRunner, Result

from secretwatch_cli.app import app
from secretwatch_cli.executions import Executions
from secretwatch_cli.invocation import Place
from secretwatch_cli.stack import Stack
from secretwatch_cli.steps import Execution, Outcome, Step
from tests.contract.stubs import MakeStub, Stub
from tests.fakes import secret_arn

ONBOARDS = "arn:aws:states:eu-west-1:111122223333:stateMachine:OnboardSecret-x"
OFFBOARDS = "arn:aws:states:eu-west-1:111122223333:stateMachine:OffboardProvider-x"
STACK = Stack(
    name="secretwatch",
    arn="arn:aws:cloudformation:eu-west-1:111122223333:stack/secretwatch/1",
    outputs={"OnboardSecretArn": ONBOARDS, "OffboardProviderArn": OFFBOARDS},
    parameters={},
    resources={},
)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
CANARY = "canary-7f3a"
API_KEY = ("api-key", "--name", "weather", "--secret", secret_arn("agents/weather"), "--json-key", "key")
BODY = {
    "name": "weather",
    "apiKeySecretSource": "EXTERNAL",
    "apiKeySecretConfig": {"secretId": secret_arn("agents/weather"), "jsonKey": "key"},
}

Run: TypeAlias = Callable[..., Result]


@pytest.fixture
def states(make_stub: MakeStub, monkeypatch: pytest.MonkeyPatch) -> Stub:
    """The workflows of the stack that is found; what is not expected of them fails."""
    stub = make_stub("stepfunctions")
    monkeypatch.setattr(Place, "find", lambda _place: (lambda _service: stub.client, STACK))
    return stub


@pytest.fixture
def started(states: Stub) -> dict[str, Any]:
    """What the one execution that is started is started with."""
    asked: dict[str, Any] = {}
    states.add_response("start_execution", {"executionArn": f"{ONBOARDS}:x", "startDate": NOON})
    states.client.meta.events.register(
        "provide-client-params.stepfunctions.StartExecution", lambda params, **_: asked.update(params)
    )
    return asked


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=stdin, catch_exceptions=False)


def ends(monkeypatch: pytest.MonkeyPatch, *seen: Execution) -> None:
    """Let whatever is started go on like this."""
    monkeypatch.setattr(Executions, "follow", lambda _self, _started: iter(seen))


def test_options_start_the_workflow_with_the_request_that_they_make(started: dict[str, Any]) -> None:
    result = run("onboard", *API_KEY, "--owner", "Blue", "--approve-within", "2h", "--vend")

    assert result.exit_code == 0, result.output
    assert started["stateMachineArn"] == ONBOARDS
    assert json.loads(started["input"]) == {
        **BODY,
        "owner": "Blue",
        "options": {"approveWithinSeconds": 7200, "vend": True},
    }
    assert started["name"].startswith("o-")
    assert started["name"].endswith("-1")
    assert started["name"] in result.stdout


@pytest.mark.parametrize("text", [json.dumps(BODY), "\n".join(f"{key}: {json.dumps(BODY[key])}" for key in BODY)])
def test_a_file_starts_the_same(started: dict[str, Any], tmp_path: Path, text: str) -> None:
    (tmp_path / "request").write_text(text)

    result = run("onboard", "-f", str(tmp_path / "request"))

    assert result.exit_code == 0, result.output
    assert json.loads(started["input"]) == BODY


def test_standard_input_is_a_file_too(started: dict[str, Any]) -> None:
    assert run("onboard", "-f", "-", stdin=json.dumps(BODY)).exit_code == 0
    assert json.loads(started["input"]) == BODY


def test_what_is_typed_outweighs_what_stands_in_the_file(started: dict[str, Any], tmp_path: Path) -> None:
    ours = {"owner": "Red", "options": {"approveWithinSeconds": 60, "vend": False}}
    (tmp_path / "request").write_text(json.dumps({**BODY, **ours}))

    run("onboard", "-f", str(tmp_path / "request"), "--owner", "Blue", "--vend")

    expected = {**BODY, "owner": "Blue", "options": {"approveWithinSeconds": 60, "vend": True}}
    assert json.loads(started["input"]) == expected


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_a_literal_secret_never_gets_into_a_history_nor_on_the_screen(
    states: Stub, tmp_path: Path, dry: list[str]
) -> None:
    (tmp_path / "request.json").write_text(json.dumps({"name": "weather", "apiKey": CANARY}))

    result = run("onboard", "-f", str(tmp_path / "request.json"), *dry)

    states.assert_no_pending_responses()  # and nothing that was not expected: nothing was started
    assert result.exit_code == 3
    assert "refused   apiKey carries the secret itself" in result.stdout
    assert "What to do: Reference it instead" in result.stdout
    assert "stands in no execution history" in result.stdout
    assert "rotate" not in result.output
    assert CANARY not in result.output


def test_all_problems_are_told_at_once_each_with_its_fix(states: Stub) -> None:
    result = run("onboard", "google-oauth2", "--name", "a b", "--json", "--set", "colour=red")

    assert result.exit_code == 3
    problems = {one["field"].rpartition(".")[2]: one for one in json.loads(result.stdout)["problems"]}
    assert set(problems) == {"name", "clientId", "clientSecretConfig", "colour"}
    assert all(one["fix"] for one in problems.values())
    states.assert_no_pending_responses()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["api-key", "-f", "x"],
        ["-f", "x", "--name", "weather"],
        ["-f", "/nowhere"],
        ["no-such-vendor"],
        ["api-key", "--set", "nothing"],
        ["api-key", "--approve-within", "soon"],
        ["--example", "no-such-vendor"],
    ],
)
def test_what_cannot_be_meant_is_wrong_usage(states: Stub, arguments: list[str]) -> None:
    assert run("onboard", *arguments).exit_code == 2


def test_an_example_needs_no_stack_and_is_a_request(states: Stub, tmp_path: Path) -> None:
    printed = run("onboard", "--example", "coinbase")

    assert printed.exit_code == 0
    assert json.loads(printed.stdout)["credentialProviderVendor"] == "CoinbaseCDP"


ONBOARDED = Execution(
    "o-abc-1",
    f"{ONBOARDS}:o-abc-1",
    "SUCCEEDED",
    (Step("Validate", Outcome.DONE), Step("CreateProvider", Outcome.DONE)),
    output={
        "providerArn": "arn:x",
        "created": True,
        "callbackUrl": "https://back",
        "message": "crm resolves. Register https://back at the vendor.",
    },
)


@pytest.mark.usefixtures("started")
def test_waiting_tells_each_step_and_what_came_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = Execution("o-abc-1", "arn", "RUNNING", (Step("Validate", Outcome.DONE), Step("Approve", Outcome.RUNNING)))
    ends(monkeypatch, waiting, waiting, replace(ONBOARDED, steps=(*waiting.steps[:1], Step("Approve", Outcome.DONE))))

    result = run("onboard", *API_KEY, "--wait")

    assert result.exit_code == 0
    assert result.stderr.count("done      Validate") == 1
    assert result.stderr.count("running   Approve: somebody else has to: secretwatch approve o-abc-1") == 1
    assert result.stderr.count("done      Approve") == 1
    assert "crm resolves." in result.stdout
    assert result.stdout.count("https://back") == 1


@pytest.mark.usefixtures("started")
def test_json_has_what_the_workflow_gave_back(monkeypatch: pytest.MonkeyPatch) -> None:
    ends(monkeypatch, ONBOARDED)

    result = run("onboard", *API_KEY, "--wait", "--json")

    document = json.loads(result.stdout)
    assert document["status"] == "SUCCEEDED"
    assert document["output"] == ONBOARDED.output
    assert document["steps"][0] == {"step": "Validate", "outcome": "done"}


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        ("FAILED", "RequestRefused", 3),
        ("FAILED", "NameTaken", 1),
        ("FAILED", "ApprovalRejected", 1),
        ("ABORTED", None, 1),
    ],
)
@pytest.mark.usefixtures("started")
def test_how_it_ended_is_the_exit_status(
    monkeypatch: pytest.MonkeyPatch, status: str, error: str | None, expected: int
) -> None:
    ends(monkeypatch, Execution("o-abc-1", "arn", status, error=error, cause="Because." if error else None))

    result = run("onboard", *API_KEY, "--wait")

    assert result.exit_code == expected
    assert ("Because." if error else "Nothing is rolled back") in result.stdout


@pytest.mark.usefixtures("started")
def test_an_offboarding_that_was_stopped_goes_on_when_it_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    ends(monkeypatch, Execution("off-abc-1", "arn", "ABORTED"))

    told = run("offboard", "api-key", "weather", "--wait").stdout

    assert "It was stopped: start it again, and it goes on where it was." in told
    assert "with offboard" not in told


@pytest.mark.usefixtures("started")
def test_whoever_stops_waiting_stops_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def follow(_self: Executions, started: Execution) -> Any:
        yield started
        raise KeyboardInterrupt

    monkeypatch.setattr(Executions, "follow", follow)

    assert run("onboard", *API_KEY, "--wait").exit_code == 4


@pytest.mark.usefixtures("states")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["onboard", "oauth2", "--name", "crm"], "'oauth2' says no vendor. Say which: "),
        (["onboard", "--example", "payment"], "'payment' says no vendor. Say which: coinbase-cdp, "),
        (["onboard", "gogle-oauth2"], "Did you mean google-oauth2?"),
        (["offboard", "foo", "crm"], "'foo' is no kind of provider. There are: api-key, oauth2 and payment"),
        (["onboard", *API_KEY, "--approve-within", "1"], "--approve-within takes a time such as 30d or 2h, not '1'."),
        (["history", "--since", "1"], "--since takes a time such as 30d or 2h, not '1'."),
        (["waive", "x", "ROTATION_OFF", "--for", "1", "--reason", "y"], "--for takes a time such as 30d or 2h"),
    ],
)
def test_wrong_usage_is_told_with_what_could_be_meant(arguments: list[str], says: str) -> None:
    result = run(*arguments)

    assert (result.exit_code, says in result.stderr) == (2, True), result.stderr


def test_the_help_of_each_command_is_about_that_command() -> None:
    for command in ("onboardings", "repairs", "approve"):
        shown = run(command, "--help").stdout
        assert "[ID]" in shown
        assert "[[ID]]" not in shown
    assert "--dry-run" not in run("offboard", "--help").stdout
    assert {"repairs", "onboardings"} <= {*run("status", "--help").stdout.replace(",", " ").split()}


@pytest.mark.parametrize("kind", ["oauth2", "google-oauth2", "OAUTH2"])
def test_offboarding_names_the_kind_and_the_provider(started: dict[str, Any], kind: str) -> None:
    result = run("offboard", kind, "crm", "--force")

    assert result.exit_code == 0, result.output
    assert started["stateMachineArn"] == OFFBOARDS
    assert json.loads(started["input"]) == {"kind": "OAUTH2", "name": "crm", "force": True}


def test_a_stack_without_onboarding_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    older = Stack(STACK.name, STACK.arn, {"RegistryTable": "x"}, {}, {})
    monkeypatch.setattr(Place, "find", lambda _place: (lambda _service: None, older))

    result = run("onboard", *API_KEY)

    assert result.exit_code == 1
    assert "has no output OnboardSecretArn" in result.stderr
