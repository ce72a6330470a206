"""Changes: what an event says happened. An event tells where to look, never what is true."""

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias, TypeVar

from secretwatch.domain.consumer import GatewayName
from secretwatch.domain.key import KeyId
from secretwatch.domain.observed import AGENTCORE, READS, FailedRotation, Observation, ObservedRead
from secretwatch.domain.reference import ProviderKind, ProviderName
from secretwatch.domain.secret import SecretId

Json: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WholeInventory:
    """Every provider of an account and Region."""

    account: str
    region: str


@dataclass(frozen=True, slots=True)
class RunningSweep:
    """A sweep of an account and Region that has begun and is to be carried on."""

    account: str
    region: str
    sweep_id: str


Subject: TypeAlias = SecretId | KeyId | ProviderName | GatewayName | WholeInventory | RunningSweep


@dataclass(frozen=True, slots=True)
class Change:
    """Something happened to `subjects`, one at least: `what` is the producer's own name for it, `at` its time.

    `actor` did it: a role or a user by its ARN, or a service by its name; None where the event does not say.
    `own_write` says that the actor is one of Secretwatch's own roles. `read` is set when the event is no change at all,
    but AgentCore's own read of the secret. `replay` names the replay of an archive that the event came from.
    """

    what: str
    subjects: tuple[Subject, ...]
    at: datetime
    event_id: str
    actor: str | None = None
    own_write: bool = False
    read: ObservedRead | None = None
    replay: str | None = None

    @property
    def subject(self) -> Subject:
        """The first of the subjects, and mostly the only one."""
        return self.subjects[0]

    @property
    def to_look_up(self) -> tuple[Subject, ...]:
        """The subjects as the Registry has to be asked for them.

        A secret that was created is looked up by its name: those who depended on one of that name, which is gone,
        name it by another suffix.
        """
        if self.what == "CreateSecret":
            return tuple(replace(one, arn=None) if isinstance(one, SecretId) else one for one in self.subjects)
        return self.subjects

    @property
    def observation(self) -> Observation | None:
        """What the event tells that nobody can read later."""
        return FailedRotation(self.at) if self.what == "RotationFailed" else self.read

    @property
    def is_request(self) -> bool:
        """Whether Secretwatch itself asked, rather than something having happened."""
        return self.what in set(Request)


class UnknownChange(ValueError):
    """The event names nothing that we could look at; the message says what it was, in one sentence."""


class NoEvent(UnknownChange):
    """It is not even an event as EventBridge delivers them."""


def read_change(text: str, *, own_roles: Collection[str] = ()) -> Change:
    """Read a queue record's body; raises UnknownChange as `parse_change` does, and when it is not JSON."""
    try:
        event = json.loads(text)
    except RecursionError:
        raise NoEvent("JSON that is nested too deeply to be an event") from None
    except ValueError:
        raise NoEvent("not JSON") from None
    return parse_change(event, own_roles=own_roles)


def parse_change(event: Any, *, own_roles: Collection[str] = ()) -> Change:
    """Read one event as EventBridge delivers it, or one of our own requests.

    A subject may be named in any of the forms and places that the event families use (docs/events.md).
    `own_roles` are Secretwatch's own roles that write, by ARN or by name.
    Raises UnknownChange when the event names neither a secret, a key, a provider, a gateway nor an inventory.
    """
    envelope = _envelope(event)
    actor = envelope.actor()
    at = _instant(envelope.time)
    return Change(
        what=envelope.what,
        subjects=_subjects(envelope),
        at=at,
        event_id=envelope.event_id,
        actor=actor,
        own_write=_is_own(actor, own_roles),
        read=_observed_read(envelope, actor, at),
        replay=envelope.replay,
    )


_RECORD = {"eventSource", "eventName", "eventVersion"}
_PARTS: Mapping[str, type] = {
    "source": str,
    "detail-type": str,
    "account": str,
    "region": str,
    "id": str,
    "time": str,
    "detail": dict,
}


def _envelope(event: object) -> "_Envelope":
    if not isinstance(event, dict):
        raise NoEvent(f"not an EventBridge event: it is {_form(event)}")
    if event.keys() >= _RECORD and "detail" not in event:
        raise NoEvent("not an EventBridge event, but the bare CloudTrail record that would be the detail of one")
    if isinstance(event.get("Records"), list):
        raise NoEvent("not an EventBridge event, but a batch of records, of which each is to be given by itself")
    for name, kind in _PARTS.items():
        if not isinstance(event.get(name), kind) or not _is_readable(event[name]):
            form = _form(event[name]) if name in event else "missing"
            raise NoEvent(f"not an EventBridge event: its {name} is {form}")
    name, resources, replay = event["detail"].get("eventName"), event.get("resources"), event.get("replay-name")
    return _Envelope(
        source=event["source"],
        what=name if isinstance(name, str) and name and _is_readable(name) else event["detail-type"],
        account=event["account"],
        region=event["region"],
        event_id=event["id"],
        time=event["time"],
        resources=resources if isinstance(resources, list) else [],
        detail=event["detail"],
        replay=replay if isinstance(replay, str) and _is_readable(replay) else None,
    )


_LONGEST = 2048  # no name in AWS is longer


def _is_readable(value: object) -> bool:
    """Whether a text can be logged and shown as it is."""
    return not isinstance(value, str) or (value.isprintable() and len(value) <= _LONGEST)


def _form(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text" if _is_readable(value) else "no readable text"
        case list():
            return "a list"
    return "an object"


@dataclass(frozen=True, slots=True)
class _Envelope:
    """The parts of an event that tell its subject; `part` never fails on one that is null, absent or misshapen."""

    source: str
    what: str
    account: str
    region: str
    event_id: str
    time: str
    resources: list[object]
    detail: Json
    replay: str | None

    def part(self, *path: str) -> Json:
        part: object = self.detail
        for name in path:
            part = part.get(name) if isinstance(part, dict) else None
        return part if isinstance(part, dict) else {}

    def resource_arns(self) -> Iterator[object]:
        """What the event itself lists, then what the CloudTrail record in it lists."""
        yield from self.resources
        listed = self.detail.get("resources")
        for one in listed if isinstance(listed, list) else []:
            yield (one.get("ARN") or one.get("arn")) if isinstance(one, dict) else one

    def actor(self) -> str | None:
        """A role rather than its session, a user, or else the service that acted."""
        identity = self.part("userIdentity")
        issuer = self.part("userIdentity", "sessionContext", "sessionIssuer")
        texts = (issuer.get("arn"), identity.get("arn"), identity.get("invokedBy"))
        return next((text for text in texts if isinstance(text, str) and text and _is_readable(text)), None)


def _is_own(actor: str | None, own_roles: Collection[str]) -> bool:
    return actor is not None and (actor in own_roles or (":role/" in actor and actor.rsplit("/", 1)[1] in own_roles))


def _observed_read(event: _Envelope, actor: str | None, at: datetime) -> ObservedRead | None:
    if event.what not in READS or event.part("userIdentity").get("invokedBy") != AGENTCORE:
        return None
    code = event.detail.get("errorCode")
    role = None if actor == AGENTCORE else actor
    return ObservedRead(at, role, code if isinstance(code, str) and code and _is_readable(code) else None)


# What each family of events is about. The most exact place comes first: ARNs before what a caller typed.

Named = TypeVar("Named", bound=Subject)
Place: TypeAlias = Iterable[object]
"""What one place of an event holds; it may be anything, and names subjects where it is text that can be read so."""


def _subjects(event: _Envelope) -> tuple[Subject, ...]:
    subjects: tuple[Subject, ...]
    match event.source:
        case "aws.secretsmanager" | "aws.tag":
            subjects = _secrets(event)
        case "aws.kms":
            subjects = _named(_key_places(event), lambda text: _key(event, text))
        case "aws.bedrock-agentcore":
            subjects = _of_agentcore(event)
        case "aws.events" if event.what == "Scheduled Event":
            subjects = (WholeInventory(event.account, event.region),)
        case "secretwatch":  # REQUESTS, which a pattern cannot name
            subjects = (_requested(event),)
        case _:
            raise UnknownChange(f"{event.source} event {event.what!r} is of no known kind")
    if not subjects:
        raise UnknownChange(f"event {event.what!r} names no {_SUBJECT_OF[event.source]}{_if_redacted(event)}")
    return subjects


_SUBJECT_OF = {
    "aws.secretsmanager": "secret",
    "aws.tag": "secret",
    "aws.kms": "key",
    "aws.bedrock-agentcore": "provider or gateway",
}


def _if_redacted(event: _Envelope) -> str:
    """AWS writes *** in place of what it holds for sensitive."""
    request = event.part("requestParameters")
    return ": its name is redacted" if "***" in request.values() else ""


def _named(places: Iterable[Place], read: Callable[[str], Named]) -> tuple[Named, ...]:
    """All that the first place names that names any."""
    for place in places:
        found: dict[Named, None] = {}
        for text in place:
            if isinstance(text, str):
                try:
                    found[read(text)] = None
                except ValueError:
                    continue
        if found:
            return tuple(found)
    return ()


# --- secrets


def _secrets(event: _Envelope) -> tuple[SecretId, ...]:
    found = _named(_secret_places(event), lambda text: _secret(event, text))
    # A replica in another account has a policy and a key of its own. One in another Region is watched by a stack there.
    replicas = [[event.part("requestParameters").get("crossAccountReplicaARN")]]
    return tuple(dict.fromkeys((*found, *_named(replicas, lambda text: _secret(event, text)))))


def _secret(event: _Envelope, text: str) -> SecretId:
    return SecretId.parse(text, account=event.account, region=event.region)


def _secret_places(event: _Envelope) -> Iterator[Place]:
    request, response = event.part("requestParameters"), event.part("responseElements")
    yield event.resource_arns()
    yield [response.get("arn")]
    yield [response.get("aRN")]  # some operations before February 2024
    for service in (event.part("additionalEventData"), event.part("serviceEventDetails")):
        yield [service.get("SecretId")]
        yield [service.get("secretId")]
        yield [service.get("ARN")]  # Start-, Cancel- and EndSecretVersionDelete
        yield [service.get("Name")]
    yield [request.get("secretId")]
    ids = request.get("secretIdList")
    yield ids if isinstance(ids, list) else []
    yield [request.get("name")]  # CreateSecret
    yield _refused_resource(event)


_ON_RESOURCE = re.compile(r"is not authorized to perform: \S+ on resource: (\S+)")


def _refused_resource(event: _Envelope) -> Place:
    """A call that was refused may come without its parameters: IAM's message says on what."""
    message = event.detail.get("errorMessage")
    return _ON_RESOURCE.findall(message) if isinstance(message, str) else []


# --- keys


def _key(event: _Envelope, text: str) -> KeyId:
    return KeyId.parse(text, account=event.account, region=event.region)


def _key_places(event: _Envelope) -> Iterator[Place]:
    request = event.part("requestParameters")
    yield event.resource_arns()  # of an alias's change, the alias and the key
    yield [event.part("responseElements").get("keyId")]  # since December 2022
    yield [request.get("aliasName"), request.get("targetKeyId")]
    yield [request.get("keyId")]
    yield [event.part("serviceEventDetails").get("keyId")]


# --- providers and gateways

_PROVIDER_EVENTS = {
    f"{verb}{infix}CredentialProvider": kind
    for verb in ("Create", "Update", "Delete")
    for infix, kind in (
        ("ApiKey", ProviderKind.API_KEY),
        ("Oauth2", ProviderKind.OAUTH2),
        ("Payment", ProviderKind.PAYMENT),
    )
}
_GATEWAY_EVENTS = {
    *(f"{verb}Gateway{what}" for verb in ("Create", "Update", "Delete") for what in ("", "Target")),
    "SynchronizeGatewayTargets",
}
_PROVIDER = re.compile(
    r"(?:arn:[^:]+:[a-z-]+:[^:]*:\d{12}:token-vault/[^/]+/[a-z0-9]+/)?(?P<name>[A-Za-z0-9_-]{1,128})"
)
_GATEWAY = re.compile(r"(?:arn:[^:]+:bedrock-agentcore:[^:]+:\d{12}:gateway/)?(?P<id>[A-Za-z0-9-]{1,128})")


def _of_agentcore(event: _Envelope) -> tuple[Subject, ...]:
    if kind := _PROVIDER_EVENTS.get(event.what):
        return _named(_provider_places(event), lambda text: _provider(event, kind, text))
    if event.what in _GATEWAY_EVENTS:
        return _named(_gateway_places(event), lambda text: _gateway(event, text))
    if event.what == "SetTokenVaultCMK":  # the vault's key protects what every provider holds
        return (WholeInventory(event.account, event.region),)
    raise UnknownChange(f"{event.source} event {event.what!r} is of no known kind")


def _provider(event: _Envelope, kind: ProviderKind, text: str) -> ProviderName:
    if found := _PROVIDER.fullmatch(text):
        return ProviderName(event.account, event.region, kind, found["name"])
    raise ValueError("not a provider's name or ARN")


def _provider_places(event: _Envelope) -> Iterator[Place]:
    response = event.part("responseElements")
    yield [event.part("requestParameters").get("name")]
    yield [response.get("name")]
    yield [response.get("credentialProviderArn")]  # a name may be redacted


def _gateway(event: _Envelope, text: str) -> GatewayName:
    if found := _GATEWAY.fullmatch(text):
        return GatewayName(event.account, event.region, found["id"])
    raise ValueError("not a gateway's id or ARN")


def _gateway_places(event: _Envelope) -> Iterator[Place]:
    response = event.part("responseElements")
    yield [response.get("gatewayId")]
    yield [event.part("requestParameters").get("gatewayIdentifier")]
    yield [response.get("gatewayArn")]
    yield event.resource_arns()


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise NoEvent("the event's time is malformed") from None
    if instant.tzinfo is None:
        raise NoEvent("the event's time has no zone")
    return instant


# Our own requests: the work that one function hands to another, in the envelope of an event.

REQUESTS = "secretwatch"


class Request(StrEnum):
    """What one part of Secretwatch asks of another, as the message's detail-type."""

    CHECK = "Check Requested"
    PROVIDER_READ = "Provider Read Requested"
    GATEWAY_READ = "Gateway Read Requested"
    INVENTORY = "Inventory Requested"
    SWEEP = "Sweep Continuation Requested"


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
        case KeyId():
            return Request.CHECK, {"keyId": subject.arn}
        case ProviderName():
            return Request.PROVIDER_READ, {"kind": subject.kind.value, "name": subject.name}
        case GatewayName():
            return Request.GATEWAY_READ, {"gatewayId": subject.gateway_id}
        case WholeInventory():
            return Request.INVENTORY, {}
        case RunningSweep():
            return Request.SWEEP, {"sweepId": subject.sweep_id}


def _requested(event: _Envelope) -> Subject:
    try:
        match event.what, event.detail:
            case Request.CHECK, {"secretId": str(text)}:
                return _secret(event, text)
            case Request.CHECK, {"keyId": str(text)}:
                return _key(event, text)
            case Request.PROVIDER_READ, {"kind": str(kind), "name": str(name)}:
                return _provider(event, ProviderKind(kind), name)
            case Request.GATEWAY_READ, {"gatewayId": str(gateway_id)}:
                return _gateway(event, gateway_id)
            case Request.INVENTORY, _:
                return WholeInventory(event.account, event.region)
            case Request.SWEEP, {"sweepId": str(sweep_id)}:
                return RunningSweep(event.account, event.region, sweep_id)
    except ValueError:  # neither a subject nor a kind of provider: refused below, like every other misfit
        pass
    if event.what in set(Request):
        raise UnknownChange(f"request {event.what!r} names nothing to look at")
    raise UnknownChange(
        "it is Secretwatch's own news, for those who listen to its bus, and no change of what it watches"
    )
