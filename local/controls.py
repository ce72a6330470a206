"""What a test may ask of the embedded AWS beyond the API: ``POST /_local/<subject>/<command>``, arguments as JSON.

Only the server's process imports this. The server listens on loopback alone, so these calls are unsigned.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from local.recorder import Response

PREFIX = "/_local/"


class Subject(Protocol):
    """What obeys commands."""

    def obey(self, command: str, **arguments: Any) -> Any:
        """Do it and return what there is to tell, or None; raises ValueError or TypeError for what makes no sense."""


class Methods:
    """Obeys commands by methods of these names."""

    def __init__(self, *methods: Any) -> None:
        """Take bound methods or functions."""
        self._methods = {method.__name__: method for method in methods}

    def obey(self, command: str, **arguments: Any) -> Any:
        """Call the method of this name."""
        if command not in self._methods:
            raise ValueError(f"there is no {command}")
        return self._methods[command](**arguments)


def install(app: ModuleType, subjects: Mapping[str, Subject]) -> None:
    """Answer the commands, beside MiniStack's own requests that are no service's."""
    shortcuts = app._handle_post_body_shortcuts

    async def call(*asked: Any) -> Response | None:
        method, path, _, body, *_ = asked
        if method == "POST" and path.startswith(PREFIX):
            return _answer(subjects, path.removeprefix(PREFIX), body)
        response: Response | None = await shortcuts(*asked)
        return response

    vars(app)["_handle_post_body_shortcuts"] = call


def _answer(subjects: Mapping[str, Subject], path: str, body: bytes) -> Response:
    name, _, command = path.partition("/")
    subject = subjects.get(name, Methods())
    try:
        told = subject.obey(command, **json.loads(body or b"{}"))
    except (TypeError, ValueError) as error:
        return 400, {"Content-Type": "text/plain"}, str(error).encode()
    return 200, {"Content-Type": "application/json"}, json.dumps(told).encode()
