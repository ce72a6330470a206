"""The `secretwatch` command against the deployed stack, as an operator or a team runs it."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from typer.testing import CliRunner, Result

from secretwatch_cli.app import app
from tests.e2e.conftest import World, eventually

Run: TypeAlias = Callable[..., Result]

EVENTS = Path(__file__).parents[2] / "events"


@pytest.fixture
def run(world: World, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command with the environment that `make local` gives to paste."""
    for name, value in world.aws.environment().items():
        monkeypatch.setenv(name, value)
    return lambda *arguments: CliRunner().invoke(app, list(arguments), catch_exceptions=False)


def verdicts(result: Result) -> list[str]:
    return [reference["verdict"] for reference in json.loads(result.stdout)["references"]]


# --- check


def test_a_secret_that_serves_is_checked_anew_and_resolves(world: World, run: Run) -> None:
    secret = world.secret()
    provider = world.provider(secret)
    before = world.records(secret)[0]["version"]

    result = run("check", secret)

    assert result.exit_code == 0
    assert result.stdout.startswith(f"RESOLVES  {provider} (API_KEY, apiKey), checked ")
    assert world.records(secret)[0]["version"] > before


def test_a_broken_secret_says_what_is_wrong_and_what_to_do_by_name_and_by_partial_arn(world: World, run: Run) -> None:
    secret = world.secret('{"other": "a value"}')
    world.provider(secret)
    name = secret.split(":")[-1][:-7]

    for named in (name, secret[:-7], secret):
        result = run("check", named)
        assert result.exit_code == 3
        assert "JSON_KEY_MISSING (BROKEN): the current version lacks JSON key `key`" in result.stdout
        assert "What to do: Store a JSON object with a non-empty string under `key`." in result.stdout


def test_json_tells_the_same(world: World, run: Run) -> None:
    secret = world.secret("{}")
    provider = world.provider(secret)

    result = run("check", secret, "--json")

    assert result.exit_code == 3
    (reference,) = json.loads(result.stdout)["references"]
    assert (reference["providerName"], reference["verdict"]) == (provider, "BROKEN")
    assert [finding["code"] for finding in reference["findings"]] == ["JSON_KEY_MISSING"]


def test_without_waiting_the_stored_verdict_is_shown_and_nothing_is_checked(world: World, run: Run) -> None:
    secret = world.secret()
    world.provider(secret)
    before = world.records(secret)

    result = run("check", secret, "--no-wait", "--json")

    assert (result.exit_code, verdicts(result)) == (0, ["RESOLVES"])
    assert world.records(secret) == before


@contextmanager
def nobody_checks(world: World) -> Iterator[None]:
    """What is asked for waits, and what was being checked is done with."""
    functions = world.aws.client("lambda")
    mappings = [world.physical_id(f"CheckReferences{queue}") for queue in ("Changes", "Sweep")]
    for mapping in mappings:
        functions.update_event_source_mapping(UUID=mapping, Enabled=False)
    try:
        eventually(lambda: sum(under_way(world, queue) for queue in ("ChangeQueueUrl", "SweepQueueUrl")) == 0)
        yield
    finally:
        for mapping in mappings:
            functions.update_event_source_mapping(UUID=mapping, Enabled=True)


def under_way(world: World, queue: str) -> int:
    """How many of the queue's messages somebody has taken and not done with."""
    name = "ApproximateNumberOfMessagesNotVisible"
    answer = world.sqs.get_queue_attributes(QueueUrl=world.outputs[queue], AttributeNames=[name])
    return int(answer["Attributes"][name])


def test_a_check_that_does_not_come_in_time_shows_what_stood_and_says_so(world: World, run: Run) -> None:
    secret = world.secret()
    world.provider(secret)

    with nobody_checks(world):
        result = run("check", secret, "--timeout", "0", "--json")

    assert (result.exit_code, verdicts(result)) == (4, ["RESOLVES"])
    assert "1 of 1 references were not checked in time" in result.stderr


@pytest.fixture
def closed(world: World) -> Iterator[str]:
    """A secret whose policy turns everybody away who reads it, with a provider that references it."""
    secret = world.secret()
    world.provider(secret)
    deny = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "secretsmanager:DescribeSecret", "Resource": "*"}],
    }
    world.secrets.put_resource_policy(SecretId=secret, ResourcePolicy=json.dumps(deny))
    yield secret
    world.secrets.delete_resource_policy(SecretId=secret)


def test_what_secretwatch_may_not_read_is_unknown_beside_the_last_verdict(run: Run, closed: str) -> None:
    result = run("check", closed, "--json")

    assert (result.exit_code, verdicts(result)) == (4, ["RESOLVES"])
    (reference,) = json.loads(result.stdout)["references"]
    assert "AccessDenied" in reference["unknown"]["reason"]


def test_a_provider_is_checked_by_name_and_by_arn_with_all_of_its_references(world: World, run: Run) -> None:
    secret = world.secret("{}")
    provider = world.provider(secret)
    (record,) = world.records(secret)

    for named in (provider, record["provider_arn"]):
        result = run("check", named, "--json")
        assert (result.exit_code, verdicts(result)) == (3, ["BROKEN"])
        assert [one["secretArn"] for one in json.loads(result.stdout)["references"]] == [secret]


def test_what_counts_as_a_finding_is_for_whoever_asks_to_say(world: World, run: Run) -> None:
    secret = world.secret("{}")
    world.provider(secret)

    assert run("check", secret, "--no-wait", "--fail-on", "never").exit_code == 0


@pytest.mark.parametrize(("secret", "status"), [("agents/nobody-knows-it", 1), ("not a secret!", 2)])
def test_a_secret_that_is_unknown_or_none_is_an_error_in_one_sentence(run: Run, secret: str, status: int) -> None:
    result = run("check", secret)

    assert (result.exit_code, result.stdout) == (status, "")
    assert len(result.stderr.strip().splitlines()) == 1


# --- replay


def test_a_replayed_event_is_looked_at_here_and_stored_unless_it_is_only_tried(
    world: World, run: Run, tmp_path: Path
) -> None:
    secret = world.secret()
    world.provider(secret)
    event = tmp_path / "event.json"
    sample = json.loads((EVENTS / "secretsmanager.SecretLabelUpdated.json").read_text())
    event.write_text(json.dumps({**sample, "resources": [secret]}))
    before = world.records(secret)[0]["version"]

    tried = run("replay", str(event), "--dry-run", "--json")
    between = world.records(secret)[0]["version"]
    done = run("replay", str(event), "--json")

    assert verdicts(tried) == verdicts(done)
    assert between == before
    assert world.records(secret)[0]["version"] > before


# --- waivers


def test_a_waived_finding_stays_visible_and_counts_no_more_until_the_waiver_ends(world: World, run: Run) -> None:
    secret = world.secret("{}")
    provider = world.provider(secret)

    waived = run("waive", provider, "JSON_KEY_MISSING", "--for", "30d", "--reason", "It goes next week.", "--json")
    checked = run("check", secret, "--json")

    assert waived.exit_code == 0
    (reference,) = json.loads(checked.stdout)["references"]
    assert (checked.exit_code, reference["verdict"]) == (0, "BROKEN")
    assert reference["findings"][0]["waivedUntil"] == json.loads(waived.stdout)["until"]
    listed = {one["subject"]: one for one in json.loads(run("waivers", "--json").stdout)["waivers"]}
    waiver = listed[reference["providerArn"]]
    assert (waiver["code"], waiver["reason"]) == ("JSON_KEY_MISSING", "It goes next week.")
    assert waiver["author"].startswith("arn:aws:")

    assert run("unwaive", provider, "JSON_KEY_MISSING").exit_code == 0
    assert run("check", secret).exit_code == 3
    assert reference["providerArn"] not in run("waivers").stdout


def test_a_waiver_takes_effect_by_itself(world: World, run: Run) -> None:
    secret = world.secret("{}")
    world.provider(secret)

    run("waive", secret, "JSON_KEY_MISSING", "--for", "2h", "--reason", "It goes next week.")

    eventually(lambda: world.records(secret)[0]["findings"][0]["waived_until"])


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        pytest.param(["agents/crm", "NO_SUCH_CODE", "--for", "2h", "--reason", "because"], 2, id="no such code"),
        pytest.param(["agents/crm", "JSON_KEY_MISSING", "--reason", "because"], 2, id="without end"),
        pytest.param(["agents/crm", "JSON_KEY_MISSING", "--for", "2y", "--reason", "because"], 2, id="no time"),
        pytest.param(["agents/crm", "JSON_KEY_MISSING", "--for", "2h"], 2, id="no reason"),
        pytest.param(["agents/nobody-knows-it", "JSON_KEY_MISSING", "--for", "2h", "--reason", "x"], 1, id="no such"),
    ],
)
def test_what_cannot_be_waived_is_refused(run: Run, arguments: list[str], status: int) -> None:
    result = run("waive", *arguments)

    assert (result.exit_code, result.stdout) == (status, "")


# --- doctor


def examined(result: Result) -> dict[str, list[dict[str, Any]]]:
    """The results by check."""
    found: dict[str, list[dict[str, Any]]] = {}
    for one in json.loads(result.stdout)["checks"]:
        found.setdefault(one["check"], []).append(one)
    return found


@pytest.fixture
def trail(world: World) -> Iterator[Callable[[], str]]:
    """Creates a trail that logs; it is deleted after the test."""
    cloudtrail, name = world.aws.client("cloudtrail"), f"audit-{uuid.uuid4().hex[:8]}"
    created: list[str] = []

    def create() -> str:
        arn: str = cloudtrail.create_trail(Name=name, S3BucketName="audit", IsMultiRegionTrail=True)["TrailARN"]
        created.append(arn)
        cloudtrail.start_logging(Name=arn)
        return arn

    yield create
    for arn in created:
        cloudtrail.delete_trail(Name=arn)


def test_without_a_trail_there_is_a_problem_and_with_one_there_is_none(
    world: World, run: Run, trail: Callable[[], str]
) -> None:
    before = run("doctor", "--json")
    assert before.exit_code == 3
    assert [one["health"] for one in examined(before)["trail"]] == ["problem"]

    arn = trail()
    assert [one["health"] for one in examined(run("doctor", "--json"))["trail"]] == ["ok"]

    world.aws.client("cloudtrail").stop_logging(Name=arn)
    (stopped,) = examined(run("doctor", "--json"))["trail"]
    assert stopped["command"] == f"aws cloudtrail start-logging --region {world.aws.region} --name {arn}"


def test_a_trail_that_leaves_out_kms_is_a_problem_that_names_it(
    world: World, run: Run, trail: Callable[[], str]
) -> None:
    cloudtrail, arn = world.aws.client("cloudtrail"), trail()
    fields = [
        {"Field": "eventCategory", "Equals": ["Management"]},
        {"Field": "eventSource", "NotEquals": ["kms.amazonaws.com"]},
    ]
    narrow: list[dict[str, Any]] = [
        {"AdvancedEventSelectors": [{"FieldSelectors": fields}]},
        {
            "EventSelectors": [
                {
                    "ReadWriteType": "All",
                    "IncludeManagementEvents": True,
                    "ExcludeManagementEventSources": ["kms.amazonaws.com"],
                }
            ]
        },
    ]

    for selectors in narrow:
        cloudtrail.put_event_selectors(TrailName=arn, **selectors)
        (result,) = examined(run("doctor", "--json"))["trail"]
        assert result["health"] == "problem"
        assert "No changes of kms.amazonaws.com reach EventBridge" in result["meaning"]


def test_the_deployed_stack_is_well_but_for_what_the_embedded_aws_cannot_tell(
    world: World, run: Run, trail: Callable[[], str]
) -> None:
    """The version is unknown because the tests run the command from its sources."""
    trail()
    world.provider(world.secret())

    result = run("doctor", "--json")

    healths = {check: {one["health"] for one in results} for check, results in examined(result).items()}
    assert result.exit_code == 0
    for check in ("trail", "rules", "event sources", "alerts", "secrets"):
        assert healths[check] == {"ok"}
    roles = {check: found for check, found in healths.items() if check.startswith("role of ")}
    assert set.union(*roles.values()) == {"ok"}
    assert healths["version"] == {"unknown"}


def test_an_address_that_never_confirmed_is_a_warning_until_it_does(world: World, run: Run) -> None:
    address = "late@example.com"
    world.aws.client("sns").subscribe(TopicArn=world.outputs["AlertsTopicArn"], Protocol="email", Endpoint=address)

    (pending,) = examined(run("doctor", "--json"))["alerts"]
    world.aws.confirm_subscription(address)
    (confirmed,) = examined(run("doctor", "--json"))["alerts"]

    assert (pending["health"], confirmed["health"]) == ("warning", "ok")
    assert f"{address} has not confirmed" in pending["meaning"]


def test_a_disabled_rule_and_a_disabled_mapping_are_problems_with_the_commands_that_mend_them(
    world: World, run: Run
) -> None:
    events, awslambda = world.aws.client("events"), world.aws.client("lambda")
    rule, mapping = world.physical_id("SecretRotationRule"), world.physical_id("CheckReferencesSweep")
    events.disable_rule(Name=rule)
    awslambda.update_event_source_mapping(UUID=mapping, Enabled=False)

    try:
        result = run("doctor", "--json")
    finally:
        events.enable_rule(Name=rule)
        awslambda.update_event_source_mapping(UUID=mapping, Enabled=True)

    assert result.exit_code == 3
    commands = [one["command"] for check in ("rules", "event sources") for one in examined(result)[check]]
    place = f"--region {world.aws.region}"
    assert commands == [
        f"aws events enable-rule {place} --event-bus-name default --name {rule}",
        f"aws lambda update-event-source-mapping {place} --uuid {mapping} --enabled",
    ]


def test_dead_letters_are_a_warning_until_they_are_redriven(world: World, run: Run) -> None:
    dead_letters = world.physical_id("AlertDeadLetters")
    world.sqs.send_message(QueueUrl=dead_letters, MessageBody="{}")

    results = examined(run("doctor", "--json"))["dead letters"]
    world.sqs.purge_queue(QueueUrl=dead_letters)

    warnings = [one for one in results if "AlertDeadLetters" in one["meaning"]]
    assert [one["health"] for one in warnings] == ["warning"]
    assert warnings[0]["command"].startswith("aws sqs start-message-move-task")
    eventually(lambda: "AlertDeadLetters" not in json.dumps(examined(run("doctor", "--json"))["dead letters"]))


def test_people_read_what_programs_read(run: Run) -> None:
    for_people, for_programs = run("doctor"), run("doctor", "--json")

    for results in examined(for_programs).values():
        for one in results:
            assert f"{one['health']:<10}{one['check']}: {one['meaning']}" in for_people.stdout


# --- onboard, onboardings, reject, offboard


class Brought:
    """A secret that a team brings, and the options that ask for a provider for it."""

    def __init__(self, world: World, *, allowed: bool) -> None:
        self.provider = f"brought-{uuid.uuid4().hex[:8]}"
        tags = [{"Key": "secretwatch:allow-provider", "Value": f"API_KEY/{self.provider}"}] if allowed else []
        self.secret = world.secret(Tags=tags)
        world.secrets.delete_resource_policy(SecretId=self.secret)
        self.options = ("api-key", "--name", self.provider, "--secret", self.secret, "--json-key", "key")


def test_a_team_onboards_a_secret_once_and_offboards_the_provider(world: World, run: Run) -> None:
    brought = Brought(world, allowed=True)

    first, again = run("onboard", *brought.options, "--wait"), run("onboard", *brought.options, "--wait", "--json")

    assert first.exit_code == 0, first.output
    assert "done      Verify" in first.stderr
    assert world.verdict(brought.secret, brought.provider) == "RESOLVES"
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout)["output"]["created"] is False

    gone = run("offboard", "api-key", brought.provider, "--wait")

    assert gone.exit_code == 0, gone.output
    assert world.records(brought.secret) == []
    assert "ResourcePolicy" not in world.secrets.get_resource_policy(SecretId=brought.secret)


def test_what_waits_for_a_person_is_shown_and_rejected_with_its_reason(world: World, run: Run) -> None:
    brought = Brought(world, allowed=False)

    started = run("onboard", *brought.options, "--json")
    id_ = json.loads(started.stdout)["id"]
    eventually(lambda: id_ in json.loads(run("status", "--json").stdout)["onboardings"]["waiting"])
    shown = run("onboardings", id_)
    rejected = run("reject", id_, "--reason", "It is of another team.")
    eventually(lambda: "ROLLED_BACK" in run("onboardings", id_).stdout)

    assert brought.secret in shown.stdout
    assert "SecretwatchAgentCoreRead" in shown.stdout
    assert rejected.exit_code == 0, rejected.output
    assert "It is of another team." in run("onboardings", id_).stdout


def test_a_dry_run_says_what_the_workflow_would_refuse_and_starts_nothing(world: World, run: Run) -> None:
    brought = Brought(world, allowed=True)

    refused = run("onboard", *brought.options[:-1], "other", "--dry-run")
    fine = run("onboard", *brought.options, "--dry-run", "--json")

    assert refused.exit_code == 3
    assert "lacks the JSON key that is named" in refused.stdout
    assert fine.exit_code == 0, fine.output
    assert json.loads(fine.stdout)["approval"]["plans"][0]["resource"] == brought.secret
    assert json.loads(run("onboardings", "--json").stdout)["onboardings"] == []


# --- all of them


@pytest.mark.parametrize("command", [["check", "agents/any"], ["waivers"], ["doctor"]])
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--stack-name", "no-such-stack"], "There is no stack no-such-stack in us-east-1."),
        (["--region", "eu-west-1"], "There is no stack secretwatch in eu-west-1."),
        (["--profile", "nobody"], "See `aws configure list-profiles`."),
    ],
)
def test_a_stack_that_cannot_be_found_is_an_error_in_one_sentence(
    run: Run, options: list[str], sentence: str, command: list[str]
) -> None:
    result = run(*options, *command)

    assert (result.exit_code, result.stdout) == (1, "")
    assert sentence in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("command", [["check", "agents/any"], ["waivers"], ["doctor"]])
def test_credentials_that_aws_does_not_take_are_an_error_in_one_sentence(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")

    result = run(*command)

    assert (result.exit_code, result.stdout) == (1, "")
    assert "Log in again" in result.stderr


def test_the_version_is_told(run: Run) -> None:
    result = run("--version")

    assert result.exit_code == 0
    assert result.stdout.startswith("secretwatch ")
