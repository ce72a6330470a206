"""`secretwatch scan`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from secretwatch.domain.rules import AGENTCORE, CONSUMERS, ReadValues, Rules
from secretwatch.policy import Principal
from secretwatch_cli import display
from secretwatch_cli.display.scan import print_table, scan_json, scan_lines, write_csv
from secretwatch_cli.exits import FailOn
from secretwatch_cli.failures import Misused
from secretwatch_cli.invocation import explained, say
from secretwatch_cli.places import Place, places, scan_places
from secretwatch_cli.scanning import FailedScan, Progress, Scan, exit_status


def scan(
    context: typer.Context,
    *,
    profile: Annotated[
        list[str] | None, typer.Option(help="A profile of your AWS configuration; again for more accounts.")
    ] = None,
    region: Annotated[list[str] | None, typer.Option(help="An AWS Region; again for more.")] = None,
    required_reader: Annotated[
        list[str] | None,
        typer.Option(help=f"Who has to read: a service, a role's ARN, or `{CONSUMERS}`.  [default: {AGENTCORE}]"),
    ] = None,
    no_values: Annotated[bool, typer.Option("--no-values", help="Look at no secret's value.")] = False,
    tagged_values: Annotated[
        bool, typer.Option("--tagged-values", help="Look only at values of secrets tagged secretwatch:read-value=true.")
    ] = False,
    require_tag: Annotated[
        list[str] | None,
        typer.Option(metavar="TAG[=VALUE|VALUE]", help="A tag that each secret must have; again for more."),
    ] = None,
    require_customer_managed_key: Annotated[
        bool, typer.Option("--require-customer-managed-key", help="Each secret must be under a key of yours.")
    ] = False,
    require_rotation: Annotated[bool, typer.Option("--require-rotation", help="Each secret must rotate.")] = False,
    rotation_max_age: Annotated[
        int | None, typer.Option(min=1, metavar="DAYS", help="... and have rotated within so many days.")
    ] = None,
    require_narrow_policy: Annotated[
        bool, typer.Option("--require-narrow-policy", help="No policy may let in more than is needed.")
    ] = False,
    observed: Annotated[
        bool, typer.Option("--observed", help="Look for AgentCore's own reads in the last 90 days of CloudTrail.")
    ] = False,
    fail_on: Annotated[FailOn, typer.Option(help="The least severity that counts as a finding.")] = FailOn.BROKEN,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, a row for each finding.")] = False,
) -> None:
    """Look at every provider's secrets with your own credentials. No stack is needed, and nothing is written.

    Every --profile is looked at in every --region. It keeps below AWS's quotas: ten providers a second.
    """
    with explained():
        if as_json and as_csv:
            raise Misused("Give --json or --csv, not both.")
        rules = Rules(
            required_readers=_readers(required_reader),
            required_tags=dict(map(_tag, require_tag or ())),
            customer_managed_key=require_customer_managed_key,
            rotation=require_rotation or rotation_max_age is not None,
            rotation_max_age=timedelta(days=rotation_max_age) if rotation_max_age else None,
            narrow_policy=require_narrow_policy,
            read_values=_values(none=no_values, tagged=tagged_values),
        )
    found = list(places(profile or [context.obj.profile], region or [context.obj.region]))
    failed = [one for one in found if isinstance(one, FailedScan)]
    with _bars() as bars:

        def progress(place: Place) -> Progress:
            task = bars.add_task(f"{place.everything.account} {place.everything.region}", total=None)
            return Progress(lambda done, of: bars.update(task, completed=done, total=of))

        scans = scan_places(
            [one for one in found if isinstance(one, Place)],
            rules=rules,
            observed=observed,
            progress=progress,
            tell=say,
        )
    _show(scans, failed, as_json=as_json, as_csv=as_csv)
    raise typer.Exit(exit_status(scans, failed, fail_on))


def _readers(texts: list[str] | None) -> tuple[str, ...]:
    """Raises Misused for what is no reader."""
    for text in texts or ():
        if text != CONSUMERS:
            try:
                Principal.parse(text)
            except ValueError as error:
                raise Misused(f"--required-reader {text!r}: {error}.") from error
    return tuple(texts or Rules().required_readers)


def _tag(text: str) -> tuple[str, frozenset[str]]:
    """Of `tag`, or `tag=value|value`; raises Misused when it names no tag."""
    tag, _, values = text.partition("=")
    if not tag.strip():
        raise Misused(f"--require-tag {text!r} names no tag.")
    return tag.strip(), frozenset(value.strip() for value in values.split("|") if value.strip())


def _values(*, none: bool, tagged: bool) -> ReadValues:
    if none and tagged:
        raise Misused("Give --no-values or --tagged-values, not both.")
    return ReadValues.NONE if none else ReadValues.TAGGED if tagged else ReadValues.ALL


@contextmanager
def _bars() -> Iterator[Bars]:
    """One bar a place, on stderr, while somebody looks."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Bars(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        yield bars


def _show(scans: list[Scan], failed: list[FailedScan], *, as_json: bool, as_csv: bool) -> None:
    if as_json:
        display.print_json(scan_json(scans, failed))
    elif as_csv:
        write_csv(scans, sys.stdout)
        for one in failed:
            say(f"{one.profile or ''} {one.region} could not be looked at: {one.reason}".strip())
    else:
        if any(one.found for one in scans):
            print_table(scans)
        display.print_lines(scan_lines(scans, failed))
