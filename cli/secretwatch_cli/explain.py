"""`secretwatch explain`: which rules take an event, how it is understood, and what would be looked up. Asks nobody."""

import json
import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from secretwatch.domain.change import Change, NoEvent, RunningSweep, Subject, UnknownChange, WholeInventory, read_change
from secretwatch.domain.consumer import GatewayName
from secretwatch.domain.key import KeyId
from secretwatch.domain.reference import ProviderName
from secretwatch.domain.secret import SecretId
from secretwatch_cli.failures import Misused
from secretwatch_cli.rules import Rule, rules_that_match


class Outcome(IntEnum):
    """What becomes of the event, as the command's exit status."""

    UNDERSTOOD = 0
    UNREADABLE = 2
    IGNORED = 3


@dataclass(frozen=True, slots=True)
class Explanation:
    """An event explained: `reason` says in one sentence what Secretwatch does with it, or why it does nothing."""

    outcome: Outcome
    rules: tuple[str, ...]
    change: Change | None
    reason: str


def names_event(text: str) -> bool:
    """Whether it is a file, or standard input, rather than a code: a code is a bare word that is no file's name."""
    return text == "-" or not re.fullmatch(r"[A-Za-z_-]+", text) or Path(text).exists()


def read_event(name: str) -> str:
    """What the file holds, or standard input for `-`; raises Misused when it cannot be opened."""
    try:
        content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise Misused(f"{name} cannot be read: {error.strerror}.") from error
    return content.decode("utf-8-sig", errors="replace")  # without the mark that some editors put first


def explain(text: str, *, own_roles: Collection[str] = ()) -> Explanation:
    """Explain an event, given as JSON; `own_roles` are the roles that write for Secretwatch."""
    event = _parsed(text)
    rules = rules_that_match(event, region=str(event.get("region")))
    names = tuple(rule.logical_id for rule in rules)
    try:
        change = read_change(text, own_roles=own_roles)
    except NoEvent as error:
        return Explanation(Outcome.UNREADABLE, names, None, _sentence(str(error)))
    except UnknownChange as error:
        return _unknown(str(error), rules)
    if not rules and not _comes_without_a_rule(change):
        return Explanation(Outcome.IGNORED, names, None, _sentence(f"no rule takes it: {_why_ignored(event, change)}"))
    return Explanation(Outcome.UNDERSTOOD, names, change, _sentence("; ".join(_told(change, rules, event))))


def _parsed(text: str) -> Mapping[str, Any]:
    """The event as far as rules can match it; reading the change says what is wrong with anything else."""
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}


def _unknown(why: str, rules: Sequence[Rule]) -> Explanation:
    """An event that names nothing to look at: a fault when a rule takes it, and nothing to us otherwise."""
    names = tuple(rule.logical_id for rule in rules)
    if any(rule.on_default_bus for rule in rules):
        return Explanation(Outcome.UNREADABLE, names, None, _sentence(f"a rule takes it, but {why}"))
    return Explanation(Outcome.IGNORED, names, None, _sentence(why if rules else f"no rule takes it: {why}"))


def _comes_without_a_rule(change: Change) -> bool:
    """A request is put into its queue, and what a schedule sends matches no pattern."""
    return change.is_request or isinstance(change.subject, WholeInventory)


def _why_ignored(event: Mapping[str, Any], change: Change) -> str:
    detail = event["detail"]
    if change.read is None and detail.get("errorCode"):
        return f"{change.what} was refused, and so changed nothing"
    if change.read is None and detail.get("readOnly") is True:
        return f"{change.what} only reads"
    return f"{change.what}, as {event['source']} tells it here, is not watched"


def _told(change: Change, rules: Sequence[Rule], event: Mapping[str, Any]) -> Iterator[str]:
    yield f"{change.what}: {' and '.join(_look_up(subject) for subject in change.to_look_up)}"
    if change.own_write:
        yield "Secretwatch wrote it itself, so that only what was not checked since is checked"
    if change.read:
        yield f"AgentCore only read it, and {'was refused' if change.read.failed else 'was given the value'}"
    if change.replay:
        yield f"it is replayed from an archive ({change.replay})"
    here = (event["account"], event["region"])
    for elsewhere in dict.fromkeys((one.account, one.region) for one in change.subjects):
        if elsewhere != here:
            yield f"the event is of {' '.join(here)}, and what it names of {' '.join(elsewhere)}"
    if rules and all(rule.option for rule in rules):
        yield f"a stack has that rule only with {' or '.join(str(rule.option) for rule in rules)}"


def _look_up(subject: Subject) -> str:
    match subject:
        case SecretId(arn=str(arn)):
            return f"every reference to {arn} that the Registry knows is checked"
        case SecretId():
            where = f"{subject.account} {subject.region}"
            return f"every reference to a secret named {subject.name} in {where} that the Registry knows is checked"
        case KeyId():
            return f"every secret under {subject.arn} that the Registry knows is checked"
        case ProviderName():
            return f"the {subject.kind} provider {subject.name} is read from AgentCore, and its references are checked"
        case GatewayName():
            return f"the gateway {subject.gateway_id} is read from AgentCore with its targets"
        case WholeInventory() | RunningSweep():
            return "every provider and gateway is read from AgentCore, and every reference is checked"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
