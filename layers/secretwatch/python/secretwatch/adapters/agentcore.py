"""Credential providers, as Amazon Bedrock AgentCore Identity describes them."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from secretwatch.adapters.aws import code_of, translated
from secretwatch.domain.change import WholeInventory
from secretwatch.domain.reference import Provider, ProviderKind, ProviderName, Reference
from secretwatch.domain.secret import SecretId

if TYPE_CHECKING:
    from mypy_boto3_bedrock_agentcore_control import BedrockAgentCoreControlClient

# AgentCore allows 20 calls a second of each operation in an account, the customer's own deployments included.
# take_inventory runs at most twice at a time: together they stay under half of it.
_SECONDS_BETWEEN_CALLS = 0.2

# Where a Get answer names the reference: <stem>Arn.secretArn, <stem>JsonKey, <stem>Source (API reference).
_STEMS = {ProviderKind.API_KEY: "apiKeySecret", ProviderKind.OAUTH2: "clientSecret"}
_FIELDS = {ProviderKind.API_KEY: "apiKey", ProviderKind.OAUTH2: "clientSecret"}
_PAGE_SIZES = {ProviderKind.API_KEY: 100, ProviderKind.OAUTH2: 20}


class AgentCoreProviders:
    """`ports.Providers` on AgentCore's control plane; paced, so that it never takes the account's quota."""

    def __init__(
        self,
        client: "BedrockAgentCoreControlClient",
        *,
        now: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """`client` is a boto3 `bedrock-agentcore-control` client; `now` and `wait` are the clock of the pace."""
        self._client = client
        self._now = now
        self._wait = wait
        self._next_call = 0.0

    def names(self, kind: ProviderKind, inventory: WholeInventory) -> Iterator[ProviderName]:
        """List…CredentialProviders, page by page. Lists tell neither secrets nor sources."""
        operation = {
            ProviderKind.API_KEY: self._client.list_api_key_credential_providers,
            ProviderKind.OAUTH2: self._client.list_oauth2_credential_providers,
        }[kind]
        arguments: dict[str, Any] = {"maxResults": _PAGE_SIZES[kind]}
        while True:
            self._keep_pace()
            with translated(f"List {kind} credential providers"):
                page: Mapping[str, Any] = operation(**arguments)
            for item in page["credentialProviders"]:
                yield ProviderName(inventory.account, inventory.region, kind, item["name"])
            if not (token := page.get("nextToken")):
                return
            arguments["nextToken"] = token

    def get(self, name: ProviderName) -> Provider | None:
        """Get…CredentialProvider, its EXTERNAL references only."""
        operation = {
            ProviderKind.API_KEY: self._client.get_api_key_credential_provider,
            ProviderKind.OAUTH2: self._client.get_oauth2_credential_provider,
        }[name.kind]
        self._keep_pace()
        with translated(f"Get {name.kind} credential provider"):
            try:
                answer: Mapping[str, Any] = operation(name=name.name)
            except ClientError as error:
                if code_of(error) == "ResourceNotFoundException":
                    return None
                raise
        return _provider(name, answer)

    def _keep_pace(self) -> None:
        if (early := self._next_call - self._now()) > 0:
            self._wait(early)
        self._next_call = self._now() + _SECONDS_BETWEEN_CALLS


def _provider(name: ProviderName, answer: Mapping[str, Any]) -> Provider:
    arn, stem, field = answer["credentialProviderArn"], _STEMS[name.kind], _FIELDS[name.kind]
    # An absent source is not EXTERNAL: the secret may be AgentCore's own, which is never watched.
    if answer.get(f"{stem}Source") != "EXTERNAL":
        return Provider(arn, name, frozenset())
    secret_arn = answer.get(f"{stem}Arn", {}).get("secretArn", "")
    try:
        SecretId.of_arn(secret_arn)
    except ValueError:
        return Provider(arn, name, frozenset(), incomplete=frozenset({field}))
    return Provider(arn, name, frozenset({Reference(arn, name, field, secret_arn, answer.get(f"{stem}JsonKey"))}))
