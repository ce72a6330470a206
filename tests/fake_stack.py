"""Secretwatch as a whole in memory: a world that changes, a Registry, and queues that a test empties when it likes."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from secretwatch.checking import Checking
from secretwatch.domain.change import RunningSweep, Subject
from secretwatch.domain.consumer import Consumer, GatewayName
from secretwatch.domain.facts import IdentityDecision
from secretwatch.domain.finding import Code, Verdict
from secretwatch.domain.key import KeyId
from secretwatch.domain.reference import ProviderName, Reference
from secretwatch.domain.rules import AGENTCORE, CONSUMERS, Rules
from secretwatch.domain.secret import SecretId
from secretwatch.domain.sweep import Sweep
from secretwatch.gathering import Gathering
from secretwatch.inventory import GatewayInventory, ProviderInventory
from secretwatch.ports import NO_TIME
from secretwatch.spreading import Spreading
from secretwatch.sweeping import Slice, Sweeping
from tests.fakes import (
    ACCOUNT,
    EVERYTHING,
    NOON,
    FakeGateways,
    FakeIdentities,
    FakeKeys,
    FakeProviders,
    FakeSecrets,
    FakeTrails,
    Inline,
    InMemoryGatewayRecords,
    InMemoryProtectedSecrets,
    InMemoryProviderRecords,
    InMemoryReferences,
    InMemorySweeps,
    InMemoryWaivers,
)

ROLES = tuple(f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("support-bot", "sales-bot"))


@dataclass
class Outside:
    """What there is in AWS, whoever watches it. Roles may do everything that policies of their own can let them."""

    secrets: FakeSecrets = field(default_factory=FakeSecrets)
    keys: FakeKeys = field(default_factory=FakeKeys)
    providers: FakeProviders = field(default_factory=FakeProviders)
    gateways: FakeGateways = field(default_factory=FakeGateways)
    trails: FakeTrails = field(default_factory=FakeTrails)
    identities: FakeIdentities = field(default_factory=FakeIdentities)

    def __post_init__(self) -> None:
        for role in ROLES:
            for action in ("secretsmanager:GetSecretValue", "kms:Decrypt"):
                self.identities.decisions[role, action] = IdentityDecision.ALLOWED


class Queue:
    """`ports.Requests`, emptied by the test; `waits` are how long each subject still waits, and since when."""

    def __init__(self) -> None:
        self.subjects: list[Subject] = []
        self.waits: dict[Subject, tuple[timedelta, datetime | None]] = {}

    def send(
        self,
        subjects: Iterable[Subject],
        *,
        cause: str | None = None,
        at: datetime | None = None,
        delay: timedelta = NO_TIME,
    ) -> None:
        for subject in subjects:
            self.subjects.append(subject)
            self.waits[subject] = delay, at


@dataclass(frozen=True)
class Known:
    """What the Registry says, without when and how often it was written."""

    references: dict[Reference, tuple[Verdict | None, frozenset[Code], str | None]]
    consumers: frozenset[Consumer]


class FakeStack:
    """The functions of the stack, on one Registry; every look at the clock takes `tick`."""

    def __init__(self, outside: Outside, *, rules: Rules | None = None, tick: timedelta = timedelta(seconds=1)) -> None:
        self.outside, self.now, self.tick = outside, NOON, tick
        self.references, self.sweeps = InMemoryReferences(), InMemorySweeps()
        self.providers, self.gateways = InMemoryProviderRecords(self.references), InMemoryGatewayRecords()
        self.protected, self.waivers = InMemoryProtectedSecrets(), InMemoryWaivers()
        self.checks, self.inventory = Queue(), Queue()
        self.rules = rules or Rules(required_readers=(AGENTCORE, CONSUMERS), required_tags={"team": frozenset()})
        self.spreading = Spreading(self.protected, checks=self.checks)
        self.provider_inventory = ProviderInventory(
            outside.providers,
            self.providers,
            self.references,
            reads=self.inventory,
            checks=self.checks,
            clock=self.clock,
        )
        self.gateway_inventory = GatewayInventory(
            outside.gateways,
            self.gateways,
            self.providers,
            reads=self.inventory,
            checks=self.checks,
            consumers_have_to_read=CONSUMERS in self.rules.required_readers,
            clock=self.clock,
        )
        self.sweeping = Sweeping(
            self.provider_inventory,
            self.gateway_inventory,
            outside.trails,
            self.sweeps,
            self.references,
            steps=self.inventory,
            checks=self.checks,
            clock=self.clock,
            pool=Inline(),
        )

    def clock(self) -> datetime:
        self.now += self.tick
        return self.now

    def checking(self) -> Checking:
        out = self.outside
        gathering = Gathering(
            out.secrets, out.keys, self.providers, self.gateways, out.identities, rules=self.rules, pool=Inline()
        )
        return Checking(self.references, gathering, self.waivers, self.protected, rules=self.rules, clock=self.clock)

    # --- what the functions do with one record

    def look(self, subject: Subject, *, created: bool = False, since: datetime | None = None) -> None:
        """Do what an event about the subject, or a request for it, asks for."""
        match subject:
            case SecretId():
                self.checking().check(replace(subject, arn=None) if created else subject)
            case KeyId():
                self.spreading.spread(subject)
            case ProviderName():
                self.provider_inventory.read(subject, since=since or self.now, check_all=since is None)
            case GatewayName():
                self.gateway_inventory.read(subject, since=since or self.now)
            case RunningSweep():
                self.carry_on(subject)
            case _:
                self.sweeping.begin(subject)

    def carry_on(self, running: RunningSweep) -> Slice | None:
        return self.sweeping.carry_on(running)

    # --- queues

    def take(self, queue: Queue, index: int = 0) -> Subject:
        return queue.subjects.pop(index)

    def serve(self, queue: Queue, index: int = 0, *, times: int = 1) -> None:
        """Do what a request asks for, once its delay is over."""
        subject = self.take(queue, index)
        delay, at = queue.waits.pop(subject, (NO_TIME, None))
        self.now += delay
        for _ in range(times):
            self.look(subject, since=at or self.now)

    def settle(self) -> None:
        """Do all that was asked for, until nothing is left to do."""
        while self.checks.subjects or self.inventory.subjects:
            for queue in (self.inventory, self.checks):
                if queue.subjects:
                    self.serve(queue)

    def sweep(self) -> Sweep:
        """One sweep from its begin to its end, and all that it asked for."""
        self.sweeping.begin(EVERYTHING)
        self.settle()
        assert self.sweeps.last
        return self.sweeps.last

    def known(self) -> Known:
        return Known(
            {
                reference: (
                    state.verdict,
                    frozenset(finding.code for finding in state.findings),
                    state.unknown.reason if state.unknown else None,
                )
                for reference, state in self.references.states.items()
            },
            frozenset(consumer for one in self.gateways.records.values() for consumer in one.gateway.consumers),
        )
