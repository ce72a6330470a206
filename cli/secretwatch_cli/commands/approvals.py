"""`secretwatch approve` and `reject`: of whatever waits for a person."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.text import Text

from secretwatch_cli import display
from secretwatch_cli.aws import told
from secretwatch_cli.decisions import ONBOARDINGS, REPAIRS, Decisions
from secretwatch_cli.display.onboarding import onboarding_lines
from secretwatch_cli.display.repairs import plan_lines
from secretwatch_cli.invocation import Place, explained, say
from secretwatch_cli.registry import Registry, registry_of
from secretwatch_cli.stack import Stack
from secretwatch_cli.underway import waiting


def approve(
    context: typer.Context,
    id_: Annotated[
        str | None,
        typer.Argument(
            metavar="ID", help="Of a repair or an onboarding; without it, you are shown each that waits and asked."
        ),
    ] = None,
) -> None:
    """Let a planned repair be applied, or an onboarding go on: by the very change that was shown, or not at all."""
    with explained():
        registry, stack = _open(context.obj)
        if id_:
            say(_decisions(context.obj, stack, registry, id_).ask("approve", id=id_))
            return
        with told():
            repairs = registry.repairs.waiting()
            onboardings = waiting(registry.under_way.look().onboardings, at=datetime.now(UTC))
        if not repairs and not onboardings:
            say("Nothing waits for anybody.")
        for repair in repairs:
            _offer(context.obj, stack, registry, repair.id, plan_lines(repair))
        for onboarding in onboardings:
            _offer(context.obj, stack, registry, onboarding.id, onboarding_lines(onboarding))


def reject(
    context: typer.Context,
    id_: Annotated[str, typer.Argument(metavar="ID", help="Of the repair or the onboarding.")],
    *,
    reason: Annotated[str, typer.Option(help="Why; everybody who looks at it reads it.")],
) -> None:
    """Refuse a planned repair, which is not planned again while the policy stays as it is; or an onboarding."""
    with explained():
        registry, stack = _open(context.obj)
        say(_decisions(context.obj, stack, registry, id_).ask("reject", id=id_, reason=reason))


def _offer(place: Place, stack: Stack, registry: Registry, id_: str, lines: Iterable[Text]) -> None:
    display.print_lines(lines)
    if typer.confirm(f"Approve {id_}?"):
        say(_decisions(place, stack, registry, id_).ask("approve", id=id_))


def _open(place: Place) -> tuple[Registry, Stack]:
    clients, stack = place.find()
    return registry_of(clients, stack), stack


def _decisions(place: Place, stack: Stack, registry: Registry, id_: str) -> Decisions:
    """Where that is decided: an onboarding has whatever id its execution was given."""
    with told():
        matter = ONBOARDINGS if registry.onboardings.find(id_) else REPAIRS
    return Decisions(stack, place.profile, matter)
