"""Clients that answer what a test says."""

import io
import json
from collections.abc import Callable
from typing import Any, TypeAlias

from botocore.awsrequest import AWSResponse
from botocore.stub import Stubber


class Stub(Stubber):
    """botocore's Stubber: checks every request and response against the service model.

    `client` is of whichever service it was made for.
    """

    client: Any


MakeStub: TypeAlias = Callable[[str], Stub]
MakeClient: TypeAlias = Callable[[str], Any]


class _Raw(io.BytesIO):
    def stream(self, **_: object) -> list[bytes]:
        return [self.read()]


def answer_with(aws: Any, body: dict[str, Any], *, content_type: str = "application/x-amz-json-1.1") -> None:
    """Let the client receive this JSON through botocore's own parsing and logging: what a Stubber's answer skips."""

    aws.meta.events.register("before-send", lambda request, **_: raw(request, body, content_type=content_type))


def raw(
    request: Any, body: dict[str, Any] | str, *, status: int = 200, content_type: str = "application/x-amz-json-1.1"
) -> AWSResponse:
    """An answer as it comes from the network: JSON, or the text as it is."""
    text = body if isinstance(body, str) else json.dumps(body)
    headers: Any = {"content-type": content_type}
    return AWSResponse(request.url, status, headers, _Raw(text.encode()))
