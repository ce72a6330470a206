"""Onboardings: what the Registry keeps of each execution, from the request to what became of it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from secretwatch.domain.key import partition_of
from secretwatch.domain.onboarding.request import PRIVATE, SERVERS, OnboardingRequest, Options, Problem
from secretwatch.domain.reference import ProviderKind, ProviderName, ProviderStatus, Reference
from secretwatch.domain.repair.document import same
from secretwatch.domain.repair.plan import Kind, Plan

KEPT_FOR = timedelta(days=90)
"""How long the record of one that is over stays, as Step Functions keeps its executions."""


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution of one of the state machines; its name is the id of what it does."""

    arn: str
    name: str
    started_at: datetime

    @property
    def mark(self) -> str:
        """What a provider's tag says of who created it: another stack's execution may have the same name."""
        parts = json.dumps([self.arn, self.started_at.isoformat()])
        return f"{self.name}/{hashlib.sha256(parts.encode()).hexdigest()[:16]}"


class Status(StrEnum):
    """Where an onboarding stands."""

    RUNNING = "RUNNING"
    AWAITING_APPROVAL = "AWAITING_APPROVAL"
    SUCCEEDED = "SUCCEEDED"
    ROLLED_BACK = "ROLLED_BACK"  # refused or failed, and nothing is left behind
    ROLL_BACK_FAILED = "ROLL_BACK_FAILED"  # a person has to look

    @property
    def over(self) -> bool:
        """Whether nothing more is done."""
        return self not in {Status.RUNNING, Status.AWAITING_APPROVAL}


@dataclass(frozen=True, slots=True, order=True)
class Pointer:
    """Where a field of the provider points: the secret by its full ARN, and the JSON key, if there is one."""

    field: str
    secret_arn: str
    json_key: str | None = None

    @classmethod
    def of(cls, reference: Reference) -> Self:
        """Where a provider's field points now."""
        return cls(reference.field, reference.secret_arn, reference.json_key)

    def reference(self, provider: ProviderName, arn: str | None = None) -> Reference:
        """The reference that it is, or will be: of a provider that is not there yet, its ARN as documented."""
        return Reference(arn or stand_in_arn(provider), provider, self.field, self.secret_arn, self.json_key)


@dataclass(frozen=True, slots=True)
class Shown:
    """A change of a policy as it was shown to whoever approves, for the sake of a secret."""

    kind: Kind
    resource: str
    secret: str
    before: str | None
    after: str
    statement: Mapping[str, Any]
    why: str

    @classmethod
    def of(cls, plan: Plan, secret: str) -> Self:
        """What is shown of a plan."""
        return cls(plan.kind, plan.resource, secret, plan.before, plan.after, plan.statement, plan.why)

    def is_still(self, plan: Plan) -> bool:
        """Whether the plan is the very change that was shown, however the documents are laid out."""
        return same(self.before, plan.before) and same(self.after, plan.after)

    def repair_id(self, execution: "Execution") -> str:
        """The id of the repair that makes this change for the execution: each attempt finds what others began."""
        parts = [execution.arn, execution.started_at.isoformat(), self.resource, self.secret]
        return "r-" + hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Approval:
    """Whether somebody has to approve, and who did. `token` is where the execution waits: whoever has it decides."""

    needed: bool
    why: str
    within: timedelta
    token: str | None = None
    until: datetime | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    rejected: str | None = None

    @property
    def open(self) -> bool:
        """Whether it is needed and nobody gave it."""
        return self.needed and (self.decided_by is None or self.rejected is not None)


@dataclass(frozen=True, slots=True)
class Onboarding:
    """One execution, and what it did so far. `version` counts the writes of the record.

    `asked` is the body of the request, kept once it is known to hold no literal secret. `creating` and `registering`
    say that the step has begun: whoever comes after a lost answer knows that there may be something to take back.
    `created` is False of a provider that was there and is the one that was asked for. `notes` are what a roll-back left
    alone, `left` what it failed to take back.
    """

    execution: Execution
    account: str
    region: str
    version: int = 0
    status: Status = Status.RUNNING
    kind: ProviderKind | None = None
    name: str | None = None
    vendor: str | None = None
    owner: str | None = None
    options: Options = field(default_factory=Options)
    asked: Mapping[str, Any] | None = None
    requested_by: str | None = None
    pointers: tuple[Pointer, ...] = ()
    plans: tuple[Shown, ...] = ()
    warnings: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    approval: Approval | None = None
    creating: bool = False
    provider_arn: str | None = None
    created: bool | None = None
    callback_url: str | None = None
    registering: bool = False
    ended_at: datetime | None = None
    failed_step: str | None = None
    error: str | None = None
    message: str | None = None
    notes: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The execution's name."""
        return self.execution.name

    @property
    def provider(self) -> ProviderName | None:
        """The provider that it is about; None while the request could not be read."""
        return ProviderName(self.account, self.region, self.kind, self.name) if self.kind and self.name else None

    @property
    def references(self) -> tuple[Reference, ...]:
        """The references that the provider has, or will have."""
        provider = self.provider
        return tuple(one.reference(provider, self.provider_arn) for one in self.pointers) if provider else ()

    @property
    def secrets(self) -> list[str]:
        """The ARNs of the secrets that it references, each once."""
        return sorted({one.secret_arn for one in self.pointers})

    @property
    def request(self) -> OnboardingRequest | None:
        """What is asked for; None while it is not known to hold no secret."""
        if self.asked is None or self.kind is None or self.name is None:
            return None
        return OnboardingRequest(self.kind, self.name, self.vendor, self.asked, self.owner, self.options)

    def asking(self, request: OnboardingRequest) -> Self:
        """The record's successor that knows what is asked for; to be made of a request without a problem only."""
        return self.successor(
            kind=request.kind,
            name=request.name,
            vendor=request.vendor,
            owner=request.owner,
            options=request.options,
            asked=request.body,
        )

    def successor(self, **others: Any) -> Self:
        """The record's successor."""
        return replace(self, version=self.version + 1, **others)


def stand_in_arn(provider: ProviderName) -> str:
    """The documented form of the provider's ARN, for decisions that are made before there is one; never stored."""
    place = f"{partition_of(provider.region)}:bedrock-agentcore:{provider.region}:{provider.account}"
    infix = f"{provider.kind.lower().replace('_', '')}credentialprovider"
    return f"arn:{place}:token-vault/default/{infix}/{provider.name}"


@dataclass(frozen=True, slots=True)
class Held:
    """A provider as AgentCore holds it, as far as it has to be told from the one that is asked for."""

    arn: str
    pointers: frozenset[Pointer]
    incomplete: frozenset[str] = frozenset()
    vendor: str | None = None
    client: Mapping[str, str] = field(default_factory=dict)
    callback_url: str | None = None
    status: str | None = None
    failure_reason: str | None = None

    def taken(self, onboarding: Onboarding) -> Problem | None:
        """In what it is another one than is asked for; None when it can be taken for that very one."""
        because = self.odd(onboarding) or self._of_another_client(onboarding)
        if because is None:
            return None
        there = f"there is a provider {onboarding.name} ({onboarding.kind}) already, and {because}"
        return Problem("name", f"is taken: {there}", "Choose another name, or offboard that one.")

    def odd(self, onboarding: Onboarding) -> str | None:
        """What is otherwise than was asked for, of all that decides where the credential comes from; for people."""
        if onboarding.vendor is not None and self.vendor is not None and onboarding.vendor != self.vendor:
            return f"its vendor is {self.vendor}"
        if self.incomplete:
            return f"its {', '.join(sorted(self.incomplete))} names no secret by its full ARN"
        odd = sorted({one.field for one in self.pointers ^ frozenset(onboarding.pointers)})
        return f"its {', '.join(odd)} points elsewhere" if odd else None

    def _of_another_client(self, onboarding: Onboarding) -> str | None:
        """Of ids, as far as both say: AgentCore may show less than was asked for. Servers have to be shown alike."""
        asked = onboarding.request.client if onboarding.request else {}
        both = {name for name in asked.keys() & self.client.keys() if asked[name] != self.client[name]}
        unseen = (asked.keys() - self.client.keys()) & SERVERS
        private = (self.client.keys() - asked.keys()).intersection(PRIVATE)
        odd = sorted({*both, *unseen, *private})
        return f"its {', '.join(odd)} is another one" if odd else None

    @property
    def provider_status(self) -> ProviderStatus:
        """As AgentCore says."""
        return ProviderStatus(self.status, self.failure_reason)


class OffboardingStatus(StrEnum):
    """Where an offboarding stands."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"  # refused, or to be started again


@dataclass(frozen=True, slots=True)
class Offboarding:
    """One execution that removes a provider. What it references is kept: soon nobody else knows."""

    execution: Execution
    provider: ProviderName
    version: int = 0
    status: OffboardingStatus = OffboardingStatus.RUNNING
    forced: bool = False
    provider_arn: str | None = None
    pointers: tuple[Pointer, ...] = ()
    used_by: tuple[str, ...] = ()
    gone: bool = False  # before it began
    removed: bool = False
    notes: tuple[str, ...] = ()
    ended_at: datetime | None = None
    failed_step: str | None = None
    error: str | None = None
    message: str | None = None

    @property
    def id(self) -> str:
        """The execution's name."""
        return self.execution.name

    @property
    def references(self) -> tuple[Reference, ...]:
        """The references that the provider has, or had."""
        return tuple(one.reference(self.provider, self.provider_arn) for one in self.pointers)

    def successor(self, **others: Any) -> Self:
        """The record's successor."""
        return replace(self, version=self.version + 1, **others)
