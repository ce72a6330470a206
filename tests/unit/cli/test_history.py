"""What CloudTrail's records tell of AgentCore's reads, and of when access last changed."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretwatch.domain.facts import KeyDescription, KeyFacts, SecretDescription
from secretwatch.domain.key import KeyId
from secretwatch.domain.observed import AGENTCORE, Observations, ObservedRead
from secretwatch_cli.history import History, read_history
from tests.fakes import ACCOUNT, KEY_ARN, NOON, REGION, a_reference, facts, secret_arn

CRM = a_reference()
OLDEST = NOON - timedelta(days=90)
ROLE = f"arn:aws:iam::{ACCOUNT}:role/support-bot"


def a_record(name: str, request: Any, *, minutes: int = 0, source: str = "secretsmanager", **parts: Any) -> Any:
    """A record so many minutes after noon."""
    return {
        "eventSource": f"{source}.amazonaws.com",
        "eventName": name,
        "eventID": "one",
        "eventTime": f"{NOON + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}",
        "awsRegion": REGION,
        "recipientAccountId": ACCOUNT,
        "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/team/alice"},
        "requestParameters": request,
        **parts,
    }


def a_read(secret: str = secret_arn(), *, minutes: int = 0, role: str | None = None, **parts: Any) -> Any:
    issuer = {"sessionContext": {"sessionIssuer": {"arn": role}}} if role else {}
    identity = {"type": "AWSService", "invokedBy": AGENTCORE, **issuer}
    return a_record("GetSecretValue", {"secretId": secret}, minutes=minutes, userIdentity=identity, **parts)


def history(*records: Any) -> History:
    return read_history(records, [CRM], unchanged_since=OLDEST)


@pytest.mark.parametrize("named", [secret_arn(), secret_arn()[:-7], "agents/crm"])
def test_agentcores_own_read_is_kept_however_the_secret_is_named(named: str) -> None:
    read = history(a_read(named)).observations(secret_arn()).read

    assert read
    assert read.at == NOON


def test_the_latest_read_the_latest_refusal_and_the_roles_are_kept() -> None:
    refused = a_read(minutes=3, role=ROLE, errorCode="AccessDenied")

    seen = history(a_read(minutes=2), refused, a_read(minutes=1)).observations(secret_arn())

    assert (seen.read and seen.read.at) == NOON + timedelta(minutes=2)
    assert seen.denied == ObservedRead(NOON + timedelta(minutes=3), ROLE, "AccessDenied")
    assert seen.roles == {ROLE}


def test_reads_of_others_and_of_other_secrets_tell_nothing() -> None:
    others = a_record("GetSecretValue", {"secretId": secret_arn()}), a_read(secret_arn("agents/other"))

    assert history(*others).observations(secret_arn()) == Observations()


def test_access_is_as_it_is_since_the_latest_change_of_policy_key_or_provider() -> None:
    under_a_key = facts(
        SecretDescription(versions={"AWSCURRENT": "v1"}, key=KeyId(KEY_ARN)),
        key=KeyFacts(KeyDescription(KEY_ARN, "Enabled")),
    )
    changes = [
        a_record("PutResourcePolicy", {"secretId": "agents/crm"}, minutes=1),
        a_record("PutKeyPolicy", {"keyId": KEY_ARN}, minutes=2, source="kms"),
        a_record("UpdateOauth2CredentialProvider", {"name": "crm-oauth"}, minutes=3, source="bedrock-agentcore"),
    ]

    since = [history(*changes[:count]).access_since(CRM, under_a_key) for count in range(4)]

    assert since == [OLDEST, *(NOON + timedelta(minutes=minutes) for minutes in (1, 2, 3))]


def test_a_change_that_was_refused_or_that_is_of_the_value_only_changes_no_access() -> None:
    refused = a_record("PutResourcePolicy", {"secretId": "agents/crm"}, errorCode="AccessDenied")
    value = a_record("PutSecretValue", {"secretId": "agents/crm"})

    assert history(refused, value).access_since(CRM, facts()) == OLDEST


def test_when_not_all_changes_are_known_nothing_is_said_of_access() -> None:
    assert read_history([a_read()], [CRM], unchanged_since=None).access_since(CRM, facts()) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=10), part, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(a_read())), JSON))
def test_a_record_of_any_shape_is_read_or_left_out(parts: Any) -> None:
    seen = history({**a_read(), **json.loads(json.dumps(parts))})

    assert seen.unchanged_since == OLDEST


def test_times_are_read_with_their_zone() -> None:
    read = history(a_read()).observations(secret_arn()).read

    assert read
    assert read.at.astimezone(UTC) == datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
