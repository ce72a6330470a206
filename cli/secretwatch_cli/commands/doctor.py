"""`secretwatch doctor`."""

from typing import Annotated

import typer

from secretwatch_cli import display
from secretwatch_cli.display.health import result_lines, results_json
from secretwatch_cli.doctor import examine
from secretwatch_cli.invocation import explained
from secretwatch_cli.release import installed_version
from secretwatch_cli.result import exit_status


def doctor(
    context: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell whether Secretwatch itself is well.

    It looks at the trail, the way of an event through the stack, who gets alerts, and what the functions may read.
    Each check is ok, a warning, a problem, or unknown: it could not be seen, and why.

    \b
    Exit status:
      0  no problem; a warning, or what could not be seen, is none
      1  the command failed: the stack cannot be found, or not be looked at
      2  wrong usage
      3  at least one problem
    """
    with explained():
        made, stack = context.obj.find()
        stack.output("RegistryTable")  # another application's stack is no patient
        results = examine(made, stack, version=installed_version())
    if as_json:
        display.print_json(results_json(results, stack.arn))
    else:
        display.print_lines(result_lines(results))
    raise typer.Exit(exit_status(results))
