"""Granting: the change of a policy that was shown, by the very means of repairs; and taking it back."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from secretwatch.domain.facts import KeyDescription, Unknown
from secretwatch.domain.onboarding.errors import GrantRefused, PolicyMoved
from secretwatch.domain.onboarding.need import needed_by_others
from secretwatch.domain.onboarding.onboarding import Offboarding, Onboarding, Shown
from secretwatch.domain.reference import Reference
from secretwatch.domain.repair.document import Unkeepable
from secretwatch.domain.repair.plan import Kind, Plan, Refusal
from secretwatch.domain.repair.repair import Removal, Repair, Status
from secretwatch.domain.repair.rules import Mode
from secretwatch.errors import Permanent, Transient
from secretwatch.onboarding.beginning import needed, own_claim
from secretwatch.onboarding.seeing import Seeing, look_at
from secretwatch.ports import Onboardings, Repairs
from secretwatch.repairing import Applying, Look, Looking


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a step that takes something back: whether all of it did, and what else is to be said."""

    done: bool
    note: str | None = None


class Granting:
    """Has policies changed for providers, and changed back."""

    def __init__(
        self,
        onboardings: Onboardings,
        repairs: Repairs,
        seeing: Seeing,
        new_applying: Callable[[Looking], Applying],
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`new_applying` writes what is planned by the looking that it is given."""
        self._onboardings = onboardings
        self._repairs = repairs
        self._seeing = seeing
        self._new_applying = new_applying
        self._clock = clock

    # --- granting

    def grant(self, onboarding_id: str) -> list[str]:
        """Make every change that was shown; returns the ids of the repairs that did.

        Raises PolicyMoved when one is not what is needed any more, GrantRefused when it cannot be made, AlreadyUnderWay
        when another execution works on the provider by now.
        """
        onboarding = needed(self._onboardings, onboarding_id)
        if onboarding.approval is None or onboarding.approval.open:
            raise GrantRefused("nobody approved it")
        own_claim(self._onboardings, onboarding)
        return [self._grant(onboarding, shown) for shown in onboarding.plans]

    def _grant(self, onboarding: Onboarding, shown: Shown) -> str:
        looking = self._seeing.with_provider(onboarding.references)
        known = self._repairs.find(shown.repair_id(onboarding.execution))
        done = self._new_applying(looking).apply(known or self._planned(onboarding, shown, looking))
        match done.status:
            case Status.APPLIED:
                return done.id
            case Status.REFUSED:
                raise GrantRefused(f"the policy of {shown.resource} was not changed: {done.reason}")
        raise PolicyMoved(f"the policy of {shown.resource} was not changed: {done.reason}")

    def _planned(self, onboarding: Onboarding, shown: Shown, looking: Looking) -> Repair:
        """The change, written down before anything happens, if it is still the one that was shown."""
        look, at = self._look(looking, shown.secret), self._clock()
        if rest := self._repairs.breaker().at_rest or self._repairs.standing(shown.resource).at_rest:
            raise GrantRefused(f"the policy of {shown.resource} is left alone: {rest}")
        if look.mode is Mode.OBSERVE:
            raise GrantRefused("RepairMode or the secret's tag secretwatch:repair lets no policy be changed")
        match look.planned.get(shown.resource):
            case Plan() as plan if shown.is_still(plan):
                approved = onboarding.approval.decided_by if onboarding.approval else None
                repair = Repair.grant(
                    plan,
                    id_=shown.repair_id(onboarding.execution),
                    secret=shown.secret,
                    asked_by=f"onboarding {onboarding.id}",
                    decided_by=approved,
                    at=at,
                ).successor()
                self._repairs.store(repair)
                return repair
            case Refusal(reason=reason) | Unknown(reason=reason):
                raise GrantRefused(f"the policy of {shown.resource} cannot be changed: {reason}")
        raise PolicyMoved(f"the policy of {shown.resource} is another one than was shown")

    # --- taking it back

    def withdraw(self, onboarding_id: str) -> Done:
        """Take back what was granted, the last first; what others depend on by now is left alone, and said so.

        Raises Permanent when a policy cannot be put back, after all others were.
        """
        onboarding = self._onboardings.find(onboarding_id)
        if onboarding is None or onboarding.request is None:
            return Done(True, "nothing was granted")
        # A provider that was there before depends, as anybody else, on what it may read by now.
        own = () if onboarding.created is False else onboarding.references
        notes: list[str] = []
        failures: list[str] = []
        for shown in reversed(onboarding.plans):
            granted = self._granted(onboarding, shown)
            if granted is None:
                continue
            why = f"Onboarding {onboarding.id} came to nothing."
            removal = Removal(shown.kind, shown.resource, shown.secret, why, granted.asked_by, granted)
            try:
                notes += self._remove(removal, self._seeing.with_provider(own), own)
            except Permanent as error:
                failures.append(str(error))
        if notes and notes != list(onboarding.notes):
            self._onboardings.store(onboarding.successor(notes=tuple(notes)))
        if failures:
            raise Permanent("; ".join(failures))
        return Done(not notes, "\n".join(notes) or None)

    def _granted(self, onboarding: Onboarding, shown: Shown) -> Repair | None:
        """The repair, if it was applied and not withdrawn; one whose end nobody saw is looked up."""
        known = self._repairs.find(shown.repair_id(onboarding.execution))
        if known is None:
            return None
        settled = self._new_applying(self._seeing.with_provider(onboarding.references)).settle(known)
        return settled if settled.status is Status.APPLIED and not settled.undone_by else None

    def withdraw_unneeded(self, offboarding_id: str) -> Done:
        """Take out of the policies what only a removed provider needed; the rest is said."""
        offboarding = self._onboardings.find_offboarding(offboarding_id)
        if offboarding is None:
            raise Permanent(f"the offboarding {offboarding_id} was never begun")
        if self._seeing.repair_rules.mode is Mode.OBSERVE:
            notes = ["RepairMode is observe: policies are left as they are."]
        else:
            looking = self._seeing.with_provider(offboarding.references)
            secrets = sorted({one.secret_arn for one in offboarding.pointers})
            notes = [note for arn in secrets for note in self._withdraw_from(offboarding, arn, looking)]
        if notes and notes != list(offboarding.notes):
            self._onboardings.store_offboarding(offboarding.successor(notes=tuple(notes)))
        return Done(not notes, "\n".join(notes) or None)

    def _withdraw_from(self, offboarding: Offboarding, arn: str, looking: Looking) -> list[str]:
        look = self._look(looking, arn)
        why, asked_by = f"The provider {offboarding.provider.name} is removed.", f"offboarding {offboarding.id}"
        resources = [(Kind.SECRET, arn)]
        key = next(iter(look.facts.values())).key
        if self._seeing.repair_rules.key_policies and key and isinstance(key.key, KeyDescription):
            resources += [(Kind.KEY, key.key.arn)] if key.key.customer_managed else []
        notes: list[str] = []
        for kind, resource in resources:
            rest = self._repairs.breaker().at_rest or self._repairs.standing(resource).at_rest
            if rest or look.mode is Mode.OBSERVE:
                reason = rest or "the secret's tag secretwatch:repair lets nothing be changed"
                notes.append(f"The policy of {resource} is left as it is: {reason}.")
                continue
            removal = Removal(kind, resource, arn, why, asked_by)
            try:
                notes += self._remove(removal, looking, offboarding.references)
            except Permanent as error:
                notes.append(f"The policy of {resource} is left as it is: {error}.")
        return notes

    def _remove(self, removal: Removal, looking: Looking, own: Collection[Reference]) -> list[str]:
        """Do it unless others than `own` depend on it; returns what is to be said."""
        look, providers = look_at(looking, removal.secret, at=self._clock()), {one.provider for one in own}
        facts = look.facts if look else {}
        others = {reference: one for reference, one in facts.items() if reference.provider not in providers}
        try:
            needed_by = needed_by_others(removal, others, self._seeing.rules, self._seeing.repair_rules)
        except Unkeepable as error:
            raise Permanent(f"the policy of {removal.resource} cannot be kept: {error}") from error
        if isinstance(needed_by, Unknown):
            if needed_by.transient:
                raise Transient(needed_by.reason)
            raise Permanent(f"whether others need the policy of {removal.resource} is not known: {needed_by.reason}")
        if needed_by:
            return [f"Our statement in the policy of {removal.resource} stays: {needed_by} would lack access."]
        done = self._new_applying(looking).withdraw(removal)
        if done and done.status is Status.REFUSED:
            raise Permanent(f"the policy of {removal.resource} was not put back: {done.reason}")
        return []

    def _look(self, looking: Looking, secret: str) -> Look:
        """There is one: our own references are among what is looked at."""
        look = look_at(looking, secret, at=self._clock())
        if look is None:
            raise Permanent(f"nothing is known of {secret}")
        return look
