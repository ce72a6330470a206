"""The orchestrator's own decisions; what it starts is exercised end to end."""

from __future__ import annotations

import json
import os
import socket
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from local import stack
from local.__main__ import main
from local.stack import EmbeddedAws, EmbeddedAwsError

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = {"template.yaml": "Resources: {}", "functions/check/app.py": "1", "layers/x/python/x.py": "2"}


@pytest.fixture
def application(tmp_path: Path) -> Path:
    for name, content in SOURCES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path


def test_nothing_runs_where_nothing_was_started(tmp_path: Path) -> None:
    assert stack.running(tmp_path / "missing") is None
    assert stack.stop(tmp_path / "missing") is False


def test_a_stale_state_ends_no_stranger(tmp_path: Path) -> None:
    stranger = os.getpid()
    state = {"endpoint": "http://127.0.0.1:1", "account": "1", "region": "us-east-1", "pid": stranger}
    (tmp_path / "server.json").write_text(json.dumps(state))

    assert stack.running(tmp_path) is None
    assert stack.stop(tmp_path) is False
    assert not (tmp_path / "server.json").exists()


def test_a_server_that_ends_at_once_is_an_error_with_its_log(tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text(f"#!/bin/sh\necho no module named ministack\nexec {sys.executable} -c 'raise SystemExit(3)'\n")
    broken.chmod(0o755)

    with pytest.raises(EmbeddedAwsError, match="exit status 3") as failed:
        stack.start(None, tmp_path / "state", python=broken)

    assert "no module named ministack" in str(failed.value)
    assert stack.stop(tmp_path / "state") is False


@pytest.mark.parametrize("heard", [False, True])
def test_a_server_whose_starter_was_killed_is_found_and_ended(tmp_path: Path, heard: bool) -> None:
    server = (
        "import pathlib, signal, sys; from local import stack; "
        "stack.announce(pathlib.Path(sys.argv[-1])); signal.pause()"
    )
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{server}" "$@"\n')
    python.chmod(0o755)
    with stack._lock(tmp_path) as lock:
        assert lock is not None
        process = stack._spawn(python, 1, tmp_path, lock)  # as far as `start` came
    if heard:
        assert stack._is_true_within(30, (tmp_path / "server.json").exists)

    assert stack.stop(tmp_path) is True

    process.returncode = 0  # `stop` has waited for it
    assert not stack._signal_group(process.pid, 0)
    assert stack.stop(tmp_path) is False


def test_a_command_to_agentcore_that_makes_no_sense_says_why(tmp_path: Path) -> None:
    class Refusing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.send_response(400)
            self.end_headers()
            self.wfile.write(b"there is no such thing")

        def log_message(self, *_: object) -> None:
            pass

    asked: list[tuple[str, object]] = []
    with HTTPServer((stack.LOOPBACK, 0), Refusing) as server:
        Thread(target=server.handle_request).start()
        aws = EmbeddedAws(f"http://{stack.LOOPBACK}:{server.server_port}", "1", "us-east-1", tmp_path, 1)

        with pytest.raises(EmbeddedAwsError, match="there is no such thing"):
            aws.agentcore("fail", operation="GetTokenVault")

    assert asked == [("/_local/agentcore/fail", {"operation": "GetTokenVault"})]


def test_a_missing_environment_is_named(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedAwsError, match="missing"):
        stack.start(None, tmp_path, python=tmp_path / "missing")


def test_a_taken_port_is_refused(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind((stack.LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(EmbeddedAwsError, match=f"port {port} is taken"):
            stack.start(port, tmp_path, python=stack.ROOT / "template.yaml")


def test_the_callers_own_aws_stays_out(tmp_path: Path) -> None:
    environment = stack._without_aws(
        {"PATH": "/bin", "AWS_PROFILE": "production", "AWS_SESSION_TOKEN": "t", "MINISTACK_HOST": "h"}
    )
    aws = EmbeddedAws("http://127.0.0.1:4566", "111122223333", "us-east-1", tmp_path, 1)

    assert environment == {"PATH": "/bin"}
    assert aws.environment()["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert aws.client("sqs").meta.endpoint_url == "http://127.0.0.1:4566"


@pytest.mark.parametrize("changed", [*SOURCES, "functions/new/app.py"])
def test_a_changed_source_changes_the_digest(application: Path, changed: str) -> None:
    before = stack._digest_of_sources(application)
    (application / changed).parent.mkdir(parents=True, exist_ok=True)
    (application / changed).write_text("changed")

    assert stack._digest_of_sources(application) != before


def test_bytecode_and_other_files_do_not(application: Path) -> None:
    before = stack._digest_of_sources(application)
    (application / "functions/check/app.cpython-311.pyc").write_bytes(b"1")
    (application / "README.md").write_text("changed")

    assert stack._digest_of_sources(application) == before


@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        ("rate(1 hour)", 'Name="rate(1 hour)"'),
        ("arn:a,arn:b", 'Name="arn:a,arn:b"'),
        ('a "quote"', 'Name="a \\"quote\\""'),
        ("", 'Name=""'),
    ],
)
def test_parameters_are_quoted_for_sam(value: str, quoted: str) -> None:
    assert stack._override(("Name", value)) == quoted


class TestCommands:
    def test_stop_says_so_when_nothing_runs(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--state-dir", str(tmp_path), "stop"]) == 0
        assert capsys.readouterr().out == "No embedded AWS runs.\n"

    def test_status_fails_when_nothing_runs(self, tmp_path: Path) -> None:
        assert main(["--state-dir", str(tmp_path), "status"]) == 1

    def test_env_fails_when_nothing_runs(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--state-dir", str(tmp_path), "env"]) == 1
        assert "no embedded AWS runs" in capsys.readouterr().err

    def test_a_parameter_needs_a_name_and_a_value(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            main(["up", "SecretArnPatterns"])

        assert "NAME=VALUE" in capsys.readouterr().err
