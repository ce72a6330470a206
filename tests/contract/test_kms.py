"""A grant keeps every constraint that it has: without one it would allow too much."""

from typing import Any

import pytest

from secretwatch.adapters.kms import KmsKeys
from secretwatch.policy import Grant, Principal
from tests.contract.stubs import MakeStub, Stub

KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
READER = Principal.role("arn:aws:iam::111122223333:role/reader")
PAIRS, GATEWAY = {"SecretARN": "arn"}, "arn:aws:bedrock-agentcore:eu-west-1:111122223333:gateway/crm"


@pytest.fixture
def aws(make_stub: MakeStub) -> Stub:
    return make_stub("kms")


def granted(**parts: Any) -> dict[str, Any]:
    """An item of ListGrants."""
    return {"GrantId": "0c23", "GranteePrincipal": READER.name, "Operations": ["Decrypt"]} | parts


@pytest.mark.parametrize(
    ("constraints", "expected"),
    [
        ({}, {}),
        ({"EncryptionContextEquals": PAIRS}, {"context_equals": PAIRS}),
        ({"EncryptionContextSubset": PAIRS, "SourceArn": GATEWAY}, {"context_subset": PAIRS, "source_arn": GATEWAY}),
    ],
)
def test_a_grant_is_read_with_its_constraints(aws: Stub, constraints: Any, expected: dict[str, Any]) -> None:
    items = [granted(), granted(GrantId="1d34", Name="reads", Constraints=constraints)]
    aws.add_response("list_grants", {"Grants": items}, {"KeyId": KEY, "GranteePrincipal": READER.name, "Limit": 100})

    assert KmsKeys(aws.client).grants(KEY, READER) == (
        Grant("0c23", READER.name, frozenset({"Decrypt"})),
        Grant("1d34", READER.name, frozenset({"Decrypt"}), name="reads", **expected),
    )
