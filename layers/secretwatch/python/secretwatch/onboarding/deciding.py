"""Deciding: whether a waiting onboarding goes on; nobody approves one of their own."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum

from secretwatch.attempts import until_won
from secretwatch.domain.onboarding.errors import NoLongerWaiting
from secretwatch.domain.onboarding.onboarding import Approval, Onboarding, Status
from secretwatch.domain.onboarding.people import is_federated, same_person
from secretwatch.ports import Decisions, Onboardings, Starters
from secretwatch.repairing import Answer


class Wish(StrEnum):
    """What somebody may ask for."""

    APPROVE = "approve"
    REJECT = "reject"


_OK, _ACCEPTED, _FORBIDDEN, _NOT_FOUND, _CONFLICT = 200, 202, 403, 404, 409


class Deciding:
    """Writes down who decided what, and lets the execution go on."""

    def __init__(
        self,
        onboardings: Onboardings,
        starters: Starters,
        decisions: Decisions,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`starters` tell who asked for the onboarding; nothing in the request does."""
        self._onboardings = onboardings
        self._starters = starters
        self._decisions = decisions
        self._clock = clock

    def approve(self, onboarding_id: str, by: str) -> Answer:
        """What was shown is to be done, unless whoever started it approves."""
        return until_won(lambda: self._decide(onboarding_id, by, None))

    def reject(self, onboarding_id: str, by: str, reason: str) -> Answer:
        """Nothing is to be done; this may say whoever started it, too."""
        return until_won(lambda: self._decide(onboarding_id, by, reason))

    def _decide(self, onboarding_id: str, by: str, rejected: str | None) -> Answer:
        onboarding = self._onboardings.find(onboarding_id)
        if onboarding is None:
            return Answer(_NOT_FOUND, f"There is no onboarding {onboarding_id}. `secretwatch status` lists what waits.")
        approval = onboarding.approval
        if onboarding.status is not Status.AWAITING_APPROVAL or approval is None or approval.token is None:
            return Answer(_CONFLICT, f"{onboarding_id} waits for nobody: it is {onboarding.status}.")
        if approval.decided_by:
            return self._again(onboarding, approval, rejected)
        if approval.until and self._clock() >= approval.until:
            return Answer(_CONFLICT, f"{onboarding_id} waits no longer: the time for an approval is over.")
        if rejected is None:
            execution = onboarding.execution
            started_by = self._starters.of_execution(execution.arn, execution.started_at)
            if hindrance := _hindrance(onboarding, by, started_by):
                return hindrance
            onboarding = replace(onboarding, requested_by=started_by[0])
        decided = replace(
            approval, decided_by=by, decided_at=self._clock(), rejected=rejected and f"{by} rejected it: {rejected}"
        )
        self._onboardings.store(onboarding.successor(approval=decided))
        return self._go_on(onboarding_id, decided)

    def _again(self, onboarding: Onboarding, approval: Approval, rejected: str | None) -> Answer:
        """It may have been lost on the way to the execution."""
        if (approval.rejected is None) is not (rejected is None):
            verb = "rejected" if approval.rejected else "approved"
            return Answer(_CONFLICT, f"{onboarding.id} is {verb} already, by {approval.decided_by}.")
        return self._go_on(onboarding.id, approval)

    def _go_on(self, onboarding_id: str, approval: Approval) -> Answer:
        token, by = approval.token or "", approval.decided_by or ""
        try:
            if approval.rejected is not None:
                self._decisions.reject(token, approval.rejected)
                return Answer(_OK, f"{onboarding_id} is rejected, and ends.")
            self._decisions.approve(token, by)
        except NoLongerWaiting:
            return Answer(_CONFLICT, f"{onboarding_id} waits no longer: it went on, or its time was over.")
        return Answer(_ACCEPTED, f"{onboarding_id} is approved, and goes on if nothing has moved since.")


def _hindrance(onboarding: Onboarding, by: str, started_by: Sequence[str]) -> Answer | None:
    if is_federated(by):
        return Answer(_FORBIDDEN, "A federated user may be anybody: approve as a user, or in a session of a role.")
    if not started_by:
        return Answer(
            _CONFLICT,
            f"AWS has not said yet who started {onboarding.id} (that takes up to 15 minutes): try again.",
        )
    if any(same_person(by, one) for one in started_by):
        return Answer(_FORBIDDEN, f"You started {onboarding.id}: nobody approves an onboarding of their own.")
    return None
