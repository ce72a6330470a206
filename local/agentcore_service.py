"""AgentCore as a service of the embedded AWS: moto, with ``local.agentcore_identity``, inside MiniStack's process.

Only the server's process imports this. moto serves the control plane's operations that it has and Identity's data
plane, MiniStack the rest.
"""

from __future__ import annotations

import json
import re
from contextvars import ContextVar
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from ministack.core.iam_evaluator import AuthError, EvalContext, EvalResult, enforce, evaluate_resource_policy
from ministack.core.responses import get_account_id, get_region
from ministack.core.router import extract_access_key_id
from ministack.services import secretsmanager
from moto.core.request import Request as MotoRequest
from moto.core.utils import camelcase_to_underscores

from local import agentcore_identity, cloudtrail, kms_patches, recorder, secretsmanager_patches
from local.agentcore_identity import CONTROL_PLANE, DATA_PLANE, DIRECTORY, VAULT, SecretReader
from local.cloudtrail import Answer, Failure, Message, Request, Service, Success

if TYPE_CHECKING:
    from types import ModuleType

    from local.recorder import Handler, Response

SERVICE = "bedrock-agentcore"
PRINCIPAL = f"{SERVICE}.amazonaws.com"

_headers: ContextVar[dict[str, str]] = ContextVar("headers")
"""The headers of the request under way: who asks AgentCore for a credential."""


def install(app: ModuleType) -> None:
    """Serve AgentCore from moto; referenced secrets are MiniStack's."""
    agentcore_identity.install(MiniStackSecrets(authorize=app.AUTH))
    app.SERVICE_HANDLERS[SERVICE] = _served_by_moto(app.SERVICE_HANDLERS[SERVICE], authorize=app.AUTH)


def _served_by_moto(ministack: Handler, *, authorize: bool) -> Handler:
    async def call(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Response:
        message = Message(method, path, headers, body, query)
        found = _read(message)
        if found is None:
            return await ministack(method, path, headers, body, query)
        plane, request = found
        if authorize and (refusal := _refusal(request, headers)):
            return refusal
        _headers.set(headers)
        return _ask_moto(plane, message)

    return call


def _read(message: Message) -> tuple[str, Request] | None:
    """Read a call that moto serves, with the plane that it goes to."""
    request = cloudtrail.read_rest_request(SERVICE, CONTROL_PLANE, message)
    if request is not None:
        attribute = camelcase_to_underscores(request.operation.name)
        return (CONTROL_PLANE, request) if hasattr(agentcore_identity.RESPONSES[CONTROL_PLANE], attribute) else None
    request = cloudtrail.read_rest_request(SERVICE, DATA_PLANE, message)
    if request is None or request.operation.name not in agentcore_identity.OPERATIONS[DATA_PLANE]:
        return None
    return DATA_PLANE, request


def _ask_moto(plane: str, message: Message) -> Response:
    """Hand the call to moto at once: it answers from memory, within the server's loop."""
    host = f"https://{plane}.{get_region()}.amazonaws.com"
    path = _quoted(message.path)
    query = f"?{urlencode(message.query, doseq=True)}" if message.query else ""
    request = MotoRequest.from_primitives(message.method, f"{host}{path}{query}", message.headers, message.body)
    status, headers, body = agentcore_identity.RESPONSES[plane].dispatch(request)
    wanted = {name: value for name, value in headers.items() if name.lower() in ("content-type", "x-amzn-errortype")}
    return status, wanted, body if isinstance(body, bytes) else body.encode()


def _quoted(path: str) -> str:
    """Quote a path again, which MiniStack has decoded: an ARN in it holds slashes of its own."""
    if path.startswith("/tags/"):
        return "/tags/" + quote(path.removeprefix("/tags/"), safe="")
    return quote(path)


# --- Secrets


class MiniStackSecrets:
    """MiniStack's Secrets Manager, which AgentCore reads as its controls say; CloudTrail hears of each read."""

    def __init__(self, *, authorize: bool) -> None:
        """Say whether policies count."""
        self._authorize = authorize

    def find(self, secret_id: str, _account: str, _region: str) -> str | None:
        """Return the full ARN of the secret with this name or ARN, or None when there is none."""
        _, secret = secretsmanager._resolve(secret_id)
        return str(secret["ARN"]) if secret else None

    def read(self, arn: str, reader: SecretReader) -> str:
        """Return the secret's current value."""
        request = Request("secretsmanager", _GET_SECRET_VALUE, {"SecretId": arn})
        answer = self._ask(arn, reader)
        recorder.record(request, answer, _reads_as(reader))
        match answer:
            case Failure("AccessDeniedException", message):
                raise agentcore_identity.AccessDeniedError(arn, message)
            case Failure("ResourceNotFoundException", message):
                raise agentcore_identity.NotFoundError(message)
            case Failure(_, message):
                raise agentcore_identity.UnusableSecretError(arn, f"cannot be read: {message}")
            case Success(output) if "SecretString" in output:
                return str(output["SecretString"])
        raise agentcore_identity.UnusableSecretError(arn, "is binary")

    def _ask(self, arn: str, reader: SecretReader) -> Answer:
        if self._authorize and (why := _why_unreadable(arn, reader) or _why_undecryptable(arn, reader)):
            return Failure("AccessDeniedException", why)
        return cloudtrail.read_answer(*secretsmanager._get_secret_value({"SecretId": arn}))


_READ = "secretsmanager:GetSecretValue"
_GET_SECRET_VALUE = cloudtrail.service_model("secretsmanager").operation_model("GetSecretValue")


def _reads_as(reader: SecretReader) -> cloudtrail.Caller | Service:
    if reader is SecretReader.SERVICE:
        return Service(PRINCIPAL)
    return replace(recorder.caller(_headers.get()), invoked_by=PRINCIPAL)


def _why_unreadable(arn: str, reader: SecretReader) -> str | None:
    """Return why the reader may not read the secret, as Secrets Manager says it, or None when it may."""
    denied = _denied_service(arn) if reader is SecretReader.SERVICE else _denied_caller(arn)
    if denied is None:
        return None
    if isinstance(denied, AuthError):
        return str(denied.message)
    kind = "resource" if reader is SecretReader.SERVICE or denied.resource_policy_arn else "identity"
    explicit = denied.decision == "Deny"
    why = f"with an explicit deny in a{'n' if kind == 'identity' else ''} {kind}-based policy"
    absent = f"because no {kind}-based policy allows the {_READ} action"
    who = denied.principal_arn
    return f"User: {who} is not authorized to perform: {_READ} on resource: {arn} {why if explicit else absent}"


def _why_undecryptable(arn: str, reader: SecretReader) -> str | None:
    """Return how KMS refuses the reader the secret's key, as Secrets Manager says it, or None when it does not."""
    decryption = secretsmanager_patches.decryption_of(arn)
    if decryption is None:
        return None
    if reader is SecretReader.SERVICE:
        allowed = decryption.is_allowed_to_service(PRINCIPAL, agentcore_identity.controls.source)
    else:
        allowed = decryption.is_allowed_to_caller(extract_access_key_id(_headers.get()))
    return None if allowed else secretsmanager_patches.KMS_REFUSES


def _denied_service(arn: str) -> EvalResult | None:
    """Ask the secret's resource policies for the service principal; for whom it calls it says only when told to."""
    policy, _ = secretsmanager.secret_policy_for_arn(arn) or ("", None)
    context = EvalContext(
        principal_arn=PRINCIPAL,
        principal_type="Service",
        principal_account="",
        action=_READ,
        resource_arn=arn,
        region=get_region(),
        service_context=kms_patches.context_of_service(PRINCIPAL, agentcore_identity.controls.source),
    )
    result = evaluate_resource_policy(policy, context, service=PRINCIPAL)
    return None if result.decision == "Allow" else result


def _denied_caller(arn: str) -> EvalResult | AuthError | None:
    """Ask the caller's own policies and the secret's: AgentCore passes the caller's session on."""
    forwarded = {"aws:ViaAWSService": "true"}
    access_key_id = extract_access_key_id(_headers.get())
    return enforce(access_key_id, _READ, "secretsmanager", get_region(), resource_arn=arn, service_context=forwarded)


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
    Assumed alike: for a workload the directory and the workload, for a credential all four.
    """
    operation, given = request.operation.name, request.parameters
    arns: list[str] = []
    if kind := re.search(r"(ApiKey|Oauth2|Payment)(CredentialProvider|Token)|Resource(ApiKey)", operation):
        name = given.get("resourceCredentialProviderName") or given.get("name", "*")
        arns += [VAULT, f"{VAULT}/{(kind[1] or kind[3]).lower()}credentialprovider/{name}"]
    if "Workload" in operation or "workloadIdentityToken" in given:
        arns += [DIRECTORY, f"{DIRECTORY}/workload-identity/{_workload(given)}"]
    if "TokenVault" in operation:
        arns = [VAULT]
    if "gatewayIdentifier" in given:
        arns = [f"gateway/{given['gatewayIdentifier']}"]
    return [prefix + arn for arn in arns] or [given.get("resourceArn", "*")]


def _workload(given: dict[str, Any]) -> str:
    token = given.get("workloadIdentityToken")
    named = agentcore_identity.workload_of(token) if isinstance(token, str) else given.get("workloadName")
    return str(named or given.get("name", "*"))


def _denied(message: str) -> Response:
    headers = {"Content-Type": "application/json", "x-amzn-errortype": "AccessDeniedException"}
    return 403, headers, json.dumps({"message": message}).encode()
