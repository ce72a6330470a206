"""Every failure that a person can mend is told in a sentence that says how."""

from pathlib import Path

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
    UnauthorizedSSOTokenError,
)

from secretwatch.adapters.aws import translated
from secretwatch.errors import Permanent
from secretwatch_cli.aws import clients, told
from secretwatch_cli.failures import Unable


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "a message that may quote what was sent"}}, "DescribeStacks")


@pytest.mark.parametrize(
    ("failure", "advice"),
    [
        (NoCredentialsError(), "There are no AWS credentials. Log in, for example with `aws sso login`"),
        (NoRegionError(), "No AWS Region is set. Give --region"),
        (ProfileNotFound(profile="nobody"), "(nobody) could not be found. See `aws configure list-profiles`."),
        (EndpointConnectionError(endpoint_url="https://aws"), "AWS did not answer"),
        (UnauthorizedSSOTokenError(), "log in again."),
        (refusal("ExpiredToken"), "AWS does not take these credentials (ExpiredToken). Log in again"),
        (refusal("AccessDenied"), "You may not call DescribeStacks (AccessDenied). Ask for a policy that allows it."),
        (refusal("Throttling"), "DescribeStacks failed: Throttling."),
        (Permanent("a reason of our own"), "a reason of our own"),
    ],
)
def test_a_failure_says_what_to_do(failure: Exception, advice: str) -> None:
    with pytest.raises(Unable) as caught, told():
        raise failure

    assert advice in str(caught.value)


def test_a_failure_that_an_adapter_translated_says_the_same() -> None:
    with pytest.raises(Unable, match="You may not call DescribeStacks"), told(), translated("Query"):
        raise refusal("AccessDenied")


def test_what_aws_quotes_is_not_repeated() -> None:
    with pytest.raises(Unable) as caught, told():
        raise refusal("ValidationError")

    assert "quote" not in str(caught.value)


def test_what_nobody_foresaw_stays_as_it_is() -> None:
    with pytest.raises(KeyError), told():
        raise KeyError("a mistake of ours")


@pytest.fixture
def _no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.delenv("AWS_DEFAULT_REGION")


@pytest.mark.usefixtures("_no_configuration")
def test_without_a_region_no_client_is_made() -> None:
    with pytest.raises(Unable, match="No AWS Region"):
        clients(profile=None, region=None)


@pytest.mark.usefixtures("_no_configuration")
def test_an_unknown_profile_is_named() -> None:
    with pytest.raises(Unable, match="nobody"):
        clients(profile="nobody", region="eu-west-1")


def test_a_client_is_made_once_for_its_region() -> None:
    made = clients(profile=None, region="eu-central-1")

    assert made("sqs") is made("sqs")
    assert made("sqs").meta.region_name == "eu-central-1"
