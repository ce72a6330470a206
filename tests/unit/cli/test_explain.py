"""`secretwatch explain` says of any input what becomes of it, in one sentence."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from secretwatch_cli.app import app
from secretwatch_cli.display.explanation import explanation_json
from secretwatch_cli.explain import Outcome, explain

EVENTS = Path(__file__).parents[3] / "events"
PLATFORM = "arn:aws:iam::111122223333:role/AgentPlatform"
CRM = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:agents/crm-T4xB9n"


def sample(name: str, **parts: Any) -> dict[str, Any]:
    """A sample event with some of its parts changed."""
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return {**event, **parts}


def with_detail(name: str, **changes: Any) -> dict[str, Any]:
    event = sample(name)
    return {**event, "detail": {**event["detail"], **changes}}


def reason_of(event: object, **options: Any) -> tuple[Outcome, str]:
    explanation = explain(event if isinstance(event, str) else json.dumps(event), **options)
    return explanation.outcome, explanation.reason


# --- bad input

RESTORED = "secretsmanager.RestoreSecret"


@pytest.mark.parametrize(
    ("event", "outcome", "reason"),
    [
        pytest.param("{not JSON", Outcome.UNREADABLE, "Not JSON.", id="not JSON"),
        pytest.param("", Outcome.UNREADABLE, "Not JSON.", id="empty"),
        pytest.param(
            "[" * 200_000, Outcome.UNREADABLE, "JSON that is nested too deeply to be an event.", id="nested too deeply"
        ),
        pytest.param([], Outcome.UNREADABLE, "Not an EventBridge event: it is a list.", id="a list"),
        pytest.param({}, Outcome.UNREADABLE, "Not an EventBridge event: its source is missing.", id="an empty object"),
        pytest.param(
            sample(RESTORED)["detail"],
            Outcome.UNREADABLE,
            "Not an EventBridge event, but the bare CloudTrail record that would be the detail of one.",
            id="a CloudTrail record",
        ),
        pytest.param(
            {"Records": [sample(RESTORED)["detail"]]},
            Outcome.UNREADABLE,
            "Not an EventBridge event, but a batch of records, of which each is to be given by itself.",
            id="a log file of CloudTrail",
        ),
        pytest.param(
            sample(RESTORED, detail=None),
            Outcome.UNREADABLE,
            "Not an EventBridge event: its detail is null.",
            id="detail is null",
        ),
        pytest.param(
            sample(RESTORED, detail="text"),
            Outcome.UNREADABLE,
            "Not an EventBridge event: its detail is a text.",
            id="detail is a text",
        ),
        pytest.param(
            sample(RESTORED, detail={}),
            Outcome.IGNORED,
            "No rule takes it: event 'AWS API Call via CloudTrail' names no secret.",
            id="detail is empty",
        ),
        pytest.param(
            sample(RESTORED, account=7),
            Outcome.UNREADABLE,
            "Not an EventBridge event: its account is a number.",
            id="account is a number",
        ),
        pytest.param(
            sample(RESTORED, time="yesterday"), Outcome.UNREADABLE, "The event's time is malformed.", id="no time"
        ),
        pytest.param(
            with_detail(RESTORED, requestParameters=None, responseElements=None),
            Outcome.UNREADABLE,
            "A rule takes it, but event 'RestoreSecret' names no secret.",
            id="names nothing",
        ),
        pytest.param(
            with_detail(RESTORED, requestParameters={"secretId": "***"}, responseElements=None),
            Outcome.UNREADABLE,
            "A rule takes it, but event 'RestoreSecret' names no secret: its name is redacted.",
            id="redacted",
        ),
        pytest.param(
            with_detail("bedrock-agentcore.DeleteApiKeyCredentialProvider", requestParameters={"name": "***"}),
            Outcome.UNREADABLE,
            "A rule takes it, but event 'DeleteApiKeyCredentialProvider' names no provider or gateway:"
            " its name is redacted.",
            id="provider redacted",
        ),
        pytest.param(
            with_detail(RESTORED, eventName="PaintSecret"),
            Outcome.IGNORED,
            "No rule takes it: PaintSecret, as aws.secretsmanager tells it here, is not watched.",
            id="unknown name",
        ),
        pytest.param(
            sample(RESTORED, source="aws.ec2"),
            Outcome.IGNORED,
            "No rule takes it: aws.ec2 event 'RestoreSecret' is of no known kind.",
            id="another service",
        ),
        pytest.param(
            with_detail(RESTORED, errorCode="AccessDenied"),
            Outcome.IGNORED,
            "No rule takes it: RestoreSecret was refused, and so changed nothing.",
            id="refused",
        ),
        pytest.param(
            sample("secretsmanager.DescribeSecret"),
            Outcome.IGNORED,
            "No rule takes it: DescribeSecret only reads.",
            id="read",
        ),
        pytest.param(
            sample("secretwatch.ReferenceVerdictChanged"),
            Outcome.IGNORED,
            "It is Secretwatch's own news, for those who listen to its bus, and no change of what it watches.",
            id="our own news",
        ),
        pytest.param(
            sample("secretwatch.SweepCompleted"),
            Outcome.IGNORED,
            "No rule takes it: it is Secretwatch's own news, for those who listen to its bus, and no change of what it"
            " watches.",
            id="our own news that no rule of ours takes",
        ),
    ],
)
def test_what_nothing_is_done_with_is_explained_in_one_sentence(event: object, outcome: Outcome, reason: str) -> None:
    assert reason_of(event) == (outcome, reason)
    assert explanation_json(explain(event if isinstance(event, str) else json.dumps(event)))["change"] is None


def test_an_event_of_the_largest_size_is_explained_as_any_other() -> None:
    large = with_detail(RESTORED, padding="x" * 256 * 1024)
    without_name = with_detail(RESTORED, eventName="x" * 256 * 1024)

    assert reason_of(large) == reason_of(sample(RESTORED))
    assert len(reason_of(without_name)[1]) < 500


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_any_json_is_explained(value: object) -> None:
    outcome, reason = reason_of(json.dumps(value))

    assert outcome is Outcome.UNREADABLE
    assert reason.endswith(".")


@given(st.sampled_from(sorted(path.stem for path in EVENTS.glob("*.json"))), st.data())
def test_a_sample_with_any_part_exchanged_is_explained(name: str, data: st.DataObject) -> None:
    event = sample(name)
    where = data.draw(st.sampled_from([event, event["detail"]]))
    if where:
        where[data.draw(st.sampled_from(sorted(where)))] = data.draw(json_values)

    outcome, reason = reason_of(event)

    assert isinstance(outcome, Outcome)
    assert reason.endswith(".")
    assert reason.isprintable()


# --- what is special about an event


def test_an_event_of_another_account_or_region_says_so() -> None:
    _, reason = reason_of(sample(RESTORED, account="444455556666", region="us-east-1"))

    assert reason.endswith("; the event is of 444455556666 us-east-1, and what it names of 111122223333 eu-west-1.")


def test_a_replayed_event_says_so_and_is_understood_as_it_was_at_first() -> None:
    outcome, reason = reason_of({**sample(RESTORED), "replay-name": "after-the-outage"})

    assert outcome is Outcome.UNDERSTOOD
    assert reason.endswith("; it is replayed from an archive (after-the-outage).")


@pytest.mark.parametrize("role", [PLATFORM, "AgentPlatform"])
def test_a_write_of_our_own_says_so(role: str) -> None:
    explanation = explain(json.dumps(sample(RESTORED)), own_roles=[role])

    assert explanation_json(explanation)["change"]["own_write"] is True
    assert "Secretwatch wrote it itself" in explanation.reason


def test_a_secret_that_was_created_is_named_in_full_and_looked_up_by_its_name() -> None:
    explanation = explain(json.dumps(with_detail(RESTORED, eventName="CreateSecret")))

    assert explanation_json(explanation)["change"]["subject"] == {"type": "secret", "id": CRM}
    assert "a secret named agents/crm in 111122223333 eu-west-1" in explanation.reason


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("kms.CreateGrant", "KmsGrantEvents=on"),
        ("secretsmanager.GetSecretValue.agentcore-refused", "ObservedReads=failed, sampled or all"),
        ("secretsmanager.GetSecretValue.agentcore-sampled", "ObservedReads=sampled or ObservedReads=all"),
        ("secretsmanager.GetSecretValue.agentcore", "ObservedReads=all"),
    ],
)
def test_a_rule_that_a_stack_need_not_have_says_with_which_parameter_it_has_it(name: str, option: str) -> None:
    _, reason = reason_of(sample(name))

    assert reason.endswith(f"; a stack has that rule only with {option}.")


# --- for a program


def test_the_json_of_an_event_has_exactly_its_rules_its_change_and_the_reason() -> None:
    explained = explanation_json(explain(json.dumps(sample(RESTORED))))

    assert explained == {
        "rules": ["SecretApiCallRule"],
        "change": {
            "kind": "RestoreSecret",
            "subject": {"type": "secret", "id": CRM},
            "event_id": "3b240cf4-447b-522d-9e31-23f2f089c324",
            "occurred_at": "2026-11-02T08:15:30+00:00",
            "actor": PLATFORM,
            "own_write": False,
        },
        "reason": f"RestoreSecret: every reference to {CRM} that the Registry knows is checked.",
    }


def test_an_event_with_several_subjects_has_a_change_of_each_and_the_first_by_itself_too() -> None:
    explained = explanation_json(explain(json.dumps(sample("kms.DeleteAlias"))))

    assert list(explained) == ["rules", "change", "changes", "reason"]
    assert explained["change"] == explained["changes"][0]
    assert [one["subject"]["type"] for one in explained["changes"]] == ["key", "key"]
    assert explained["change"]["subject"]["id"].endswith(":alias/agents")


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("bedrock-agentcore.DeleteOauth2CredentialProvider", {"type": "provider", "id": "crm-google"}),
        ("bedrock-agentcore.UpdateGatewayTarget", {"type": "gateway", "id": "support-bot-a1b2c3d4e5"}),
        (
            "bedrock-agentcore.SetTokenVaultCMK",
            {"type": "provider", "id": "arn:aws:bedrock-agentcore:us-west-2:111122223333:token-vault/*"},
        ),
        ("secretsmanager.TagResource", {"type": "secret", "id": "agents/crm"}),
    ],
)
def test_a_subject_is_of_one_of_four_types(name: str, subject: dict[str, str]) -> None:
    assert explanation_json(explain(json.dumps(sample(name))))["change"]["subject"] == subject


# --- the command


@pytest.mark.parametrize(
    ("name", "exit_code"), [(RESTORED, 0), ("secretsmanager.DescribeSecret", 3), ("no-such-file", 2)]
)
def test_the_exit_status_says_what_becomes_of_the_event(name: str, exit_code: int) -> None:
    assert CliRunner().invoke(app, ["explain", str(EVENTS / f"{name}.json")]).exit_code == exit_code


@pytest.mark.parametrize(("word", "exit_code"), [("KEY_DISABLED", 0), ("KEY_PAINTED", 2)])
def test_a_bare_word_that_is_no_file_is_a_code(word: str, exit_code: int) -> None:
    assert CliRunner().invoke(app, ["explain", word]).exit_code == exit_code


def test_a_file_may_be_named_like_a_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("KEY_DISABLED").write_text((EVENTS / f"{RESTORED}.json").read_text())

    assert "understood" in CliRunner().invoke(app, ["explain", "KEY_DISABLED"]).output


def test_an_event_is_read_from_standard_input_whatever_it_holds() -> None:
    result = CliRunner().invoke(app, ["explain", "-", "--json"], input=b"\xff\xfe{")

    assert result.exit_code == Outcome.UNREADABLE
    assert json.loads(result.output) == {"rules": [], "change": None, "reason": "Not JSON."}


def test_people_read_what_becomes_of_the_event_by_which_rules_and_who_did_it() -> None:
    result = CliRunner().invoke(app, ["explain", str(EVENTS / f"{RESTORED}.json"), "--own-role", "AgentPlatform"])

    assert result.output.splitlines() == [
        f"understood  RestoreSecret: every reference to {CRM} that the Registry knows is checked;"
        " Secretwatch wrote it itself, so that only what was not checked since is checked.",
        "rules       SecretApiCallRule",
        f"happened    2026-11-02 08:15:30 UTC, by {PLATFORM}",
        "event       3b240cf4-447b-522d-9e31-23f2f089c324",
    ]


def test_an_event_is_read_as_any_editor_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "event.json"
    path.write_bytes(("\ufeff" + json.dumps(sample(RESTORED), indent=2).replace("\n", "\r\n")).encode())

    assert CliRunner().invoke(app, ["explain", str(path)]).exit_code == 0
