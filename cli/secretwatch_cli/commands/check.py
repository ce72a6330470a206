"""`secretwatch check`."""

from typing import Annotated

import typer

from secretwatch_cli import display
from secretwatch_cli.aws import told
from secretwatch_cli.check import Answer, check_anew, look_up
from secretwatch_cli.display.answer import answer_json, answer_lines
from secretwatch_cli.exits import FailOn
from secretwatch_cli.invocation import Place, explained, say
from secretwatch_cli.registry import registry_of


def check(
    context: typer.Context,
    subject: Annotated[
        str,
        typer.Argument(
            metavar="SECRET_OR_PROVIDER", help="A secret's name, partial or full ARN; a provider's name or ARN."
        ),
    ],
    *,
    wait: Annotated[bool, typer.Option(help="Ask for a check and wait for it, or show what is stored already.")] = True,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait for the check.")] = 60,
    fail_on: Annotated[FailOn, typer.Option(help="The least severity that counts as a finding.")] = FailOn.BROKEN,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell whether a secret still serves every provider that references it, or a provider still has its secrets."""
    with explained():
        answer = _ask(context.obj, subject, timeout=timeout if wait else None)
    if as_json:
        display.print_json(answer_json(answer, subject))
    else:
        display.print_lines(answer_lines(answer))
    if answer.unchecked:
        say(f"{answer.unchecked} of {len(answer.states)} references were not checked in time. Try: secretwatch doctor")
    raise typer.Exit(answer.exit_status(fail_on))


def _ask(place: Place, text: str, *, timeout: float | None) -> Answer:
    """What is stored; with a `timeout`, after a fresh check."""
    registry = registry_of(*place.find())
    with told():
        target = registry.targets.find(text)
        if timeout is None:
            return look_up(target)
        with display.console(stderr=True).status("asking for a check") as status:

            def progress(checked: int, of: int) -> None:
                status.update(f"{checked} of {of} references checked")

            return check_anew(target, registry.checks, timeout=timeout, progress=progress)
