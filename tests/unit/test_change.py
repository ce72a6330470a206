"""An event tells where to look, in whichever form it names it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretwatch.domain.change import Change, Subject, UnknownChange, WholeInventory, parse_change, read_change, request
from secretwatch.domain.reference import ProviderKind, ProviderName
from secretwatch.domain.secret import SecretId
from tests.fakes import ACCOUNT, EVERYTHING, NOON, REGION, a_name, secret_arn

ARN = secret_arn()
BY_ARN = SecretId.of_arn(ARN)
BY_NAME = SecretId(ACCOUNT, REGION, "agents/crm")


def an_event(source: str = "aws.secretsmanager", **parts: Any) -> dict[str, Any]:
    """An event as EventBridge delivers it; `detail_type` stands for `detail-type`."""
    detail_type = parts.pop("detail_type", "AWS API Call via CloudTrail")
    envelope = {"id": "e-1", "account": ACCOUNT, "region": REGION, "time": "2026-11-23T12:00:00Z", "resources": []}
    return {**envelope, "source": source, "detail-type": detail_type, "detail": {}, **parts}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        pytest.param(
            an_event(detail_type="Secret Label Updated", resources=[ARN], detail={"name": "agents/crm"}),
            BY_ARN,
            id="native event: resources",
        ),
        pytest.param(
            an_event(detail={"requestParameters": {"secretId": "agents/crm"}, "responseElements": {"arn": ARN}}),
            BY_ARN,
            id="the answer's ARN is more exact than what was typed",
        ),
        pytest.param(an_event(detail={"responseElements": {"aRN": ARN}}), BY_ARN, id="aRN, as before 2024"),
        pytest.param(
            an_event(detail={"requestParameters": {"secretId": ARN}, "responseElements": None}), BY_ARN, id="typed ARN"
        ),
        pytest.param(
            an_event(detail={"requestParameters": {"secretId": ARN[:-7]}}), BY_NAME, id="typed partial ARN is a name"
        ),
        pytest.param(an_event(detail={"requestParameters": {"secretId": "agents/crm"}}), BY_NAME, id="typed name"),
        pytest.param(
            an_event(detail={"requestParameters": None, "additionalEventData": {"SecretId": ARN}}),
            BY_ARN,
            id="rotation service event",
        ),
        pytest.param(
            an_event(detail={"additionalEventData": {"ARN": ARN, "Name": "agents/crm"}}), BY_ARN, id="version deletion"
        ),
        pytest.param(
            an_event(detail={"serviceEventDetails": {"secretId": ARN}}), BY_ARN, id="service event of another form"
        ),
        pytest.param(an_event("aws.tag", resources=[ARN]), BY_ARN, id="tag change"),
    ],
)
def test_the_secret_is_found_wherever_the_event_names_it(event: dict[str, Any], expected: SecretId) -> None:
    assert parse_change(event).subject == expected


@pytest.mark.parametrize("verb", ["Create", "Update", "Delete"])
@pytest.mark.parametrize(("infix", "kind"), [("ApiKey", ProviderKind.API_KEY), ("Oauth2", ProviderKind.OAUTH2)])
def test_a_provider_event_names_its_provider(verb: str, infix: str, kind: ProviderKind) -> None:
    detail = {"eventName": f"{verb}{infix}CredentialProvider", "requestParameters": {"name": "crm-oauth"}}

    change = parse_change(an_event("aws.bedrock-agentcore", detail=detail))

    assert change.subject == a_name("crm-oauth", kind)


def test_a_change_says_what_happened_and_when() -> None:
    detail = {"eventName": "PutSecretValue", "requestParameters": {"secretId": ARN}}

    change = parse_change(an_event(detail=detail))

    assert change == Change("PutSecretValue", (BY_ARN,), NOON, "e-1")
    assert not change.is_request


def test_the_schedule_means_the_whole_inventory() -> None:
    change = parse_change(an_event("aws.events", detail_type="Scheduled Event"))

    assert change.subject == EVERYTHING


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        pytest.param("text", "not an EventBridge event", id="not an object"),
        pytest.param({"source": "aws.secretsmanager"}, "not an EventBridge event", id="no envelope"),
        pytest.param(an_event("aws.ec2"), "no known kind", id="another service"),
        pytest.param(
            an_event("aws.bedrock-agentcore", detail={"eventName": "CreateMemory"}), "no known kind", id="a memory"
        ),
        pytest.param(an_event(detail={"eventName": "PutSecretValue"}), "names no secret", id="no secret"),
        pytest.param(an_event(detail={"requestParameters": {"secretId": 7}}), "names no secret", id="a number"),
        pytest.param(an_event("aws.tag", resources=["arn:aws:s3:::bucket"]), "names no secret", id="tag of a bucket"),
        pytest.param(
            an_event("aws.bedrock-agentcore", detail={"eventName": "DeleteApiKeyCredentialProvider"}),
            "names no provider",
            id="provider event without name",
        ),
        pytest.param(an_event("secretwatch", detail_type="Make Coffee"), "nothing to look at", id="unknown request"),
        pytest.param(an_event(time="yesterday", resources=[ARN]), "time is malformed", id="a time that is none"),
        pytest.param(an_event(time="2026-11-23T12:00:00", resources=[ARN]), "no zone", id="a time without zone"),
    ],
)
def test_what_names_nothing_is_refused_with_the_reason(event: Any, reason: str) -> None:
    with pytest.raises(UnknownChange, match=reason):
        parse_change(event)


def test_a_record_that_is_not_json_is_refused_without_quoting_it() -> None:
    with pytest.raises(UnknownChange, match=r"^not JSON$"):
        read_change("canary{")


@pytest.mark.parametrize("subject", [BY_ARN, BY_NAME, a_name(), EVERYTHING])
def test_a_request_is_read_back_as_it_was_asked(subject: Subject) -> None:
    asked = request(subject, at=NOON, request_id="r-1")

    change = read_change(json.dumps(asked))

    assert (change.subject, change.at, change.event_id, change.is_request) == (subject, NOON, "r-1", True)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
parts = st.sampled_from(
    ["requestParameters", "responseElements", "additionalEventData", "serviceEventDetails", "eventName"]
)


@given(
    source=st.sampled_from(["aws.secretsmanager", "aws.tag", "aws.bedrock-agentcore", "secretwatch", "aws.events"]),
    detail=st.dictionaries(parts, json_values),
    resources=json_values,
)
def test_no_event_however_misshapen_makes_the_parser_fail_otherwise(
    source: str, detail: dict[str, Any], resources: Any
) -> None:
    try:
        change = parse_change(an_event(source, detail=detail, resources=resources))
    except UnknownChange:
        return

    assert isinstance(change.subject, SecretId | ProviderName | WholeInventory)
    assert change.at == datetime(2026, 11, 23, 12, tzinfo=UTC)
