"""Changes: what an event says happened. An event tells where to look, never what is true."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

from secretwatch.domain.consumer import GatewayName
from secretwatch.domain.reference import ProviderKind, ProviderName
from secretwatch.domain.secret import SecretId

Json: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WholeInventory:
    """Every provider of an account and Region."""

    account: str
    region: str


Subject: TypeAlias = SecretId | ProviderName | GatewayName | WholeInventory


@dataclass(frozen=True, slots=True)
class Change:
    """Something happened to `subject`: `what` is the producer's own name for it, `at` its time."""

    what: str
    subject: Subject
    at: datetime
    event_id: str

    @property
    def is_request(self) -> bool:
        """Whether Secretwatch itself asked, rather than something having happened."""
        return self.what in set(Request)


class UnknownChange(ValueError):
    """The event names nothing that we could look at; the message says what it was."""


_SECRET_SOURCES = {"aws.secretsmanager", "aws.tag"}
_AGENTCORE = "aws.bedrock-agentcore"
_PROVIDER_EVENTS = {
    f"{verb}{infix}CredentialProvider": kind
    for verb in ("Create", "Update", "Delete")
    for infix, kind in (
        ("ApiKey", ProviderKind.API_KEY),
        ("Oauth2", ProviderKind.OAUTH2),
        ("Payment", ProviderKind.PAYMENT),
    )
}


def read_change(text: str) -> Change:
    """Read a queue record's body; raises UnknownChange as `parse_change` does, and when it is not JSON."""
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        raise UnknownChange("not JSON") from None
    return parse_change(event)


def parse_change(event: Any) -> Change:
    """Read one event as EventBridge delivers it, or one of our own requests.

    A secret may be named by full ARN, partial ARN or name, in any of the places that the event families use
    (docs: Secrets Manager, "CloudTrail entries"; EventBridge reference, "Secret Label Updated").
    Raises UnknownChange when the event names neither a secret, nor a provider, nor an inventory.
    """
    match event:
        case {
            "source": str(source),
            "detail-type": str(detail_type),
            "account": str(account),
            "region": str(region),
            "id": str(event_id),
            "time": str(time),
            "detail": dict(detail),
        }:
            name, resources = detail.get("eventName"), event.get("resources")
            envelope = _Envelope(
                source=source,
                what=name if isinstance(name, str) and name else detail_type,
                account=account,
                region=region,
                resources=resources if isinstance(resources, list) else [],
                detail=detail,
            )
            return Change(envelope.what, _subject(envelope), _instant(time), event_id)
    raise UnknownChange("not an EventBridge event")


@dataclass(frozen=True, slots=True)
class _Envelope:
    """The parts of an event that tell its subject; `part` never fails on one that is null, absent or misshapen."""

    source: str
    what: str
    account: str
    region: str
    resources: list[object]
    detail: Json

    def part(self, name: str) -> Json:
        part = self.detail.get(name)
        return part if isinstance(part, dict) else {}

    def secret(self, text: str) -> SecretId:
        return SecretId.parse(text, account=self.account, region=self.region)

    def provider(self, kind: ProviderKind, name: object) -> ProviderName:
        if isinstance(name, str) and name:
            return ProviderName(self.account, self.region, kind, name)
        raise UnknownChange(f"event {self.what!r} names no provider")


def _subject(event: _Envelope) -> Subject:
    if event.source in _SECRET_SOURCES:
        return _secret(event)
    if event.source == _AGENTCORE and event.what in _PROVIDER_EVENTS:
        return event.provider(_PROVIDER_EVENTS[event.what], event.part("requestParameters").get("name"))
    if event.source == REQUESTS:
        return _requested(event)
    if (event.source, event.what) == ("aws.events", "Scheduled Event"):
        return WholeInventory(event.account, event.region)
    raise UnknownChange(f"{event.source} event {event.what!r} is of no known kind")


def _secret(event: _Envelope) -> SecretId:
    for text in _secret_texts(event):
        try:
            return event.secret(text)
        except ValueError:
            continue
    raise UnknownChange(f"event {event.what!r} names no secret")


def _secret_texts(event: _Envelope) -> Iterator[str]:
    """Every text that may name the secret, the most exact first: full ARNs come before what a caller typed."""
    request, response = event.part("requestParameters"), event.part("responseElements")
    service = event.part("additionalEventData") or event.part("serviceEventDetails")
    candidates = [
        *event.resources,
        response.get("arn"),
        response.get("aRN"),  # some operations before February 2024
        service.get("SecretId"),
        service.get("secretId"),
        service.get("ARN"),  # Start-, Cancel- and EndSecretVersionDelete
        request.get("secretId"),
    ]
    return (text for text in candidates if isinstance(text, str))


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise UnknownChange("the event's time is malformed") from None
    if instant.tzinfo is None:
        raise UnknownChange("the event's time has no zone")
    return instant


# Our own requests: the work that one function hands to another, in the envelope of an event.

REQUESTS = "secretwatch"


class Request(StrEnum):
    """What one part of Secretwatch asks of another, as the message's detail-type."""

    CHECK = "Check Requested"
    PROVIDER_READ = "Provider Read Requested"
    GATEWAY_READ = "Gateway Read Requested"
    INVENTORY = "Inventory Requested"


def request(subject: Subject, *, at: datetime, request_id: str) -> dict[str, Any]:
    """The message that asks to look at `subject`; `parse_change` reads it back."""
    what, detail = _request_of(subject)
    return {
        "source": REQUESTS,
        "detail-type": what.value,
        "account": subject.account,
        "region": subject.region,
        "id": request_id,
        "time": at.isoformat(),
        "detail": detail,
    }


def _request_of(subject: Subject) -> tuple[Request, dict[str, str]]:
    match subject:
        case SecretId():
            return Request.CHECK, {"secretId": subject.arn or subject.name}
        case ProviderName():
            return Request.PROVIDER_READ, {"kind": subject.kind.value, "name": subject.name}
        case GatewayName():
            return Request.GATEWAY_READ, {"gatewayId": subject.gateway_id}
        case WholeInventory():
            return Request.INVENTORY, {}


def _requested(event: _Envelope) -> Subject:
    try:
        match event.what, event.detail:
            case Request.CHECK, {"secretId": str(text)}:
                return event.secret(text)
            case Request.PROVIDER_READ, {"kind": str(kind), "name": name}:
                return event.provider(ProviderKind(kind), name)
            case Request.GATEWAY_READ, {"gatewayId": str(gateway_id)}:
                return GatewayName(event.account, event.region, gateway_id)
            case Request.INVENTORY, _:
                return WholeInventory(event.account, event.region)
    except ValueError:  # neither a secret nor a kind of provider: refused below, like every other misfit
        pass
    raise UnknownChange(f"request {event.what!r} names nothing to look at")
