"""Providers as AgentCore creates and deletes them, and the credentials that it hands out."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, ParamValidationError

from secretwatch.adapters.agentcore import INFIXES, AgentCore, provider_of
from secretwatch.adapters.aws import code_of, translated
from secretwatch.domain.onboarding.errors import ProviderRefused
from secretwatch.domain.onboarding.onboarding import Held, Pointer
from secretwatch.domain.onboarding.request import OWN_TAG, client_of
from secretwatch.domain.reference import ProviderName
from secretwatch.errors import Permanent, Transient

if TYPE_CHECKING:
    from mypy_boto3_bedrock_agentcore_control import BedrockAgentCoreControlClient

WORKLOAD_IDENTITY = "secretwatch-onboarding"
"""The workload identity that is kept for fetching a credential once."""

_REASON_LIMIT = 500  # characters of AgentCore's own words
_QUOTA = {"ServiceQuotaExceededException", "ResourceLimitExceededException"}


class AgentCoreTokenVault:
    """`ports.TokenVault` on AgentCore's control plane."""

    def __init__(self, client: "BedrockAgentCoreControlClient") -> None:
        """`client` is a boto3 `bedrock-agentcore-control` client."""
        self._agentcore = AgentCore(client)
        self._client: Any = client

    def find(self, name: ProviderName) -> Held | None:
        """Get…CredentialProvider."""
        answer = self._agentcore.find(f"get_{INFIXES[name.kind]}_credential_provider", name=name.name)
        if answer is None:
            return None
        provider = provider_of(name, answer)
        return Held(
            arn=provider.arn,
            pointers=frozenset(map(Pointer.of, provider.references)),
            incomplete=provider.incomplete,
            vendor=answer.get("credentialProviderVendor"),
            client=_client_of(answer),
            callback_url=answer.get("callbackUrl"),
            status=provider.status.status,
            failure_reason=provider.status.failure_reason,
        )

    def maker(self, arn: str) -> str | None:
        """ListTagsForResource.

        Its model knows no ARN with a digit in its kind, as an OAuth2 provider's: where AgentCore keeps to that, it
        shows no tags.
        """
        with translated("ListTagsForResource"):
            try:
                tags: Mapping[str, str] = self._client.list_tags_for_resource(resourceArn=arn).get("tags") or {}
            except ClientError as error:
                if code_of(error) in {"ValidationException", "ResourceNotFoundException"}:
                    return None
                raise
        return tags.get(OWN_TAG)

    def create(self, name: ProviderName, body: Mapping[str, Any], *, maker: str) -> None:
        """Create…CredentialProvider, with the request's own tags and ours."""
        operation = f"create_{INFIXES[name.kind]}_credential_provider"
        api_name = self._client.meta.method_to_api_mapping[operation]
        tagged = {**body, "tags": {**body.get("tags", {}), OWN_TAG: maker}}
        with translated(api_name):
            try:
                getattr(self._client, operation)(**tagged)
            except ClientError as error:
                if _is_refusal(error):
                    raise ProviderRefused(_reason(api_name, error)) from error
                raise
            except ParamValidationError:  # its text quotes what was sent
                raise ProviderRefused(f"{api_name}: the request is not of its form") from None

    def delete(self, name: ProviderName) -> None:
        """Delete…CredentialProvider, which takes one that is gone."""
        self._agentcore.find(f"delete_{INFIXES[name.kind]}_credential_provider", name=name.name)


def _client_of(answer: Mapping[str, Any]) -> Mapping[str, str]:
    """As the vendor's configuration shows it, of providers that have one."""
    parts = (answer.get("oauth2ProviderConfigOutput") or answer.get("providerConfigurationOutput") or {}).values()
    return client_of(next(iter(parts), {}))


_CLIENT_ERROR, _SERVER_ERROR = 400, 500


def _is_refusal(error: ClientError) -> bool:
    """Everything but throttling and failures of AgentCore's own."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", _CLIENT_ERROR)
    return status < _SERVER_ERROR and code_of(error) not in {"ThrottlingException", "InternalServerException"}


def _reason(api_name: str, error: ClientError) -> str:
    """AgentCore's own words name the field. What was sent holds no secret, or it would not have been sent."""
    code, said = code_of(error), str(error.response.get("Error", {}).get("Message") or "").strip()
    fields: Any = error.response.get("fieldList") or ()
    named = "; ".join(f"{one.get('name')}: {one.get('message')}" for one in fields)
    words = (named or said)[:_REASON_LIMIT].rstrip(". ")
    if code in _QUOTA:
        hint = ". Delete a provider that nobody needs, or ask AWS for a higher quota"
        return f"{api_name}: {code}{f': {words}' if words else ''}{hint}"
    return f"{api_name}: {code}{f': {words}' if words else ''}"


class AgentCoreVending:
    """`ports.Vending` on AgentCore's data plane."""

    def __init__(self, control: "BedrockAgentCoreControlClient", data: Any) -> None:
        """`control` makes the workload identity when there is none yet, `data` hands out what it may have."""
        self._control = AgentCore(control)
        self._data = data

    def vend(self, provider: str) -> None:
        """GetWorkloadAccessToken, then GetResourceApiKey; the answer is dropped unread."""
        token = self._token()
        if token is None:
            self._control.call("create_workload_identity", name=WORKLOAD_IDENTITY)
            token = self._token()
        if token is None:
            raise Transient("GetWorkloadAccessToken: the workload identity is too new")
        with translated("GetResourceApiKey"):
            answer = self._data.get_resource_api_key(
                workloadIdentityToken=token, resourceCredentialProviderName=provider
            )
        if not answer.get("apiKey"):
            raise Permanent("GetResourceApiKey: an empty answer")

    def _token(self) -> str | None:
        """None while there is no workload identity."""
        with translated("GetWorkloadAccessToken"):
            try:
                answer = self._data.get_workload_access_token(workloadName=WORKLOAD_IDENTITY)
            except ClientError as error:
                if code_of(error) == "ResourceNotFoundException":
                    return None
                raise
        token: str = answer["workloadAccessToken"]
        return token
