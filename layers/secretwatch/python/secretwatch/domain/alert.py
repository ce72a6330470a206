"""Alerts: what people are told, in plain words first and the code last."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from secretwatch.domain.consumer import Consumer
from secretwatch.domain.finding import Finding, Verdict
from secretwatch.domain.reference import ProviderKind, Reference
from secretwatch.domain.state import ReferenceState

SUBJECT_LIMIT = 100  # SNS, Publish: a Subject is ASCII text of less than 100 characters


@dataclass(frozen=True, slots=True)
class Alert:
    """One message to people; `attributes` let a subscription filter."""

    subject: str
    text: str
    attributes: dict[str, str]


def compose(state: ReferenceState, previous: Verdict | None, consumers: Iterable[Consumer] = ()) -> Alert | None:
    """The message about a reference whose verdict was `previous`; None when there is nothing to tell.

    A reference that resolves at first sight is no news.
    """
    name, credential = state.reference.provider, _credential(state.reference)
    if state.verdict is Verdict.BROKEN:
        headline, body = f"{name.name} can't get its {credential}", _broken(state, consumers)
    elif previous is not None:
        headline, body = f"{name.name} can get its {credential} again", _resolves(state, consumers)
    else:
        return None
    return Alert(
        subject=_subject(headline, f"{name.account} {name.region}"),
        text="\n".join([f"{headline}.", *body]),
        attributes={
            "verdict": str(state.verdict),
            "account": name.account,
            "region": name.region,
            "providerKind": name.kind.value,
        },
    )


def _credential(reference: Reference) -> str:
    """The field by its name, where the provider has several."""
    has_several = reference.provider.kind is ProviderKind.PAYMENT or reference.field == "certificate"
    return reference.field if has_several else "credential"


def _subject(headline: str, place: str) -> str:
    """Within SNS's limit; a long provider name is cut, never the place."""
    room = SUBJECT_LIMIT - 1 - len(place) - len(" - ")
    return f"{headline if len(headline) <= room else headline[: room - 3] + '...'} - {place}"


def _broken(state: ReferenceState, consumers: Iterable[Consumer]) -> Iterator[str]:
    for finding in state.findings:
        yield from _explained(finding)
    yield f"Confirm:    secretwatch check {state.reference.secret.name}"
    yield from _affected(state, consumers)
    yield ""
    yield ", ".join(finding.code for finding in state.findings)


def _resolves(state: ReferenceState, consumers: Iterable[Consumer]) -> Iterator[str]:
    yield "Its checks pass; AgentCore's own next read will prove it."
    yield from _affected(state, consumers)
    yield ""
    yield Verdict.RESOLVES


def _explained(finding: Finding) -> Iterator[str]:
    yield f"What broke: {finding.evidence}."
    yield f"What to do: {finding.remedy}"
    if finding.command:
        yield f"  {finding.command}"


def _affected(state: ReferenceState, consumers: Iterable[Consumer]) -> Iterator[str]:
    reference = state.reference
    yield ""
    for consumer in sorted(consumers):
        yield f"Affects:  gateway {consumer.gateway}, target {consumer.target}"
    yield f"Provider: {reference.provider_arn} ({reference.provider.kind}, {reference.field})"
    yield f"Secret:   {reference.secret_arn}"
    if state.checked_at:
        yield f"Checked:  {state.checked_at:%Y-%m-%d %H:%M:%S %Z}"
