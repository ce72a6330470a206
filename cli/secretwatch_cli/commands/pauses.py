"""`secretwatch pause` and `resume`."""

from typing import Annotated

import typer

from secretwatch_cli.aws import told
from secretwatch_cli.decisions import Decisions
from secretwatch_cli.failures import Misused
from secretwatch_cli.invocation import Place, explained, say
from secretwatch_cli.registry import registry_of

Subject = Annotated[
    str | None,
    typer.Argument(metavar="[SECRET]", help="A secret's name, partial or full ARN; or a key's full ARN."),
]
All = Annotated[bool, typer.Option("--all", help="All repairs of the stack.")]


def pause(context: typer.Context, subject: Subject = None, *, everything: All = False) -> None:
    """Repair nothing, of one secret or of all, until `secretwatch resume`."""
    _ask(context.obj, "pause", subject, everything)


def resume(context: typer.Context, subject: Subject = None, *, everything: All = False) -> None:
    """Go on: after a pause, a contest, an undone repair, or once the breaker stopped all repairs."""
    _ask(context.obj, "resume", subject, everything)


def _ask(place: Place, wish: str, subject: str | None, everything: bool) -> None:
    with explained():
        if everything == bool(subject):
            raise Misused("Say either which SECRET, or --all.")
        clients, stack = place.find()
        with told():
            targets = registry_of(clients, stack).targets
            resource = subject if subject is None or ":kms:" in subject else targets.find(subject).arn
        say(Decisions(stack, place.profile).ask(wish, resource=resource))
