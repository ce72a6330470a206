"""What the doctor asks of AWS, checked against the service models; and that no refusal ends it."""

from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY

from secretwatch.adapters.dynamodb import DynamoDbProviderRecords
from secretwatch_cli import doctor
from secretwatch_cli.aws import Clients
from secretwatch_cli.needs import NEEDS
from secretwatch_cli.result import Health, Result
from secretwatch_cli.stack import Stack
from tests.contract.stubs import MakeClient, MakeStub, Stub
from tests.contract.template import RESOURCES, RULES
from tests.fakes import ACCOUNT, REGION, a_provider, secret_arn

PLACE = f"{REGION}:{ACCOUNT}"
TOPIC = f"arn:aws:sns:{PLACE}:alerts"
TRAIL = f"arn:aws:cloudtrail:{PLACE}:trail/audit"
MAPPING = "7f7b0249-e364-414b-8d53-16cbfdecd8de"
DEPLOYED_AS = {"AWS::Serverless::Function": "AWS::Lambda::Function"}


def physical_id(name: str, kind: str) -> str:
    """As CloudFormation would call it."""
    match kind:
        case "AWS::SQS::Queue":
            return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/watch-{name}"
        case "AWS::SNS::Topic":
            return TOPIC
        case "AWS::Events::Rule" if "EventBusName" in RULES[name]:
            return f"watch|watch-{name}"
    return f"watch-{name}"


def a_stack(**parts: Any) -> Stack:
    """The template as it would be deployed, with one event source mapping."""
    resources: dict[str, dict[str, str]] = {"AWS::Lambda::EventSourceMapping": {"CheckReferencesChanges": MAPPING}}
    for name, one in RESOURCES.items():
        kind = DEPLOYED_AS.get(one["Type"], one["Type"])
        resources.setdefault(kind, {})[name] = physical_id(name, kind)
    deployed: dict[str, Any] = {
        "name": "watch",
        "arn": f"arn:aws:cloudformation:{PLACE}:stack/watch/1",
        "outputs": {"RegistryTable": "watch-Registry", "BusName": "watch", "AlertsTopicArn": TOPIC, "Version": "1.2.0"},
        "parameters": {"SecretArnPatterns": f"arn:aws:secretsmanager:{PLACE}:secret:*"},
        "resources": resources,
    }
    return Stack(**{**deployed, **parts})


@pytest.fixture
def refused(make_client: MakeClient) -> Clients:
    """Clients that AWS refuses everything."""

    def refuse(model: Any, **_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, model.name)

    def client(service: str) -> Any:
        made = make_client(service)
        made.meta.events.register("before-call", refuse)
        return made

    return client


def test_a_doctor_who_is_refused_everything_knows_nothing_and_says_why(refused: Clients) -> None:
    results = doctor.examine(refused, a_stack(), version="1.2.0")

    *looked, version = results
    assert {result.health for result in looked} == {Health.UNKNOWN}
    assert all("You may not call" in result.meaning for result in looked)
    assert version.health is Health.OK


def test_a_stack_of_another_version_leaves_unknown_what_it_lacks(refused: Clients, monkeypatch: Any) -> None:
    monkeypatch.setattr(DynamoDbProviderRecords, "known", lambda *_: [])
    resources = {**a_stack().resources, "AWS::Logs::LogGroup": {}}

    results = doctor.examine(refused, a_stack(resources=resources), version=None)

    (role,) = [result for result in results if result.check == "role of SendAlerts"]
    assert role == Result(
        "role of SendAlerts",
        Health.UNKNOWN,
        "The stack has no 'SendAlertsLogs': it is of another version than this command.",
    )


# --- one check at a time


def looked(look: doctor.Look, *stubs: Stub, stack: Stack | None = None) -> list[Result]:
    """What a check shows when its services answer as they were told to."""
    services = {stub.client.meta.service_model.service_name: stub.client for stub in stubs}
    return look(services.__getitem__, stack or a_stack())


def healths(results: list[Result]) -> list[Health]:
    return [result.health for result in results]


def test_every_trail_is_asked_for_its_status_and_its_selectors(make_stub: MakeStub) -> None:
    cloudtrail = make_stub("cloudtrail")
    trail = {"Name": "audit", "TrailARN": TRAIL, "HomeRegion": REGION}
    cloudtrail.add_response("describe_trails", {"trailList": [trail]}, {})
    cloudtrail.add_response("get_trail_status", {"IsLogging": True}, {"Name": TRAIL})
    selectors = [{"ReadWriteType": "All", "IncludeManagementEvents": True}]
    cloudtrail.add_response("get_event_selectors", {"EventSelectors": selectors}, {"TrailName": TRAIL})

    assert healths(looked(doctor._trails, cloudtrail)) == [Health.OK]


def test_a_trail_that_may_not_be_read_leaves_it_unknown(make_stub: MakeStub) -> None:
    cloudtrail = make_stub("cloudtrail")
    cloudtrail.add_response("describe_trails", {"trailList": [{"Name": "audit", "TrailARN": TRAIL}]})
    cloudtrail.add_client_error("get_trail_status", "AccessDeniedException")

    assert healths(looked(doctor._trails, cloudtrail)) == [Health.UNKNOWN]


def test_rules_are_looked_for_on_both_buses_with_their_targets(make_stub: MakeStub) -> None:
    events = make_stub("events")
    names: dict[str, list[str]] = {"default": [], "watch": []}
    for name in a_stack().of_type("AWS::Events::Rule"):
        names["watch" if "EventBusName" in RULES[name] else "default"].append(f"watch-{name}")
    for bus, of_bus in names.items():
        rules = [
            {"Name": name, "Arn": f"arn:aws:events:{PLACE}:rule/{name}", "State": "ENABLED", "EventBusName": bus}
            for name in [*of_bus, "somebody-elses"]
        ]
        events.add_response("list_rules", {"Rules": rules}, {"EventBusName": bus})
    target = {"Id": "it", "Arn": f"arn:aws:sqs:{PLACE}:watch-ChangeQueue"}
    for bus, of_bus in names.items():
        for name in of_bus:
            events.add_response("list_targets_by_rule", {"Targets": [target]}, {"Rule": name, "EventBusName": bus})

    assert healths(looked(doctor._rules, events)) == [Health.OK]


def test_a_mapping_that_lambda_no_longer_knows_is_gone(make_stub: MakeStub) -> None:
    awslambda = make_stub("lambda")
    awslambda.add_client_error(
        "get_event_source_mapping", "ResourceNotFoundException", expected_params={"UUID": MAPPING}
    )

    (result,) = looked(doctor._mappings, awslambda)

    assert result.health is Health.PROBLEM
    assert "CheckReferencesChanges is gone" in result.meaning


def test_every_queue_is_asked_what_waits_there(make_stub: MakeStub) -> None:
    sqs = make_stub("sqs")
    for name, url in a_stack().of_type("AWS::SQS::Queue").items():
        attributes = {"QueueArn": f"arn:aws:sqs:{PLACE}:watch-{name}", "ApproximateNumberOfMessages": "0"}
        wanted = ["QueueArn", "RedrivePolicy", "ApproximateNumberOfMessages"]
        sqs.add_response(
            "get_queue_attributes", {"Attributes": attributes}, {"QueueUrl": url, "AttributeNames": wanted}
        )

    assert healths(looked(doctor._dead_letters, sqs)) == [Health.OK]


def test_every_page_of_subscriptions_is_read(make_stub: MakeStub) -> None:
    sns = make_stub("sns")
    pages = [("a@example.com", f"{TOPIC}:1", {"NextToken": "more"}), ("b@example.com", "PendingConfirmation", {})]
    token: dict[str, str] = {}
    for address, arn, more in pages:
        subscription = {"Endpoint": address, "Protocol": "email", "SubscriptionArn": arn, "TopicArn": TOPIC}
        asked = {"TopicArn": TOPIC, **token}
        sns.add_response("list_subscriptions_by_topic", {"Subscriptions": [subscription], **more}, asked)
        token = more

    (result,) = looked(doctor._subscriptions, sns)

    assert result.health is Health.WARNING
    assert "b@example.com has not confirmed" in result.meaning


@pytest.fixture
def _crm_is_referenced(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Registry knows one provider and its secret."""

    class Known:
        provider = a_provider()

    monkeypatch.setattr(DynamoDbProviderRecords, "known", lambda *_: [Known])


@pytest.mark.usefixtures("_crm_is_referenced")
def test_a_referenced_secret_outside_the_stacks_parameter_is_a_problem(make_stub: MakeStub) -> None:
    stack = a_stack(parameters={"SecretArnPatterns": "arn:aws:secretsmanager:*:*:secret:x*"})

    (result,) = looked(doctor._secrets, make_stub("dynamodb"), stack=stack)

    assert result.health is Health.PROBLEM
    assert secret_arn() in result.meaning


@pytest.mark.usefixtures("_crm_is_referenced")
def test_a_role_is_simulated_need_by_need_with_each_referenced_secret(make_stub: MakeStub) -> None:
    awslambda, iam = make_stub("lambda"), make_stub("iam")
    role = f"arn:aws:iam::{ACCOUNT}:role/watch-CheckReferencesRole"
    awslambda.add_response("get_function_configuration", {"Role": role}, {"FunctionName": "watch-CheckReferences"})
    asked: list[dict[str, Any]] = []
    iam.client.meta.events.register(
        "provide-client-params.iam.SimulatePrincipalPolicy", lambda params, **_: asked.append(params)
    )
    for need in [need for need in NEEDS["CheckReferences"] if need.only_if(a_stack().parameters)]:
        evaluation = {
            "EvalActionName": need.actions[0],
            "EvalDecision": "explicitDeny",
            "EvalResourceName": secret_arn(),
        }
        iam.add_response(
            "simulate_principal_policy",
            {"EvaluationResults": [evaluation]},
            {"PolicySourceArn": role, "ActionNames": ANY, "ResourceArns": ANY, "ContextEntries": []},
        )

    look = partial(doctor._permissions, "CheckReferences")
    (result,) = looked(look, awslambda, iam, make_stub("dynamodb"))

    assert result.health is Health.PROBLEM
    assert result.meaning == (
        f"It is refused secretsmanager:DescribeSecret on {secret_arn()},"
        f" secretsmanager:GetSecretValue on {secret_arn()}."
    )
    assert [secret_arn()] in [one["ResourceArns"] for one in asked]
