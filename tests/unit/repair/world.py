"""Everything that a repair reads and writes, in memory; and a process that can be killed at any call."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from secretwatch.domain.repair.news import RepairNews
from secretwatch.domain.repair.plan import Kind
from secretwatch.domain.repair.repair import Audit, Breaker, Repair, Spending, Standing
from secretwatch.domain.repair.rules import Mode, RepairRules
from secretwatch.domain.rules import Rules
from secretwatch.domain.secret import SecretId
from secretwatch.errors import LostRace, Permanent
from secretwatch.gathering import Gathering
from secretwatch.repairing import Applying, Deciding, Looking, Repairing
from tests.fakes import (
    LETS_AGENTCORE_READ,
    NOON,
    FakeIdentities,
    FakeKeys,
    FakeSecret,
    FakeSecrets,
    FakeStatuses,
    InMemoryGatewayRecords,
    InMemoryProviderRecords,
    InMemoryReferences,
    SentRequests,
    a_provider,
    a_reference,
    secret_arn,
)

CRM = secret_arn()
ALICE = "arn:aws:iam::111122223333:user/alice"
REDELIVERED_AFTER = timedelta(minutes=3)  # the queue's visibility timeout


class Killed(BaseException):
    """The process is gone: no handler of ours sees it."""


class Process:
    """Counts the calls that go through it, and dies at one of them, before or after it took effect."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.dies_at: int | None = None
        self.after_it = False

    def through(self, port: Any, name: str) -> Any:
        """The port, with every call counted."""
        return _Counted(self, port, name)

    def call(self, name: str, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        number = len(self.calls)
        self.calls.append(name)
        if number == self.dies_at and not self.after_it:
            raise Killed(name)
        result = method(*args, **kwargs)
        if number == self.dies_at:
            raise Killed(name)
        return result


class _Counted:
    def __init__(self, process: Process, port: Any, name: str) -> None:
        self._process, self._port, self._name = process, port, name

    def __getattr__(self, method: str) -> Callable[..., Any]:
        found = getattr(self._port, method)
        return lambda *args, **kwargs: self._process.call(f"{self._name}.{method}", found, *args, **kwargs)


class FakeDocuments:
    """`ports.Documents` over the fake secrets; `before_write` is what others do in the last moment."""

    def __init__(self, secrets: FakeSecrets) -> None:
        self.secrets = secrets
        self.writes: list[str | None] = []
        self.found: list[str] = []
        self.refusal: Exception | None = None
        self.before_read: list[Callable[[], None]] = []

    def read(self, arn: str) -> str | None:
        if self.before_read:
            self.before_read.pop(0)()
        if arn not in self.secrets.secrets:
            raise Permanent("GetResourcePolicy: ResourceNotFoundException")
        return self.secrets.secrets[arn].policies.get("default")

    def problems(self, arn: str, text: str) -> list[str]:
        return self.found

    def write(self, arn: str, text: str | None) -> str:
        if self.refusal:
            raise self.refusal
        policies = self.secrets.secrets[arn].policies
        if text is None:
            policies.pop("default", None)
        else:
            policies["default"] = text
        self.writes.append(text)
        return f"request-{len(self.writes)}"


class FakeKeyDocuments:
    """`ports.Documents` over the fake keys."""

    def __init__(self, keys: FakeKeys) -> None:
        self.keys = keys
        self.writes: list[str | None] = []

    def read(self, arn: str) -> str | None:
        return self.keys.policies[arn]

    def problems(self, arn: str, text: str) -> list[str]:
        return []

    def write(self, arn: str, text: str | None) -> str:
        assert text is not None
        self.keys.policies[arn] = text
        self.writes.append(text)
        return "request-k"


class InMemoryRepairs:
    """`ports.Repairs` in memory, with the Registry's conditions."""

    def __init__(self) -> None:
        self.repairs: dict[str, Repair] = {}
        self.standings: dict[str, Standing] = {}
        self.the_breaker = Breaker()
        self.spendings: dict[tuple[str, datetime], int] = {}
        self.audits: list[Audit] = []
        self.leases: dict[str, tuple[str, datetime]] = {}
        self.notes: dict[str, tuple[str, datetime]] = {}

    def find(self, repair_id: str) -> Repair | None:
        return self.repairs.get(repair_id)

    def standing(self, resource: str) -> Standing:
        return self.standings.get(resource, Standing(resource))

    def breaker(self) -> Breaker:
        return self.the_breaker

    def spent(self, resource: str, hour: datetime) -> int:
        return self.spendings.get((resource, hour), 0)

    def store(self, *records: Repair | Standing | Breaker | Spending | Audit) -> None:
        if not all(map(self._follows, records)):
            raise LostRace("the Registry's record has moved on")
        for record in records:
            match record:
                case Repair():
                    self.repairs[record.id] = record
                case Standing():
                    self.standings[record.resource] = record
                case Breaker():
                    self.the_breaker = record
                case Spending():
                    self.spendings[record.resource, record.hour] = record.count
                case Audit():
                    self.audits.append(record)

    def _follows(self, record: Repair | Standing | Breaker | Spending | Audit) -> bool:
        match record:
            case Repair():
                known = self.repairs.get(record.id)
                return record.version == (known.version if known else 0) + 1
            case Standing():
                return record.version == self.standing(record.resource).version + 1
            case Breaker():
                return record.version == self.the_breaker.version + 1
            case Spending():
                return record.count == self.spent(record.resource, record.hour) + 1
            case Audit():
                return all((one.resource, one.at, one.repair) != _key(record) for one in self.audits)

    def lease(self, resource: str, *, holder: str, at: datetime, until: datetime) -> None:
        if resource in self.leases and self.leases[resource][1] > at:
            raise LostRace("the Registry's record has moved on")
        self.leases[resource] = (holder, until)

    def release(self, resource: str, *, holder: str) -> None:
        if self.leases.get(resource, ("",))[0] == holder:
            del self.leases[resource]

    def note_broken(self, resource: str, secret: str, *, at: datetime) -> None:
        self.notes[resource] = (secret, at)

    def forget_broken(self, resource: str) -> None:
        self.notes.pop(resource, None)

    def broken(self) -> dict[str, datetime]:
        return dict(self.notes.values())


def _key(audit: Audit) -> tuple[str, datetime, str]:
    return audit.resource, audit.at, audit.repair


@dataclass
class HeardNews:
    """`ports.RepairBus` that remembers."""

    news: list[RepairNews] = field(default_factory=list)

    def tell(self, news: RepairNews) -> None:
        json.dumps(news.detail("111122223333", "eu-west-1"))  # it can be published
        self.news.append(news)

    def kinds(self) -> list[str]:
        """What was told, once for each id."""
        return [one.what for one in {one.id: one for one in self.news}.values()]


@dataclass
class FakeWriters:
    """`ports.Writers`: a pipeline."""

    names: list[str] = field(default_factory=lambda: ["arn:aws:iam::111122223333:role/terraform"])
    failure: Exception | None = None

    def of_policy(self, resource: str, *, since: datetime) -> list[str]:
        if self.failure:
            raise self.failure
        return self.names


@dataclass
class RepairQueue:
    """`ports.RepairRequests`: what waits, in order."""

    waiting: list[str | SecretId] = field(default_factory=list)

    def carry_out(self, repair_id: str) -> None:
        self.waiting.append(repair_id)

    def consider(self, secret: SecretId) -> None:
        self.waiting.append(secret)


class World:
    """A secret of a provider that AgentCore may not read, unless said otherwise, and the people around it."""

    def __init__(self, mode: Mode = Mode.ENFORCE, *, policy: str | None = None, **rules: Any) -> None:
        self.rules = RepairRules(mode=mode, **rules)
        secret = FakeSecret(policies={} if policy is None else {"default": policy})
        self.secrets = FakeSecrets(**{"agents/crm": secret})
        self.references = InMemoryReferences(a_reference())
        self.providers = InMemoryProviderRecords(self.references)
        self.providers.record(None, a_provider(), moved=[])
        self.keys, self.identities = FakeKeys(), FakeIdentities()
        self.documents, self.key_documents = FakeDocuments(self.secrets), FakeKeyDocuments(self.keys)
        self.repairs, self.bus, self.writers = InMemoryRepairs(), HeardNews(), FakeWriters()
        self.checks, self.queue = SentRequests(), RepairQueue()
        self.process, self.now, self.wanted = Process(), NOON, Rules()

    # --- what is there

    @property
    def secret(self) -> FakeSecret:
        return self.secrets.secrets[CRM]

    @property
    def policy(self) -> str | None:
        return self.secret.policies.get("default")

    @property
    def statuses(self) -> list[str]:
        return [repair.status.value for repair in self.repairs.repairs.values()]

    def sids(self) -> list[str]:
        """The Sids of the policy's statements."""
        return [one["Sid"] for one in json.loads(self.policy)["Statement"]] if self.policy else []

    def only(self) -> Repair:
        (repair,) = self.repairs.repairs.values()
        return repair

    def add(self, name: str, policy: str | None = None) -> SecretId:
        """One secret more, with a provider of its own."""
        arn = secret_arn(name)
        self.secrets.secrets[arn] = FakeSecret(policies={} if policy is None else {"default": policy})
        self.providers.record(None, a_provider(name, a_reference(name, secret=arn)), moved=[])
        return SecretId.of_arn(arn)

    # --- the functions, each time a new process

    def clock(self) -> datetime:
        return self.now

    def repairing(self) -> Repairing:
        through = self.process.through
        repairs, bus = through(self.repairs, "registry"), through(self.bus, "bus")
        references = through(self.references, "registry")
        statuses = FakeStatuses()
        wanted = self.wanted
        secrets, keys = through(self.secrets, "secrets"), through(self.keys, "keys")
        consumers = InMemoryGatewayRecords()

        def new_gathering() -> Gathering:
            return Gathering(secrets, keys, statuses, consumers, self.identities, rules=wanted)

        looking = Looking(references, new_gathering, rules=wanted, repair_rules=self.rules)
        documents = {
            Kind.SECRET: through(self.documents, "policy"),
            Kind.KEY: through(self.key_documents, "key policy"),
        }
        checks = through(self.checks, "queue")
        applying = Applying(looking, documents, repairs, checks, bus, rules=self.rules, clock=self.clock)
        return Repairing(
            looking, applying, repairs, self.providers, bus, self.writers, rules=self.rules, clock=self.clock
        )

    def deciding(self) -> Deciding:
        return Deciding(self.repairs, self.queue, mode=self.rules.mode, clock=self.clock)

    def consider(self, secret: SecretId | None = None) -> list[Repair]:
        """An event about the secret is delivered."""
        return self.repairing().consider(secret or SecretId.of_arn(CRM))

    def work(self) -> None:
        """What people asked for is done."""
        while self.queue.waiting:
            self.deliver(self.queue.waiting.pop(0))

    def deliver(self, asked: str | SecretId) -> None:
        if isinstance(asked, str):
            self.repairing().carry_out(asked)
        else:
            self.repairing().consider(asked)

    # --- others

    def somebody_writes(self, policy: str | None = LETS_AGENTCORE_READ) -> None:
        self.secret.policies = {} if policy is None else {"default": policy}

    def later(self, by: timedelta = REDELIVERED_AFTER) -> None:
        self.now += by
