"""What the stack must be: each failure lands somewhere, and no function may do more than it needs."""

import json
import re
import tomllib
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any

import pytest

from functions.check_references.app import POLICIES_A_SECOND
from functions.take_inventory.app import CALLS_A_SECOND
from secretwatch.domain.incident import AlertRules
from secretwatch.domain.repair.rules import REPAIR_TAG, Mode, RepairRules
from secretwatch.domain.repair.statement import Guard
from secretwatch.domain.rules import READ_VALUE, READ_VALUE_TAG, Rules
from secretwatch.domain.sweep import HOLD
from secretwatch.settings import SendAlertsSettings, repair_rules_from, rules_from
from secretwatch_cli.event_pattern import EventPattern
from tests.contract.template import (
    FUNCTIONS,
    MACHINES,
    RESOURCES,
    ROOT,
    RULES,
    TEMPLATE,
    arn_of,
    as_list,
    named_by,
    of_type,
    statements,
)
from tests.contract.workflows import PLACEHOLDER

QUEUES = of_type("AWS::SQS::Queue")
ALARMS = of_type("AWS::CloudWatch::Alarm")
NOTHING = {"Ref": "AWS::NoValue"}
SOURCE = (ROOT / "template.yaml").read_text(encoding="utf-8").splitlines()
EVENT_SOURCES = [
    pytest.param(function, name, id=f"{function}-{name}")
    for function, properties in FUNCTIONS.items()
    for name in properties.get("Events", {})
]
SQS_SOURCES = [
    pytest.param(function, name, id=f"{function}-{name}")
    for function, properties in FUNCTIONS.items()
    for name, source in properties.get("Events", {}).items()
    if source["Type"] == "SQS"
]
OF_FUNCTIONS = [properties["Role"]["Fn::GetAtt"][0] for properties in FUNCTIONS.values()]
OF_MACHINES = {properties["Role"]["Fn::GetAtt"][0]: name for name, properties in MACHINES.items()}
ROLES = [*OF_FUNCTIONS, *OF_MACHINES]
STATEMENTS = {f"{role}-{statement['Sid']}": statement for role in ROLES for statement in statements(role)}
ALLOWED = {action for statement in STATEMENTS.values() for action in as_list(statement["Action"])}


def source_of(function: str, name: str) -> dict[str, Any]:
    properties: dict[str, Any] = FUNCTIONS[function]["Events"][name]["Properties"]
    return properties


def senders(queue: str) -> list[dict[str, Any]]:
    """Those whom the queue's policy lets EventBridge send for."""
    found = []
    for name, policy in of_type("AWS::SQS::QueuePolicy").items():
        if {"Ref": queue} in policy["Queues"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                assert statement["Principal"] == {"Service": "events.amazonaws.com"}
                assert statement["Action"] == "sqs:SendMessage"
                assert statement["Resource"] == arn_of(queue)
                arns = as_list(statement["Condition"]["ArnEquals"]["aws:SourceArn"])
                found += [unconditional(one, RESOURCES[name].get("Condition")) for one in arns]
    return found


def unconditional(sender: dict[str, Any], around: str | None = None) -> dict[str, Any]:
    """The rule's ARN; it may stand under the condition under which there is the rule, and under no other."""
    condition, arn, otherwise = sender.get("Fn::If", [around, sender, {"Ref": "AWS::NoValue"}])
    assert condition == RESOURCES[named_by(arn)].get("Condition")
    assert otherwise == {"Ref": "AWS::NoValue"}
    return dict(arn)


def publishers() -> dict[str, str | None]:
    """The rules that the topic's policy lets EventBridge publish for, with the condition under which it does."""
    (policy,) = of_type("AWS::SNS::TopicPolicy").values()
    _, *written = policy["PolicyDocument"]["Statement"]  # the first is of alarms
    conditional = [one.get("Fn::If", [None, one, NOTHING]) for one in written]
    for _, statement, otherwise in conditional:
        assert (statement["Principal"], otherwise) == ({"Service": "events.amazonaws.com"}, NOTHING)
        assert (statement["Action"], statement["Resource"]) == ("sns:Publish", {"Ref": "Alerts"})
    return {named_by(one["Condition"]["ArnEquals"]["aws:SourceArn"]): condition for condition, one, _ in conditional}


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
def test_a_rules_target_is_a_queue_or_the_topic_and_takes_events_of_this_rule(rule: str) -> None:
    for target in RULES[rule]["Targets"]:
        if target["Arn"] == {"Ref": "Alerts"}:
            assert publishers()[rule] == RESOURCES[rule].get("Condition")
        else:
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
        for source in function.get("Events", {}).values()
        if "DestinationConfig" in source["Properties"]
    }
    return dead_letters | undelivered | unprocessed


def test_every_queue_either_feeds_a_function_or_takes_failures() -> None:
    assert feeding().isdisjoint(queues_that_take_failures())
    assert feeding() | queues_that_take_failures() == set(QUEUES)


@pytest.mark.parametrize("queue", sorted(queues_that_take_failures()))
def test_the_first_message_in_a_queue_of_failures_calls_a_person(queue: str) -> None:
    alarms = [
        alarm
        for alarm in ALARMS.values()
        if alarm.get("MetricName") == "ApproximateNumberOfMessagesVisible"
        and alarm["Dimensions"] == [{"Name": "QueueName", "Value": {"Fn::GetAtt": [queue, "QueueName"]}}]
    ]

    (alarm,) = alarms
    assert alarm["Namespace"] == "AWS/SQS"
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 0)
    assert alarm["Statistic"] == "Maximum"
    assert alarm["AlarmActions"] == [{"Ref": "Alerts"}]


def watched(alarm: str, namespace: str, metric: str) -> list[Any]:
    """Whose metric an alarm looks at, one of several."""
    metrics = [one["MetricStat"]["Metric"] for one in ALARMS[alarm]["Metrics"] if "MetricStat" in one]
    assert {(one["Namespace"], one["MetricName"]) for one in metrics} == {(namespace, metric)}
    return [dimension["Value"] for one in metrics for dimension in one["Dimensions"]]


def feeding() -> set[str]:
    """The queues that functions take their work from."""
    return {
        named_by(source["Properties"]["Queue"])
        for function in FUNCTIONS.values()
        for source in function.get("Events", {}).values()
        if source["Type"] == "SQS"
    }


def test_work_that_waits_in_any_queue_calls_a_person() -> None:
    queues = watched("QueueAgeAlarm", "AWS/SQS", "ApproximateAgeOfOldestMessage")

    assert {value["Fn::GetAtt"][0] for value in queues} == feeding()


@pytest.mark.parametrize(
    ("alarm", "metric"), [("FunctionThrottlesAlarm", "Throttles"), ("FunctionErrorsAlarm", "Errors")]
)
def test_a_function_that_fails_or_is_held_back_calls_a_person_unless_a_workflow_catches_it(
    alarm: str, metric: str
) -> None:
    assert {value["Ref"] for value in watched(alarm, "AWS/Lambda", metric)} == set(FUNCTIONS) - steps()


def steps(machines: Collection[str] = tuple(MACHINES)) -> set[str]:
    """The functions that are steps of these workflows."""
    substituted = [value for name in machines for value in MACHINES[name]["DefinitionSubstitutions"].values()]
    return {named_by(value) for value in substituted if "Fn::GetAtt" in value}


@pytest.mark.parametrize("alarm", [name for name, one in ALARMS.items() if "Metrics" in one])
def test_an_alarm_on_several_metrics_leaves_none_of_them_out(alarm: str) -> None:
    (judged,) = [one for one in ALARMS[alarm]["Metrics"] if one.get("ReturnData", True)]
    others = {one["Id"] for one in ALARMS[alarm]["Metrics"]} - {judged["Id"]}

    assert set(re.findall(r"\b[a-z]+\b", judged["Expression"])) == others


# --- functions and what they take ---


@pytest.mark.parametrize(("function", "name"), EVENT_SOURCES)
def test_a_record_that_fails_is_reported_by_itself(function: str, name: str) -> None:
    assert source_of(function, name)["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


@pytest.mark.parametrize(("function", "name"), SQS_SOURCES)
def test_a_queue_starts_only_so_many_functions_at_a_time(function: str, name: str) -> None:
    assert source_of(function, name)["ScalingConfig"]["MaximumConcurrency"] >= 2  # the fewest that Lambda takes


def test_a_sweep_is_held_for_longer_than_its_function_runs_and_shorter_than_its_message_is_hidden() -> None:
    timeout, hidden = FUNCTIONS["TakeInventory"]["Timeout"], QUEUES["InventoryQueue"]["VisibilityTimeout"]

    assert timeout < HOLD.total_seconds() < hidden


def test_a_slice_of_a_sweep_leaves_no_other_message_waiting() -> None:
    assert source_of("TakeInventory", "Inventory")["BatchSize"] == 1


def test_all_that_runs_at_once_stays_within_its_share_of_the_quotas() -> None:
    readers = source_of("TakeInventory", "Inventory")["ScalingConfig"]["MaximumConcurrency"]
    checkers = source_of("CheckReferences", "Sweep")["ScalingConfig"]["MaximumConcurrency"]

    assert readers * CALLS_A_SECOND < 20 / 2  # calls of an operation of AgentCore a second
    assert checkers * POLICIES_A_SECOND < 50 * 0.6  # policies of secrets a second


@pytest.mark.parametrize(
    ("name", "sk", "before", "after", "taken"),
    [
        ("MODIFY", "REF#a", {}, {}, True),
        ("INSERT", "REF#a", {}, {}, True),
        ("REMOVE", "REF#a", {}, {}, True),
        ("INSERT", "PROVIDER#a", {}, {}, False),
        ("MODIFY", "STATE", {"completed_at": {"NULL": True}}, {"completed_at": {"S": "2026-11-23T12:00:00"}}, True),
        ("MODIFY", "STATE", {"completed_at": {"NULL": True}}, {"completed_at": {"NULL": True}}, False),
    ],
)
def test_the_stream_hands_over_checked_references_and_completed_sweeps(
    name: str, sk: str, before: dict[str, Any], after: dict[str, Any], taken: bool
) -> None:
    pk = "SECRET#a" if sk.startswith("REF#") else "SWEEP#111122223333#eu-west-1"
    keys = {"pk": {"S": pk}, "sk": {"S": sk}}
    record = {"eventName": name, "dynamodb": {"Keys": keys, "OldImage": before, "NewImage": after}}
    filters = source_of("PublishVerdicts", "Registry")["FilterCriteria"]["Filters"]

    assert any(EventPattern.read(json.loads(one["Pattern"])).matches(record) for one in filters) is taken


def test_a_stream_gives_up_on_a_record_in_the_end_and_says_which() -> None:
    (stream,) = [
        source["Properties"]
        for function in FUNCTIONS.values()
        for source in function.get("Events", {}).values()
        if source["Type"] == "DynamoDB"
    ]

    assert 0 < stream["MaximumRetryAttempts"] < 10_000
    assert stream["BisectBatchOnFunctionError"] is True
    assert stream["DestinationConfig"]["OnFailure"]["Type"] == "SQS"


@pytest.mark.parametrize("group", of_type("AWS::Logs::LogGroup"))
def test_logs_are_kept_for_as_long_as_the_parameter_says(group: str) -> None:
    assert RESOURCES[group]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert (
        TEMPLATE["Parameters"]["LogRetentionDays"]["Default"]
        in (TEMPLATE["Parameters"]["LogRetentionDays"]["AllowedValues"])
    )


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_functions_logs_are_its_own_and_kept_for_a_time(function: str) -> None:
    group = FUNCTIONS[function]["LoggingConfig"]["LogGroup"]["Ref"]
    others = [other["LoggingConfig"]["LogGroup"]["Ref"] for name, other in FUNCTIONS.items() if name != function]

    assert group not in others
    assert RESOURCES[group]["Type"] == "AWS::Logs::LogGroup"


def test_one_switch_sends_the_traces_of_every_function() -> None:
    switch = TEMPLATE["Parameters"]["Tracing"]

    assert TEMPLATE["Globals"]["Function"]["Tracing"] == {"Ref": "Tracing"}
    assert (switch["Default"], set(switch["AllowedValues"])) == ("PassThrough", {"Active", "PassThrough"})
    assert TEMPLATE["Conditions"]["Traces"] == {"Fn::Equals": [{"Ref": "Tracing"}, "Active"]}
    assert [name for name, properties in FUNCTIONS.items() if "Tracing" in properties] == []
    assert TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]["POWERTOOLS_TRACE_DISABLED"] == {
        "Fn::If": ["Traces", "false", "true"]
    }


SAMPLING = {"xray:GetSamplingRules", "xray:GetSamplingTargets"}
"""What Step Functions asks for besides, to decide itself what is traced."""


@pytest.mark.parametrize("machine", MACHINES)
def test_the_same_switch_sends_the_traces_of_a_workflow(machine: str) -> None:
    assert MACHINES[machine]["Tracing"] == {"Enabled": {"Fn::If": ["Traces", True, False]}}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_send_traces_only_where_the_switch_is_on(role: str) -> None:
    (policy,) = RESOURCES[role]["Properties"]["Policies"]
    written = policy["PolicyDocument"]["Statement"]
    always = [one for one in written if "Fn::If" not in one]
    conditional = [one["Fn::If"] for one in written if "Fn::If" in one]
    ((traces, otherwise),) = [sides for condition, *sides in conditional if condition == "Traces"]

    assert otherwise == {"Ref": "AWS::NoValue"}
    assert set(traces["Action"]) - (SAMPLING if role in OF_MACHINES else set()) == {
        "xray:PutTraceSegments",
        "xray:PutTelemetryRecords",
    }
    others = [*always, *(side for condition, side, _ in conditional if condition != "Traces")]
    assert not any(action.startswith("xray:") for one in others for action in as_list(one["Action"]))


def test_the_layer_describes_every_service_that_a_function_calls() -> None:
    makefile = (ROOT / "layers/secretwatch/Makefile").read_text(encoding="utf-8")
    (kept,) = re.findall(r"^SERVICES := (.+)$", makefile, flags=re.MULTILINE)
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "functions").rglob("*.py")]
    called = {service for source in sources for service in re.findall(r"\bclient\(\"([a-z0-9-]+)\"\)", source)}

    assert called >= {"dynamodb", "sqs", "sns", "events", "secretsmanager", "bedrock-agentcore-control", "cloudtrail"}
    assert called <= set(kept.split())


# --- what functions may do ---


def test_every_function_and_every_workflow_has_a_role_of_its_own() -> None:
    assert len(set(ROLES)) == len(FUNCTIONS) + len(MACHINES)
    assert set(ROLES) == set(of_type("AWS::IAM::Role"))


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_for_one_service_and_borrows_no_policy(role: str) -> None:
    properties = RESOURCES[role]["Properties"]
    service = "states.amazonaws.com" if role in OF_MACHINES else "lambda.amazonaws.com"

    assert [one["Principal"] for one in properties["AssumeRolePolicyDocument"]["Statement"]] == [{"Service": service}]
    assert "ManagedPolicyArns" not in properties


@pytest.mark.parametrize("role", OF_MACHINES)
def test_a_workflow_may_take_its_steps_and_call_for_help_and_only_for_this_account(role: str) -> None:
    takes, tells, _ = statements(role)
    (trust,) = RESOURCES[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]

    assert (takes["Action"], {named_by(arn) for arn in takes["Resource"]}) == (
        "lambda:InvokeFunction",
        steps([OF_MACHINES[role]]),
    )
    assert (tells["Action"], tells["Resource"]) == ("sns:Publish", {"Ref": "Alerts"})
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


@pytest.mark.parametrize("machine", MACHINES)
def test_a_workflow_is_named_for_policies_and_every_placeholder_of_its_definition_is_filled(machine: str) -> None:
    properties = MACHINES[machine]
    text = (ROOT / properties["DefinitionUri"]).read_text(encoding="utf-8")

    assert properties["Name"] == {"Fn::Sub": f"${{AWS::StackName}}-{machine}"}
    assert set(PLACEHOLDER.findall(text)) == set(properties["DefinitionSubstitutions"])


@pytest.mark.parametrize("role", ROLES)
def test_a_role_takes_the_boundary_that_an_organisation_asks_for(role: str) -> None:
    boundary = {"Fn::If": ["HasPermissionsBoundary", {"Ref": "PermissionsBoundaryArn"}, {"Ref": "AWS::NoValue"}]}
    given = {"Fn::Not": [{"Fn::Equals": [{"Ref": "PermissionsBoundaryArn"}, ""]}]}

    assert RESOURCES[role]["Properties"]["PermissionsBoundary"] == boundary
    assert TEMPLATE["Conditions"]["HasPermissionsBoundary"] == given
    assert TEMPLATE["Parameters"]["PermissionsBoundaryArn"]["Default"] == ""


@pytest.mark.parametrize("role", ROLES)
def test_a_statement_has_a_name_of_its_own_in_its_role(role: str) -> None:
    names = Counter(statement["Sid"] for statement in statements(role))

    assert names
    assert set(names.values()) == {1}
    assert all(re.fullmatch(r"[A-Za-z0-9]+", name) for name in names)


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_allows_single_actions(name: str) -> None:
    statement = STATEMENTS[name]

    assert statement["Effect"] == "Allow"
    assert "NotAction" not in statement
    assert all(re.fullmatch(r"[a-z0-9-]+:[A-Za-z0-9]+", action) for action in as_list(statement["Action"]))


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_names_its_resources(name: str) -> None:
    statement = STATEMENTS[name]

    assert statement["Resource"]
    assert "NotResource" not in statement


WILDCARDS = [name for name, one in STATEMENTS.items() if any("*" in text for text, _ in texts(one["Resource"]))]


def written(name: str) -> list[str]:
    """The lines of a statement as the template's author wrote it, with the comment above it."""
    role, sid = name.split("-")
    start = SOURCE.index(f"  {role}:")
    first = next(at for at in range(start, len(SOURCE)) if re.match(rf" +- Sid: {sid}\b", SOURCE[at]))
    depth = SOURCE[first].index("-")
    last = next(at for at in range(first + 1, len(SOURCE)) if not SOURCE[at].startswith(" " * (depth + 1)))
    while SOURCE[first - 1].lstrip().startswith("#"):
        first -= 1
    return SOURCE[first:last]


@pytest.mark.parametrize("name", WILDCARDS)
def test_a_resource_with_a_wildcard_has_its_reason_beside_it(name: str) -> None:
    lines = written(name)

    assert any("*" in line.partition("#")[0] for line in lines)
    assert any(re.search(r"# \S+ \S+", line) for line in lines)


def test_only_what_is_no_resource_is_allowed_for_all() -> None:
    nameless = {
        "bedrock-agentcore:ListGateways",
        "cloudtrail:DescribeTrails",
        "cloudtrail:LookupEvents",
        "states:SendTaskFailure",
        "states:SendTaskSuccess",
        *SAMPLING,
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    }
    for_all = [one for one in STATEMENTS.values() if "*" in as_list(one["Resource"])]

    assert {action for one in for_all for action in as_list(one["Action"])} == nameless


def test_only_the_secrets_that_the_parameter_names_may_be_looked_at_and_of_them_only_the_policy_written() -> None:
    of_secrets = [one for one in STATEMENTS.values() if "secretsmanager:" in str(one["Action"])]
    slack, patterns = {"Ref": "SlackSecretArn"}, {"Ref": "SecretArnPatterns"}

    of_slack = [one for one in of_secrets if one["Resource"] == slack]

    assert [one["Resource"] for one in of_secrets if one not in of_slack] == [patterns] * 12
    assert [one["Action"] for one in of_slack] == ["secretsmanager:GetSecretValue"]
    assert {action for action in ALLOWED if action.startswith("secretsmanager:")} == {
        "secretsmanager:DeleteResourcePolicy",
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetResourcePolicy",
        "secretsmanager:GetSecretValue",
        "secretsmanager:ListResourcePolicies",
        "secretsmanager:PutResourcePolicy",
        "secretsmanager:ValidateResourcePolicy",
    }


# --- who may write policies ---

WRITES = {"secretsmanager:PutResourcePolicy", "secretsmanager:DeleteResourcePolicy", "kms:PutKeyPolicy"}


def conditional(role: str) -> dict[str, str]:
    """The template's condition of each statement that has one, by Sid."""
    policies = RESOURCES[role]["Properties"]["Policies"]
    found = [one["Fn::If"] for policy in policies for one in policy["PolicyDocument"]["Statement"] if "Fn::If" in one]
    return {statement["Sid"]: condition for condition, statement, _ in found}


WRITERS = ("RepairAccessRole", "GrantAccessRole")


def test_only_the_roles_that_repair_and_grant_may_write_a_policy_and_none_where_the_mode_is_observe() -> None:
    writing = {name for name, one in STATEMENTS.items() if WRITES & set(as_list(one["Action"]))}

    assert writing == {
        f"{role}-{sid}" for role in WRITERS for sid in ("WritePolicies", "TakePoliciesBack", "WriteKeyPolicies")
    }
    for role in WRITERS:
        assert {sid: conditional(role)[sid] for sid in ("WritePolicies", "TakePoliciesBack")} == {
            "WritePolicies": "Repairs",
            "TakePoliciesBack": "Repairs",
        }
    assert TEMPLATE["Conditions"]["Repairs"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "RepairMode"}, "observe"]}]}
    assert RULES["LostAccessRule"]
    assert RESOURCES["LostAccessRule"]["Condition"] == "Repairs"


@pytest.mark.parametrize("function", ["CheckReferences", "RepairAccess"])
def test_who_has_to_know_knows_every_role_of_ours_that_writes_policies(function: str) -> None:
    """What one of them wrote is no change by somebody else, who would contest a repair."""
    own = FUNCTIONS[function]["Environment"]["Variables"]["OWN_ROLE_ARNS"]

    assert own == {"Fn::Join": [",", [arn_of(role) for role in WRITERS]]}


@pytest.mark.parametrize("role", WRITERS)
def test_a_policy_is_never_written_for_everybody_and_only_of_tagged_secrets_where_the_parameter_says_so(
    role: str,
) -> None:
    tagged = {"Fn::If": ["RepairsTaggedOnly", {f"aws:ResourceTag/{REPAIR_TAG}": ["propose", "enforce"]}, NOTHING]}

    assert STATEMENTS[f"{role}-WritePolicies"]["Condition"] == {
        "Bool": {"secretsmanager:BlockPublicPolicy": "true"},
        "StringEquals": tagged,
    }
    assert STATEMENTS[f"{role}-TakePoliciesBack"]["Condition"] == {"StringEquals": tagged}


@pytest.mark.parametrize("role", WRITERS)
def test_policies_of_keys_are_written_only_where_that_is_switched_on(role: str) -> None:
    assert conditional(role)["WriteKeyPolicies"] == "RepairsKeys"
    assert TEMPLATE["Conditions"]["RepairsKeys"] == {
        "Fn::And": [{"Condition": "Repairs"}, {"Fn::Equals": [{"Ref": "RepairKeyPolicies"}, "on"]}]
    }


@pytest.mark.parametrize("role", [*WRITERS, "DecideRepairRole", "CreateProviderRole", "DecideOnboardingRole"])
def test_whoever_writes_policies_creates_providers_or_decides_reads_no_value(role: str) -> None:
    actions = {action for one in statements(role) for action in as_list(one["Action"])}

    assert not actions & {"secretsmanager:GetSecretValue", "secretsmanager:BatchGetSecretValue", "kms:Decrypt"}


def test_nobody_may_change_or_delete_what_the_audit_holds() -> None:
    """PutItem is the one way to add, and DynamoDB lets no policy say `only a new one`: the code does."""
    harmful = {"dynamodb:DeleteItem", "dynamodb:UpdateItem", "dynamodb:BatchWriteItem", "dynamodb:PutItem"}
    writers = {name: one for name, one in STATEMENTS.items() if harmful & set(as_list(one["Action"]))}
    reaching = {name for name, one in writers.items() if _reaches_audit(one.get("Condition", {}))}

    assert reaching == {f"{role}-KeepAudit" for role in WRITERS}
    assert {writers[name]["Action"] for name in reaching} == {"dynamodb:PutItem"}


def _reaches_audit(condition: dict[str, Any]) -> bool:
    """Whether the condition on the leading keys lets those of the audit through."""
    without = condition.get("ForAllValues:StringNotLike", {}).get("dynamodb:LeadingKeys", [])
    only = condition.get("ForAllValues:StringLike") or condition.get("ForAllValues:StringEquals") or {}
    listed = only.get("dynamodb:LeadingKeys")
    return "AUDIT#*" not in without and (listed is None or "AUDIT#*" in listed)


@pytest.mark.parametrize("function", ["DecideRepair", "DecideOnboarding"])
def test_people_decide_under_their_own_names(function: str) -> None:
    assert FUNCTIONS[function]["FunctionUrlConfig"] == {"AuthType": "AWS_IAM"}


PROVIDERS = re.compile("bedrock-agentcore:(Create|Update|Delete|Tag|Untag|Set)")


def test_only_one_role_may_write_to_providers_and_nobody_may_change_one() -> None:
    writes = {
        name: {action for action in as_list(one["Action"]) if PROVIDERS.match(action)}
        for name, one in STATEMENTS.items()
    }
    kinds = ("ApiKey", "Oauth2", "Payment")

    assert {name: actions for name, actions in writes.items() if actions} == {
        "CreateProviderRole-WriteProviders": {
            "bedrock-agentcore:TagResource",
            *(f"bedrock-agentcore:{verb}{kind}CredentialProvider" for verb in ("Create", "Delete") for kind in kinds),
        },
        "OnboardSecretStepsRole-ActAsWorkload": {"bedrock-agentcore:CreateWorkloadIdentity"},
    }


def test_a_key_is_handed_out_only_where_that_is_switched_on() -> None:
    handing = [
        name for name, one in STATEMENTS.items() if re.search("GetResource(ApiKey|Oauth2|Payment)", str(one["Action"]))
    ]

    assert handing == ["OnboardSecretStepsRole-VendKeys"]
    assert {conditional("OnboardSecretStepsRole")[sid] for sid in ("ActAsWorkload", "VendKeys")} == {"Vends"}
    assert TEMPLATE["Conditions"]["Vends"] == {"Fn::Equals": [{"Ref": "OnboardingVend"}, "on"]}
    assert TEMPLATE["Parameters"]["OnboardingVend"]["Default"] == "off"


@pytest.mark.parametrize("function", ["RepairAccess", "GrantAccess", "OnboardSecretSteps"])
def test_every_bound_of_repairs_that_a_person_can_set_reaches_the_function_and_is_safe_by_default(
    function: str,
) -> None:
    variables = FUNCTIONS[function]["Environment"]["Variables"]
    parameters = TEMPLATE["Parameters"]
    defaults = {
        name: parameters[value["Ref"] if "Ref" in value else value["Fn::Join"][1]["Ref"]]["Default"]
        for name, value in variables.items()
        if name.startswith(("REPAIR_", "BREAKER_", "IAC_"))
    }

    assert repair_rules_from({name: str(value) for name, value in defaults.items()}) == RepairRules()
    assert set(parameters["RepairMode"]["AllowedValues"]) == set(Mode)
    assert set(parameters["RepairCondition"]["AllowedValues"]) == set(Guard)


@pytest.mark.parametrize("sid", ["ReadSlackAccess", "DecryptSlackAccess"])
def test_slacks_token_is_read_only_where_the_parameter_names_its_secret(sid: str) -> None:
    policies = RESOURCES["SendAlertsRole"]["Properties"]["Policies"]
    written = [one["Fn::If"] for policy in policies for one in policy["PolicyDocument"]["Statement"] if "Fn::If" in one]
    ((condition, _, otherwise),) = [one for one in written if one[1]["Sid"] == sid]

    assert (condition, otherwise) == ("TellsSlack", {"Ref": "AWS::NoValue"})
    assert TEMPLATE["Conditions"]["TellsSlack"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "SlackSecretArn"}, ""]}]}


def test_every_rule_of_alerts_that_a_person_can_set_reaches_the_function() -> None:
    variables = FUNCTIONS["SendAlerts"]["Environment"]["Variables"]
    defaults = {
        name: str(TEMPLATE["Parameters"].get(value["Ref"], {}).get("Default", "x")) for name, value in variables.items()
    }

    settings = SendAlertsSettings.from_environ({**defaults, "AWS_REGION": "eu-west-1"})

    assert settings.rules == AlertRules()
    assert (settings.as_json, settings.slack_secret_arn, settings.account_alias) == (False, "", "")
    assert settings.alert_email == ""
    assert settings.slack_api_url == "https://slack.com/api/"


def test_an_address_is_subscribed_where_the_parameter_names_one() -> None:
    subscription = RESOURCES["AlertEmailSubscription"]

    assert TEMPLATE["Conditions"][subscription["Condition"]] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "AlertEmail"}, ""]}]
    }
    assert subscription["Properties"] == {
        "TopicArn": {"Ref": "Alerts"},
        "Protocol": "email",
        "Endpoint": {"Ref": "AlertEmail"},
    }


READERS_OF_VALUES = ("CheckReferencesRole", "OnboardSecretStepsRole")


@pytest.mark.parametrize("sid", ["ReadValues", "DecryptSecrets"])
@pytest.mark.parametrize("role", READERS_OF_VALUES)
def test_values_are_read_by_nobody_where_the_parameter_says_none(role: str, sid: str) -> None:
    policies = RESOURCES[role]["Properties"]["Policies"]
    written = [one["Fn::If"] for policy in policies for one in policy["PolicyDocument"]["Statement"] if "Fn::If" in one]
    ((condition, _, otherwise),) = [one for one in written if one[1]["Sid"] == sid]

    assert (condition, otherwise) == ("ReadsValues", {"Ref": "AWS::NoValue"})
    assert TEMPLATE["Conditions"]["ReadsValues"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "ReadSecretValues"}, "none"]}]}


@pytest.mark.parametrize("role", READERS_OF_VALUES)
def test_values_are_read_of_tagged_secrets_only_where_the_parameter_says_tagged(role: str) -> None:
    condition, tagged, otherwise = STATEMENTS[f"{role}-ReadValues"]["Condition"]["Fn::If"]

    assert (condition, otherwise) == ("ReadsTaggedOnly", {"Ref": "AWS::NoValue"})
    assert tagged == {"StringEquals": {f"aws:ResourceTag/{READ_VALUE_TAG}": READ_VALUE}}


@pytest.mark.parametrize("function", ["CheckReferences", "OnboardSecretSteps"])
def test_every_rule_that_a_person_can_set_reaches_the_function(function: str) -> None:
    variables = FUNCTIONS[function]["Environment"]["Variables"]
    named = {
        name: value["Ref"] if "Ref" in value else value["Fn::Join"][1]["Ref"]
        for name, value in variables.items()
        if name.startswith(("REQUIRE", "READ_", "ROTATION_", "UNKNOWN_"))
    }
    defaults = {name: TEMPLATE["Parameters"][parameter]["Default"] for name, parameter in named.items()}

    assert {*named.values()} >= {"RequiredReaders", "RequiredTags", "ReadSecretValues", "RotationMaxAgeDays"}

    assert rules_from({name: str(value) for name, value in defaults.items()}) == Rules()


def test_keys_serve_only_to_decrypt_those_secrets_and_only_through_secrets_manager() -> None:
    uses = {name: one for name, one in STATEMENTS.items() if "kms:" in str(one["Action"])}
    of_keys = [uses.pop(f"{role}-DecryptSecrets") for role in READERS_OF_VALUES]
    of_slack = uses.pop("SendAlertsRole-DecryptSlackAccess")
    through_secrets_manager = {"Fn::Sub": "secretsmanager.${AWS::Region}.${AWS::URLSuffix}"}

    assert {action for one in uses.values() for action in as_list(one["Action"])} == {
        "kms:DescribeKey",
        "kms:GetKeyPolicy",
        "kms:ListGrants",
        "kms:PutKeyPolicy",
    }
    assert {one["Action"] for one in (*of_keys, of_slack)} == {"kms:Decrypt"}
    for one in of_keys:
        assert one["Condition"] == {
            "StringEquals": {"kms:ViaService": through_secrets_manager},
            "StringLike": {"kms:EncryptionContext:SecretARN": {"Ref": "SecretArnPatterns"}},
        }
    assert of_slack["Condition"] == {
        "StringEquals": {
            "kms:ViaService": through_secrets_manager,
            "kms:EncryptionContext:SecretARN": {"Ref": "SlackSecretArn"},
        }
    }


def test_who_tells_people_writes_nothing_of_the_registry_but_what_was_told() -> None:
    writes = [
        one
        for one in statements("SendAlertsRole")
        if {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"} & set(as_list(one["Action"]))
    ]

    assert "dynamodb:UpdateItem" not in {action for one in writes for action in as_list(one["Action"])}
    assert [one["Condition"] for one in writes] == [
        {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["INCIDENT#*", "INVOLVED#*", "DIGEST#*", "ALERTS"]}}
    ]


# --- the Registry, the topic, and every partition ---


def test_the_registry_outlives_its_stack_and_can_be_restored() -> None:
    registry = RESOURCES["Registry"]

    assert (registry["DeletionPolicy"], registry["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert registry["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert registry["Properties"]["SSESpecification"] == {"SSEEnabled": True}


def test_what_is_over_expires() -> None:
    expiry = RESOURCES["Registry"]["Properties"]["TimeToLiveSpecification"]

    assert expiry == {"AttributeName": "expires_at", "Enabled": True}


def test_the_stream_tells_a_record_before_and_after() -> None:
    stream = RESOURCES["Registry"]["Properties"]["StreamSpecification"]

    assert stream == {"StreamViewType": "NEW_AND_OLD_IMAGES"}


@pytest.mark.parametrize("alarm", ALARMS)
def test_an_alarm_says_what_it_is_about_and_tells_people_when_it_comes_and_when_it_goes(alarm: str) -> None:
    text = ALARMS[alarm]["AlarmDescription"]["Fn::Sub"]

    assert len(text.split()) > 3
    assert text.endswith(f" ${{RunbookUrl}}#{alarm.lower()}")  # docs/operations.md has an entry for each
    assert ALARMS[alarm]["AlarmActions"] == ALARMS[alarm]["OKActions"] == [{"Ref": "Alerts"}]


def test_there_is_one_topic_and_it_is_the_one_that_alarms_publish_to() -> None:
    assert list(of_type("AWS::SNS::Topic")) == ["Alerts"]


def test_alarms_can_publish_to_the_topic() -> None:
    """The key alias/aws/sns would keep CloudWatch out."""
    (policy,) = of_type("AWS::SNS::TopicPolicy").values()
    statement, *_ = policy["PolicyDocument"]["Statement"]

    assert "KmsMasterKeyId" not in of_type("AWS::SNS::Topic")["Alerts"]
    assert policy["Topics"] == [{"Ref": "Alerts"}]
    assert (statement["Effect"], statement["Principal"]) == ("Allow", {"Service": "cloudwatch.amazonaws.com"})
    assert (statement["Action"], statement["Resource"]) == ("sns:Publish", {"Ref": "Alerts"})
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_every_arn_is_of_whichever_partition_the_stack_is_in() -> None:
    literals = [(text, substituted) for text, substituted in texts(RESOURCES) if re.search(r"\barn:", text)]

    assert literals
    assert all(substituted and text.startswith("arn:${AWS::Partition}:") for text, substituted in literals)


# --- what the stack says of itself, and what checkov is told ---


def test_the_stack_has_the_version_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert TEMPLATE["Mappings"]["Secretwatch"]["Release"]["Version"] == project["version"]
    assert TEMPLATE["Outputs"]["Version"]["Value"] == {"Fn::FindInMap": ["Secretwatch", "Release", "Version"]}


WAIVERS = [
    pytest.param(waiver, id=f"{name}-{waiver.get('id')}")
    for name, resource in RESOURCES.items()
    for waiver in resource.get("Metadata", {}).get("checkov", {}).get("skip", [])
]


@pytest.mark.parametrize("waiver", WAIVERS)
def test_a_waiver_names_its_check_and_its_reason(waiver: dict[str, str]) -> None:
    assert set(waiver) == {"id", "comment"}
    assert re.fullmatch(r"CKV2?_AWS_\d+", waiver["id"])
    assert len(waiver["comment"].split()) > 2
