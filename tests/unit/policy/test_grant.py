"""KMS keys: the key policy, the account that it hands over to, and grants."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from secretwatch.policy import (
    ABSENT,
    Context,
    Decision,
    Effect,
    Grant,
    Outcome,
    Policy,
    Present,
    Principal,
    evaluate_key,
)
from tests.unit.policy.statements import OTHER, OWN, ROLE, SECRET, SERVICE, a_policy, a_statement

ALLOWED, EXPLICIT, IMPLICIT = Outcome.ALLOWED, Outcome.DENIED_EXPLICIT, Outcome.DENIED_IMPLICIT
KEY = f"arn:aws:kms:eu-west-1:{OWN}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SECRETS_MANAGER = "secretsmanager.eu-west-1.amazonaws.com"
DEFAULT = a_statement(Sid="Enable IAM User Permissions", Principal={"AWS": f"arn:aws:iam::{OWN}:root"}, Action="kms:*")
THROUGH_SECRETS_MANAGER = a_statement(
    Principal={"AWS": "*"},
    Action=["kms:Decrypt", "kms:GenerateDataKey*"],
    Condition={"StringEquals": {"kms:ViaService": SECRETS_MANAGER, "kms:CallerAccount": OWN}},
)


def decrypt(
    policy: Policy,
    *grants: Grant,
    reader: Principal = SERVICE,
    action: str = "kms:Decrypt",
    context: Context | None = None,
) -> Decision:
    return evaluate_key(policy, grants, reader, action, KEY, context or {})


def a_grant(
    grantee: str = SERVICE.name,
    operations: Sequence[str] = ("Decrypt",),
    equals: dict[str, str] | None = None,
    subset: dict[str, str] | None = None,
) -> Grant:
    return Grant("0c237476", grantee, frozenset(operations), context_equals=equals, context_subset=subset)


def encryption_context(**pairs: str) -> Context:
    """Of a request with exactly these pairs."""
    absent = ("kms:EncryptionContext:SecretARN", "kms:EncryptionContext:SecretVersionId")
    return {
        **dict.fromkeys(absent, ABSENT),
        **{f"kms:EncryptionContext:{key}": Present((value,)) for key, value in pairs.items()},
        "kms:EncryptionContextKeys": Present(tuple(pairs)),
    }


def test_the_default_key_policy_hands_over_to_the_identity_policies_of_its_account() -> None:
    policy = a_policy(DEFAULT)

    assert decrypt(policy, reader=ROLE).depends_on == (ROLE.identity_policy,)
    assert decrypt(policy, reader=ROLE, context={ROLE.identity_policy: ABSENT}).outcome is IMPLICIT
    assert decrypt(policy, reader=Principal.role(f"arn:aws:iam::{OTHER}:role/x")).outcome is IMPLICIT
    assert decrypt(policy).outcome is IMPLICIT


@pytest.mark.parametrize(
    ("via", "caller", "outcome"),
    [
        (Present((SECRETS_MANAGER,)), Present((OWN,)), ALLOWED),
        (Present((SECRETS_MANAGER,)), Present((OTHER,)), IMPLICIT),
        (Present(("s3.eu-west-1.amazonaws.com",)), Present((OWN,)), IMPLICIT),
        (ABSENT, Present((OWN,)), IMPLICIT),
    ],
)
def test_a_key_may_be_used_through_a_service_only(via: Any, caller: Any, outcome: Outcome) -> None:
    context = {"kms:ViaService": via, "kms:CallerAccount": caller}

    assert decrypt(a_policy(THROUGH_SECRETS_MANAGER), context=context).outcome is outcome


def test_without_the_service_and_the_account_it_depends_on_both() -> None:
    assert decrypt(a_policy(THROUGH_SECRETS_MANAGER)).depends_on == ("kms:CallerAccount", "kms:ViaService")


def test_a_policy_may_ask_for_the_encryption_context() -> None:
    policy = a_policy(
        a_statement(
            Condition={
                "StringEquals": {"kms:EncryptionContext:SecretARN": SECRET},
                "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["SecretARN", "SecretVersionId"]},
            }
        )
    )

    assert decrypt(policy, context=encryption_context(SecretARN=SECRET, SecretVersionId="1")).outcome is ALLOWED
    assert decrypt(policy, context=encryption_context(SecretARN=SECRET, Other="1")).outcome is IMPLICIT
    assert decrypt(policy, context=encryption_context(SecretARN="other")).outcome is IMPLICIT


@pytest.mark.parametrize(
    ("grant", "reader", "outcome"),
    [
        (a_grant(), SERVICE, ALLOWED),
        (a_grant(operations=["Encrypt", "Decrypt"]), SERVICE, ALLOWED),
        (a_grant(operations=["Encrypt"]), SERVICE, IMPLICIT),
        (a_grant(operations=[]), SERVICE, IMPLICIT),
        (a_grant("lambda.amazonaws.com"), SERVICE, IMPLICIT),
        (a_grant(ROLE.name), ROLE, ALLOWED),
        (a_grant(ROLE.name), SERVICE, IMPLICIT),
        (a_grant(ROLE.name), Principal.parse(f"arn:aws:sts::{OWN}:assumed-role/reader/run-1"), ALLOWED),
        (a_grant(f"arn:aws:iam::{OWN}:root"), ROLE, Outcome.UNKNOWN),
        (a_grant("no ARN at all"), ROLE, IMPLICIT),
    ],
)
def test_a_grant_allows_its_grantee_its_operations(grant: Grant, reader: Principal, outcome: Outcome) -> None:
    assert decrypt(a_policy(), grant, reader=reader).outcome is outcome


@pytest.mark.parametrize(
    ("grant", "context", "outcome"),
    [
        (a_grant(subset={"SecretARN": SECRET}), encryption_context(SecretARN=SECRET, SecretVersionId="1"), ALLOWED),
        (a_grant(subset={"SecretARN": SECRET}), encryption_context(SecretARN="other"), IMPLICIT),
        (a_grant(subset={"SecretARN": SECRET}), encryption_context(), IMPLICIT),
        (a_grant(subset={"SecretARN": SECRET}), {}, Outcome.UNKNOWN),
        (a_grant(equals={"SecretARN": SECRET}), encryption_context(SecretARN=SECRET), ALLOWED),
        (a_grant(equals={"SecretARN": SECRET}), encryption_context(SecretARN=SECRET, SecretVersionId="1"), IMPLICIT),
        (a_grant(equals={"SecretARN": SECRET}), encryption_context(), IMPLICIT),
        (a_grant(equals={}), encryption_context(), ALLOWED),
        (a_grant(equals={}), encryption_context(SecretARN=SECRET), IMPLICIT),
    ],
)
def test_a_grant_may_constrain_the_encryption_context(grant: Grant, context: Context, outcome: Outcome) -> None:
    assert decrypt(a_policy(), grant, context=context).outcome is outcome


def test_a_grant_may_constrain_the_source() -> None:
    grant = replace(a_grant(), source_arn="arn:aws:bedrock-agentcore:eu-west-1:111122223333:gateway/crm")

    assert decrypt(a_policy(), grant, context={"aws:SourceArn": Present((str(grant.source_arn),))}).outcome is ALLOWED
    assert decrypt(a_policy(), grant, context={"aws:SourceArn": ABSENT}).outcome is IMPLICIT
    assert decrypt(a_policy(), grant).depends_on == ("aws:SourceArn",)


def test_a_deny_of_the_key_policy_stands_over_a_grant() -> None:
    deny = a_statement("Deny", Condition={"StringNotEquals": {"kms:ViaService": SECRETS_MANAGER}})

    assert decrypt(a_policy(deny), a_grant(), context={"kms:ViaService": ABSENT}).outcome is EXPLICIT
    assert (
        decrypt(a_policy(deny), a_grant(), context={"kms:ViaService": Present((SECRETS_MANAGER,))}).outcome is ALLOWED
    )


def test_a_grant_that_decides_is_named() -> None:
    (decisive,) = decrypt(a_policy(), a_grant(operations=["Encrypt"]), a_grant()).statements

    assert (decisive.name, decisive.index, decisive.effect) == ("grant 0c237476", 1, Effect.ALLOW)


def test_beside_an_invalid_policy_no_grant_counts() -> None:
    assert decrypt(Policy.parse("{"), a_grant()).outcome is Outcome.INVALID
