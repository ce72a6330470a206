"""`secretwatch can-read`: what policy documents decide about a request. It needs no AWS."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.text import Text
from typer.core import TyperCommand

from secretwatch.policy import ABSENT, UNKNOWN, Context, ContextValue, Decision, Outcome, Policy, Present, Principal
from secretwatch_cli.exits import Exit
from secretwatch_cli.failures import Misused

EXIT_CODES = {
    Outcome.ALLOWED: Exit.WELL,
    Outcome.DENIED_EXPLICIT: Exit.FINDINGS,
    Outcome.DENIED_IMPLICIT: Exit.FINDINGS,
    Outcome.INVALID: Exit.FINDINGS,
    Outcome.UNKNOWN: Exit.UNKNOWN,
}
_STYLES = {Outcome.ALLOWED: "green", Outcome.UNKNOWN: "magenta"}


class ManyValues(TyperCommand):
    """A command without arguments, whose repeatable options take every value up to the next option, or none."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As if the option's name stood before each of its values."""
        repeatable = {name for param in self.params if getattr(param, "multiple", False) for name in param.opts}
        return super().parse_args(ctx, list(_one_each(args, repeatable)))


def _one_each(args: Iterable[str], repeatable: Collection[str]) -> Iterator[str]:
    option = None
    for arg in args:
        if arg.startswith("-") and arg != "-":
            option, sign, _ = arg.partition("=")
            option = option if option in repeatable else None
            if option and not sign:
                continue
        elif option:
            yield option
        yield arg


def read_policies(paths: Iterable[Path]) -> list[Policy]:
    """The documents, each named by its file; raises Misused when one cannot be read as text.

    A byte order mark, which some editors put before the text, is no part of it.
    """
    policies = []
    for path in paths:
        try:
            policies.append(Policy.parse(path.read_text(encoding="utf-8-sig"), str(path)))
        except OSError as error:
            raise Misused(f"{path} cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise Misused(f"{path} is no UTF-8 text.") from error
    return policies


def read_reader(text: str) -> Principal:
    """Of a service's name or an ARN; raises Misused when it is neither."""
    try:
        return Principal.parse(text)
    except ValueError as error:
        raise Misused(f"{error}.") from error


def read_context(present: Iterable[str], absent: Iterable[str], unknown: Iterable[str]) -> Context:
    """Of `key=value` texts and keys; raises Misused when one is malformed, or a key is in two states."""
    values: dict[str, tuple[str, ...]] = {}
    for text in present:
        key, sign, value = text.partition("=")
        if not (key and sign):
            raise Misused(f"{text!r} is not of the form KEY=VALUE.")
        values[key.lower()] = (*values.get(key.lower(), ()), value)
    context: dict[str, ContextValue] = {key: Present(each) for key, each in values.items()}
    states: list[tuple[Iterable[str], ContextValue]] = [(absent, ABSENT), (unknown, UNKNOWN)]
    for keys, state in states:
        for key in keys:
            if context.setdefault(key.lower(), state) is not state:
                raise Misused(f"{key} is given in two states.")
    return context


def decision_json(decision: Decision) -> dict[str, Any]:
    """For a program."""
    return {
        "decision": decision.outcome.value,
        "depends_on": list(decision.depends_on),
        "statements": [
            {"policy": each.policy, "sid": each.sid, "index": each.index, "effect": each.effect.value}
            for each in decision.statements
        ],
        "problems": list(decision.problems),
    }


def decision_lines(decision: Decision, policies: Sequence[Policy]) -> Iterator[Text]:
    """For a person."""
    yield Text.assemble((decision.outcome.value, _STYLES.get(decision.outcome, "bold red")), _meaning(decision))
    for each in decision.statements:
        sid = f" (Sid {each.sid})" if each.sid else ""
        yield Text(f"  {each.effect} by statement {each.index + 1}{sid} of {policies[each.policy].name}")
    for key in decision.depends_on:
        yield Text(f"  depends on {key}")
    for problem in decision.problems:
        yield Text(f"  {problem}")


def _meaning(decision: Decision) -> str:
    match decision.outcome:
        case Outcome.ALLOWED:
            return ": the policies allow it."
        case Outcome.DENIED_EXPLICIT:
            return ": a statement denies it, whatever else allows it."
        case Outcome.DENIED_IMPLICIT:
            return ": no statement allows it."
        case Outcome.INVALID:
            return ": a policy is not valid, so none is taken to allow anything."
        case Outcome.UNKNOWN:
            possible = sorted(outcome.value for outcome in decision.possible)
            return f": it may be {', '.join(possible[:-1])} or {possible[-1]}."
