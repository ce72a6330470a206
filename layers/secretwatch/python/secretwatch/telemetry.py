"""What Secretwatch logs and counts: constant messages with facts as fields; identifiers are never dimensions."""

import os
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor
from datetime import UTC, datetime
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeAlias

from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from secretwatch.domain.facts import Unknown
from secretwatch.domain.finding import Code, Verdict
from secretwatch.domain.key import KeyId
from secretwatch.settings import traces

if TYPE_CHECKING:  # a function loads what it uses, and nothing for what others tell
    from secretwatch.checking import Checked
    from secretwatch.delivering import Told
    from secretwatch.domain.change import Change, UnknownChange
    from secretwatch.domain.consumer import Gateway
    from secretwatch.domain.incident import Brief, Incident
    from secretwatch.domain.onboarding.failure import Failure
    from secretwatch.domain.onboarding.onboarding import Execution, Onboarding
    from secretwatch.domain.repair.news import RepairNews
    from secretwatch.domain.repair.repair import Repair
    from secretwatch.domain.secret import SecretId
    from secretwatch.domain.state import ReferenceState
    from secretwatch.domain.sweep import SweepCompleted
    from secretwatch.domain.verdict_change import News, VerdictChange
    from secretwatch.inventory import Read
    from secretwatch.sweeping import Begun, Slice

Handler: TypeAlias = Callable[[dict[str, Any], LambdaContext], Any]

logger = Logger()
metrics = Metrics()

TRACING = traces(os.environ)

if TRACING:
    from secretwatch import tracing

_BY_VERDICT = {Verdict.BROKEN: "ReferencesBroken", Verdict.DEGRADED: "ReferencesDegraded"}

_codes = Counter[Code]()
"""The findings of this invocation."""

_troubled: dict[str, set[str]] = {"providers": set(), "secrets": set()}
"""Those of this invocation that do not resolve. Metadata of its metrics: as dimensions, each would cost a metric."""

_told_of: set[str] = set()
"""The incidents that somebody was told of since news of them was last read; of this invocation."""


def instrumented(handler: Handler) -> Handler:
    """A Lambda handler whose log lines name the invocation, and whose counts are written at its end.

    Where traces are on, each invocation has one.
    """

    @logger.inject_lambda_context
    @wraps(handler)
    def invoke(event: dict[str, Any], context: LambdaContext) -> Any:
        try:
            return handler(event, context)
        finally:
            _flush()

    return tracing.traced(invoke) if TRACING else invoke


def pool(threads: Executor) -> Executor:
    """The pool, or where traces are on one whose work belongs to the trace of whoever handed it in."""
    return tracing.TracedPool(threads) if TRACING else threads


def _flush() -> None:
    """Write the counts of the invocation, if there are any."""
    for name, identifiers in _troubled.items():
        if identifiers:
            metrics.add_metadata(name, sorted(identifiers))
            identifiers.clear()
    if metrics.metric_set:  # Powertools' own decorator warns of an invocation that counted nothing
        metrics.flush_metrics()
    for code, found in _codes.items():  # a dimension of few values: one metric a code
        with single_metric("FindingsByCode", MetricUnit.Count, found) as metric:
            metric.add_dimension("code", code)
    _codes.clear()
    _told_of.clear()


def _annotate(what: str, **annotations: str | None) -> None:
    """Make the trace of this invocation findable, where traces are on; never by an identifier."""
    if TRACING:
        tracing.annotate(what, **{name: value for name, value in annotations.items() if value})


def count(name: str, value: float = 1) -> None:
    """Add to a metric of the namespace `Secretwatch`."""
    metrics.add_metric(name, MetricUnit.Count, value)


def change_unreadable(record: str, error: "UnknownChange") -> None:
    """A record names nothing that we could look at; the reason is one sentence."""
    count("ChangesUnreadable")
    logger.warning("change unreadable", record=record, reason=str(error))


def change_received(change: "Change", *, relevant: bool) -> None:
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
    # Of a key, verdicts come later; a replay is late on purpose.
    elif not change.is_request and not change.replay and not isinstance(change.subject, KeyId):
        lag = (datetime.now(UTC) - change.at).total_seconds()
        metrics.add_metric("DetectionLagSeconds", MetricUnit.Seconds, lag)


def key_changed(key: KeyId, secrets: "Collection[SecretId]") -> None:
    """A key or an alias changed; every secret under it is to be checked."""
    logger.info("key changed: checks of the secrets under it are asked for", key=key.arn, secrets=len(secrets))


def reference_checked(checked: "Checked") -> None:
    """One reference was judged anew."""
    state = checked.after
    _count_state(state)
    _annotate_state("reference", state)
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


def _count_state(state: "ReferenceState") -> None:
    count("ReferencesChecked")
    if state.verdict in _BY_VERDICT:
        count(_BY_VERDICT[state.verdict])
    if state.unknown:
        count("ReferencesUnknown")
    if state.alarming is Verdict.BROKEN and state.since and state.checked_at:
        metrics.add_metric("BrokenForSeconds", MetricUnit.Seconds, (state.checked_at - state.since).total_seconds())
    _codes.update(finding.code for finding in state.findings if not finding.waived_until)
    if state.verdict is not Verdict.RESOLVES or state.unknown:
        _troubled["providers"].add(state.reference.provider_arn)
        _troubled["secrets"].add(state.reference.secret_arn)


def _annotate_state(what: str, state: "ReferenceState") -> None:
    """The code is the first of those that brought the verdict about."""
    codes = [finding.code for finding in state.findings if finding.severity is state.verdict]
    _annotate(what, providerKind=state.reference.provider.kind, verdict=state.verdict, code=codes[0] if codes else None)


def provider_read(what: str, read: "Read") -> None:
    """One provider was read from AgentCore, for `what` reason."""
    if read.provider:
        _annotate("provider", providerKind=read.provider.name.kind)
    logger.info(
        "provider read",
        what=what,
        provider=str(read.name),
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


def sweep_asked_for(begun: "Begun | None") -> None:
    """Somebody asked for a sweep; it began, or another one is running."""
    if begun is None:
        logger.info("sweep not begun: one is running")
        return
    logger.info("sweep begun", sweep=begun.sweep.id)
    trails_read(begun.without_trail)


def sweep_carried_on(done: "Slice | None") -> None:
    """A slice of a sweep was done, or there was nothing to do."""
    if done is None:
        logger.info("sweep not carried on: it is in other hands, or completed")
        return
    for read in done.reads:
        provider_read("sweep", read)
    sweep = done.sweep
    if sweep.completed_at:
        metrics.add_metric("SweepDurationSeconds", MetricUnit.Seconds, sweep.duration.total_seconds())
    logger.info(
        "sweep completed" if sweep.completed_at else "sweep goes on",
        sweep=sweep.id,
        seconds=sweep.duration.total_seconds() if sweep.completed_at else None,
        lanes=sweep.open_lanes,
        verified=sweep.verified,
        counts=dict(sweep.counts),
        failures=sweep.failures,
    )


def sweep_published(completed: "SweepCompleted") -> None:
    """The completion of a sweep is on the bus."""
    logger.info("sweep published", id=completed.id)


def trails_read(missing: frozenset[str] | Unknown) -> None:
    """The account's trails were looked at: whose changes none hands over, or why we could not tell."""
    if isinstance(missing, Unknown):
        logger.warning("trail unknown", reason=missing.reason)
        return
    count("TrailMissing", 1 if missing else 0)
    if missing:
        logger.warning("trail missing: their changes are noticed by the sweep only", sources=sorted(missing))


def gateway_read(change: "Change", gateway: "Gateway | None") -> None:
    """One gateway was read from AgentCore."""
    logger.info(
        "gateway read",
        what=change.what,
        subject=str(change.subject),
        gone=gateway is None,
        consumers=len(gateway.consumers) if gateway else 0,
    )


def verdict_published(change: "VerdictChange") -> None:
    """A changed verdict is on the bus."""
    _annotate_state("verdict", change.after)
    logger.info("verdict published", id=change.id, verdict=change.after.verdict, previous=change.before.verdict)


_REPAIRS = {
    "Repair Planned": "RepairsPlanned",
    "Repair Applied": "RepairsApplied",
    "Repair Refused": "RepairsRefused",
    "Repair Contested": "RepairsContested",
}


def repair_told(news: "RepairNews") -> None:
    """News of a repair is on the bus."""
    count(_REPAIRS[news.what])
    logger.info("repair told", id=news.id, what=news.what, resource=news.resource, reason=news.reason, by=news.by)


def repairs_considered(subject: str, repairs: "Collection[Repair]") -> None:
    """A secret was looked at, or a repair was to be carried out; nothing may have come of it."""
    for repair in repairs:
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


def onboarding_step(step: str, onboarding: str, outcome: Mapping[str, Any]) -> None:
    """A step of an onboarding or an offboarding is done, and came to this."""
    logger.info("onboarding step done", step=step, onboarding=onboarding, outcome=outcome)


def onboarding_succeeded(onboarding: "Onboarding") -> None:
    """A provider resolves that did not exist, or that was there as it was asked for."""
    count("OnboardingsSucceeded")
    adopted = onboarding.created is False
    logger.info("onboarding succeeded", onboarding=onboarding.id, provider=onboarding.provider_arn, adopted=adopted)


def onboarding_rolled_back(onboarding: "Onboarding") -> None:
    """An onboarding came to nothing; what could not be taken back alarms somebody."""
    count("OnboardingsRolledBack")
    if onboarding.left:
        count("RollBacksFailed")
    logger.info(
        "onboarding rolled back",
        onboarding=onboarding.id,
        step=onboarding.failed_step,
        error=onboarding.error,
        reason=onboarding.message,
        left=list(onboarding.left),
    )


def offboarding_failed(execution: "Execution", failure: "Failure") -> None:
    """An offboarding was refused, or has to be started again."""
    logger.info(
        "offboarding failed",
        onboarding=execution.name,
        step=failure.step,
        error=failure.error,
        reason=failure.message,
    )


def onboarding_decided(wish: str, onboarding: str, caller: str, status: int) -> None:
    """Somebody decided about an onboarding, and was answered."""
    logger.info("onboarding decided", wish=wish, onboarding=onboarding, caller=caller, status=status)


def news_read(news: "News", incidents: "Sequence[Incident]") -> None:
    """News of a changed verdict was read, and what it is about looked at; without an incident nothing is wrong.

    An incident of which nobody was told for it is counted: the news repeats what is known, or a digest is to tell it.
    """
    for incident in incidents[:1]:
        _annotate("news", verdict=incident.severity, code=min(incident.codes, default=None))
    if silent := sum(incident.id not in _told_of for incident in incidents):
        count("AlertsSuppressed", silent)
    _told_of.difference_update(incident.id for incident in incidents)
    logger.info("news read", id=news.id, secret=news.secret.arn, incidents=[incident.id for incident in incidents])


def told(attempt: "Told") -> None:
    """Somebody was told of an incident, or could not be; failures are counted by channel, of which there are three."""
    error = attempt.error
    _told_of.add(attempt.incident_id)
    facts: dict[str, Any] = {"target": attempt.target, "incident": attempt.incident_id, "kind": attempt.kind}
    if error is None:
        count("AlertsSent")
        logger.info("alert sent", channel=attempt.channel, **facts)
        return
    count("AlertsFailed")
    with single_metric("AlertsFailed", MetricUnit.Count, 1) as failed:
        failed.add_dimension("channel", attempt.channel)
    logger.error("alert failed", channel=attempt.channel, **facts, error=type(error).__name__, reason=str(error))


def round_gone(open_ones: "Collection[Brief]") -> None:
    """All that is open was looked at."""
    count("IncidentsOpen", sum(one.state == "OPEN" for one in open_ones))


def subscriptions_read(unconfirmed: Collection[str] | Unknown) -> None:
    """The topic's subscriptions were looked at: how many are never confirmed, or why we could not tell.

    Whose they are stands in no log, since they are people's addresses: `secretwatch doctor` says it.
    """
    if isinstance(unconfirmed, Unknown):
        logger.warning("subscriptions unknown", reason=unconfirmed.reason)
        return
    count("SubscriptionsUnconfirmed", len(unconfirmed))
