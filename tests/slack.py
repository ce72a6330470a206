"""A Slack workspace on loopback: real HTTP, so that slack_sdk is tested as it is.

It keeps messages as Slack does, and answers as a test tells it to: one answer of `script` a request, then well.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

Message = dict[str, Any]

TOKEN = "xoxb-a-made-up-token"

HOOK = "hook"
"""The end of an incoming webhook's URL."""

RATE_LIMITED = "429"
BROKEN = "500"
SLOW = "slow"
"""Keeps the message, and answers when nobody waits any more."""


@dataclass
class Slack:
    """The workspace: its messages in the order in which they were posted, and every request that came."""

    url: str = ""
    messages: list[Message] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    script: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=lambda: {TOKEN})
    revoked: set[str] = field(default_factory=set)
    hooks: set[str] = field(default_factory=lambda: {HOOK})
    channels: set[str] = field(default_factory=lambda: {"C0DEFAULT", "C0DEGRADED", "C0PAYMENTS"})
    closing: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def api_url(self) -> str:
        """What a client takes for https://slack.com/api/."""
        return f"{self.url}/api/"

    @property
    def posts(self) -> list[Message]:
        """What stands in channels, as last changed."""
        return [message for message in self.messages if "thread_ts" not in message]

    def replies(self, post: Message) -> list[Message]:
        """What stands in the thread under it."""
        return [message for message in self.messages if message.get("thread_ts") == post["ts"]]

    def answer(self, method: str, token: str, body: Message) -> Message:
        """What Slack answers, in its own words."""
        if method in self.hooks:
            self._keep(method, body)
            return {"ok": True}
        if token in self.revoked:
            return {"ok": False, "error": "token_revoked"}
        if token not in self.tokens:
            return {"ok": False, "error": "invalid_auth"}
        if body.get("channel") not in self.channels:
            return {"ok": False, "error": "channel_not_found"}
        answer: Message = getattr(self, f"_{method.replace('.', '_')}")(body)
        return answer

    def _chat_postMessage(self, body: Message) -> Message:  # noqa: N802 - as Slack calls it
        message = self._keep(body["channel"], body)
        return {"ok": True, "channel": message["channel"], "ts": message["ts"]}

    def _chat_update(self, body: Message) -> Message:
        found = [one for one in self.messages if (one["channel"], one["ts"]) == (body["channel"], body["ts"])]
        for one in found:
            one.update({**body, "edits": one["edits"] + 1})
        return {"ok": True} if found else {"ok": False, "error": "message_not_found"}

    def _conversations_history(self, body: Message) -> Message:
        return {"ok": True, "messages": [one for one in self.posts if one["channel"] == body["channel"]]}

    def _conversations_replies(self, body: Message) -> Message:
        thread = [one for one in self.messages if body["ts"] in {one["ts"], one.get("thread_ts")}]
        return {"ok": True, "messages": thread}

    def _keep(self, channel: str, body: Message) -> Message:
        message = {**body, "channel": channel, "ts": f"1730536533.{len(self.messages):06}", "edits": 0}
        self.messages.append(message)
        return message


class _Handler(BaseHTTPRequestHandler):
    slack: Slack

    def do_POST(self) -> None:
        body = self._body()
        method = self.path.rsplit("/", 1)[1]
        with self.slack.lock:
            self.slack.requests.append(method)
            how = self.slack.script.pop(0) if self.slack.script else "well"
            if "/api/" not in self.path and method not in self.slack.hooks:
                how = "no_such_hook"
            answer = self._answer(how, method, body)
        if how == SLOW:
            self.slack.closing.wait(timeout=2)
        self._send(how, method, answer)

    def _answer(self, how: str, method: str, body: Message) -> Message:
        if how in {RATE_LIMITED, BROKEN}:
            return {"ok": False, "error": "ratelimited"}
        if how not in {"well", SLOW}:
            return {"ok": False, "error": how}
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        return self.slack.answer(method, token, body)

    def _send(self, how: str, method: str, answer: Message) -> None:
        status = {RATE_LIMITED: 429, BROKEN: 500}.get(how, 404 if how == "no_such_hook" else 200)
        content = b"<html>not well</html>" if how == BROKEN else json.dumps(answer).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if how == BROKEN or method == HOOK else "application/json")
            if how == RATE_LIMITED:
                self.send_header("Retry-After", "90")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except BrokenPipeError:
            pass  # nobody waited

    def _body(self) -> Message:
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if "json" in self.headers["Content-Type"]:
            return dict(json.loads(text))
        return dict(parse_qsl(text))

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def a_workspace() -> Iterator[Slack]:
    """A workspace of one's own, on a free port of loopback."""
    slack = Slack()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"slack": slack}))
    slack.url = f"http://127.0.0.1:{server.server_port}"
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    try:
        yield slack
    finally:
        slack.closing.set()
        server.shutdown()
        serving.join()
        server.server_close()
