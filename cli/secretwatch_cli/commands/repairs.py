"""`secretwatch repairs`, `approve`, `reject` and `undo`."""

from typing import Annotated

import typer

from secretwatch.domain.repair.repair import Repair
from secretwatch_cli import display
from secretwatch_cli.aws import told
from secretwatch_cli.decisions import Decisions
from secretwatch_cli.display.repairs import plan_lines, waiting_json, waiting_lines
from secretwatch_cli.failures import Unable
from secretwatch_cli.invocation import Place, explained, say
from secretwatch_cli.registry import Registry, registry_of

RepairId = Annotated[str, typer.Argument(metavar="ID", help="The repair's id, such as r-1a2b3c4d5e6f.")]


def repairs(
    context: typer.Context,
    repair_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="One repair, with its change; without it, all that wait.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the repairs that wait for a person, and what is left alone; or all of one repair."""
    with explained():
        registry, _ = _open(context.obj)
        with told():
            found = [_find(registry, repair_id)] if repair_id else registry.repairs.waiting()
            at_rest, breaker = registry.repairs.at_rest(), registry.repairs.breaker()
    if as_json:
        display.print_json(waiting_json(found, at_rest, breaker))
    elif repair_id:
        display.print_lines(plan_lines(found[0]))
    else:
        display.print_lines(waiting_lines(found, at_rest, breaker))


def approve(
    context: typer.Context,
    repair_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="The repair's id; without it, you are shown each and asked.")
    ] = None,
) -> None:
    """Let a planned repair be applied: the very change that was shown, or nothing if the policy moved meanwhile."""
    with explained():
        registry, decisions = _open(context.obj)
        if repair_id:
            say(decisions.ask("approve", id=repair_id))
            return
        with told():
            waiting = registry.repairs.waiting()
        if not waiting:
            say("No repair waits for anybody.")
        for repair in waiting:
            display.print_lines(plan_lines(repair))
            if typer.confirm(f"Approve {repair.id}?"):
                say(decisions.ask("approve", id=repair.id))


def reject(
    context: typer.Context,
    repair_id: RepairId,
    *,
    reason: Annotated[str, typer.Option(help="Why; everybody who looks at the repair reads it.")],
) -> None:
    """Refuse a planned repair. It is not planned again while the policy stays as it is."""
    with explained():
        _, decisions = _open(context.obj)
        say(decisions.ask("reject", id=repair_id, reason=reason))


def undo(context: typer.Context, repair_id: RepairId) -> None:
    """Take an applied repair back: the policy as it was, or without our statement if somebody changed it since.

    Repairs of that policy are paused then, until `secretwatch resume`.
    """
    with explained():
        _, decisions = _open(context.obj)
        say(decisions.ask("undo", id=repair_id))


def _open(place: Place) -> tuple[Registry, Decisions]:
    clients, stack = place.find()
    return registry_of(clients, stack), Decisions(stack, place.profile)


def _find(registry: Registry, repair_id: str) -> Repair:
    repair = registry.repairs.find(repair_id)
    if repair is None:
        raise Unable(f"There is no repair {repair_id}. `secretwatch repairs` lists those that wait.")
    return repair
