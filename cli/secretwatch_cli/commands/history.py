"""`secretwatch history`."""

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from secretwatch.adapters.policies import KmsDocuments, SecretsManagerDocuments
from secretwatch.domain.repair.plan import Kind
from secretwatch_cli import display
from secretwatch_cli.aws import told
from secretwatch_cli.changes import since, standing
from secretwatch_cli.display.repairs import change_lines, changes_json, write_changes
from secretwatch_cli.durations import read_time
from secretwatch_cli.failures import Misused
from secretwatch_cli.invocation import explained
from secretwatch_cli.registry import registry_of

if TYPE_CHECKING:
    from secretwatch.ports import Documents


def history(
    context: typer.Context,
    subject: Annotated[
        str | None,
        typer.Argument(metavar="[SECRET]", help="A secret's name, partial or full ARN; or a key's full ARN."),
    ] = None,
    *,
    back: Annotated[str | None, typer.Option("--since", metavar="TIME", help="How far back: 30d, 2h.")] = None,
    active: Annotated[bool, typer.Option("--active", help="Only our statements that still stand.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Every change of a policy that Secretwatch made: when, before and after, why, who asked and who approved."""
    with explained():
        if as_json and as_csv:
            raise Misused("Say either --json or --csv.")
        start = datetime.now(UTC) - read_time(back, "--since") if back else None
        clients, stack = context.obj.find()
        registry = registry_of(clients, stack)
        with told():
            resource = subject if subject is None or ":kms:" in subject else registry.targets.find(subject).arn
            found = since(registry.repairs.audits(resource), start)
            if active:
                documents: dict[Kind, Documents] = {
                    Kind.SECRET: SecretsManagerDocuments(clients("secretsmanager")),
                    Kind.KEY: KmsDocuments(clients("kms")),
                }
                found = standing(found, lambda kind, arn: documents[kind].read(arn))
    if as_json:
        display.print_json(changes_json(found))
    elif as_csv:
        write_changes(found, sys.stdout)
    else:
        display.print_lines(change_lines(found))
