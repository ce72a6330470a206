"""`secretwatch can-read`."""

from pathlib import Path
from typing import Annotated

import typer

from secretwatch.policy import evaluate
from secretwatch_cli import display
from secretwatch_cli.can_read import EXIT_CODES, decision_json, decision_lines, read_context, read_policies, read_reader
from secretwatch_cli.invocation import explained


def can_read(
    *,
    policy: Annotated[list[Path], typer.Option(help="A resource policy as JSON, in a file; all are taken together.")],
    reader: Annotated[str, typer.Option(help="A service such as bedrock-agentcore.amazonaws.com, or a role's ARN.")],
    action: Annotated[str, typer.Option(help="Such as secretsmanager:GetSecretValue.")],
    resource: Annotated[str, typer.Option(help="The ARN of the secret or key.")],
    present: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="A context key with a value; again for several values."),
    ] = None,
    absent: Annotated[list[str] | None, typer.Option(metavar="KEY", help="A key that the request lacks.")] = None,
    unknown: Annotated[list[str] | None, typer.Option(metavar="KEY", help="A key that may be anything.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell what policies decide about a reader. It needs no AWS.

    A context key that is not named is unknown, except the few that follow from the reader and the resource, such as
    aws:PrincipalArn, aws:PrincipalIsAWSService and aws:ResourceAccount. Each option may take several values.

    \b
    Exit status:
      0  allowed
      1  the command failed
      2  wrong usage; a file cannot be read
      3  denied, or a policy is not valid
      4  unknown: it depends on context keys
    """
    with explained():
        policies = read_policies(policy)
        context = read_context(present or (), absent or (), unknown or ())
        decision = evaluate(policies, read_reader(reader), action, resource, context)
    if as_json:
        display.print_json(decision_json(decision))
    else:
        display.print_lines(decision_lines(decision, policies))
    raise typer.Exit(EXIT_CODES[decision.outcome])
