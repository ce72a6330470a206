"""The command line: all commands, and the options that they share."""

from typing import Annotated

import typer

from secretwatch_cli.can_read import ManyValues
from secretwatch_cli.commands.approvals import approve, reject
from secretwatch_cli.commands.can_read import can_read
from secretwatch_cli.commands.check import check
from secretwatch_cli.commands.doctor import doctor
from secretwatch_cli.commands.explain import explain
from secretwatch_cli.commands.history import history
from secretwatch_cli.commands.onboarding import (
    EXIT_STATUS_OF_OFFBOARD,
    EXIT_STATUS_OF_ONBOARD,
    offboard,
    onboard,
    onboardings,
)
from secretwatch_cli.commands.pauses import pause, resume
from secretwatch_cli.commands.repairs import repairs, undo
from secretwatch_cli.commands.replay import replay
from secretwatch_cli.commands.scan import scan
from secretwatch_cli.commands.status import status
from secretwatch_cli.commands.waivers import unwaive, waive, waivers
from secretwatch_cli.display.terminal import write_anything
from secretwatch_cli.exits import EXIT_STATUS
from secretwatch_cli.invocation import Place
from secretwatch_cli.release import installed_version

app = typer.Typer(
    help="Watches the secrets that AgentCore agents depend on: ask about one of them, or about Secretwatch itself.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"secretwatch {installed_version() or '(from its sources)'}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    *,
    stack_name: Annotated[str, typer.Option(help="The CloudFormation stack of Secretwatch.")] = "secretwatch",
    region: Annotated[str | None, typer.Option(help="Its AWS Region.")] = None,
    profile: Annotated[str | None, typer.Option(help="The profile of your AWS configuration to use.")] = None,
    version: Annotated[  # noqa: ARG001 - its callback does it all
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """What all commands share."""
    write_anything()
    context.obj = Place(stack_name, region, profile)


# One line a command, in the order in which the help lists them.
app.command(epilog=EXIT_STATUS)(scan)
app.command(epilog=EXIT_STATUS)(check)
app.command()(explain)
app.command(epilog=EXIT_STATUS)(replay)
app.command("can-read", cls=ManyValues)(can_read)
app.command(epilog=EXIT_STATUS_OF_ONBOARD)(onboard)
app.command(epilog=EXIT_STATUS_OF_OFFBOARD)(offboard)
app.command()(onboardings)
app.command()(waive)
app.command()(waivers)
app.command()(unwaive)
app.command()(repairs)
app.command()(approve)
app.command()(reject)
app.command()(undo)
app.command()(pause)
app.command()(resume)
app.command()(history)
app.command(epilog=EXIT_STATUS)(status)
app.command()(doctor)
