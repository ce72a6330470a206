"""Readable stand-ins for the ports, and builders with defaults."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypeVar

from secretwatch.checking import Checking
from secretwatch.domain.alert import Alert
from secretwatch.domain.change import Subject, WholeInventory
from secretwatch.domain.consumer import Consumer, Gateway, GatewayName
from secretwatch.domain.facts import (
    Asked,
    Facts,
    IdentityDecision,
    KeyDescription,
    NoSuchKey,
    NoSuchProvider,
    NoSuchSecret,
    Rotation,
    SecretDescription,
    Unknown,
    ValueFacts,
    ValueShape,
)
from secretwatch.domain.finding import Code, Verdict
from secretwatch.domain.incident import Brief, Cause, Delivery, Digest, FirstLook, Incident, IncidentState, Kind
from secretwatch.domain.key import KeyId
from secretwatch.domain.reference import Provider, ProviderKind, ProviderName, ProviderStatus, Reference
from secretwatch.domain.rules import AGENTCORE, Rules
from secretwatch.domain.secret import SecretId
from secretwatch.domain.state import ReferenceState
from secretwatch.domain.sweep import Sweep
from secretwatch.domain.trail import WATCHED, Coverage
from secretwatch.domain.waiver import Waiver
from secretwatch.errors import LostRace, Permanent
from secretwatch.gathering import Gathering
from secretwatch.policy import Grant, Policy, Principal
from secretwatch.ports import NO_TIME, ChannelName, KnownGateway, KnownProvider, Page, Target, every_page

T = TypeVar("T")

ACCOUNT, REGION = "111122223333", "eu-west-1"
EVERYTHING = WholeInventory(ACCOUNT, REGION)
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def secret_arn(name: str = "agents/crm", suffix: str = "a1b2c3") -> str:
    return f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-{suffix}"


def a_name(name: str = "crm-oauth", kind: ProviderKind = ProviderKind.OAUTH2) -> ProviderName:
    return ProviderName(ACCOUNT, REGION, kind, name)


def a_reference(
    provider: str = "crm-oauth",
    *,
    secret: str | None = None,
    json_key: str | None = "client_secret",
    kind: ProviderKind = ProviderKind.OAUTH2,
) -> Reference:
    arn = f"arn:aws:bedrock-agentcore:{REGION}:{ACCOUNT}:token-vault/default/{kind.lower()}/{provider}"
    return Reference(arn, a_name(provider, kind), "clientSecret", secret or secret_arn(), json_key)


def a_provider(name: str = "crm-oauth", *references: Reference) -> Provider:
    references = references or (a_reference(name),)
    return Provider(references[0].provider_arn, references[0].provider, frozenset(references))


def a_gateway(gateway_id: str = "support-bot-a1b2c3d4e5", *consumers: Consumer) -> Gateway:
    name = GatewayName(ACCOUNT, REGION, gateway_id)
    return Gateway(name, f"arn:aws:bedrock-agentcore:{REGION}:{ACCOUNT}:gateway/{gateway_id}", frozenset(consumers))


def a_consumer(provider: str = "crm-oauth", *, target: str = "crm") -> Consumer:
    gateway = a_gateway()
    return Consumer(
        provider_arn=a_reference(provider).provider_arn,
        target_id=f"{target}-1",
        target=target,
        gateway="support-bot",
        gateway_arn=gateway.arn,
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/support-bot",
    )


def a_statement(**changes: Any) -> dict[str, Any]:
    """A statement that lets AgentCore read the secret; a part that is None is left out."""
    statement = {
        "Sid": "AgentCoreRead",
        "Effect": "Allow",
        "Principal": {"Service": AGENTCORE},
        "Action": "secretsmanager:GetSecretValue",
        "Resource": "*",
        **changes,
    }
    return {name: part for name, part in statement.items() if part is not None}


def a_document(*statements: dict[str, Any]) -> str:
    """The text of a policy with these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def a_policy(text: str, name: str = "default") -> Policy:
    """The policy with this text: always the same one, since two that say the same are not equal."""
    return _parsed(text, name)


_parsed = cache(Policy.parse)

LETS_AGENTCORE_READ = a_document(a_statement())
LETS_AGENTCORE_DECRYPT = a_document(a_statement(Sid="AgentCoreDecrypt", Action="kms:Decrypt"))

KEY_ARN = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def facts(
    secret: SecretDescription | NoSuchSecret | Unknown | None = None,
    current: ValueFacts | Unknown | None = None,
    *,
    at: datetime = NOON,
    policies: tuple[Policy, ...] | Unknown | None = None,
    **others: Any,
) -> Facts:
    """Facts of a secret that AgentCore may read, unless said otherwise."""
    return Facts(
        SecretDescription(versions={"AWSCURRENT": "v1"}) if secret is None else secret,
        at,
        current=current,
        policies=(a_policy(LETS_AGENTCORE_READ),) if policies is None else policies,
        **others,
    )


@dataclass
class FakeSecret:
    """A secret of the fake Secrets Manager that AgentCore may read; shapes by version id, policies by name."""

    versions: dict[str, str] = field(default_factory=lambda: {"AWSCURRENT": "v1"})
    shapes: dict[str, ValueShape] = field(default_factory=dict)
    deletion_date: datetime | None = None
    policies: dict[str, str] = field(default_factory=lambda: {"default": LETS_AGENTCORE_READ})
    key: KeyId | None = None
    tags: dict[str, str] = field(default_factory=dict)
    rotation: Rotation = field(default_factory=Rotation)

    def rotate(self, version_id: str, shape: ValueShape = ValueShape.USABLE) -> None:
        """Make a new version current; the one before becomes the previous."""
        self.versions = {"AWSCURRENT": version_id, "AWSPREVIOUS": self.versions["AWSCURRENT"]}
        self.shapes[version_id] = shape


class FakeSecrets:
    """`ports.Secrets` in memory. Every JSON key of a version has the same shape: usable unless said otherwise.

    `failures` are raised: by operation, or by staging label for values.
    """

    def __init__(self, **secrets: FakeSecret) -> None:
        self.secrets = {secret_arn(name): secret for name, secret in secrets.items()}
        self.described = 0
        self.values_read: list[tuple[str, str]] = []
        self.failures: dict[str, Exception] = {}

    def describe(self, arn: str) -> SecretDescription | NoSuchSecret:
        self.described += 1
        self._fail("describe")
        if arn not in self.secrets:
            name = SecretId.of_arn(arn).name
            return NoSuchSecret(next((one for one in self.secrets if SecretId.of_arn(one).name == name), None))
        secret = self.secrets[arn]
        return SecretDescription(
            secret.deletion_date, dict(secret.versions), secret.key, dict(secret.tags), secret.rotation
        )

    def policy_names(self, arn: str) -> list[str]:
        self._fail("policy_names")
        return sorted(self.secrets[arn].policies) if arn in self.secrets else []

    def policy(self, arn: str, name: str) -> Policy | None:
        self._fail("policy")
        text = self.secrets[arn].policies.get(name) if arn in self.secrets else None
        return a_policy(text, name) if text else None

    def shapes(self, arn: str, *, stage: str, json_keys: Collection[str]) -> ValueFacts:
        self.values_read.append((arn, stage))
        self._fail(stage)
        secret = self.secrets[arn]
        version_id = secret.versions[stage]
        return ValueFacts(version_id, dict.fromkeys(json_keys, secret.shapes.get(version_id, ValueShape.USABLE)))

    def _fail(self, operation: str) -> None:
        if failure := self.failures.get(operation):
            raise failure


class FakeKeys:
    """`ports.Keys` in memory; `aliases` say what each alias means."""

    def __init__(self, **policies: str) -> None:
        self.keys: dict[str, KeyDescription] = {}
        self.policies: dict[str, str] = {}
        self.aliases: dict[str, str] = {}
        self.given: dict[str, tuple[Grant, ...]] = {}
        self.reads: list[str] = []

    def add(self, arn: str = KEY_ARN, *, policy: str = LETS_AGENTCORE_DECRYPT, state: str = "Enabled") -> KeyId:
        self.keys[arn], self.policies[arn] = KeyDescription(arn, state), policy
        return KeyId(arn)

    def describe(self, key: KeyId) -> KeyDescription | NoSuchKey:
        self.reads.append("describe")
        return self.keys.get(self.aliases.get(key.arn, key.arn), NoSuchKey())

    def policy(self, key_arn: str) -> Policy:
        self.reads.append("policy")
        if key_arn not in self.policies:
            raise Permanent("GetKeyPolicy: NotFoundException")
        return a_policy(self.policies[key_arn])

    def grants(self, key_arn: str, grantee: Principal) -> tuple[Grant, ...]:
        self.reads.append("grants")
        return self.given.get(key_arn, ())


class FakeStatuses:
    """`ports.ProviderStatuses` in memory: well, unless said otherwise."""

    def __init__(self) -> None:
        self.statuses: dict[ProviderName, ProviderStatus | NoSuchProvider] = {}

    def status(self, name: ProviderName) -> ProviderStatus | NoSuchProvider:
        return self.statuses.get(name, ProviderStatus())


class FakeIdentities:
    """`ports.Identities` in memory; a role of which nothing is said may not be asked about."""

    def __init__(self) -> None:
        self.decisions: dict[Asked, IdentityDecision] = {}

    def decide(self, role_arn: str, action: str, resource: str) -> IdentityDecision:
        if (role_arn, action) not in self.decisions:
            raise Permanent("SimulatePrincipalPolicy: AccessDenied")
        return self.decisions[role_arn, action]


class InMemoryWaivers:
    """`ports.Waivers` in memory."""

    def __init__(self) -> None:
        self.waivers: list[Waiver] = []

    def holding(self, subjects: Collection[tuple[str, Code]]) -> list[Waiver]:
        return [waiver for waiver in self.waivers if (waiver.subject, waiver.code) in subjects]


class InMemoryProtectedSecrets:
    """`ports.ProtectedSecrets` in memory."""

    def __init__(self, secrets: Mapping[KeyId, Collection[SecretId]] | None = None) -> None:
        known = secrets or {}
        self.secrets = {key: {secret.arn for secret in under if secret.arn} for key, under in known.items()}

    def record(self, secret_arn: str, keys: Collection[KeyId], *, until: datetime) -> None:
        for key in keys:
            self.secrets.setdefault(key, set()).add(secret_arn)

    def under(self, key: KeyId) -> list[SecretId]:
        return [SecretId.of_arn(arn) for arn in sorted(self.secrets.get(key, ()))]


@dataclass
class FakeWorld:
    """Everything that a check reads and writes, and the checking over it."""

    references: "InMemoryReferences"
    secrets: FakeSecrets
    keys: FakeKeys = field(default_factory=FakeKeys)
    statuses: FakeStatuses = field(default_factory=FakeStatuses)
    consumers: "InMemoryGatewayRecords" = field(default_factory=lambda: InMemoryGatewayRecords())  # noqa: PLW0108 - defined below
    identities: FakeIdentities = field(default_factory=FakeIdentities)
    waivers: InMemoryWaivers = field(default_factory=InMemoryWaivers)
    protected: InMemoryProtectedSecrets = field(default_factory=InMemoryProtectedSecrets)

    def checking(self, clock: Callable[[], datetime] = lambda: NOON, *, rules: Rules | None = None) -> Checking:
        rules = rules or Rules()
        gathering = Gathering(self.secrets, self.keys, self.statuses, self.consumers, self.identities, rules=rules)
        return Checking(self.references, gathering, self.waivers, self.protected, rules=rules, clock=clock)


class InMemoryReferences:
    """`ports.References` in memory, with the Registry's condition on the version."""

    def __init__(self, *references: Reference) -> None:
        self.states = {reference: ReferenceState(reference) for reference in references}
        self.before_store: Callable[[], None] = lambda: None

    def of_secret(self, secret: SecretId) -> list[ReferenceState]:
        return [state for reference, state in self.states.items() if _is(reference.secret, secret)]

    def find(self, reference: Reference) -> ReferenceState | None:
        return self.states.get(reference)

    def all_of(self, references: Collection[Reference]) -> list[ReferenceState]:
        return [self.states[reference] for reference in references if reference in self.states]

    def store(self, state: ReferenceState) -> None:
        self.before_store()
        stored = self.states.get(state.reference)
        if stored is None or stored.version != state.version - 1:
            raise LostRace("the Registry's record has moved on")
        self.states[state.reference] = state

    def only(self) -> ReferenceState:
        (state,) = self.states.values()
        return state


def _is(secret: SecretId, named: SecretId) -> bool:
    if named.arn:
        return named.arn in {secret.arn, secret.partial_arn_read_as_full}
    return replace(secret, arn=None) == named


class InMemoryProviderRecords:
    """`ports.ProviderRecords` and `ports.ProviderStatuses` in memory, over the references that it keeps."""

    def __init__(self, references: InMemoryReferences) -> None:
        self.records: dict[ProviderName, KnownProvider] = {}
        self.references = references

    def known(self, inventory: WholeInventory) -> list[KnownProvider]:
        return list(self.records.values())

    def find(self, name: ProviderName) -> KnownProvider | None:
        return self.records.get(name)

    def status(self, name: ProviderName) -> ProviderStatus | NoSuchProvider:
        known = self.records.get(name)
        return known.provider.status if known else NoSuchProvider()

    def record(
        self, known: KnownProvider | None, provider: Provider, *, moved: Collection[tuple[ReferenceState, Reference]]
    ) -> None:
        before = self._expected(known)
        states = {new: state.moved_to(new) for state, new in moved}
        for reference in before - provider.references:
            self.references.states.pop(reference, None)
        for reference in provider.references - before:
            self.references.states[reference] = states.get(reference, ReferenceState(reference))
        self.records[provider.name] = KnownProvider(provider, known.version + 1 if known else 1)

    def forget(self, known: KnownProvider) -> None:
        for reference in self._expected(known):
            self.references.states.pop(reference, None)
        del self.records[known.provider.name]

    def _expected(self, known: KnownProvider | None) -> frozenset[Reference]:
        if known and self.records.get(known.provider.name) != known:
            raise LostRace("the Registry's record has moved on")
        return known.provider.references if known else frozenset()


def a_page(items: list[T], token: str | None) -> Page[T]:
    """Two at a time; the token is how many came before."""
    start = int(token or 0)
    return Page(tuple(items[start : start + 2]), str(start + 2) if start + 2 < len(items) else None)


class FakeProviders:
    """`ports.Providers` in memory; `unlisted` are there, but a list misses them. `failures` are raised."""

    def __init__(self, *providers: Provider) -> None:
        self.providers = {provider.name: provider for provider in providers}
        self.unlisted: set[ProviderName] = set()
        self.failures: dict[ProviderKind | ProviderName, Exception] = {}
        self.reads: list[ProviderName] = []

    def names(self, kind: ProviderKind, inventory: WholeInventory) -> Iterator[ProviderName]:
        return every_page(lambda token: self.page(kind, inventory, token))

    def page(self, kind: ProviderKind, inventory: WholeInventory, token: str | None) -> Page[ProviderName]:
        self._fail(kind)
        return a_page([name for name in self.providers if name.kind is kind and name not in self.unlisted], token)

    def get(self, name: ProviderName) -> Provider | None:
        self.reads.append(name)
        self._fail(name)
        return self.providers.get(name)

    def _fail(self, asked: ProviderKind | ProviderName) -> None:
        if failure := self.failures.get(asked):
            raise failure


class InMemoryGatewayRecords:
    """`ports.GatewayRecords` and `ports.Consumers` in memory."""

    def __init__(self) -> None:
        self.records: dict[GatewayName, KnownGateway] = {}

    def known(self, inventory: WholeInventory) -> list[KnownGateway]:
        return list(self.records.values())

    def find(self, name: GatewayName) -> KnownGateway | None:
        return self.records.get(name)

    def record(self, known: KnownGateway | None, gateway: Gateway) -> None:
        self._expect(known, gateway.name)
        self.records[gateway.name] = KnownGateway(gateway, known.version + 1 if known else 1)

    def forget(self, known: KnownGateway) -> None:
        self._expect(known, known.gateway.name)
        del self.records[known.gateway.name]

    def of_provider(self, provider_arn: str) -> list[Consumer]:
        consumers = (consumer for one in self.records.values() for consumer in one.gateway.consumers)
        return [consumer for consumer in consumers if consumer.provider_arn == provider_arn]

    def _expect(self, known: KnownGateway | None, name: GatewayName) -> None:
        if self.records.get(name) != known:
            raise LostRace("the Registry's record has moved on")


class FakeGateways:
    """`ports.Gateways` in memory."""

    def __init__(self, *gateways: Gateway) -> None:
        self.gateways = {gateway.name: gateway for gateway in gateways}

    def names(self, inventory: WholeInventory) -> Iterator[GatewayName]:
        return every_page(lambda token: self.page(inventory, token))

    def page(self, inventory: WholeInventory, token: str | None) -> Page[GatewayName]:
        return a_page(list(self.gateways), token)

    def get(self, name: GatewayName) -> Gateway | None:
        return self.gateways.get(name)


class FakeTrails:
    """`ports.Trails`: one trail that covers everything, unless said otherwise."""

    def __init__(self) -> None:
        self.found: list[Coverage | Unknown] = [
            Coverage("arn:aws:cloudtrail:eu-west-1:111122223333:trail/all", WATCHED)
        ]
        self.failure: Exception | None = None

    def coverages(self, region: str) -> list[Coverage | Unknown]:
        if self.failure:
            raise self.failure
        return self.found


class SentRequests:
    """`ports.Requests` that remembers."""

    def __init__(self) -> None:
        self.subjects: list[Subject] = []
        self.causes: set[str | None] = set()
        self.delays: list[timedelta] = []

    def send(
        self,
        subjects: Iterable[Subject],
        *,
        cause: str | None = None,
        at: datetime | None = None,
        delay: timedelta = NO_TIME,
    ) -> None:
        sent = list(subjects)
        self.subjects += sent
        self.causes.add(cause)
        self.delays += [delay] * len(sent)


class InMemorySweeps:
    """`ports.Sweeps` in memory, with the Registry's condition on the version."""

    def __init__(self) -> None:
        self.last: Sweep | None = None
        self.before_store: Callable[[], None] = lambda: None

    def find(self, everything: WholeInventory) -> Sweep | None:
        return self.last if self.last and self.last.scope == everything else None

    def store(self, sweep: Sweep) -> None:
        self.before_store()
        if sweep.version != (self.last.version + 1 if self.last else 1):
            raise LostRace("the Registry's record has moved on")
        self.last = sweep


class Inline(Executor):
    """Does what it is given at once, in the caller's thread: one order of things, whatever runs side by side."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - as an executor does
            future.set_exception(error)
        return future


def an_alert(kind: Kind = Kind.OPENED, **changes: Any) -> Alert:
    """An alert about an incident, as short as there are."""
    return replace(
        Alert(
            kind=kind,
            mark="🔴",
            headline="crm-oauth can't get its credential",
            name="crm-oauth",
            place="prod-eu · eu-west-1",
            brief="Now: crm-oauth can't get its credential.",
            incident_id="20261123T120000-0123456789",
            revision=1,
            sentences=("The current version lacks JSON key `client_secret`.",),
            codes=("JSON_KEY_MISSING",),
            attributes={"severity": "BROKEN", "incidentState": "OPEN"},
            detail={"incident_id": "20261123T120000-0123456789", "secrets": [secret_arn()]},
        ),
        **changes,
    )


class InMemoryIncidents:
    """`ports.Incidents` in memory, with the Registry's condition on the version."""

    def __init__(self) -> None:
        self.incidents: dict[Cause, Incident] = {}
        self.briefs: dict[Cause, Brief] = {}
        long_ago = datetime.min.replace(tzinfo=UTC)
        self.first: FirstLook | None = FirstLook(long_ago, long_ago)
        self.before_store: Callable[[], None] = lambda: None

    def find(self, cause: Cause) -> Incident | None:
        return self.incidents.get(cause)

    def causes_of(self, secret_arn: str) -> list[Cause]:
        return sorted(
            cause
            for cause, incident in self.incidents.items()
            if any(part.reference.secret_arn == secret_arn for part in incident.active)
        )

    def store(self, before: Incident | None, after: Incident, brief: Brief) -> Incident:
        self.before_store()
        stored = self.incidents.get(after.cause)
        if (stored.version if stored else 0) != (before.version if before else 0):
            raise LostRace("the Registry's record has moved on")
        self.incidents[after.cause] = replace(after, version=after.version + 1)
        self.briefs[after.cause] = brief
        return self.incidents[after.cause]

    def open(self) -> list[Brief]:
        return [brief for brief in self.briefs.values() if brief.next_at or brief.state is IncidentState.OPEN]

    def opened_since(self, at: datetime) -> int:
        return sum(brief.opened_at >= at for brief in self.open())

    def first_look(self, at: datetime) -> FirstLook:
        self.first = self.first or FirstLook(at)
        return self.first

    def end_first_look(self, first_look: FirstLook) -> None:
        self.first = first_look

    def only(self) -> Incident:
        (incident,) = self.incidents.values()
        return incident


class InMemoryDigests:
    """`ports.Digests` in memory."""

    def __init__(self) -> None:
        self.digests: dict[str, Digest] = {}
        self.next_at: dict[str, datetime | None] = {}

    def find(self, digest_id: str) -> Digest | None:
        return self.digests.get(digest_id)

    def store(self, before: Digest | None, after: Digest, *, next_at: datetime | None) -> Digest:
        if self.digests.get(after.id) != before:
            raise LostRace("the Registry's record has moved on")
        self.digests[after.id] = replace(after, version=after.version + 1)
        self.next_at[after.id] = next_at
        return self.digests[after.id]

    def open(self) -> list[Digest]:
        return [digest for digest in self.digests.values() if self.next_at[digest.id]]


class RecordingChannel:
    """`ports.Channel` that remembers what it told; `failures` are raised first, one a time."""

    def __init__(self, name: ChannelName = ChannelName.SNS, *, takes_updates: bool = False) -> None:
        self.name = name
        self.takes_updates = takes_updates
        self.alerts: list[Alert] = []
        self.failures: list[BaseException] = []
        self.before_send: Callable[[], None] = lambda: None

    def targets(self, owners: Collection[str | None], severity: Verdict) -> list[Target]:
        return [Target(self.name.value, takes_updates=self.takes_updates)]

    def send(self, target: Target, alert: Alert, delivery: Delivery) -> str | None:
        self.before_send()
        if self.failures:
            raise self.failures.pop(0)
        self.alerts.append(alert)
        return f"{target.name}:1" if self.takes_updates else None

    @property
    def kinds(self) -> list[str]:
        return [alert.kind.value for alert in self.alerts]


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **how: float) -> None:
        self.at += timedelta(**how)
