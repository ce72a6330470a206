"""Planning: what is shown to a person, or applied at once, within the bounds that hold for both."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from secretwatch.attempts import or_unknown, until_won
from secretwatch.domain.change import WholeInventory
from secretwatch.domain.facts import Unknown
from secretwatch.domain.repair.document import our_statement
from secretwatch.domain.repair.news import RepairNews
from secretwatch.domain.repair.plan import Plan, Planned, Refusal
from secretwatch.domain.repair.repair import CONTEST_WITHIN, Repair, Standing, Status
from secretwatch.domain.repair.rules import Mode, RepairRules
from secretwatch.domain.secret import SecretId
from secretwatch.errors import Transient
from secretwatch.ports import ProviderRecords, RepairBus, Repairs, Writers
from secretwatch.repairing.applying import Applying
from secretwatch.repairing.looking import Look, Looking

_DECIDED = {Status.REJECTED, Status.REFUSED}
_BEGUN = {Status.APPROVED, Status.APPLYING}


class Repairing:
    """Plans repairs, and has them applied where nobody has to approve."""

    def __init__(
        self,
        looking: Looking,
        applying: Applying,
        repairs: Repairs,
        providers: ProviderRecords,
        bus: RepairBus,
        writers: Writers,
        *,
        rules: RepairRules,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`providers` tell how many secrets there are; `writers` who wrote a policy besides us."""
        self._looking = looking
        self._applying = applying
        self._repairs = repairs
        self._providers = providers
        self._bus = bus
        self._writers = writers
        self._rules = rules
        self._clock = clock

    def consider(self, secret: SecretId) -> list[Repair]:
        """Look at the secret anew, and plan what it needs; however often it is asked, there is one plan for one need.

        Raises Transient when something moved meanwhile: the next delivery looks again.
        """
        if self._rules.mode is Mode.OBSERVE:
            return []
        looks = [look for look in self._looking.look(secret, at=self._clock()) if look.mode is not Mode.OBSERVE]
        answers = [
            until_won(partial(self._answer, look, resource, planned))
            for look in looks
            for resource, planned in look.planned.items()
        ]
        return [one for one in answers if one]

    def carry_out(self, repair_id: str) -> Repair | None:
        """Apply what was approved, or undo what somebody wants back; None when there is no such repair.

        What is not needed any more is planned anew.
        """
        repair = self._repairs.find(repair_id)
        if repair is None:
            return None
        if repair.status is Status.APPLIED and repair.undo_asked_by:
            undone = self._repairs.find(repair.undone_by) if repair.undone_by else None
            return self._applying.tell(undone) if undone else self._applying.undo(repair)
        done = self._applying.apply(repair)
        if done.status is Status.SUPERSEDED and done.secret and repair.status in _BEGUN:
            self.consider(SecretId.of_arn(done.secret))
        return done

    def _answer(self, look: Look, resource: str, planned: Planned) -> Repair | None:
        standing = self._repairs.standing(resource)
        current = self._repairs.find(standing.plan) if standing.plan else None
        if current and current.status in _BEGUN:
            return self._carried_through(current)  # what was begun comes first; the check after it tells what is left
        if current:
            current = self._applying.tell(current)
        match planned:
            case Plan():
                return self._plan(look, planned, standing, current)
            case Refusal():
                return self._refuse(look, planned, standing, current)
            case Unknown():
                return current  # what waits goes on waiting
            case None:
                return self._withdraw(resource, current)

    def _withdraw(self, resource: str, current: Repair | None) -> Repair | None:
        """Nobody lacks access any more."""
        self._repairs.forget_broken(resource)
        for gone in _superseded(current, "nobody is known to lack access any more"):
            self._repairs.store(gone)
            return gone
        return None

    def _refuse(self, look: Look, refusal: Refusal, standing: Standing, current: Repair | None) -> Repair:
        known = self._repairs.find(refusal.id(standing.applied))
        if known:
            return self._applying.tell(known)
        refused = Repair.refused(refusal, applied=standing.applied, secret=look.secret, at=self._clock()).successor()
        self._repairs.store(refused, standing.successor(plan=refused.id), *_superseded(current, refusal.reason))
        return self._applying.tell(refused)

    def _plan(self, look: Look, plan: Plan, standing: Standing, current: Repair | None) -> Repair | None:
        at = self._clock()
        known = self._repairs.find(plan.id(standing.applied))
        if known and (known.status in _DECIDED or (known.status is Status.PLANNED and not known.expired(at))):
            return known  # a person has been asked, or has answered
        self._repairs.note_broken(plan.resource, look.secret, at=at)
        if self._rests(plan, standing, look) or self._trips(look, at):
            return None
        following = standing.successor()
        if self._was_undone(standing, plan):
            following = standing.found_undone(at)
            if len(following.undone) > self._rules.contested_after:
                self._contest(following, plan, look, at)
                return None
        fresh = Repair.planned(plan, applied=standing.applied, secret=look.secret, at=at)
        status = Status.APPROVED if self._needs_nobody(look, plan, at) else Status.PLANNED
        repair = replace(fresh, status=status, version=known.version + 1 if known else 1)
        gone = _superseded(current, "the policy moved") if current and current.id != repair.id else []
        self._repairs.store(repair, replace(following, plan=repair.id), *gone)
        return self._carried_through(repair) if status is Status.APPROVED else self._applying.tell(repair)

    def _carried_through(self, repair: Repair) -> Repair:
        """Applied, or refused for good; one that the policy has left behind is planned anew by the next delivery."""
        done = self._applying.apply(repair)
        if done.status is Status.SUPERSEDED:
            raise Transient(f"{done.id}: {done.reason}")
        return done

    def _needs_nobody(self, look: Look, plan: Plan, at: datetime) -> bool:
        """Beyond its budget for the hour, a person has to see what is going on."""
        hour = at.replace(minute=0, second=0, microsecond=0)
        return look.mode is Mode.ENFORCE and self._repairs.spent(plan.resource, hour) < self._rules.budget_per_hour

    # --- bounds

    def _rests(self, plan: Plan, standing: Standing, look: Look) -> bool:
        if standing.contested_at and not standing.contest_told:
            self._tell_contest(standing, plan, look)
        breaker = self._repairs.breaker()
        if breaker.tripped_at and not breaker.told:
            self._bus.tell(RepairNews.of_breaker(breaker, self._clock()))
            self._repairs.store(breaker.successor(told=True))
        return bool(standing.at_rest or breaker.at_rest)

    def _was_undone(self, standing: Standing, plan: Plan) -> bool:
        """Whether another writer took out the statement that should stand there."""
        stood = self._repairs.find(standing.stands) if standing.stands else None
        return stood is not None and our_statement(plan.before, plan.kind.sid) != stood.statement

    def _contest(self, standing: Standing, plan: Plan, look: Look, at: datetime) -> None:
        found = or_unknown(lambda: self._writers.of_policy(plan.resource, since=at - CONTEST_WITHIN))
        by = () if isinstance(found, Unknown) else tuple(found)
        contested = replace(standing, contested_at=at, contested_by=by)
        self._repairs.store(contested)
        self._tell_contest(contested, plan, look)

    def _tell_contest(self, standing: Standing, plan: Plan, look: Look) -> None:
        at = standing.contested_at or self._clock()
        repair = Repair.planned(plan, applied=standing.applied, secret=look.secret, at=at)
        self._bus.tell(RepairNews.of_contest(standing, repair))
        self._repairs.store(standing.successor(contest_told=True))

    def _trips(self, look: Look, at: datetime) -> bool:
        """Whether so many ask for a repair at once that something greater must have happened.

        Once somebody has resumed repairs, what was broken is repaired: it counts again a window later.
        """
        breaker = self._repairs.breaker()
        window = self._rules.breaker_window
        since = max(at - window, breaker.resumed_at + window) if breaker.resumed_at else at - window
        broken = sum(one > since for one in self._repairs.broken().values())
        known = self._known_secrets(look.secret) if broken > 1 else 0
        if not self._rules.is_mass(broken, known):
            return False
        reason = f"{broken} of {known} secrets asked for a repair within {window}"
        tripped = breaker.successor(tripped_at=at, reason=reason, told=False)
        self._repairs.store(tripped)
        self._bus.tell(RepairNews.of_breaker(tripped, at))
        self._repairs.store(tripped.successor(told=True))
        return True

    def _known_secrets(self, arn: str) -> int:
        secret = SecretId.of_arn(arn)
        known = self._providers.known(WholeInventory(secret.account, secret.region))
        return len({reference.secret_arn for one in known for reference in one.provider.references})


def _superseded(current: Repair | None, reason: str) -> list[Repair]:
    """The plan that a person need not look at any more: nobody is told."""
    if current is None or current.status is not Status.PLANNED:
        return []
    return [replace(current.successor(status=Status.SUPERSEDED, reason=reason), told=True)]
