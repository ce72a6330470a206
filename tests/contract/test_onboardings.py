"""Onboardings as AWS and the Registry see them: what is called, what is kept, and what the functions answer."""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from functions.create_provider import app as create_provider
from functions.decide_onboarding import app as decide_onboarding
from functions.grant_access import app as grant_access
from functions.offboard_provider import app as offboard_provider
from functions.onboard_secret import app as onboard_secret
from secretwatch.adapters.cloudtrail import CloudTrailStarters
from secretwatch.adapters.dynamodb import DynamoDbOnboardings
from secretwatch.adapters.secretsmanager import SecretsManagerSecrets
from secretwatch.adapters.stepfunctions import StepFunctionsDecisions, StepFunctionsExecutions
from secretwatch.adapters.token_vault import AgentCoreTokenVault, AgentCoreVending
from secretwatch.domain.onboarding import news
from secretwatch.domain.onboarding.errors import NoLongerWaiting, ProviderRefused
from secretwatch.domain.onboarding.onboarding import (
    Approval,
    Execution,
    Held,
    Offboarding,
    OffboardingStatus,
    Onboarding,
    Pointer,
    Shown,
    Status,
)
from secretwatch.domain.onboarding.request import Options, Problem
from secretwatch.domain.reference import ProviderKind
from secretwatch.domain.repair.plan import Kind
from secretwatch.domain.repair.statement import Guard, read_statement
from secretwatch.errors import LostRace, Permanent, Transient
from secretwatch.policy import Principal
from tests.contract.registry import TABLE, items, keys, on_moto
from tests.contract.stubs import MakeClient, MakeStub
from tests.contract.template import ROOT
from tests.fakes import ACCOUNT, LETS_AGENTCORE_READ, NOON, REGION, a_name, secret_arn
from tests.lambdas import Context
from tests.unit.onboarding.world import ALICE, BOB, WEATHER, World, an_api_key, an_oauth2

if TYPE_CHECKING:
    from secretwatch.ports import Announcement

EXECUTION = Execution(f"arn:aws:states:{REGION}:{ACCOUNT}:execution:OnboardSecret:o-1", "o-1", NOON)
OTHER = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:OnboardSecret:o-2"
API_KEY, OAUTH2 = a_name("weather", ProviderKind.API_KEY), a_name("crm")
ARN = f"arn:aws:bedrock-agentcore:{REGION}:{ACCOUNT}:token-vault/default/apikeycredentialprovider/weather"
STATEMENT = read_statement([Principal.service("x.amazonaws.com")], [ACCOUNT], REGION, Guard.SOURCE_ACCOUNT_IF_EXISTS)
ONBOARDING = Onboarding(
    EXECUTION,
    ACCOUNT,
    REGION,
    version=1,
    kind=ProviderKind.API_KEY,
    name="weather",
    owner="Team Weather",
    options=Options(timedelta(hours=1), vend=True),
    asked=an_api_key(weight=0.5),
    requested_by=BOB,
    pointers=(Pointer("apiKey", WEATHER, "api_key"),),
    plans=(Shown(Kind.SECRET, WEATHER, WEATHER, None, LETS_AGENTCORE_READ, STATEMENT, "Why."),),
    warnings=("w",),
    problems=(Problem("name", "is odd", "Change it."),),
    approval=Approval(True, "Why.", timedelta(hours=1), "token", NOON, ALICE, NOON, "no"),
    creating=True,
    provider_arn=ARN,
    created=True,
    callback_url="https://example.com",
    registering=True,
    notes=("n",),
    left=("l",),
)
OFFBOARDING = Offboarding(EXECUTION, API_KEY, 1, forced=True, provider_arn=ARN, pointers=ONBOARDING.pointers)


# --- the Registry ---


@pytest.fixture
def dynamodb() -> Iterator[Any]:
    with on_moto() as client:
        yield client


@pytest.fixture
def onboardings(dynamodb: Any) -> DynamoDbOnboardings:
    return DynamoDbOnboardings(dynamodb, TABLE)


def test_what_is_stored_is_what_is_found(onboardings: DynamoDbOnboardings) -> None:
    begun = Onboarding(replace(EXECUTION, name="o-2"), ACCOUNT, REGION, version=1)
    ended = OFFBOARDING.successor(
        status=OffboardingStatus.FAILED,
        used_by=("target crm of gateway g",),
        removed=True,
        notes=("n",),
        ended_at=NOON,
        failed_step="Close",
        error="Permanent",
        message="m",
    )

    for record in (ONBOARDING, begun):
        onboardings.store(record)
    for offboarding in (OFFBOARDING, ended):
        onboardings.store_offboarding(offboarding)

    assert onboardings.find("o-1") == ONBOARDING
    assert onboardings.find("o-2") == begun
    assert onboardings.find_offboarding("o-1") == ended
    assert (onboardings.find("o-3"), onboardings.find_offboarding("o-3")) == (None, None)


def test_records_of_release_0_3_0_are_read(onboardings: DynamoDbOnboardings, dynamodb: Any) -> None:
    """Their problems may have no fix, and an offboarding did not say whether the provider was gone before."""
    onboardings.store(ONBOARDING)
    onboardings.store_offboarding(OFFBOARDING)
    change = partial(dynamodb.update_item, TableName=TABLE)
    change(
        Key={"pk": {"S": "ONBOARDING#o-1"}, "sk": {"S": "STATE"}},
        UpdateExpression="SET problems[0].fix = :none",
        ExpressionAttributeValues={":none": {"NULL": True}},
    )
    change(Key={"pk": {"S": "ONBOARDING#o-1"}, "sk": {"S": "OFFBOARDING"}}, UpdateExpression="REMOVE gone")

    found, offboarding = onboardings.find("o-1"), onboardings.find_offboarding("o-1")

    assert found
    assert "docs/onboarding.md" in found.problems[0].fix
    assert offboarding == OFFBOARDING


def test_who_writes_over_a_newer_record_loses(onboardings: DynamoDbOnboardings) -> None:
    onboardings.store(ONBOARDING)
    onboardings.store_offboarding(OFFBOARDING)

    with pytest.raises(LostRace):
        onboardings.store(ONBOARDING)
    with pytest.raises(LostRace):
        onboardings.store_offboarding(OFFBOARDING)
    with pytest.raises(LostRace):
        onboardings.store(replace(ONBOARDING, version=3))


def test_what_runs_and_waits_is_found_without_a_scan_and_expires_only_once_it_is_over(
    onboardings: DynamoDbOnboardings, dynamodb: Any
) -> None:
    onboardings.store(ONBOARDING)
    onboardings.store_offboarding(OFFBOARDING)
    assert (onboardings.open(), onboardings.open_offboardings()) == ([ONBOARDING], [OFFBOARDING])
    assert all("expires_at" not in item for item in items(dynamodb))

    onboardings.store(ONBOARDING.successor(status=Status.ROLLED_BACK, ended_at=NOON))
    onboardings.store_offboarding(OFFBOARDING.successor(status=OffboardingStatus.SUCCEEDED, ended_at=NOON))
    assert (onboardings.open(), onboardings.open_offboardings()) == ([], [])
    expiries = {int(item["expires_at"]["N"]) for item in items(dynamodb)}
    assert expiries == {int((NOON + timedelta(days=90)).timestamp())}


def test_a_name_is_one_executions_alone_until_it_gives_it_up(onboardings: DynamoDbOnboardings, dynamodb: Any) -> None:
    assert onboardings.claimed_by(API_KEY) is None
    onboardings.claim(API_KEY, EXECUTION.arn, over=None)
    with pytest.raises(LostRace):
        onboardings.claim(API_KEY, OTHER, over=None)
    onboardings.release(API_KEY, OTHER)
    assert onboardings.claimed_by(API_KEY) == EXECUTION.arn

    onboardings.claim(API_KEY, OTHER, over=EXECUTION.arn)
    assert keys(dynamodb) == {(f"ONBOARDINGS#{ACCOUNT}#{REGION}#API_KEY", "weather")}
    onboardings.release(API_KEY, OTHER)
    assert onboardings.claimed_by(API_KEY) is None


# --- AgentCore ---


def vault(stub: Any) -> AgentCoreTokenVault:
    return AgentCoreTokenVault(stub.client)


def test_a_provider_is_held_with_all_that_tells_it_from_another(make_stub: MakeStub) -> None:
    aws = make_stub("bedrock-agentcore-control")
    arn = ARN.replace("apikey", "oauth2")
    aws.add_response(
        "get_oauth2_credential_provider",
        {
            "name": "crm",
            "credentialProviderArn": arn,
            "credentialProviderVendor": "GoogleOauth2",
            "callbackUrl": "https://example.com/callback",
            "clientSecretArn": {"secretArn": WEATHER},
            "clientSecretJsonKey": "client_secret",
            "clientSecretSource": "EXTERNAL",
            "oauth2ProviderConfigOutput": {
                "googleOauth2ProviderConfig": {"clientId": "id", "oauthDiscovery": {"discoveryUrl": "https://x"}}
            },
            "createdTime": NOON,
            "lastUpdatedTime": NOON,
            "status": "CREATE_FAILED",
            "failureReason": "No answer.",
        },
        {"name": "crm"},
    )

    assert vault(aws).find(OAUTH2) == Held(
        arn,
        frozenset({Pointer("clientSecret", WEATHER, "client_secret")}),
        vendor="GoogleOauth2",
        client={"clientId": "id", "discoveryUrl": "https://x"},
        callback_url="https://example.com/callback",
        status="CREATE_FAILED",
        failure_reason="No answer.",
    )


def test_a_provider_is_created_as_it_was_asked_for_with_a_tag_that_says_by_whom(make_stub: MakeStub) -> None:
    aws = make_stub("bedrock-agentcore-control")
    expected = {**an_api_key(), "tags": {"team": "weather", "secretwatch:onboarding": "o-1"}}
    answer = {
        "apiKeySecretArn": {"secretArn": WEATHER},
        "apiKeySecretJsonKey": "api_key",
        "apiKeySecretSource": "EXTERNAL",
        "name": "weather",
        "credentialProviderArn": ARN,
    }
    aws.add_response("create_api_key_credential_provider", answer, expected)

    vault(aws).create(API_KEY, an_api_key(tags={"team": "weather"}), maker="o-1")


@pytest.mark.parametrize(
    ("code", "status", "family"),
    [
        ("ValidationException", 400, ProviderRefused),
        ("ConflictException", 409, ProviderRefused),
        ("ServiceQuotaExceededException", 402, ProviderRefused),
        ("ResourceLimitExceededException", 400, ProviderRefused),
        ("AccessDeniedException", 403, ProviderRefused),
        ("ThrottlingException", 429, Transient),
        ("InternalServerException", 500, Transient),
    ],
)
def test_what_agentcore_refuses_for_good_is_told_from_what_may_pass(
    make_stub: MakeStub, code: str, status: int, family: type[Exception]
) -> None:
    aws = make_stub("bedrock-agentcore-control")
    aws.add_client_error("create_api_key_credential_provider", code, "Value at 'name' is odd.", status)

    with pytest.raises(family, match=f"CreateApiKeyCredentialProvider: {code}") as refusal:
        vault(aws).create(API_KEY, an_api_key(), maker="o-1")
    assert ("Value at 'name' is odd" in str(refusal.value)) is (family is ProviderRefused)


def test_a_request_that_botocore_will_not_send_is_refused_without_its_values(make_client: MakeClient) -> None:
    aws = AgentCoreTokenVault(make_client("bedrock-agentcore-control"))

    with pytest.raises(ProviderRefused) as refusal:
        aws.create(API_KEY, {"name": ["sk-live-1"]}, maker="o-1")

    assert "sk-live-1" not in str(refusal.value)
    assert refusal.value.__suppress_context__


def test_who_made_a_provider_stands_in_its_tag(make_stub: MakeStub) -> None:
    aws = make_stub("bedrock-agentcore-control")
    aws.add_response("list_tags_for_resource", {"tags": {"secretwatch:onboarding": "o-1"}}, {"resourceArn": ARN})
    aws.add_response("list_tags_for_resource", {"tags": {}}, {"resourceArn": ARN})
    aws.add_client_error("list_tags_for_resource", "ValidationException", http_status_code=400)
    aws.add_client_error("list_tags_for_resource", "AccessDeniedException", http_status_code=403)

    assert [vault(aws).maker(ARN) for _ in range(3)] == ["o-1", None, None]
    with pytest.raises(Permanent, match="ListTagsForResource"):
        vault(aws).maker(ARN)


def test_a_provider_that_is_gone_is_deleted(make_stub: MakeStub) -> None:
    aws = make_stub("bedrock-agentcore-control")
    aws.add_response("delete_api_key_credential_provider", {}, {"name": "weather"})
    aws.add_client_error("delete_api_key_credential_provider", "ResourceNotFoundException", http_status_code=404)

    vault(aws).delete(API_KEY)
    vault(aws).delete(API_KEY)


def test_a_key_is_fetched_for_a_workload_identity_that_is_made_when_there_is_none(make_stub: MakeStub) -> None:
    control, data = make_stub("bedrock-agentcore-control"), make_stub("bedrock-agentcore")
    data.add_client_error("get_workload_access_token", "ResourceNotFoundException", http_status_code=404)
    identity = {"name": "secretwatch-onboarding", "workloadIdentityArn": "arn:aws:bedrock-agentcore:x"}
    control.add_response("create_workload_identity", identity, {"name": "secretwatch-onboarding"})
    token = {"workloadAccessToken": "t"}
    data.add_response("get_workload_access_token", token, {"workloadName": "secretwatch-onboarding"})
    asked = {"workloadIdentityToken": "t", "resourceCredentialProviderName": "weather"}
    data.add_response("get_resource_api_key", {"apiKey": "k"}, asked)

    AgentCoreVending(control.client, data.client).vend("weather")


def test_a_key_that_is_not_handed_out_is_no_secret_of_the_message(make_stub: MakeStub) -> None:
    control, data = make_stub("bedrock-agentcore-control"), make_stub("bedrock-agentcore")
    data.add_response("get_workload_access_token", {"workloadAccessToken": "t"})
    data.add_client_error("get_resource_api_key", "AccessDeniedException", http_status_code=403)

    with pytest.raises(Permanent, match=r"^GetResourceApiKey: AccessDeniedException$"):
        AgentCoreVending(control.client, data.client).vend("weather")


def test_a_secret_s_full_arn_is_asked_for_by_whatever_name_it_has(make_stub: MakeStub) -> None:
    aws = make_stub("secretsmanager")
    aws.add_response("describe_secret", {"ARN": WEATHER}, {"SecretId": "agents/weather"})
    aws.add_client_error("describe_secret", "ResourceNotFoundException")

    secrets = SecretsManagerSecrets(aws.client)
    assert [secrets.full_arn("agents/weather"), secrets.full_arn("agents/nothing")] == [WEATHER, None]


# --- Step Functions and CloudTrail ---


@pytest.mark.parametrize(("status", "runs"), [("RUNNING", True), ("PENDING_REDRIVE", True), ("ABORTED", False)])
def test_whether_an_execution_runs(make_stub: MakeStub, status: str, runs: bool) -> None:
    aws = make_stub("stepfunctions")
    answer = {"executionArn": OTHER, "stateMachineArn": "arn", "status": status, "startDate": NOON}
    aws.add_response("describe_execution", answer, {"executionArn": OTHER, "includedData": "METADATA_ONLY"})
    aws.add_client_error("describe_execution", "ExecutionDoesNotExist")

    executions = StepFunctionsExecutions(aws.client)
    assert [executions.is_running(OTHER), executions.is_running(OTHER)] == [runs, False]


def test_a_decision_reaches_the_state_that_waits(make_stub: MakeStub) -> None:
    aws = make_stub("stepfunctions")
    aws.add_response("send_task_success", {}, {"taskToken": "t", "output": json.dumps({"approvedBy": ALICE})})
    failure = {"taskToken": "t", "error": "ApprovalRejected", "cause": "Not ours."}
    aws.add_response("send_task_failure", {}, failure)

    StepFunctionsDecisions(aws.client).approve("t", ALICE)
    StepFunctionsDecisions(aws.client).reject("t", "Not ours.")


@pytest.mark.parametrize(
    ("code", "family"),
    [
        ("TaskTimedOut", NoLongerWaiting),
        ("TaskDoesNotExist", NoLongerWaiting),
        ("InvalidToken", NoLongerWaiting),
        ("ThrottlingException", Transient),
    ],
)
def test_a_token_that_is_of_no_use_any_more_is_told_from_trouble(
    make_stub: MakeStub, code: str, family: type[Exception]
) -> None:
    aws = make_stub("stepfunctions")
    for operation in ("send_task_success", "send_task_failure"):
        aws.add_client_error(operation, code)

    with pytest.raises(family):
        StepFunctionsDecisions(aws.client).approve("t", ALICE)
    with pytest.raises(family):
        StepFunctionsDecisions(aws.client).reject("t", "No.")


def a_start(arn: str | None, identity: dict[str, Any]) -> dict[str, Any]:
    answer = {"executionArn": arn} if arn else None
    return {"CloudTrailEvent": json.dumps({"userIdentity": identity, "responseElements": answer})}


FEDERATED = f"arn:aws:sts::{ACCOUNT}:federated-user/anybody"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/Deployer/alice"


@pytest.mark.parametrize(
    ("identity", "who"),
    [
        ({"type": "AssumedRole", "arn": SESSION, "sessionContext": {"sessionIssuer": {"arn": "arn:role"}}}, SESSION),
        ({"type": "IAMUser", "arn": BOB}, BOB),
        ({"type": "AWSService", "invokedBy": "events.amazonaws.com"}, "events.amazonaws.com"),
        (
            {"type": "FederatedUser", "arn": FEDERATED, "sessionContext": {"sessionIssuer": {"arn": BOB}}},
            BOB,
        ),
        ({"type": "FederatedUser", "arn": FEDERATED}, FEDERATED),
        ({}, None),
    ],
)
def test_who_started_an_execution_is_whom_its_own_record_names(
    make_stub: MakeStub, identity: dict[str, Any], who: str | None
) -> None:
    aws = make_stub("cloudtrail")
    asked = {
        "LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "StartExecution"}],
        "StartTime": NOON - timedelta(minutes=2),
        "EndTime": NOON + timedelta(minutes=2),
        "MaxResults": 50,
    }
    others = [a_start(OTHER, {"arn": ALICE}), a_start(None, {"arn": ALICE})]
    aws.add_response("lookup_events", {"Events": others, "NextToken": "n"}, asked)
    aws.add_response("lookup_events", {"Events": [a_start(EXECUTION.arn, identity)]}, {**asked, "NextToken": "n"})

    assert CloudTrailStarters(aws.client).of_execution(EXECUTION.arn, NOON) == ((who,) if who else ())


def test_all_who_started_an_execution_are_known_with_the_first_one_first(make_stub: MakeStub) -> None:
    """StartExecution with the same name and input is the same execution, whoever calls it again."""
    aws = make_stub("cloudtrail")
    latest_first = [a_start(EXECUTION.arn, {"arn": one}) for one in (BOB, SESSION, BOB, ALICE)]
    aws.add_response("lookup_events", {"Events": latest_first})

    assert CloudTrailStarters(aws.client).of_execution(EXECUTION.arn, NOON) == (ALICE, BOB, SESSION)


def test_where_there_are_more_starts_than_are_read_nobody_is_taken_for_the_first(make_stub: MakeStub) -> None:
    aws = make_stub("cloudtrail")
    for _ in range(20):
        aws.add_response("lookup_events", {"Events": [a_start(EXECUTION.arn, {"arn": BOB})], "NextToken": "n"})

    assert CloudTrailStarters(aws.client).of_execution(EXECUTION.arn, NOON) == ()


def test_of_an_execution_that_cloudtrail_has_not_told_yet_nobody_is_known(make_stub: MakeStub) -> None:
    aws = make_stub("cloudtrail")
    aws.add_response("lookup_events", {"Events": []})

    assert CloudTrailStarters(aws.client).of_execution(EXECUTION.arn, NOON) == ()


# --- the functions ---


def an_event(step: str, **more: Any) -> dict[str, Any]:
    """As the state machines send it."""
    execution = {"id": EXECUTION.arn, "name": "o-1", "startTime": "2026-11-23T12:00:00.000Z"}
    return {"step": step, "execution": execution, "input": an_oauth2(), **more}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """The functions' own code over a world in memory."""
    world = World()
    for name in ("beginning", "inspecting", "verifying", "registering", "announcing"):
        monkeypatch.setattr(onboard_secret, name, getattr(world, name))
    monkeypatch.setattr(onboard_secret, "onboardings", lambda: world.onboardings)
    monkeypatch.setattr(onboard_secret, "bus", lambda: world.bus)
    monkeypatch.setattr(offboard_provider, "removing", world.removing)
    monkeypatch.setattr(grant_access, "granting", world.granting)
    monkeypatch.setattr(create_provider, "creating", world.creating)
    monkeypatch.setattr(decide_onboarding, "deciding", world.deciding)
    return world


def steps(*names: str, app: Any = onboard_secret, **more: Any) -> list[dict[str, Any]]:
    return [app.handler(an_event(name, **more), Context()) for name in names]


def test_the_steps_answer_what_the_state_machine_expects(world: World) -> None:
    validated, inspected = steps("validate", "inspect")
    (granted,) = steps("grant", app=grant_access)
    (created,) = steps("create", app=create_provider)
    verified, registered, announced = steps("verify", "register", "announce")

    assert validated == {"provider": {"kind": "OAUTH2", "name": "crm"}}
    assert inspected["approval"]["needed"] is False
    assert inspected["approval"]["withinSeconds"] == 259_200
    assert [one.id for one in world.repairs.repairs.values()] == granted["repairs"]
    assert created == {"providerArn": world.vault.held[OAUTH2].arn, "created": True}
    assert (verified, registered) == ({"verdict": "RESOLVES"}, {})
    assert announced.keys() == {"providerArn", "created", "callbackUrl", "message"}
    json.dumps([validated, inspected, granted, created, verified, registered, announced])


def test_the_steps_back_answer_whether_all_was_done(world: World) -> None:
    steps("validate", "inspect")
    steps("grant", app=grant_access)
    steps("create", app=create_provider)
    caught = {"step": "Verify", "error": "NotResolving", "cause": json.dumps({"errorMessage": "no"})}

    assert steps("forget")[0]["done"] is True
    assert steps("delete", app=create_provider)[0]["done"] is True
    assert steps("withdraw", app=grant_access) == [{"done": True, "note": None}]
    (ended,) = steps("announce_failure", failure=caught, rollBack=[])
    assert ended == {"error": "NotResolving", "message": "no. Mend that, then start it again."}
    assert (world.vault.held, world.policy()) == ({}, None)


def test_an_offboarding_s_steps_answer_too(world: World) -> None:
    world.onboard(an_oauth2(), "o-0")
    asked: dict[str, Any] = {"input": {"kind": "OAUTH2", "name": "crm"}}

    assert steps("check_use", app=offboard_provider, **asked)[0]["usedBy"] == []
    assert steps("remove", app=create_provider)[0]["done"] is True
    assert steps("withdraw_unneeded", app=grant_access)[0]["done"] is True
    assert steps("close", "announce_offboarded", app=offboard_provider)[1]["message"].startswith(
        "The provider crm (OAUTH2) is removed."
    )
    caught = {"step": "CheckUse", "error": "ProviderInUse", "cause": ""}
    (failed,) = steps("announce_offboarding_failed", app=offboard_provider, failure=caught, **asked)
    assert failed["error"] == "ProviderInUse"


def test_an_error_has_the_name_that_the_state_machine_matches(world: World) -> None:
    with pytest.raises(Exception, match="secret") as refusal:
        onboard_secret.handler(an_event("validate", input={"name": "x", "apiKey": "sk-live-1"}), Context())

    assert type(refusal.value).__name__ == "RequestRefused"
    assert "sk-live-1" not in str(refusal.value)


@pytest.mark.parametrize("app", [onboard_secret, offboard_provider, grant_access, create_provider])
def test_a_step_that_there_is_not_is_a_mistake(app: Any, world: World) -> None:
    with pytest.raises(ValueError, match="there is no step dance"):
        app.handler(an_event("dance"), Context())


def a_call(body: object, *, arn: str | None = ALICE, encoded: bool = False) -> dict[str, Any]:
    text = body if isinstance(body, str) else json.dumps(body)
    authorizer = {"iam": {"userArn": arn}} if arn else {}
    return {
        "requestContext": {"authorizer": authorizer},
        "body": base64.b64encode(text.encode()).decode() if encoded else text,
        "isBase64Encoded": encoded,
    }


def asked(event: dict[str, Any]) -> tuple[int, str]:
    answer = decide_onboarding.handler(event, Context())
    return answer["statusCode"], json.loads(answer["body"])["message"]


def test_whoever_decides_is_whom_aws_names(world: World) -> None:
    world.secret.tags = {}
    steps("validate", "inspect", input=an_api_key())
    world.decisions.waiting.add("t")
    assert steps("ask", token="t") == [{}]

    assert asked(a_call({"wish": "approve", "id": "o-1"}, arn=BOB))[0] == 403
    assert asked(a_call({"wish": "approve", "id": "o-1", "by": BOB}, encoded=True))[0] == 202
    assert world.decisions.came_to == {"t": (True, ALICE)}


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (a_call({"wish": "approve", "id": "o-1"}, arn=None), 403),
        (a_call("not JSON"), 400),
        (a_call([]), 400),
        (a_call({"wish": "dance", "id": "o-1"}), 400),
        (a_call({"wish": "approve", "id": 1}), 400),
        (a_call({"wish": "reject", "id": "o-1"}), 400),
        (a_call({"wish": "reject", "id": "o-1", "reason": " "}), 400),
        (a_call({"wish": "reject", "id": "o-1", "reason": "x" * 501}), 400),
        (a_call({"wish": "approve", "id": "o-none"}), 404),
    ],
)
def test_what_cannot_be_decided_is_answered_with_what_to_do(event: dict[str, Any], status: int, world: World) -> None:
    assert asked(event)[0] == status


# --- events ---

SCHEMA = json.loads((ROOT / "docs" / "events" / "onboarding.schema.json").read_text())
SAMPLES = sorted(
    [*(ROOT / "events").glob("secretwatch.Onboarding*.json"), *(ROOT / "events").glob("secretwatch.Offboarding*.json")]
)
validator = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)
TYPES = {
    news.STARTED,
    news.AWAITING,
    news.SUCCEEDED,
    news.ROLLED_BACK,
    news.OFFBOARDED,
    news.NOT_OFFBOARDED,
}


def test_the_schema_is_one_and_there_is_a_sample_of_every_event() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert {json.loads(path.read_text())["detail-type"] for path in SAMPLES} == TYPES
    assert all(one in SCHEMA["title"] for one in TYPES)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_the_samples_are_as_described(path: Path) -> None:
    sample = json.loads(path.read_text())

    validator.validate(sample["detail"])
    assert sample["detail"]["at"].startswith(sample["time"].removesuffix("Z"))


def test_everything_that_can_be_published_is_as_described() -> None:
    full = replace(ONBOARDING, failed_step="Verify", error="NotResolving", message="no", kind=ProviderKind.PAYMENT)
    bare = Onboarding(EXECUTION, ACCOUNT, REGION)
    unfound = replace(bare, kind=ProviderKind.OAUTH2, name="crm", asked=an_oauth2())
    failed = replace(bare, failed_step="Validate", error="RequestRefused", message="no", status=Status.ROLL_BACK_FAILED)
    off = replace(OFFBOARDING, failed_step="CheckUse", error="ProviderInUse", message="no")
    told: list[Announcement] = [
        *(make(one, NOON) for make in (news.started, news.awaiting) for one in (full, bare, unfound)),
        *(make(one, NOON) for make in (news.succeeded, news.rolled_back) for one in (full, failed, unfound)),
        news.offboarded(OFFBOARDING, NOON),
        news.not_offboarded(off, NOON),
    ]

    for one in told:
        validator.validate(json.loads(json.dumps(one.detail())))
        assert "weight" not in json.dumps(one.detail())


def test_a_difference_that_is_too_long_for_an_event_is_left_out() -> None:
    many = {f"arn:aws:iam::{ACCOUNT}:role/{index}" for index in range(900)}
    before = json.dumps({"Version": "2012-10-17", "Statement": [{"Sid": one} for one in sorted(many)]})
    shown = replace(ONBOARDING.plans[0], before=before)

    detail = news.awaiting(replace(ONBOARDING, plans=(shown,)), NOON).detail()

    assert detail["approval"]["plans"][0]["diff"] is None
    validator.validate(json.loads(json.dumps(detail)))
    assert secret_arn("agents/weather") == WEATHER
