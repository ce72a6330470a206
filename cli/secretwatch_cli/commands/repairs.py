"""`secretwatch repairs` and `undo`."""

from typing import Annotated

import typer

from secretwatch.domain.repair.repair import Repair
from secretwatch_cli import display
from secretwatch_cli.aws import told
from secretwatch_cli.decisions import Decisions
from secretwatch_cli.display.repairs import plan_lines, waiting_json, waiting_lines
from secretwatch_cli.failures import Unable
from secretwatch_cli.invocation import explained, say
from secretwatch_cli.registry import Registry, registry_of


def repairs(
    context: typer.Context,
    repair_id: Annotated[
        str | None, typer.Argument(metavar="ID", help="One repair, with its change; without it, all that wait.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the repairs that wait for a person, and what is left alone; or all of one repair."""
    with explained():
        registry = registry_of(*context.obj.find())
        with told():
            found = [_find(registry, repair_id)] if repair_id else registry.repairs.waiting()
            at_rest, breaker = registry.repairs.at_rest(), registry.repairs.breaker()
    if as_json:
        display.print_json(waiting_json(found, at_rest, breaker))
    elif repair_id:
        display.print_lines(plan_lines(found[0]))
    else:
        display.print_lines(waiting_lines(found, at_rest, breaker))


def undo(
    context: typer.Context,
    repair_id: Annotated[str, typer.Argument(metavar="ID", help="The repair's id, such as r-1a2b3c4d5e6f.")],
) -> None:
    """Take an applied repair back: the policy as it was, or without our statement if somebody changed it since.

    Repairs of that policy are paused then, until `secretwatch resume`.
    """
    with explained():
        _, stack = context.obj.find()
        say(Decisions(stack, context.obj.profile).ask("undo", id=repair_id))


def _find(registry: Registry, repair_id: str) -> Repair:
    repair = registry.repairs.find(repair_id)
    if repair is None:
        raise Unable(f"There is no repair {repair_id}. `secretwatch repairs` lists those that wait.")
    return repair
