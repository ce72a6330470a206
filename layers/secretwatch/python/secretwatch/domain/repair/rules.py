"""What the operator lets us repair, and within which bounds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from secretwatch.domain.repair.statement import Guard

REPAIR_TAG = "secretwatch:repair"
"""The tag by which a secret's owner lowers the mode for it; it raises nothing."""


class Mode(StrEnum):
    """What becomes of a plan."""

    OBSERVE = "observe"  # there is none
    PROPOSE = "propose"  # it waits for a person
    ENFORCE = "enforce"  # it is applied at once


_RANK = {mode: rank for rank, mode in enumerate(Mode)}


@dataclass(frozen=True, slots=True)
class RepairRules:
    """The stack's parameters about repairs, safe by default.

    `iac_tags` are tags of secrets whose policy is code. More than `contested_after` undone repairs of one policy within
    a day are a contest; more than `breaker_secrets` policies, or `breaker_percent` of all, that ask for a repair within
    `breaker_window` are no single mishap: nothing is repaired then.
    """

    mode: Mode = Mode.PROPOSE
    guard: Guard = Guard.SOURCE_ACCOUNT_IF_EXISTS
    key_policies: bool = False
    iac_tags: frozenset[str] = frozenset({"aws:cloudformation:stack-name"})
    budget_per_hour: int = 3
    contested_after: int = 3
    breaker_secrets: int = 10
    breaker_percent: int = 20
    breaker_window: timedelta = timedelta(minutes=10)

    def mode_for(self, tags: Mapping[str, str]) -> Mode:
        """The mode for a secret with these tags; a tag that says nothing we know is taken for `observe`."""
        if REPAIR_TAG not in tags:
            wanted = self.mode
        else:
            asked = tags[REPAIR_TAG].strip().lower()
            wanted = Mode(asked) if asked in set(Mode) else Mode.OBSERVE
        if self.iac_tags & set(tags):
            wanted = min(wanted, Mode.PROPOSE, key=_RANK.__getitem__)
        return min(self.mode, wanted, key=_RANK.__getitem__)

    def is_mass(self, broken: int, known: int) -> bool:
        """Whether so many of so many are no single mishap; a share counts from a few on, since one of two is half."""
        share = broken >= _FEW and known > 0 and 100 * broken > self.breaker_percent * known
        return broken > self.breaker_secrets or share


_FEW = 4
