"""What `secretwatch explain` says of an event."""

from collections.abc import Iterator
from typing import Any

from rich.text import Text

from secretwatch.domain.change import Change, RunningSweep, Subject, WholeInventory
from secretwatch.domain.consumer import GatewayName
from secretwatch.domain.key import KeyId, partition_of
from secretwatch.domain.reference import ProviderName
from secretwatch.domain.secret import SecretId
from secretwatch_cli.display.terminal import moment
from secretwatch_cli.explain import Explanation, Outcome

_STYLES = {Outcome.UNDERSTOOD: "green", Outcome.IGNORED: "yellow", Outcome.UNREADABLE: "bold red"}
_WIDTH = 12


def explanation_lines(explanation: Explanation) -> Iterator[Text]:
    """What becomes of the event, by which rules, and who changed what."""
    outcome, change = explanation.outcome, explanation.change
    yield Text.assemble((f"{outcome.name.lower():<{_WIDTH}}", _STYLES[outcome]), explanation.reason)
    yield _line("rules", ", ".join(explanation.rules) or "none")
    if change:
        yield _line("happened", f"{moment(change.at)}, by {change.actor or 'somebody whom it does not name'}")
        yield _line("event", change.event_id)


def _line(word: str, text: str) -> Text:
    return Text(f"{word:<{_WIDTH}}{text}")


def explanation_json(explanation: Explanation) -> dict[str, Any]:
    """The same for a program; an event with several subjects has `changes`, the first of which is `change`."""
    changes = _changes(explanation.change) if explanation.change else []
    several = {"changes": changes} if len(changes) > 1 else {}
    return {
        "rules": list(explanation.rules),
        "change": changes[0] if changes else None,
        **several,
        "reason": explanation.reason,
    }


def _changes(change: Change) -> list[dict[str, Any]]:
    return [
        {
            "kind": change.what,
            "subject": _subject_json(subject),
            "event_id": change.event_id,
            "occurred_at": change.at.isoformat(),
            "actor": change.actor,
            "own_write": change.own_write,
        }
        for subject in change.subjects
    ]


def _subject_json(subject: Subject) -> dict[str, str]:
    match subject:
        case SecretId():
            return {"type": "secret", "id": subject.arn or subject.name}
        case KeyId():
            return {"type": "key", "id": subject.arn}
        case ProviderName():
            return {"type": "provider", "id": subject.name}
        case GatewayName():
            return {"type": "gateway", "id": subject.gateway_id}
        case WholeInventory() | RunningSweep():  # every provider of the vault
            vault = f"arn:{partition_of(subject.region)}:bedrock-agentcore:{subject.region}:{subject.account}"
            return {"type": "provider", "id": f"{vault}:token-vault/*"}
