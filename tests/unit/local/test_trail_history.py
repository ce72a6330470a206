"""What LookupEvents finds among the records that CloudTrail keeps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local import cloudtrail
from local.cloudtrail import Answer, Caller, Failure, Occasion, Request, Service, Success
from local.trail_history import History, RefusedLookup

ACCOUNT, REGION = "111122223333", "us-west-2"
ARN = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:prod/weather-a1b2c3"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
NOON = datetime(2026, 8, 13, 12, 0, tzinfo=UTC)
ROLE = Caller(f"arn:aws:sts::{ACCOUNT}:assumed-role/Agent/session-1", ACCOUNT, "AROAX:session-1", "ASIAX")
ROOT = Caller(f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT, ACCOUNT, "test")
AGENTCORE = Service("bedrock-agentcore.amazonaws.com")


class Trail:
    """A history, filled minute by minute."""

    def __init__(self) -> None:
        self.history, self.time, self.count = History(), NOON, 0

    def tell(
        self, service: str, operation: str, caller: Caller | Service = ROOT, answer: Answer | None = None, **given: Any
    ) -> str:
        """Record a call; returns its event id."""
        self.count += 1
        self.time += timedelta(minutes=1)
        model = cloudtrail.service_model(service).operation_model(operation)
        request = Request(service, model, given, KEY if service == "kms" else None)
        occasion = Occasion(ACCOUNT, REGION, self.time, f"request-{self.count}", f"event-{self.count}")
        self.history.add(cloudtrail.api_call(request, answer or Success({}), caller, occasion))
        return occasion.event_id

    def find(self, **request: Any) -> list[str]:
        """The ids of the events that a request finds, in its order."""
        return [event["EventId"] for event in self.history.lookup(request, self.time)["Events"]]

    def by(self, attribute: str, value: str) -> list[str]:
        return self.find(LookupAttributes=[{"AttributeKey": attribute, "AttributeValue": value}])


@pytest.fixture
def trail() -> Trail:
    return Trail()


def test_the_newest_comes_first_and_reads_are_among_them(trail: Trail) -> None:
    write = trail.tell("secretsmanager", "PutSecretValue", SecretId=ARN)
    read = trail.tell("secretsmanager", "GetSecretValue", AGENTCORE, SecretId=ARN)

    assert trail.find() == [read, write]
    assert (trail.by("ReadOnly", "true"), trail.by("ReadOnly", "false")) == ([read], [write])


def test_each_attribute_finds_its_own(trail: Trail) -> None:
    secret = trail.tell("secretsmanager", "GetSecretValue", ROLE, SecretId="prod/weather")
    key = trail.tell("kms", "DisableKey", KeyId=KEY)

    assert trail.by("EventName", "GetSecretValue") == [secret]
    assert trail.by("EventSource", "kms.amazonaws.com") == [key]
    assert trail.by("EventId", key) == [key]
    assert (trail.by("Username", "session-1"), trail.by("Username", "root")) == ([secret], [key])
    assert trail.by("AccessKeyId", "ASIAX") == [secret]
    assert trail.by("ResourceName", "prod/weather") == [secret]
    assert trail.by("ResourceName", KEY) == [key]
    assert trail.by("ResourceType", "AWS::SecretsManager::Secret") == [secret]
    assert trail.by("ResourceName", "elsewhere") == []


def test_a_new_secret_is_found_by_its_name_and_by_its_arn(trail: Trail) -> None:
    made = trail.tell("secretsmanager", "CreateSecret", answer=Success({"ARN": ARN}), Name="prod/weather")

    assert (trail.by("ResourceName", ARN), trail.by("ResourceName", "prod/weather")) == ([made], [made])


def test_a_read_that_failed_is_whole_in_its_event(trail: Trail) -> None:
    refused = Failure("AccessDeniedException", "no")
    trail.tell("secretsmanager", "GetSecretValue", AGENTCORE, refused, SecretId=ARN)

    (event,) = trail.history.lookup({}, trail.time)["Events"]

    assert '"errorCode": "AccessDenied"' in event["CloudTrailEvent"]
    assert '"invokedBy": "bedrock-agentcore.amazonaws.com"' in event["CloudTrailEvent"]
    assert "Username" not in event


def test_pages_neither_repeat_nor_skip_when_events_come_between(trail: Trail) -> None:
    told = [trail.tell("kms", "DisableKey", KeyId=KEY) for _ in range(5)]

    first = trail.history.lookup({"MaxResults": 2}, trail.time)
    trail.tell("kms", "EnableKey", KeyId=KEY)
    second = trail.history.lookup({"MaxResults": 2, "NextToken": first["NextToken"]}, trail.time)
    last = trail.history.lookup({"MaxResults": 2, "NextToken": second["NextToken"]}, trail.time)

    pages = [event["EventId"] for page in (first, second, last) for event in page["Events"]]
    assert pages == told[::-1]
    assert "NextToken" not in last


def test_a_range_has_both_its_ends_and_nothing_is_older_than_ninety_days(trail: Trail) -> None:
    first, second, third = (trail.tell("kms", "DisableKey", KeyId=KEY) for _ in range(3))
    minute = 60
    start = NOON.timestamp() + minute

    assert trail.find(StartTime=start, EndTime=start + minute) == [second, first]
    trail.time = NOON + timedelta(days=90, minutes=2, seconds=1)
    assert trail.find() == [third]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "a"}] * 2}, "LookupAttributes"),
        ({"LookupAttributes": [{"AttributeKey": "Name", "AttributeValue": "a"}]}, "LookupAttributes"),
        ({"StartTime": 2.0, "EndTime": 1.0}, "TimeRange"),
        ({"MaxResults": 51}, "MaxResults"),
        ({"NextToken": "made up"}, "NextToken"),
    ],
)
def test_what_makes_no_sense_is_refused(trail: Trail, request_: dict[str, Any], code: str) -> None:
    with pytest.raises(RefusedLookup) as refused:
        trail.history.lookup(request_, NOON)

    assert refused.value.code == f"Invalid{code}Exception"


def test_the_oldest_is_forgotten_when_there_are_too_many() -> None:
    trail = Trail()
    trail.history = History(most=2)
    _, second, third = (trail.tell("kms", "DisableKey", KeyId=KEY) for _ in range(3))

    assert trail.find() == [third, second]
