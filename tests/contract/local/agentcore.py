"""How tests speak to AgentCore Identity: arguments of calls, and what comes back."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.session import get_session

from local.agentcore_identity import CONTROL_PLANE, DATA_PLANE

ACCOUNT = "123456789012"
MODELS = {service: get_session().get_service_model(service) for service in (CONTROL_PLANE, DATA_PLANE)}
CREATE_OAUTH2: Any = MODELS[CONTROL_PLANE].operation_model("CreateOauth2CredentialProvider").input_shape
VENDORS = CREATE_OAUTH2.members["credentialProviderVendor"].enum
DISCOVERY = {"discoveryUrl": "https://idp.example/.well-known/openid-configuration"}
PRIVATE_ENDPOINT = {
    "selfManagedLatticeResource": {"resourceConfigurationIdentifier": "rcfg-0123456789abcdefg"},
}

COINBASE = ("apiKeySecret", "walletSecret")
STRIPE = ("appSecret", "authorizationPrivateKey")


def external(secret_id: str, json_key: str = "apiKey") -> dict[str, Any]:
    return {"apiKeySecretSource": "EXTERNAL", "apiKeySecretConfig": {"secretId": secret_id, "jsonKey": json_key}}


def google(**configuration: Any) -> dict[str, Any]:
    return {
        "credentialProviderVendor": "GoogleOauth2",
        "oauth2ProviderConfigInput": {"googleOauth2ProviderConfig": {"clientId": "client", **configuration}},
    }


def client_secret(secret_id: str) -> dict[str, Any]:
    return {"clientSecretSource": "EXTERNAL", "clientSecretConfig": {"secretId": secret_id, "jsonKey": "secret"}}


def vendor_configuration(vendor: str, **configuration: Any) -> dict[str, Any]:
    member = f"{vendor[0].lower()}{vendor[1:]}ProviderConfig"
    if member not in CREATE_OAUTH2.members["oauth2ProviderConfigInput"].members:
        member = "includedOauth2ProviderConfig"
    if member.startswith("custom"):
        configuration["oauthDiscovery"] = DISCOVERY
    return {
        "credentialProviderVendor": vendor,
        "oauth2ProviderConfigInput": {member: {"clientId": "client", **configuration}},
    }


def references(*fields: str, to: str = "team/weather") -> dict[str, Any]:
    """Members that reference a secret for each field, at a JSON key of the field's own name."""
    sources = {f"{field}Source": "EXTERNAL" for field in fields}
    configs = {f"{field}Config": {"secretId": to, "jsonKey": field} for field in fields}
    return {**sources, **configs}


def coinbase(**configuration: Any) -> dict[str, Any]:
    return {
        "credentialProviderVendor": "CoinbaseCDP",
        "providerConfigurationInput": {"coinbaseCdpConfiguration": {"apiKeyId": "id", **configuration}},
    }


def stripe(**configuration: Any) -> dict[str, Any]:
    members = {"appId": "app", "authorizationId": "authorization", **configuration}
    return {
        "credentialProviderVendor": "StripePrivy",
        "providerConfigurationInput": {"stripePrivyConfiguration": members},
    }


def body(response: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in response.items() if name != "ResponseMetadata"}


def refusal(call: Any, **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def is_declared(operation: str, code: str) -> bool:
    service = next(service for service, model in MODELS.items() if operation in model.operation_names)
    return code in {shape.name for shape in MODELS[service].operation_model(operation).error_shapes}
