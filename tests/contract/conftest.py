"""boto3 clients that reach no network: each answers what the test says, and checks it against the service model."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber

from tests.fakes import REGION

_CONFIG = Config(retries={"total_max_attempts": 1})  # a failure that a test injects is not tried again


@pytest.fixture
def make_client() -> Callable[[str], Any]:
    def make(service: str) -> Any:
        return boto3.client(  # type: ignore[call-overload]
            service,
            region_name=REGION,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            config=_CONFIG,
        )

    return make


@pytest.fixture
def make_stub(make_client: Callable[[str], Any]) -> Iterator[Callable[[str], Stubber]]:
    """Makes stubbed clients; a call that was expected and did not come fails the test."""
    with ExitStack() as stack:

        def make(service: str) -> Stubber:
            stub = stack.enter_context(Stubber(make_client(service)))
            stubs.append(stub)
            return stub

        stubs: list[Stubber] = []
        yield make
        for stub in stubs:
            stub.assert_no_pending_responses()
