"""`secretwatch doctor`: reads how the stack and its surroundings stand; `diagnosis` says what that means."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, TypeAlias

from botocore.exceptions import ClientError

from secretwatch.adapters.cloudtrail import CloudTrailTrails
from secretwatch.adapters.dynamodb import DynamoDbProviderRecords
from secretwatch.domain.change import WholeInventory
from secretwatch.domain.facts import Unknown
from secretwatch.domain.trail import Coverage
from secretwatch_cli import diagnosis
from secretwatch_cli.aws import Clients, told
from secretwatch_cli.failures import Unable
from secretwatch_cli.needs import NEEDS, Need
from secretwatch_cli.result import Health, Result
from secretwatch_cli.stack import Stack

Look: TypeAlias = Callable[[Clients, Stack], list[Result]]

_RESOURCES_AT_ONCE = 25  # of one simulation: its request grows with every ARN


def examine(clients: Clients, stack: Stack, *, version: str | None) -> list[Result]:
    """Every check in turn; one that AWS does not let us make is unknown, and says why."""
    checks: dict[str, Look] = {
        "trail": _trails,
        "rules": _rules,
        "event sources": _mappings,
        "dead letters": _dead_letters,
        "alerts": _subscriptions,
        "secrets": _secrets,
        **{f"role of {function}": partial(_permissions, function) for function in NEEDS},
    }
    results = [result for name, look in checks.items() for result in _looked(name, look, clients, stack)]
    return [*results, diagnosis.versions(version, stack.outputs.get("Version"))]


def _looked(name: str, look: Look, clients: Clients, stack: Stack) -> list[Result]:
    try:
        with told():
            return look(clients, stack)
    except Unable as error:
        return [Result(name, Health.UNKNOWN, str(error))]


# --- the trail


def _trails(clients: Clients, stack: Stack) -> list[Result]:
    found = CloudTrailTrails(clients("cloudtrail")).coverages(stack.region)
    coverages = [one for one in found if isinstance(one, Coverage)]
    unread = [f"A trail could not be read ({one.reason})." for one in found if isinstance(one, Unknown)]
    return [diagnosis.trails(coverages, unread)]


# --- the way of an event


def _rules(clients: Clients, stack: Stack) -> list[Result]:
    events = clients("events")
    # The physical id of a rule on a bus of its own is "<bus>|<name>".
    expected = {name: one.split("|")[-1] for name, one in stack.of_type("AWS::Events::Rule").items()}
    found = {
        rule["Name"]: rule
        for bus in ("default", stack.output("BusName"))
        for page in events.get_paginator("list_rules").paginate(EventBusName=bus)
        for rule in page["Rules"]
        if rule["Name"] in expected.values()
    }
    targets = {
        name: events.list_targets_by_rule(Rule=name, EventBusName=rule["EventBusName"])["Targets"]
        for name, rule in found.items()
    }
    queues = {
        f"arn:{stack.partition}:sqs:{stack.region}:{stack.account}:{name}" for name in _queue_names(stack).values()
    }
    own = {*queues, stack.output("AlertsTopicArn")}
    return diagnosis.rules(expected, found, targets, own=own)


def _mappings(clients: Clients, stack: Stack) -> list[Result]:
    awslambda = clients("lambda")
    uuids = stack.of_type("AWS::Lambda::EventSourceMapping")
    return diagnosis.mappings({name: _mapping(awslambda, uuid) for name, uuid in uuids.items()})


def _mapping(awslambda: Any, uuid: str) -> Mapping[str, Any] | None:
    try:
        mapping: Mapping[str, Any] = awslambda.get_event_source_mapping(UUID=uuid)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return None
        raise
    return mapping


def _dead_letters(clients: Clients, stack: Stack) -> list[Result]:
    sqs = clients("sqs")
    wanted = ["QueueArn", "RedrivePolicy", "ApproximateNumberOfMessages"]
    urls = stack.of_type("AWS::SQS::Queue")
    return diagnosis.dead_letters(
        {
            name: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"]
            for name, url in urls.items()
        }
    )


def _subscriptions(clients: Clients, stack: Stack) -> list[Result]:
    topic = stack.output("AlertsTopicArn")
    pages = clients("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    found, wanted = [one for page in pages for one in page["Subscriptions"]], stack.parameters.get("AlertEmail", "")
    return diagnosis.subscriptions(found, topic=topic, wanted=wanted)


# --- what the functions may read


def _secrets(clients: Clients, stack: Stack) -> list[Result]:
    patterns = stack.parameters.get("SecretArnPatterns", "")
    return [diagnosis.secrets(_referenced(clients, stack), patterns, stack=stack.name, region=stack.region)]


def _referenced(clients: Clients, stack: Stack) -> list[str]:
    """Every secret that the Registry knows to be referenced."""
    records = DynamoDbProviderRecords(clients("dynamodb"), stack.output("RegistryTable"))
    known = records.known(WholeInventory(stack.account, stack.region))
    return sorted({reference.secret_arn for one in known for reference in one.provider.references})


def _permissions(function: str, clients: Clients, stack: Stack) -> list[Result]:
    names, secrets = _names(stack), _referenced(clients, stack)
    asked_for = [need for need in NEEDS[function] if need.only_if(stack.parameters)]
    try:
        name, needs = names[function], [(need, list(need.resources(names, secrets))) for need in asked_for]
    except KeyError as missing:
        raise Unable(f"The stack has no {missing}: it is of another version than this command.") from missing
    role = clients("lambda").get_function_configuration(FunctionName=name)["Role"]
    asked = [(action, arn) for need, arns in needs for action in need.actions for arn in arns]
    simulated = [one for need, arns in needs for one in _simulated(clients("iam"), role, need, arns)]
    return [diagnosis.permissions(function, asked, simulated)]


def _simulated(iam: Any, role: str, need: Need, arns: list[str]) -> Iterator[Mapping[str, Any]]:
    simulate = iam.get_paginator("simulate_principal_policy").paginate
    context = [
        {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "stringList"}
        for key, value in need.context.items()
    ]
    for start in range(0, len(arns), _RESOURCES_AT_ONCE):
        some = arns[start : start + _RESOURCES_AT_ONCE]
        pages = simulate(PolicySourceArn=role, ActionNames=need.actions, ResourceArns=some, ContextEntries=context)
        for page in pages:
            yield from page["EvaluationResults"]


def _names(stack: Stack) -> dict[str, str]:
    """What `needs` fills into ARNs."""
    physical = {name: one for of_type in stack.resources.values() for name, one in of_type.items()}
    place = {"partition": stack.partition, "region": stack.region, "account": stack.account}
    return {**physical, **_queue_names(stack), **_workflow_names(stack), **place}


def _workflow_names(stack: Stack) -> dict[str, str]:
    """CloudFormation knows a state machine by its ARN, which ends in the name."""
    return {name: arn.rsplit(":", 1)[-1] for name, arn in stack.of_type("AWS::StepFunctions::StateMachine").items()}


def _queue_names(stack: Stack) -> dict[str, str]:
    """CloudFormation knows a queue by its URL, which ends in the name."""
    return {name: url.rsplit("/", 1)[-1] for name, url in stack.of_type("AWS::SQS::Queue").items()}
