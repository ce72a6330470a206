"""The adapter tells how a key is, and whom its policy and grants let use it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from secretwatch.adapters.kms import KmsKeys
from secretwatch.domain.facts import KeyDescription, NoSuchKey
from secretwatch.domain.key import KeyId
from secretwatch.errors import Permanent
from secretwatch.policy import Grant, Principal
from tests.contract.stubs import MakeStub, Stub
from tests.fakes import ACCOUNT, KEY_ARN, LETS_AGENTCORE_DECRYPT, REGION, secret_arn

KEY = KEY_ARN.rsplit("/", maxsplit=1)[-1]
ALIAS = KEY_ARN.split("key/", maxsplit=1)[0] + "alias/agents"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/support-bot"
SERVICE = "bedrock-agentcore.amazonaws.com"


@pytest.fixture
def aws(make_stub: MakeStub) -> Stub:
    return make_stub("kms")


def described(aws: Stub, **metadata: Any) -> KeyDescription | NoSuchKey:
    """What the adapter says of a key that DescribeKey describes so, asked for by its alias."""
    answer = {"KeyMetadata": {"KeyId": KEY, "Arn": KEY_ARN, "KeyState": "Enabled", **metadata}}
    aws.add_response("describe_key", answer, {"KeyId": ALIAS})
    return KmsKeys(aws.client).describe(KeyId(ALIAS))


def test_a_key_is_told_by_its_own_arn_whatever_it_was_asked_for_by(aws: Stub) -> None:
    assert described(aws, KeyManager="CUSTOMER") == KeyDescription(KEY_ARN, "Enabled")


def test_aws_own_keys_are_told_apart(aws: Stub) -> None:
    assert described(aws, KeyManager="AWS") == KeyDescription(KEY_ARN, "Enabled", customer_managed=False)


def test_a_key_tells_when_it_will_be_deleted(aws: Stub) -> None:
    deleted = datetime(2026, 11, 30, tzinfo=UTC)

    key = described(aws, KeyState="PendingDeletion", DeletionDate=deleted)

    assert key == KeyDescription(KEY_ARN, "PendingDeletion", deletion_date=deleted)


def test_a_key_that_is_not_found_is_a_fact_and_no_failure(aws: Stub) -> None:
    aws.add_client_error("describe_key", "NotFoundException", "not found", 400)

    assert KmsKeys(aws.client).describe(KeyId(KEY_ARN)) == NoSuchKey()


def test_the_policy_of_a_key_is_its_default_one(aws: Stub) -> None:
    aws.add_response("get_key_policy", {"Policy": LETS_AGENTCORE_DECRYPT}, {"KeyId": KEY_ARN, "PolicyName": "default"})

    policy = KmsKeys(aws.client).policy(KEY_ARN)

    assert (policy.text, policy.problems) == (LETS_AGENTCORE_DECRYPT, ())


def test_a_policy_of_a_key_that_is_gone_is_not_a_fact_about_it(aws: Stub) -> None:
    aws.add_client_error("get_key_policy", "NotFoundException", "not found", 400)

    with pytest.raises(Permanent, match=r"^GetKeyPolicy: NotFoundException$"):
        KmsKeys(aws.client).policy(KEY_ARN)


def a_grant(number: int, **parts: Any) -> dict[str, Any]:
    grant = {"KeyId": KEY_ARN, "GrantId": f"g-{number}", "GranteePrincipal": ROLE, "Operations": ["Decrypt"]}
    return {**grant, **parts}


PAIRS, GATEWAY = {"SecretARN": secret_arn()}, f"arn:aws:bedrock-agentcore:{REGION}:{ACCOUNT}:gateway/crm"


@pytest.mark.parametrize(
    ("constraints", "expected"),
    [
        ({}, {}),
        ({"EncryptionContextEquals": PAIRS}, {"context_equals": PAIRS}),
        ({"EncryptionContextSubset": PAIRS, "SourceArn": GATEWAY}, {"context_subset": PAIRS, "source_arn": GATEWAY}),
    ],
)
def test_a_grant_keeps_every_constraint_that_it_has(
    aws: Stub, constraints: dict[str, Any], expected: dict[str, Any]
) -> None:
    asked = {"KeyId": KEY_ARN, "GranteePrincipal": ROLE, "Limit": 100}
    aws.add_response("list_grants", {"Grants": [a_grant(1, Name="bot", Constraints=constraints)]}, asked)

    grants = KmsKeys(aws.client).grants(KEY_ARN, Principal.role(ROLE))

    assert grants == (Grant("g-1", ROLE, frozenset({"Decrypt"}), name="bot", **expected),)


def test_the_grants_to_a_role_come_page_by_page(aws: Stub) -> None:
    asked = {"KeyId": KEY_ARN, "GranteePrincipal": ROLE, "Limit": 100}
    aws.add_response("list_grants", {"Grants": [a_grant(1)], "Truncated": True, "NextMarker": "more"}, asked)
    aws.add_response(
        "list_grants",
        {"Grants": [a_grant(2)], "Truncated": False},
        {**asked, "Marker": "more"},
    )

    grants = KmsKeys(aws.client).grants(KEY_ARN, Principal.role(ROLE))

    assert grants == (
        Grant("g-1", ROLE, frozenset({"Decrypt"})),
        Grant("g-2", ROLE, frozenset({"Decrypt"})),
    )


def test_the_grants_to_a_service_are_those_that_name_it_as_one(aws: Stub) -> None:
    """A service that stands in GranteePrincipal may mean any of those for whom it acts (API reference, ListGrants)."""
    equal = {"EncryptionContextEquals": {"SecretARN": secret_arn()}}
    grant = a_grant(1, GranteeServicePrincipal=SERVICE, Constraints=equal)
    del grant["GranteePrincipal"]
    asked = {"KeyId": KEY_ARN, "GranteeServicePrincipal": SERVICE, "Limit": 100}
    aws.add_response("list_grants", {"Grants": [grant], "Truncated": False}, asked)

    grants = KmsKeys(aws.client).grants(KEY_ARN, Principal.service(SERVICE))

    assert grants == (Grant("g-1", SERVICE, frozenset({"Decrypt"}), context_equals={"SecretARN": secret_arn()}),)
