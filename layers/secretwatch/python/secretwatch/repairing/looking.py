"""Looking: what is planned for a secret and its key, from facts that are read for it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from secretwatch.domain.access import access_of
from secretwatch.domain.facts import Facts, KeyDescription, SecretDescription, Unknown
from secretwatch.domain.finding import Code
from secretwatch.domain.reference import Reference
from secretwatch.domain.repair.plan import Planned, plan_key, plan_secret
from secretwatch.domain.repair.rules import Mode, RepairRules
from secretwatch.domain.rules import Rules
from secretwatch.domain.secret import SecretId
from secretwatch.domain.state import ReferenceState
from secretwatch.errors import Transient
from secretwatch.gathering import Gathering
from secretwatch.ports import References


@dataclass(frozen=True, slots=True)
class Look:
    """What is planned for each policy of a secret: its own, and its key's; and what may become of it.

    `facts` are those of each reference that it is planned from.
    """

    secret: str
    mode: Mode
    planned: Mapping[str, Planned]
    facts: Mapping[Reference, Facts]


class Looking:
    """Reads the Registry and the facts anew: what an event said of the secret is never believed."""

    def __init__(
        self,
        references: References,
        new_gathering: Callable[[], Gathering],
        *,
        rules: Rules,
        repair_rules: RepairRules,
    ) -> None:
        """`new_gathering` remembers nothing of what was read before."""
        self._references = references
        self._new_gathering = new_gathering
        self._rules = rules
        self._repair_rules = repair_rules

    def look(self, secret: SecretId, *, at: datetime) -> list[Look]:
        """For each secret that is meant; none when nobody references it.

        Raises Transient when something could not be read that trying later may tell.
        """
        states = self._references.of_secret(secret)
        arns = sorted({state.reference.secret_arn for state in states})
        return [self._look(arn, [one for one in states if one.reference.secret_arn == arn], at) for arn in arns]

    def _look(self, arn: str, states: Collection[ReferenceState], at: datetime) -> Look:
        gathered = self._new_gathering().gather(arn, states, at=at)
        facts = {state.reference: _with_access(state, gathered[state.reference], at) for state in states}
        some = next(iter(facts.values()))
        mode = self._repair_rules.mode_for(some.secret.tags if isinstance(some.secret, SecretDescription) else {})
        wanted = _not_waived(states, facts, Code.READER_NOT_ALLOWED)
        planned = {arn: plan_secret(wanted, self._rules, self._repair_rules.guard) if wanted else None}
        if self._repair_rules.key_policies and some.key and isinstance(some.key.key, KeyDescription):
            wanted = _not_waived(states, facts, Code.KEY_NOT_ALLOWED)
            planned[some.key.key.arn] = plan_key(wanted, self._rules) if wanted else None
        for one in planned.values():
            if isinstance(one, Unknown) and one.transient:
                raise Transient(one.reason)
        return Look(arn, mode, planned, facts)


def _with_access(state: ReferenceState, facts: Facts, at: datetime) -> Facts:
    """Since when access is as it is, as a check would tell it."""
    return replace(facts, access_since=state.with_access(access_of(state.reference, facts), at=at).access_since)


def _not_waived(
    states: Collection[ReferenceState], facts: Mapping[Reference, Facts], code: Code
) -> dict[Reference, Facts]:
    """Somebody decided to live with the others."""
    waived = {
        one.reference for one in states for finding in one.findings if finding.waived_until and finding.code is code
    }
    return {reference: one for reference, one in facts.items() if reference not in waived}
