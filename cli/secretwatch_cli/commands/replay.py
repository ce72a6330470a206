"""`secretwatch replay`."""

from typing import Annotated

import typer

from secretwatch.domain.change import read_change
from secretwatch_cli import display
from secretwatch_cli.aws import told
from secretwatch_cli.check import Answer
from secretwatch_cli.display.answer import answer_json, answer_lines
from secretwatch_cli.exits import FailOn
from secretwatch_cli.explain import Outcome, read_event
from secretwatch_cli.explain import explain as explain_event
from secretwatch_cli.failures import Misused
from secretwatch_cli.invocation import Place, explained, say
from secretwatch_cli.replay import replaying, settings_of


def replay(
    context: typer.Context,
    event: Annotated[
        str, typer.Argument(metavar="EVENT.json", help="A file that holds an event; - reads it from standard input.")
    ],
    *,
    dry_run: Annotated[bool, typer.Option(help="Look, and store and publish nothing.")] = False,
    fail_on: Annotated[FailOn, typer.Option(help="The least severity that counts as a finding.")] = FailOn.BROKEN,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Put an event through the functions' own code, here and with your own permissions, and show what it finds.

    It reads what the functions would read, and stores the verdicts in the Registry, from where they are published.
    """
    with explained():
        answer = _replayed(context.obj, read_event(event), dry_run=dry_run)
    if as_json:
        display.print_json(answer_json(answer, event))
    else:
        display.print_lines(answer_lines(answer))
    if not answer.states:
        say("It checks nothing: no reference that Secretwatch knows depends on what it names.")
    raise typer.Exit(answer.exit_status(fail_on))


def _replayed(place: Place, text: str, *, dry_run: bool) -> Answer:
    explanation = explain_event(text)
    if explanation.outcome is not Outcome.UNDERSTOOD:
        raise Misused(explanation.reason)
    clients, stack = place.find()
    with told():
        settings = settings_of(clients, stack)
        change = read_change(text, own_roles=settings.own_roles)
        return Answer(replaying(clients, settings, dry_run=dry_run).replay(change))
