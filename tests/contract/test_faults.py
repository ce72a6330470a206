"""Whatever AWS does to a read of ours, no reference is called broken for it, and the reason is kept.

Each fault comes in the place of the answer in the function's own clients; nothing of the function is replaced.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError

from secretwatch.domain.finding import Verdict
from secretwatch.domain.reference import Reference
from secretwatch.domain.rules import AGENTCORE
from tests.contract.checking import ROLE, Deployed, Fault, deployed, label_updated
from tests.contract.stubs import raw
from tests.fakes import a_document, a_statement

CANARY = "canary-8c2f41"

# The reads of a check of a secret under a key that its policy leaves to IAM; what each leaves unknown names it.
READS = [
    "secrets-manager.DescribeSecret",
    "secrets-manager.ListResourcePolicies",
    "secrets-manager.GetResourcePolicy",
    "secrets-manager.GetSecretValue",
    "kms.DescribeKey",
    "kms.GetKeyPolicy",
    "kms.ListGrants",
    "iam.SimulatePrincipalPolicy",
    "dynamodb.GetItem",
]

# Without these there is nothing that an unknown could be kept beside: the record stays, and reaches the dead letters.
INDISPENSABLE = ["dynamodb.Query", "dynamodb.BatchGetItem", "dynamodb.PutItem"]


def refused(code: str, status: int = 400) -> Fault:
    """AWS's answer that it does not do it, in the form of either protocol."""

    def answer(request: Any) -> AWSResponse:
        if "//iam." in request.url:
            error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{CANARY}</Message></Error>"
            body = f"<ErrorResponse>{error}<RequestId>r-1</RequestId></ErrorResponse>"
            return raw(request, body, status=status, content_type="text/xml")
        return raw(request, {"__type": code, "message": CANARY}, status=status)

    return answer


def cut_off(request: Any) -> AWSResponse:
    """The connection broke in the middle of a good answer."""
    return raw(request, '{"ARN": "arn:aws:sec' if "//iam." not in request.url else "<SimulatePrincipalPolicyRes")


def too_late(request: Any) -> AWSResponse:
    raise ReadTimeoutError(endpoint_url=request.url)


FAULTS: list[tuple[str, Fault, str, bool]] = [
    ("access denied", refused("AccessDeniedException"), "AccessDeniedException", False),
    ("throttled", refused("ThrottlingException"), "ThrottlingException", True),
    ("a server error", refused("InternalServiceError", 500), "InternalServiceError", True),
    ("unavailable", refused("ServiceUnavailable", 503), "ServiceUnavailable", True),
    ("a time-out", too_late, "ReadTimeoutError", True),
    ("cut off", cut_off, "ResponseParserError", True),
]
faults = pytest.mark.parametrize(
    ("fault", "word", "passes"), [one[1:] for one in FAULTS], ids=[one[0] for one in FAULTS]
)


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    with deployed(monkeypatch, REQUIRED_READERS=f"{AGENTCORE},{ROLE}") as function:
        yield function


@pytest.fixture
def secret(function: Deployed) -> str:
    """A secret under a key of its own, which names AgentCore and leaves roles to their own policies."""
    account = {"AWS": ROLE.replace("role/support-bot", "root")}
    policy = a_document(a_statement(Action="kms:Decrypt"), a_statement(Principal=account, Action="kms:*"))
    key = function.client("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"]
    return function.secret(KmsKeyId=key)


@pytest.fixture
def reference(function: Deployed, secret: str) -> Reference:
    """A reference that was found to resolve; the secret has a new version since."""
    (reference,) = function.references(secret)
    assert function.handle(label_updated(secret)) == []
    assert function.state(reference).verdict is Verdict.RESOLVES
    function.client("secretsmanager").put_secret_value(SecretId=secret, SecretString='{"client_secret": "another"}')
    return reference


def test_the_reads_of_a_check_are_those_that_fail_here(function: Deployed, secret: str, reference: Reference) -> None:
    assert function.handle(label_updated(secret)) == []
    assert {*function.calls} == {*READS, "dynamodb.Query", "dynamodb.PutItem"}


@faults
@pytest.mark.parametrize("read", READS)
def test_a_read_that_fails_is_unknown_breaks_nothing_and_is_tried_again_if_that_can_help(
    function: Deployed, secret: str, reference: Reference, read: str, fault: Fault, word: str, *, passes: bool
) -> None:
    function.faults[read] = fault

    left = function.handle(label_updated(secret))
    state = function.state(reference)

    assert left == (["message-0"] if passes else [])
    assert (state.verdict, state.findings) == (Verdict.RESOLVES, ())
    assert state.unknown is not None
    assert state.unknown.reason.startswith(f"{read.split('.')[1]}: {word}")
    assert CANARY not in state.unknown.reason

    function.faults.clear()
    assert function.handle(label_updated(secret)) == []
    assert function.state(reference).unknown is None


@pytest.mark.parametrize("fault", [refused("AccessDeniedException"), cut_off], ids=["access denied", "cut off"])
@pytest.mark.parametrize("read", READS)
def test_what_is_broken_stays_so_whatever_read_fails(
    function: Deployed, secret: str, reference: Reference, read: str, fault: Fault
) -> None:
    function.client("secretsmanager").put_secret_value(SecretId=secret, SecretString="{}")
    function.handle(label_updated(secret))
    broken = function.state(reference)
    assert broken.verdict is Verdict.BROKEN
    function.faults[read] = fault

    function.handle(label_updated(secret))

    assert function.state(reference).verdict is Verdict.BROKEN
    assert {one.code for one in function.state(reference).findings} == {one.code for one in broken.findings}


@faults
@pytest.mark.parametrize("call", INDISPENSABLE)
def test_without_the_registry_nothing_is_decided_and_the_record_stays(
    function: Deployed, secret: str, reference: Reference, call: str, fault: Fault, word: str, *, passes: bool
) -> None:
    function.client("secretsmanager").put_secret_value(SecretId=secret, SecretString="{}")
    function.faults[call] = fault

    left = function.handle(label_updated(secret))
    function.faults.clear()

    assert left == ["message-0"]
    assert function.state(reference).verdict is Verdict.RESOLVES


def test_no_answer_of_aws_reaches_the_log(
    function: Deployed, secret: str, reference: Reference, capsys: pytest.CaptureFixture[str]
) -> None:
    for read in [*READS, *INDISPENSABLE]:
        function.faults = {read: refused("AccessDeniedException")}
        function.handle(label_updated(secret))

    assert CANARY not in capsys.readouterr().out
