"""A judgement is a pure function of facts and rules: whatever the facts, it explains itself, and never guesses."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    Unknown,
    ValueFacts,
    ValueShape,
)
from secretwatch.domain.finding import Code, Verdict, worst
from secretwatch.domain.judging import Judgement, judge
from secretwatch.domain.key import KeyId
from secretwatch.domain.observed import FailedRotation, Observations, ObservedRead
from secretwatch.domain.reference import ProviderStatus, Reference
from secretwatch.domain.rules import AGENTCORE, CONSUMERS, Rules
from secretwatch.policy import Grant, Policy
from tests.fakes import (
    ACCOUNT,
    KEY_ARN,
    LETS_AGENTCORE_DECRYPT,
    LETS_AGENTCORE_READ,
    NOON,
    a_consumer,
    a_document,
    a_reference,
    a_statement,
    facts,
    secret_arn,
)

DAY = timedelta(days=1)
ROLE = f"arn:aws:iam::{ACCOUNT}:role/support-bot"
REFUSED = Unknown("DescribeSecret: AccessDeniedException")
THROTTLED = Unknown("GetSecretValue: ThrottlingException", transient=True)
ABROAD = Unknown("GetResourcePolicy: AccessDeniedException", quiet=True)
NOT_LOOKED_AT = Unknown("its value is not looked at", by_choice=True)

unknowns = st.sampled_from([REFUSED, THROTTLED, ABROAD, NOT_LOOKED_AT])
moments = st.integers(min_value=-60, max_value=60).map(lambda days: NOON + days * DAY)
documents = st.sampled_from(
    [
        LETS_AGENTCORE_READ,
        LETS_AGENTCORE_DECRYPT,
        a_document(),
        a_document(a_statement(Principal="*", Action="*")),
        a_document(a_statement(Effect="Deny")),
        a_document(a_statement(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, Action="*")),
        a_document(a_statement(Condition={"StringEquals": {"aws:SourceAccount": ACCOUNT}})),
        "{",
    ]
)
parsed = documents.map(Policy.parse)
rotations = st.builds(Rotation, st.booleans(), st.none() | moments, st.none() | moments)
descriptions = st.builds(
    SecretDescription,
    st.none() | moments,
    st.sampled_from([{}, {"AWSCURRENT": "v2"}, {"AWSPREVIOUS": "v1"}, {"AWSCURRENT": "v2", "AWSPREVIOUS": "v1"}]),
    st.sampled_from([None, KeyId(KEY_ARN), KeyId(KEY_ARN.replace("key/", "alias/"))]),
    st.dictionaries(st.sampled_from(["team", "stage"]), st.text(max_size=3)),
    rotations,
    st.none() | moments,
    st.none() | st.just("appflow"),
    st.none() | st.just("Salesforce"),
)
values = st.builds(
    ValueFacts, st.just("v2"), st.sampled_from(ValueShape).map(lambda shape: dict.fromkeys(["client_secret"], shape))
)
states = st.sampled_from(["Enabled", "Disabled", "PendingDeletion", "PendingImport", "Unavailable"])
grants = st.just((Grant("g-1", AGENTCORE, frozenset({"Decrypt"})),)) | st.just(())
keys = st.builds(
    KeyFacts,
    st.builds(KeyDescription, st.just(KEY_ARN), states, st.booleans(), st.none() | moments)
    | st.just(NoSuchKey())
    | unknowns,
    st.none() | parsed | unknowns,
    grants | unknowns,
)
reads = st.builds(ObservedRead, moments, st.sampled_from([None, ROLE]), st.sampled_from([None, "AccessDenied"]))
observations = st.lists(reads | st.builds(FailedRotation, moments), max_size=4)
identities = st.dictionaries(
    st.tuples(st.just(ROLE), st.sampled_from(["secretsmanager:GetSecretValue", "kms:Decrypt"])),
    st.sampled_from(IdentityDecision) | unknowns,
)


def seen(happenings: list[Any]) -> Observations:
    known = Observations()
    for one in happenings:
        known = known.seen(one)
    return known


all_facts = st.builds(
    Facts,
    descriptions | st.builds(NoSuchSecret, st.none() | st.just(secret_arn(suffix="z9y8x7"))) | unknowns,
    st.just(NOON),
    current=st.none() | values | unknowns,
    previous=st.none() | values | unknowns,
    policies=st.lists(parsed, max_size=3).map(tuple) | unknowns,
    key=st.none() | keys,
    provider=st.builds(ProviderStatus, st.sampled_from([None, "READY", "CREATE_FAILED"]), st.none() | st.text())
    | st.just(NoSuchProvider())
    | unknowns,
    consumers=st.just((a_consumer(),)) | st.just(()) | unknowns,
    observations=observations.map(seen),
    access_since=st.none() | moments,
    identities=identities,
)
all_rules = st.builds(
    Rules,
    st.lists(st.sampled_from([AGENTCORE, ROLE, CONSUMERS]), max_size=3).map(tuple),
    st.dictionaries(st.sampled_from(["team", "stage"]), st.sampled_from([frozenset(), frozenset({"a"})])),
    st.booleans(),
    st.booleans(),
    st.none() | st.just(30 * DAY),
    st.booleans(),
)
all_references = st.sampled_from(
    [
        a_reference(),
        a_reference(json_key=None),
        a_reference(secret=secret_arn().replace(ACCOUNT, "444455556666")),
        a_reference(secret=secret_arn().replace("eu-west-1", "eu-central-1")),
    ]
)


@given(all_references, all_facts, all_rules)
def test_whatever_the_facts_a_judgement_explains_itself(reference: Reference, found: Facts, rules: Rules) -> None:
    judgement = judge(reference, found, rules)

    assert judge(reference, found, rules) == judgement
    assert judgement.verdict in {None, worst(judgement.findings)}
    assert (judgement.verdict is None) <= (judgement.unknown is not None and not judgement.unknown.by_choice)
    assert len(set(judgement.findings)) == len(judgement.findings)
    for finding in judgement.findings:
        assert finding.evidence
        assert finding.remedy
        assert finding.about


# Whatever of the facts is unknown, and the codes that it hides.
HIDES: list[tuple[str, Any, set[Code]]] = [
    ("secret", REFUSED, set(Code) - {Code.PROVIDER_FAILED, Code.PROVIDER_GONE, Code.REGION_MISMATCH}),
    (
        "current",
        THROTTLED,
        {Code.VALUE_NOT_JSON, Code.JSON_KEY_MISSING, Code.JSON_KEY_NOT_A_STRING, Code.JSON_KEY_EMPTY},
    ),
    ("policies", ABROAD, {Code.READER_NOT_ALLOWED, Code.READER_UNPROVEN, Code.POLICY_TOO_BROAD}),
    (
        "key",
        KeyFacts(REFUSED),
        {Code.KEY_DISABLED, Code.KEY_PENDING_DELETION, Code.KEY_NOT_FOUND, Code.KEY_NOT_ALLOWED},
    ),
    ("key", KeyFacts(KeyDescription(KEY_ARN, "Enabled"), REFUSED), {Code.KEY_NOT_ALLOWED}),
    (
        "key",
        KeyFacts(KeyDescription(KEY_ARN, "Enabled"), Policy.parse(a_document()), REFUSED),
        {Code.KEY_NOT_ALLOWED},
    ),
    ("provider", THROTTLED, {Code.PROVIDER_FAILED, Code.PROVIDER_GONE}),
]


@pytest.mark.parametrize(("name", "unread", "hidden"), HIDES, ids=[name for name, _, _ in HIDES])
@given(all_facts, all_rules)
def test_an_unknown_fact_yields_no_finding_about_what_it_hides(
    name: str, unread: Any, hidden: set[Code], found: Facts, rules: Rules
) -> None:
    judgement = judge(a_reference(), replace(found, **{name: unread}), rules)

    assert not {finding.code for finding in judgement.findings} & hidden


@pytest.mark.parametrize("name", ["secret", "current", "policies", "provider"])
@given(unknowns.filter(lambda one: not one.by_choice))
def test_an_unknown_fact_leaves_the_verdict_open_where_nothing_else_is_wrong(name: str, unread: Any) -> None:
    assert judge(a_reference(), replace(facts(), **{name: unread}), Rules()) == Judgement(None, (), unread)


def test_a_finding_that_breaks_stands_beside_what_is_unknown() -> None:
    judgement = judge(a_reference(), facts(policies=(), current=THROTTLED), Rules())

    assert judgement.verdict is Verdict.BROKEN
    assert judgement.unknown is THROTTLED


def test_a_finding_that_only_degrades_waits_for_what_is_unknown() -> None:
    judgement = judge(a_reference(), facts(current=THROTTLED), Rules(rotation=True))

    assert judgement == Judgement(None, (), THROTTLED)


def test_what_somebody_chose_not_to_know_leaves_the_verdict_to_the_rest() -> None:
    resolves = judge(a_reference(), facts(current=NOT_LOOKED_AT), Rules())
    degraded = judge(a_reference(), facts(current=NOT_LOOKED_AT), Rules(rotation=True))

    assert (resolves.verdict, resolves.unknown) == (Verdict.RESOLVES, NOT_LOOKED_AT)
    assert (degraded.verdict, degraded.unknown) == (Verdict.DEGRADED, NOT_LOOKED_AT)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(NOT_LOOKED_AT, REFUSED, id="what is chosen yields to what is not"),
        pytest.param(REFUSED, THROTTLED, id="what stays yields to what another try may tell"),
        pytest.param(ABROAD, REFUSED, id="what is nobody's fault yields to what somebody has to mend"),
    ],
)
def test_of_two_unknowns_the_one_is_told_that_matters_more(first: Unknown, second: Unknown) -> None:
    assert judge(a_reference(), facts(current=first, provider=second), Rules()).unknown is second
    assert judge(a_reference(), facts(current=second, provider=first), Rules()).unknown is second


def test_of_a_secret_that_cannot_be_read_at_all_nothing_further_is_said() -> None:
    wrong = facts(SecretDescription(NOON), policies=(), current=ValueFacts("v2", {"client_secret": ValueShape.EMPTY}))

    assert [one.code for one in judge(a_reference(), wrong, Rules()).findings] == [Code.SECRET_PENDING_DELETION]


def test_governance_degrades_and_never_breaks() -> None:
    strict = Rules(
        required_tags={"team": frozenset({"crm"}), "stage": frozenset()},
        customer_managed_key=True,
        rotation=True,
        rotation_max_age=DAY,
        narrow_policy=True,
    )
    careless = facts(
        SecretDescription(versions={"AWSCURRENT": "v1"}, tags={"team": "billing"}),
        policies=(Policy.parse(a_document(a_statement(Principal="*", Action="secretsmanager:*"))),),
    )

    judgement = judge(a_reference(), careless, strict)

    assert judgement.verdict is Verdict.DEGRADED
    assert [one.code for one in judgement.findings] == [
        Code.ROTATION_OFF,
        Code.TAG_MISSING,
        Code.TAG_VALUE_NOT_ALLOWED,
        Code.KEY_NOT_CUSTOMER_MANAGED,
        Code.POLICY_TOO_BROAD,
    ]
    assert judge(a_reference(), careless, Rules()).findings == ()
