"""Following: what a change leads to. In one batch a secret is checked once, however many of its events are in it."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import timedelta

from secretwatch.checking import Checked, Checking
from secretwatch.domain.change import Change, UnknownChange
from secretwatch.domain.key import KeyId
from secretwatch.domain.secret import SecretId
from secretwatch.domain.state import Occasion
from secretwatch.spreading import Spreading

_A_SECOND = timedelta(seconds=1)  # CloudTrail tells no finer time


@dataclass
class Followed:
    """What a change led to.

    `checked` are the references that it concerns, `anew` those of them that were checked for it and for no change
    before; `spread` are the secrets under each key that are now to be checked, where there are any.
    """

    checked: list[Checked] = field(default_factory=list)
    anew: list[Checked] = field(default_factory=list)
    spread: dict[KeyId, list[SecretId]] = field(default_factory=dict)

    @property
    def is_relevant(self) -> bool:
        """Whether anybody references what the change names."""
        return bool(self.checked or self.spread)


class Following:
    """Follows the changes of one batch: make one for each."""

    def __init__(self, checking: Checking, spreading: Callable[[], Spreading]) -> None:
        """`checking` is for secrets; `spreading` makes what is for keys, which come seldom."""
        self._checking = checking
        self._spreading = spreading
        self._done: dict[Hashable, list[Checked]] = {}

    def follow(self, change: Change) -> Followed:
        """Check the secrets that the change names, and ask for those under its keys to be checked.

        Raises UnknownChange when it is about something else.
        """
        followed = Followed()
        for subject in change.to_look_up:
            match subject:
                case SecretId():
                    self._check(subject, change, followed)
                case KeyId():
                    if secrets := self._spreading().spread(subject, cause=change.event_id):
                        followed.spread[subject] = secrets
                case _:
                    raise UnknownChange(f"{change.what!r} is about neither a secret nor a key")
        return followed

    def _check(self, secret: SecretId, change: Change, followed: Followed) -> None:
        # Whoever writes for Secretwatch checks what it wrote: the event of it asks only for what was not checked since.
        seen_since = change.at + _A_SECOND if change.own_write else None
        asked = secret, change.observation, seen_since
        if asked not in self._done:
            occasion = None if change.is_request else Occasion(change.what, change.at, change.actor)
            self._done[asked] = self._checking.check(
                secret, change.observation, seen_since=seen_since, cause=change.event_id, occasion=occasion
            )
            followed.anew += self._done[asked]
        followed.checked += self._done[asked]
