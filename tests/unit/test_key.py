"""A key is recognised however it is named."""

import pytest

from secretwatch.domain.key import KeyId, partition_of
from tests.fakes import ACCOUNT, REGION

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ALIAS = f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/agents/crm"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (KEY, KEY),
        ("1234abcd-12ab-34cd-56ef-1234567890ab", KEY),
        (ALIAS, ALIAS),
        ("alias/agents/crm", ALIAS),
        (
            "mrk-1234abcd12ab34cd56ef1234567890ab",
            f"arn:aws:kms:{REGION}:{ACCOUNT}:key/mrk-1234abcd12ab34cd56ef1234567890ab",
        ),
        ("arn:aws:kms:us-east-2:444455556666:key/1234abcd", "arn:aws:kms:us-east-2:444455556666:key/1234abcd"),
    ],
)
def test_a_key_is_read_in_every_form(text: str, expected: str) -> None:
    assert KeyId.parse(text, account=ACCOUNT, region=REGION).arn == expected


@pytest.mark.parametrize("text", ["", "***", "alias/", "a key", "arn:aws:s3:::bucket", f"{KEY}/x", "AWS Internal"])
def test_what_names_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a key's"):
        KeyId.parse(text, account=ACCOUNT, region=REGION)


def test_an_arn_brings_its_own_account_and_region() -> None:
    key = KeyId.parse("arn:aws:kms:us-east-2:444455556666:key/1234abcd", account=ACCOUNT, region=REGION)

    assert (key.account, key.region) == ("444455556666", "us-east-2")


def test_an_alias_is_told_from_a_key() -> None:
    assert KeyId(ALIAS).is_alias
    assert not KeyId(KEY).is_alias


@pytest.mark.parametrize(
    ("region", "partition"), [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_what_is_no_arn_is_of_the_partition_of_its_region(region: str, partition: str) -> None:
    assert partition_of(region) == partition
    assert KeyId.parse("alias/x", account=ACCOUNT, region=region).arn.startswith(f"arn:{partition}:kms:{region}:")
