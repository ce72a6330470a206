"""Credential providers and gateways, as Amazon Bedrock AgentCore describes them."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from secretwatch.adapters.aws import code_of, translated
from secretwatch.domain.change import WholeInventory
from secretwatch.domain.consumer import Consumer, Gateway, GatewayName
from secretwatch.domain.reference import Provider, ProviderKind, ProviderName, ProviderStatus, Reference
from secretwatch.domain.secret import SecretId

if TYPE_CHECKING:
    from mypy_boto3_bedrock_agentcore_control import BedrockAgentCoreControlClient

Answer = Mapping[str, Any]

# AgentCore allows 20 calls a second of each operation in an account, the customer's own deployments included.
# take_inventory runs at most twice at a time: together they stay under half of it.
_SECONDS_BETWEEN_CALLS = 0.2

_INFIXES = {ProviderKind.API_KEY: "api_key", ProviderKind.OAUTH2: "oauth2", ProviderKind.PAYMENT: "payment"}
_PAGE_SIZES = {ProviderKind.API_KEY: 100, ProviderKind.OAUTH2: 20, ProviderKind.PAYMENT: 20}

# Where a Get answer names a reference: <stem>Arn.secretArn, <stem>JsonKey, <stem>Source; and the field that it is.
_FIELDS = {
    "apiKeySecret": "apiKey",
    "clientSecret": "clientSecret",
    "walletSecret": "walletSecret",
    "appSecret": "appSecret",
    "authorizationPrivateKey": "authorizationPrivateKey",
}


class Pace:
    """Lets calls through at a steady pace."""

    def __init__(
        self,
        seconds: float = _SECONDS_BETWEEN_CALLS,
        *,
        now: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """One call every so many `seconds`; `now` and `wait` are its clock."""
        self._seconds = seconds
        self._now = now
        self._wait = wait
        self._next_call = 0.0

    def keep(self) -> None:
        """Wait until the next call may go."""
        if (early := self._next_call - self._now()) > 0:
            self._wait(early)
        self._next_call = self._now() + self._seconds


class AgentCore:
    """The control plane, called by operation name and at a pace that never takes the account's quota."""

    def __init__(self, client: "BedrockAgentCoreControlClient", pace: Pace | None = None) -> None:
        """`client` is a boto3 `bedrock-agentcore-control` client."""
        self._client = client
        self._pace = pace or Pace()

    def call(self, operation: str, **arguments: Any) -> Answer:
        """The operation's answer; raises Transient or Permanent."""
        with translated(self._api_name(operation)):
            return self._call(operation, arguments)

    def find(self, operation: str, **arguments: Any) -> Answer | None:
        """The operation's answer, or None when AgentCore says that there is no such thing."""
        with translated(self._api_name(operation)):
            try:
                return self._call(operation, arguments)
            except ClientError as error:
                if code_of(error) == "ResourceNotFoundException":
                    return None
                raise

    def pages(self, operation: str, *, of: str, **arguments: Any) -> Iterator[Answer]:
        """The items under `of`, of every page."""
        while True:
            page = self.call(operation, **arguments)
            yield from page[of]
            if not (token := page.get("nextToken")):
                return
            arguments["nextToken"] = token

    def _api_name(self, operation: str) -> str:
        return self._client.meta.method_to_api_mapping[operation]

    def _call(self, operation: str, arguments: Mapping[str, Any]) -> Answer:
        self._pace.keep()
        answer: Answer = getattr(self._client, operation)(**arguments)
        return answer


class AgentCoreProviders:
    """`ports.Providers` on AgentCore's control plane."""

    def __init__(self, agentcore: AgentCore) -> None:
        """`agentcore` may be shared: the pace is then kept over all calls."""
        self._agentcore = agentcore

    def names(self, kind: ProviderKind, inventory: WholeInventory) -> Iterator[ProviderName]:
        """List…CredentialProviders, page by page. Lists tell neither secrets nor sources."""
        operation = f"list_{_INFIXES[kind]}_credential_providers"
        for item in self._agentcore.pages(operation, of="credentialProviders", maxResults=_PAGE_SIZES[kind]):
            yield ProviderName(inventory.account, inventory.region, kind, item["name"])

    def get(self, name: ProviderName) -> Provider | None:
        """Get…CredentialProvider, its EXTERNAL references and certificates."""
        answer = self._agentcore.find(f"get_{_INFIXES[name.kind]}_credential_provider", name=name.name)
        return _provider(name, answer) if answer else None


class AgentCoreGateways:
    """`ports.Gateways` on AgentCore's control plane."""

    def __init__(self, agentcore: AgentCore) -> None:
        """`agentcore` may be shared: the pace is then kept over all calls."""
        self._agentcore = agentcore

    def names(self, inventory: WholeInventory) -> Iterator[GatewayName]:
        """ListGateways, page by page."""
        for item in self._agentcore.pages("list_gateways", of="items"):
            yield GatewayName(inventory.account, inventory.region, item["gatewayId"])

    def get(self, name: GatewayName) -> Gateway | None:
        """GetGateway, ListGatewayTargets and one GetGatewayTarget each. A target that goes meanwhile is left out."""
        gateway = self._agentcore.find("get_gateway", gatewayIdentifier=name.gateway_id)
        if gateway is None:
            return None
        targets = self._agentcore.pages("list_gateway_targets", of="items", gatewayIdentifier=name.gateway_id)
        consumers = frozenset(
            consumer for target in targets for consumer in self._consumers(name, gateway, target["targetId"])
        )
        return Gateway(name, gateway["gatewayArn"], consumers)

    def _consumers(self, name: GatewayName, gateway: Answer, target_id: str) -> Iterator[Consumer]:
        target = self._agentcore.find("get_gateway_target", gatewayIdentifier=name.gateway_id, targetId=target_id)
        for provider_arn in _providers_used_by(target or {}):
            yield Consumer(
                provider_arn=provider_arn,
                target_id=target_id,
                target=(target or {}).get("name", target_id),
                gateway=gateway["name"],
                gateway_arn=gateway["gatewayArn"],
                role_arn=gateway.get("roleArn"),
            )


def _providers_used_by(target: Answer) -> Iterator[str]:
    """credentialProviderConfigurations[].credentialProvider.{oauth…,apiKey…}.providerArn; IAM has none."""
    for configuration in target.get("credentialProviderConfigurations") or ():
        for provider in configuration.get("credentialProvider", {}).values():
            if arn := provider.get("providerArn"):
                yield arn


def _provider(name: ProviderName, answer: Answer) -> Provider:
    arn = answer["credentialProviderArn"]
    found = [*_external_secrets(answer), *_certificates(answer)]
    references = (
        Reference(arn, name, field, secret_arn, json_key)
        for field, secret_arn, json_key in found
        if _is_full_arn(secret_arn)
    )
    incomplete = (field for field, secret_arn, _ in found if not _is_full_arn(secret_arn))
    return Provider(arn, name, frozenset(references), _status(answer), frozenset(incomplete))


def _status(answer: Answer) -> ProviderStatus:
    """Only OAuth2 providers have one."""
    return ProviderStatus(answer.get("status"), answer.get("failureReason"))


def _external_secrets(answer: Answer) -> Iterator[tuple[str, str, str | None]]:
    """Field, secret ARN and JSON key of each EXTERNAL source: of the provider itself, or of its payment vendor."""
    for part in (answer, *answer.get("providerConfigurationOutput", {}).values()):
        for stem, field in _FIELDS.items():
            # An absent source is not EXTERNAL: the secret may be AgentCore's own, which is never watched.
            if part.get(f"{stem}Source") == "EXTERNAL":
                yield field, part.get(f"{stem}Arn", {}).get("secretArn", ""), part.get(f"{stem}JsonKey")


def _certificates(answer: Answer) -> Iterator[tuple[str, str, None]]:
    """The private certificate authorities of a custom OAuth2 provider: whole secrets, without JSON key."""
    custom = answer.get("oauth2ProviderConfigOutput", {}).get("customOauth2ProviderConfig", {})
    for certificate in custom.get("certificateConfigurations") or ():
        if "secretsManager" in certificate:
            yield "certificate", certificate["secretsManager"].get("secretArn", ""), None


def _is_full_arn(text: str) -> bool:
    try:
        return bool(SecretId.of_arn(text).arn)
    except ValueError:
        return False
