"""Roles have policies of their own: where a secret's or a key's leave it to them, IAM is asked, or it is unknown."""

from datetime import timedelta
from typing import Any

import pytest

from secretwatch.domain.facts import IdentityDecision, KeyDescription, KeyFacts, SecretDescription, Unknown
from secretwatch.domain.finding import Code, Verdict
from secretwatch.domain.judging import judge
from secretwatch.domain.key import KeyId
from secretwatch.domain.observed import Observations, ObservedRead
from secretwatch.domain.rules import AGENTCORE, CONSUMERS, Rules
from secretwatch.policy import Grant, Policy
from tests.fakes import ACCOUNT, KEY_ARN, NOON, a_consumer, a_document, a_reference, a_statement, facts

READ, DECRYPT = "secretsmanager:GetSecretValue", "kms:Decrypt"
OTHER_ACCOUNT = "444455556666"
HERE = f"arn:aws:iam::{ACCOUNT}:role/support-bot"
ABROAD = f"arn:aws:iam::{OTHER_ACCOUNT}:role/support-bot"
ALLOWED, EXPLICIT, IMPLICIT = IdentityDecision
NOT_PERMITTED = Unknown("SimulatePrincipalPolicy: AccessDenied")


def told(
    role: str,
    own: IdentityDecision | Unknown,
    *statements: dict[str, Any],
    action: str = READ,
    key: KeyFacts | None = None,
) -> tuple[Verdict | None, list[Code], str | None]:
    """Verdict, codes and what is unknown of a secret with these statements that the role has to read."""
    identities = {(role, READ): ALLOWED, (role, DECRYPT): ALLOWED, (role, action): own}
    secret = SecretDescription(versions={"AWSCURRENT": "v1"}, key=KeyId(KEY_ARN) if key else None)
    policies = (Policy.parse(a_document(*statements)),)
    found = facts(secret, policies=policies, key=key, identities=identities)
    judgement = judge(a_reference(), found, Rules(required_readers=(role,)))
    unknown = judgement.unknown.reason if judgement.unknown else None
    return judgement.verdict, [finding.code for finding in judgement.findings], unknown


RESOLVES: tuple[Verdict | None, list[Code], str | None] = (Verdict.RESOLVES, [], None)
OPEN: tuple[Verdict | None, list[Code], str | None] = (None, [], NOT_PERMITTED.reason)


def broken(code: Code) -> tuple[Verdict | None, list[Code], str | None]:
    return Verdict.BROKEN, [code], None


def names(role: str) -> dict[str, Any]:
    return a_statement(Principal={"AWS": role})


def names_account(account: str) -> dict[str, Any]:
    return a_statement(Principal={"AWS": f"arn:aws:iam::{account}:root"})


HANGS = a_statement(
    Sid="Hangs", Effect="Deny", Principal="*", Condition={"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
)


@pytest.mark.parametrize(
    ("own", "statements", "expected"),
    [
        pytest.param(ALLOWED, [], RESOLVES, id="its own suffice"),
        pytest.param(IMPLICIT, [names(HERE)], RESOLVES, id="the secret's suffice"),
        pytest.param(NOT_PERMITTED, [names(HERE)], RESOLVES, id="the secret's suffice, its own are unknown"),
        pytest.param(IMPLICIT, [], broken(Code.READER_NOT_ALLOWED), id="neither"),
        pytest.param(NOT_PERMITTED, [], OPEN, id="its own are unknown"),
        pytest.param(EXPLICIT, [names(HERE)], broken(Code.READER_DENIED), id="its own deny"),
        pytest.param(
            ALLOWED,
            [{**names(HERE), "Effect": "Deny"}],
            broken(Code.READER_DENIED),
            id="the secret's deny",
        ),
        pytest.param(ALLOWED, [names_account(ACCOUNT)], RESOLVES, id="left to its own, which allow"),
        pytest.param(
            IMPLICIT, [names_account(ACCOUNT)], broken(Code.READER_NOT_ALLOWED), id="left to its own, which don't"
        ),
        pytest.param(NOT_PERMITTED, [names_account(ACCOUNT)], OPEN, id="left to its own, which are unknown"),
        pytest.param(
            ALLOWED, [HANGS], (Verdict.DEGRADED, [Code.READER_DEPENDS], None), id="its own allow, the secret's may deny"
        ),
    ],
)
def test_in_the_secrets_own_account_either_policy_suffices(
    own: IdentityDecision | Unknown, statements: list[dict[str, Any]], expected: object
) -> None:
    assert told(HERE, own, *statements) == expected


@pytest.mark.parametrize(
    ("own", "statements", "expected"),
    [
        pytest.param(ALLOWED, [names(ABROAD)], RESOLVES, id="both"),
        pytest.param(ALLOWED, [], broken(Code.READER_NOT_ALLOWED), id="its own only"),
        pytest.param(IMPLICIT, [names(ABROAD)], broken(Code.READER_NOT_ALLOWED), id="the secret's only"),
        pytest.param(NOT_PERMITTED, [names(ABROAD)], OPEN, id="its own are unknown"),
        pytest.param(NOT_PERMITTED, [], broken(Code.READER_NOT_ALLOWED), id="its own are unknown, and no matter"),
        pytest.param(ALLOWED, [names_account(OTHER_ACCOUNT)], RESOLVES, id="its account is let in, and it there"),
    ],
)
def test_from_another_account_both_policies_are_needed(
    own: IdentityDecision | Unknown, statements: list[dict[str, Any]], expected: object
) -> None:
    assert told(ABROAD, own, *statements) == expected


def key_of(*statements: dict[str, Any], grants: tuple[Grant, ...] = ()) -> KeyFacts:
    decrypting = [{**statement, "Action": DECRYPT} for statement in statements]
    return KeyFacts(KeyDescription(KEY_ARN, "Enabled"), Policy.parse(a_document(*decrypting)), grants)


@pytest.mark.parametrize(
    ("own", "key", "expected"),
    [
        pytest.param(ALLOWED, key_of(names_account(ACCOUNT)), RESOLVES, id="the key is left to IAM, which allows"),
        pytest.param(
            IMPLICIT,
            key_of(names_account(ACCOUNT)),
            broken(Code.KEY_NOT_ALLOWED),
            id="the key is left to IAM, which does not allow",
        ),
        pytest.param(NOT_PERMITTED, key_of(names_account(ACCOUNT)), OPEN, id="the key is left to IAM, unknown"),
        pytest.param(ALLOWED, key_of(), broken(Code.KEY_NOT_ALLOWED), id="the key is not left to IAM"),
        pytest.param(IMPLICIT, key_of(names(HERE)), RESOLVES, id="the key names the role"),
        pytest.param(
            IMPLICIT,
            key_of(grants=(Grant("g-1", HERE, frozenset({"Decrypt"})),)),
            RESOLVES,
            id="a grant names the role",
        ),
        pytest.param(EXPLICIT, key_of(names(HERE)), broken(Code.READER_DENIED), id="its own deny"),
    ],
)
def test_a_keys_policy_has_to_let_iam_in_before_a_roles_own_count(
    own: IdentityDecision | Unknown, key: KeyFacts, expected: object
) -> None:
    assert told(HERE, own, names(HERE), action=DECRYPT, key=key) == expected


def test_a_key_that_is_left_to_iam_says_nothing_of_agentcore_which_has_no_policies_of_its_own() -> None:
    secret = SecretDescription(versions={"AWSCURRENT": "v1"}, key=KeyId(KEY_ARN))

    judgement = judge(a_reference(), facts(secret, key=key_of(names_account(ACCOUNT))), Rules())

    assert [one.code for one in judgement.findings] == [Code.KEY_NOT_ALLOWED]


def test_a_consumers_role_is_judged_as_a_reader_of_its_own() -> None:
    found = facts(consumers=(a_consumer(),), identities={(HERE, READ): IMPLICIT})

    (finding,) = judge(a_reference(), found, Rules(required_readers=(AGENTCORE, CONSUMERS))).findings

    assert (finding.code, finding.evidence) == (Code.READER_NOT_ALLOWED, "no policy lets role support-bot read it")


def test_consumers_that_could_not_be_read_leave_the_verdict_open() -> None:
    unread = Unknown("Query: ThrottlingException", transient=True)

    judgement = judge(a_reference(), facts(consumers=unread), Rules(required_readers=(AGENTCORE, CONSUMERS)))

    assert (judgement.verdict, judgement.unknown) == (None, unread)


# --- what was observed

AN_HOUR = timedelta(hours=1)


def observing(*reads: ObservedRead, **parts: Any) -> list[Code]:
    """The codes of a secret without policy, whose access has been as it is for an hour."""
    seen = Observations()
    for read in reads:
        seen = seen.seen(read)
    found = facts(**{"policies": (), "observations": seen, "access_since": NOON - AN_HOUR, **parts})
    return [finding.code for finding in judge(a_reference(), found, Rules()).findings]


def test_a_reader_that_no_policy_allows_and_that_reads_is_unproven_until_access_changes() -> None:
    read = ObservedRead(NOON - AN_HOUR / 2)

    assert observing() == [Code.READER_NOT_ALLOWED]
    assert observing(read) == [Code.READER_UNPROVEN]
    assert observing(read, access_since=NOON - AN_HOUR / 4) == [Code.READER_NOT_ALLOWED]
    assert observing(read, access_since=None) == [Code.READER_NOT_ALLOWED]


def test_an_answer_that_hangs_on_the_unknown_is_settled_by_an_observed_read() -> None:
    hangs = (Policy.parse(a_document(a_statement(Condition={"StringEquals": {"aws:SourceAccount": ACCOUNT}}))),)

    assert observing(policies=hangs) == [Code.READER_DEPENDS]
    assert observing(ObservedRead(NOON - AN_HOUR / 2), policies=hangs) == []


def test_a_read_that_was_denied_holds_until_a_later_one_succeeds_access_changes_or_a_day_is_over() -> None:
    allowed = {"policies": facts().policies}
    denied = ObservedRead(NOON - AN_HOUR / 2, error_code="AccessDenied")

    assert observing(denied, **allowed) == [Code.OBSERVED_READ_DENIED]
    assert observing(ObservedRead(NOON - AN_HOUR * 0.75), denied, **allowed) == [Code.OBSERVED_READ_DENIED]
    assert observing(denied, ObservedRead(NOON - AN_HOUR / 4), **allowed) == []
    assert observing(denied, **allowed, access_since=NOON - AN_HOUR / 4) == []
    assert observing(denied, **allowed, at=NOON + timedelta(days=1)) == []


def test_what_was_denied_on_behalf_of_a_role_names_it() -> None:
    seen = Observations().seen(ObservedRead(NOON - AN_HOUR / 2, HERE, "AccessDenied"))
    found = facts(observations=seen, access_since=NOON - AN_HOUR, identities={(HERE, READ): ALLOWED})

    (finding,) = judge(a_reference(), found, Rules()).findings

    assert finding.code is Code.OBSERVED_READ_DENIED
    assert HERE in finding.evidence
