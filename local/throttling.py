"""Imposes quotas on the embedded AWS's services, in front of them; ``local.quotas`` decides.

Only the server's process imports this.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from local import cloudtrail
from local.cloudtrail import Message
from local.quotas import Quotas

if TYPE_CHECKING:
    from types import ModuleType

    from local.recorder import Handler, Response

COUNTED = ("secretsmanager", "kms", "bedrock-agentcore", "cloudtrail")

quotas = Quotas()
"""What is imposed on this process's services."""


def install(app: ModuleType) -> None:
    """Count the calls of the services that have quotas, and refuse those beyond."""
    for service in COUNTED:
        app.SERVICE_HANDLERS[service] = _limited(service, app.SERVICE_HANDLERS[service])


def _limited(service: str, handler: Handler) -> Handler:
    async def call(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Response:
        operation = _operation(service, Message(method, path, headers, body, query))
        if operation is None or quotas.admit(service, operation):
            return await handler(method, path, headers, body, query)
        return _too_many(service)

    return call


def _operation(service: str, message: Message) -> str | None:
    if service == "cloudtrail":
        return message.headers.get("x-amz-target", "").rpartition(".")[2] or None
    request = cloudtrail.read_request(service, message)
    return request.operation.name if request else None


def _too_many(service: str) -> Response:
    """Refuse as the service does: AgentCore's model says 429, the JSON services answer 400."""
    code = "ThrottlingException"
    status = 429 if service == "bedrock-agentcore" else 400
    content = "application/json" if service == "bedrock-agentcore" else "application/x-amz-json-1.1"
    headers = {"Content-Type": content, "x-amzn-errortype": code}
    return status, headers, json.dumps({"__type": code, "message": "Rate exceeded"}).encode()
