"""What the `secretwatch` bus tells of onboardings and offboardings.

Of a request's body only where it points, and where the credential is sent."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from secretwatch.domain.onboarding.destination import destination_of
from secretwatch.domain.onboarding.failure import told
from secretwatch.domain.onboarding.onboarding import Offboarding, Onboarding, Pointer, Shown, Status
from secretwatch.domain.onboarding.request import Problem
from secretwatch.domain.reference import ProviderName
from secretwatch.domain.repair.rendering import as_cloudformation, as_json, as_terraform, diff

STARTED, AWAITING, SUCCEEDED, ROLLED_BACK = (
    "Onboarding Started",
    "Onboarding Awaiting Approval",
    "Onboarding Succeeded",
    "Onboarding Rolled Back",
)
OFFBOARDED, NOT_OFFBOARDED = "Offboarding Succeeded", "Offboarding Refused"
SCHEMA_VERSION = "1"

_MOST_RESOURCES = 10
_LONGEST_DIFF = 30_000  # characters: PutEvents takes 256 KB, and a command shows the whole


@dataclass(frozen=True, slots=True)
class OnboardingNews:
    """One event about an onboarding as it stands; `message` is for people. Published again, it has the same id."""

    detail_type: str
    onboarding: Onboarding
    message: str
    at: datetime

    @property
    def resources(self) -> list[str]:
        """The secrets, and the provider once it is there."""
        provider = self.onboarding.provider_arn
        return [*([provider] if provider else []), *self.onboarding.secrets][:_MOST_RESOURCES]

    def detail(self) -> dict[str, Any]:
        """The event's detail, as docs/events describes it."""
        one = self.onboarding
        return {
            **_common(one.id, one.account, one.region, self.at, self.message),
            "provider": _provider(one.provider, one.provider_arn) if one.provider else None,
            "owner": one.owner,
            "references": _references(one),
            "requestedBy": one.requested_by,
            "approval": _approval(one),
            "warnings": list(one.warnings),
            "created": one.created,
            "callbackUrl": one.callback_url,
            "failure": _failure(one.failed_step, one.error, one.message, one.problems),
            "rollBack": {"leftAlone": list(one.notes), "failed": list(one.left)}
            if self.detail_type == ROLLED_BACK
            else None,
        }


@dataclass(frozen=True, slots=True)
class OffboardingNews:
    """One event about the end of an offboarding."""

    detail_type: str
    offboarding: Offboarding
    message: str
    at: datetime

    @property
    def resources(self) -> list[str]:
        """The provider, and its secrets."""
        one = self.offboarding
        secrets = sorted({pointer.secret_arn for pointer in one.pointers})
        return [*([one.provider_arn] if one.provider_arn else []), *secrets][:_MOST_RESOURCES]

    def detail(self) -> dict[str, Any]:
        """The event's detail, as docs/events describes it."""
        one = self.offboarding
        return {
            **_common(one.id, one.provider.account, one.provider.region, self.at, self.message),
            "provider": _provider(one.provider, one.provider_arn),
            "owner": None,
            "references": _pointers(one.pointers),
            "requestedBy": None,
            "approval": None,
            "warnings": list(one.notes),
            "created": None,
            "callbackUrl": None,
            "failure": _failure(one.failed_step, one.error, one.message, ()),
            "rollBack": None,
        }


def started(onboarding: Onboarding, at: datetime) -> OnboardingNews:
    """It has begun."""
    return OnboardingNews(STARTED, onboarding, f"Onboarding {onboarding.id} of {_named(onboarding)} has begun.", at)


def awaiting(onboarding: Onboarding, at: datetime) -> OnboardingNews:
    """Somebody has to approve."""
    approval = onboarding.approval
    secrets, plans = ", ".join(onboarding.secrets), len(onboarding.plans)
    within = f", within {told(approval.within)}" if approval else ""
    changes = f" It changes {plans} polic{'y' if plans == 1 else 'ies'}." if plans else " It changes no policy."
    # What the request says of whose it is may be anything: it must not read as our own words.
    owner = f", who says to be of {quoted(onboarding.owner)}," if onboarding.owner else ""
    message = (
        f"Somebody{owner} wants the provider {_named(onboarding)} to use {secrets}."
        f"{_sent_to(onboarding)} {approval.why if approval else ''}{changes}"
        f" See it with `secretwatch onboardings {onboarding.id}`, then `secretwatch approve {onboarding.id}`,"
        f" or `secretwatch reject {onboarding.id} --reason ...`{within}."
    )
    return OnboardingNews(AWAITING, onboarding, message, at)


def succeeded(onboarding: Onboarding, at: datetime) -> OnboardingNews:
    """The provider is there, and resolves."""
    how = "was there already, with the same references, and" if onboarding.created is False else "is there, and"
    url = (
        f" Register this URL at the vendor, as its redirect or callback URL: {onboarding.callback_url}"
        if onboarding.callback_url
        else ""
    )
    warnings = "".join(f"\n{one}" for one in onboarding.warnings)
    message = (
        f"The provider {_named(onboarding)} {how} can get its credential. Its ARN is {onboarding.provider_arn}."
        f"{url}{warnings}"
    )
    return OnboardingNews(SUCCEEDED, onboarding, message, at)


def rolled_back(onboarding: Onboarding, at: datetime) -> OnboardingNews:
    """It was refused or failed, and what it had done is taken back, as far as `left` does not say otherwise."""
    end = (
        "Its roll-back failed, too, and a person has to look: " + "; ".join(onboarding.left)
        if onboarding.status is Status.ROLL_BACK_FAILED
        else "Nothing of it is left, except:"
        if onboarding.notes
        else "Nothing of it is left."
    )
    alone = "".join(f"\n{note}" for note in onboarding.notes)
    message = (
        f"Onboarding {onboarding.id} of {_named(onboarding)} came to nothing at {onboarding.failed_step}"
        f" ({onboarding.error}): {_sentence(onboarding.message)} {end}{alone}"
    )
    return OnboardingNews(ROLLED_BACK, onboarding, message, at)


def offboarded(offboarding: Offboarding, at: datetime) -> OffboardingNews:
    """The provider is gone, and so is what only it needed."""
    forced = f" Still using it: {', '.join(offboarding.used_by)}." if offboarding.used_by else ""
    notes = "".join(f"\n{note}" for note in offboarding.notes)
    what = "was gone already, and what was left of it is removed" if offboarding.gone else "is removed"
    message = f"The provider {offboarding.provider.name} ({offboarding.provider.kind}) {what}.{forced}{notes}"
    return OffboardingNews(OFFBOARDED, offboarding, message, at)


def not_offboarded(offboarding: Offboarding, at: datetime) -> OffboardingNews:
    """It was refused, or failed on the way; started again, it goes on."""
    what = "is deleted, but not all of its removal is done" if offboarding.removed else "is not removed"
    message = (
        f"The provider {offboarding.provider.name} ({offboarding.provider.kind}) {what}: {offboarding.failed_step}"
        f" failed ({offboarding.error}): {_sentence(offboarding.message)}"
    )
    return OffboardingNews(NOT_OFFBOARDED, offboarding, message, at)


def quoted(text: str) -> str:
    """A request's own words among ours: what is quoted ends where it ends."""
    return '"' + text.replace('"', "'") + '"'


def _sent_to(onboarding: Onboarding) -> str:
    """Where the credential goes, as whoever approves has to know."""
    request = onboarding.request
    if request is None or request.vendor is None:
        return ""
    settings = "; ".join(f"{name} {quoted(value)}" for name, value in destination_of(request))
    return f" The credential is for {request.vendor}{f' with {settings}' if settings else ''}."


def _sentence(text: str | None) -> str:
    return f"{(text or 'nobody knows why').rstrip('.')}."


def _named(onboarding: Onboarding) -> str:
    return f"{onboarding.name} ({onboarding.kind})" if onboarding.provider else "a provider"


def _common(id_: str, account: str, region: str, at: datetime, message: str) -> dict[str, Any]:
    return {
        "schemaVersion": SCHEMA_VERSION,
        "id": id_,
        "account": account,
        "region": region,
        "at": at.isoformat(),
        "message": message,
    }


def _provider(name: ProviderName, arn: str | None) -> dict[str, Any]:
    return {"kind": name.kind, "name": name.name, "arn": arn}


def _references(onboarding: Onboarding) -> list[dict[str, Any]]:
    """With their secrets once those are known by their ARNs. What is written until then may be a secret itself."""
    if onboarding.pointers or onboarding.request is None:
        return _pointers(onboarding.pointers)
    return [{"field": one.field, "secretArn": None, "jsonKey": None} for one in onboarding.request.references]


def _pointers(pointers: Iterable[Pointer]) -> list[dict[str, Any]]:
    return [{"field": one.field, "secretArn": one.secret_arn, "jsonKey": one.json_key} for one in pointers]


def _approval(onboarding: Onboarding) -> dict[str, Any] | None:
    approval = onboarding.approval
    if approval is None:
        return None
    return {
        "needed": approval.needed,
        "why": approval.why,
        "until": approval.until.isoformat() if approval.until else None,
        "decidedBy": approval.decided_by,
        "destination": _destination(onboarding),
        "plans": [_plan(one) for one in onboarding.plans],
    }


def _destination(onboarding: Onboarding) -> dict[str, Any] | None:
    request = onboarding.request
    if request is None or request.vendor is None:
        return None
    settings = [{"name": name, "value": value} for name, value in destination_of(request)]
    return {"vendor": request.vendor, "settings": settings}


def _plan(shown: Shown) -> dict[str, Any]:
    changed = diff(shown.before, shown.after)
    return {
        "kind": shown.kind,
        "resource": shown.resource,
        "why": shown.why,
        "statement": {
            "json": as_json(shown.statement),
            "terraform": as_terraform(shown.statement),
            "cloudFormation": as_cloudformation(shown.statement),
        },
        "diff": changed if len(changed) <= _LONGEST_DIFF else None,
    }


def _failure(
    step: str | None, error: str | None, message: str | None, problems: Iterable[Problem]
) -> dict[str, Any] | None:
    if error is None:
        return None
    listed = [{"field": one.field, "message": one.message, "fix": one.fix} for one in problems]
    return {"step": step, "error": error, "message": message, "problems": listed}
