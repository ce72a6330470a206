"""How people want to be told: the stack's parameters that incidents depend on."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class AlertRules:
    """An incident that opens again within `flap_window` is the same; one that flaps is over once it kept still so long.

    More openings than `digest_after` within `burst` are told as one. What is held for that waits until none came for
    `hold_quiet`, and no longer than `hold_longest`. What a new stack's first sweep finds broken is told as one, too; no
    sweep is waited for longer than `first_look`. Updates are told no closer to each other than `update_pause`.
    """

    flap_window: timedelta = timedelta(hours=1)
    remind_after: timedelta = timedelta(hours=24)
    digest_after: int = 10
    burst: timedelta = timedelta(minutes=5)
    hold_quiet: timedelta = timedelta(minutes=1)
    hold_longest: timedelta = timedelta(minutes=5)
    first_look: timedelta = timedelta(minutes=30)
    update_pause: timedelta = timedelta(seconds=30)
