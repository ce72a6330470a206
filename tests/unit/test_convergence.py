"""Whatever happened, and whatever was told of it: after one sweep the Registry says what a fresh one would."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from secretwatch.domain.change import Subject
from secretwatch.domain.consumer import Consumer
from secretwatch.domain.facts import ValueShape
from secretwatch.domain.key import KeyId
from secretwatch.domain.reference import ProviderKind, ProviderStatus
from secretwatch.domain.secret import SecretId
from tests.fake_stack import ROLES, FakeStack, Outside
from tests.fakes import (
    ACCOUNT,
    EVERYTHING,
    LETS_AGENTCORE_DECRYPT,
    LETS_AGENTCORE_READ,
    NOON,
    REGION,
    FakeSecret,
    a_consumer,
    a_document,
    a_gateway,
    a_provider,
    a_reference,
    a_statement,
    secret_arn,
)

SUFFIXES = ("a1b2c3", "Zz9Yy8")
# The second reads like the full ARN of the first, once its own suffix is cut off.
NAMES = ("agents/crm", "agents/crm-abcdef", "weather")
PROVIDERS = ("crm-oauth", "weather-api", "shared")
GATEWAYS = ("support-bot", "sales-bot")
KEYS = tuple(f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{digit * 8}-12ab-34cd-56ef-1234567890ab" for digit in "12")
ALIASES = tuple(f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/{name}" for name in ("agents", "vendor"))
POLICIES = {
    "allows": LETS_AGENTCORE_READ,
    "allows everybody": a_document(a_statement(Principal={"AWS": list(ROLES)}), a_statement(Sid="All")),
    "denies": a_document(a_statement(), a_statement(Sid="No", Effect="Deny")),
    "says nothing": None,
}

names, secrets = st.sampled_from(NAMES), st.sampled_from([secret_arn(n, s) for n in NAMES for s in SUFFIXES])
keys, aliases = st.sampled_from(KEYS), st.sampled_from(ALIASES)
kinds = st.sampled_from(ProviderKind)


class Convergence(RuleBasedStateMachine):
    """Real changes, of which events tell once, twice, late, in disorder or not at all; sweeps that come between."""

    def __init__(self) -> None:
        super().__init__()
        self.outside = Outside()
        self.stack = FakeStack(self.outside)
        self.events: list[tuple[Subject, bool]] = []
        self.versions = 0
        for arn in KEYS:
            self.outside.keys.add(arn)
        for alias in ALIASES:
            self.outside.keys.aliases[alias] = KEYS[0]

    def tell(self, subject: Subject, told: int, *, created: bool = False) -> None:
        self.events += [(subject, created)] * told

    # --- secrets

    @rule(arn=secrets, told=st.integers(0, 2))
    def create_secret(self, arn: str, told: int) -> None:
        of_that_name = [one for one in self.outside.secrets.secrets if _name(one) == _name(arn)]
        if not of_that_name:
            self.versions += 1
            self.outside.secrets.secrets[arn] = FakeSecret({"AWSCURRENT": f"v{self.versions}"}, tags={"team": "a"})
            self.tell(SecretId.of_arn(arn), told, created=True)

    def change(self, arn: str, told: int, how: Callable[[FakeSecret], None]) -> None:
        if secret := self.outside.secrets.secrets.get(arn):
            how(secret)
            self.tell(SecretId.of_arn(arn), told)

    @rule(arn=secrets, shape=st.sampled_from(ValueShape), told=st.integers(0, 2))
    def rotate(self, arn: str, shape: ValueShape, told: int) -> None:
        self.versions += 1
        self.change(arn, told, lambda secret: secret.rotate(f"v{self.versions}", shape))

    @rule(arn=secrets, told=st.integers(0, 2))
    def schedule_deletion(self, arn: str, told: int) -> None:
        self.change(arn, told, lambda secret: setattr(secret, "deletion_date", NOON + timedelta(days=7)))

    @rule(arn=secrets, told=st.integers(0, 2))
    def restore(self, arn: str, told: int) -> None:
        self.change(arn, told, lambda secret: setattr(secret, "deletion_date", None))

    @rule(arn=secrets, told=st.integers(0, 2))
    def delete_secret(self, arn: str, told: int) -> None:
        if self.outside.secrets.secrets.pop(arn, None):
            self.tell(SecretId.of_arn(arn), told)

    @rule(arn=secrets, policy=st.sampled_from(sorted(POLICIES)), told=st.integers(0, 2))
    def put_policy(self, arn: str, policy: str, told: int) -> None:
        text = POLICIES[policy]
        self.change(arn, told, lambda secret: setattr(secret, "policies", {"default": text} if text else {}))

    @rule(arn=secrets, tags=st.sampled_from([{}, {"team": "a"}, {"team": "b"}]), told=st.integers(0, 2))
    def tag(self, arn: str, tags: dict[str, str], told: int) -> None:
        self.change(arn, told, lambda secret: setattr(secret, "tags", tags))

    @rule(arn=secrets, key=st.none() | keys | aliases, told=st.integers(0, 2))
    def encrypt_under(self, arn: str, key: str | None, told: int) -> None:
        self.change(arn, told, lambda secret: setattr(secret, "key", KeyId(key) if key else None))

    # --- keys

    @rule(arn=keys, state=st.sampled_from(["Enabled", "Disabled", "PendingDeletion"]), told=st.integers(0, 2))
    def change_key(self, arn: str, state: str, told: int) -> None:
        if arn in self.outside.keys.keys:
            self.outside.keys.keys[arn] = replace(self.outside.keys.keys[arn], state=state)
            self.tell(KeyId(arn), told)

    @rule(arn=keys, lets=st.booleans(), told=st.integers(0, 2))
    def put_key_policy(self, arn: str, lets: bool, told: int) -> None:
        if arn in self.outside.keys.keys:
            self.outside.keys.policies[arn] = LETS_AGENTCORE_DECRYPT if lets else a_document()
            self.tell(KeyId(arn), told)

    @rule(arn=keys, told=st.integers(0, 2))
    def delete_key(self, arn: str, told: int) -> None:
        if self.outside.keys.keys.pop(arn, None):
            del self.outside.keys.policies[arn]
            self.tell(KeyId(arn), told)

    @rule(alias=aliases, key=st.none() | keys, told=st.integers(0, 2))
    def move_alias(self, alias: str, key: str | None, told: int) -> None:
        if key:
            self.outside.keys.aliases[alias] = key
        else:
            self.outside.keys.aliases.pop(alias, None)
        self.tell(KeyId(alias), told)

    # --- providers and gateways

    @rule(
        name=st.sampled_from(PROVIDERS),
        kind=kinds,
        points_at=st.lists(st.tuples(secrets, st.sampled_from(["key", "other", None])), min_size=1, max_size=2),
        status=st.sampled_from([None, "READY", "UPDATE_FAILED", "UPDATING"]),
        told=st.integers(0, 2),
    )
    def put_provider(
        self,
        name: str,
        kind: ProviderKind,
        points_at: list[tuple[str, str | None]],
        status: str | None,
        told: int,
    ) -> None:
        fields = ("clientSecret", "certificate")
        references = (
            replace(a_reference(name, secret=arn, json_key=json_key, kind=kind), field=field)
            for field, (arn, json_key) in zip(fields, points_at, strict=False)
        )
        provider = replace(a_provider(name, *references), status=ProviderStatus(status))
        self.outside.providers.providers[provider.name] = provider
        self.tell(provider.name, told)

    @rule(name=st.sampled_from(PROVIDERS), kind=kinds, told=st.integers(0, 2))
    def delete_provider(self, name: str, kind: ProviderKind, told: int) -> None:
        deleted = a_reference(name, kind=kind).provider
        if self.outside.providers.providers.pop(deleted, None):
            self.tell(deleted, told)

    @rule(
        gateway=st.sampled_from(GATEWAYS),
        uses=st.sets(st.sampled_from(PROVIDERS), max_size=2),
        role=st.sampled_from(ROLES),
        told=st.integers(0, 2),
    )
    def put_gateway(self, gateway: str, uses: set[str], role: str, told: int) -> None:
        put = a_gateway(gateway, *(_consumer(gateway, provider, role) for provider in sorted(uses)))
        self.outside.gateways.gateways[put.name] = put
        self.tell(put.name, told)

    @rule(gateway=st.sampled_from(GATEWAYS), told=st.integers(0, 2))
    def delete_gateway(self, gateway: str, told: int) -> None:
        name = a_gateway(gateway).name
        if self.outside.gateways.gateways.pop(name, None):
            self.tell(name, told)

    # --- what Secretwatch does meanwhile

    @rule(data=st.data())
    def hear_of_a_change(self, data: st.DataObject) -> None:
        if self.events:
            index = data.draw(st.integers(0, len(self.events) - 1))
            subject, created = self.events.pop(index)
            self.stack.look(subject, created=created)

    @rule(data=st.data(), again=st.booleans())
    def do_what_was_asked_for(self, data: st.DataObject, again: bool) -> None:
        queues = [queue for queue in (self.stack.checks, self.stack.inventory) if queue.subjects]
        if queues:
            queue = data.draw(st.sampled_from(queues))
            self.stack.serve(queue, data.draw(st.integers(0, len(queue.subjects) - 1)), times=1 + again)

    @rule()
    def begin_a_sweep(self) -> None:
        self.stack.sweeping.begin(EVERYTHING)

    # --- what must hold

    @invariant()
    def nothing_is_referenced_but_by_a_recorded_provider(self) -> None:
        recorded = (one.provider for one in self.stack.providers.records.values())
        assert set(self.stack.references.states) == {one for provider in recorded for one in provider.references}

    def teardown(self) -> None:
        self.stack.settle()  # a sweep that runs ends; of events, those not heard yet are lost
        swept = self.stack.sweep()
        fresh = FakeStack(self.outside)
        fresh.sweep()

        assert swept.completed_at
        assert self.stack.known() == fresh.known()


def _name(arn: str) -> str:
    return SecretId.of_arn(arn).name


def _consumer(gateway: str, provider: str, role: str) -> Consumer:
    put = a_gateway(gateway)
    return replace(a_consumer(provider, target=provider), gateway=gateway, gateway_arn=put.arn, role_arn=role)


TestConvergence = Convergence.TestCase
TestConvergence.settings = settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
