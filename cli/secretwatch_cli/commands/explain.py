"""`secretwatch explain`: one command for everything that wants explaining; what it is shows in its form."""

from typing import Annotated

import typer

from secretwatch_cli import display
from secretwatch_cli.explain_code import all_codes_json, all_codes_lines, code_json, code_lines, read_code
from secretwatch_cli.invocation import explained


def explain(
    subject: Annotated[
        str | None, typer.Argument(metavar="[CODE]", help="The code of a finding; without one, all codes are listed.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell what a finding means and how to mend it. It needs no AWS.

    \b
    Exit status:
      0  it is explained
      2  there is no such code
    """
    with explained():
        if subject is None:
            document, lines = all_codes_json(), all_codes_lines()
        else:
            code = read_code(subject)
            document, lines = code_json(code), code_lines(code)
    if as_json:
        display.print_json(document)
    else:
        display.print_lines(lines)
