"""`secretwatch onboard`, `offboard` and `onboardings`."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from secretwatch.adapters.provider_requests import Form, ProviderRequests
from secretwatch.domain.onboarding.onboarding import Onboarding
from secretwatch.domain.onboarding.request import OnboardingRequest, Problem, plain, read_request
from secretwatch.domain.reference import ProviderKind
from secretwatch_cli import display
from secretwatch_cli.aws import told
from secretwatch_cli.display.onboarding import (
    dry_run_json,
    execution_json,
    inspected_lines,
    onboarding_json,
    onboarding_lines,
    open_json,
    open_lines,
    outcome_lines,
    problem_lines,
    step_line,
    waits_for_people,
)
from secretwatch_cli.durations import read_time
from secretwatch_cli.executions import Executions
from secretwatch_cli.exits import Exit
from secretwatch_cli.failures import Misused, Unable
from secretwatch_cli.inspection import inspect
from secretwatch_cli.invocation import Place, explained, say
from secretwatch_cli.registry import registry_of
from secretwatch_cli.requesting import Wanted, example, form_of, kinds, options_of, read_file, typed, written
from secretwatch_cli.steps import Execution, Outcome, Step
from secretwatch_cli.underway import UnderWay

EXIT_STATUS_OF_ONBOARD = """\b
Exit status:
  0  it is done; without --wait, it runs; with --dry-run, nothing was found against it
  1  the command failed, or the workflow did, and it is rolled back
  2  wrong usage
  3  the request is refused: something in it, or in what it names, has to be mended first
  4  the wait was interrupted, and the workflow goes on; with --dry-run, something could not be told
"""
EXIT_STATUS_OF_OFFBOARD = """\b
Exit status:
  0  it is done; without --wait, it runs
  1  the command failed, or the workflow did: what it says may have to be mended, and started again, it goes on
  2  wrong usage
  3  what is asked for is refused, and has to be mended first
  4  the wait was interrupted, and the workflow goes on
"""

Wait = Annotated[bool, typer.Option("--wait", help="Show each step, and wait until it is over.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def onboard(
    context: typer.Context,
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="KIND", help="api-key, google-oauth2, custom-oauth2, coinbase, ...: any vendor of AgentCore."
        ),
    ] = None,
    *,
    name: Annotated[str | None, typer.Option(help="What the provider is to be called.")] = None,
    client_id: Annotated[
        str | None, typer.Option(help="The id that the vendor gave you with the secret (clientId, apiKeyId, appId).")
    ] = None,
    secret: Annotated[str | None, typer.Option(help="Your secret's ARN or name.")] = None,
    json_key: Annotated[str | None, typer.Option(help="Under which key of its JSON the credential is.")] = None,
    discovery_url: Annotated[str | None, typer.Option(help="Of custom-oauth2: where its metadata is.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="FIELD=VALUE", help="Anything else of the vendor's configuration, dotted; again for more."
        ),
    ] = None,
    file: Annotated[
        str | None, typer.Option("--file", "-f", metavar="REQUEST", help="A whole request, JSON or YAML; - for stdin.")
    ] = None,
    owner: Annotated[str | None, typer.Option(help="Whose it is, as people are told.")] = None,
    approve_within: Annotated[
        str | None, typer.Option(metavar="TIME", help="How long an approval may take: 2h, 3d.  [default: 3d]")
    ] = None,
    vend: Annotated[
        bool, typer.Option("--vend", help="Of an API key: fetch it once, and drop it, to prove that it works.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say all that is wrong with it, and start nothing.")
    ] = False,
    wait: Wait = False,
    as_json: AsJson = False,
    example_of: Annotated[
        str | None, typer.Option("--example", metavar="KIND", help="Print a request of that kind, and do nothing.")
    ] = None,
) -> None:
    """Give a secret of yours a provider that is proven to resolve, or say what to mend and leave nothing behind.

    The same request again follows the workflow that runs, or finds the provider that is there.
    """
    with explained():
        if example_of:
            display.print_json(example(_form(example_of)))
            return
        wanted = Wanted(name, client_id, secret, json_key, discovery_url, tuple(settings or ()))
        within = read_time(approve_within, "--approve-within") if approve_within else None
        given = _with(_asked(kind, wanted, file), options_of(owner, within, vend=vend))
        request, problems = _judged(given)
        problems = [typed(_form(kind), one) for one in problems] if kind else problems
        if request and not problems and not dry_run:
            _run(context.obj, "OnboardSecretArn", f"o-{request.digest}", given, wait=wait, as_json=as_json)
    inspected, unknown = _inspected(context.obj, request) if request and not problems else (None, None)
    problems = [*problems, *(inspected.problems if inspected else ())]
    if as_json:
        display.print_json(dry_run_json(problems, inspected, unknown))
    else:
        _show(problems, inspected, unknown)
    raise typer.Exit(Exit.FINDINGS if problems else Exit.UNKNOWN if unknown else Exit.WELL)


def offboard(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="api-key, oauth2 or payment; or as for onboard.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="The provider's name.")],
    *,
    force: Annotated[bool, typer.Option("--force", help="Remove it although gateway targets use it.")] = False,
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """Remove a provider safely: not while gateway targets use it, and with the access that only it needed."""
    with explained():
        given = {"kind": _kind(kind), "name": name, **({"force": True} if force else {})}
        digest = hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()[:12]
        _run(context.obj, "OffboardProviderArn", f"off-{digest}", given, wait=wait, as_json=as_json)


def onboardings(
    context: typer.Context,
    id_: Annotated[
        str | None, typer.Argument(metavar="ID", help="One onboarding, whole; without it, all that are under way.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show what is under way: onboardings, those that wait for a person first, and offboardings; or all of one."""
    with explained():
        registry = registry_of(*context.obj.find())
        with told():
            found = registry.onboardings.find(id_) if id_ else None
            stopped = found is not None and registry.under_way.is_stopped(found)
            under_way = UnderWay() if id_ else registry.under_way.look()
        if id_ and not found:
            raise Unable(f"There is no onboarding {id_}. `secretwatch onboardings` lists those that are under way.")
    if as_json:
        display.print_json(
            {"onboardings": [onboarding_json(found, stopped=stopped)]} if found else open_json(under_way)
        )
    elif found:
        display.print_lines(onboarding_lines(found, stopped=stopped))
    else:
        display.print_lines(open_lines(under_way, at=datetime.now(UTC)))


def _asked(kind: str | None, wanted: Wanted, file: str | None) -> dict[str, Any]:
    """The request by options, or from a file."""
    if (kind is None) == (file is None):
        raise Misused("Say either which KIND, or -f REQUEST. `secretwatch onboard --example api-key` prints one.")
    if file is None:
        return written(_form(str(kind)), wanted)
    if not wanted.nothing:
        raise Misused("With -f, everything about the provider stands in the file.")
    given = read_file(file)
    if not isinstance(given, dict):
        raise Misused(f"{file} holds no request. `secretwatch onboard --example api-key` prints one.")
    return given


def _with(given: dict[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """What is typed outweighs what stands in a file; of the options, each by itself."""
    options = given.get("options")
    if isinstance(options, dict) and "options" in ours:
        return {**given, **ours, "options": {**options, **ours["options"]}}
    return {**given, **ours}


def _judged(given: Mapping[str, Any]) -> tuple[OnboardingRequest | None, list[Problem]]:
    """Held against AgentCore's model before anything is started: a literal secret never enters a history."""
    request = read_request(given)
    if not isinstance(request, OnboardingRequest):
        return None, request
    return request, ProviderRequests(started=False).problems(request)


_KINDS = {plain(kind): kind for kind in ProviderKind}


def _form(text: str) -> Form:
    """What is to be onboarded: of a vendor, since a kind alone says too little."""
    kind = _KINDS.get(plain(text))
    vendors = [name for name, form in kinds().items() if form.vendor and form.kind is kind]
    if vendors:
        raise Misused(f"{text!r} says no vendor. Say which: {', '.join(vendors)}.")
    return form_of(text)


def _kind(text: str) -> ProviderKind:
    """What is to be removed: a kind says enough, and so does what it was onboarded as."""
    if kind := _KINDS.get(plain(text)):
        return kind
    try:
        return form_of(text).kind
    except Misused:
        known = "There are: api-key, oauth2 and payment; or what it was onboarded as, such as google-oauth2."
        raise Misused(f"{text!r} is no kind of provider. {known}") from None


def _inspected(place: Place, request: OnboardingRequest) -> tuple[Onboarding | None, str | None]:
    """What the workflow would find; or why that cannot be told by whoever asks."""
    try:
        return inspect(*place.find(), request), None
    except Unable as error:
        return None, str(error)


def _show(problems: list[Problem], inspected: Onboarding | None, unknown: str | None) -> None:
    display.print_lines(problem_lines(problems))
    if inspected and not problems:
        display.print_lines(inspected_lines(inspected))
    if unknown:
        say(f"Nothing is wrong with the request itself. What it names could not be looked at: {unknown}")
    elif not problems:
        say("Nothing was found against it.")


def _run(place: Place, output: str, name: str, given: Mapping[str, Any], *, wait: bool, as_json: bool) -> None:
    """Start the workflow and exit: at once, or with what came of it."""
    clients, stack = place.find()
    executions = Executions(clients, stack.output(output))
    execution = executions.start(name, given)
    interrupted = False
    if wait:
        execution, interrupted = _followed(executions, execution)
    if as_json:
        display.print_json(execution_json(execution))
    else:
        display.print_lines(outcome_lines(execution))
    raise typer.Exit(_exit_status(execution, interrupted=interrupted))


def _followed(executions: Executions, started: Execution) -> tuple[Execution, bool]:
    """Its end, each step told when it is over; or as it stood when the person had seen enough."""
    console, latest, told = display.console(stderr=True), started, set[tuple[int, Step]]()
    with console.status(started.id) as status:
        try:
            for latest in executions.follow(started):
                for numbered in enumerate(latest.steps):
                    step = numbered[1]
                    if numbered not in told and (step.outcome is not Outcome.RUNNING or waits_for_people(step)):
                        console.print(step_line(step, latest.id))
                        told.add(numbered)
                status.update(latest.steps[-1].name if latest.steps else latest.id)
        except KeyboardInterrupt:
            return latest, True
    return latest, False


def _exit_status(execution: Execution, *, interrupted: bool) -> Exit:
    if interrupted:
        return Exit.UNKNOWN
    if execution.succeeded or not execution.over:
        return Exit.WELL
    return Exit.FINDINGS if execution.error == "RequestRefused" else Exit.FAILED
