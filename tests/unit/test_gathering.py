"""Facts are read once each and side by side, in three round trips at most; what could not be read says why."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from secretwatch.domain.facts import (
    Facts,
    IdentityDecision,
    KeyDescription,
    KeyFacts,
    NoSuchKey,
    SecretDescription,
    Unknown,
    ValueFacts,
    ValueShape,
)
from secretwatch.domain.key import KeyId
from secretwatch.domain.reference import ProviderStatus, Reference
from secretwatch.domain.rules import AGENTCORE, CONSUMERS, READ_VALUE, READ_VALUE_TAG, ReadValues, Rules
from secretwatch.domain.state import ReferenceState
from secretwatch.errors import Permanent, Transient
from secretwatch.gathering import Gathering
from secretwatch.policy import Grant, Policy
from tests.fakes import (
    ACCOUNT,
    KEY_ARN,
    LETS_AGENTCORE_READ,
    NOON,
    FakeSecret,
    FakeSecrets,
    FakeWorld,
    InMemoryReferences,
    a_consumer,
    a_document,
    a_gateway,
    a_policy,
    a_reference,
    secret_arn,
)

ARN, REFERENCE = secret_arn("crm"), a_reference(secret=secret_arn("crm"))
ROLE = f"arn:aws:iam::{ACCOUNT}:role/support-bot"
ALIAS = KeyId(KEY_ARN.split("key/", maxsplit=1)[0] + "alias/agents")


class RoundTrips(Executor):
    """Everything that was begun is answered when somebody waits; each such wait is a round trip."""

    class Answer(Future[Any]):
        """Waited for, it lets everything that was begun happen."""

        begun: "RoundTrips"

        def result(self, timeout: float | None = None) -> Any:
            if not self.done():
                self.begun.happen()
            return super().result(timeout)

    def __init__(self) -> None:
        self.count = 0
        self._begun: list[tuple[RoundTrips.Answer, Callable[[], Any]]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        answer = self.Answer()
        answer.begun = self
        self._begun.append((answer, lambda: fn(*args, **kwargs)))
        return answer

    def happen(self) -> None:
        self.count += 1
        begun, self._begun = self._begun, []
        for answer, read in begun:
            answer.set_result(read())


@pytest.fixture
def secret() -> FakeSecret:
    return FakeSecret()


@pytest.fixture
def world(secret: FakeSecret) -> FakeWorld:
    return FakeWorld(InMemoryReferences(REFERENCE), FakeSecrets(crm=secret))


def gathering(world: FakeWorld, rules: Rules | None = None, **pool: Any) -> Gathering:
    them = (world.secrets, world.keys, world.statuses, world.consumers, world.identities)
    return Gathering(*them, rules=rules or Rules(), **pool)


def gathered(world: FakeWorld, rules: Rules | None = None, **state: Any) -> Facts:
    """The facts for the one reference."""
    before = replace(ReferenceState(REFERENCE), **state)
    return gathering(world, rules).gather(ARN, [before], at=NOON)[REFERENCE]


# --- what is gathered


def test_everything_that_there_is_to_know(world: FakeWorld, secret: FakeSecret) -> None:
    secret.key = world.keys.add()
    world.consumers.record(None, a_gateway("bot", a_consumer()))

    facts = gathered(world, Rules(required_readers=(AGENTCORE, CONSUMERS)))

    assert facts == Facts(
        secret=SecretDescription(versions={"AWSCURRENT": "v1"}, key=KeyId(KEY_ARN)),
        at=NOON,
        current=ValueFacts("v1", {"client_secret": ValueShape.USABLE}),
        policies=(a_policy(LETS_AGENTCORE_READ),),
        key=KeyFacts(KeyDescription(KEY_ARN, "Enabled"), a_policy(world.keys.policies[KEY_ARN])),
        provider=ProviderStatus(),
        consumers=(a_consumer(),),
        identities=dict.fromkeys(
            [(ROLE, "secretsmanager:GetSecretValue"), (ROLE, "kms:Decrypt")],
            Unknown("SimulatePrincipalPolicy: AccessDenied"),
        ),
    )


def test_every_policy_of_the_secret_is_read_the_default_one_first(world: FakeWorld, secret: FakeSecret) -> None:
    secret.policies = {"b": a_document(), "default": LETS_AGENTCORE_READ, "a": a_document()}

    policies = gathered(world).policies

    assert isinstance(policies, tuple)
    assert [policy.name for policy in policies] == ["default", "a", "b"]


def test_an_alias_leads_to_the_key_that_it_means(world: FakeWorld, secret: FakeSecret) -> None:
    world.keys.add()
    world.keys.aliases[ALIAS.arn] = KEY_ARN
    secret.key = ALIAS

    key = gathered(world).key

    assert key is not None
    assert isinstance(key.policy, Policy)
    assert key.key == KeyDescription(KEY_ARN, "Enabled")


def test_an_alias_that_means_no_key_any_more(world: FakeWorld, secret: FakeSecret) -> None:
    secret.key = ALIAS

    assert gathered(world).key == KeyFacts(NoSuchKey())


def test_of_the_managed_key_nothing_but_its_description_is_used(world: FakeWorld, secret: FakeSecret) -> None:
    secret.key = world.keys.add()
    world.keys.keys[KEY_ARN] = KeyDescription(KEY_ARN, "Enabled", customer_managed=False)

    assert gathered(world).key == KeyFacts(KeyDescription(KEY_ARN, "Enabled", customer_managed=False))


def test_grants_are_listed_only_where_the_keys_policy_does_not_suffice(world: FakeWorld, secret: FakeSecret) -> None:
    secret.key = world.keys.add()
    gathered(world)
    assert "grants" not in world.keys.reads

    grant = Grant("g-1", AGENTCORE, frozenset({"Decrypt"}))
    world.keys.policies[KEY_ARN], world.keys.given[KEY_ARN] = a_document(), (grant,)

    key = gathered(world).key
    assert key is not None
    assert key.grants == (grant,)


def test_of_a_secret_that_is_marked_for_deletion_nothing_more_is_read(world: FakeWorld, secret: FakeSecret) -> None:
    secret.key, secret.deletion_date = world.keys.add(), NOON + timedelta(days=7)

    gathered(world)

    assert world.keys.reads == []
    assert world.secrets.values_read == []


# --- once


def test_secrets_of_a_batch_share_what_is_known_of_their_key_and_provider() -> None:
    one, other = FakeSecret(), FakeSecret()
    world = FakeWorld(InMemoryReferences(), FakeSecrets(crm=one, billing=other))
    one.key = other.key = world.keys.add()
    batch = gathering(world)

    for name in ("crm", "billing", "crm"):
        reference = a_reference(secret=secret_arn(name))
        batch.gather(reference.secret_arn, [ReferenceState(reference)], at=NOON)

    assert world.keys.reads == ["describe", "policy"]


# --- values


@pytest.mark.parametrize(
    ("rule", "tags", "looked_at"),
    [
        (ReadValues.ALL, {}, True),
        (ReadValues.TAGGED, {READ_VALUE_TAG: READ_VALUE}, True),
        (ReadValues.TAGGED, {READ_VALUE_TAG: "false"}, False),
        (ReadValues.TAGGED, {}, False),
        (ReadValues.NONE, {READ_VALUE_TAG: READ_VALUE}, False),
    ],
)
def test_values_are_looked_at_as_the_operator_chose(
    world: FakeWorld, secret: FakeSecret, rule: ReadValues, tags: dict[str, str], *, looked_at: bool
) -> None:
    secret.tags = tags

    current = gathered(world, Rules(read_values=rule)).current

    assert bool(world.secrets.values_read) is looked_at
    assert isinstance(current, ValueFacts) is looked_at
    assert looked_at or current == Unknown(f"its value is not looked at (ReadSecretValues: {rule})", by_choice=True)


def test_a_value_that_was_found_good_is_known_without_being_looked_at(world: FakeWorld) -> None:
    facts = gathered(world, Rules(read_values=ReadValues.NONE), good_version="v1")

    assert facts.current == ValueFacts("v1", {"client_secret": ValueShape.USABLE})


# --- what could not be read


@pytest.mark.parametrize(
    ("operation", "fact"),
    [
        ("describe", lambda facts: facts.secret),
        ("policy_names", lambda facts: facts.policies),
        ("policy", lambda facts: facts.policies),
        ("AWSCURRENT", lambda facts: facts.current),
    ],
)
@pytest.mark.parametrize("failure", [Transient("Operation: throttled"), Permanent("Operation: refused")])
def test_a_read_that_fails_leaves_its_fact_unknown_and_says_why(
    world: FakeWorld, operation: str, fact: Callable[[Facts], object], failure: Exception
) -> None:
    world.secrets.failures[operation] = failure

    assert fact(gathered(world)) == Unknown(str(failure), transient=isinstance(failure, Transient))


def test_what_may_not_be_read_of_another_accounts_secret_is_quiet_but_not_what_fails_for_now() -> None:
    arn = secret_arn("crm").replace(ACCOUNT, "444455556666")
    abroad, secrets = a_reference(secret=arn), FakeSecrets()
    secrets.secrets[arn] = FakeSecret()
    world = FakeWorld(InMemoryReferences(abroad), secrets)

    def policies(failure: Exception) -> object:
        secrets.failures["policy"] = failure
        return gathering(world).gather(arn, [ReferenceState(abroad)], at=NOON)[abroad].policies

    assert policies(Permanent("refused")) == Unknown("refused", quiet=True)
    assert policies(Transient("throttled")) == Unknown("throttled", transient=True)


def test_another_accounts_key_that_may_not_be_read_is_quiet_too(world: FakeWorld, secret: FakeSecret) -> None:
    abroad = KEY_ARN.replace(ACCOUNT, "444455556666")
    for arn in (KEY_ARN, abroad):
        secret.key = world.keys.add(arn)
        del world.keys.policies[arn]
        key = gathered(world).key

        assert key is not None
        assert key.policy == Unknown("GetKeyPolicy: NotFoundException", quiet=arn == abroad)


def test_an_error_that_nobody_foresaw_is_no_unknown_fact(world: FakeWorld) -> None:
    world.secrets.failures["policy"] = KeyError("a bug")

    with pytest.raises(KeyError, match="a bug"):
        gathered(world)


# --- three round trips

FAULTY = ValueShape.KEY_MISSING


@pytest.mark.parametrize("by_alias", [False, True], ids=["key", "alias"])
@pytest.mark.parametrize("granted", [False, True], ids=["by policy", "by grant"])
@pytest.mark.parametrize("faulty", [False, True], ids=["good", "faulty"])
def test_whatever_there_is_to_read_takes_three_round_trips(
    world: FakeWorld, secret: FakeSecret, *, by_alias: bool, granted: bool, faulty: bool
) -> None:
    secret.key = world.keys.add()
    if by_alias:
        world.keys.aliases[ALIAS.arn], secret.key = KEY_ARN, ALIAS
    if granted:
        world.keys.policies[KEY_ARN] = a_document()
        world.keys.given[KEY_ARN] = (Grant("g-1", AGENTCORE, frozenset({"Decrypt"})),)
    if faulty:
        secret.rotate("v2", FAULTY)
    secret.policies |= {"a-service": a_document(), "another": a_document()}
    world.consumers.record(None, a_gateway("bot", a_consumer()))
    for action in ("secretsmanager:GetSecretValue", "kms:Decrypt"):
        world.identities.decisions[ROLE, action] = IdentityDecision.ALLOWED
    trips = RoundTrips()
    rules = Rules(required_readers=(AGENTCORE, CONSUMERS))

    facts = gathering(world, rules, pool=trips).gather(ARN, [ReferenceState(REFERENCE)], at=NOON)[REFERENCE]

    assert trips.count == 3
    assert facts == gathered(world, rules)
    assert facts.key is not None
    assert bool(facts.key.grants) is granted
    assert isinstance(facts.previous, ValueFacts) is faulty


@pytest.mark.parametrize("providers", [1, 20])
def test_a_secret_without_key_of_its_own_takes_two_however_many_reference_it(world: FakeWorld, providers: int) -> None:
    references: list[Reference] = [a_reference(f"agent-{number}", secret=ARN) for number in range(providers)]
    trips = RoundTrips()

    gathering(world, pool=trips).gather(ARN, [ReferenceState(one) for one in references], at=NOON)

    assert trips.count == 2
