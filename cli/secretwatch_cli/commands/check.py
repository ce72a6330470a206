"""`secretwatch check`."""

from typing import Annotated

import typer

from secretwatch.adapters.dynamodb import DynamoDbReferences
from secretwatch.adapters.sqs import SqsRequests
from secretwatch.domain.secret import SecretId
from secretwatch_cli import display
from secretwatch_cli.aws import told
from secretwatch_cli.check import Answer, check_anew, look_up
from secretwatch_cli.exits import FailOn
from secretwatch_cli.failures import Misused
from secretwatch_cli.invocation import Place, explained, say


def check(
    context: typer.Context,
    secret: Annotated[str, typer.Argument(help="Its name, partial ARN or full ARN.")],
    *,
    wait: Annotated[bool, typer.Option(help="Ask for a check and wait for it, or show what is stored already.")] = True,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait for the check.")] = 60,
    fail_on: Annotated[FailOn, typer.Option(help="The least severity that counts as a finding.")] = FailOn.BROKEN,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell whether a secret still serves every provider that references it."""
    with explained():
        answer = _ask(context.obj, secret, timeout=timeout if wait else None)
    if as_json:
        display.print_json(display.answer_json(answer, secret))
    else:
        display.print_lines(display.answer_lines(answer))
    if answer.unchecked:
        say(f"{answer.unchecked} of {len(answer.states)} references were not checked in time. Try: secretwatch doctor")
    raise typer.Exit(answer.exit_status(fail_on))


def _ask(place: Place, text: str, *, timeout: float | None) -> Answer:
    """What is stored of the secret; with a `timeout`, after a fresh check."""
    made, stack = place.find()
    try:
        secret = SecretId.parse(text, account=stack.account, region=stack.region)
    except ValueError as error:
        raise Misused(f"{text!r} is not a secret's name or ARN.") from error
    with told():
        references = DynamoDbReferences(made("dynamodb"), stack.output("RegistryTable"))
        if timeout is None:
            return look_up(references, secret)
        requests = SqsRequests(made("sqs"), stack.output("SweepQueueUrl"))
        with display.console(stderr=True).status("asking for a check") as status:

            def progress(checked: int, of: int) -> None:
                status.update(f"{checked} of {of} references checked")

            return check_anew(references, requests, secret, timeout=timeout, progress=progress)
