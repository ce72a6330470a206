"""Credential providers and gateways, as Amazon Bedrock AgentCore describes them."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from secretwatch.adapters.aws import code_of, translated
from secretwatch.domain.change import WholeInventory
from secretwatch.domain.consumer import Consumer, Gateway, GatewayName
from secretwatch.domain.reference import (
    SECRET_FIELDS,
    Provider,
    ProviderKind,
    ProviderName,
    ProviderStatus,
    Reference,
)
from secretwatch.domain.secret import SecretId
from secretwatch.ports import Page, every_page

if TYPE_CHECKING:
    from mypy_boto3_bedrock_agentcore_control import BedrockAgentCoreControlClient

Answer = Mapping[str, Any]

INFIXES = {ProviderKind.API_KEY: "api_key", ProviderKind.OAUTH2: "oauth2", ProviderKind.PAYMENT: "payment"}
_PAGE_SIZES = {ProviderKind.API_KEY: 100, ProviderKind.OAUTH2: 20, ProviderKind.PAYMENT: 20}


class AgentCore:
    """The control plane, called by operation name."""

    def __init__(self, client: "BedrockAgentCoreControlClient") -> None:
        """`client` is a boto3 `bedrock-agentcore-control` client; `pace.Paces` keeps it within a share of the quota."""
        self._client = client

    def call(self, operation: str, **arguments: Any) -> Answer:
        """The operation's answer; raises Transient or Permanent."""
        with translated(self._api_name(operation)):
            return self._method(operation)(**arguments)

    def find(self, operation: str, **arguments: Any) -> Answer | None:
        """The operation's answer, or None when AgentCore says that there is no such thing."""
        with translated(self._api_name(operation)):
            try:
                return self._method(operation)(**arguments)
            except ClientError as error:
                if code_of(error) == "ResourceNotFoundException":
                    return None
                raise

    def pages(self, operation: str, *, of: str, **arguments: Any) -> Iterator[Answer]:
        """The items under `of`, of every page."""
        token: str | None = None
        while True:
            page = self.page(operation, token, **arguments)
            yield from page[of]
            if not (token := page.get("nextToken")):
                return

    def page(self, operation: str, token: str | None, **arguments: Any) -> Answer:
        """The page that the token of the one before leads to; without a token, the first."""
        return self.call(operation, **arguments, **({"nextToken": token} if token else {}))

    def _api_name(self, operation: str) -> str:
        return self._client.meta.method_to_api_mapping[operation]

    def _method(self, operation: str) -> Callable[..., Answer]:
        method: Callable[..., Answer] = getattr(self._client, operation)
        return method


class AgentCoreProviders:
    """`ports.Providers` on AgentCore's control plane."""

    def __init__(self, agentcore: AgentCore) -> None:
        """`agentcore` may be shared."""
        self._agentcore = agentcore

    def names(self, kind: ProviderKind, inventory: WholeInventory) -> Iterator[ProviderName]:
        """Every page of `page`."""
        return every_page(lambda token: self.page(kind, inventory, token))

    def page(self, kind: ProviderKind, inventory: WholeInventory, token: str | None) -> Page[ProviderName]:
        """List…CredentialProviders. Lists tell neither secrets nor sources."""
        operation = f"list_{INFIXES[kind]}_credential_providers"
        answer = self._agentcore.page(operation, token, maxResults=_PAGE_SIZES[kind])
        names = (item["name"] for item in answer["credentialProviders"])
        return Page(
            tuple(ProviderName(inventory.account, inventory.region, kind, name) for name in names),
            answer.get("nextToken") or None,
        )

    def get(self, name: ProviderName) -> Provider | None:
        """Get…CredentialProvider, its EXTERNAL references and certificates."""
        answer = self._agentcore.find(f"get_{INFIXES[name.kind]}_credential_provider", name=name.name)
        return provider_of(name, answer) if answer else None


class AgentCoreGateways:
    """`ports.Gateways` on AgentCore's control plane."""

    def __init__(self, agentcore: AgentCore) -> None:
        """`agentcore` may be shared."""
        self._agentcore = agentcore

    def names(self, inventory: WholeInventory) -> Iterator[GatewayName]:
        """Every page of `page`."""
        return every_page(lambda token: self.page(inventory, token))

    def page(self, inventory: WholeInventory, token: str | None) -> Page[GatewayName]:
        """ListGateways."""
        answer = self._agentcore.page("list_gateways", token)
        names = (GatewayName(inventory.account, inventory.region, item["gatewayId"]) for item in answer["items"])
        return Page(tuple(names), answer.get("nextToken") or None)

    def get(self, name: GatewayName) -> Gateway | None:
        """GetGateway, ListGatewayTargets and one GetGatewayTarget each. A target that goes meanwhile is left out."""
        gateway = self._agentcore.find("get_gateway", gatewayIdentifier=name.gateway_id)
        if gateway is None:
            return None
        listed = self._agentcore.pages("list_gateway_targets", of="items", gatewayIdentifier=name.gateway_id)
        targets = [target for item in listed if (target := self._target(name, item["targetId"]))]
        consumers = frozenset(consumer for target in targets for consumer in _consumers(gateway, target))
        return Gateway(name, gateway["gatewayArn"], consumers, settling=any(map(_is_settling, (gateway, *targets))))

    def _target(self, name: GatewayName, target_id: str) -> Answer | None:
        return self._agentcore.find("get_gateway_target", gatewayIdentifier=name.gateway_id, targetId=target_id)


def _consumers(gateway: Answer, target: Answer) -> Iterator[Consumer]:
    for provider_arn in _providers_used_by(target):
        yield Consumer(
            provider_arn=provider_arn,
            target_id=target["targetId"],
            target=target["name"],
            gateway=gateway["name"],
            gateway_arn=gateway["gatewayArn"],
            role_arn=gateway.get("roleArn"),
        )


def _is_settling(described: Answer) -> bool:
    """CREATING, UPDATING, DELETING or SYNCHRONIZING: AgentCore has not finished with it."""
    return str(described.get("status")).endswith("ING")


def _providers_used_by(target: Answer) -> Iterator[str]:
    """credentialProviderConfigurations[].credentialProvider.{oauth…,apiKey…}.providerArn; IAM has none."""
    for configuration in target.get("credentialProviderConfigurations") or ():
        for provider in configuration.get("credentialProvider", {}).values():
            if arn := provider.get("providerArn"):
                yield arn


def provider_of(name: ProviderName, answer: Answer) -> Provider:
    """A provider as a Get answer describes it."""
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
        for stem, field in SECRET_FIELDS.items():
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
