"""boto3 clients that reach no network."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.contract.stubs import MakeClient, MakeStub, Stub

_CONFIG = Config(retries={"total_max_attempts": 1})  # a failure that a test injects is not tried again


@pytest.fixture
def make_client() -> MakeClient:
    def make(service: str) -> Any:
        return boto3.client(service, config=_CONFIG)  # type: ignore[call-overload]

    return make


@pytest.fixture
def make_stub(make_client: MakeClient) -> Iterator[MakeStub]:
    """Makes stubbed clients; a call that was expected and did not come fails the test."""
    with ExitStack() as stack:
        stubs: list[Stub] = []

        def make(service: str) -> Stub:
            stub = stack.enter_context(Stub(make_client(service)))
            stubs.append(stub)
            return stub

        yield make
        for stub in stubs:
            stub.assert_no_pending_responses()
