"""Providers and the references by which they depend on secrets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from secretwatch.domain.secret import SecretId

SECRET_FIELDS: Mapping[str, str] = {
    "apiKeySecret": "apiKey",
    "clientSecret": "clientSecret",
    "walletSecret": "walletSecret",
    "appSecret": "appSecret",
    "authorizationPrivateKey": "authorizationPrivateKey",
}
"""By what AgentCore's members of a reference begin with, the reference's field.

Create takes <stem>Source and <stem>Config; Get answers <stem>Source, <stem>Arn.secretArn and <stem>JsonKey.
"""


class ProviderKind(StrEnum):
    """The kinds of AgentCore credential provider that are watched."""

    API_KEY = "API_KEY"
    OAUTH2 = "OAUTH2"
    PAYMENT = "PAYMENT"


@dataclass(frozen=True, slots=True, order=True)
class ProviderName:
    """What a provider event names: unique within its account and Region."""

    account: str
    region: str
    kind: ProviderKind
    name: str


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """One place where a provider points at a secret.

    `field` is apiKey, clientSecret, walletSecret, appSecret, authorizationPrivateKey or certificate.
    `secret_arn` is the full ARN; `json_key` is None where AgentCore names no key, as for a certificate.
    """

    provider_arn: str
    provider: ProviderName
    field: str
    secret_arn: str
    json_key: str | None = None

    @property
    def secret(self) -> SecretId:
        """The secret that is referenced."""
        return SecretId.of_arn(self.secret_arn)


@dataclass(frozen=True, slots=True)
class ProviderStatus:
    """What AgentCore says of a provider itself; only OAuth2 providers have a status."""

    status: str | None = None
    failure_reason: str | None = None

    @property
    def failed(self) -> bool:
        """Whether AgentCore gave up on it: CREATE_FAILED, UPDATE_FAILED or DELETE_FAILED."""
        return bool(self.status and self.status.endswith("_FAILED"))

    @property
    def settling(self) -> bool:
        """Whether AgentCore has not finished with it: CREATING, UPDATING or DELETING."""
        return bool(self.status and self.status.endswith("ING"))


@dataclass(frozen=True, slots=True)
class Provider:
    """A credential provider as AgentCore describes it, with its references to secrets the customer owns.

    `incomplete` are the fields that are EXTERNAL and yet name no secret: nothing can be checked there.
    """

    arn: str
    name: ProviderName
    references: frozenset[Reference]
    status: ProviderStatus = ProviderStatus()
    incomplete: frozenset[str] = field(default=frozenset(), compare=False)
