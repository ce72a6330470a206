"""Facts: what was read about a secret, its key and its providers, before anybody judges it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from secretwatch.domain.consumer import Consumer
from secretwatch.domain.key import KeyId
from secretwatch.domain.observed import Observations
from secretwatch.domain.reference import ProviderStatus
from secretwatch.policy import Grant, Policy


@dataclass(frozen=True, slots=True)
class Unknown:
    """A fact that we could not find out, and why; `transient` when trying later may tell.

    A `quiet` one is nobody's fault and alerts nobody; one `by_choice` of the operator leaves the verdict to the rest.
    """

    reason: str
    transient: bool = False
    quiet: bool = False
    by_choice: bool = False


@dataclass(frozen=True, slots=True)
class NoSuchSecret:
    """Secrets Manager knows no secret by that ARN; `recreated` is the ARN of another one of the same name."""

    recreated: str | None = None


@dataclass(frozen=True, slots=True)
class Rotation:
    """When a secret rotates, as DescribeSecret tells it."""

    enabled: bool = False
    last: datetime | None = None
    next: datetime | None = None


@dataclass(frozen=True, slots=True)
class SecretDescription:
    """A secret as DescribeSecret tells it; version ids by staging label.

    `key` is the KMS key as recorded on the secret, None for the AWS managed `aws/secretsmanager`.
    `owner` is the service that owns the secret, `partner` the type of a managed external secret.
    """

    deletion_date: datetime | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    key: KeyId | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    rotation: Rotation = Rotation()
    created: datetime | None = None
    owner: str | None = None
    partner: str | None = None

    @property
    def current(self) -> str | None:
        """The version id that AWSCURRENT stands at."""
        return self.versions.get("AWSCURRENT")

    @property
    def previous(self) -> str | None:
        """The version id that AWSPREVIOUS stands at."""
        return self.versions.get("AWSPREVIOUS")


class ValueShape(StrEnum):
    """Whether a value serves under a JSON key. All that is ever kept of a value."""

    BINARY = "BINARY"
    NOT_JSON = "NOT_JSON"
    NOT_AN_OBJECT = "NOT_AN_OBJECT"
    KEY_MISSING = "KEY_MISSING"
    NOT_A_STRING = "NOT_A_STRING"
    EMPTY = "EMPTY"
    USABLE = "USABLE"


@dataclass(frozen=True, slots=True)
class ValueFacts:
    """The shape of one version's value under each JSON key that was asked for."""

    version_id: str
    shapes: Mapping[str, ValueShape]


@dataclass(frozen=True, slots=True)
class NoSuchKey:
    """KMS knows no key by that id or alias."""


@dataclass(frozen=True, slots=True)
class KeyDescription:
    """A KMS key as DescribeKey tells it; `state` is AWS's own word, such as Enabled or PendingDeletion."""

    arn: str
    state: str
    customer_managed: bool = True
    deletion_date: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """What is known of a customer managed key; `grants` are listed only where its policy does not suffice."""

    key: KeyDescription | NoSuchKey | Unknown
    policy: Policy | Unknown | None = None
    grants: tuple[Grant, ...] | Unknown = ()


@dataclass(frozen=True, slots=True)
class NoSuchProvider:
    """AgentCore knows no provider by that name any more."""


class IdentityDecision(StrEnum):
    """What a role's own policies say, as iam:SimulatePrincipalPolicy names it."""

    ALLOWED = "allowed"
    DENIED_EXPLICIT = "explicitDeny"
    DENIED_IMPLICIT = "implicitDeny"


Asked: TypeAlias = tuple[str, str]
"""A role's ARN and the action that it was asked about."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known at one moment of a secret, and of one provider that references it.

    None where a fact was not needed: a value that was found good before, the key of a secret under the AWS managed one.
    `identities` are what the roles among the readers may do by policies of their own; `access_since` is when policies,
    key and provider were first seen as they are.
    """

    secret: SecretDescription | NoSuchSecret | Unknown
    at: datetime
    current: ValueFacts | Unknown | None = None
    previous: ValueFacts | Unknown | None = None
    policies: tuple[Policy, ...] | Unknown = ()
    key: KeyFacts | None = None
    provider: ProviderStatus | NoSuchProvider | Unknown = field(default_factory=ProviderStatus)
    consumers: tuple[Consumer, ...] | Unknown = ()
    observations: Observations = field(default_factory=Observations)
    access_since: datetime | None = None
    identities: Mapping[Asked, IdentityDecision | Unknown] = field(default_factory=dict)
