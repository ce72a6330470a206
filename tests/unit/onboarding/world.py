"""Everything that an onboarding reads and writes, in memory; and a machine that runs it as Step Functions does."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from secretwatch.adapters.provider_requests import ProviderRequests
from secretwatch.checking import Checking
from secretwatch.domain.onboarding.errors import NoLongerWaiting, ProviderRefused
from secretwatch.domain.onboarding.failure import Failure
from secretwatch.domain.onboarding.onboarding import Execution, Held, Offboarding, Onboarding, Pointer, stand_in_arn
from secretwatch.domain.onboarding.request import OnboardingRequest, read_request
from secretwatch.domain.reference import Provider, ProviderKind, ProviderName
from secretwatch.domain.repair.plan import Kind
from secretwatch.domain.repair.rules import Mode, RepairRules
from secretwatch.domain.rules import Rules
from secretwatch.domain.secret import SecretId
from secretwatch.errors import LostRace, Permanent, Transient
from secretwatch.gathering import Gathering
from secretwatch.onboarding import (
    Announcing,
    Asking,
    Beginning,
    Creating,
    Deciding,
    Granting,
    Inspecting,
    Registering,
    Removing,
    Seeing,
    Verifying,
)
from secretwatch.ports import Announcement, ProviderStatuses
from secretwatch.repairing import Applying, Looking
from tests.fakes import (
    ACCOUNT,
    NOON,
    REGION,
    FakeGateways,
    FakeIdentities,
    FakeKeys,
    FakeSecret,
    FakeSecrets,
    Inline,
    InMemoryGatewayRecords,
    InMemoryProtectedSecrets,
    InMemoryProviderRecords,
    InMemoryReferences,
    InMemoryWaivers,
    SentRequests,
    secret_arn,
)
from tests.unit.repair.world import FakeDocuments, FakeKeyDocuments, HeardNews, InMemoryRepairs, Killed, Process

WEATHER = secret_arn("agents/weather")
WALLET = secret_arn("agents/wallet")
ALICE, BOB = f"arn:aws:iam::{ACCOUNT}:user/alice", f"arn:aws:iam::{ACCOUNT}:user/bob"
CALLBACK = "https://bedrock-agentcore.eu-west-1.amazonaws.com/identities/oauth2/callback/a1b2"
ALLOWED = {"secretwatch:allow-provider": "API_KEY/other api_key/weather API_KEY/crm OAUTH2/crm PAYMENT/wallet"}
RETRIES = 6


def an_api_key(name: str = "weather", secret: str = WEATHER, json_key: str = "api_key", **more: Any) -> dict[str, Any]:
    """The body of CreateApiKeyCredentialProvider."""
    config = {"secretId": secret, "jsonKey": json_key}
    return {"name": name, "apiKeySecretSource": "EXTERNAL", "apiKeySecretConfig": config, **more}


def an_oauth2(name: str = "crm", secret: str = WEATHER, **more: Any) -> dict[str, Any]:
    """The body of CreateOauth2CredentialProvider."""
    config = {"secretId": secret, "jsonKey": "client_secret"}
    google = {"clientId": "id", "clientSecretSource": "EXTERNAL", "clientSecretConfig": config}
    return {
        "name": name,
        "credentialProviderVendor": "GoogleOauth2",
        "oauth2ProviderConfigInput": {"googleOauth2ProviderConfig": google},
        **more,
    }


def a_custom(name: str = "crm", secret: str = WEATHER, server: str = "https://idp.example.com") -> dict[str, Any]:
    """The body of CreateOauth2CredentialProvider that names the servers itself."""
    metadata = {
        "issuer": server,
        "authorizationEndpoint": f"{server}/authorize",
        "tokenEndpoint": f"{server}/token",
        "responseTypes": ["code", "token"],
    }
    custom = {
        "oauthDiscovery": {"authorizationServerMetadata": metadata},
        "clientId": "id-1",
        "clientSecretSource": "EXTERNAL",
        "clientSecretConfig": {"secretId": secret, "jsonKey": "client_secret"},
    }
    return {
        "name": name,
        "credentialProviderVendor": "CustomOauth2",
        "oauth2ProviderConfigInput": {"customOauth2ProviderConfig": custom},
    }


def an_okta(name: str = "crm", secret: str = WEATHER, **more: str) -> dict[str, Any]:
    """The body of CreateOauth2CredentialProvider for a vendor that may be told its servers."""
    config = {"secretId": secret, "jsonKey": "client_secret"}
    okta = {"clientId": "id-1", "clientSecretSource": "EXTERNAL", "clientSecretConfig": config, **more}
    return {
        "name": name,
        "credentialProviderVendor": "OktaOauth2",
        "oauth2ProviderConfigInput": {"includedOauth2ProviderConfig": okta},
    }


def a_wallet(name: str = "wallet", *, api: str = WEATHER, wallet: str = WALLET) -> dict[str, Any]:
    """The body of CreatePaymentCredentialProvider, with two secrets."""
    coinbase = {
        "apiKeyId": "id",
        "apiKeySecretSource": "EXTERNAL",
        "apiKeySecretConfig": {"secretId": api, "jsonKey": "api_key_secret"},
        "walletSecretSource": "EXTERNAL",
        "walletSecretConfig": {"secretId": wallet, "jsonKey": "wallet_secret"},
    }
    return {
        "name": name,
        "credentialProviderVendor": "CoinbaseCDP",
        "providerConfigurationInput": {"coinbaseCdpConfiguration": coinbase},
    }


class InMemoryOnboardings:
    """`ports.Onboardings` in memory, with the Registry's conditions."""

    def __init__(self) -> None:
        self.onboardings: dict[str, Onboarding] = {}
        self.offboardings: dict[str, Offboarding] = {}
        self.claims: dict[ProviderName, str] = {}

    def find(self, onboarding_id: str) -> Onboarding | None:
        return self.onboardings.get(onboarding_id)

    def store(self, onboarding: Onboarding) -> None:
        known = self.onboardings.get(onboarding.id)
        if onboarding.version != (known.version if known else 0) + 1:
            raise LostRace("the Registry's record has moved on")
        self.onboardings[onboarding.id] = onboarding

    def find_offboarding(self, offboarding_id: str) -> Offboarding | None:
        return self.offboardings.get(offboarding_id)

    def store_offboarding(self, offboarding: Offboarding) -> None:
        known = self.offboardings.get(offboarding.id)
        if offboarding.version != (known.version if known else 0) + 1:
            raise LostRace("the Registry's record has moved on")
        self.offboardings[offboarding.id] = offboarding

    def claimed_by(self, name: ProviderName) -> str | None:
        return self.claims.get(name)

    def claim(self, name: ProviderName, execution: str, *, over: str | None) -> None:
        if self.claims.get(name) != over:
            raise LostRace("the Registry's record has moved on")
        self.claims[name] = execution

    def release(self, name: ProviderName, execution: str) -> None:
        if self.claims.get(name) == execution:
            del self.claims[name]


class FakeVault:
    """`ports.TokenVault` and `ports.Providers` in memory: names taken are refused, as AgentCore does."""

    def __init__(self, names: Callable[[str], str | None]) -> None:
        self.held: dict[ProviderName, Held] = {}
        self.tags: dict[str, str] = {}
        self.created: list[Mapping[str, Any]] = []
        self.names = names
        self.refusal: Exception | None = None
        self.shows_tags = True
        self.becomes: dict[str, Any] = {}
        self.settles_after = 0

    def find(self, name: ProviderName) -> Held | None:
        held = self.held.get(name)
        if held and held.status == "CREATING":
            self.settles_after -= 1
            if self.settles_after < 0:
                held = self.held[name] = replace(held, status="READY")
        return held

    def get(self, name: ProviderName) -> Provider | None:
        held = self.held.get(name)
        if held is None:
            return None
        references = frozenset(one.reference(name, held.arn) for one in held.pointers)
        return Provider(held.arn, name, references, held.provider_status)

    def maker(self, arn: str) -> str | None:
        return self.tags.get(arn) if self.shows_tags else None

    def create(self, name: ProviderName, body: Mapping[str, Any], *, maker: str) -> None:
        if self.refusal:
            raise self.refusal
        if name in self.held:
            raise ProviderRefused("CreateCredentialProvider: ValidationException: the name is taken")
        self.created.append(body)
        self.put(name, body, maker=maker)

    def put(self, name: ProviderName, body: Mapping[str, Any], *, maker: str | None = None, **others: Any) -> Held:
        """A provider that is there, whoever made it."""
        request = read_request(body)
        assert isinstance(request, OnboardingRequest)
        pointers = frozenset(
            Pointer(one.field, self.names(one.secret_id) or one.secret_id, one.json_key) for one in request.references
        )
        oauth2 = name.kind is ProviderKind.OAUTH2
        held = Held(
            arn=stand_in_arn(name).replace("token-vault/default", "token-vault/real"),
            pointers=pointers,
            vendor=request.vendor,
            client=request.client,
            callback_url=CALLBACK if oauth2 else None,
            status=("CREATING" if self.settles_after else "READY") if oauth2 else None,
        )
        self.held[name] = replace(held, **{**self.becomes, **others})
        if maker:
            self.tags[held.arn] = maker
        return self.held[name]

    def delete(self, name: ProviderName) -> None:
        held = self.held.pop(name, None)
        if held:
            self.tags.pop(held.arn, None)


class FakeExecutions:
    """`ports.Executions`: those that run."""

    def __init__(self) -> None:
        self.running: set[str] = set()

    def is_running(self, arn: str) -> bool:
        return arn in self.running


class FakeDecisions:
    """`ports.Decisions`: what each token came to."""

    def __init__(self) -> None:
        self.waiting: set[str] = set()
        self.came_to: dict[str, tuple[bool, str]] = {}
        self.failures: list[Exception] = []

    def approve(self, token: str, by: str) -> None:
        self._decide(token, approved=True, said=by)

    def reject(self, token: str, reason: str) -> None:
        self._decide(token, approved=False, said=reason)

    def _decide(self, token: str, *, approved: bool, said: str) -> None:
        if self.failures:
            raise self.failures.pop(0)
        if token not in self.waiting:
            raise NoLongerWaiting("TaskTimedOut")
        self.waiting.discard(token)
        self.came_to[token] = approved, said


@dataclass
class FakeStarters:
    """`ports.Starters`: who started everything, as soon as AWS says."""

    who: tuple[str, ...] = (BOB,)
    asked: int = 0

    def of_execution(self, arn: str, started_at: datetime) -> tuple[str, ...]:
        self.asked += 1
        return self.who


class FakeVending:
    """`ports.Vending` that counts."""

    def __init__(self) -> None:
        self.vended: list[str] = []
        self.failure: Exception | None = None

    def vend(self, provider: str) -> None:
        if self.failure:
            raise self.failure
        self.vended.append(provider)


@dataclass
class HeardAnnouncements:
    """`ports.Bus` that remembers."""

    told: list[Announcement] = field(default_factory=list)

    def publish(self, announcement: Announcement) -> None:
        json.dumps(announcement.detail())  # it can be published
        self.told.append(announcement)

    def kinds(self) -> list[str]:
        """What was told, each once."""
        return list(dict.fromkeys(one.detail_type for one in self.told))

    def last(self) -> dict[str, Any]:
        return self.told[-1].detail()


class NamedSecrets(FakeSecrets):
    """`ports.SecretNames` besides."""

    def full_arn(self, secret_id: str) -> str | None:
        self._fail("full_arn")
        return self.named(secret_id)

    def named(self, secret_id: str) -> str | None:
        """As AgentCore looks it up."""
        for arn in self.secrets:
            if secret_id in {arn, SecretId.of_arn(arn).name, arn[:-7]}:
                return arn
        return None


@dataclass
class Ended:
    """How an execution ended."""

    output: Any = None
    error: str | None = None
    message: str | None = None
    failed_at: str | None = None

    @property
    def succeeded(self) -> bool:
        return self.error is None


class World:
    """Two secrets that AgentCore may not read yet, and whose owner allows every provider, unless said otherwise."""

    def __init__(self, mode: Mode = Mode.PROPOSE, *, policy: str | None = None, **rules: Any) -> None:
        self.rules = Rules()
        self.repair_rules = RepairRules(mode=mode, **rules)
        policies = {} if policy is None else {"default": policy}
        self.secrets = NamedSecrets(
            **{
                name: FakeSecret(policies=dict(policies), tags=dict(ALLOWED))
                for name in ("agents/weather", "agents/wallet")
            }
        )
        self.references = InMemoryReferences()
        self.records = InMemoryProviderRecords(self.references)
        self.gateways, self.consumers = FakeGateways(), InMemoryGatewayRecords()
        self.keys, self.identities = FakeKeys(), FakeIdentities()
        self.documents, self.key_documents = FakeDocuments(self.secrets), FakeKeyDocuments(self.keys)
        self.repairs, self.repair_news = InMemoryRepairs(), HeardNews()
        self.onboardings, self.bus, self.checks = InMemoryOnboardings(), HeardAnnouncements(), SentRequests()
        self.vault, self.executions = FakeVault(self.secrets.named), FakeExecutions()
        self.starters, self.decisions, self.vending = FakeStarters(), FakeDecisions(), FakeVending()
        self.vends, self.now, self.process = False, NOON, Process()
        self.tokens, self.retries = 0, RETRIES
        self.before_state: dict[str, Callable[[], None]] = {}
        self.failing: dict[str, Exception] = {}

    # --- what is there

    @property
    def secret(self) -> FakeSecret:
        return self.secrets.secrets[WEATHER]

    def policy(self, arn: str = WEATHER) -> str | None:
        return self.secrets.secrets[arn].policies.get("default")

    def sids(self, arn: str = WEATHER) -> list[str]:
        text = self.policy(arn)
        return [one["Sid"] for one in json.loads(text)["Statement"]] if text else []

    def outside(self) -> tuple[object, ...]:
        """All that a roll-back has to leave as it was, and that others see."""
        return (
            {arn: dict(one.policies) for arn, one in self.secrets.secrets.items()},
            dict(self.keys.policies),
            dict(self.vault.held),
            {name: known.provider for name, known in self.records.records.items()},
            set(self.references.states),
            dict(self.onboardings.claims),
            {resource for resource, (_, until) in self.repairs.leases.items() if until > self.now},
        )

    def later(self, by: timedelta) -> None:
        self.now += by

    # --- the functions, each time a new process

    def clock(self) -> datetime:
        return self.now

    def gathering(self, statuses: ProviderStatuses) -> Gathering:
        through = self.process.through
        return Gathering(
            through(self.secrets, "secrets"),
            through(self.keys, "keys"),
            statuses,
            self.consumers,
            self.identities,
            rules=self.rules,
            pool=Inline(),
        )

    def seeing(self) -> Seeing:
        references = self.process.through(self.references, "registry")
        return Seeing(references, self.records, self.gathering, rules=self.rules, repair_rules=self.repair_rules)

    def beginning(self) -> Beginning:
        through = self.process.through
        return Beginning(
            through(self.onboardings, "registry"),
            ProviderRequests(),
            through(self.executions, "executions"),
            through(self.bus, "bus"),
            account=ACCOUNT,
            region=REGION,
            vend=self.vends,
            clock=self.clock,
        )

    def inspecting(self) -> Inspecting:
        through = self.process.through
        return Inspecting(
            through(self.onboardings, "registry"),
            self.seeing(),
            through(self.secrets, "secrets"),
            through(self.vault, "vault"),
            self.repairs,
            clock=self.clock,
        )

    def asking(self) -> Asking:
        through = self.process.through
        return Asking(through(self.onboardings, "registry"), through(self.bus, "bus"), clock=self.clock)

    def granting(self) -> Granting:
        through = self.process.through
        repairs = through(self.repairs, "registry")

        def applying(looking: Looking) -> Applying:
            documents = {
                Kind.SECRET: through(self.documents, "policy"),
                Kind.KEY: through(self.key_documents, "key policy"),
            }
            checks, news = through(self.checks, "queue"), through(self.repair_news, "bus")
            return Applying(looking, documents, repairs, checks, news, rules=self.repair_rules, clock=self.clock)

        return Granting(through(self.onboardings, "registry"), repairs, self.seeing(), applying, clock=self.clock)

    def creating(self) -> Creating:
        return Creating(self.process.through(self.onboardings, "registry"), self.process.through(self.vault, "vault"))

    def verifying(self) -> Verifying:
        through = self.process.through
        return Verifying(
            through(self.onboardings, "registry"),
            self.seeing(),
            through(self.vault, "vault"),
            self.vending if self.vends else None,
            clock=self.clock,
        )

    def registering(self) -> Registering:
        through = self.process.through
        references = through(self.references, "registry")
        checking = Checking(
            references,
            self.gathering(self.records),
            InMemoryWaivers(),
            InMemoryProtectedSecrets(),
            rules=self.rules,
            clock=self.clock,
        )
        return Registering(
            through(self.onboardings, "registry"),
            through(self.vault, "vault"),
            through(self.records, "registry"),
            references,
            checking,
            clock=self.clock,
        )

    def announcing(self) -> Announcing:
        through = self.process.through
        return Announcing(
            through(self.onboardings, "registry"),
            through(self.records, "registry"),
            through(self.bus, "bus"),
            account=ACCOUNT,
            region=REGION,
            clock=self.clock,
        )

    def deciding(self) -> Deciding:
        return Deciding(self.onboardings, self.starters, self.decisions, clock=self.clock)

    def removing(self) -> Removing:
        return Removing(
            self.onboardings,
            self.executions,
            self.vault,
            self.gateways,
            self.records,
            self.bus,
            account=ACCOUNT,
            region=REGION,
            clock=self.clock,
        )

    # --- the machine

    def execution(self, name: str = "o-1") -> Execution:
        return Execution(f"arn:aws:states:{REGION}:{ACCOUNT}:execution:OnboardSecret:{name}", name, NOON)

    def onboard(self, given: object, name: str = "o-1", *, decide: Callable[[str], object] | None = None) -> Ended:
        """Run an execution to its end; `decide` is what people do while it waits: nothing, until time is over."""
        execution = self.execution(name)
        self.executions.running.add(execution.arn)
        try:
            ended = self._forward(execution, given, decide)
        finally:
            self.executions.running.discard(execution.arn)
        return ended

    def _forward(self, execution: Execution, given: object, decide: Callable[[str], object] | None) -> Ended:
        id_ = execution.name
        states: dict[str, Callable[[], Any]] = {
            "Validate": lambda: self.beginning().begin(execution, given),
            "Inspect": lambda: self.inspecting().inspect(id_),
            "Approve": lambda: self._approve(id_, decide),
            "Grant": lambda: self.granting().grant(id_),
            "CreateProvider": lambda: self.creating().create(id_),
            "Verify": lambda: self.verifying().verify(id_),
            "Register": lambda: self.registering().register(id_),
            "Announce": lambda: self.announcing().succeed(id_),
        }
        output: Any = None
        for state, step in states.items():
            try:
                output = self._retried(state, step)
            except (Permanent, Transient) as error:
                return self._back(execution, state, error)
            except TimeoutError:
                return self._back(execution, state, TimeoutError(), "States.Timeout")
            except _Rejected as error:
                return self._back(execution, state, error, "ApprovalRejected")
        return Ended(output)

    def _approve(self, id_: str, decide: Callable[[str], object] | None) -> None:
        approval = self.onboardings.onboardings[id_].approval
        assert approval
        if not approval.needed:
            return
        self.tokens += 1
        token = f"token-{self.tokens}"
        self.decisions.waiting.add(token)
        self.asking().ask(id_, token)
        if decide:
            decide(id_)
        if token not in self.decisions.came_to:
            self.decisions.waiting.discard(token)
            self.later(approval.within)
            raise TimeoutError
        approved, said = self.decisions.came_to[token]
        if not approved:
            raise _Rejected(said)

    def _retried(self, state: str, step: Callable[[], Any]) -> Any:
        """As the states' Retry says: what is transient, and a function that died."""
        if state in self.before_state:
            self.before_state.pop(state)()
        if failure := self.failing.get(state):
            raise failure
        for _ in range(self.retries):
            try:
                return step()
            except Killed:
                self.process.dies_at = None
                self.later(timedelta(seconds=61))  # the lease of who died runs out
            except Transient:
                self.later(timedelta(seconds=61))
        return step()

    def _back(self, execution: Execution, state: str, error: BaseException, name: str | None = None) -> Ended:
        id_, self.retries = execution.name, RETRIES
        states: dict[str, Callable[[], Any]] = {
            "Forget": lambda: self.registering().forget(id_),
            "DeleteProvider": lambda: self.creating().delete(id_),
            "WithdrawAccess": lambda: self.granting().withdraw(id_),
        }
        roll_back = []
        for back, step in states.items():
            try:
                self._retried(back, step)
            except (Permanent, Transient) as failure:
                roll_back.append((back, type(failure).__name__, _cause(failure)))
        caught = state, name or type(error).__name__, str(error) if name else _cause(error)
        failure_, _ = self._retried("AnnounceFailure", lambda: self.announcing().fail(execution, caught, roll_back))
        assert isinstance(failure_, Failure)
        return Ended(error=failure_.error, message=failure_.message, failed_at=state)

    def offboard(self, given: object, name: str = "off-1") -> Ended:
        """Run an offboarding to its end."""
        execution = self.execution(name)
        self.executions.running.add(execution.arn)
        states: dict[str, Callable[[], Any]] = {
            "CheckUse": lambda: self.removing().check_use(execution, given),
            "RemoveProvider": lambda: self.creating().remove(name),
            "WithdrawAccess": lambda: self.granting().withdraw_unneeded(name),
            "Close": lambda: self.removing().close(name),
            "AnnounceOffboarded": lambda: self.removing().succeed(name),
        }
        output: Any = None
        for state, step in states.items():
            try:
                output = self._retried(state, step)
            except (Permanent, Transient) as error:
                caught = state, type(error).__name__, _cause(error)
                failure = self.removing().fail(execution, given, caught)
                self.executions.running.discard(execution.arn)
                return Ended(error=failure.error, message=failure.message, failed_at=state)
        self.executions.running.discard(execution.arn)
        return Ended(output)


class _Rejected(Exception):
    """SendTaskFailure."""


def _cause(error: BaseException) -> str:
    """As Lambda tells Step Functions of an error."""
    return json.dumps({"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": []})
