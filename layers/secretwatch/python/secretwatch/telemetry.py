"""What Secretwatch logs and counts: constant messages with facts as fields; identifiers are never dimensions."""

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from functools import wraps
from typing import Any, TypeAlias

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from secretwatch.alerting import Outcome
from secretwatch.checking import Checked
from secretwatch.domain.change import Change, UnknownChange
from secretwatch.domain.consumer import Gateway
from secretwatch.domain.facts import Unknown
from secretwatch.domain.finding import Verdict
from secretwatch.domain.key import KeyId
from secretwatch.domain.repair.repair import Repair, Status
from secretwatch.domain.secret import SecretId
from secretwatch.domain.verdict_change import News, VerdictChange
from secretwatch.inventory import Read

Handler: TypeAlias = Callable[[dict[str, Any], LambdaContext], Any]

logger = Logger()
metrics = Metrics()

_BY_VERDICT = {Verdict.BROKEN: "ReferencesBroken", Verdict.DEGRADED: "ReferencesDegraded"}


def instrumented(handler: Handler) -> Handler:
    """A Lambda handler whose log lines name the invocation, and whose counts are written at its end."""

    @logger.inject_lambda_context
    @wraps(handler)
    def invoke(event: dict[str, Any], context: LambdaContext) -> Any:
        try:
            return handler(event, context)
        finally:
            if metrics.metric_set:  # Powertools' own decorator warns of an invocation that counted nothing
                metrics.flush_metrics()

    return invoke


def count(name: str, value: float = 1) -> None:
    """Add to a metric of the namespace `Secretwatch`."""
    metrics.add_metric(name, MetricUnit.Count, value)


def change_unreadable(record: str, error: UnknownChange) -> None:
    """A record names nothing that we could look at; the reason is one sentence."""
    count("ChangesUnreadable")
    logger.warning("change unreadable", record=record, reason=str(error))


def change_received(change: Change, *, relevant: bool) -> None:
    """A change was looked into; `relevant` when somebody references what it names."""
    if not relevant:
        count("ChangesIrrelevant")
        logger.info(
            "change irrelevant: nobody references it",
            what=change.what,
            subjects=[str(subject) for subject in change.subjects],
            actor=change.actor,
            replay=change.replay,
        )
    elif not change.is_request and not isinstance(change.subject, KeyId):  # of a key, verdicts come later
        lag = (datetime.now(UTC) - change.at).total_seconds()
        metrics.add_metric("DetectionLagSeconds", MetricUnit.Seconds, lag)


def key_changed(key: KeyId, secrets: Collection[SecretId]) -> None:
    """A key or an alias changed; every secret under it is to be checked."""
    logger.info("key changed: checks of the secrets under it are asked for", key=key.arn, secrets=len(secrets))


def reference_checked(checked: Checked) -> None:
    """One reference was judged anew."""
    state = checked.after
    count("ReferencesChecked")
    if state.verdict in _BY_VERDICT:
        count(_BY_VERDICT[state.verdict])
    if state.unknown:
        count("ReferencesUnknown")
    logger.info(
        "reference checked",
        provider=state.reference.provider_arn,
        field=state.reference.field,
        secret=state.reference.secret_arn,
        verdict=state.verdict,
        findings=[finding.code for finding in state.findings],
        unknown=state.unknown.reason if state.unknown else None,
        changed=checked.changed,
    )


def provider_read(change: Change, read: Read) -> None:
    """One provider was read from AgentCore."""
    logger.info(
        "provider read",
        what=change.what,
        subject=str(change.subject),
        gone=read.provider is None,
        added=len(read.added),
        removed=len(read.removed),
    )
    if read.provider and read.provider.incomplete:
        logger.warning(
            "provider incomplete: EXTERNAL, but names no secret",
            provider=read.provider.arn,
            fields=sorted(read.provider.incomplete),
        )


def inventory_taken(reads: int) -> None:
    """A sweep began: so many providers and gateways are to be read."""
    logger.info("inventory taken", reads=reads)


def trails_read(missing: frozenset[str] | Unknown) -> None:
    """The account's trails were looked at: whose changes none hands over, or why we could not tell."""
    if isinstance(missing, Unknown):
        logger.warning("trail unknown", reason=missing.reason)
        return
    count("TrailMissing", 1 if missing else 0)
    if missing:
        logger.warning("trail missing: their changes are noticed by the sweep only", sources=sorted(missing))


def gateway_read(change: Change, gateway: Gateway | None) -> None:
    """One gateway was read from AgentCore."""
    logger.info(
        "gateway read",
        what=change.what,
        subject=str(change.subject),
        gone=gateway is None,
        consumers=len(gateway.consumers) if gateway else 0,
    )


def verdict_published(change: VerdictChange) -> None:
    """A changed verdict is on the bus."""
    logger.info("verdict published", id=change.id, verdict=change.after.verdict, previous=change.before.verdict)


def news_told(news: News, outcome: Outcome) -> None:
    """News of a changed verdict was read; people were told, or there was nothing to tell."""
    count("AlertsSent" if outcome is Outcome.SENT else "AlertsSuppressed")
    logger.info("news read", id=news.id, verdict=news.verdict, outcome=outcome)


_BY_STATUS = {
    Status.PLANNED: "RepairsPlanned",
    Status.APPLIED: "RepairsApplied",
    Status.REFUSED: "RepairsRefused",
}


def repairs_considered(subject: str, repairs: Collection[Repair]) -> None:
    """A secret was looked at, or a repair was to be carried out; nothing may have come of it."""
    for repair in repairs:
        if repair.status in _BY_STATUS:
            count(_BY_STATUS[repair.status])
        logger.info(
            "repair considered",
            id=repair.id,
            status=repair.status,
            resource=repair.resource,
            purpose=repair.purpose,
            decided_by=repair.decided_by,
            reason=repair.reason,
            request_id=repair.request_id,
        )
    if not repairs:
        logger.info("nothing to repair", subject=subject)


def repair_decided(wish: str, subject: str | None, caller: str, status: int) -> None:
    """Somebody asked for something about a repair, and was answered."""
    logger.info("repair decided", wish=wish, subject=subject, caller=caller, status=status)
