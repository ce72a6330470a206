"""What the use cases ask of the world, in the domain's words.

Every method raises `errors.Transient` or `errors.Permanent` when the world does not answer.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from secretwatch.domain.alert import Alert
from secretwatch.domain.change import Subject, WholeInventory
from secretwatch.domain.consumer import Consumer, Gateway, GatewayName
from secretwatch.domain.facts import (
    IdentityDecision,
    KeyDescription,
    NoSuchKey,
    NoSuchProvider,
    NoSuchSecret,
    SecretDescription,
    Unknown,
    ValueFacts,
)
from secretwatch.domain.finding import Code, Verdict
from secretwatch.domain.incident import Brief, Cause, Delivery, Digest, FirstLook, Incident
from secretwatch.domain.key import KeyId
from secretwatch.domain.onboarding.onboarding import Held, Offboarding, Onboarding
from secretwatch.domain.onboarding.request import OnboardingRequest, Problem
from secretwatch.domain.reference import Provider, ProviderKind, ProviderName, ProviderStatus, Reference
from secretwatch.domain.repair.news import RepairNews
from secretwatch.domain.repair.repair import Audit, Breaker, Repair, Spending, Standing
from secretwatch.domain.secret import SecretId
from secretwatch.domain.state import ReferenceState
from secretwatch.domain.sweep import Sweep
from secretwatch.domain.trail import Coverage
from secretwatch.domain.waiver import Waiver
from secretwatch.policy import Grant, Policy, Principal

T = TypeVar("T")

NO_TIME = timedelta()


class Secrets(Protocol):
    """Secrets Manager, as far as a check needs it."""

    def describe(self, arn: str) -> SecretDescription | NoSuchSecret:
        """The secret, or that there is none, and whether another one has its name now."""
        ...

    def policy_names(self, arn: str) -> list[str]:
        """The names of the secret's resource policies."""
        ...

    def policy(self, arn: str, name: str) -> Policy | None:
        """One of the secret's resource policies; None when there is none of that name."""
        ...

    def shapes(self, arn: str, *, stage: str, json_keys: Collection[str]) -> ValueFacts:
        """Read the version labelled `stage` and say how it serves under each key; the value itself is dropped."""
        ...


class Keys(Protocol):
    """KMS, as far as a check needs it."""

    def describe(self, key: KeyId) -> KeyDescription | NoSuchKey:
        """The key, whether it is named by its own ARN or by an alias."""
        ...

    def policy(self, key_arn: str) -> Policy:
        """The key's policy."""
        ...

    def grants(self, key_arn: str, grantee: Principal) -> tuple[Grant, ...]:
        """The key's grants to one grantee."""
        ...


class ProviderStatuses(Protocol):
    """How providers are, as AgentCore said when it was last asked."""

    def status(self, name: ProviderName) -> ProviderStatus | NoSuchProvider:
        """The provider's own status."""
        ...


class Identities(Protocol):
    """What roles may do by policies of their own."""

    def decide(self, role_arn: str, action: str, resource: str) -> IdentityDecision:
        """Whether the role's own policies let it; says nothing of the resource's policies."""
        ...


class Waivers(Protocol):
    """The Registry's waivers."""

    def holding(self, subjects: Collection[tuple[str, Code]]) -> list[Waiver]:
        """The waivers of these subjects and codes, expired ones perhaps too."""
        ...


class ProtectedSecrets(Protocol):
    """The Registry's index from keys to the referenced secrets that they protect."""

    def under(self, key: KeyId) -> list[SecretId]:
        """Every referenced secret that the key or alias protects. One read for a key nobody knows."""
        ...

    def record(self, secret_arn: str, keys: Collection[KeyId], *, until: datetime) -> None:
        """Remember that these keys and aliases protect the secret, until then or until recorded again."""
        ...


class References(Protocol):
    """The Registry's references."""

    def of_secret(self, secret: SecretId) -> list[ReferenceState]:
        """Every reference to the secret; none means that nobody depends on it. One read for a secret nobody knows."""
        ...

    def find(self, reference: Reference) -> ReferenceState | None:
        """The state of this reference, if it is still there."""
        ...

    def all_of(self, references: Collection[Reference]) -> list[ReferenceState]:
        """The states of those of the references that are still there."""
        ...

    def store(self, state: ReferenceState) -> None:
        """Write the successor of the stored state; raises LostRace when another writer was first."""
        ...


@dataclass(frozen=True, slots=True)
class KnownProvider:
    """A provider as the Registry last recorded it; `version` counts the records."""

    provider: Provider
    version: int


class ProviderRecords(Protocol):
    """The Registry's providers."""

    def known(self, inventory: WholeInventory) -> list[KnownProvider]:
        """Every recorded provider of the account and Region."""
        ...

    def find(self, name: ProviderName) -> KnownProvider | None:
        """The provider of that name, as last recorded."""
        ...

    def record(
        self, known: KnownProvider | None, provider: Provider, *, moved: Collection[tuple[ReferenceState, Reference]]
    ) -> None:
        """Record the provider with its references, in one transaction.

        `moved` are those that point elsewhere than before: they take their verdict along.
        Raises LostRace when the record is no longer `known`.
        """
        ...

    def forget(self, known: KnownProvider) -> None:
        """Remove the provider and its references; raises LostRace when the record is no longer `known`."""
        ...


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of a long list, and the token that leads to the next page; None on the last."""

    items: tuple[T, ...]
    token: str | None


def every_page(page: Callable[[str | None], Page[T]]) -> Iterator[T]:
    """The items of one page after the other."""
    found = page(None)
    yield from found.items
    while found.token:
        found = page(found.token)
        yield from found.items


class Providers(Protocol):
    """AgentCore Identity's credential providers."""

    def names(self, kind: ProviderKind, inventory: WholeInventory) -> Iterator[ProviderName]:
        """The names of all providers of a kind."""
        ...

    def page(self, kind: ProviderKind, inventory: WholeInventory, token: str | None) -> Page[ProviderName]:
        """The names of some providers of a kind: the first, or those that the token leads to."""
        ...

    def get(self, name: ProviderName) -> Provider | None:
        """The provider with its EXTERNAL references; None once AgentCore says that there is none."""
        ...


@dataclass(frozen=True, slots=True)
class KnownGateway:
    """A gateway as the Registry last recorded it; `version` counts the records."""

    gateway: Gateway
    version: int


class GatewayRecords(Protocol):
    """The Registry's gateways and consumers."""

    def known(self, inventory: WholeInventory) -> list[KnownGateway]:
        """Every recorded gateway of the account and Region."""
        ...

    def find(self, name: GatewayName) -> KnownGateway | None:
        """The gateway of that id, as last recorded."""
        ...

    def record(self, known: KnownGateway | None, gateway: Gateway) -> None:
        """Record the gateway and its consumers; raises LostRace when the record is no longer `known`."""
        ...

    def forget(self, known: KnownGateway) -> None:
        """Remove the gateway and its consumers; raises LostRace when the record is no longer `known`."""
        ...


class Consumers(Protocol):
    """The Registry's consumers."""

    def of_provider(self, provider_arn: str) -> list[Consumer]:
        """Every consumer that uses the provider."""
        ...


class Gateways(Protocol):
    """AgentCore's gateways."""

    def names(self, inventory: WholeInventory) -> Iterator[GatewayName]:
        """The ids of all gateways."""
        ...

    def page(self, inventory: WholeInventory, token: str | None) -> Page[GatewayName]:
        """The ids of some gateways: the first, or those that the token leads to."""
        ...

    def get(self, name: GatewayName) -> Gateway | None:
        """The gateway with the providers that its targets use; None once AgentCore says that there is none."""
        ...


class Trails(Protocol):
    """CloudTrail, without which most changes reach nobody."""

    def coverages(self, region: str) -> list[Coverage | Unknown]:
        """What each trail of the account hands to EventBridge in this Region."""
        ...


class Requests(Protocol):
    """A queue of things to look at."""

    def send(
        self,
        subjects: Iterable[Subject],
        *,
        cause: str | None = None,
        at: datetime | None = None,
        delay: timedelta = NO_TIME,
    ) -> None:
        """Ask for each subject to be looked at, at least once and not before the delay is over.

        `cause` is the id of the event that led to it, `at` the event's time: now, unless it is said.
        """
        ...


class Sweeps(Protocol):
    """The Registry's record of the sweep that runs, or ran last."""

    def find(self, everything: WholeInventory) -> Sweep | None:
        """The last sweep of the account and Region that was begun."""
        ...

    def store(self, sweep: Sweep) -> None:
        """Write the successor of the stored record; raises LostRace when another writer was first."""
        ...


class Announcement(Protocol):
    """What is told on the bus."""

    @property
    def detail_type(self) -> str:
        """The event's name."""
        ...

    @property
    def resources(self) -> list[str]:
        """The ARNs that it is about."""
        ...

    def detail(self) -> dict[str, Any]:
        """The event's detail, as `docs/events/` describes it."""
        ...


class Bus(Protocol):
    """The bus on which Secretwatch tells what it found."""

    def publish(self, announcement: Announcement) -> None:
        """Publish it; a repeated call publishes it again, under the same id."""
        ...


class Incidents(Protocol):
    """The Registry's incidents."""

    def find(self, cause: Cause) -> Incident | None:
        """The incident of the cause with all its parts: the open one, or the last that was."""
        ...

    def causes_of(self, secret_arn: str) -> list[Cause]:
        """Every cause of which an open incident has a part of the secret's."""
        ...

    def store(self, before: Incident | None, after: Incident, brief: Brief) -> Incident:
        """Write what follows `before`, and how it looks at a glance; raises LostRace when that is no longer stored.

        Returns what is stored now.
        """
        ...

    def open(self) -> list[Brief]:
        """Every incident that is open, or of which there is more to tell; perhaps as it was a moment ago."""
        ...

    def opened_since(self, at: datetime) -> int:
        """How many of them opened since then."""
        ...

    def first_look(self, at: datetime) -> FirstLook:
        """The first look as it was noted; it begins now, if it never did."""
        ...

    def end_first_look(self, first_look: FirstLook) -> None:
        """Note that the first sweep was completed, and when."""
        ...


class Digests(Protocol):
    """The Registry's digests."""

    def find(self, digest_id: str) -> Digest | None:
        """The digest, if there is one."""
        ...

    def store(self, before: Digest | None, after: Digest, *, next_at: datetime | None) -> Digest:
        """Write what follows `before`; raises LostRace when that is no longer stored. Returns what is stored now."""
        ...

    def open(self) -> list[Digest]:
        """Every digest of which an incident is open, or of which there is more to tell."""
        ...


class ChannelName(StrEnum):
    """The ways to people and programs; few, and so a dimension of a metric."""

    BUS = "bus"
    SNS = "sns"
    SLACK = "slack"


@dataclass(frozen=True, slots=True)
class Target:
    """One place of a channel, by a name of ours: never an address that is a secret.

    `owners` are those whose secrets it is told of, None for all. One that takes no updates is told aloud or not at all.
    """

    name: str
    takes_updates: bool
    owners: frozenset[str | None] | None = None


class Channel(Protocol):
    """Where incidents are told."""

    @property
    def name(self) -> ChannelName:
        """Which of the ways it is."""
        ...

    def targets(self, owners: Collection[str | None], severity: Verdict, /) -> list[Target]:
        """Where an incident of these owners and this severity is to be told."""
        ...

    def send(self, target: Target, alert: Alert, delivery: Delivery, /) -> str | None:
        """Tell it; returns where the message stands, if it can be changed.

        `delivery` is what was told there before. When that was attempted and never recorded, a channel that can look
        whether it arrived does. Raises `errors.Later` when the channel asks to be left alone.
        """
        ...


class Subscriptions(Protocol):
    """Who is to hear of alerts by the topic."""

    def unconfirmed(self) -> list[str]:
        """The endpoints that get nothing, since nobody confirmed that they are wanted there."""
        ...


class Documents(Protocol):
    """The policies that repairs change: of secrets, or of keys."""

    def read(self, arn: str) -> str | None:
        """The policy's text as it is now; None when there is none."""
        ...

    def problems(self, arn: str, text: str) -> list[str]:
        """What AWS would say against the policy, without writing it."""
        ...

    def write(self, arn: str, text: str | None) -> str:
        """Replace the policy, or take it away; returns AWS's request id, as CloudTrail has it."""
        ...


class Repairs(Protocol):
    """The Registry's repairs: plans, what we know of each policy, the breaker, and the audit."""

    def find(self, repair_id: str) -> Repair | None:
        """The repair of that id."""
        ...

    def standing(self, resource: str) -> Standing:
        """What we know of the policy; nothing yet of one that never asked for a repair."""
        ...

    def breaker(self) -> Breaker:
        """Whether repairs stop for the whole stack."""
        ...

    def spent(self, resource: str, hour: datetime) -> int:
        """How many repairs of the policy began in that hour."""
        ...

    def store(self, *records: Repair | Standing | Breaker | Spending | Audit) -> None:
        """Write all of the records or none, each if it follows the stored one; an audit if it is not there yet.

        Raises LostRace when another writer was first.
        """
        ...

    def lease(self, resource: str, *, holder: str, at: datetime, until: datetime) -> None:
        """Take the lease on the policy; raises LostRace while another holds one that has not run out."""
        ...

    def release(self, resource: str, *, holder: str) -> None:
        """Give the lease back, if the holder still has it."""
        ...

    def note_broken(self, resource: str, secret: str, *, at: datetime) -> None:
        """Remember for a day that the policy asked for a repair then."""
        ...

    def forget_broken(self, resource: str) -> None:
        """It asks for a repair no more."""
        ...

    def broken(self) -> dict[str, datetime]:
        """The secrets whose policies, or keys' policies, asked for a repair within a day, and when they last did."""
        ...


class RepairBus(Protocol):
    """The bus, as far as it tells of repairs."""

    def tell(self, news: RepairNews) -> None:
        """Publish the news; a repeated call publishes it again, under the same id."""
        ...


class Writers(Protocol):
    """CloudTrail, as far as it tells who wrote a policy."""

    def of_policy(self, resource: str, *, since: datetime) -> list[str]:
        """The roles and users that wrote it, ours left out; the latest first."""
        ...


class RepairRequests(Protocol):
    """The queue of repairs to carry out."""

    def carry_out(self, repair_id: str) -> None:
        """Ask for an approved repair to be applied, or for an applied one to be undone."""
        ...

    def consider(self, secret: SecretId) -> None:
        """Ask for the secret to be looked at."""
        ...


class RequestModel(Protocol):
    """AgentCore's API, as far as it says what a request has to look like."""

    def problems(self, request: OnboardingRequest) -> list[Problem]:
        """All that is wrong with the request by itself, before anything is looked up; never a value of it."""
        ...


class Onboardings(Protocol):
    """The Registry's onboardings and offboardings, and which execution works on a provider's name."""

    def find(self, onboarding_id: str) -> Onboarding | None:
        """The onboarding of that id."""
        ...

    def store(self, onboarding: Onboarding) -> None:
        """Write the successor of the stored record; raises LostRace when another writer was first."""
        ...

    def find_offboarding(self, offboarding_id: str) -> Offboarding | None:
        """The offboarding of that id."""
        ...

    def store_offboarding(self, offboarding: Offboarding) -> None:
        """Write the successor of the stored record; raises LostRace when another writer was first."""
        ...

    def claimed_by(self, name: ProviderName) -> str | None:
        """The ARN of the execution that works on the provider's name."""
        ...

    def claim(self, name: ProviderName, execution: str, *, over: str | None) -> None:
        """Take the name for the execution, from `over` if another one has it; raises LostRace when that is not so."""
        ...

    def release(self, name: ProviderName, execution: str) -> None:
        """Give the name up, if the execution still has it."""
        ...


class Executions(Protocol):
    """Step Functions, as far as it tells how an execution is."""

    def is_running(self, arn: str) -> bool:
        """Whether it runs still; one that nobody knows any more does not."""
        ...


class Decisions(Protocol):
    """Step Functions, where an execution waits for somebody's decision.

    Both raise NoLongerWaiting when the token is of no use any more.
    """

    def approve(self, token: str, by: str) -> None:
        """It goes on."""
        ...

    def reject(self, token: str, reason: str) -> None:
        """It fails, for that reason."""
        ...


class Starters(Protocol):
    """CloudTrail, as far as it tells who started an execution."""

    def of_execution(self, arn: str, started_at: datetime) -> Sequence[str]:
        """The ARNs of all who started it, the first one first, a role's session by its own.

        To start it once more with the same input is the same execution. None are known while AWS has not said yet.
        """
        ...


class SecretNames(Protocol):
    """Secrets Manager, as far as it tells which secret is meant."""

    def full_arn(self, secret_id: str) -> str | None:
        """The full ARN of the secret with this name, or partial or full ARN; None when there is none."""
        ...


class TokenVault(Protocol):
    """AgentCore's token vault, where a provider is created and deleted."""

    def find(self, name: ProviderName) -> Held | None:
        """The provider as it is held; None when there is none."""
        ...

    def maker(self, arn: str) -> str | None:
        """What the tag of the onboarding that created the provider says; None where it has none."""
        ...

    def create(self, name: ProviderName, body: Mapping[str, Any], *, maker: str) -> None:
        """Create it as the request's body asks, with a tag that names its maker.

        Raises ProviderRefused when AgentCore does not do it for a reason that lies in the request or in the account.
        """
        ...

    def delete(self, name: ProviderName) -> None:
        """Delete it, if it is there."""
        ...


class Vending(Protocol):
    """AgentCore's data plane, where a workload gets a provider's credential."""

    def vend(self, provider: str) -> None:
        """Fetch an API key once, and drop it; raises Permanent when AgentCore does not give it."""
        ...
