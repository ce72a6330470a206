"""`secretwatch status`: how everything stands, as the Registry last knew it; it asks for no check, and never scans."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from rich.text import Text

from secretwatch.domain.change import WholeInventory
from secretwatch.domain.finding import Verdict
from secretwatch.domain.incident import Brief, IncidentState
from secretwatch.domain.onboarding.onboarding import Offboarding, Onboarding
from secretwatch.domain.state import ReferenceState
from secretwatch.domain.sweep import Counted, Sweep
from secretwatch.domain.verdict_change import described
from secretwatch.domain.waiver import Waiver
from secretwatch.ports import ProviderRecords, References
from secretwatch_cli.display import headed, indented, moment
from secretwatch_cli.display.findings import name_of
from secretwatch_cli.underway import UnderWay, waiting

SHOWN = 5  # of the incidents, and of the broken ones: a screen holds no more

States = Callable[[], list[ReferenceState]]


@dataclass(frozen=True, slots=True)
class RepairStatus:
    """How many repairs wait for a person, how many policies are left alone, why all are stopped, and the bounds."""

    waiting: int
    at_rest: int
    stopped: str | None
    bounds: Mapping[str, str]


def bounds_of(parameters: Mapping[str, str]) -> dict[str, str]:
    """The parameters of a stack that say what may be repaired."""
    return {
        name: value
        for name, value in sorted(parameters.items())
        if name.startswith(("Repair", "Breaker")) or name == "IacTags"
    }


@dataclass(frozen=True, slots=True)
class Status:
    """Every reference as it was last found, and what is open, waived, swept, repaired, onboarded and offboarded."""

    at: datetime
    states: list[ReferenceState]
    waivers: list[Waiver]
    opened: list[Brief] = field(default_factory=list)
    sweep: Sweep | None = None
    repairs: RepairStatus | None = None
    under_way: UnderWay = field(default_factory=UnderWay)

    @property
    def incidents(self) -> list[Brief]:
        """Those that are not over: the broken ones first, then the longest open."""
        found = [one for one in self.opened if one.state is IncidentState.OPEN]
        return sorted(found, key=lambda one: (one.severity is not Verdict.BROKEN, one.opened_at, one.cause))

    @property
    def verdicts(self) -> Counter[Verdict | None]:
        """How many references have each verdict; None counts those that were never checked with an answer."""
        return Counter(state.verdict for state in self.states)

    @property
    def unknown(self) -> int:
        """Of how many we cannot tell at the moment."""
        return sum(state.unknown is not None for state in self.states)

    @property
    def broken(self) -> list[ReferenceState]:
        """Those that are broken and not waived, the longest broken first."""
        found = [state for state in self.states if state.alarming is Verdict.BROKEN]
        return sorted(found, key=lambda state: (state.since or self.at, state.reference))

    @property
    def oldest_check(self) -> datetime | None:
        """When the reference that was not checked for longest was: a sweep checks every one."""
        return min((state.checked_at for state in self.states if state.checked_at), default=None)


def all_states(providers: ProviderRecords, references: References, everything: WholeInventory) -> list[ReferenceState]:
    """The state of every reference of every recorded provider."""
    return references.all_of([one for known in providers.known(everything) for one in known.provider.references])


def status_lines(status: Status) -> Iterator[Text]:
    """One screen: verdicts, incidents, what is broken and since when, what is waived, and how fresh it all is."""
    yield Text(f"{len(status.states)} references, {moment(status.at)}")
    for verdict in Verdict:
        yield headed(verdict, str(status.verdicts[verdict]))
    if unchecked := status.verdicts[None]:
        yield headed("unknown", f"{unchecked} without a verdict so far")
    if status.unknown:
        yield headed("unknown", f"{status.unknown} at the moment; their last verdict stands")
    yield from _broken_lines(status)
    yield from _incident_lines(status)
    if status.waivers:
        yield Text(f"{len(status.waivers)} waivers, the next to end {moment(status.waivers[0].expires_at)}")
    if status.repairs:
        yield from _repair_lines(status.repairs)
    yield from _under_way_lines(status.under_way, status.at)
    yield from _sweep_lines(status)
    if status.oldest_check:
        yield Text(f"Every reference was checked since {moment(status.oldest_check)}", "dim")


def _broken_lines(status: Status) -> Iterator[Text]:
    for state in status.broken[:SHOWN]:
        yield headed(Verdict.BROKEN, name_of(state.reference), (_how_long(state.since, status.at), "dim"))
        yield indented(", ".join(finding.code for finding in state.findings if not finding.waived_until))
    if more := len(status.broken[SHOWN:]):
        yield indented(f"and {more} more: secretwatch scan")


def _repair_lines(repairs: RepairStatus) -> Iterator[Text]:
    if repairs.stopped:
        yield Text.assemble(("Nothing is repaired", "bold red"), f": {repairs.stopped}")
    if repairs.waiting or repairs.at_rest:
        yield Text(f"{repairs.waiting} repairs wait for a person, {repairs.at_rest} are at rest: secretwatch repairs")
    yield Text(", ".join(f"{name}={value}" for name, value in repairs.bounds.items()), "dim")


def _under_way_lines(under_way: UnderWay, at: datetime) -> Iterator[Text]:
    wait = waiting(under_way.onboardings, at=at)
    run = [one for one in under_way.onboardings if one not in wait]
    if under_way.onboardings:
        counts = f"{len(under_way.onboardings)} onboardings under way, {len(wait)} wait for a person"
        yield Text(f"{counts}: secretwatch onboardings")
        yield from _few([f"{one.name}: secretwatch approve {one.id}" for one in wait])
        yield from _few([f"{one.name or one.id} runs since {moment(one.execution.started_at)}" for one in run])
    if under_way.offboardings:
        yield Text(f"{len(under_way.offboardings)} offboardings under way")
        yield from _few(
            [f"{one.provider.name} runs since {moment(one.execution.started_at)}" for one in under_way.offboardings]
        )
    if under_way.stopped:
        yield Text(f"{len(under_way.stopped)} were stopped half-way: secretwatch onboardings", "bold red")


def _few(lines: list[str]) -> Iterator[Text]:
    yield from map(indented, lines[:SHOWN])
    if more := len(lines[SHOWN:]):
        yield indented(f"and {more} more: secretwatch onboardings")


def _incident_lines(status: Status) -> Iterator[Text]:
    found = status.incidents
    if found:
        yield Text(f"{len(found)} open incidents")
    for one in found[:SHOWN]:
        codes = f": {', '.join(one.codes)}" if one.codes else ""
        yield headed(one.severity, one.headline, (_how_long(one.opened_at, status.at), "dim"), codes)
    if more := len(found[SHOWN:]):
        yield indented(f"and {more} more: secretwatch status --json")


def _sweep_lines(status: Status) -> Iterator[Text]:
    sweep = status.sweep
    if sweep is None:
        yield Text("No sweep so far", "dim")
        return
    read, checked = sweep.counts[Counted.PROVIDERS_READ], sweep.counts[Counted.REFERENCES_CHECKED]
    counts = f"{read} providers read, {checked} references checked"
    if sweep.completed_at:
        took = f"took {sweep.duration // timedelta(seconds=1)} s"
        yield Text(f"Last sweep: completed {moment(sweep.completed_at)}, {took}: {counts}", "dim")
    elif sweep.is_unfinished(status.at):
        yield Text(f"A sweep runs since {moment(sweep.started_at)}: {counts} so far", "dim")
    else:
        yield Text(f"The sweep that began {moment(sweep.started_at)} was given up: {counts}")
    if unchecked := sweep.counts[Counted.REFERENCES_UNCHECKED]:
        yield headed("unknown", f"{unchecked} references were not checked by it")
    for failure in sweep.failures:
        yield headed("unknown", f"it could not list everything: {failure}")


def _how_long(since: datetime | None, at: datetime) -> str:
    if since is None:
        return ""
    minutes = (at - since) // timedelta(minutes=1)
    hours, minutes = divmod(minutes, 60)
    return f", for {hours} h {minutes} min" if hours else f", for {minutes} min"


def status_json(status: Status) -> dict[str, Any]:
    """The same for a program, with all that are broken."""
    return {
        "at": status.at.isoformat(),
        "references": len(status.states),
        "verdicts": {verdict.value: status.verdicts[verdict] for verdict in Verdict},
        "withoutVerdict": status.verdicts[None],
        "unknown": status.unknown,
        "broken": [
            {
                **described(state.reference),
                "codes": [finding.code for finding in state.findings if not finding.waived_until],
                "since": state.since.isoformat() if state.since else None,
            }
            for state in status.broken
        ],
        "incidents": [
            {
                "incident_id": one.id,
                "severity": one.severity.value,
                "cause": {"kind": one.cause.kind.value, "subject": one.cause.subject},
                "headline": one.headline,
                "codes": list(one.codes),
                "references": one.references,
                "openedAt": one.opened_at.isoformat(),
            }
            for one in status.incidents
        ],
        "waivers": len(status.waivers),
        "repairs": _repairs_json(status.repairs) if status.repairs else None,
        "onboardings": {
            "underWay": [one.id for one in status.under_way.onboardings],
            "waiting": [one.id for one in waiting(status.under_way.onboardings, at=status.at)],
            "stopped": [one.id for one in status.under_way.stopped if isinstance(one, Onboarding)],
        },
        "offboardings": {
            "underWay": [one.id for one in status.under_way.offboardings],
            "stopped": [one.id for one in status.under_way.stopped if isinstance(one, Offboarding)],
        },
        "sweep": _sweep_json(status.sweep) if status.sweep else None,
        "oldestCheck": status.oldest_check.isoformat() if status.oldest_check else None,
    }


def _repairs_json(repairs: RepairStatus) -> dict[str, Any]:
    return {
        "waiting": repairs.waiting,
        "atRest": repairs.at_rest,
        "stopped": repairs.stopped,
        "bounds": dict(repairs.bounds),
    }


def _sweep_json(sweep: Sweep) -> dict[str, Any]:
    """By the names of the event `Sweep Completed`."""
    completed_at = sweep.completed_at
    return {
        "startedAt": sweep.started_at.isoformat(),
        "completedAt": completed_at.isoformat() if completed_at else None,
        "durationSeconds": sweep.duration.total_seconds() if completed_at else None,
        "counts": {counted.value: sweep.counts[counted] for counted in Counted},
        "failures": list(sweep.failures),
        "withoutTrail": list(sweep.without_trail) if sweep.without_trail is not None else None,
    }
