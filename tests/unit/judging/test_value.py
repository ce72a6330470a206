"""What is said of a secret's versions and of the values in them."""

from datetime import UTC, datetime

import pytest

from secretwatch.domain.facts import Facts, NoSuchSecret, SecretDescription, Unknown, ValueFacts, ValueShape
from secretwatch.domain.finding import Code, Finding, Verdict
from secretwatch.domain.judging import Judgement, judge
from secretwatch.domain.rules import Rules
from tests.fakes import REGION, a_reference, facts, secret_arn

TWO_VERSIONS = SecretDescription(versions={"AWSCURRENT": "v2", "AWSPREVIOUS": "v1"})
ONE_VERSION = SecretDescription(versions={"AWSCURRENT": "v1"})


def value(shape: ValueShape, version_id: str = "v2") -> ValueFacts:
    return ValueFacts(version_id, {"client_secret": shape})


def the_finding(found: Facts) -> Finding:
    judgement = judge(a_reference(), found, Rules())
    (finding,) = judgement.findings
    assert judgement.verdict is Verdict.BROKEN
    return finding


def test_a_usable_value_resolves() -> None:
    assert judge(a_reference(), facts(TWO_VERSIONS, value(ValueShape.USABLE)), Rules()) == Judgement(Verdict.RESOLVES)


def test_a_reference_without_a_json_key_needs_a_current_version_only() -> None:
    reference = a_reference(json_key=None)

    assert judge(reference, facts(ONE_VERSION, ValueFacts("v1", {})), Rules()).verdict is Verdict.RESOLVES


def test_a_secret_that_is_gone_cannot_be_brought_back_by_a_command() -> None:
    finding = the_finding(facts(NoSuchSecret()))

    assert (finding.code, finding.command) == (Code.SECRET_NOT_FOUND, None)


def test_a_secret_marked_for_deletion_can_be_restored() -> None:
    finding = the_finding(facts(SecretDescription(datetime(2026, 11, 30, tzinfo=UTC), {"AWSCURRENT": "v1"})))

    assert finding.code is Code.SECRET_PENDING_DELETION
    assert "2026-11-30" in finding.evidence
    assert finding.command == f"aws secretsmanager restore-secret --region {REGION} --secret-id {secret_arn()}"


def test_a_secret_without_current_version_goes_back_to_the_previous_one() -> None:
    finding = the_finding(facts(SecretDescription(versions={"AWSPREVIOUS": "v1"})))

    assert finding.code is Code.NO_CURRENT_VERSION
    assert finding.command is not None
    assert finding.command.endswith("--version-stage AWSCURRENT --move-to-version-id v1")


def test_a_secret_that_never_had_a_value_needs_one() -> None:
    finding = the_finding(facts(SecretDescription()))

    assert (finding.code, finding.command) == (Code.NO_CURRENT_VERSION, None)


@pytest.mark.parametrize(
    ("shape", "code", "words"),
    [
        (ValueShape.BINARY, Code.VALUE_NOT_JSON, "is binary"),
        (ValueShape.NOT_JSON, Code.VALUE_NOT_JSON, "is not JSON"),
        (ValueShape.NOT_AN_OBJECT, Code.VALUE_NOT_JSON, "not an object"),
        (ValueShape.KEY_MISSING, Code.JSON_KEY_MISSING, "lacks JSON key `client_secret`"),
        (ValueShape.NOT_A_STRING, Code.JSON_KEY_NOT_A_STRING, "other than a string under JSON key `client_secret`"),
        (ValueShape.EMPTY, Code.JSON_KEY_EMPTY, "an empty string under JSON key `client_secret`"),
    ],
)
def test_every_wrong_value_has_its_code_and_says_what_is_wrong(shape: ValueShape, code: Code, words: str) -> None:
    finding = the_finding(facts(ONE_VERSION, value(shape)))

    assert finding.code is code
    assert words in finding.evidence
    assert "there is no previous version" in finding.evidence


def test_where_the_previous_version_would_do_the_command_rolls_back() -> None:
    finding = the_finding(facts(TWO_VERSIONS, value(ValueShape.KEY_MISSING), previous=value(ValueShape.USABLE, "v1")))

    assert "the previous version has it" in finding.evidence
    assert "may have revoked" in finding.remedy
    assert finding.command == (
        f"aws secretsmanager update-secret-version-stage --region {REGION} --secret-id {secret_arn()}"
        " --version-stage AWSCURRENT --move-to-version-id v1 --remove-from-version-id v2"
    )


@pytest.mark.parametrize(
    ("previous", "words"),
    [
        (value(ValueShape.EMPTY, "v1"), "would not do either"),
        (Unknown("GetSecretValue: ThrottlingException", transient=True), "is unknown"),
    ],
)
def test_no_roll_back_is_advised_to_a_version_not_known_to_do(previous: ValueFacts | Unknown, words: str) -> None:
    finding = the_finding(facts(TWO_VERSIONS, value(ValueShape.KEY_MISSING), previous=previous))

    assert words in finding.evidence
    assert finding.command is None
