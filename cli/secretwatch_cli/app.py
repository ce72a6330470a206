"""The command line: parses, calls one thing, shows it, and exits with what it means."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from secretwatch.adapters.dynamodb import DynamoDbReferences
from secretwatch.adapters.sqs import SqsRequests
from secretwatch.domain.secret import SecretId
from secretwatch.policy import evaluate
from secretwatch_cli import can_read, display
from secretwatch_cli.aws import Clients, Unable, clients, told
from secretwatch_cli.check import Answer, check_anew, look_up
from secretwatch_cli.doctor import examine
from secretwatch_cli.result import Health
from secretwatch_cli.stack import Stack, find_stack

app = typer.Typer(
    help="Watches the secrets that AgentCore agents depend on: ask about one of them, or about Secretwatch itself.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where to look: the global options."""

    stack_name: str
    region: str | None
    profile: str | None

    def find(self) -> tuple[Clients, Stack]:
        """The stack, and clients of its account and Region; raises Unable when there is none to look at."""
        made = clients(profile=self.profile, region=self.region)
        return made, find_stack(made, self.stack_name)


def installed_version() -> str | None:
    """The version that was installed; None when the command runs from its sources."""
    try:
        return metadata.version("secretwatch")
    except metadata.PackageNotFoundError:
        return None


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
    context.obj = Place(stack_name, region, profile)


@app.command()
def check(
    context: typer.Context,
    secret: Annotated[str, typer.Argument(help="Its name, partial ARN or full ARN.")],
    *,
    wait: Annotated[bool, typer.Option(help="Ask for a check and wait for it, or show what is stored already.")] = True,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait for the check.")] = 60,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell whether a secret still serves every provider that references it.

    \b
    Exit status:
      0  every reference resolves
      1  a reference is broken or degraded
      2  wrong usage; no such stack, or nobody references the secret; no access
      3  unknown, or not checked in time
    """
    with _explained():
        answer = _ask(context.obj, secret, timeout=timeout if wait else None)
    if as_json:
        display.print_json(display.answer_json(answer, secret))
    else:
        display.print_lines(display.answer_lines(answer))
    if answer.unchecked:
        _say(f"{answer.unchecked} of {len(answer.states)} references were not checked in time. Try: secretwatch doctor")
    raise typer.Exit(answer.exit_code)


@app.command()
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
      0  no problem
      1  at least one problem
      2  wrong usage; the stack cannot be found, or not be looked at
    """
    with _explained():
        made, stack = context.obj.find()
        stack.output("RegistryTable")  # another application's stack is no patient
        results = examine(made, stack, version=installed_version())
    if as_json:
        display.print_json(display.results_json(results, stack.arn))
    else:
        display.print_lines(display.result_lines(results))
    raise typer.Exit(1 if any(result.health is Health.PROBLEM for result in results) else 0)


@app.command("can-read", cls=can_read.ManyValues)
def _can_read(
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
    with _explained():
        policies = can_read.read_policies(policy)
        context = can_read.read_context(present or (), absent or (), unknown or ())
        decision = evaluate(policies, can_read.read_reader(reader), action, resource, context)
    if as_json:
        display.print_json(can_read.decision_json(decision))
    else:
        display.print_lines(can_read.decision_lines(decision, policies))
    raise typer.Exit(can_read.EXIT_CODES[decision.outcome])


def _ask(place: Place, text: str, *, timeout: float | None) -> Answer:
    """What is stored of the secret; with a `timeout`, after a fresh check."""
    made, stack = place.find()
    try:
        secret = SecretId.parse(text, account=stack.account, region=stack.region)
    except ValueError as error:
        raise Unable(f"{text!r} is not a secret's name or ARN.") from error
    with told():
        references = DynamoDbReferences(made("dynamodb"), stack.output("RegistryTable"))
        if timeout is None:
            return look_up(references, secret)
        requests = SqsRequests(made("sqs"), stack.output("SweepQueueUrl"))
        with display.console(stderr=True).status("asking for a check") as status:

            def progress(checked: int, of: int) -> None:
                status.update(f"{checked} of {of} references checked")

            return check_anew(references, requests, secret, timeout=timeout, progress=progress)


@contextmanager
def _explained() -> Iterator[None]:
    """Say why something cannot be done, and exit with 2."""
    try:
        yield
    except Unable as error:
        _say(str(error))
        raise typer.Exit(2) from error


def _say(text: str) -> None:
    display.console(stderr=True).print(text)
