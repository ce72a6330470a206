"""Checking: does every reference to a secret still resolve?"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from secretwatch.attempts import until_won
from secretwatch.domain.access import access_of
from secretwatch.domain.facts import Facts, KeyDescription, SecretDescription, Unknown, ValueFacts, ValueShape
from secretwatch.domain.judging import judge
from secretwatch.domain.key import KeyId
from secretwatch.domain.observed import Observation
from secretwatch.domain.rules import Rules
from secretwatch.domain.secret import SecretId
from secretwatch.domain.state import Occasion, ReferenceState
from secretwatch.domain.waiver import waivable, waived
from secretwatch.errors import LostRace
from secretwatch.gathering import Gathering
from secretwatch.ports import ProtectedSecrets, References, Waivers

_KEYS_KNOWN_FOR = timedelta(days=30)  # every check renews it: what is not renewed so long is no longer referenced


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
        self,
        references: References,
        gathering: Gathering,
        waivers: Waivers,
        protected: ProtectedSecrets,
        *,
        rules: Rules,
        owner_tag: str = "owner",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`owner_tag` says whom a secret belongs to, `clock` the time of a check."""
        self._references = references
        self._gathering = gathering
        self._waivers = waivers
        self._protected = protected
        self._rules = rules
        self._owner_tag = owner_tag
        self._clock = clock

    def check(
        self,
        secret: SecretId,
        observation: Observation | None = None,
        *,
        seen_since: datetime | None = None,
        cause: str | None = None,
        occasion: Occasion | None = None,
    ) -> list[Checked]:
        """Check every reference to the secret; an empty list means that nobody references it.

        `cause` is the id of the event that it is done for; a new verdict is remembered as found after `occasion`.

        What was observed of the secret is kept with its references, and judged with the rest.
        With `seen_since`, those that a later check has seen are left as they are.
        When another check is first, it has seen what we were asked to look at if it began later: in a burst, one check
        serves all who wait. Raises LostRace when others were first several times over and began before.
        """
        asked = self._clock()
        try:
            return self._check_once(secret, observation, seen_since, cause, occasion)
        except LostRace:
            # Another check cannot have seen what was observed: that has to be kept whoever was first.
            since = None if observation else seen_since or asked
            return until_won(lambda: self._check_once(secret, observation, since, cause, occasion))

    def _check_once(
        self,
        secret: SecretId,
        observation: Observation | None,
        seen_since: datetime | None,
        cause: str | None,
        occasion: Occasion | None,
    ) -> list[Checked]:
        states = self._references.of_secret(secret)
        seen = [state for state in states if seen_since and state.checked_at and state.checked_at > seen_since]
        pending = [state for state in states if state not in seen]
        if observation:
            pending = [state.with_observation(observation) for state in pending]
        return [*(Checked(state, state, None) for state in seen), *self._check_states(pending, cause, occasion)]

    def _check_states(
        self, states: list[ReferenceState], cause: str | None, occasion: Occasion | None
    ) -> list[Checked]:
        by_arn = {state.reference.secret_arn for state in states}
        return [
            checked
            for arn in sorted(by_arn)
            for checked in self._check_secret(
                arn, [state for state in states if state.reference.secret_arn == arn], cause, occasion
            )
        ]

    def _check_secret(
        self, arn: str, states: list[ReferenceState], cause: str | None, occasion: Occasion | None
    ) -> list[Checked]:
        at = self._clock()
        facts = self._gathering.gather(arn, states, at=at)
        self._remember_keys(arn, facts.values(), at)
        concluded = [self._conclude(state, facts[state.reference], at, cause) for state in states]
        checked = [
            replace(one, after=one.after.found_after(occasion, one.before)) for one in self._with_waivers(concluded, at)
        ]
        for one in checked:
            self._references.store(one.after)
        return checked

    def _conclude(self, before: ReferenceState, facts: Facts, at: datetime, cause: str | None) -> Checked:
        state = before.with_access(access_of(before.reference, facts), at=at)
        if isinstance(facts.secret, SecretDescription):
            state = state.owned_by(facts.secret.tags.get(self._owner_tag))
        judgement = judge(state.reference, replace(facts, access_since=state.access_since), self._rules)
        good_version = _good_version(state, facts)
        unknown_after = self._rules.unknown_after
        after = state.after(judgement, good_version=good_version, at=at, unknown_after=unknown_after, cause=cause)
        return Checked(before, after, judgement.unknown)

    def _with_waivers(self, concluded: Collection[Checked], at: datetime) -> list[Checked]:
        """Read only where something is wrong."""
        possible = {one for checked in concluded for one in waivable(checked.after.reference, checked.after.findings)}
        waivers = self._waivers.holding(sorted(possible)) if possible else []
        return [
            replace(
                one, after=replace(one.after, findings=waived(one.after.findings, waivers, one.after.reference, at=at))
            )
            for one in concluded
        ]

    def _remember_keys(self, arn: str, facts: Iterable[Facts], at: datetime) -> None:
        """So that a change of a key, or of what an alias means, finds the secret."""
        keys = {key for one in facts for key in _keys(one)}
        if keys:
            self._protected.record(arn, sorted(keys), until=at + _KEYS_KNOWN_FOR)


def _keys(facts: Facts) -> Iterable[KeyId]:
    """The customer managed key as the secret records it, and by its own ARN."""
    if isinstance(facts.secret, SecretDescription) and facts.secret.key:
        yield facts.secret.key
    if facts.key and isinstance(facts.key.key, KeyDescription):
        yield KeyId(facts.key.key.arn)


def _good_version(state: ReferenceState, facts: Facts) -> str | None:
    """The version id under which the reference's own key was found usable."""
    value, json_key = facts.current, state.reference.json_key
    if json_key and isinstance(value, ValueFacts) and value.shapes[json_key] is ValueShape.USABLE:
        return value.version_id
    return None
