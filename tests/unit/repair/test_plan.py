"""What is planned, what is refused, and what no plan ever does."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretwatch.domain.access import may_read
from secretwatch.domain.facts import (
    Facts,
    IdentityDecision,
    KeyDescription,
    KeyFacts,
    NoSuchSecret,
    SecretDescription,
    Unknown,
)
from secretwatch.domain.observed import Observations, ObservedRead
from secretwatch.domain.reference import Reference
from secretwatch.domain.repair.document import same
from secretwatch.domain.repair.plan import Kind, Plan, Planned, Refusal, plan_key, plan_secret
from secretwatch.domain.repair.repair import Repair, Status
from secretwatch.domain.repair.statement import DECRYPT_SID, READ_SID, Guard
from secretwatch.domain.rules import AGENTCORE, Rules
from secretwatch.policy import ABSENT, Context, Outcome, Policy, Present, Principal, evaluate
from tests.fakes import ACCOUNT, KEY_ARN, NOON, REGION, a_document, a_reference, a_statement, facts, secret_arn
from tests.unit.repair.documents import ACTIONS, BOT, PEOPLE, SERVICES, documents

SOMEBODY_ELSE = a_statement(Sid="Deployers", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/deployer"})
READ = "secretsmanager:GetSecretValue"
BOTH = Rules(required_readers=(AGENTCORE, BOT))


def planned(
    document: str | None,
    *references: Reference,
    rules: Rules | None = None,
    guard: Guard = Guard.SOURCE_ACCOUNT_IF_EXISTS,
    **parts: Any,
) -> Planned:
    policies = () if document is None else (Policy.parse(document),)
    known = facts(policies=policies, **{"identities": may(IdentityDecision.DENIED_IMPLICIT), **parts})
    return plan_secret(dict.fromkeys(references or (a_reference(),), known), rules or Rules(), guard)


def may(decision: IdentityDecision) -> dict[tuple[str, str], IdentityDecision]:
    return {(BOT, action): decision for action in (READ, "kms:Decrypt")}


def a_plan(found: Planned) -> Plan:
    assert isinstance(found, Plan)
    return found


def reason(found: Planned) -> str:
    assert isinstance(found, Refusal)
    return found.reason


# --- the change ---


def test_a_secret_without_a_policy_gets_one_statement_and_nothing_else() -> None:
    plan = a_plan(planned(None))

    assert (plan.kind, plan.resource, plan.before) == (Kind.SECRET, secret_arn(), None)
    assert json.loads(plan.after) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": READ_SID,
                "Effect": "Allow",
                "Principal": {"Service": AGENTCORE},
                "Action": READ,
                "Resource": "*",
                "Condition": {"StringEqualsIfExists": {"aws:SourceAccount": ACCOUNT}},
            }
        ],
    }


def test_other_statements_keep_their_order_their_sids_and_every_word() -> None:
    second = a_statement(Sid=None, Principal="*", Effect="Deny", Condition={"Bool": {"aws:SecureTransport": "false"}})
    document = a_document(SOMEBODY_ELSE, second)

    assert json.loads(a_plan(planned(document)).after)["Statement"][:-1] == [SOMEBODY_ELSE, second]


def test_a_statement_of_ours_that_serves_no_longer_is_replaced_in_its_place() -> None:
    old = a_statement(Sid=READ_SID, Condition={"StringEquals": {"aws:SourceAccount": "444455556666"}})

    plan = planned(a_document(old, SOMEBODY_ELSE))

    assert [one["Sid"] for one in json.loads(a_plan(plan).after)["Statement"]] == [READ_SID, "Deployers"]


def test_only_those_are_named_who_have_no_other_way_in() -> None:
    lets_service = a_document(a_statement())

    plan = a_plan(planned(lets_service, rules=BOTH))

    assert plan.statement["Principal"] == {"AWS": BOT}
    assert "Condition" not in plan.statement


def test_every_provider_s_account_is_in_the_condition() -> None:
    other = a_reference("other")
    other = replace(other, provider=replace(other.provider, account="444455556666"))

    plan = a_plan(planned(None, a_reference(), other))

    assert plan.statement["Condition"]["StringEqualsIfExists"]["aws:SourceAccount"] == [ACCOUNT, "444455556666"]


@pytest.mark.parametrize("guard", Guard)
def test_every_condition_lets_the_service_in_as_whoever_chose_it_takes_for_granted(guard: Guard) -> None:
    arn = f"arn:aws:bedrock-agentcore:{REGION}:{ACCOUNT}:token-vault/default/apikeycredentialprovider/x"
    plan = a_plan(planned(None, replace(a_reference(), provider_arn=arn), guard=guard))

    assert {one.after for one in plan.decisions} == {Outcome.ALLOWED}


def test_the_plan_tells_what_is_decided_before_and_after_of_each_reader() -> None:
    plan = a_plan(planned(a_document(a_statement()), rules=BOTH))

    told = [(one.reader, one.before, one.after) for one in plan.decisions]
    assert told == [
        (AGENTCORE, Outcome.ALLOWED, Outcome.ALLOWED),
        (BOT, Outcome.DENIED_IMPLICIT, Outcome.ALLOWED),
    ]


def test_the_id_is_the_same_for_the_same_change_until_another_was_applied() -> None:
    one, again = a_plan(planned(None)), a_plan(planned(None))

    assert one.id(0) == again.id(0) != one.id(1)
    assert one.id(0) != a_plan(planned(a_document(SOMEBODY_ELSE))).id(0)


# --- nothing, where nobody is known to lack access ---


@pytest.mark.parametrize(
    "parts",
    [
        {"document": a_document(a_statement())},
        {"document": None, "secret": NoSuchSecret()},
        {"document": None, "secret": SecretDescription(deletion_date=NOON)},
        {"document": a_document(a_statement(Condition={"StringEquals": {"aws:SourceAccount": ACCOUNT}}))},
        {
            "document": None,
            "observations": Observations(read=ObservedRead(NOON, None, None)),
            "access_since": NOON.replace(hour=1),
        },
    ],
    ids=["allowed", "gone", "going", "depends", "seen reading"],
)
def test_nothing_is_planned_where_nobody_is_known_to_lack_access(parts: dict[str, Any]) -> None:
    assert planned(**parts) is None


def test_nothing_is_planned_on_what_a_role_may_do_when_that_is_not_known() -> None:
    assert isinstance(planned(None, rules=Rules(required_readers=(BOT,)), identities={}), Unknown)


REFUSED_READ = Unknown("GetResourcePolicy: AccessDenied")


@pytest.mark.parametrize(
    "known", [facts(secret=REFUSED_READ), facts(policies=REFUSED_READ)], ids=["the secret", "its policies"]
)
def test_what_could_not_be_read_is_unknown_and_nobody_s_lack(known: Facts) -> None:
    assert plan_secret({a_reference(): known}, Rules(), Guard.NONE) is REFUSED_READ


def test_a_key_s_policy_that_could_not_be_read_is_unknown_too() -> None:
    known = facts(key=KeyFacts(KeyDescription(KEY_ARN, "Enabled"), REFUSED_READ))

    assert plan_key({a_reference(): known}, Rules()) is REFUSED_READ


# --- refused, with a reason ---

DENY = a_statement(Sid="Nobody", Effect="Deny")


def test_an_explicit_deny_is_refused() -> None:
    assert "explicitly denies" in reason(planned(a_document(DENY)))


@pytest.mark.parametrize("text", ["no", '{"Version": "2012-10-17"}', '{"Statement": [], "Statement": []}', "[" * 9999])
def test_a_malformed_document_is_refused(text: str) -> None:
    assert "not understood" in reason(planned(text))


def test_a_document_that_would_be_too_long_is_refused() -> None:
    long = a_document(*[{**SOMEBODY_ELSE, "Sid": f"S{number}"} for number in range(160)])

    assert "20480" in reason(planned(long))


def test_a_number_that_cannot_be_written_back_as_it_stands_is_refused() -> None:
    text = a_document(SOMEBODY_ELSE | {"Condition": {"NumericLessThan": {"s3:max-keys": 1}}}).replace(": 1}", ": 1.10}")

    assert "1.10" in reason(planned(text))


@pytest.mark.parametrize("owner", ["bedrock-agentcore-identity", "rds"])
def test_a_secret_that_a_service_owns_is_refused(owner: str) -> None:
    assert owner in reason(planned(None, secret=SecretDescription(versions={"AWSCURRENT": "v1"}, owner=owner)))


def test_a_secret_that_agentcore_manages_is_refused_by_its_name_too() -> None:
    managed = a_reference(secret=secret_arn("bedrock-agentcore-identity!default/x"))

    assert "service owns" in reason(planned(None, managed))


def test_a_role_cannot_meet_a_condition_that_only_services_meet() -> None:
    assert "RepairCondition" in reason(planned(None, rules=BOTH, guard=Guard.SOURCE_ACCOUNT))


def test_a_statement_with_our_sid_that_somebody_changed_is_not_overwritten() -> None:
    theirs = a_statement(Sid=READ_SID, Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:user/alice"})

    assert "alice" in reason(planned(a_document(theirs)))


# --- whatever the policy ---

guards = st.sampled_from([Guard.SOURCE_ACCOUNT_IF_EXISTS, Guard.NONE])
readers = st.sampled_from([Rules(), BOTH, Rules(required_readers=(BOT,))])


def outcomes(document: str | None, rules: Rules) -> list[Outcome | Unknown]:
    policies = () if document is None else (Policy.parse(document),)
    known = facts(policies=policies, identities=may(IdentityDecision.DENIED_IMPLICIT))
    assert isinstance(known.secret, SecretDescription)
    wanted = [Principal.parse(name) for name in rules.required_readers]
    return [may_read(one, a_reference(), known.secret, policies, known).outcome for one in wanted]


@given(documents(), readers, guards)
def test_whoever_lacked_access_has_it_after_the_plan_or_it_is_refused(
    document: str | None, rules: Rules, guard: Guard
) -> None:
    found = planned(document, rules=rules, guard=guard)
    before = outcomes(document, rules)

    if isinstance(found, Plan):
        after = outcomes(found.after, rules)
        assert Outcome.DENIED_IMPLICIT in before
        assert all(now is Outcome.ALLOWED for was, now in zip(before, after, strict=True) if was != now)
        assert Outcome.DENIED_IMPLICIT not in after
    elif found is None:
        assert Outcome.DENIED_IMPLICIT not in before


@given(documents(), readers, guards)
def test_repairing_twice_changes_nothing(document: str | None, rules: Rules, guard: Guard) -> None:
    first = planned(document, rules=rules, guard=guard)

    if isinstance(first, Plan):
        assert planned(first.after, rules=rules, guard=guard) is None


contexts = st.dictionaries(
    st.sampled_from(["aws:SourceAccount", "aws:PrincipalOrgID", "aws:SecureTransport", "aws:PrincipalAccount"]),
    st.sampled_from([ABSENT, Present((ACCOUNT,)), Present(("444455556666",)), Present(("false",)), Present(("o-1",))]),
)
principals = st.sampled_from(
    [*SERVICES, *(name for name in PEOPLE if name.startswith("arn:")), f"arn:aws:iam::{ACCOUNT}:role/nobody"]
).map(Principal.parse)
actions = st.sampled_from([*ACTIONS[:1], *ACTIONS[3:5], "secretsmanager:DeleteSecret"])


@given(documents(), readers, guards, principals, actions, contexts)
def test_nobody_else_gains_or_loses_anything_nor_do_the_readers_gain_more_than_reading(
    document: str | None, rules: Rules, guard: Guard, who: Principal, action: str, context: Context
) -> None:
    found = planned(document, rules=rules, guard=guard)

    if isinstance(found, Plan):
        wanted = [Principal.parse(name) for name in rules.required_readers]
        is_reader = who in wanted or (who.entity and who.entity in {one.entity for one in wanted})
        if not (is_reader and action == READ):
            before = [] if found.before is None else [Policy.parse(found.before)]
            then = evaluate([Policy.parse(found.after)], who, action, found.resource, context)
            assert evaluate(before, who, action, found.resource, context).outcome is then.outcome


@given(documents(), readers, guards)
def test_undoing_gives_back_the_original_document(document: str | None, rules: Rules, guard: Guard) -> None:
    found = planned(document, rules=rules, guard=guard)

    if isinstance(found, Plan):
        done = Repair.planned(found, applied=0, secret=secret_arn(), at=NOON).moved(Status.APPLIED)
        assert Repair.undo(done, found.after, applied=1, by="alice", at=NOON).after == document


@given(documents(), readers, st.lists(st.sampled_from([SOMEBODY_ELSE, DENY]), min_size=1, max_size=2))
def test_undoing_what_was_changed_since_takes_out_our_statement_alone(
    document: str | None, rules: Rules, added: list[dict[str, Any]]
) -> None:
    found = planned(document, rules=rules)

    if isinstance(found, Plan):
        done = Repair.planned(found, applied=0, secret=secret_arn(), at=NOON).moved(Status.APPLIED)
        now = json.loads(found.after)
        changed = json.dumps({**now, "Statement": [*now["Statement"], *added]})
        left = Repair.undo(done, changed, applied=1, by="alice", at=NOON).after
        others = [one for one in now["Statement"] if one.get("Sid") != READ_SID]
        assert left is not None
        assert json.loads(left)["Statement"] == [*others, *added]


def test_undoing_does_not_care_how_the_document_is_laid_out() -> None:
    plan = a_plan(planned(a_document(SOMEBODY_ELSE)))
    done = Repair.planned(plan, applied=0, secret=secret_arn(), at=NOON).moved(Status.APPLIED)

    undo = Repair.undo(done, json.dumps(json.loads(plan.after), indent=4), applied=1, by="alice", at=NOON)

    assert same(undo.after, a_document(SOMEBODY_ELSE))


# --- keys ---

OWNER = a_statement(Sid="Owner", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, Action="kms:*")


def key_facts(policy: str, **parts: Any) -> Facts:
    return facts(key=KeyFacts(KeyDescription(KEY_ARN, "Enabled"), Policy.parse(policy)), **parts)


def test_a_key_s_policy_gets_a_statement_for_this_secret_through_secrets_manager_only() -> None:
    plan = a_plan(plan_key({a_reference(): key_facts(a_document(OWNER))}, Rules()))

    assert (plan.kind, plan.resource) == (Kind.KEY, KEY_ARN)
    assert plan.statement == {
        "Sid": DECRYPT_SID,
        "Effect": "Allow",
        "Principal": {"Service": AGENTCORE},
        "Action": "kms:Decrypt",
        "Resource": "*",
        "Condition": {
            "StringEquals": {
                "kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com",
                "kms:EncryptionContext:SecretARN": secret_arn(),
            }
        },
    }
    assert json.loads(plan.after)["Statement"][0] == OWNER


def test_the_secrets_that_our_statement_on_a_key_serves_already_stay_in_it() -> None:
    first = a_plan(plan_key({a_reference(): key_facts(a_document(OWNER))}, Rules()))
    other = secret_arn("agents/erp", "d4e5f6")

    second = a_plan(plan_key({a_reference(secret=other): key_facts(first.after)}, Rules()))

    named = second.statement["Condition"]["StringEquals"]["kms:EncryptionContext:SecretARN"]
    assert named == [secret_arn(), other]


def test_a_key_that_lets_the_reader_decrypt_needs_nothing() -> None:
    lets = a_document(OWNER, a_statement(Action="kms:Decrypt"))

    assert plan_key({a_reference(): key_facts(lets)}, Rules()) is None


def test_a_key_of_another_account_is_refused() -> None:
    arn = KEY_ARN.replace(ACCOUNT, "444455556666")
    known = facts(key=KeyFacts(KeyDescription(arn, "Enabled"), Policy.parse(a_document(OWNER))))

    assert "444455556666" in reason(plan_key({a_reference(): known}, Rules()))


def test_the_managed_key_is_no_key_of_ours_to_change() -> None:
    managed = facts(key=KeyFacts(KeyDescription(KEY_ARN, "Enabled", customer_managed=False)))

    assert plan_key({a_reference(): managed}, Rules()) is None
