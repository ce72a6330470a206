"""How anything is written: lines in words for people, one JSON document for programs."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from io import TextIOWrapper
from typing import Any

from rich.console import Console
from rich.text import Text

from secretwatch_cli.result import Health
from secretwatch_cli.steps import Outcome

STYLES: Mapping[str, str] = {
    "RESOLVES": "green",
    "DEGRADED": "yellow",
    "BROKEN": "bold red",
    "unknown": "magenta",
    Health.OK: "green",
    Health.WARNING: "yellow",
    Health.PROBLEM: "bold red",
    Outcome.DONE: "green",
    Outcome.RUNNING: "",
    Outcome.FAILED: "bold red",
    "refused": "bold red",
    "warning": "yellow",
}
INDENT = " " * 10


def console(*, stderr: bool = False) -> Console:
    """A console that prints text as it is, and no line in two: a command can be copied whole."""
    return Console(stderr=stderr, soft_wrap=True, highlight=False, markup=False, emoji=False)


def write_anything() -> None:
    """Let what the terminal's encoding lacks stand as an escape: names and Sids are in any script."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def print_lines(lines: Iterable[Text]) -> None:
    """Lines on stdout."""
    out = console()
    for line in lines:
        out.print(line)


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    print(json.dumps(value, indent=2))


def what_to_do(remedy: str | None, command: str | None) -> Iterator[Text]:
    """The remedy, and under it the command by itself."""
    if remedy:
        yield indented(f"What to do: {remedy}")
    if command:
        yield indented(f"  {command}", "bold")


def headed(word: str, *rest: str | tuple[str, str]) -> Text:
    """A line that begins with the word that matters."""
    return Text.assemble((f"{word:<{len(INDENT)}}", STYLES[word]), *rest)


def indented(text: str, style: str = "") -> Text:
    """A line under such a one."""
    return Text.assemble(INDENT, (text, style))


def moment(at: datetime) -> str:
    """A time, with its zone."""
    return f"{at:%Y-%m-%d %H:%M:%S %Z}"


def harmless(cell: str | None) -> str:
    """A cell of CSV: a spreadsheet takes what begins so for a formula; a JSON key may begin as it likes."""
    text = cell or ""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
