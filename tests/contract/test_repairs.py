"""Repairs as AWS and the Registry see them: what is called, what is kept, and what the audit lets nobody do."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from jsonschema import Draft202012Validator
from moto import mock_aws

from functions.decide_repair import app as decide_repair
from functions.repair_access import app as repair_access
from secretwatch.adapters.dynamodb import DynamoDbRepairs
from secretwatch.adapters.policies import KmsDocuments, SecretsManagerDocuments
from secretwatch.adapters.repair_news import CloudTrailWriters, EventBridgeRepairBus
from secretwatch.adapters.sqs import SqsRepairRequests
from secretwatch.domain.change import UnknownChange
from secretwatch.domain.repair.news import RepairNews
from secretwatch.domain.repair.plan import Decided, Kind
from secretwatch.domain.repair.repair import Audit, Breaker, Purpose, Repair, Spending, Standing, Status
from secretwatch.domain.repair.request import CarryOut, ask_to_carry_out, ask_to_consider, read_repair_request
from secretwatch.domain.repair.rules import Mode
from secretwatch.domain.repair.statement import Guard, read_statement
from secretwatch.domain.secret import SecretId
from secretwatch.errors import LostRace, Permanent, Transient
from secretwatch.policy import Outcome, Principal
from tests.contract.registry import TABLE, create_table, keys, on_moto
from tests.contract.stubs import MakeStub
from tests.contract.template import ROOT
from tests.fakes import KEY_ARN, LETS_AGENTCORE_READ, NOON, secret_arn
from tests.lambdas import Context
from tests.unit.repair.world import World

CRM = secret_arn()
ALICE = "arn:aws:iam::111122223333:user/alice"
STATEMENT = read_statement(
    [Principal.service("x.amazonaws.com")], ["111122223333"], "eu-west-1", Guard.SOURCE_ACCOUNT_IF_EXISTS
)
REPAIR = Repair(
    id="r-0123456789ab",
    kind=Kind.SECRET,
    resource=CRM,
    before=None,
    after=LETS_AGENTCORE_READ,
    status=Status.PLANNED,
    why="No policy lets AgentCore read the secret.",
    planned_at=NOON,
    statement=STATEMENT,
    decisions=(Decided("x.amazonaws.com", "arn:p", Outcome.DENIED_IMPLICIT, Outcome.ALLOWED),),
    secret=CRM,
    version=1,
)
AUDIT = Audit(
    REPAIR.id,
    Purpose.REPAIR,
    Kind.SECRET,
    CRM,
    NOON,
    None,
    LETS_AGENTCORE_READ,
    "Why.",
    "secretwatch",
    ALICE,
    "request-1",
)


# --- the Registry ---


@pytest.fixture
def dynamodb() -> Iterator[Any]:
    with on_moto() as client:
        yield client


@pytest.fixture
def repairs(dynamodb: Any) -> DynamoDbRepairs:
    return DynamoDbRepairs(dynamodb, TABLE)


def test_what_is_stored_is_what_is_found(repairs: DynamoDbRepairs) -> None:
    done = REPAIR.moved(Status.APPLIED, decided_by=ALICE, decided_at=NOON, began_at=NOON, ended_at=NOON, request_id="r")
    standing = Standing(CRM, 1, 2, REPAIR.id, REPAIR.id, (NOON,), NOON, (ALICE,), True, NOON, ALICE)
    breaker = Breaker(1, NOON, "many", True, NOON, ALICE, NOON)

    repairs.store(REPAIR, standing, breaker, AUDIT, Spending(CRM, NOON, 1))
    repairs.store(done)

    assert repairs.find(REPAIR.id) == done
    assert repairs.standing(CRM) == standing
    assert repairs.breaker() == breaker
    assert list(repairs.audits(CRM)) == list(repairs.audits()) == [AUDIT]
    assert repairs.spent(CRM, NOON) == 1


def test_nothing_is_known_of_what_was_never_stored(repairs: DynamoDbRepairs) -> None:
    assert repairs.find(REPAIR.id) is None
    assert repairs.standing(CRM) == Standing(CRM)
    assert repairs.breaker() == Breaker()
    assert (repairs.spent(CRM, NOON), repairs.broken(), list(repairs.audits(CRM))) == (0, {}, [])


@pytest.mark.parametrize("late", [REPAIR, Standing(CRM, 1), Breaker(1), Spending(CRM, NOON, 1), AUDIT], ids=type)
def test_a_record_is_written_once_and_nothing_of_a_batch_when_one_is_late(repairs: DynamoDbRepairs, late: Any) -> None:
    repairs.store(late)
    other = Repair(**{name: getattr(REPAIR, name) for name in REPAIR.__slots__} | {"id": "r-000000000001"})

    with pytest.raises(LostRace):
        repairs.store(other, late)

    assert repairs.find(other.id) is None


def test_plans_that_wait_and_policies_at_rest_are_found_without_a_scan(repairs: DynamoDbRepairs) -> None:
    repairs.store(REPAIR, Standing(CRM, 1))
    assert ([one.id for one in repairs.waiting()], repairs.at_rest()) == ([REPAIR.id], [])

    repairs.store(REPAIR.moved(Status.APPROVED), Standing(CRM, 2, paused_at=NOON, paused_by=ALICE))
    assert (repairs.waiting(), [one.resource for one in repairs.at_rest()]) == ([], [CRM])


def test_a_lease_keeps_others_out_until_it_is_given_back_or_runs_out(repairs: DynamoDbRepairs, dynamodb: Any) -> None:
    soon = NOON + timedelta(seconds=60)
    repairs.lease(CRM, holder="one", at=NOON, until=soon)
    with pytest.raises(LostRace):
        repairs.lease(CRM, holder="two", at=NOON, until=soon)
    repairs.release(CRM, holder="two")
    with pytest.raises(LostRace):
        repairs.lease(CRM, holder="two", at=NOON, until=soon)
    repairs.lease(CRM, holder="three", at=soon, until=soon + timedelta(seconds=60))

    repairs.release(CRM, holder="three")
    repairs.lease(CRM, holder="four", at=NOON, until=soon)

    assert (f"REPAIRS#{CRM}", "LEASE") in keys(dynamodb)


def test_what_asked_for_a_repair_is_remembered_with_its_secret(repairs: DynamoDbRepairs) -> None:
    repairs.note_broken(KEY_ARN, CRM, at=NOON)
    assert repairs.broken() == {CRM: NOON}

    repairs.forget_broken(KEY_ARN)
    assert repairs.broken() == {}


def test_an_audit_record_never_expires(repairs: DynamoDbRepairs, dynamodb: Any) -> None:
    repairs.store(AUDIT)

    item = dynamodb.get_item(
        TableName=TABLE,
        Key={"pk": {"S": f"AUDIT#{CRM}"}, "sk": {"S": f"2026-11-23T12:00:00.000000Z#{REPAIR.id}"}},
    )["Item"]
    assert "expires_at" not in item


# --- policies ---


def test_a_secret_s_policy_is_read_validated_and_written_and_never_a_public_one(make_stub: MakeStub) -> None:
    aws = make_stub("secretsmanager")
    aws.add_response("get_resource_policy", {"ResourcePolicy": "{}"}, {"SecretId": CRM})
    aws.add_response("get_resource_policy", {"ARN": CRM}, {"SecretId": CRM})
    aws.add_response(
        "validate_resource_policy", {"PolicyValidationPassed": True}, {"SecretId": CRM, "ResourcePolicy": "{}"}
    )
    aws.add_response(
        "validate_resource_policy",
        {"PolicyValidationPassed": False, "ValidationErrors": [{"CheckName": "PublicAccess", "ErrorMessage": "broad"}]},
    )
    aws.add_response(
        "put_resource_policy",
        {"ResponseMetadata": {"RequestId": "request-1"}},
        {"SecretId": CRM, "ResourcePolicy": "{}", "BlockPublicPolicy": True},
    )
    aws.add_response("delete_resource_policy", {"ResponseMetadata": {"RequestId": "request-2"}}, {"SecretId": CRM})
    documents = SecretsManagerDocuments(aws.client)

    assert (documents.read(CRM), documents.read(CRM)) == ("{}", None)
    assert (documents.problems(CRM, "{}"), documents.problems(CRM, "{}")) == ([], ["PublicAccess: broad"])
    assert (documents.write(CRM, "{}"), documents.write(CRM, None)) == ("request-1", "request-2")


def test_a_key_s_policy_is_read_and_written_and_never_taken_away(make_stub: MakeStub) -> None:
    aws = make_stub("kms")
    named = {"KeyId": KEY_ARN, "PolicyName": "default"}
    aws.add_response("get_key_policy", {"Policy": "{}"}, named)
    aws.add_response("put_key_policy", {"ResponseMetadata": {"RequestId": "request-3"}}, {**named, "Policy": "{}"})
    documents = KmsDocuments(aws.client)

    assert (documents.read(KEY_ARN), documents.write(KEY_ARN, "{}")) == ("{}", "request-3")
    with pytest.raises(ValueError, match="never without"):
        documents.write(KEY_ARN, None)


def test_a_refused_write_is_permanent_and_keeps_aws_s_message_to_itself(make_stub: MakeStub) -> None:
    aws = make_stub("secretsmanager")
    aws.add_client_error("put_resource_policy", "PublicPolicyException", "a message that quotes the policy", 400)

    with pytest.raises(Permanent, match=r"^PutResourcePolicy: PublicPolicyException$"):
        SecretsManagerDocuments(aws.client).write(CRM, "{}")


# --- news, and who wrote ---

SCHEMA = json.loads((ROOT / "docs/events/repair.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)


def every_news() -> list[RepairNews]:
    moved = [REPAIR, *(REPAIR.moved(status, ended_at=NOON) for status in Status)]
    told = [news for one in moved if (news := RepairNews.of_repair(one))]
    contest = Standing(CRM, undone=(NOON,), contested_at=NOON, contested_by=(ALICE,))
    return [*told, RepairNews.of_contest(contest, REPAIR), RepairNews.of_breaker(Breaker(1, NOON, "many"), NOON)]


@pytest.mark.parametrize("news", every_news(), ids=lambda one: one.what)
def test_every_news_is_as_described(news: RepairNews) -> None:
    VALIDATOR.validate(json.loads(json.dumps(news.detail("111122223333", "eu-west-1"))))


@pytest.mark.parametrize("path", sorted((ROOT / "events").glob("secretwatch.Repair*.json")), ids=lambda path: path.stem)
def test_the_sample_events_are_as_described(path: Path) -> None:
    VALIDATOR.validate(json.loads(path.read_text())["detail"])


def test_news_is_published_and_a_refused_entry_is_told(make_stub: MakeStub) -> None:
    aws, news = make_stub("events"), every_news()[0]
    entry = {
        "EventBusName": "bus",
        "Source": "secretwatch",
        "DetailType": "Repair Planned",
        "Detail": json.dumps(news.detail("111122223333", "eu-west-1")),
        "Resources": [CRM],
    }
    aws.add_response("put_events", {"FailedEntryCount": 0, "Entries": [{"EventId": "e"}]}, {"Entries": [entry]})
    aws.add_response("put_events", {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]})
    bus = EventBridgeRepairBus(aws.client, "bus", account="111122223333", region="eu-west-1")

    bus.tell(news)
    with pytest.raises(Transient, match="Throttling"):
        bus.tell(news)


def a_record(actor: str, time: str, secret: str = CRM) -> dict[str, Any]:
    issuer = {"sessionContext": {"sessionIssuer": {"arn": actor}}, "arn": "arn:aws:sts::1:assumed-role/x/y"}
    record = {"eventTime": time, "userIdentity": issuer, "requestParameters": {"secretId": secret}}
    return {"CloudTrailEvent": json.dumps(record)}


def test_who_wrote_a_policy_is_looked_up_the_latest_first_and_without_ourselves(make_stub: MakeStub) -> None:
    aws, ours = make_stub("cloudtrail"), "arn:aws:iam::111122223333:role/secretwatch-RepairAccessRole"
    terraform, eso = "arn:aws:iam::111122223333:role/terraform", "arn:aws:iam::111122223333:role/eso"
    found = {
        "PutResourcePolicy": [
            a_record(terraform, "2026-11-23T10:00:00Z"),
            a_record(ours, "2026-11-23T11:00:00Z"),
            a_record("arn:aws:iam::111122223333:role/other", "2026-11-23T11:00:00Z", secret_arn("agents/erp")),
        ],
        "DeleteResourcePolicy": [a_record(eso, "2026-11-23T11:30:00Z", "agents/crm")],
    }
    for name, events in found.items():
        aws.add_response(
            "lookup_events",
            {"Events": events},
            {
                "LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": name}],
                "StartTime": NOON,
                "MaxResults": 50,
            },
        )

    assert CloudTrailWriters(aws.client, own_roles={ours}).of_policy(CRM, since=NOON) == [eso, terraform]


# --- what comes to the queue ---


def test_a_request_is_read_back_and_news_of_a_verdict_too(make_stub: MakeStub) -> None:
    event = json.loads((ROOT / "events/secretwatch.ReferenceVerdictChanged.json").read_text())

    assert read_repair_request(ask_to_carry_out(REPAIR.id)) == CarryOut(REPAIR.id)
    assert read_repair_request(ask_to_consider(SecretId.of_arn(CRM))) == SecretId.of_arn(CRM)
    arn = event["detail"]["reference"]["secretArn"]
    assert read_repair_request(json.dumps(event)) == SecretId.of_arn(arn)


@pytest.mark.parametrize(
    "text", ["no", "[]", "{}", '{"detail-type": "Repair Requested", "detail": {"secretArn": "x"}}']
)
def test_what_names_nothing_to_repair_is_unreadable(text: str) -> None:
    with pytest.raises(UnknownChange):
        read_repair_request(text)


def test_what_people_decided_is_put_into_the_queue(make_stub: MakeStub) -> None:
    aws = make_stub("sqs")
    aws.add_response("send_message", {}, {"QueueUrl": "url", "MessageBody": ask_to_carry_out(REPAIR.id)})
    aws.add_response("send_message", {}, {"QueueUrl": "url", "MessageBody": ask_to_consider(SecretId.of_arn(CRM))})
    requests = SqsRepairRequests(aws.client, "url")

    requests.carry_out(REPAIR.id)
    requests.consider(SecretId.of_arn(CRM))


# --- the function that people call: a request as AWS documents it (Lambda developer guide, "Function URLs") ---


def request(body: Any, *, caller: str | None = ALICE, encoded: bool = False) -> dict[str, Any]:
    text = body if isinstance(body, str) else json.dumps(body)
    context: dict[str, Any] = {"http": {"method": "POST", "path": "/"}, "requestId": "id", "timeEpoch": 1}
    if caller:
        iam = {
            "accessKey": "AKIA",
            "accountId": "111122223333",
            "callerId": "AIDA",
            "userArn": caller,
            "userId": "AIDA",
        }
        context["authorizer"] = {"iam": {**iam, "cognitoIdentity": None, "principalOrgId": None}}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/",
        "headers": {"x-user": "arn:aws:iam::111122223333:user/mallory"},
        "requestContext": context,
        "body": base64.b64encode(text.encode()).decode() if encoded else text,
        "isBase64Encoded": encoded,
    }


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> World:
    """The function over a world in which one repair waits."""
    world = World(Mode.PROPOSE)
    world.consider()
    monkeypatch.setattr(decide_repair, "deciding", world.deciding)
    return world


def told(event: dict[str, Any]) -> tuple[int, str]:
    answer = decide_repair.handler(event, Context())
    return answer["statusCode"], json.loads(answer["body"])["message"]


@pytest.mark.parametrize("encoded", [False, True])
def test_an_approval_is_in_the_name_that_aws_reports(url: World, encoded: bool) -> None:
    asked = {"wish": "approve", "id": url.only().id, "by": "arn:aws:iam::111122223333:user/mallory"}

    assert told(request(asked, encoded=encoded))[0] == 202
    assert url.only().decided_by == ALICE
    assert url.documents.writes == []


def test_without_a_name_from_aws_nothing_is_decided(url: World) -> None:
    status, _ = told(request({"wish": "approve", "id": url.only().id}, caller=None))

    assert (status, url.only().status) == (403, Status.PLANNED)


@pytest.mark.parametrize(
    "body",
    [
        "no JSON",
        "[]",
        {},
        {"wish": "approve"},
        {"wish": "grant", "id": "r"},
        {"wish": "approve", "id": 7},
        {"wish": "reject", "id": "r"},
        {"wish": "reject", "id": "r", "reason": "  "},
        {"wish": "pause"},
        {"wish": "pause", "resource": ["x"]},
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_answered_with_what_to_say(url: World, body: Any) -> None:
    status, message = told(request(body))

    assert status == 400
    assert message.endswith(".")


def test_the_other_wishes_come_through(url: World) -> None:
    repair = url.only().id
    asked = [
        {"wish": "pause", "resource": None},
        {"wish": "resume", "resource": None},
        {"wish": "reject", "id": repair, "reason": "no"},
        {"wish": "undo", "id": repair},
    ]

    assert [told(request(one))[0] for one in asked] == [200, 200, 200, 409]


# --- the function that repairs, wired as deployed ---


def test_the_repairing_function_is_wired_and_takes_an_event_of_a_secret_that_nobody_references(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environment = {"REGISTRY_TABLE": TABLE, "SWEEP_QUEUE_URL": "u", "BUS_NAME": "b", "ACCOUNT_ID": "111122223333"}
    for name, value in {**environment, "AWS_REGION": "eu-west-1", "OWN_ROLE_ARNS": "arn:r", "IAC_TAGS": ""}.items():
        monkeypatch.setenv(name, value)
    repair_access.repairing.cache_clear()
    with mock_aws():
        create_table(boto3.client("dynamodb"))
        record = {"messageId": "m", "body": ask_to_consider(SecretId.of_arn(CRM)), "eventSource": "aws:sqs"}
        answer = repair_access.handler({"Records": [record]}, Context())
    repair_access.repairing.cache_clear()

    assert answer == {"batchItemFailures": []}
