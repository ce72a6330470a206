"""CloudTrail's event history is read page by page, up to a bound, and what was left out is told."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from secretwatch.domain.observed import AGENTCORE
from secretwatch_cli.history import LOOKED_FOR, History
from secretwatch_cli.lookups import Lookups
from tests.fakes import ACCOUNT, NOON, REGION, a_reference, facts, secret_arn

SINCE = NOON - timedelta(days=90)


@pytest.fixture
def client() -> Any:
    return boto3.client("cloudtrail", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")


@pytest.fixture
def stubber(client: Any) -> Iterator[Stubber]:
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def a_read(minutes: int) -> dict[str, Any]:
    record = {
        "eventSource": "secretsmanager.amazonaws.com",
        "eventName": "GetSecretValue",
        "eventID": "one",
        "eventTime": f"{NOON + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}",
        "awsRegion": REGION,
        "recipientAccountId": ACCOUNT,
        "userIdentity": {"type": "AWSService", "invokedBy": AGENTCORE},
        "requestParameters": {"secretId": secret_arn()},
    }
    return {"EventId": "one", "CloudTrailEvent": json.dumps(record)}


def expect(stubber: Stubber, name: str, *events: dict[str, Any], token: str = "", following: str = "") -> None:
    request: dict[str, Any] = {
        "LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": name}],
        "StartTime": SINCE,
        "MaxResults": 50,
        **({"NextToken": token} if token else {}),
    }
    answer = {"Events": list(events), **({"NextToken": following} if following else {})}
    stubber.add_response("lookup_events", answer, request)


def look_back(client: Any, told: list[str], most_pages: int = 2) -> History:
    lookups = Lookups(client, tell=told.append, clock=lambda: NOON, most_pages=most_pages)
    return lookups.history([a_reference()])


def test_every_page_of_every_event_is_read(client: Any, stubber: Stubber) -> None:
    for name in LOOKED_FOR:
        if name == "GetSecretValue":
            expect(stubber, name, a_read(2), following="more")
            expect(stubber, name, a_read(1), token="more")
        else:
            expect(stubber, name)
    told: list[str] = []

    history = look_back(client, told)

    read = history.observations(secret_arn()).read
    assert read
    assert read.at == NOON + timedelta(minutes=2)
    assert history.access_since(a_reference(), facts()) == SINCE
    assert told == []


def test_of_too_many_reads_the_latest_are_taken_and_it_says_how_far_back(client: Any, stubber: Stubber) -> None:
    for name in LOOKED_FOR:
        if name == "GetSecretValue":
            expect(stubber, name, a_read(2), following="more")
            expect(stubber, name, a_read(1), token="more", following="yet more")
        else:
            expect(stubber, name)
    told: list[str] = []

    history = look_back(client, told)

    assert history.observations(secret_arn()).read
    assert history.access_since(a_reference(), facts()) == SINCE
    assert told == ["There are too many GetSecretValue events: looked back to 2026-11-23T12:01:00Z only."]


def test_with_too_many_changes_nothing_is_said_of_access(client: Any, stubber: Stubber) -> None:
    for name in LOOKED_FOR:
        expect(
            stubber, name, *([a_read(0)] if name == "RevokeGrant" else []), following="more" * (name == "RevokeGrant")
        )

    history = look_back(client, [], most_pages=1)

    assert history.access_since(a_reference(), facts()) is None


def test_who_may_not_look_back_is_told_so_and_the_scan_goes_on(client: Any, stubber: Stubber) -> None:
    stubber.add_client_error("lookup_events", "AccessDeniedException", http_status_code=400)
    told: list[str] = []

    history = look_back(client, told)

    assert history == History()
    assert told == ["The event history could not be read: LookupEvents: AccessDeniedException."]
