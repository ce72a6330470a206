"""An event tells where to look, in whichever form it names it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretwatch.domain.change import Change, Request, Subject, UnknownChange, parse_change, read_change, request
from secretwatch.domain.consumer import GatewayName
from secretwatch.domain.key import KeyId
from secretwatch.domain.observed import ObservedRead
from secretwatch.domain.reference import ProviderKind
from secretwatch.domain.secret import SecretId
from tests.fakes import ACCOUNT, EVERYTHING, NOON, REGION, a_gateway, a_name, secret_arn

ARN = secret_arn()
BY_ARN = SecretId.of_arn(ARN)
BY_NAME = SecretId(ACCOUNT, REGION, "agents/crm")
KEY = KeyId(f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd")
ALIAS = KeyId(f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/agents")


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
        pytest.param(
            an_event("secretwatch", detail_type="Check Requested"), "nothing to look at", id="request for nothing"
        ),
        pytest.param(an_event("secretwatch", detail_type="Make Coffee"), "own news", id="unknown request"),
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


@pytest.mark.parametrize("subject", [BY_ARN, BY_NAME, KEY, ALIAS, a_name(), a_gateway().name, EVERYTHING])
def test_a_request_is_read_back_as_it_was_asked(subject: Subject) -> None:
    asked = request(subject, at=NOON, request_id="r-1")

    change = read_change(json.dumps(asked))

    assert (change.subject, change.at, change.event_id, change.is_request) == (subject, NOON, "r-1", True)


# --- keys, gateways


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        pytest.param({"resources": [{"ARN": KEY.arn}], "requestParameters": {"keyId": "other"}}, [KEY], id="resources"),
        pytest.param({"resources": [{"arn": KEY.arn}]}, [KEY], id="resources in the other case"),
        pytest.param({"resources": [KEY.arn]}, [KEY], id="resources as texts"),
        pytest.param(
            {"resources": [{"ARN": "arn:aws:s3:::b"}], "responseElements": {"keyId": KEY.arn}}, [KEY], id="answer"
        ),
        pytest.param({"requestParameters": {"keyId": "1234abcd"}}, [KEY], id="typed id"),
        pytest.param({"requestParameters": {"keyId": "alias/agents"}}, [ALIAS], id="typed alias"),
        pytest.param(
            {"requestParameters": None, "serviceEventDetails": {"keyId": "1234abcd"}}, [KEY], id="service event"
        ),
        pytest.param({"resources": [{"ARN": ALIAS.arn}, {"ARN": KEY.arn}]}, [ALIAS, KEY], id="alias and its key"),
        pytest.param(
            {"requestParameters": {"aliasName": "alias/agents", "targetKeyId": "1234abcd"}},
            [ALIAS, KEY],
            id="typed both",
        ),
    ],
)
def test_the_key_is_found_wherever_the_event_names_it(detail: dict[str, Any], expected: list[KeyId]) -> None:
    assert parse_change(an_event("aws.kms", detail=detail)).subjects == tuple(expected)


@pytest.mark.parametrize("what", ["Gateway", "GatewayTarget"])
@pytest.mark.parametrize("verb", ["Create", "Update", "Delete"])
@pytest.mark.parametrize(
    "parts",
    [
        {"responseElements": {"gatewayId": "bot-a1b2c3d4e5"}},
        {"requestParameters": {"gatewayIdentifier": "bot-a1b2c3d4e5"}},
        {
            "requestParameters": {
                "gatewayIdentifier": f"arn:aws:bedrock-agentcore:{REGION}:{ACCOUNT}:gateway/bot-a1b2c3d4e5"
            }
        },
        {"responseElements": {"gatewayArn": f"arn:aws:bedrock-agentcore:{REGION}:{ACCOUNT}:gateway/bot-a1b2c3d4e5"}},
    ],
)
def test_the_gateway_is_found_wherever_the_event_names_it(verb: str, what: str, parts: dict[str, Any]) -> None:
    change = parse_change(an_event("aws.bedrock-agentcore", detail={"eventName": f"{verb}{what}", **parts}))

    assert change.subjects == (GatewayName(ACCOUNT, REGION, "bot-a1b2c3d4e5"),)


def test_a_provider_whose_name_is_redacted_is_known_by_its_arn() -> None:
    arn = f"arn:aws:bedrock-agentcore:{REGION}:{ACCOUNT}:token-vault/default/oauth2credentialprovider/crm-oauth"
    detail = {
        "eventName": "UpdateOauth2CredentialProvider",
        "requestParameters": {"name": "***"},
        "responseElements": {"name": "***", "credentialProviderArn": arn},
    }

    assert parse_change(an_event("aws.bedrock-agentcore", detail=detail)).subject == a_name("crm-oauth")


# --- several secrets; a name that is used again


def test_a_replica_in_another_account_is_looked_at_too_and_one_in_another_region_is_not() -> None:
    replica = ARN.replace(ACCOUNT, "444455556666")
    asked = {"secretId": ARN, "crossAccountReplicaARN": replica, "addReplicaRegions": [{"region": "us-east-1"}]}

    change = parse_change(an_event(detail={"requestParameters": asked}))

    assert change.subjects == (BY_ARN, SecretId.of_arn(replica))


def test_what_was_created_is_looked_up_by_its_name_and_everything_else_as_it_is_named() -> None:
    detail = {"requestParameters": {"name": "agents/crm"}, "responseElements": {"arn": ARN}}

    created = parse_change(an_event(detail={"eventName": "CreateSecret", **detail}))
    other = parse_change(an_event(detail={"eventName": "PutSecretValue", **detail}))

    assert (created.subjects, created.to_look_up) == ((BY_ARN,), (BY_NAME,))
    assert other.to_look_up == (BY_ARN,)


def test_a_created_secret_whose_answer_was_lost_is_known_by_the_name_that_was_asked_for() -> None:
    detail = {"eventName": "CreateSecret", "requestParameters": {"name": "agents/crm"}, "responseElements": None}

    assert parse_change(an_event(detail=detail)).subjects == (BY_NAME,)


# --- who did it

ROLE = f"arn:aws:iam::{ACCOUNT}:role/platform/Repair"
BY_ROLE = {
    "type": "AssumedRole",
    "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/Repair/session",
    "sessionContext": {"sessionIssuer": {"type": "Role", "arn": ROLE, "userName": "Repair"}},
}
BY_USER = {"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/Repair"}


@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        (BY_ROLE, ROLE),
        (BY_USER, BY_USER["arn"]),
        ({"accountId": ACCOUNT, "invokedBy": "secretsmanager.amazonaws.com"}, "secretsmanager.amazonaws.com"),
        ({"type": "AWSAccount", "accountId": ACCOUNT}, None),
        ({"arn": 7, "sessionContext": {"sessionIssuer": []}}, None),
        (None, None),
    ],
)
def test_a_change_says_who_did_it_if_the_event_does(identity: Any, expected: str | None) -> None:
    change = parse_change(an_event(resources=[ARN], detail={"userIdentity": identity}))

    assert change.actor == expected
    assert not change.own_write


@pytest.mark.parametrize(
    ("identity", "own_roles", "own"),
    [
        (BY_ROLE, {ROLE}, True),
        (BY_ROLE, {"Repair"}, True),
        (BY_ROLE, {"repair", f"{ROLE}er"}, False),
        (BY_USER, {"Repair"}, False),
        ({"invokedBy": "Repair"}, {ROLE}, False),
    ],
)
def test_a_change_by_a_role_of_our_own_is_our_own(identity: Any, own_roles: set[str], own: bool) -> None:
    event = an_event(resources=[ARN], detail={"userIdentity": identity})

    assert parse_change(event, own_roles=own_roles).own_write is own


# --- observed reads, replays


def test_agentcores_own_read_says_when_as_whom_and_why_it_failed() -> None:
    identity = {**BY_ROLE, "invokedBy": "bedrock-agentcore.amazonaws.com"}
    refused = f"User: someone is not authorized to perform: secretsmanager:GetSecretValue on resource: {ARN} because"
    failed = {
        "eventName": "GetSecretValue",
        "errorCode": "AccessDenied",
        "errorMessage": refused,
        "userIdentity": identity,
    }
    done = {"eventName": "GetSecretValue", "requestParameters": {"secretId": ARN}, "userIdentity": identity}

    broken, well = parse_change(an_event(detail=failed)), parse_change(an_event(detail=done))

    assert (broken.subject, broken.read) == (BY_ARN, ObservedRead(NOON, ROLE, "AccessDenied"))
    assert broken.read
    assert broken.read.failed
    assert (well.subject, well.read) == (BY_ARN, ObservedRead(NOON, ROLE))


def test_anybody_elses_read_is_none_of_agentcore() -> None:
    detail = {"eventName": "GetSecretValue", "requestParameters": {"secretId": ARN}, "userIdentity": BY_ROLE}

    assert parse_change(an_event(detail=detail)).read is None


def test_a_replayed_event_says_from_which_replay() -> None:
    assert parse_change({**an_event(resources=[ARN]), "replay-name": "again"}).replay == "again"


# --- whatever comes

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from([ARN, KEY.arn, "***"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
fields = st.sampled_from(
    [
        "requestParameters",
        "responseElements",
        "additionalEventData",
        "serviceEventDetails",
        "resources",
        "userIdentity",
        "eventName",
        "errorMessage",
    ]
)
names = st.sampled_from(
    ["secretId", "secretIdList", "arn", "ARN", "name", "keyId", "aliasName", "gatewayIdentifier", "kind", "invokedBy"]
)
details = st.dictionaries(fields, json_values | st.dictionaries(names, json_values, max_size=3)) | json_values
event_names = st.sampled_from(
    [
        "PutSecretValue",
        "GetSecretValue",
        "DeleteGateway",
        "DeleteApiKeyCredentialProvider",
        "UpdateAlias",
        "SetTokenVaultCMK",
    ]
)
envelopes = st.fixed_dictionaries(
    {},
    optional={
        "source": st.sampled_from(["aws.secretsmanager", "aws.tag", "aws.kms", "aws.bedrock-agentcore", "secretwatch"]),
        "detail-type": json_values | st.sampled_from(list(Request)),
        "time": json_values | st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
        "detail": details
        | st.builds(
            lambda detail, name: {**detail, "eventName": name}, st.dictionaries(fields, json_values), event_names
        ),
        **dict.fromkeys(["account", "region", "id", "resources", "replay-name"], json_values),
    },
)


def understood(text: str) -> Change | str:
    """The change, or why there is none."""
    try:
        return read_change(text)
    except UnknownChange as error:
        return str(error)


@given(json_values | envelopes.map(lambda parts: {**an_event(), **parts}))
def test_nothing_that_comes_makes_the_parser_fail_otherwise_than_with_one_sentence(event: Any) -> None:
    """A hundred thousand of them: `pytest tests/unit/test_change.py --hypothesis-profile=thorough`."""
    change = understood(json.dumps(event))

    if isinstance(change, str):
        assert change.isprintable()
        assert len(change) < 5_000
    else:
        assert change.subjects
        assert change.event_id.isprintable()
        assert all(read_change(json.dumps(request(one, at=change.at, request_id="r"))) for one in change.subjects)


@pytest.mark.parametrize(
    ("depth", "expected"), [(100, BY_ARN), (100_000, "JSON that is nested too deeply to be an event")]
)
def test_what_is_nested_without_end_is_refused_and_what_is_nested_deeply_is_not(depth: int, expected: object) -> None:
    deep = "[" * depth + "]" * depth
    text = json.dumps(an_event(detail={"requestParameters": {"secretId": ARN}, "x": "DEEP"})).replace('"DEEP"', deep)

    change = understood(text)

    assert (change.subject if isinstance(change, Change) else change) == expected
