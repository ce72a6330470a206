"""Who has to read, and what is known of each reader's request: the table in `domain/access.py`, key by key."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from secretwatch.domain.access import access_of, may_decrypt, may_read, readers_of, via_service
from secretwatch.domain.facts import Facts, KeyDescription, KeyFacts, NoSuchSecret, SecretDescription, Unknown
from secretwatch.domain.observed import Observations, ObservedRead
from secretwatch.domain.rules import AGENTCORE, CONSUMERS, Rules
from secretwatch.policy import Decision, Grant, Outcome, Policy, Principal
from tests.fakes import (
    ACCOUNT,
    KEY_ARN,
    LETS_AGENTCORE_DECRYPT,
    NOON,
    REGION,
    a_consumer,
    a_document,
    a_reference,
    a_statement,
    facts,
    secret_arn,
)

ALLOWED, IMPLICIT, EXPLICIT = Outcome.ALLOWED, Outcome.DENIED_IMPLICIT, Outcome.DENIED_EXPLICIT
UNKNOWN = Outcome.UNKNOWN
SERVICE = Principal.service(AGENTCORE)
ROLE = Principal.role(f"arn:aws:iam::{ACCOUNT}:role/support-bot")
OTHER_ROLE = f"arn:aws:iam::{ACCOUNT}:role/billing-bot"
TAGGED = SecretDescription(versions={"AWSCURRENT": "v1"}, tags={"team": "crm"})


def decided(reader: Principal, *statements: dict[str, Any], secret: SecretDescription = TAGGED) -> Decision:
    """What the secret's policy of these statements says to the reader."""
    policies = (Policy.parse(a_document(*statements)),)
    return may_read(reader, a_reference(), secret, policies, facts(secret, policies=policies)).decision


def decided_of_key(reader: Principal, *statements: dict[str, Any], grants: tuple[Grant, ...] = ()) -> Decision:
    """What the key's policy of these statements, and its grants, say to the reader."""
    return may_decrypt(reader, a_reference(), KEY_ARN, Policy.parse(a_document(*statements)), grants, facts()).decision


# --- who


def test_the_required_readers_come_in_their_order_and_once_each() -> None:
    rules = Rules(required_readers=(AGENTCORE, ROLE.name, AGENTCORE))

    assert readers_of(facts(), rules) == (SERVICE, ROLE)


def test_consumers_stand_for_the_roles_of_the_gateways_that_use_the_provider() -> None:
    without_role = replace(a_consumer(target="b"), role_arn=None)
    found = facts(consumers=(a_consumer(), a_consumer(target="c"), without_role))

    assert readers_of(found, Rules(required_readers=(CONSUMERS,))) == (ROLE,)
    assert readers_of(found, Rules(required_readers=(AGENTCORE,))) == (SERVICE,)


def test_a_role_for_which_agentcore_was_seen_to_read_has_to_be_able_to() -> None:
    seen = Observations().seen(ObservedRead(NOON, OTHER_ROLE)).seen(ObservedRead(NOON, ROLE.name, "AccessDenied"))

    assert readers_of(facts(observations=seen), Rules()) == (SERVICE, Principal.role(OTHER_ROLE), ROLE)


# --- what is known of the request for the secret

ORIGIN = "arn:aws:bedrock-agentcore:eu-west-1:111122223333:*"
KNOWN = [
    # The recommended condition holds, whether AgentCore tells its source or not; a plain one may be dead.
    ("StringEqualsIfExists", "aws:SourceAccount", ACCOUNT, ALLOWED, ALLOWED),
    ("StringEquals", "aws:SourceAccount", ACCOUNT, UNKNOWN, IMPLICIT),
    ("StringEquals", "aws:SourceAccount", "444455556666", IMPLICIT, IMPLICIT),
    ("ArnLikeIfExists", "aws:SourceArn", ORIGIN, ALLOWED, ALLOWED),
    ("ArnLike", "aws:SourceArn", ORIGIN, UNKNOWN, IMPLICIT),
    ("StringEquals", "aws:SourceOrgID", "o-1a2b3c4d5e", UNKNOWN, UNKNOWN),
    # Who asks.
    ("Bool", "aws:PrincipalIsAWSService", "true", ALLOWED, IMPLICIT),
    ("Bool", "aws:PrincipalIsAWSService", "false", IMPLICIT, ALLOWED),
    ("StringEquals", "aws:PrincipalServiceName", AGENTCORE, ALLOWED, IMPLICIT),
    ("ArnEquals", "aws:PrincipalArn", ROLE.name, IMPLICIT, ALLOWED),
    ("StringEquals", "aws:PrincipalAccount", ACCOUNT, IMPLICIT, ALLOWED),
    ("StringEquals", "aws:PrincipalOrgID", "o-1a2b3c4d5e", IMPLICIT, UNKNOWN),
    ("StringEquals", "aws:PrincipalTag/team", "crm", UNKNOWN, UNKNOWN),
    ("Bool", "aws:MultiFactorAuthPresent", "true", IMPLICIT, IMPLICIT),
    ("Null", "aws:username", "true", ALLOWED, ALLOWED),
    # On whose behalf: AgentCore calls as itself, or by a forward access session.
    ("Bool", "aws:ViaAWSService", "true", IMPLICIT, ALLOWED),
    ("ForAnyValue:StringEquals", "aws:CalledVia", AGENTCORE, IMPLICIT, ALLOWED),
    # From where.
    ("Bool", "aws:SecureTransport", "true", ALLOWED, ALLOWED),
    ("StringEquals", "aws:SourceVpce", "vpce-1a2b3c4d", IMPLICIT, IMPLICIT),
    ("StringEquals", "aws:RequestedRegion", REGION, ALLOWED, ALLOWED),
    ("IpAddress", "aws:SourceIp", "192.0.2.0/24", UNKNOWN, UNKNOWN),
    # What is asked for.
    ("StringEquals", "aws:ResourceTag/team", "crm", ALLOWED, ALLOWED),
    ("StringEquals", "secretsmanager:ResourceTag/TEAM", "crm", ALLOWED, ALLOWED),
    ("StringEquals", "aws:ResourceTag/team", "billing", IMPLICIT, IMPLICIT),
    ("StringEquals", "aws:ResourceTag/stage", "prod", IMPLICIT, IMPLICIT),
    ("Null", "aws:ResourceTag/stage", "true", ALLOWED, ALLOWED),
    ("StringEquals", "aws:ResourceAccount", ACCOUNT, ALLOWED, ALLOWED),
    ("ArnEquals", "secretsmanager:SecretId", secret_arn(), ALLOWED, ALLOWED),
    ("StringEqualsIfExists", "secretsmanager:VersionStage", "AWSCURRENT", ALLOWED, ALLOWED),
    ("StringEquals", "secretsmanager:VersionStage", "AWSPENDING", IMPLICIT, IMPLICIT),
    # When.
    ("DateLessThan", "aws:CurrentTime", "2026-11-23T12:00:01Z", ALLOWED, ALLOWED),
    ("DateLessThan", "aws:CurrentTime", "2026-11-23T11:59:59Z", IMPLICIT, IMPLICIT),
    ("NumericGreaterThan", "aws:EpochTime", str(int(NOON.timestamp()) - 1), ALLOWED, ALLOWED),
]


@pytest.mark.parametrize(
    ("operator", "key", "value", "service", "role"), KNOWN, ids=[f"{one[0]} {one[1]} {one[2]}" for one in KNOWN]
)
def test_a_condition_of_an_allow_holds_for_a_reader_as_far_as_its_request_is_known(
    operator: str, key: str, value: str, service: Outcome, role: Outcome
) -> None:
    statement = a_statement(Principal="*", Condition={operator: {key: value}})

    assert decided(SERVICE, statement).outcome is service
    assert decided(ROLE, statement).outcome is role


@pytest.mark.parametrize(
    ("condition", "service", "role"),
    [
        pytest.param({"Bool": {"aws:PrincipalIsAWSService": "false"}}, ALLOWED, EXPLICIT, id="all but services"),
        pytest.param({"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}, EXPLICIT, EXPLICIT, id="all but an endpoint"),
        pytest.param(
            {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}, "Bool": {"aws:PrincipalIsAWSService": "false"}},
            ALLOWED,
            EXPLICIT,
            id="all but an endpoint and services",
        ),
        pytest.param(
            {"StringNotEqualsIfExists": {"aws:SourceVpce": "vpce-1"}, "BoolIfExists": {"aws:ViaAWSService": "false"}},
            EXPLICIT,
            ALLOWED,
            id="all but an endpoint and forward access sessions",
        ),
        pytest.param({"StringNotEquals": {"aws:SourceAccount": ACCOUNT}}, UNKNOWN, EXPLICIT, id="another source"),
        pytest.param(
            {"StringNotEqualsIfExists": {"aws:SourceAccount": ACCOUNT}}, UNKNOWN, EXPLICIT, id="another source, if told"
        ),
        pytest.param({"ArnNotEquals": {"aws:PrincipalArn": ROLE.name}}, EXPLICIT, ALLOWED, id="all but a role"),
        pytest.param({"Null": {"aws:ResourceTag/owner": "true"}}, EXPLICIT, EXPLICIT, id="secrets without a tag"),
        pytest.param({"Bool": {"aws:SecureTransport": "false"}}, ALLOWED, ALLOWED, id="what is not encrypted"),
    ],
)
def test_a_deny_with_a_condition(condition: dict[str, Any], service: Outcome, role: Outcome) -> None:
    allow, deny = a_statement(Principal="*"), a_statement(Principal="*", Effect="Deny", Condition=condition)

    assert decided(SERVICE, allow, deny).outcome is service
    assert decided(ROLE, allow, deny).outcome is role


def test_what_an_answer_hangs_on_is_named_as_the_policy_writes_it() -> None:
    decision = decided(SERVICE, a_statement(Condition={"StringEquals": {"aws:sourceaccount": ACCOUNT}}))

    assert (decision.outcome, decision.depends_on) == (UNKNOWN, ("aws:sourceaccount",))


# --- what is known of the request for the key


@pytest.mark.parametrize(
    ("condition", "service", "role"),
    [
        ({"StringEquals": {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"}}, ALLOWED, ALLOWED),
        ({"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}}, IMPLICIT, IMPLICIT),
        ({"StringEquals": {"kms:CallerAccount": ACCOUNT}}, UNKNOWN, ALLOWED),
        ({"StringEquals": {"kms:EncryptionContext:SecretARN": secret_arn()}}, ALLOWED, ALLOWED),
        ({"StringLike": {"kms:EncryptionContext:SecretARN": secret_arn("other")}}, IMPLICIT, IMPLICIT),
        ({"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": "SecretARN"}}, IMPLICIT, IMPLICIT),
        ({"StringLike": {"kms:EncryptionContext:SecretVersionId": "*"}}, UNKNOWN, UNKNOWN),
        ({"Bool": {"kms:GrantIsForAWSResource": "true"}}, IMPLICIT, IMPLICIT),
    ],
)
def test_a_condition_of_a_key_policy(condition: dict[str, Any], service: Outcome, role: Outcome) -> None:
    statement = a_statement(Principal="*", Action="kms:Decrypt", Condition=condition)

    assert decided_of_key(SERVICE, statement).outcome is service
    assert decided_of_key(ROLE, statement).outcome is role


def test_a_grant_to_the_service_serves_as_well_as_the_policy() -> None:
    grant = Grant("g-1", AGENTCORE, frozenset({"Decrypt"}), context_subset={"SecretARN": secret_arn()})

    assert decided_of_key(SERVICE, a_statement(Action="kms:Encrypt"), grants=(grant,)).outcome is ALLOWED
    assert decided_of_key(ROLE, a_statement(Action="kms:Encrypt"), grants=(grant,)).outcome is IMPLICIT


@pytest.mark.parametrize(
    ("region", "name"),
    [
        ("eu-west-1", "secretsmanager.eu-west-1.amazonaws.com"),
        ("cn-north-1", "secretsmanager.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "secretsmanager.us-gov-west-1.amazonaws.com"),
    ],
)
def test_secrets_manager_is_named_as_in_its_partition(region: str, name: str) -> None:
    assert via_service(region) == name


# --- when access changed

KEY = KeyFacts(KeyDescription(KEY_ARN, "Enabled"), Policy.parse(LETS_AGENTCORE_DECRYPT))
OTHER_POLICY = (Policy.parse(a_document()),)
DISABLED = KeyFacts(KeyDescription(KEY_ARN, "Disabled"), Policy.parse(LETS_AGENTCORE_DECRYPT))


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(facts(key=KEY, policies=OTHER_POLICY), id="a policy"),
        pytest.param(facts(key=None), id="another key"),
        pytest.param(facts(key=replace(KEY, policy=Policy.parse(a_document()))), id="the key's policy"),
        pytest.param(facts(key=DISABLED), id="the key's state"),
        pytest.param(
            facts(key=replace(KEY, grants=(Grant("g-1", AGENTCORE, frozenset({"Decrypt"})),))), id="the key's grants"
        ),
        pytest.param(facts(SecretDescription(NOON), key=KEY), id="deletion"),
    ],
)
def test_all_on_which_access_hangs_has_another_name_once_it_changed(changed: Facts) -> None:
    assert access_of(a_reference(), changed) not in {None, access_of(a_reference(), facts(key=KEY))}


@pytest.mark.parametrize(
    "same",
    [
        pytest.param(facts(SecretDescription(versions={"AWSCURRENT": "v2"}), key=KEY), id="a version"),
        pytest.param(facts(SecretDescription(tags={"a": "b"}), key=KEY), id="a tag"),
        pytest.param(facts(key=KEY, at=NOON + timedelta(days=1)), id="time"),
        pytest.param(facts(key=KEY, observations=Observations(read=ObservedRead(NOON))), id="an observed read"),
    ],
)
def test_what_access_does_not_hang_on_leaves_its_name(same: Facts) -> None:
    assert access_of(a_reference(), same) == access_of(a_reference(), facts(key=KEY))


@pytest.mark.parametrize(
    "unread",
    [
        facts(Unknown("refused")),
        facts(NoSuchSecret()),
        facts(policies=Unknown("refused")),
        facts(key=KeyFacts(Unknown("refused"))),
        facts(key=replace(KEY, policy=Unknown("refused"))),
        facts(key=replace(KEY, grants=Unknown("refused"))),
    ],
)
def test_access_has_no_name_while_a_part_of_it_is_unknown(unread: Facts) -> None:
    assert access_of(a_reference(), unread) is None
