"""What the doctor makes of what AWS's describing operations answer."""

from typing import Any

import pytest

from secretwatch.domain.trail import WATCHED, Coverage, Shortfall
from secretwatch_cli import diagnosis
from secretwatch_cli.result import Health, Result
from tests.fakes import REGION, secret_arn

KMS = "kms.amazonaws.com"
TRAIL = "arn:aws:cloudtrail:us-east-1:111122223333:trail/audit"
QUEUE = "arn:aws:sqs:eu-west-1:111122223333:changes"
FAILURES = "arn:aws:sqs:eu-west-1:111122223333:failures"
TOPIC = "arn:aws:sns:eu-west-1:111122223333:alerts"

Json = dict[str, Any]


def only(results: list[Result]) -> Result:
    (result,) = results
    return result


# --- the trail

COVERS = Coverage(TRAIL, WATCHED)
STOPPED = Coverage(TRAIL, frozenset(), Shortfall.STOPPED)
NO_KMS = Coverage(TRAIL, WATCHED - {KMS}, Shortfall.LEAVES_OUT)


@pytest.mark.parametrize(
    "coverages",
    [[COVERS], [STOPPED, COVERS], [NO_KMS, Coverage(TRAIL, frozenset({KMS}), Shortfall.LEAVES_OUT)]],
)
def test_trails_that_cover_everything_together_are_well(coverages: list[Coverage]) -> None:
    assert diagnosis.trails(coverages, []).health is Health.OK


def test_a_trail_that_cannot_be_read_is_no_matter_when_another_covers_everything() -> None:
    assert diagnosis.trails([COVERS], ["one: refused."]).health is Health.OK


def test_a_trail_that_cannot_be_read_leaves_it_unknown_whether_changes_arrive() -> None:
    result = diagnosis.trails([NO_KMS], [f"{TRAIL}: You may not call GetTrailStatus."])

    assert result.health is Health.UNKNOWN
    assert "GetTrailStatus" in result.meaning


def test_no_trail_is_a_problem() -> None:
    result = diagnosis.trails([], [])

    assert result.health is Health.PROBLEM
    assert "no CloudTrail trail" in result.meaning


def test_a_stopped_trail_is_started_in_its_home_region() -> None:
    result = diagnosis.trails([STOPPED], [])

    assert result.health is Health.PROBLEM
    assert f"{TRAIL} is not logging" in result.meaning
    assert result.command == f"aws cloudtrail start-logging --region us-east-1 --name {TRAIL}"


def test_a_trail_without_kms_is_a_problem_that_names_it() -> None:
    result = diagnosis.trails([NO_KMS], [])

    assert result.health is Health.PROBLEM
    assert f"No changes of {KMS} reach EventBridge" in result.meaning


# --- rules


def a_rule(**parts: Any) -> Json:
    arn = "arn:aws:events:eu-west-1:111122223333:rule/bus/stack-Rule"
    return {"Name": "stack-Rule", "Arn": arn, "State": "ENABLED", "EventBusName": "bus", **parts}


def rules(rule: Json | None, target: str = QUEUE) -> list[Result]:
    found = {"stack-Rule": rule} if rule else {}
    return diagnosis.rules({"Rule": "stack-Rule"}, found, {"stack-Rule": [{"Id": "it", "Arn": target}]}, own={QUEUE})


@pytest.mark.parametrize("state", ["ENABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"])
def test_an_enabled_rule_with_its_target_is_well(state: str) -> None:
    assert only(rules(a_rule(State=state))).health is Health.OK


def test_a_disabled_rule_is_enabled_on_its_own_bus() -> None:
    result = only(rules(a_rule(State="DISABLED")))

    assert result.health is Health.PROBLEM
    assert result.command == "aws events enable-rule --region eu-west-1 --event-bus-name bus --name stack-Rule"


def test_a_rule_that_is_gone_or_lost_its_target_is_a_problem() -> None:
    assert "Rule is gone" in only(rules(None)).meaning
    assert "lost its target" in only(rules(a_rule(), target=f"{QUEUE}-of-somebody-else")).meaning


def test_every_fault_of_a_rule_is_told() -> None:
    assert len(rules(a_rule(State="DISABLED"), target="elsewhere")) == 2


# --- event source mappings


def a_mapping(**parts: Any) -> Json:
    return {"UUID": "u-1", "State": "Enabled", "EventSourceArn": QUEUE, **parts}


@pytest.mark.parametrize(
    ("mapping", "health"),
    [
        (a_mapping(), Health.OK),
        (a_mapping(LastProcessingResult="OK"), Health.OK),
        (a_mapping(State="Updating"), Health.WARNING),
        (a_mapping(State="Disabled"), Health.PROBLEM),
        (a_mapping(LastProcessingResult="PROBLEM: Function call failed"), Health.PROBLEM),
        (None, Health.PROBLEM),
    ],
)
def test_a_mapping_that_takes_its_records_is_well(mapping: Json | None, health: Health) -> None:
    assert only(diagnosis.mappings({"Changes": mapping})).health is health


def test_a_disabled_mapping_is_enabled_by_a_command() -> None:
    result = only(diagnosis.mappings({"Changes": a_mapping(State="Disabled")}))

    assert result.command == "aws lambda update-event-source-mapping --region eu-west-1 --uuid u-1 --enabled"


# --- dead letters


def queues(failures: int = 0, undelivered: int = 0, work: int = 0) -> dict[str, Json]:
    """A queue of work, its dead letters, and a queue for failures of another kind."""
    policy = f'{{"deadLetterTargetArn":"{FAILURES}","maxReceiveCount":4}}'
    return {
        "Changes": {"QueueArn": QUEUE, "RedrivePolicy": policy, "ApproximateNumberOfMessages": str(work)},
        "Failures": {"QueueArn": FAILURES, "ApproximateNumberOfMessages": str(failures)},
        "Undelivered": {"QueueArn": f"{FAILURES}-more", "ApproximateNumberOfMessages": str(undelivered)},
    }


def test_work_that_waits_is_no_failure() -> None:
    result = only(diagnosis.dead_letters(queues(work=9)))

    assert result == Result("dead letters", Health.OK, "All 2 queues for failures are empty.")


def test_dead_letters_are_a_warning_with_the_command_that_redrives_them() -> None:
    result = only(diagnosis.dead_letters(queues(failures=2)))

    assert result.health is Health.WARNING
    assert result.command == f"aws sqs start-message-move-task --region eu-west-1 --source-arn {FAILURES}"


def test_failures_that_no_queue_takes_back_are_a_warning_without_command() -> None:
    result = only(diagnosis.dead_letters(queues(undelivered=1)))

    assert (result.health, result.command) == (Health.WARNING, None)


# --- subscriptions

CONFIRMED = {"Protocol": "email", "Endpoint": "a@example.com", "SubscriptionArn": f"{TOPIC}:1"}
PENDING = {"Protocol": "email", "Endpoint": "b@example.com", "SubscriptionArn": "PendingConfirmation"}


def test_a_confirmed_subscription_is_well() -> None:
    assert only(diagnosis.subscriptions([CONFIRMED], topic=TOPIC)).health is Health.OK


def test_nobody_subscribed_is_a_warning() -> None:
    result = only(diagnosis.subscriptions([], topic=TOPIC))

    assert result.health is Health.WARNING
    assert result.command
    assert TOPIC in result.command


def test_a_subscription_that_waits_to_be_confirmed_is_a_warning_that_names_the_address() -> None:
    result = only(diagnosis.subscriptions([CONFIRMED, PENDING], topic=TOPIC))

    assert result.health is Health.WARNING
    assert "b@example.com has not confirmed" in result.meaning
    assert result.command
    assert result.command.endswith("--notification-endpoint b@example.com")


def test_the_stacks_own_address_that_is_not_subscribed_any_more_is_a_warning_too() -> None:
    """SNS forgets what nobody confirmed for two days."""
    result = only(diagnosis.subscriptions([CONFIRMED], topic=TOPIC, wanted="c@example.com"))

    assert "c@example.com has not confirmed" in result.meaning


# --- secrets


@pytest.mark.parametrize(
    "patterns",
    [
        secret_arn(),
        "arn:aws:secretsmanager:*:*:secret:*",
        f"arn:other, {secret_arn()[:-6]}??????",
        "*",
    ],
)
def test_a_secret_within_the_patterns_is_well(patterns: str) -> None:
    assert diagnosis.secrets([secret_arn()], patterns, stack="secretwatch", region=REGION).health is Health.OK


@pytest.mark.parametrize("patterns", ["", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:agents/crm", "[a-z]*"])
def test_a_secret_outside_the_patterns_is_a_problem_that_names_the_parameter(patterns: str) -> None:
    result = diagnosis.secrets([secret_arn()], patterns, stack="secretwatch", region=REGION)

    assert result.health is Health.PROBLEM
    assert "parameter SecretArnPatterns" in result.meaning
    assert secret_arn() in result.meaning
    assert result.command
    assert secret_arn() in result.command


def test_many_secrets_outside_are_counted_and_all_put_into_the_command() -> None:
    arns = [secret_arn(f"agents/{number}") for number in range(8)]

    result = diagnosis.secrets(arns, "arn:none", stack="secretwatch", region=REGION)

    assert result.meaning.endswith("and 3 more.")
    assert result.command
    assert all(arn in result.command for arn in arns)


# --- permissions

PAIRS = [("sqs:SendMessage", QUEUE), ("sqs:SendMessage", FAILURES)]


def evaluated(decision: str, resource: str = QUEUE, **parts: Any) -> Json:
    return {"EvalActionName": "sqs:SendMessage", "EvalResourceName": resource, "EvalDecision": decision, **parts}


def of_each(*decisions: str) -> Json:
    """One evaluation that decides for each resource, as IAM answers for several at once."""
    each = [
        {"EvalResourceName": resource, "EvalResourceDecision": decision}
        for (_, resource), decision in zip(PAIRS, decisions, strict=True)
    ]
    return evaluated("implicitDeny", "*", ResourceSpecificResults=each)


@pytest.mark.parametrize(
    "evaluations",
    [
        pytest.param([evaluated("allowed"), evaluated("allowed", FAILURES)], id="one evaluation a resource"),
        pytest.param([of_each("allowed", "allowed")], id="one evaluation of all resources"),
    ],
)
def test_a_role_that_is_allowed_everything_is_well(evaluations: list[Json]) -> None:
    assert diagnosis.permissions("SendAlerts", PAIRS, evaluations).health is Health.OK


@pytest.mark.parametrize("decision", ["implicitDeny", "explicitDeny"])
def test_a_role_that_is_denied_something_is_a_problem_that_names_it(decision: str) -> None:
    result = diagnosis.permissions("SendAlerts", PAIRS, [of_each("allowed", decision)])

    assert result.health is Health.PROBLEM
    assert result.meaning == f"It is refused sqs:SendMessage on {FAILURES}."


@pytest.mark.parametrize(
    "evaluations",
    [
        pytest.param([], id="no answer"),
        pytest.param([evaluated("allowed")], id="an answer for one of two"),
        pytest.param(
            [evaluated("allowed"), evaluated("implicitDeny", FAILURES, MissingContextValues=["aws:PrincipalOrgID"])],
            id="hangs on what we did not say",
        ),
    ],
)
def test_what_the_simulation_does_not_decide_is_unknown_and_no_problem(evaluations: list[Json]) -> None:
    assert diagnosis.permissions("SendAlerts", PAIRS, evaluations).health is Health.UNKNOWN


# --- versions


@pytest.mark.parametrize(
    ("command", "stack", "health"),
    [
        ("1.2.3", "1.2.0", Health.OK),
        ("1.3.0", "1.2.0", Health.WARNING),
        ("2.2.0", "1.2.0", Health.WARNING),
        ("1.2.3", None, Health.UNKNOWN),
        (None, "1.2.3", Health.UNKNOWN),
    ],
)
def test_versions_fit_but_for_fixes(command: str | None, stack: str | None, health: Health) -> None:
    assert diagnosis.versions(command, stack).health is health
