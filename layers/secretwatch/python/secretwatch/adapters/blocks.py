"""Alerts as Slack's Block Kit, within its limits: 50 blocks, 3,000 characters a text."""

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from secretwatch.domain.alert import LISTED, Alert, cut

TEXT_LIMIT = 3_000
BLOCKS_LIMIT = 50
_COMMANDS = 10

Block: TypeAlias = dict[str, Any]


def summary_of(alert: Alert, *, brief: bool = False) -> str:
    """The alert in one line, for notifications and for replies."""
    return _fit(_escaped(alert.brief if brief else f"{alert.mark} {alert.headline} · {alert.place}"))


def blocks_of(alert: Alert) -> list[Block]:
    """The alert as it stands in a channel: words first, the code last."""
    return list(_blocks(alert))[:BLOCKS_LIMIT]


def _blocks(alert: Alert) -> Iterator[Block]:
    headline = _escaped(alert.headline).replace(_escaped(alert.name), f"*{_escaped(alert.name)}*", 1)
    yield _section(f"{alert.mark} {headline} · {_escaped(alert.place)}")
    if alert.sentences:
        yield _section(_fit_lines([_escaped(sentence) for sentence in alert.sentences]))
    if alert.affected:
        lines = [f"• {_escaped(line)}" for line in alert.affected]
        yield _section(_fit_lines([f"*{alert.affected_as}*", *cut(lines, LISTED)]))
    for label, command in alert.commands[:_COMMANDS]:
        yield _section(_command(label, command))
    if len(alert.commands) > _COMMANDS:
        yield _context(f"and {len(alert.commands) - _COMMANDS} more commands: `secretwatch check` lists them")
    if alert.links:
        yield _context(" · ".join(f"<{url}|{_escaped(label)}>" for label, url in alert.links))
    codes = f" · {', '.join(f'`{code}`' for code in alert.codes)}" if alert.codes else ""
    yield _context(f"{_escaped(alert.incident_id)}{codes}")


def _command(label: str, command: str) -> str:
    """A command is whole, or not there: half of one may do another thing."""
    text = f"*{_escaped(label)}*\n```{_escaped(command)}```"
    return (
        text
        if len(text) <= TEXT_LIMIT
        else f"*{_fit(_escaped(label), 200)}*\nToo long for Slack: see the mail, or `secretwatch check`."
    )


def _section(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": _fit(text)}}


def _context(text: str) -> Block:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": _fit(text)}]}


def _fit_lines(lines: Iterable[str]) -> str:
    """As many lines as there is room for, and how many there are besides."""
    kept, rest = [], list(lines)
    room = TEXT_LIMIT - len("\nand 1000 more")
    while rest and len(rest[0]) + 1 <= room:
        room -= len(rest[0]) + 1
        kept.append(rest.pop(0))
    if not kept and rest:
        kept.append(_fit(rest.pop(0), room))
    return "\n".join([*kept, *([f"and {len(rest)} more"] if rest else [])])


def _fit(text: str, limit: int = TEXT_LIMIT) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _escaped(text: str) -> str:
    """Slack's three control characters (docs.slack.dev, "Formatting message text")."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
