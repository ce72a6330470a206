"""For each code the smallest facts that yield it, and the nearest ones that do not."""

import json
import shlex
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from secretwatch.domain.catalogue import EXPLANATIONS
from secretwatch.domain.facts import (
    Facts,
    IdentityDecision,
    KeyDescription,
    KeyFacts,
    NoSuchKey,
    NoSuchProvider,
    NoSuchSecret,
    Rotation,
    SecretDescription,
    ValueFacts,
    ValueShape,
)
from secretwatch.domain.finding import Code, Finding, Verdict, severity_of
from secretwatch.domain.judging import judge
from secretwatch.domain.key import KeyId
from secretwatch.domain.observed import FailedRotation, Observations, ObservedRead
from secretwatch.domain.reference import ProviderStatus, Reference
from secretwatch.domain.rules import Rules
from secretwatch.policy import Policy
from tests.fakes import (
    ACCOUNT,
    KEY_ARN,
    LETS_AGENTCORE_DECRYPT,
    NOON,
    REGION,
    a_document,
    a_reference,
    a_statement,
    facts,
    secret_arn,
)

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
OTHER_REGION, OTHER_ACCOUNT = "eu-central-1", "444455556666"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/support-bot"
KEY = KeyId(KEY_ARN)
DENY = a_statement(Sid="OnlyFromHome", Effect="Deny", Condition={"StringNotEquals": {"aws:SourceVpce": "vpce-1"}})
NO_DENY = a_statement(
    Sid="OnlyFromHome", Effect="Deny", Condition={"StringNotEqualsIfExists": {"aws:PrincipalIsAWSService": "true"}}
)
IN_THE_ORGANIZATION = {"StringEquals": {"aws:SourceOrgID": "o-1a2b3c4d5e"}}
OURS = a_statement(Condition={"StringEqualsIfExists": {"aws:SourceAccount": ACCOUNT}})


def elsewhere(arn: str) -> Reference:
    return a_reference(secret=arn)


def secret(**parts: Any) -> SecretDescription:
    return SecretDescription(**{"versions": {"AWSCURRENT": "v2", "AWSPREVIOUS": "v1"}, **parts})


def value(shape: ValueShape) -> ValueFacts:
    return ValueFacts("v2", {"client_secret": shape})


def policies(*statements: dict[str, Any]) -> tuple[Policy, ...]:
    return (Policy.parse(a_document(*statements)),)


def key(document: str = LETS_AGENTCORE_DECRYPT, **parts: Any) -> KeyFacts:
    return KeyFacts(KeyDescription(**{"arn": KEY_ARN, "state": "Enabled", **parts}), Policy.parse(document))


def under_key(found: KeyFacts, **others: Any) -> Facts:
    return facts(secret(key=KEY), key=found, **others)


def observed(**seen: Any) -> dict[str, Any]:
    """Something seen while access has been as it is for an hour."""
    return {"observations": Observations(**seen), "access_since": NOON - timedelta(hours=1)}


@dataclass(frozen=True)
class Row:
    """`has` yields the code alone, `lacks` is its nearest neighbour and yields nothing.

    `shows` are words of the evidence, `command` the operations of the finding's command.
    """

    code: Code
    has: Facts
    lacks: Facts
    shows: str
    command: str | None = None
    about: str = field(default_factory=secret_arn)
    reference: Reference = field(default_factory=a_reference)
    near: Reference | None = None
    rules: Rules = field(default_factory=Rules)


ROTATES = Rotation(enabled=True, last=NOON - 30 * DAY, next=NOON + DAY)
ROLE_READS = Rules(required_readers=(ROLE,))

TABLE = [
    Row(
        Code.SECRET_NOT_FOUND,
        facts(NoSuchSecret()),
        facts(),
        "knows no secret by this ARN",
    ),
    Row(
        Code.SECRET_RECREATED,
        facts(NoSuchSecret(recreated=secret_arn(suffix="z9y8x7"))),
        facts(),
        secret_arn(suffix="z9y8x7"),
    ),
    Row(
        Code.SECRET_PENDING_DELETION,
        facts(secret(deletion_date=NOON + 7 * DAY)),
        facts(secret()),
        "2026-11-30",
        "secretsmanager restore-secret",
    ),
    Row(
        Code.REGION_MISMATCH,
        facts(),
        facts(),
        f"the secret is in {OTHER_REGION}, the provider in {REGION}",
        about=secret_arn().replace(REGION, OTHER_REGION),
        reference=elsewhere(secret_arn().replace(REGION, OTHER_REGION)),
        near=a_reference(),
    ),
    Row(
        Code.NO_CURRENT_VERSION,
        facts(secret(versions={"AWSPREVIOUS": "v1"})),
        facts(secret(versions={"AWSCURRENT": "v2"})),
        "the previous version still is AWSPREVIOUS",
        "secretsmanager update-secret-version-stage",
    ),
    *(
        Row(
            code,
            facts(secret(), value(shape), previous=value(ValueShape.USABLE)),
            facts(secret(), value(ValueShape.USABLE), previous=value(ValueShape.USABLE)),
            words,
            "secretsmanager update-secret-version-stage",
        )
        for code, shape, words in (
            (Code.VALUE_NOT_JSON, ValueShape.NOT_JSON, "is not JSON"),
            (Code.VALUE_NOT_JSON, ValueShape.BINARY, "is binary"),
            (Code.VALUE_NOT_JSON, ValueShape.NOT_AN_OBJECT, "not an object"),
            (Code.JSON_KEY_MISSING, ValueShape.KEY_MISSING, "lacks JSON key `client_secret`"),
            (Code.JSON_KEY_NOT_A_STRING, ValueShape.NOT_A_STRING, "other than a string under JSON key `client_secret`"),
            (Code.JSON_KEY_EMPTY, ValueShape.EMPTY, "an empty string under JSON key `client_secret`"),
        )
    ),
    Row(
        Code.READER_NOT_ALLOWED,
        facts(policies=()),
        facts(policies=policies(a_statement())),
        "no policy lets AgentCore read it",
        "secretsmanager put-resource-policy",
    ),
    Row(
        Code.READER_NOT_ALLOWED,
        facts(policies=policies(a_statement(Action="secretsmanager:DescribeSecret"))),
        facts(policies=policies(a_statement(Action="secretsmanager:Get*"))),
        "no policy lets AgentCore read it",
    ),
    Row(
        Code.READER_NOT_ALLOWED,
        facts(policies=(), identities={(ROLE, "secretsmanager:GetSecretValue"): IdentityDecision.DENIED_IMPLICIT}),
        facts(policies=(), identities={(ROLE, "secretsmanager:GetSecretValue"): IdentityDecision.ALLOWED}),
        "no policy lets role support-bot read it",
        "secretsmanager put-resource-policy",
        rules=ROLE_READS,
    ),
    Row(
        Code.READER_UNPROVEN,
        facts(policies=(), **observed(read=ObservedRead(NOON - MINUTE))),
        facts(**observed(read=ObservedRead(NOON - MINUTE))),
        "and yet AgentCore read it at 2026-11-23 11:59 UTC",
        "secretsmanager put-resource-policy",
    ),
    Row(
        Code.READER_DENIED,
        facts(policies=policies(a_statement(), DENY)),
        facts(policies=policies(a_statement(), NO_DENY)),
        "statement `OnlyFromHome`, explicitly denies secretsmanager:GetSecretValue to AgentCore",
    ),
    Row(
        Code.READER_DENIED,
        facts(identities={(ROLE, "secretsmanager:GetSecretValue"): IdentityDecision.DENIED_EXPLICIT}),
        facts(identities={(ROLE, "secretsmanager:GetSecretValue"): IdentityDecision.ALLOWED}),
        "the role's own policies explicitly deny secretsmanager:GetSecretValue to role support-bot",
        rules=ROLE_READS,
    ),
    Row(
        Code.READER_DEPENDS,
        facts(policies=policies(a_statement(Sid=None, Condition=IN_THE_ORGANIZATION))),
        facts(policies=policies(a_statement(Condition={"StringEqualsIfExists": {"aws:SourceAccount": ACCOUNT}}))),
        "aws:SourceOrgID (statement number 1 of the secret's policy)",
    ),
    Row(
        Code.POLICY_INVALID,
        facts(policies=policies(a_statement(Effect="Permit"))),
        facts(policies=policies(a_statement())),
        "statement 1",
    ),
    Row(
        Code.POLICY_INVALID,
        under_key(key("{")),
        under_key(key()),
        "the key's policy is not understood: policy default: line 1",
        about=KEY_ARN,
    ),
    Row(
        Code.KEY_DISABLED,
        under_key(key(state="Disabled")),
        under_key(key(state="Updating")),
        f"the key is disabled and decrypts nothing: {KEY_ARN}",
        "kms enable-key",
        about=KEY_ARN,
    ),
    Row(
        Code.KEY_DISABLED,
        under_key(key(state="PendingImport")),
        under_key(key()),
        "in state PendingImport",
        about=KEY_ARN,
    ),
    Row(
        Code.KEY_PENDING_DELETION,
        under_key(key(state="PendingDeletion", deletion_date=NOON + 7 * DAY)),
        under_key(key()),
        "2026-11-30",
        "kms cancel-key-deletion",
        about=KEY_ARN,
    ),
    Row(
        Code.KEY_NOT_FOUND,
        under_key(KeyFacts(NoSuchKey())),
        under_key(key()),
        f"KMS knows no key {KEY_ARN}",
        about=KEY_ARN,
    ),
    Row(
        Code.KEY_NOT_ALLOWED,
        under_key(key(a_document(a_statement(Action="kms:Encrypt")))),
        under_key(key(a_document(a_statement(Action="kms:*")))),
        "no policy lets AgentCore decrypt with its key",
        about=KEY_ARN,
    ),
    Row(
        Code.CROSS_ACCOUNT_DEFAULT_KEY,
        facts(),
        under_key(key()),
        f"the secret of account {OTHER_ACCOUNT} is under aws/secretsmanager",
        about=secret_arn().replace(ACCOUNT, OTHER_ACCOUNT),
        reference=elsewhere(secret_arn().replace(ACCOUNT, OTHER_ACCOUNT)),
    ),
    Row(
        Code.CROSS_ACCOUNT_DEFAULT_KEY,
        under_key(key(customer_managed=False)),
        under_key(key()),
        f"the secret of account {OTHER_ACCOUNT} is under aws/secretsmanager",
        about=secret_arn().replace(ACCOUNT, OTHER_ACCOUNT),
        reference=elsewhere(secret_arn().replace(ACCOUNT, OTHER_ACCOUNT)),
    ),
    Row(
        Code.PROVIDER_FAILED,
        facts(provider=ProviderStatus("UPDATE_FAILED", "the discovery URL does not answer")),
        facts(provider=ProviderStatus("READY")),
        "the discovery URL does not answer",
        about=a_reference().provider_arn,
    ),
    Row(
        Code.PROVIDER_GONE,
        facts(provider=NoSuchProvider()),
        facts(),
        "crm-oauth",
        about=a_reference().provider_arn,
    ),
    Row(
        Code.OBSERVED_READ_DENIED,
        facts(**observed(denied=ObservedRead(NOON - MINUTE, error_code="AccessDenied"))),
        facts(**observed(denied=ObservedRead(NOON - 2 * DAY, error_code="AccessDenied"))),
        "AgentCore's own read at 2026-11-23 11:59:00 UTC failed: AccessDenied",
    ),
    Row(
        Code.ROTATION_FAILED,
        facts(secret(rotation=ROTATES), **observed(rotation_failed=FailedRotation(NOON - DAY))),
        facts(secret(rotation=ROTATES), **observed(rotation_failed=FailedRotation(NOON - 31 * DAY))),
        "the rotation of 2026-11-22 12:00 UTC failed",
        "secretsmanager rotate-secret",
    ),
    Row(
        Code.ROTATION_OVERDUE,
        facts(secret(rotation=Rotation(enabled=True, last=NOON - 30 * DAY, next=NOON - 2 * DAY))),
        facts(secret(rotation=Rotation(enabled=True, last=NOON - 30 * DAY, next=NOON - DAY / 2))),
        "due by 2026-11-21",
        "secretsmanager rotate-secret",
    ),
    Row(
        Code.ROTATION_OVERDUE,
        facts(secret(rotation=ROTATES)),
        facts(secret(rotation=Rotation(enabled=True, last=NOON - 29 * DAY))),
        "the value is from 2026-10-24, older than the 29 days",
        "secretsmanager rotate-secret",
        rules=Rules(rotation_max_age=29 * DAY),
    ),
    Row(
        Code.ROTATION_OFF,
        facts(secret()),
        facts(secret(rotation=ROTATES)),
        "rotation is required",
        rules=Rules(rotation=True),
    ),
    Row(
        Code.TAG_MISSING,
        facts(secret(tags={"Owner": "crm"})),
        facts(secret(tags={"owner": ""})),
        "lacks the tag `owner`",
        rules=Rules(required_tags={"owner": frozenset()}),
    ),
    Row(
        Code.TAG_VALUE_NOT_ALLOWED,
        facts(secret(tags={"stage": "Prod"})),
        facts(secret(tags={"stage": "prod"})),
        "the tag `stage`",
        rules=Rules(required_tags={"stage": frozenset({"prod", "test"})}),
    ),
    Row(
        Code.KEY_NOT_CUSTOMER_MANAGED,
        facts(secret()),
        under_key(key()),
        "aws/secretsmanager",
        rules=Rules(customer_managed_key=True),
    ),
    Row(
        Code.KEY_NOT_CUSTOMER_MANAGED,
        under_key(key(customer_managed=False)),
        under_key(key()),
        "aws/secretsmanager",
        rules=Rules(customer_managed_key=True),
    ),
    *(
        Row(
            Code.POLICY_TOO_BROAD,
            facts(policies=policies({**OURS, **parts})),
            facts(policies=policies(OURS)),
            words,
            rules=Rules(narrow_policy=True),
        )
        for parts, words in (
            (
                {"Condition": {"Bool": {"aws:SecureTransport": "true"}}},
                "AgentCore may read it for any account's agents",
            ),
            ({"Principal": "*"}, "anybody in any account may read it"),
            ({"Action": ["secretsmanager:GetSecretValue", "secretsmanager:Put*"]}, "AgentCore may change it"),
        )
    ),
]


def row_name(row: Row) -> str:
    return f"{row.code}: {row.shows}"


@pytest.mark.parametrize("row", TABLE, ids=row_name)
def test_the_smallest_facts_yield_the_code_and_say_what_shows_it(row: Row) -> None:
    judgement = judge(row.reference, row.has, row.rules)

    (finding,) = judgement.findings
    assert (finding.code, judgement.verdict, judgement.unknown) == (row.code, severity_of(row.code), None)
    assert row.shows in finding.evidence
    assert finding.remedy.endswith((".", "}"))
    assert finding.about == row.about
    assert operation(finding) == row.command


@pytest.mark.parametrize("row", TABLE, ids=row_name)
def test_the_nearest_facts_yield_nothing(row: Row) -> None:
    judgement = judge(row.near or row.reference, row.lacks, row.rules)

    assert (judgement.verdict, judgement.findings, judgement.unknown) == (Verdict.RESOLVES, (), None)


def test_no_code_is_missing() -> None:
    assert {row.code for row in TABLE} == set(Code)


def test_every_code_is_explained() -> None:
    assert set(EXPLANATIONS) == set(Code)
    assert all(one.meaning.endswith(".") and one.mend.endswith(".") for one in EXPLANATIONS.values())


def test_only_what_still_works_is_degraded() -> None:
    assert {code for code in Code if severity_of(code) is Verdict.DEGRADED} == {
        Code.READER_UNPROVEN,
        Code.READER_DEPENDS,
        Code.POLICY_INVALID,
        Code.ROTATION_FAILED,
        Code.ROTATION_OVERDUE,
        Code.ROTATION_OFF,
        Code.TAG_MISSING,
        Code.TAG_VALUE_NOT_ALLOWED,
        Code.KEY_NOT_CUSTOMER_MANAGED,
        Code.POLICY_TOO_BROAD,
    }


# --- commands

SAFE = {
    "kms cancel-key-deletion",
    "kms enable-key",
    "secretsmanager put-resource-policy",  # where there is none: it replaces nothing
    "secretsmanager restore-secret",
    "secretsmanager rotate-secret",
    "secretsmanager update-secret-version-stage",
}


def operation(finding: Finding) -> str | None:
    """The service and operation of a finding's command."""
    return " ".join(shlex.split(finding.command)[1:3]) if finding.command else None


@pytest.mark.parametrize("row", [row for row in TABLE if row.command], ids=row_name)
def test_a_command_is_a_safe_one_on_the_secret_or_its_key_in_their_region(row: Row) -> None:
    (finding,) = judge(row.reference, row.has, row.rules).findings
    words = shlex.split(finding.command or "")

    assert words[0] == "aws"
    assert operation(finding) in SAFE
    assert words[3:5] == ["--region", row.reference.secret.region]
    assert words[5:7] in (["--secret-id", row.about], ["--key-id", row.about])
    assert not {"--force-delete-without-recovery", "--secret-string"} & set(words)


def test_whatever_a_name_holds_a_command_keeps_it_in_one_word() -> None:
    arn = secret_arn("it's; rm -rf $HOME")

    (finding,) = judge(elsewhere(arn), facts(secret(deletion_date=NOON)), Rules()).findings

    assert arn in shlex.split(finding.command or "")


def test_where_there_is_a_policy_no_command_replaces_it() -> None:
    (finding,) = judge(a_reference(), facts(policies=policies(a_statement(Action="s3:GetObject"))), Rules()).findings

    assert (finding.code, finding.command) == (Code.READER_NOT_ALLOWED, None)


def test_the_statement_that_is_advised_lets_the_reader_in() -> None:
    (before,) = judge(a_reference(), facts(policies=()), Rules()).findings
    words = shlex.split(before.command or "")
    advised = Policy.parse(words[words.index("--resource-policy") + 1])

    after = judge(a_reference(), facts(policies=(advised,)), Rules(narrow_policy=True))

    assert after.verdict is Verdict.RESOLVES


def test_the_statement_that_is_advised_for_a_key_lets_the_reader_decrypt() -> None:
    (before,) = judge(a_reference(), under_key(key(a_document(a_statement(Action="kms:Encrypt")))), Rules()).findings
    advised = json.loads(before.remedy[before.remedy.index("{") :])

    after = judge(a_reference(), under_key(key(a_document(advised))), Rules())

    assert after.verdict is Verdict.RESOLVES
