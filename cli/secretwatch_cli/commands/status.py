"""`secretwatch status`."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

import typer

from secretwatch_cli import display
from secretwatch_cli.aws import told
from secretwatch_cli.check import Answer
from secretwatch_cli.exits import FailOn
from secretwatch_cli.failures import Misused
from secretwatch_cli.invocation import explained
from secretwatch_cli.registry import Registry, registry_of
from secretwatch_cli.status import RepairStatus, Status, bounds_of, status_json, status_lines
from secretwatch_cli.waiving import in_force

_PAUSE_SECONDS = 5.0


def status(
    context: typer.Context,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Keep it on the screen, until you press Ctrl-C.")] = False,
    fail_on: Annotated[FailOn, typer.Option(help="The least severity that counts as a finding.")] = FailOn.BROKEN,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell how everything stands: verdicts, incidents, what is broken, waivers, repairs, onboardings, the sweep."""
    with explained():
        if watch and as_json:
            raise Misused("--watch is for people, --json for programs.")
        clients, stack = context.obj.find()
        look = partial(_look, registry_of(clients, stack), bounds_of(stack.parameters))
        found = _watched(look) if watch else look()
    if as_json:
        display.print_json(status_json(found))
    elif not watch:
        display.print_lines(status_lines(found))
    raise typer.Exit(Answer(found.states).exit_status(fail_on))


def _look(registry: Registry, bounds: Mapping[str, str]) -> Status:
    at = datetime.now(UTC)
    with told():
        repairs = RepairStatus(
            len(registry.repairs.waiting()), len(registry.repairs.at_rest()), registry.repairs.breaker().at_rest, bounds
        )
        return Status(
            at,
            registry.states(),
            in_force(registry.waivers.all(), at=at),
            registry.incidents.open(),
            registry.last_sweep(),
            repairs,
            registry.under_way.look(),
        )


def _watched(look: Callable[[], Status]) -> Status:
    """What stood when the person had seen enough."""
    found = look()
    try:
        while True:
            display.console().clear()
            display.print_lines(status_lines(found))
            time.sleep(_PAUSE_SECONDS)
            found = look()
    except KeyboardInterrupt:
        return found
