"""The operator's AWS: clients, and what its failures mean to a person."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeAlias

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
)
from botocore.exceptions import ConnectionError as NoConnection

from secretwatch.errors import SecretwatchError
from secretwatch_cli.failures import Unable

Clients: TypeAlias = Callable[[str], Any]
"""Gives the boto3 client of a service."""

# A person waits, and three tries outlast a moment's throttling.
_CONFIG = Config(connect_timeout=5, read_timeout=15, retries={"mode": "standard", "total_max_attempts": 3})

_LOG_IN_AGAIN = {
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "InvalidToken",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "NotAuthorized", "UnauthorizedOperation"}


def clients(*, profile: str | None, region: str | None) -> Clients:
    """Clients of a profile and Region, or of what the environment says; raises Unable when they cannot be made."""
    with told():
        session = boto3.Session(profile_name=profile, region_name=region)
        if not session.region_name:
            raise NoRegionError

    def client(service: str) -> Any:
        return session.client(service, config=_CONFIG)  # type: ignore[call-overload]

    return cache(client)


@contextmanager
def told() -> Iterator[None]:
    """Turn the failures of AWS, and of the package's adapters, into Unable. What nobody foresaw stays as it is."""
    try:
        yield
    except SecretwatchError as error:
        raise Unable(_reason(error.__cause__) if error.__cause__ else str(error)) from error
    except (BotoCoreError, ClientError) as error:
        raise Unable(_reason(error)) from error


_PLAIN: Mapping[type[BaseException], str] = {
    NoRegionError: "No AWS Region is set. Give --region, or set AWS_DEFAULT_REGION.",
    InvalidRegionError: "That is not the name of an AWS Region. Give --region, for example eu-west-1.",
    NoCredentialsError: "There are no AWS credentials. Log in, for example with `aws sso login`, or give --profile.",
}


def _reason(error: BaseException) -> str:
    """Why it failed, and what to do; botocore's own sentence where it says more than ours could."""
    if isinstance(error, ClientError):
        return _refusal(error)
    if plain := _PLAIN.get(type(error)):
        return plain
    sentence = str(error).rstrip(".")
    if isinstance(error, ProfileNotFound):
        return f"{sentence}. See `aws configure list-profiles`."
    if isinstance(error, (NoConnection, HTTPClientError)):
        return f"AWS did not answer: {sentence}. Check the network, and the Region."
    return f"{sentence}. Check the profile's settings, or log in again."  # what is left is mostly about credentials


def _refusal(error: ClientError) -> str:
    code, operation = error.response.get("Error", {}).get("Code", "unknown"), error.operation_name
    if code in _LOG_IN_AGAIN:
        return f"AWS does not take these credentials ({code}). Log in again, or give another --profile."
    if code in _DENIED:
        return f"You may not call {operation} ({code}). Ask for a policy that allows it."
    return f"{operation} failed: {code}."
