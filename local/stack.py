"""Starts and stops the embedded AWS, and deploys the template to it.

Needs boto3 only: the server and the SAM CLI run as processes, in environments of their own.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.loaders import Loader

ROOT = Path(__file__).resolve().parent.parent
STATE_DIR = ROOT / ".local"
SERVER_PYTHON = ROOT / ".venv" / "local" / "bin" / "python"
SAM = ROOT / ".venv" / "sam" / "bin" / "sam"
STACK_NAME = "secretwatch"

ACCOUNT = "111122223333"
REGION = "us-east-1"
CREDENTIAL = "test"
"""MiniStack's access key of the account's root, and its secret key too."""
LOOPBACK = "127.0.0.1"
USUAL_PORT = 4566

START_SECONDS = 60.0
STOP_SECONDS = 15.0
PAUSE_SECONDS = 0.05

Report = Callable[[str], None]


class EmbeddedAwsError(Exception):
    """The embedded AWS did not start, stop or deploy; says why, for a person."""


@dataclass(frozen=True)
class EmbeddedAws:
    """A running embedded AWS."""

    endpoint: str
    account: str
    region: str
    state_dir: Path
    pid: int

    def client(self, service: str) -> Any:
        """Return a boto3 client of the service, as the account's root; deaf to the caller's own AWS configuration."""
        session = boto3.Session(CREDENTIAL, CREDENTIAL, region_name=self.region)
        client: Any = session.client  # a name that is only known when it runs fits none of the stubs' overloads
        return client(service, endpoint_url=self.endpoint, config=Config(proxies={}))

    def agentcore(self, command: str, **arguments: Any) -> None:
        """Ask AgentCore for what its API cannot: a method of ``agentcore_identity.Controls``, by name."""
        self._ask("agentcore", command, arguments)

    def secretsmanager(self, command: str, **arguments: Any) -> None:
        """Ask Secrets Manager for what only AWS does to a secret.

        A command is attach_policy, detach_policy or amend of ``secretsmanager_patches``, or ``recorder.fail_rotation``.
        """
        self._ask("secretsmanager", command, arguments)

    def delete_key(self, key: str) -> None:
        """Delete a key whose deletion is scheduled, as if its waiting period were over."""
        self._ask("kms", "delete_key", {"key": key})

    def put_event(self, event: Mapping[str, Any]) -> None:
        """Put an event on the default bus as if AWS had sent it."""
        self._ask("events", "put_event", {"event": event})

    def confirm_subscription(self, endpoint: str) -> None:
        """Follow the link in the mail by which SNS asks an address whether it wants a topic's messages."""
        self._ask("sns", "confirm", {"endpoint": endpoint})

    def quotas(self, command: str, **arguments: Any) -> Any:
        """Impose or lift quotas, or return the counts: a method of ``quotas.Quotas``, by name."""
        return self._ask("quotas", command, arguments)

    def _ask(self, subject: str, command: str, arguments: Mapping[str, Any]) -> Any:
        """Ask for what no API offers; raises EmbeddedAwsError when the command makes no sense."""
        url, body = f"{self.endpoint}/_local/{subject}/{command}", json.dumps(arguments).encode()
        try:
            return json.loads(_post(url, body) or b"null")
        except urllib.error.HTTPError as error:
            raise EmbeddedAwsError(f"{command}: {error.read().decode()}") from error

    def environment(self) -> dict[str, str]:
        """Return the environment variables by which the AWS CLI and SDKs find it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": CREDENTIAL,
            "AWS_SECRET_ACCESS_KEY": CREDENTIAL,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": f"{LOOPBACK},localhost",
        }


# ----------------------------------------------------------------------------------------------------------------------
# The server. It inherits a lock on a file in the state directory, and writes the state there: while the lock is held,
# the process id in the state is the server's own and no stranger's, and when the server ends, however it does, the lock
# is free. So whoever starts it may end at any moment.
# ----------------------------------------------------------------------------------------------------------------------


def start(port: int | None = None, state_dir: Path = STATE_DIR, *, python: Path = SERVER_PYTHON) -> EmbeddedAws:
    """Start the server on a port of loopback, any free one by default, and return when it is healthy.

    Raises EmbeddedAwsError when one runs in this state directory already, when the port is taken, or when the server
    ends or stays unhealthy: then with the end of its log.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    if not python.exists():
        raise EmbeddedAwsError(f"no Python for the embedded AWS at {python}: `make` creates it")
    with _lock(state_dir) as lock:
        if lock is None:
            raise EmbeddedAwsError(f"an embedded AWS runs already, see {state_dir}")
        port = port or free_port()
        if not is_free(port):
            raise EmbeddedAwsError(f"port {port} is taken")
        process = _spawn(python, port, state_dir, lock)
    aws = EmbeddedAws(f"http://{LOOPBACK}:{port}", ACCOUNT, REGION, state_dir.resolve(), process.pid)
    _await_health(aws, process)
    process.returncode = 0  # from here on the server is known by its id: Popen need not warn that it still runs
    return aws


def running(state_dir: Path = STATE_DIR) -> EmbeddedAws | None:
    """Return the embedded AWS that was started in this state directory and answers, or None."""
    aws = _alive(state_dir)
    return aws if aws and _is_healthy(aws) else None


def stop(state_dir: Path = STATE_DIR) -> bool:
    """End the server with its function processes, and nothing else; False when none runs.

    One that has just been started is waited for until it says who it is.
    """
    _is_true_within(STOP_SECONDS, lambda: _alive(state_dir) is not None or not _is_locked(state_dir))
    aws = _alive(state_dir)
    if aws is None and _is_locked(state_dir):
        raise EmbeddedAwsError(f"an embedded AWS holds {state_dir / 'server.lock'} and does not say who it is")
    if aws is not None:
        _end(aws.pid, state_dir)
    _forget(state_dir)
    return aws is not None


def announce(state_dir: Path) -> None:
    """Write the state that `running` and `stop` read: the server's part, in its own process."""
    endpoint = f"http://{LOOPBACK}:{os.environ['GATEWAY_PORT']}"
    _write_state(EmbeddedAws(endpoint, ACCOUNT, REGION, state_dir, os.getpid()))


def models_in(state_dir: Path) -> Path:
    """Return where the server finds AgentCore's models: the product's own, newer than MiniStack's botocore."""
    return state_dir.resolve() / "tmp" / "models"


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of loopback."""
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _spawn(python: Path, port: int, state_dir: Path, lock: int) -> subprocess.Popen[bytes]:
    """Start the server in a session of its own, so that its function processes can be ended with it."""
    scratch = state_dir.resolve() / "tmp"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    (state_dir / "server.json").unlink(missing_ok=True)
    _link_models(models_in(state_dir))
    environment = {
        **_without_aws(os.environ),
        "BIND_HOST": LOOPBACK,
        "GATEWAY_PORT": str(port),
        "AUTH": "true",
        "LAMBDA_EXECUTOR": "local",
        "IOT_MTLS_ENABLED": "0",  # would listen on every interface
        "SFTP_ENABLED": "0",
        "MINISTACK_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MOTO_ACCOUNT_ID": ACCOUNT,
        "NO_PROXY": f"{LOOPBACK},localhost",
        "TMPDIR": str(scratch),
        "STATE_DIR": str(scratch / "state"),  # this and the next: MiniStack's own default is a fixed place
        "S3_DATA_DIR": str(scratch / "s3"),
        "PYTHONUNBUFFERED": "1",
    }
    with (state_dir / "server.log").open("wb") as log:
        return subprocess.Popen(
            [python, "-m", "local.server", state_dir.resolve()],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=[lock],
            start_new_session=True,
        )


def _link_models(models: Path) -> None:
    models.mkdir()
    for service in ("bedrock-agentcore", "bedrock-agentcore-control"):
        (models / service).symlink_to(Path(Loader.BUILTIN_DATA_PATH) / service)


def _without_aws(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that do not steer AWS clients or emulators: the caller's own account stays out of reach."""
    steering = ("AWS_", "MINISTACK_", "MOTO_", "LOCALSTACK_", "LAMBDA_", "SAM_CLI_", "PYTHONPATH", "SERVICES")
    return {name: value for name, value in environment.items() if not name.startswith(steering)}


def _await_health(aws: EmbeddedAws, process: subprocess.Popen[bytes]) -> None:
    """Wait for the server to answer; end it when it does not in time, and say so when it ended by itself."""
    _is_true_within(START_SECONDS, lambda: process.poll() is not None or _is_healthy(aws))
    if process.poll() is None and _is_healthy(aws):
        return
    ended = process.poll()
    _end(process.pid, aws.state_dir)
    _forget(aws.state_dir)
    what = "did not answer in time" if ended is None else f"ended with exit status {ended}"
    raise EmbeddedAwsError(f"the embedded AWS {what}; the end of its log:\n{_tail(aws.state_dir / 'server.log')}")


def _is_healthy(aws: EmbeddedAws) -> bool:
    try:
        return _open(f"{aws.endpoint}/_ministack/health") == 200
    except (OSError, urllib.error.URLError):
        return False


def _open(url: str) -> int:
    """Send a request past any proxy; returns the status of an answer that is no error."""
    with _direct().open(url, timeout=2) as answer:
        return int(answer.status)


def _post(url: str, body: bytes) -> bytes:
    """Send a body past any proxy; returns that of an answer that is no error."""
    with _direct().open(url, body, timeout=2) as answer:
        answered: bytes = answer.read()
        return answered


def _direct() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _is_true_within(seconds: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not (holds := condition()) and time.monotonic() < deadline:
        time.sleep(PAUSE_SECONDS)
    return holds


def _tail(log: Path, lines: int = 30) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def _end(pid: int, state_dir: Path) -> None:
    """End the server, gently first, with all processes of its group."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        _signal_group(pid, how)
        if _is_true_within(STOP_SECONDS, lambda: not _is_locked(state_dir) and not _has_processes(pid)):
            return
    raise EmbeddedAwsError(f"the embedded AWS, process {pid}, does not end")


def _signal_group(pid: int, how: int) -> bool:
    """Signal every process of the server's group; False when none is left. A group's id is not reused before."""
    try:
        os.killpg(pid, how)
    except ProcessLookupError:
        return False
    return True


def _has_processes(pid: int) -> bool:
    """Whether any process of the group is left; an ended one counts until its parent, maybe we, heard of it."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    return _signal_group(pid, 0)


# --- State


@contextmanager
def _lock(state_dir: Path) -> Iterator[int | None]:
    """Hold the lock that means "a server runs", or yield None when a server has it."""
    with (state_dir / "server.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield file.fileno()


def _alive(state_dir: Path) -> EmbeddedAws | None:
    """Return what the state says, provided that the server's lock is held."""
    state = state_dir / "server.json"
    if not state.exists() or not _is_locked(state_dir):
        return None
    found = json.loads(state.read_text())
    return EmbeddedAws(**{**found, "state_dir": state_dir.resolve()})


def _is_locked(state_dir: Path) -> bool:
    if not (state_dir / "server.lock").exists():
        return False
    with _lock(state_dir) as lock:
        return lock is None


def _write_state(aws: EmbeddedAws) -> None:
    state = {"endpoint": aws.endpoint, "account": aws.account, "region": aws.region, "pid": aws.pid}
    half_written = aws.state_dir / "server.json.new"
    half_written.write_text(json.dumps(state, indent=2) + "\n")
    half_written.replace(aws.state_dir / "server.json")


def _forget(state_dir: Path) -> None:
    (state_dir / "server.json").unlink(missing_ok=True)
    shutil.rmtree(state_dir / "tmp", ignore_errors=True)


# ----------------------------------------------------------------------------------------------------------------------
# The stack
# ----------------------------------------------------------------------------------------------------------------------


PARAMETERS = {
    "SecretArnPatterns": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:*",
    "DigestAfter": "1000",
}
"""For whoever has no others in mind: the stack may see every secret of the embedded AWS, and tells of each singly."""

SOURCES = ("template.yaml", "functions", "layers", "workflows", "requirements", "pyproject.toml")
"""What `sam build` reads."""

NEVER_CAME_UP = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "REVIEW_IN_PROGRESS"})
"""States of a stack that CloudFormation only lets one delete."""


def deploy(
    aws: EmbeddedAws,
    parameters: Mapping[str, str],
    stack_name: str = STACK_NAME,
    *,
    report: Report = lambda _line: None,
    sam: Path = SAM,
    root: Path = ROOT,
) -> dict[str, str]:
    """Build the application when its sources changed, deploy it unchanged, and return the stack's outputs.

    Raises EmbeddedAwsError with the end of SAM's output, or with what CloudFormation says of each resource that failed.
    """
    if not sam.exists():
        raise EmbeddedAwsError(f"no SAM CLI at {sam}: `make` installs it")
    _build(aws, sam, root, report)
    _delete_remains(aws, stack_name)
    report(f"sam deploy: the stack {stack_name}, to {aws.endpoint}")
    began = time.time()
    status = _run_sam(aws, sam, root, _deploy_arguments(aws, parameters, stack_name))
    if status != 0:
        raise EmbeddedAwsError(_why_failed(aws, stack_name, began))
    return _outputs(aws, stack_name)


def _build(aws: EmbeddedAws, sam: Path, root: Path, report: Report) -> None:
    """One build at a time: whoever comes second finds what the first has built."""
    (root / ".aws-sam").mkdir(exist_ok=True)
    with (root / ".aws-sam" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _build_what_changed(aws, sam, root, report)


def _build_what_changed(aws: EmbeddedAws, sam: Path, root: Path, report: Report) -> None:
    digest, stamp = _digest_of_sources(root), root / ".aws-sam" / "sources.sha256"
    if (root / ".aws-sam" / "build" / "template.yaml").exists() and stamp.exists() and stamp.read_text() == digest:
        report("sam build: nothing changed")
        return
    report("sam build")
    stamp.unlink(missing_ok=True)
    if _run_sam(aws, sam, root, ["build"]) != 0:
        raise EmbeddedAwsError(f"sam build failed; the end of its output:\n{_tail(aws.state_dir / 'sam.log')}")
    stamp.write_text(digest)


def _digest_of_sources(root: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(_source_files(root)):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root)} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _source_files(root: Path) -> Iterator[Path]:
    for source in (root / name for name in SOURCES):
        found = source.rglob("*") if source.is_dir() else [source]
        yield from (path for path in found if path.is_file() and path.suffix != ".pyc")


def _deploy_arguments(aws: EmbeddedAws, parameters: Mapping[str, str], stack_name: str) -> list[str]:
    return [
        "deploy",
        *("--stack-name", stack_name),
        *("--region", aws.region),
        "--resolve-s3",
        *("--capabilities", "CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"),
        "--no-confirm-changeset",
        "--no-fail-on-empty-changeset",
        *(["--parameter-overrides", *map(_override, parameters.items())] if parameters else []),
    ]


def _override(parameter: tuple[str, str]) -> str:
    """Quote a value as SAM reads it, which splits at spaces."""
    name, value = parameter
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{name}="{escaped}"'


def _run_sam(aws: EmbeddedAws, sam: Path, root: Path, arguments: list[str]) -> int:
    """Run the SAM CLI against the embedded AWS; its output goes to a log beside the server's."""
    environment = {
        **_without_aws(os.environ),
        **aws.environment(),
        "SAM_CLI_TELEMETRY": "0",
        "__SAM_CLI_APP_DIR": str(aws.state_dir / "sam"),
    }
    with (aws.state_dir / "sam.log").open("wb") as log:
        return subprocess.run(
            [sam, *arguments],
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode


def _delete_remains(aws: EmbeddedAws, stack_name: str) -> None:
    """Delete a stack that never came up: CloudFormation would refuse to update it."""
    stack = _describe(aws, stack_name)
    if stack and stack["StackStatus"] in NEVER_CAME_UP:
        cloudformation = aws.client("cloudformation")
        cloudformation.delete_stack(StackName=stack_name)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack_name, WaiterConfig={"Delay": 1})


def _why_failed(aws: EmbeddedAws, stack_name: str, since: float) -> str:
    """Say what failed in this deployment: each resource's own reason, or else the end of SAM's output."""
    events = _events(aws, stack_name)
    failed = [
        f"{event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ResourceStatusReason', 'no reason')}"
        for event in reversed(events)
        if event["ResourceStatus"].endswith("_FAILED") and event["Timestamp"].timestamp() >= since - 1
    ]
    reasons = "\n".join(failed) or f"the end of SAM's output:\n{_tail(aws.state_dir / 'sam.log')}"
    return f"the stack {stack_name} was not deployed:\n{reasons}"


def _events(aws: EmbeddedAws, stack_name: str) -> list[dict[str, Any]]:
    try:
        events: list[dict[str, Any]] = aws.client("cloudformation").describe_stack_events(StackName=stack_name)[
            "StackEvents"
        ]
    except ClientError:  # there is no such stack: SAM failed before CloudFormation had one
        return []
    return events


def _describe(aws: EmbeddedAws, stack_name: str) -> dict[str, Any] | None:
    try:
        stacks: list[dict[str, Any]] = aws.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return stacks[0]


def _outputs(aws: EmbeddedAws, stack_name: str) -> dict[str, str]:
    stack = _describe(aws, stack_name) or {}
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
