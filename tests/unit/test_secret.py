"""A secret is recognised however it is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretwatch.domain.secret import SecretId
from tests.fakes import ACCOUNT, REGION, secret_arn

NAMES = st.text("abcXYZ019/_+=.@-", min_size=1, max_size=60)
SUFFIXES = st.text("abcXYZ019", min_size=6, max_size=6)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            secret_arn("agents/crm"), SecretId(ACCOUNT, REGION, "agents/crm", secret_arn("agents/crm")), id="full ARN"
        ),
        pytest.param(
            "arn:aws:secretsmanager:us-east-2:444455556666:secret:agents/crm",
            SecretId("444455556666", "us-east-2", "agents/crm"),
            id="partial ARN, of another account",
        ),
        pytest.param("agents/crm", SecretId(ACCOUNT, REGION, "agents/crm"), id="name"),
        pytest.param("agents/crm-a1b2c3", SecretId(ACCOUNT, REGION, "agents/crm-a1b2c3"), id="name like a full ARN's"),
        pytest.param(
            "arn:aws-cn:secretsmanager:cn-north-1:111122223333:secret:x-y1y2y3",
            SecretId(ACCOUNT, "cn-north-1", "x", "arn:aws-cn:secretsmanager:cn-north-1:111122223333:secret:x-y1y2y3"),
            id="another partition",
        ),
    ],
)
def test_a_secret_is_read_in_every_form(text: str, expected: SecretId) -> None:
    assert SecretId.parse(text, account=ACCOUNT, region=REGION) == expected


@pytest.mark.parametrize(
    "text", ["", "a b", "arn:aws:s3:::bucket", "arn:aws:secretsmanager:eu-west-1:1:secret:x", "\n"]
)
def test_what_names_no_secret_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a secret's"):
        SecretId.parse(text, account=ACCOUNT, region=REGION)


def test_a_partial_arn_is_not_taken_for_a_full_one() -> None:
    with pytest.raises(ValueError, match="not the full ARN"):
        SecretId.of_arn("arn:aws:secretsmanager:eu-west-1:111122223333:secret:crm")


@given(NAMES, SUFFIXES)
def test_all_three_forms_of_one_secret_agree_on_its_name(name: str, suffix: str) -> None:
    full = SecretId.of_arn(secret_arn(name, suffix))

    assert full.name == name
    assert SecretId.parse(name, account=ACCOUNT, region=REGION).name == name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("agents/crm-a1b2c3", secret_arn("agents/crm", "a1b2c3")),
        ("agents/crm-a1b2", None),
        ("agents/crm-a1b2c3d", None),
        ("agents/crm", None),
    ],
)
def test_a_name_that_ends_like_a_full_arn_makes_a_partial_arn_that_reads_as_one(
    name: str, expected: str | None
) -> None:
    assert SecretId.of_arn(secret_arn(name, "Zz9Yy8")).partial_arn_read_as_full == expected


@given(NAMES, SUFFIXES)
def test_a_partial_arn_either_gives_the_name_or_is_one_that_the_registry_is_told_of(name: str, suffix: str) -> None:
    full = SecretId.of_arn(secret_arn(name, suffix))

    typed = SecretId.parse(secret_arn(name, suffix)[:-7], account="", region="")

    assert typed == SecretId(ACCOUNT, REGION, name) or typed.arn == full.partial_arn_read_as_full
