"""Alerts: what people are told of an incident, in plain words first and the code last; never a value."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from secretwatch.domain.consumer import Consumer
from secretwatch.domain.finding import Code, Finding, Verdict
from secretwatch.domain.incident.cause import CauseKind, Part
from secretwatch.domain.incident.digest import Digest
from secretwatch.domain.incident.incident import Brief, Incident
from secretwatch.domain.incident.telling import Kind
from secretwatch.domain.key import partition_of
from secretwatch.domain.reference import ProviderKind
from secretwatch.domain.repair.prospect import Prospect
from secretwatch.domain.repair.rules import Mode
from secretwatch.domain.secret import SecretId

LISTED = 10
"""So many names are written out; the rest is counted."""

_MARKS = {Verdict.BROKEN: "🔴", Verdict.DEGRADED: "🟡"}
_GREEN = "🟢"


@dataclass(frozen=True, slots=True)
class Alert:
    """One message to people, before any channel gives it a form.

    `headline` says all in one line, about `name` within it; `place` where. `commands` are to be run, each with what it
    does; `links` lead to consoles. `attributes` let a subscription filter, `detail` is the same for programs.
    `brief` is what a reply under an earlier message says; `affected_as` is the title of what is `affected`.
    """

    kind: Kind
    mark: str
    headline: str
    name: str
    place: str
    brief: str
    incident_id: str
    revision: int
    sentences: tuple[str, ...] = ()
    affected: tuple[str, ...] = ()
    affected_as: str = "Affects"
    commands: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    codes: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """The account, by the name that people know it by if it has one, and the Region."""

    account: str
    region: str
    alias: str = ""

    def __str__(self) -> str:
        """As it stands beside every headline."""
        return f"{self.alias or self.account} · {self.region}"


def headline_of(incident: Incident) -> tuple[str, str]:
    """What the incident is in one line, as of now, and the name in it that people look for."""
    parts = incident.active or incident.parts
    name, verb = _who(parts)
    credential = _credential(parts)
    if parts and all(part.gone for part in parts):
        return f"{name} {verb('does', 'do')} not reference {_secrets(parts)} in this way any more", name
    if incident.cause.kind is CauseKind.ACCOUNT:
        name = _plural(len(parts), "reference")
        can = "can tell again" if incident.calm_since else "cannot tell"
        return f"Secretwatch {can} whether {name} {'resolves' if len(parts) == 1 else 'resolve'}", name
    if incident.calm_since:
        if incident.severity is Verdict.BROKEN:
            return f"{name} can get {verb('its', 'their')} {credential} again", name
        return f"{name} {verb('is', 'are')} in order again", name
    if not any(part.severity is Verdict.BROKEN for part in parts):
        return f"{name} {verb('works', 'work')}, but not as it should be", name
    return f"{name} can't get {verb('its', 'their')} {credential}", name


def compose(
    incident: Incident,
    kind: Kind,
    consumers: Collection[Consumer],
    place: Place,
    *,
    at: datetime,
    prospect: Prospect | None = None,
) -> Alert:
    """The message about an incident; without a `prospect`, nothing can be repaired."""
    headline, name = headline_of(incident)
    over = incident.calm_since is not None
    return Alert(
        kind=kind,
        mark=_GREEN if over else _MARKS[_worst(incident.active)],
        headline=f"{headline}{_how(incident, kind, at)}",
        name=name,
        place=str(place),
        brief=_brief(incident, kind, at),
        incident_id=incident.id,
        revision=incident.telling.revision,
        sentences=tuple(_over(incident, at) if over else _what(incident, prospect)),
        affected=tuple(_affected(incident, consumers)),
        commands=() if over else tuple(_commands(incident, prospect)),
        links=tuple(_links(incident)),
        codes=tuple(incident.codes),
        attributes=_attributes(incident, place),
        detail=detail_of(incident, kind, place),
    )


def compose_digest(digest: Digest, kind: Kind, open_ones: Collection[Brief], place: Place) -> Alert:
    """The message about many incidents at once: how many of what, and the ten worst."""
    members, open_members = set(digest.members), set(digest.still)
    listed = sorted(
        (one for one in open_ones if one.cause in members & open_members),
        key=lambda one: (one.severity is not Verdict.BROKEN, -one.references, one.opened_at, one.cause),
    )
    broken = sum(one.severity is Verdict.BROKEN for one in listed)
    over = len(digest.members) - len(digest.still)
    name = _plural(len(digest.members), "problem")
    found = "Secretwatch's first look found" if digest.first_look else "Opened together:"
    severity = Verdict.BROKEN if broken else Verdict.DEGRADED
    done = not digest.still
    state = "RESOLVED" if done else "OPEN"
    counts = ", ".join(
        f"{count} {what}"
        for count, what in ((broken, "broken"), (len(listed) - broken, "degraded"), (over, "over"))
        if count
    )
    return Alert(
        kind=kind,
        mark=_GREEN if done else _MARKS[severity],
        headline=f"Over: {name} since {_clock(digest.opened_at)}" if done else f"{found} {name}",
        name=name,
        place=str(place),
        brief=f"{_GREEN} Over: all of the {name}." if done else f"Now: {counts}.",
        incident_id=digest.id,
        revision=digest.telling.revision,
        sentences=(f"Since {_clock(digest.opened_at)}: {counts}.",) if listed else (),
        affected=tuple(f"{_MARKS[one.severity]} {one.headline}{_in_brackets(one.codes)}" for one in listed),
        affected_as="The worst first",
        commands=() if done else (("All of them", "secretwatch status"),),
        codes=tuple(dict.fromkeys(code for one in listed for code in one.codes)),
        attributes={
            "severity": severity.value,
            "account": place.account,
            "region": place.region,
            "providerKind": _SEVERAL,
            **_owner(digest.owners),
            "incidentState": state,
            "incident_id": digest.id,
        },
        detail={
            "schemaVersion": "1",
            "incident_id": digest.id,
            "account": place.account,
            "region": place.region,
            "state": state,
            "severity": severity.value,
            "owners": sorted(owner for owner in digest.owners if owner),
            "incidents": len(digest.members),
            "broken": broken,
            "degraded": len(listed) - broken,
            "over": over,
        },
    )


DETAIL_TYPES = {Kind.OPENED: "Incident Opened", Kind.RESOLVED: "Incident Resolved"}
UPDATED = "Incident Updated"


def detail_of(incident: Incident, kind: Kind, place: Place) -> dict[str, Any]:
    """The incident as other programs read it: the detail of its events, as `docs/events/` describes it."""
    return {
        "schemaVersion": "1",
        "incident_id": incident.id,
        "revision": incident.telling.revision,
        "account": place.account,
        "region": place.region,
        "change": kind.value,
        "state": incident.state.value,
        "severity": incident.severity.value,
        "cause": {"kind": incident.cause.kind.value, "subject": incident.cause.subject},
        "headline": headline_of(incident)[0],
        "codes": list(incident.codes),
        "references": {"open": len(incident.active), "total": len(incident.parts)},
        "providers": sorted({part.reference.provider_arn for part in incident.parts})[:100],
        "secrets": sorted({part.reference.secret_arn for part in incident.parts})[:100],
        "owners": sorted(owner for owner in incident.owners if owner),
        "flapping": incident.flapping,
        "openedAt": incident.opened_at.isoformat(),
        "updatedAt": incident.updated_at.isoformat(),
        "resolvedAt": incident.resolved_at.isoformat() if incident.resolved_at else None,
    }


def _attributes(incident: Incident, place: Place) -> dict[str, str]:
    """What a subscription's filter policy may ask for; an attribute of SNS is never empty."""
    kinds = sorted({part.reference.provider.kind.value for part in incident.parts})
    return {
        "severity": incident.severity.value,
        "account": place.account,
        "region": place.region,
        "providerKind": kinds[0] if len(kinds) == 1 else _SEVERAL,
        **_owner(incident.owners),
        "incidentState": incident.state.value,
        "incident_id": incident.id,
    }


_SEVERAL = "SEVERAL"


def _owner(owners: Collection[str | None]) -> dict[str, str]:
    """Absent where no secret has an owner."""
    known = sorted(owner for owner in owners if owner)
    return {"owner": known[0] if len(known) == 1 else _SEVERAL} if known else {}


# --- the headline


def _who(parts: Sequence[Part]) -> tuple[str, Any]:
    """Who is concerned, and how a verb or a pronoun agrees with that."""
    providers = sorted({part.reference.provider.name for part in parts})
    alone = len(providers) == 1
    name = providers[0] if alone else _plural(len(providers), "provider")
    return name, lambda one, many: one if alone else many


def _secrets(parts: Iterable[Part]) -> str:
    """The secret by its name, where there is one."""
    names = {SecretId.of_arn(part.reference.secret_arn).name for part in parts}
    return str(names.pop()) if len(names) == 1 else "these secrets"


def _credential(parts: Iterable[Part]) -> str:
    """The field by its name, where the provider has several."""
    fields = {
        part.reference.field
        for part in parts
        if part.reference.provider.kind is ProviderKind.PAYMENT or part.reference.field == "certificate"
    }
    return fields.pop() if len(fields) == 1 else "credential"


def _how(incident: Incident, kind: Kind, at: datetime) -> str:
    if incident.flapping:
        return " (flapping)"
    if kind is Kind.REMINDED:
        return f", for {_duration(at - incident.opened_at)} now"
    return ""


def _brief(incident: Incident, kind: Kind, at: datetime) -> str:
    """One line, for a reply."""
    match kind:
        case Kind.RESOLVED:
            lasted = _duration((incident.resolved_at or at) - incident.opened_at)
            return f"{_GREEN} Over after {lasted}. {_evidence(incident)}"
        case Kind.REMINDED:
            return f"Still open, for {_duration(at - incident.opened_at)} now: {headline_of(incident)[0]}."
        case Kind.REOPENED:
            return f"It is back: {headline_of(incident)[0]}{_how(incident, kind, at)}."
    over = len(incident.parts) - len(incident.active)
    told = f"Now: {headline_of(incident)[0]}{_how(incident, kind, at)}"
    return f"{told}; {over} of {len(incident.parts)} are well again." if over and incident.active else f"{told}."


# --- the sentences


def _what(incident: Incident, prospect: Prospect | None) -> Iterator[str]:
    for finding in _distinct(incident.active):
        yield f"{_sentence(finding.evidence)}"
    for reason in sorted({part.unknown for part in incident.active if part.unknown})[:LISTED]:
        yield f"What AWS answered: {reason}."
    yield _since(incident)
    if incident.flapping:
        yield f"It comes and goes: {_plural(len(incident.reopened) + 1, 'time')} since {_clock(incident.opened_at)}."
    yield _repairable(incident, prospect)
    for finding in _distinct(incident.active):
        yield f"What to do: {finding.remedy}"


def _over(incident: Incident, at: datetime) -> Iterator[str]:
    yield f"It lasted {_duration((incident.calm_since or at) - incident.opened_at)}, from {_clock(incident.opened_at)}."
    yield _evidence(incident)
    if incident.flapping:
        yield f"It came and went: {_plural(len(incident.reopened) + 1, 'time')} in all."
    if incident.flapping and not incident.resolved_at:
        yield "It has come back before: it counts as over once it has kept still for a time."


def _evidence(incident: Incident) -> str:
    """What shows that it is over."""
    if incident.parts and all(part.gone for part in incident.parts):
        return "Nothing references it in this way any more."
    if incident.cause.kind is CauseKind.ACCOUNT:
        return "All of it could be read again."
    read = max((part.observed_at for part in incident.parts if part.observed_at), default=None)
    return f"AgentCore read it at {_clock(read)}." if read else "Checks pass; not yet observed."


def _since(incident: Incident) -> str:
    """Since when, and after what and whose change, as far as is known."""
    first = min(incident.active, key=lambda part: (part.since, part.key))
    text = f"Since {_clock(first.since)}"
    if first.occasion:
        by = f" by {_actor(first.occasion.actor)}" if first.occasion.actor else ""
        text = f"{text}, after {first.occasion.what}{by} at {_clock(first.occasion.at, beside=first.since)}"
    if first.well_at:
        text = f"{text}; last found well at {_clock(first.well_at, beside=first.since)}"
    return f"{text}."


def _repairable(incident: Incident, prospect: Prospect | None) -> str:
    """Whether Secretwatch could mend it by itself."""
    if incident.cause.kind is CauseKind.ACCOUNT:
        return "Secretwatch needs to be let in; the last verdicts stand meanwhile."
    if prospect is None or not (prospect.waiting or Code.READER_NOT_ALLOWED in incident.codes):
        return "Secretwatch cannot repair this."
    if prospect.at_rest:
        return f"Secretwatch leaves this alone: {prospect.at_rest}."
    return "Secretwatch can repair this: its plan waits for approval." if prospect.waiting else _BY_MODE[prospect.mode]


_BY_MODE = {
    Mode.OBSERVE: "Secretwatch could repair this, and is set to observe only.",
    Mode.PROPOSE: "Secretwatch can repair this once somebody approves its plan.",
    Mode.ENFORCE: "Secretwatch repairs this by itself, where that is safe.",
}


def _approval(incident: Incident, prospect: Prospect | None) -> str | None:
    """The command by which a person lets the repair go on, where one is asked."""
    if prospect is None or prospect.at_rest:
        return None
    if prospect.waiting:
        return f"secretwatch approve {prospect.waiting}"
    proposes = prospect.mode is Mode.PROPOSE and Code.READER_NOT_ALLOWED in incident.codes
    return "secretwatch approve" if proposes else None


def _distinct(parts: Iterable[Part]) -> list[Finding]:
    """Each code once, the worst first, with the evidence of the first reference that has it."""
    found = {finding.code: finding for part in reversed(list(parts)) for finding in reversed(part.findings)}
    return sorted(found.values(), key=lambda one: (one.severity is not Verdict.BROKEN, one.code))[:LISTED]


def _affected(incident: Incident, consumers: Collection[Consumer]) -> Iterator[str]:
    parts = incident.active or incident.parts
    arns = {part.reference.provider_arn for part in parts}
    using = sorted({(one.gateway, one.target) for one in consumers if one.provider_arn in arns})
    yield from (f"gateway {gateway} → target {target}" for gateway, target in using)
    names = sorted({(part.reference.provider.name, part.reference.provider.kind.value) for part in parts})
    yield from (f"provider {name} ({kind})" for name, kind in names)


def _commands(incident: Incident, prospect: Prospect | None) -> Iterator[tuple[str, str]]:
    if approval := _approval(incident, prospect):
        yield "Approve", approval
    for finding in _distinct(incident.active):
        if finding.command:
            yield "Fix", finding.command
    secrets = sorted({SecretId.of_arn(part.reference.secret_arn).name for part in incident.active})
    if incident.cause.kind is CauseKind.ACCOUNT:
        yield "See what is missing", "secretwatch doctor"
    elif secrets:
        yield "Confirm", f"secretwatch check {secrets[0]} --wait"


def _links(incident: Incident) -> Iterator[tuple[str, str]]:
    """Where to look in the console (AWS Management Console: URLs of each partition)."""
    secrets = sorted({part.reference.secret_arn for part in incident.active or incident.parts})
    if secrets and len(secrets) <= 3:
        for arn in secrets:
            secret = SecretId.of_arn(arn)
            yield (
                f"{secret.name} in Secrets Manager",
                f"https://{_console(secret.region)}/secretsmanager/secret?name={_quoted(secret.name)}&region={secret.region}",
            )
    if incident.cause.kind is CauseKind.KEY:
        _, region = incident.cause.place
        key = incident.cause.subject.rsplit(":", 1)[1].removeprefix("key/")
        yield "The key in KMS", f"https://{_console(region)}/kms/home?region={region}#/kms/keys/{_quoted(key)}"


_CONSOLES = {"aws-cn": "console.amazonaws.cn", "aws-us-gov": "console.amazonaws-us-gov.com"}


def _console(region: str) -> str:
    home = _CONSOLES.get(partition_of(region))
    return home or f"{region}.console.aws.amazon.com"


def _quoted(text: str) -> str:
    """A name within a URL: AWS names have few characters that need it."""
    return "".join(one if one.isalnum() or one in "-_.~" else f"%{ord(one):02X}" for one in text)


# --- words


def _worst(parts: Collection[Part]) -> Verdict:
    broken = any(part.severity is Verdict.BROKEN for part in parts)
    return Verdict.BROKEN if broken else Verdict.DEGRADED


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _in_brackets(codes: Sequence[str]) -> str:
    return f" ({', '.join(codes)})" if codes else ""


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _clock(moment: datetime, *, beside: datetime | None = None) -> str:
    """When it was; without the date where that of a moment of the same day stands beside it."""
    at = moment.astimezone(UTC)
    if beside and at.date() == beside.astimezone(UTC).date():
        return f"{at:%H:%M}"
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _duration(length: timedelta) -> str:
    minutes = int(length.total_seconds() // 60)
    if minutes < 1:
        return "less than a minute"
    days, hours, minutes = minutes // 1440, minutes % 1440 // 60, minutes % 60
    units = [(days, "day"), (hours, "hour"), (minutes, "minute")]
    return " ".join([_plural(count, unit) for count, unit in units if count][:2])


def _actor(arn: str) -> str:
    """Who did it, as short as people say it: role/rotator, user/ann, or a service."""
    return arn.split(":", 5)[5] if arn.startswith("arn:") and arn.count(":") >= 5 else arn


# --- as text


def as_text(alert: Alert) -> str:
    """The alert as people read it in a mail: words first, the code last."""
    return "\n".join(_lines(alert))


def _lines(alert: Alert) -> Iterator[str]:
    yield f"{alert.mark} {alert.headline} · {alert.place}"
    yield from alert.sentences
    if alert.affected:
        yield ""
        yield f"{alert.affected_as}:"
        yield from (f"  {line}" for line in cut(alert.affected, LISTED))
    for label, command in alert.commands:
        yield ""
        yield f"{label}:"
        yield f"  {command}"
    if alert.links:
        yield ""
        yield from (f"{label}: {url}" for label, url in alert.links)
    yield ""
    yield f"Incident: {alert.incident_id}"
    if alert.codes:
        yield ", ".join(alert.codes)


def cut(lines: Sequence[str], most: int) -> list[str]:
    """The first of them, and how many there are besides."""
    return list(lines) if len(lines) <= most else [*lines[:most], f"and {len(lines) - most} more"]


SUBJECT_LIMIT = 100  # SNS, Publish: a Subject is ASCII text of less than 100 characters, on one line


def subject_of(alert: Alert) -> str:
    """The alert in one line within SNS's limit; a long name is cut, never the place."""
    place = _ascii(alert.place.replace(" · ", " "))[:60]
    headline = _ascii(alert.headline)
    room = SUBJECT_LIMIT - 1 - len(place) - len(" - ")
    return f"{headline if len(headline) <= room else headline[: room - 3] + '...'} - {place}"


def _ascii(text: str) -> str:
    """SNS takes ASCII on one line, and no space first."""
    return "".join(one if one.isascii() and one.isprintable() else "?" for one in text).strip()
