"""Alerts, in Slack: by a bot that changes its message as the incident goes on, or by incoming webhooks that cannot."""

import json
import logging
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.webhook import WebhookClient

from secretwatch.adapters.aws import translated
from secretwatch.adapters.blocks import blocks_of, summary_of
from secretwatch.domain.alert import Alert
from secretwatch.domain.finding import Verdict
from secretwatch.domain.incident import Delivery, Kind
from secretwatch.errors import Later, Permanent, Transient
from secretwatch.ports import ChannelName, Target

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

logging.getLogger("slack_sdk").setLevel(logging.CRITICAL)  # it prints messages at DEBUG; failures are told by us

DEFAULT, OWNER = "default", "owner:"
EVENT = "secretwatch_incident"
"""The type of the metadata by which a message is found again."""

_TIMEOUT_SECONDS = 5
_KNOWN_FOR = timedelta(minutes=5)  # a token that was rotated is taken up after so long, and at once when refused
_REST = timedelta(seconds=10)
_LONGEST_REST = timedelta(minutes=15)
_PASSING = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)
_REFUSED_TOKEN = frozenset({"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired"})

Clock: TypeAlias = Callable[[], datetime]


@dataclass(frozen=True, slots=True, repr=False)
class Access:
    """What the secret holds: a bot's token with channels, or webhooks; never shown.

    `places` gives a channel's id or a webhook's URL for `default`, for a severity, and for `owner:<value of the tag>`.
    """

    token: str | None
    places: Mapping[str, str]

    def route(self, owner: str | None, severity: Verdict) -> str:
        """The name of the place: the owner's own, else the severity's, else the default."""
        names = (f"{OWNER}{owner}", severity.value, DEFAULT)
        return next(name for name in names if name in self.places)


def read_access(text: str) -> Access:
    """Read the secret's value; raises Permanent, which quotes nothing of it, when it is not as docs/alerts.md says."""
    try:
        value = json.loads(text)
        if "webhook" in value or "webhooks" in value:
            token, places = None, value.get("webhooks") or {DEFAULT: value["webhook"]}
            fit = all(str(url).startswith(("https://", "http://127.0.0.1:")) for url in places.values())
        else:
            token, places = value["token"], value["channels"]
            fit = isinstance(token, str) and token.isascii() and token.isprintable() and bool(token)
        if fit and DEFAULT in places and all(isinstance(one, str) and one for one in places.values()):
            return Access(token, dict(places))
    except (AttributeError, KeyError, TypeError, ValueError):
        pass
    raise Permanent("Slack: the secret holds neither a token with channels nor a webhook") from None


class SlackAccess:
    """Reads the secret, and keeps what it says for a few minutes."""

    def __init__(
        self, client: "SecretsManagerClient", secret_arn: str, clock: Clock = lambda: datetime.now(UTC)
    ) -> None:
        """`client` is a boto3 Secrets Manager client."""
        self._client = client
        self._secret_arn = secret_arn
        self._clock = clock
        self._known: tuple[datetime, Access] | None = None

    def read(self) -> Access:
        """GetSecretValue, once in five minutes."""
        if self._known is None or self._clock() >= self._known[0]:
            with translated("Slack: GetSecretValue"):
                answer = self._client.get_secret_value(SecretId=self._secret_arn)
            self._known = self._clock() + _KNOWN_FOR, read_access(answer.get("SecretString", ""))
        return self._known[1]

    def forget(self) -> None:
        """Read it anew the next time."""
        self._known = None


class SlackChannel:
    """`ports.Channel` on a Slack workspace. A place that asks to be left alone is left alone by this whole process."""

    name = ChannelName.SLACK

    def __init__(
        self,
        access: SlackAccess,
        *,
        api_url: str,
        timeout: float = _TIMEOUT_SECONDS,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        """`api_url` is Slack's own, but for a test's; `timeout` is in seconds."""
        self._access = access
        self._api_url = api_url
        self._timeout: Any = timeout  # slack_sdk declares whole seconds, urllib takes any
        self._clock = clock
        self._rests_until: datetime | None = None

    def targets(self, owners: Collection[str | None], severity: Verdict) -> list[Target]:
        """One message for each place that an owner is routed to."""
        access = self._access.read()
        routed: dict[str, set[str | None]] = {}
        for owner in owners:
            routed.setdefault(access.route(owner, severity), set()).add(owner)
        return [
            Target(f"slack:{name}", takes_updates=access.token is not None, owners=frozenset(whose))
            for name, whose in sorted(routed.items())
        ]

    def send(self, target: Target, alert: Alert, delivery: Delivery) -> str | None:
        """A new message, or the one that stands there changed and, in its thread, what is new."""
        if self._rests_until and self._clock() < self._rests_until:
            raise Later("Slack asks to be left alone", self._rests_until)
        access = self._access.read()
        place = access.places.get(target.name.removeprefix("slack:"))
        if place is None:
            raise Permanent(f"Slack: no channel is named for {target.name}")
        with self._named_failures():
            if access.token is None:
                self._post_to(place, alert)
                return None
            bot = Bot(WebClient(access.token, self._api_url, timeout=self._timeout, retry_handlers=[]))
            return bot.tell(place, alert, delivery)

    def _post_to(self, url: str, alert: Alert) -> None:
        """A webhook's URL is a secret: it stands in no message of ours."""
        webhook = WebhookClient(url, timeout=self._timeout, retry_handlers=[])
        answer = webhook.send(text=summary_of(alert), blocks=blocks_of(alert), unfurl_links=False)
        if answer.status_code != 200:
            self._fail(answer.status_code, answer.headers, f"webhook answers {answer.status_code}")

    @contextmanager
    def _named_failures(self) -> Iterator[None]:
        try:
            yield
        except SlackApiError as error:
            answer = error.response
            code = _word(answer.get("error"))
            if code in _REFUSED_TOKEN:
                self._access.forget()
            status = 503 if code in _PASSING and answer.status_code == 200 else answer.status_code
            self._fail(status, answer.headers, code)
        except (SlackClientError, HTTPException, OSError, ValueError) as error:
            self._rests_until = self._clock() + _REST
            raise Transient(f"Slack: {type(error).__name__}") from None

    def _fail(self, status: int, headers: Mapping[str, str], what: str) -> NoReturn:
        if status == 429:
            self._rests_until = self._clock() + _retry_after(headers)
            raise Later("Slack: 429, asks to be left alone", self._rests_until) from None
        if status >= 500:
            self._rests_until = self._clock() + _REST
            raise Transient(f"Slack: {what}, {status}") from None
        raise Permanent(f"Slack: {what}") from None


class Bot:
    """Tells an incident by one message, changed in place, and replies in its thread."""

    def __init__(self, client: WebClient) -> None:
        """`client` has the bot's token."""
        self._client = client

    def tell(self, channel: str, alert: Alert, delivery: Delivery) -> str:
        """Returns where the message stands, as `channel:ts`."""
        place = delivery.place or (self._find(channel, alert) if delivery.attempted else None)
        if place is None:
            return self._post(channel, alert)
        at, ts = place.split(":")
        try:
            self._client.chat_update(channel=at, ts=ts, text=summary_of(alert), blocks=blocks_of(alert))
        except SlackApiError as error:
            if error.response.get("error") not in {"message_not_found", "cant_update_message"}:
                raise
            return self._post(channel, alert)  # somebody deleted it
        if alert.kind is not Kind.OPENED and not (delivery.attempted and self._replied(at, ts, alert)):
            self._client.chat_postMessage(
                channel=at,
                thread_ts=ts,
                text=summary_of(alert, brief=True),
                reply_broadcast=alert.kind in {Kind.REMINDED, Kind.REOPENED, Kind.WORSENED},
                metadata=_metadata(alert),
                unfurl_links=False,
            )
        return place

    def _post(self, channel: str, alert: Alert) -> str:
        answer = self._client.chat_postMessage(
            channel=channel,
            text=summary_of(alert),
            blocks=blocks_of(alert),
            metadata=_metadata(alert),
            unfurl_links=False,
        )
        return f"{answer['channel']}:{answer['ts']}"

    def _find(self, channel: str, alert: Alert) -> str | None:
        """A message that was sent and never recorded; one that we may not look for is sent again."""
        try:
            answer = self._client.conversations_history(channel=channel, include_all_metadata=True, limit=_LOOKED_AT)
        except SlackApiError as error:
            if error.response.get("error") in _MAY_NOT_LOOK:
                return None
            raise
        found = (one["ts"] for one in answer["messages"] if _payload(one).get("incident_id") == alert.incident_id)
        ts = next(found, None)
        return f"{channel}:{ts}" if ts else None

    def _replied(self, channel: str, ts: str, alert: Alert) -> bool:
        try:
            answer = self._client.conversations_replies(
                channel=channel, ts=ts, include_all_metadata=True, limit=_LOOKED_AT
            )
        except SlackApiError as error:
            if error.response.get("error") in _MAY_NOT_LOOK:
                return False
            raise
        return any(_payload(one) == _metadata(alert)["event_payload"] for one in answer["messages"])


_LOOKED_AT = 200
_MAY_NOT_LOOK = frozenset({"missing_scope", "channel_not_found", "not_in_channel"})


def _metadata(alert: Alert) -> dict[str, Any]:
    return {"event_type": EVENT, "event_payload": {"incident_id": alert.incident_id, "revision": alert.revision}}


def _payload(message: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = message.get("metadata") or {}
    payload: Mapping[str, Any] = metadata.get("event_payload") or {}
    return payload if metadata.get("event_type") == EVENT else {}


def _word(text: object) -> str:
    """Slack's own word for what went wrong; nothing else of what it answered."""
    return text if isinstance(text, str) and re.fullmatch(r"[a-z0-9_]{1,60}", text) else "no readable answer"


def _retry_after(headers: Mapping[str, str]) -> timedelta:
    text = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    return min(timedelta(seconds=int(text)), _LONGEST_REST) if str(text).isdigit() else _REST
