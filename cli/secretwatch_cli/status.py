"""`secretwatch status`: how everything stands, as the Registry last knew it; it asks for no check, and never scans."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rich.text import Text

from secretwatch.domain.change import WholeInventory
from secretwatch.domain.finding import Verdict
from secretwatch.domain.state import ReferenceState
from secretwatch.domain.verdict_change import described
from secretwatch.domain.waiver import Waiver
from secretwatch.ports import ProviderRecords, References
from secretwatch_cli.display import headed, indented, moment
from secretwatch_cli.display.findings import name_of

SHOWN = 10  # of the broken ones: a screen holds no more

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
    """Every reference as it was last found, the waivers that hold, and the repairs; None of an older stack."""

    at: datetime
    states: list[ReferenceState]
    waivers: list[Waiver]
    repairs: RepairStatus | None = None

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
    """One screen: verdicts, what is broken and since when, what is waived, and how fresh it all is."""
    yield Text(f"{len(status.states)} references, {moment(status.at)}")
    for verdict in Verdict:
        yield headed(verdict, str(status.verdicts[verdict]))
    if unchecked := status.verdicts[None]:
        yield headed("unknown", f"{unchecked} without a verdict so far")
    if status.unknown:
        yield headed("unknown", f"{status.unknown} at the moment; their last verdict stands")
    yield from _broken_lines(status)
    if status.waivers:
        yield Text(f"{len(status.waivers)} waivers, the next to end {moment(status.waivers[0].expires_at)}")
    if status.repairs:
        yield from _repair_lines(status.repairs)
    if status.oldest_check:
        yield Text(f"Every reference was checked since {moment(status.oldest_check)}", "dim")


def _broken_lines(status: Status) -> Iterator[Text]:
    for state in status.broken[:SHOWN]:
        yield headed(Verdict.BROKEN, name_of(state.reference), (_how_long(state, status.at), "dim"))
        yield indented(", ".join(finding.code for finding in state.findings if not finding.waived_until))
    if more := len(status.broken[SHOWN:]):
        yield indented(f"and {more} more: secretwatch scan")


def _repair_lines(repairs: RepairStatus) -> Iterator[Text]:
    if repairs.stopped:
        yield Text.assemble(("Nothing is repaired", "bold red"), f": {repairs.stopped}")
    if repairs.waiting or repairs.at_rest:
        yield Text(f"{repairs.waiting} repairs wait for a person, {repairs.at_rest} are at rest: secretwatch repairs")
    yield Text(", ".join(f"{name}={value}" for name, value in repairs.bounds.items()), "dim")


def _how_long(state: ReferenceState, at: datetime) -> str:
    if state.since is None:
        return ""
    minutes = (at - state.since) // timedelta(minutes=1)
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
        "waivers": len(status.waivers),
        "repairs": _repairs_json(status.repairs) if status.repairs else None,
        "oldestCheck": status.oldest_check.isoformat() if status.oldest_check else None,
    }


def _repairs_json(repairs: RepairStatus) -> dict[str, Any]:
    return {
        "waiting": repairs.waiting,
        "atRest": repairs.at_rest,
        "stopped": repairs.stopped,
        "bounds": dict(repairs.bounds),
    }
