"""`secretwatch explain`: one command for everything that wants explaining; what it is shows in its form."""

from typing import Annotated

import typer

from secretwatch_cli import display
from secretwatch_cli.display.explanation import explanation_json, explanation_lines
from secretwatch_cli.explain import explain as explain_event
from secretwatch_cli.explain import names_event, read_event
from secretwatch_cli.explain_code import all_codes_json, all_codes_lines, code_json, code_lines, read_code
from secretwatch_cli.invocation import explained


def explain(
    subject: Annotated[
        str | None,
        typer.Argument(
            metavar="[CODE|EVENT.json]",
            help="The code of a finding, or a file with an event (- for standard input); without it, all codes.",
        ),
    ] = None,
    *,
    own_role: Annotated[
        list[str] | None,
        typer.Option(help="A role that writes for Secretwatch, by ARN or name; again for more. For events."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell what a finding means and how to mend it, or what becomes of an event. It needs no AWS.

    Of an event it tells which rules take it, how it is understood, and what would be looked up.

    \b
    Exit status:
      0  it is explained; the event is understood
      2  there is no such code or file; it cannot be read as an event
      3  the event is ignored
    """
    status = 0
    with explained():
        if subject is None:
            document, lines = all_codes_json(), all_codes_lines()
        elif names_event(subject):
            explanation = explain_event(read_event(subject), own_roles=own_role or [])
            document, lines = explanation_json(explanation), explanation_lines(explanation)
            status = explanation.outcome
        else:
            code = read_code(subject)
            document, lines = code_json(code), code_lines(code)
    if as_json:
        display.print_json(document)
    else:
        display.print_lines(lines)
    raise typer.Exit(status)
