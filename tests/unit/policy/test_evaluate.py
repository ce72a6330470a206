"""Whom, what and which resource a statement is about, and how statements add up."""

from typing import Any

import pytest

from secretwatch.policy import UNKNOWN, Decisive, Effect, Outcome, Policy, Present, Principal, evaluate
from tests.unit.policy.statements import ACTION, OTHER, OWN, ROLE, SECRET, SERVICE, a_policy, a_statement, decide

ALLOWED, EXPLICIT, IMPLICIT = Outcome.ALLOWED, Outcome.DENIED_EXPLICIT, Outcome.DENIED_IMPLICIT
ROOT = f"arn:aws:iam::{OWN}:root"
SESSION = f"arn:aws:sts::{OWN}:assumed-role/reader/run-1"
USER = f"arn:aws:iam::{OWN}:user/alice"


# --- how statements add up


def test_nothing_is_allowed_by_no_policy_and_by_no_statement() -> None:
    assert evaluate([], SERVICE, ACTION, SECRET, {}).outcome is IMPLICIT
    assert decide().outcome is IMPLICIT


def test_a_deny_stands_over_every_allow_and_is_named() -> None:
    decision = decide(a_statement(Sid="Open"), a_statement("Deny", Sid="Shut"), a_statement("Deny"))

    assert decision.outcome is EXPLICIT
    assert decision.statements == (
        Decisive(0, "default", "Shut", 1, Effect.DENY),
        Decisive(0, "default", None, 2, Effect.DENY),
    )


def test_policies_are_taken_together() -> None:
    allow, deny = Policy.parse('{"Statement": []}', "first"), a_policy(a_statement("Deny", Sid="Shut"))

    decision = evaluate([a_policy(a_statement()), allow, deny], SERVICE, ACTION, SECRET, {})

    assert (decision.outcome, decision.statements[0].policy, decision.statements[0].sid) == (EXPLICIT, 2, "Shut")


def test_one_statement_needs_no_list() -> None:
    policy = Policy.parse('{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}}')

    assert evaluate([policy], SERVICE, ACTION, SECRET, {}).outcome is ALLOWED


def test_with_an_invalid_policy_nothing_is_decided() -> None:
    decision = evaluate([a_policy(a_statement()), Policy.parse("{", "broken")], SERVICE, ACTION, SECRET, {})

    assert decision.outcome is Outcome.INVALID
    assert decision.problems == (
        "policy broken: line 1, column 2: not JSON: Expecting property name enclosed in double quotes",
    )


# --- whom


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ("*", ALLOWED),
        ({"AWS": "*"}, ALLOWED),
        ({"AWS": ["*", OTHER]}, ALLOWED),
        ({"Service": SERVICE.name}, ALLOWED),
        ({"Service": ["lambda.amazonaws.com", SERVICE.name]}, ALLOWED),
        ({"Service": "lambda.amazonaws.com"}, IMPLICIT),
        ({"Service": "bedrock-agentcore.eu-west-1.amazonaws.com"}, IMPLICIT),
        ({"Service": "Bedrock-AgentCore.amazonaws.com"}, IMPLICIT),
        ({"Service": "*"}, IMPLICIT),
        ({"Service": []}, IMPLICIT),
        ({"AWS": OWN}, IMPLICIT),
        ({"AWS": SERVICE.name}, IMPLICIT),
        ({"Federated": SERVICE.name}, IMPLICIT),
        ({"CanonicalUser": "*"}, IMPLICIT),
        ({"CanonicalUser": "79a59df900b949e5", "Service": SERVICE.name}, ALLOWED),
        ({}, IMPLICIT),
    ],
)
def test_a_service_is_named_by_itself_or_with_everybody(principal: Any, expected: Outcome) -> None:
    assert decide(a_statement(Principal=principal)).outcome is expected


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ("*", ALLOWED),
        ({"AWS": ROLE.name}, ALLOWED),
        ({"AWS": [f"arn:aws:iam::{OTHER}:root", ROLE.name]}, ALLOWED),
        ({"AWS": [OWN, ROLE.name]}, ALLOWED),
        ({"AWS": f"arn:aws:iam::{OWN}:role/reader"}, IMPLICIT),
        ({"AWS": f"arn:aws:iam::{OWN}:role/agents/*"}, IMPLICIT),
        ({"AWS": f"arn:aws:iam::{OTHER}:role/agents/reader"}, IMPLICIT),
        ({"AWS": "AROAEXAMPLEEXAMPLE12"}, IMPLICIT),
        ({"AWS": OTHER}, IMPLICIT),
        ({"Service": ROLE.name}, IMPLICIT),
    ],
)
def test_a_role_is_named_by_its_whole_arn(principal: Any, expected: Outcome) -> None:
    assert decide(a_statement(Principal=principal), reader=ROLE).outcome is expected


@pytest.mark.parametrize("principal", [OWN, ROOT])
def test_an_account_hands_over_to_the_readers_own_policies(principal: str) -> None:
    allow = a_statement(Principal={"AWS": principal})

    decision = decide(allow, reader=ROLE)

    assert (decision.outcome, decision.depends_on) == (Outcome.UNKNOWN, (ROLE.identity_policy,))
    assert decision.possible == {ALLOWED, IMPLICIT}
    assert decide(allow, reader=ROLE, context={ROLE.identity_policy: Present(("allows",))}).outcome is ALLOWED
    assert decide(a_statement(), allow, reader=ROLE).outcome is ALLOWED
    assert decide(allow, reader=Principal.parse(ROOT)).outcome is ALLOWED


@pytest.mark.parametrize("principal", [OWN, ROOT])
def test_a_deny_of_an_account_is_one_of_all_in_it(principal: str) -> None:
    deny = a_statement("Deny", Principal={"AWS": principal})

    assert decide(a_statement(), deny, reader=ROLE).outcome is EXPLICIT
    assert decide(a_statement(), deny, reader=SERVICE).outcome is ALLOWED


def test_a_session_is_its_role_as_well() -> None:
    reader = Principal.parse(SESSION)

    assert decide(a_statement(Principal={"AWS": ROLE.name}), reader=reader).outcome is ALLOWED
    assert decide(a_statement(Principal={"AWS": SESSION}), reader=reader).outcome is ALLOWED
    assert decide(a_statement(Principal={"AWS": SESSION[:-1]}), reader=reader).outcome is IMPLICIT


def test_a_role_hangs_on_which_of_its_sessions_asks() -> None:
    allow = a_statement(Principal={"AWS": SESSION})

    decision = decide(allow, reader=ROLE)

    assert (decision.outcome, decision.depends_on) == (Outcome.UNKNOWN, (ROLE.session_name,))
    assert decide(allow, reader=ROLE, context={ROLE.session_name: Present(("run-1",))}).outcome is ALLOWED
    assert decide(allow, reader=ROLE, context={ROLE.session_name: Present(("run-2",))}).outcome is IMPLICIT


@pytest.mark.parametrize(
    ("spared", "reader", "expected"),
    [
        ("*", SERVICE, ALLOWED),
        ({"Service": SERVICE.name}, SERVICE, ALLOWED),
        ({"Service": "lambda.amazonaws.com"}, SERVICE, EXPLICIT),
        ({"AWS": ROLE.name}, SERVICE, EXPLICIT),
        ({"AWS": [ROLE.name, ROOT]}, ROLE, ALLOWED),
        ({"AWS": [ROLE.name, OWN]}, Principal.parse(SESSION), ALLOWED),
        ({"AWS": [USER, ROOT]}, Principal.parse(USER), ALLOWED),
        ({"AWS": ROOT}, Principal.parse(ROOT), ALLOWED),
        ({"AWS": USER}, ROLE, EXPLICIT),
        ({"Service": SERVICE.name}, ROLE, EXPLICIT),
        # "Otherwise, the policy might deny access": nobody can tell.
        ({"AWS": ROLE.name}, ROLE, Outcome.UNKNOWN),
        ({"AWS": OWN}, ROLE, Outcome.UNKNOWN),
    ],
)
def test_not_principal_has_to_name_the_account_too(spared: Any, reader: Principal, expected: Outcome) -> None:
    deny = a_statement("Deny", Principal=None, NotPrincipal=spared)

    assert decide(a_statement(), deny, reader=reader).outcome is expected


def test_not_principal_allows_all_others() -> None:
    allow = a_statement(Principal=None, NotPrincipal={"AWS": OTHER})

    assert decide(allow).outcome is ALLOWED
    assert decide(allow, reader=ROLE).outcome is ALLOWED


@pytest.mark.parametrize(
    ("reader", "condition"),
    [
        (ROLE, {"StringEquals": {"aws:PrincipalArn": ROLE.name, "aws:PrincipalAccount": OWN}}),
        (ROLE, {"Bool": {"aws:PrincipalIsAWSService": "false"}, "Null": {"aws:PrincipalServiceName": "true"}}),
        (ROLE, {"StringEquals": {"aws:PrincipalType": "AssumedRole", "aws:ResourceAccount": OWN}}),
        (Principal.parse(USER), {"StringEquals": {"aws:username": "alice", "aws:PrincipalType": "User"}}),
        (SERVICE, {"StringEquals": {"aws:PrincipalServiceName": SERVICE.name, "aws:ResourceAccount": OWN}}),
    ],
)
def test_some_keys_follow_from_the_reader_and_the_resource(reader: Principal, condition: Any) -> None:
    assert decide(a_statement(Condition=condition), reader=reader).outcome is ALLOWED


def test_what_the_caller_says_of_a_key_goes_before_what_follows() -> None:
    allow = a_statement(Condition={"StringEquals": {"aws:ResourceAccount": OWN}})

    assert decide(allow, context={"AWS:resourceaccount": UNKNOWN}).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("text", ["", "nobody", "arn:aws:iam::1:role/x", f"arn:aws:s3:::{OWN}", f"{ROLE.name}:x", OWN])
def test_what_is_no_reader_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither"):
        Principal.parse(text)


def test_a_reader_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="is no role"):
        Principal.role(USER)
    with pytest.raises(ValueError, match="is no service"):
        Principal.service(ROLE.name)


# --- what


@pytest.mark.parametrize(
    ("action", "covered"),
    [
        ("*", True),
        ("secretsmanager:*", True),
        ("secretsmanager:GetSecretValue", True),
        ("SecretsManager:getsecretVALUE", True),
        ("secretsmanager:Get*", True),
        ("secretsmanager:*Value", True),
        ("secretsmanager:G*t*e", True),
        ("secretsmanager:?etSecretValue", True),
        ("secretsmanager:?GetSecretValue", False),
        ("secretsmanager:GetSecret", False),
        ("kms:*", False),
        (["kms:*", "secretsmanager:Get*"], True),
        ([], False),
    ],
)
def test_an_action_has_wildcards_and_no_case(action: Any, covered: bool) -> None:
    assert decide(a_statement(Action=action)).outcome is (ALLOWED if covered else IMPLICIT)
    assert decide(a_statement(Action=None, NotAction=action)).outcome is (IMPLICIT if covered else ALLOWED)
    deny = a_statement("Deny", Action=None, NotAction=action)
    assert decide(a_statement(), deny).outcome is (ALLOWED if covered else EXPLICIT)


# --- which resource


@pytest.mark.parametrize(
    ("resource", "covered"),
    [
        ("*", True),
        (SECRET, True),
        (SECRET[:-1], False),
        (f"{SECRET[:-6]}*", True),
        (f"{SECRET[:-6]}??????", True),
        (f"{SECRET[:-6]}?????", False),
        (SECRET.upper(), False),
        ("arn:aws:secretsmanager:*:*:secret:agents/*", True),
        ("arn:aws:secretsmanager:eu-*-1:111?22223333:secret:*", True),
        (f"arn:aws:secretsmanager:*:{OTHER}:secret:*", False),
        ("arn:aws:secretsmanager:eu-west-1:*:secret*AbCdEf", True),
        ("arn:aws:secretsmanager:*", True),
        ("arn:aws:secretsmanager:eu*", True),
        ("arn:aws:*", True),
        # A star that ends a part runs on past the colon, another does not.
        ("arn:aws:secretsmanager:*:secret:agents/crm-AbCdEf", True),
        ("arn:*:secret:agents/crm-AbCdEf", True),
        ("arn:aws:secretsmanager:*secret:agents/crm-AbCdEf", False),
        ("arn:aws:secretsmanager:eu-west-1:?*?:secret:agents/crm-AbCdEf", True),
        ("*AbCdEf", False),
        ("arn:aws:secretsmanager", False),
        (["arn:aws:s3:::bucket", SECRET], True),
        ([], False),
    ],
)
def test_a_resource_is_compared_by_parts(resource: Any, covered: bool) -> None:
    assert decide(a_statement(Resource=resource)).outcome is (ALLOWED if covered else IMPLICIT)
    deny = a_statement("Deny", Resource=None, NotResource=resource)
    assert decide(a_statement(), deny).outcome is (ALLOWED if covered else EXPLICIT)


@pytest.mark.parametrize(
    ("resource", "tag", "covered"),
    [
        ("arn:aws:secretsmanager:*:*:secret:${aws:PrincipalTag/team}/*", ("agents",), True),
        ("arn:aws:secretsmanager:*:*:secret:${aws:PrincipalTag/team}/*", ("other",), False),
        ("arn:aws:secretsmanager:*:*:secret:${aws:PrincipalTag/team}/*", ("*",), False),
        ("arn:aws:secretsmanager:*:*:secret:${aws:PrincipalTag/team}/*", (), False),
        ("arn:aws:secretsmanager:*:*:secret:${aws:PrincipalTag/team, 'agents'}/*", (), True),
        ("arn:aws:secretsmanager:*:${aws:PrincipalTag/team}:secret:*", (OWN,), False),  # too early in the ARN
        ("${aws:PrincipalTag/team}", (SECRET,), False),
    ],
)
def test_a_resource_takes_variables_after_the_fifth_colon(resource: str, tag: tuple[str, ...], covered: bool) -> None:
    context = {"aws:PrincipalTag/team": Present(tag)}

    assert decide(a_statement(Resource=resource), context=context).outcome is (ALLOWED if covered else IMPLICIT)


def test_in_the_older_version_a_variable_in_a_resource_is_text() -> None:
    allow = a_statement(Resource="arn:aws:secretsmanager:*:*:secret:${aws:PrincipalTag/team}/*")
    context = {"aws:PrincipalTag/team": Present(("agents",))}

    assert decide(allow, context=context, version="2008-10-17").outcome is IMPLICIT
