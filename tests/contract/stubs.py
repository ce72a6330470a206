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

    def respond(request: Any, **_: object) -> AWSResponse:
        headers: Any = {"content-type": content_type}
        return AWSResponse(request.url, 200, headers, _Raw(json.dumps(body).encode()))

    aws.meta.events.register("before-send", respond)
