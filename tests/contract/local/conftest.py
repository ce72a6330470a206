"""AgentCore Identity in moto, for real boto3 clients in this process."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from local import agentcore_identity

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    agentcore_identity.install()
    with mock_aws():
        yield


@cache
def client() -> Any:
    """The client that most tests share: making one takes longer than a test."""
    return boto3.client("bedrock-agentcore-control")


@pytest.fixture
def agentcore(aws: None) -> Any:
    return client()


@pytest.fixture
def secret_arn(aws: None) -> str:
    return str(boto3.client("secretsmanager").create_secret(Name="team/weather", SecretString="{}")["ARN"])
