"""AgentCore as a service of the embedded AWS: moto, with ``local.agentcore_identity``, inside MiniStack's process.

Only the server's process imports this. moto serves the control plane's operations that it has, MiniStack the rest.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from ministack.core.iam_evaluator import AuthError, enforce
from ministack.core.responses import get_account_id, get_region
from ministack.core.router import extract_access_key_id
from ministack.services import secretsmanager
from moto.bedrockagentcorecontrol.responses import BedrockAgentCoreControlResponse
from moto.core.request import Request as MotoRequest
from moto.core.utils import camelcase_to_underscores

from local import agentcore_identity, cloudtrail
from local.cloudtrail import Message, Request

if TYPE_CHECKING:
    from types import ModuleType

    from local.recorder import Handler, Response

SERVICE = "bedrock-agentcore"


def install(app: ModuleType) -> None:
    """Serve AgentCore from moto; referenced secrets are MiniStack's."""
    agentcore_identity.install(resolve_secret=_secret_arn)
    app.SERVICE_HANDLERS[SERVICE] = _served_by_moto(app.SERVICE_HANDLERS[SERVICE], authorize=app.AUTH)


def _secret_arn(secret_id: str, _account: str, _region: str) -> str | None:
    _, secret = secretsmanager._resolve(secret_id)
    return str(secret["ARN"]) if secret else None


def _served_by_moto(ministack: Handler, *, authorize: bool) -> Handler:
    async def call(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Response:
        request = cloudtrail.read_request(SERVICE, Message(method, path, headers, body, query))
        if request is None or not _moto_has(request):
            return await ministack(method, path, headers, body, query)
        if authorize and (refusal := _refusal(request, headers)):
            return refusal
        return _ask_moto(Message(method, path, headers, body, query))

    return call


def _moto_has(request: Request) -> bool:
    return hasattr(BedrockAgentCoreControlResponse, camelcase_to_underscores(request.operation.name))


def _ask_moto(message: Message) -> Response:
    """Hand the call to moto at once: it answers from memory, within the server's loop."""
    host = f"https://bedrock-agentcore-control.{get_region()}.amazonaws.com"
    path = _quoted(message.path)
    query = f"?{urlencode(message.query, doseq=True)}" if message.query else ""
    request = MotoRequest.from_primitives(message.method, f"{host}{path}{query}", message.headers, message.body)
    status, headers, body = BedrockAgentCoreControlResponse.dispatch(request)
    wanted = {name: value for name, value in headers.items() if name.lower() in ("content-type", "x-amzn-errortype")}
    return status, wanted, body if isinstance(body, bytes) else body.encode()


def _quoted(path: str) -> str:
    """Quote a path again, which MiniStack has decoded: an ARN in it holds slashes of its own."""
    if path.startswith("/tags/"):
        return "/tags/" + quote(path.removeprefix("/tags/"), safe="")
    return quote(path)


# --- IAM: MiniStack has no actions for these operations


def _refusal(request: Request, headers: dict[str, str]) -> Response | None:
    """Return how AgentCore refuses the caller, or None when IAM allows the call on all that it touches."""
    action = f"{SERVICE}:{request.operation.name}"
    for resource in resources(request, f"arn:aws:{SERVICE}:{get_region()}:{get_account_id()}:"):
        denied = enforce(extract_access_key_id(headers), action, SERVICE, get_region(), resource_arn=resource)
        if isinstance(denied, AuthError):
            return _denied(denied.message)
        if denied is not None:
            why = "with an explicit deny" if denied.decision == "Deny" else "because no identity-based policy allows it"
            who = denied.principal_arn
            return _denied(f"User: {who} is not authorized to perform: {action} on resource: {resource} {why}")
    return None


def resources(request: Request, prefix: str) -> list[str]:
    """Return the ARNs that AgentCore authorizes a call against.

    For a provider these are the token vault and the provider: a policy that names only one of them is refused on AWS.
    """
    vault = f"{prefix}token-vault/default"
    kind = re.search(r"(ApiKey|Oauth2|Payment)CredentialProvider", request.operation.name)
    if kind:
        return [vault, f"{vault}/{kind[1].lower()}credentialprovider/{request.parameters.get('name', '*')}"]
    if "TokenVault" in request.operation.name:
        return [vault]
    return [request.parameters.get("resourceArn", "*")]


def _denied(message: str) -> Response:
    headers = {"Content-Type": "application/json", "x-amzn-errortype": "AccessDeniedException"}
    return 403, headers, json.dumps({"message": message}).encode()
