"""What the stack must be: each failure lands somewhere, and no function may do more than it needs."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from secretwatch.adapters.dynamodb import TOLD_ALERTS
from tests.contract.template import FUNCTIONS, RESOURCES, RULES, arn_of, as_list, named_by, of_type, statements

QUEUES = of_type("AWS::SQS::Queue")
EVENT_SOURCES = [
    pytest.param(function, name, id=f"{function}-{name}")
    for function, properties in FUNCTIONS.items()
    for name in properties["Events"]
]
SQS_SOURCES = [
    pytest.param(function, name, id=f"{function}-{name}")
    for function, properties in FUNCTIONS.items()
    for name, source in properties["Events"].items()
    if source["Type"] == "SQS"
]
ROLES = [properties["Role"]["Fn::GetAtt"][0] for properties in FUNCTIONS.values()]
STATEMENTS = {
    f"{role}-{as_list(statement['Action'])[0]}": statement for role in ROLES for statement in statements(role)
}
ALLOWED = {action for statement in STATEMENTS.values() for action in as_list(statement["Action"])}


def source_of(function: str, name: str) -> dict[str, Any]:
    properties: dict[str, Any] = FUNCTIONS[function]["Events"][name]["Properties"]
    return properties


def senders(queue: str) -> list[dict[str, Any]]:
    """Those whom the queue's policy lets EventBridge send for."""
    found = []
    for policy in of_type("AWS::SQS::QueuePolicy").values():
        if {"Ref": queue} in policy["Queues"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                assert statement["Principal"] == {"Service": "events.amazonaws.com"}
                assert statement["Action"] == "sqs:SendMessage"
                assert statement["Resource"] == arn_of(queue)
                found += as_list(statement["Condition"]["ArnEquals"]["aws:SourceArn"])
    return found


def texts(value: Any, *, substituted: bool = False) -> Iterator[tuple[str, bool]]:
    """Every text in a value, and whether CloudFormation substitutes in it."""
    if isinstance(value, str):
        yield value, substituted
    elif isinstance(value, list):
        for one in value:
            yield from texts(one, substituted=substituted)
    elif isinstance(value, dict):
        for name, one in value.items():
            yield name, False
            yield from texts(one, substituted=name == "Fn::Sub")


# --- rules and queues ---


@pytest.mark.parametrize("rule", RULES)
def test_a_rules_target_is_a_queue_that_takes_events_of_this_rule(rule: str) -> None:
    for target in RULES[rule]["Targets"]:
        assert named_by(target["Arn"]) in QUEUES
        assert arn_of(rule) in senders(named_by(target["Arn"]))


@pytest.mark.parametrize("rule", RULES)
def test_what_a_rule_cannot_deliver_goes_to_a_queue_that_takes_it(rule: str) -> None:
    for target in RULES[rule]["Targets"]:
        assert list(target["DeadLetterConfig"]) == ["Arn"]  # by any other name, SAM makes a queue that nobody watches
        assert named_by(target["DeadLetterConfig"]["Arn"]) in QUEUES
        assert arn_of(rule) in senders(named_by(target["DeadLetterConfig"]["Arn"]))


@pytest.mark.parametrize("queue", QUEUES)
def test_no_queue_takes_events_of_what_is_no_rule(queue: str) -> None:
    assert {named_by(sender) for sender in senders(queue)} <= set(RULES)


@pytest.mark.parametrize(("function", "name"), SQS_SOURCES)
def test_a_queue_hides_a_message_six_times_as_long_as_its_function_may_run(function: str, name: str) -> None:
    queue = QUEUES[named_by(source_of(function, name)["Queue"])]

    assert queue["VisibilityTimeout"] >= 6 * FUNCTIONS[function]["Timeout"]


@pytest.mark.parametrize(("function", "name"), SQS_SOURCES)
def test_a_message_that_keeps_failing_moves_to_a_dead_letter_queue_that_keeps_it_longer(
    function: str, name: str
) -> None:
    queue = QUEUES[named_by(source_of(function, name)["Queue"])]
    dead_letters = QUEUES[named_by(queue["RedrivePolicy"]["deadLetterTargetArn"])]

    assert 3 <= queue["RedrivePolicy"]["maxReceiveCount"] <= 10
    assert dead_letters["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert "RedrivePolicy" not in dead_letters


@pytest.mark.parametrize("queue", QUEUES)
def test_every_queue_is_encrypted(queue: str) -> None:
    assert QUEUES[queue]["SqsManagedSseEnabled"] is True


def queues_that_take_failures() -> set[str]:
    dead_letters = {
        named_by(queue["RedrivePolicy"]["deadLetterTargetArn"]) for queue in QUEUES.values() if "RedrivePolicy" in queue
    }
    undelivered = {named_by(target["DeadLetterConfig"]["Arn"]) for rule in RULES.values() for target in rule["Targets"]}
    unprocessed = {
        named_by(source["Properties"]["DestinationConfig"]["OnFailure"]["Destination"])
        for function in FUNCTIONS.values()
        for source in function["Events"].values()
        if "DestinationConfig" in source["Properties"]
    }
    return dead_letters | undelivered | unprocessed


def test_every_queue_either_feeds_a_function_or_takes_failures() -> None:
    feeds = {
        named_by(source["Properties"]["Queue"])
        for function in FUNCTIONS.values()
        for source in function["Events"].values()
        if source["Type"] == "SQS"
    }

    assert feeds.isdisjoint(queues_that_take_failures())
    assert feeds | queues_that_take_failures() == set(QUEUES)


@pytest.mark.parametrize("queue", sorted(queues_that_take_failures()))
def test_the_first_message_in_a_queue_of_failures_calls_a_person(queue: str) -> None:
    alarms = [
        alarm
        for alarm in of_type("AWS::CloudWatch::Alarm").values()
        if alarm["Dimensions"] == [{"Name": "QueueName", "Value": {"Fn::GetAtt": [queue, "QueueName"]}}]
    ]

    (alarm,) = alarms
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/SQS", "ApproximateNumberOfMessagesVisible")
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 0)
    assert alarm["Statistic"] == "Maximum"
    assert alarm["AlarmActions"] == [{"Ref": "Alerts"}]


# --- functions and what they take ---


@pytest.mark.parametrize(("function", "name"), EVENT_SOURCES)
def test_a_record_that_fails_is_reported_by_itself(function: str, name: str) -> None:
    assert source_of(function, name)["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


@pytest.mark.parametrize(("function", "name"), SQS_SOURCES)
def test_a_queue_starts_only_so_many_functions_at_a_time(function: str, name: str) -> None:
    assert source_of(function, name)["ScalingConfig"]["MaximumConcurrency"] >= 2  # the fewest that Lambda takes


def test_a_stream_gives_up_on_a_record_in_the_end_and_says_which() -> None:
    (stream,) = [
        source["Properties"]
        for function in FUNCTIONS.values()
        for source in function["Events"].values()
        if source["Type"] == "DynamoDB"
    ]

    assert 0 < stream["MaximumRetryAttempts"] < 10_000
    assert stream["BisectBatchOnFunctionError"] is True
    assert stream["DestinationConfig"]["OnFailure"]["Type"] == "SQS"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_functions_logs_are_its_own_and_kept_for_a_time(function: str) -> None:
    group = FUNCTIONS[function]["LoggingConfig"]["LogGroup"]["Ref"]
    others = [other["LoggingConfig"]["LogGroup"]["Ref"] for name, other in FUNCTIONS.items() if name != function]

    assert group not in others
    assert RESOURCES[group]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


# --- what functions may do ---


def test_every_function_has_a_role_of_its_own() -> None:
    assert len(set(ROLES)) == len(FUNCTIONS)
    assert set(ROLES) == set(of_type("AWS::IAM::Role"))


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_for_lambda_and_borrows_no_policy(role: str) -> None:
    properties = RESOURCES[role]["Properties"]

    assert [one["Principal"] for one in properties["AssumeRolePolicyDocument"]["Statement"]] == [
        {"Service": "lambda.amazonaws.com"}
    ]
    assert "ManagedPolicyArns" not in properties


def test_no_statement_hides_another() -> None:
    assert len(STATEMENTS) == sum(1 for role in ROLES for _ in statements(role))


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_allows_single_actions(name: str) -> None:
    statement = STATEMENTS[name]

    assert statement["Effect"] == "Allow"
    assert "NotAction" not in statement
    assert all(re.fullmatch(r"[a-z0-9-]+:[A-Za-z0-9]+", action) for action in as_list(statement["Action"]))


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_names_its_resources(name: str) -> None:
    statement = STATEMENTS[name]

    assert "NotResource" not in statement
    assert "*" not in as_list(statement["Resource"])


def test_only_the_secrets_that_the_parameter_names_may_be_looked_at_and_none_written() -> None:
    of_secrets = [one for one in STATEMENTS.values() if "secretsmanager:" in str(one["Action"])]

    assert [one["Resource"] for one in of_secrets] == [{"Ref": "SecretArnPatterns"}]
    assert {action for action in ALLOWED if action.startswith("secretsmanager:")} == {
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetSecretValue",
    }


def test_keys_serve_only_to_decrypt_those_secrets_and_only_through_secrets_manager() -> None:
    (of_keys,) = [one for one in STATEMENTS.values() if "kms:" in str(one["Action"])]

    assert of_keys["Action"] == "kms:Decrypt"
    assert of_keys["Condition"] == {
        "StringEquals": {"kms:ViaService": {"Fn::Sub": "secretsmanager.${AWS::Region}.${AWS::URLSuffix}"}},
        "StringLike": {"kms:EncryptionContext:SecretARN": {"Ref": "SecretArnPatterns"}},
    }


def test_who_tells_people_writes_nothing_of_the_registry_but_what_was_told() -> None:
    writes = [
        one
        for one in statements("SendAlertsRole")
        if {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"} & set(as_list(one["Action"]))
    ]

    assert [one["Condition"] for one in writes] == [
        {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [TOLD_ALERTS["static_pk_value"]]}}
    ]


# --- the Registry, the topic, and every partition ---


def test_the_registry_outlives_its_stack_and_can_be_restored() -> None:
    registry = RESOURCES["Registry"]

    assert (registry["DeletionPolicy"], registry["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert registry["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert registry["Properties"]["SSESpecification"] == {"SSEEnabled": True}


def test_what_was_told_expires() -> None:
    expiry = RESOURCES["Registry"]["Properties"]["TimeToLiveSpecification"]

    assert expiry == {"AttributeName": TOLD_ALERTS["expiry_attr"], "Enabled": True}


def test_the_stream_tells_a_record_before_and_after() -> None:
    stream = RESOURCES["Registry"]["Properties"]["StreamSpecification"]

    assert stream == {"StreamViewType": "NEW_AND_OLD_IMAGES"}


def test_alarms_can_publish_to_the_topic() -> None:
    """The key alias/aws/sns would keep CloudWatch out."""
    (topic,) = of_type("AWS::SNS::Topic").values()
    (policy,) = of_type("AWS::SNS::TopicPolicy").values()
    (statement,) = policy["PolicyDocument"]["Statement"]

    assert topic.get("KmsMasterKeyId") != "alias/aws/sns"
    assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert (statement["Action"], statement["Resource"]) == ("sns:Publish", {"Ref": "Alerts"})


def test_every_arn_is_of_whichever_partition_the_stack_is_in() -> None:
    literals = [(text, substituted) for text, substituted in texts(RESOURCES) if re.search(r"\barn:", text)]

    assert literals
    assert all(substituted and text.startswith("arn:${AWS::Partition}:") for text, substituted in literals)
