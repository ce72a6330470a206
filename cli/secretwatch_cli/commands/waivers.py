"""`secretwatch waive`, `waivers` and `unwaive`."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from secretwatch.domain.waiver import Waiver
from secretwatch_cli import display
from secretwatch_cli.aws import Clients, told
from secretwatch_cli.check import ask
from secretwatch_cli.explain_code import read_code
from secretwatch_cli.invocation import Place, explained, say
from secretwatch_cli.registry import Registry, registry_of
from secretwatch_cli.target import Target
from secretwatch_cli.waiving import in_force, read_duration, read_reason, waiver_json, waiver_lines, waivers_json

Subject = Annotated[
    str,
    typer.Argument(
        metavar="SECRET_OR_PROVIDER", help="A secret's name, partial or full ARN; a provider's name or ARN."
    ),
]
CodeText = Annotated[str, typer.Argument(metavar="CODE", help="The finding's code, such as ROTATION_OFF.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def waive(
    context: typer.Context,
    subject: Subject,
    code: CodeText,
    *,
    lasts: Annotated[str, typer.Option("--for", metavar="TIME", help="How long, in days or hours: 30d, 2h.")],
    reason: Annotated[str, typer.Option(help="Why; everybody who looks at the finding reads it.")],
    as_json: AsJson = False,
) -> None:
    """Live with a finding for a time: it stays visible, but alerts nobody and counts no more.

    Waiving it again replaces reason and time. Once the time is over it alerts again.
    """
    with explained():
        waived, duration, why = read_code(code), read_duration(lasts), read_reason(reason)
        clients, registry = _open(context.obj)
        with told():
            target = registry.targets.find(subject)
            author, at = _caller(clients), datetime.now(UTC)
            waiver = Waiver(target.arn, waived, why, author, created_at=at, expires_at=at + duration)
            registry.waivers.give(waiver)
            _check_again(target, registry)
    if as_json:
        display.print_json(waiver_json(waiver))
    else:
        display.print_lines(waiver_lines([waiver]))


def unwaive(context: typer.Context, subject: Subject, code: CodeText) -> None:
    """End a waiver before its time; it does not matter whether there was one."""
    with explained():
        waived = read_code(code)
        _, registry = _open(context.obj)
        with told():
            target = registry.targets.find(subject)
            registry.waivers.end(target.arn, waived)
            _check_again(target, registry)


def waivers(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the waivers that hold, the first to end first."""
    with explained():
        _, registry = _open(context.obj)
        with told():
            holding = in_force(registry.waivers.all(), at=datetime.now(UTC))
    if as_json:
        display.print_json(waivers_json(holding))
    else:
        display.print_lines(waiver_lines(holding))


def _open(place: Place) -> tuple[Clients, Registry]:
    clients, stack = place.find()
    return clients, registry_of(clients, stack)


def _caller(clients: Clients) -> str:
    arn: str = clients("sts").get_caller_identity()["Arn"]
    return arn


def _check_again(target: Target, registry: Registry) -> None:
    """A waiver, or its end, takes effect when the references are next checked."""
    states = target.look()
    if states:
        ask((state.reference for state in states), registry.checks)
    else:
        say(f"No reference to {target.name} is known yet.")
