"""Traces as the X-Ray daemon gets them: the function's own process, and what it sends."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TRACE = "1-67a1b2c3-0123456789abcdef01234567"
INVOCATION = "53995c3f42cd8ad8"

# As on Lambda: one reference is broken, and its facts were read on the pool's threads.
PROGRAM = """
import boto3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from moto import mock_aws
from secretwatch import telemetry
from secretwatch.checking import Checked
from secretwatch.domain.finding import Code, Finding, Verdict
from secretwatch.domain.state import ReferenceState
from tests.fakes import NOON, a_reference
from tests.lambdas import Context

POOL = ThreadPoolExecutor(max_workers=2)

@telemetry.instrumented
def handler(event, context):
    client, pool = boto3.client("secretsmanager"), telemetry.pool(POOL)
    for reading in [pool.submit(client.list_secrets) for _ in range(3)]:
        reading.result()
    found = Finding(Code.JSON_KEY_MISSING, "it lacks the key", "Store it.")
    state = ReferenceState(a_reference(), 1, Verdict.BROKEN, (found,), checked_at=NOON)
    telemetry.reference_checked(Checked(replace(state, verdict=None), state, None))

with mock_aws():
    handler({}, Context())
"""


class Daemon:
    """Takes what the SDK sends over UDP; the program is done before anybody looks."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"

    def segments(self) -> Iterator[dict[str, Any]]:
        while True:
            try:
                header, _, segment = self._socket.recv(65_536).partition(b"\n")
            except BlockingIOError:
                return
            assert json.loads(header)["format"] == "json"
            yield json.loads(segment)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    daemon = Daemon()
    yield daemon
    daemon.close()


def run(daemon: Daemon, **environment: str) -> None:
    path = os.pathsep.join(str(ROOT / part) for part in (".", "layers/secretwatch/python"))
    lambdas = {
        "PYTHONPATH": path,
        "LAMBDA_TASK_ROOT": str(ROOT),
        "_X_AMZN_TRACE_ID": f"Root={TRACE};Parent={INVOCATION};Sampled=1",
        "AWS_XRAY_DAEMON_ADDRESS": daemon.address,
    }
    subprocess.run(
        [sys.executable, "-c", PROGRAM], env={**os.environ, **lambdas, **environment}, check=True, capture_output=True
    )


def test_calls_on_the_pools_threads_belong_to_the_invocation(daemon: Daemon) -> None:
    run(daemon, POWERTOOLS_TRACE_DISABLED="false")

    segments = list(daemon.segments())
    (handler,) = [one for one in segments if one["name"] == "## handler"]
    calls = [one for one in segments if one["name"] == "secretsmanager"]
    assert {one["trace_id"] for one in segments} == {TRACE}
    assert handler["parent_id"] == INVOCATION
    assert [one["parent_id"] for one in calls] == [handler["id"]] * 3


def test_a_trace_is_found_by_kind_verdict_and_code_and_by_no_identifier(daemon: Daemon) -> None:
    run(daemon, POWERTOOLS_TRACE_DISABLED="false")

    (reference,) = [one for one in daemon.segments() if one["name"] == "reference"]
    assert reference["annotations"] == {"providerKind": "OAUTH2", "verdict": "BROKEN", "code": "JSON_KEY_MISSING"}


@pytest.mark.parametrize("environment", [{}, {"POWERTOOLS_TRACE_DISABLED": "true"}], ids=["unset", "off"])
def test_without_the_switch_nothing_is_traced(daemon: Daemon, environment: dict[str, str]) -> None:
    run(daemon, **environment)

    assert list(daemon.segments()) == []
