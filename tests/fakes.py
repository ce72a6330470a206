"""Readable stand-ins for the ports, and builders with defaults."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from secretwatch.domain.alert import Alert
from secretwatch.domain.change import Subject, WholeInventory
from secretwatch.domain.consumer import Consumer, Gateway, GatewayName
from secretwatch.domain.facts import NoSuchSecret, SecretDescription, Unknown, ValueFacts, ValueShape
from secretwatch.domain.key import KeyId
from secretwatch.domain.reference import Provider, ProviderKind, ProviderName, Reference
from secretwatch.domain.secret import SecretId
from secretwatch.domain.state import ReferenceState
from secretwatch.domain.trail import WATCHED, Coverage
from secretwatch.errors import LostRace
from secretwatch.ports import KnownGateway, KnownProvider

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


@dataclass
class FakeSecret:
    """A secret of the fake Secrets Manager; shapes by staging label and JSON key."""

    versions: dict[str, str] = field(default_factory=lambda: {"AWSCURRENT": "v1"})
    shapes: dict[str, ValueShape] = field(default_factory=dict)
    deletion_date: datetime | None = None

    def rotate(self, version_id: str, shape: ValueShape = ValueShape.USABLE) -> None:
        """Make a new version current; the one before becomes the previous."""
        self.versions = {"AWSCURRENT": version_id, "AWSPREVIOUS": self.versions["AWSCURRENT"]}
        self.shapes[version_id] = shape


class FakeSecrets:
    """`ports.Secrets` in memory. Every JSON key of a version has the same shape: usable unless said otherwise."""

    def __init__(self, **secrets: FakeSecret) -> None:
        self.secrets = {secret_arn(name): secret for name, secret in secrets.items()}
        self.described = 0
        self.values_read: list[tuple[str, str]] = []
        self.failures: dict[str, Exception] = {}

    def describe(self, arn: str) -> SecretDescription | NoSuchSecret:
        self.described += 1
        if failure := self.failures.get("describe"):
            raise failure
        secret = self.secrets.get(arn)
        return SecretDescription(secret.deletion_date, dict(secret.versions)) if secret else NoSuchSecret()

    def shapes(self, arn: str, *, stage: str, json_keys: Collection[str]) -> ValueFacts:
        self.values_read.append((arn, stage))
        if failure := self.failures.get(stage):
            raise failure
        secret = self.secrets[arn]
        version_id = secret.versions[stage]
        return ValueFacts(version_id, dict.fromkeys(json_keys, secret.shapes.get(version_id, ValueShape.USABLE)))


class InMemoryReferences:
    """`ports.References` in memory, with the Registry's condition on the version."""

    def __init__(self, *references: Reference) -> None:
        self.states = {reference: ReferenceState(reference) for reference in references}
        self.before_store: Callable[[], None] = lambda: None

    def of_secret(self, secret: SecretId) -> list[ReferenceState]:
        return [state for reference, state in self.states.items() if _is(reference.secret, secret)]

    def find(self, reference: Reference) -> ReferenceState | None:
        return self.states.get(reference)

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


class FakeProtectedSecrets:
    """`ports.ProtectedSecrets` in memory."""

    def __init__(self, secrets: Mapping[KeyId, list[SecretId]]) -> None:
        self.secrets = secrets

    def under(self, key: KeyId) -> list[SecretId]:
        return self.secrets.get(key, [])


class InMemoryProviderRecords:
    """`ports.ProviderRecords` in memory, over the references that it keeps."""

    def __init__(self, references: InMemoryReferences) -> None:
        self.records: dict[ProviderName, KnownProvider] = {}
        self.references = references

    def known(self, inventory: WholeInventory) -> list[KnownProvider]:
        return list(self.records.values())

    def find(self, name: ProviderName) -> KnownProvider | None:
        return self.records.get(name)

    def record(
        self, known: KnownProvider | None, provider: Provider, *, moved: Collection[tuple[ReferenceState, Reference]]
    ) -> None:
        self._drop(known)
        states = {new: state.moved_to(new) for state, new in moved}
        for reference in provider.references:
            self.references.states[reference] = states.get(reference, ReferenceState(reference))
        self.records[provider.name] = KnownProvider(provider, known.version + 1 if known else 1)

    def forget(self, known: KnownProvider) -> None:
        self._drop(known)
        del self.records[known.provider.name]

    def _drop(self, known: KnownProvider | None) -> None:
        if known and self.records.get(known.provider.name) != known:
            raise LostRace("the Registry's record has moved on")
        for reference in known.provider.references if known else ():
            self.references.states.pop(reference, None)


class FakeProviders:
    """`ports.Providers` in memory; `unlisted` are there, but a list misses them."""

    def __init__(self, *providers: Provider) -> None:
        self.providers = {provider.name: provider for provider in providers}
        self.unlisted: set[ProviderName] = set()

    def names(self, kind: ProviderKind, inventory: WholeInventory) -> Iterator[ProviderName]:
        return (name for name in self.providers if name.kind is kind and name not in self.unlisted)

    def get(self, name: ProviderName) -> Provider | None:
        return self.providers.get(name)


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
        return iter(self.gateways)

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

    def send(self, subjects: Iterable[Subject]) -> None:
        self.subjects += subjects


class SentAlerts:
    """`ports.Topic` that remembers."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []

    def publish(self, alert: Alert) -> None:
        self.alerts.append(alert)
