"""What every command shares: where to look, and how it says that it cannot."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import typer

from secretwatch_cli import display
from secretwatch_cli.aws import Clients, clients
from secretwatch_cli.exits import Exit
from secretwatch_cli.failures import Misused, Unable
from secretwatch_cli.stack import Stack, find_stack


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


@contextmanager
def explained() -> Iterator[None]:
    """Say why something cannot be done, and exit with what that means."""
    try:
        yield
    except Unable as error:
        say(str(error))
        raise typer.Exit(Exit.USAGE if isinstance(error, Misused) else Exit.FAILED) from error


def say(text: str) -> None:
    """One sentence to the person at the terminal, beside the answer."""
    display.console(stderr=True).print(text)
