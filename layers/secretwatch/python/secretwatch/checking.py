"""Checking: does every reference to a secret still resolve?"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from secretwatch.attempts import or_unknown, until_won
from secretwatch.domain.facts import Facts, SecretDescription, Unknown, ValueFacts, ValueShape
from secretwatch.domain.judging import judge
from secretwatch.domain.secret import SecretId
from secretwatch.domain.state import ReferenceState
from secretwatch.errors import LostRace
from secretwatch.ports import References, Secrets


@dataclass(frozen=True, slots=True)
class Checked:
    """A reference that was checked: its state before and after."""

    before: ReferenceState
    after: ReferenceState
    unknown: Unknown | None

    @property
    def changed(self) -> bool:
        """Whether the check found something that people would read differently."""
        return self.after.tells_other_than(self.before)


class Checking:
    """Gathers the facts about a secret, judges its references and stores what it finds.

    Facts are read anew at every check: what an event said of the secret is never believed.
    """

    def __init__(
        self, references: References, secrets: Secrets, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """`clock` tells the time of a check."""
        self._references = references
        self._secrets = secrets
        self._clock = clock

    def check(self, secret: SecretId, *, seen_since: datetime | None = None) -> list[Checked]:
        """Check every reference to the secret; an empty list means that nobody references it.

        With `seen_since`, those that a later check has seen are left as they are.
        When another check is first, it has seen what we were asked to look at if it began later: in a burst, one check
        serves all who wait. Raises LostRace when others were first several times over and began before.
        """
        asked = self._clock()
        try:
            return self._check_once(secret, seen_since=seen_since)
        except LostRace:
            return until_won(lambda: self._check_once(secret, seen_since=seen_since or asked))

    def _check_once(self, secret: SecretId, *, seen_since: datetime | None) -> list[Checked]:
        states = self._references.of_secret(secret)
        seen = [state for state in states if seen_since and state.checked_at and state.checked_at > seen_since]
        return [
            *(Checked(state, state, None) for state in seen),
            *self._check_states([state for state in states if state not in seen]),
        ]

    def _check_states(self, states: list[ReferenceState]) -> list[Checked]:
        by_arn = {state.reference.secret_arn for state in states}
        return [
            checked
            for arn in sorted(by_arn)
            for checked in self._check_secret(arn, [state for state in states if state.reference.secret_arn == arn])
        ]

    def _check_secret(self, arn: str, states: list[ReferenceState]) -> list[Checked]:
        at = self._clock()
        facts = self._gather(arn, states)
        return [self._conclude(state, facts, at) for state in states]

    def _conclude(self, state: ReferenceState, facts: Facts, at: datetime) -> Checked:
        judgement = judge(state.reference, facts)
        after = state.after(judgement, good_version=_good_version(state, facts), at=at)
        self._references.store(after)
        return Checked(state, after, judgement.unknown)

    def _gather(self, arn: str, states: Collection[ReferenceState]) -> Facts:
        secret = or_unknown(lambda: self._secrets.describe(arn))
        if not isinstance(secret, SecretDescription) or secret.deletion_date or secret.current is None:
            return Facts(secret)
        json_keys = {key for state in states if (key := state.reference.json_key) is not None}
        if all(state.good_version == secret.current for state in states if state.reference.json_key is not None):
            # Reading a value moves LastAccessedDate, by which people find unused secrets: only a new one is read.
            return Facts(secret, ValueFacts(secret.current, dict.fromkeys(json_keys, ValueShape.USABLE)))
        current = self._shapes(arn, "AWSCURRENT", json_keys)
        if secret.previous and _faulty(current):
            return Facts(secret, current, self._shapes(arn, "AWSPREVIOUS", json_keys))
        return Facts(secret, current)

    def _shapes(self, arn: str, stage: str, json_keys: Collection[str]) -> ValueFacts | Unknown:
        return or_unknown(lambda: self._secrets.shapes(arn, stage=stage, json_keys=json_keys))


def _faulty(value: ValueFacts | Unknown) -> bool:
    return isinstance(value, ValueFacts) and any(shape is not ValueShape.USABLE for shape in value.shapes.values())


def _good_version(state: ReferenceState, facts: Facts) -> str | None:
    """The version id under which the reference's own key was found usable."""
    value, json_key = facts.current, state.reference.json_key
    if json_key and isinstance(value, ValueFacts) and value.shapes[json_key] is ValueShape.USABLE:
        return value.version_id
    return None
