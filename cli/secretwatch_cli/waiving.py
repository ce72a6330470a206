"""`secretwatch waive`, `waivers`, `unwaive`: living with a finding, for a time and for a reason."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from rich.text import Text

from secretwatch.domain.waiver import Waiver
from secretwatch_cli.display import indented, moment
from secretwatch_cli.durations import read_time
from secretwatch_cli.failures import Misused

LONGEST = timedelta(days=365)  # whoever lives with it longer says so again
_REASON_LIMIT = 500  # characters


def read_duration(text: str) -> timedelta:
    """Of `30d` or `2h`; raises Misused for anything else, and for more than a year."""
    duration = read_time(text, "--for")
    if not timedelta(0) < duration <= LONGEST:
        raise Misused(f"A finding is waived for an hour at least, and for {LONGEST.days} days at most.")
    return duration


def read_reason(text: str) -> str:
    """In one line; raises Misused when it is none."""
    if not (said := " ".join(text.split())):
        raise Misused("A waiver needs a --reason: whoever reads it later wants to know.")
    if len(said) > _REASON_LIMIT:
        raise Misused(f"The --reason is longer than {_REASON_LIMIT} characters.")
    return said


def in_force(waivers: Iterable[Waiver], *, at: datetime) -> list[Waiver]:
    """Those that hold, the first to end first: the Registry forgets an expired one up to two days late."""
    return sorted((one for one in waivers if one.expires_at > at), key=lambda one: (one.expires_at, one.subject))


def waiver_lines(waivers: Iterable[Waiver]) -> Iterator[Text]:
    """Every waiver: what, until when, who and why."""
    for one in waivers:
        yield Text.assemble((one.code.value, "bold"), f" until {moment(one.expires_at)}")
        yield indented(one.subject, "dim")
        yield indented(f"{one.reason} ({one.author}, {moment(one.created_at)})")


def waivers_json(waivers: Iterable[Waiver]) -> dict[str, Any]:
    """The same for a program."""
    return {"waivers": [waiver_json(one) for one in waivers]}


def waiver_json(waiver: Waiver) -> dict[str, Any]:
    """One waiver for a program."""
    return {
        "subject": waiver.subject,
        "code": waiver.code,
        "reason": waiver.reason,
        "author": waiver.author,
        "createdAt": waiver.created_at.isoformat(),
        "until": waiver.expires_at.isoformat(),
    }
