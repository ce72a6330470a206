"""Seeing a secret as it would be with one provider more: before that is there, or once it is gone."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from secretwatch.domain.facts import Facts, NoSuchProvider
from secretwatch.domain.reference import ProviderName, ProviderStatus, Reference
from secretwatch.domain.repair.rules import RepairRules
from secretwatch.domain.rules import Rules
from secretwatch.domain.secret import SecretId
from secretwatch.domain.state import ReferenceState
from secretwatch.gathering import Gathering
from secretwatch.ports import ProviderStatuses, References
from secretwatch.repairing import Look, Looking


class Seeing:
    """Makes what looks at secrets for a provider that the Registry need not know."""

    def __init__(
        self,
        references: References,
        statuses: ProviderStatuses,
        new_gathering: Callable[[ProviderStatuses], Gathering],
        *,
        rules: Rules,
        repair_rules: RepairRules,
    ) -> None:
        """`new_gathering` remembers nothing of what was read before."""
        self._references = references
        self._statuses = statuses
        self._new_gathering = new_gathering
        self.rules = rules
        self.repair_rules = repair_rules

    def with_provider(self, references: Collection[Reference], status: ProviderStatus | None = None) -> Looking:
        """Looks with these references besides those that the Registry knows; all of one provider, whose status it is.

        `repairing` looks with it as it always does.
        """
        statuses = WithStatus(self._statuses, {one.provider: status or ProviderStatus() for one in references})
        return Looking(
            WithNewcomers(self._references, references),
            lambda: self._new_gathering(statuses),
            rules=self.rules,
            repair_rules=self.repair_rules,
        )


def look_at(looking: Looking, secret_arn: str, *, at: datetime) -> Look | None:
    """What is planned for this very secret; None when nobody references it.

    Its ARN may be what another one's name looks like: that one is looked at, too, and left out here.
    """
    looks = looking.look(SecretId.of_arn(secret_arn), at=at)
    return next((look for look in looks if look.secret == secret_arn), None)


def facts_of(look: Look | None, reference: Reference) -> Facts:
    """The facts of the reference, which the Registry may know by another ARN of its provider."""
    found = look.facts.items() if look else ()
    return next(one for known, one in found if place(known) == place(reference))


class WithNewcomers:
    """`ports.References`: the Registry's, and some that it need not know yet."""

    def __init__(self, references: References, newcomers: Collection[Reference]) -> None:
        """`newcomers` have a full ARN; one that the Registry knows already is that one."""
        self._references = references
        self._newcomers = newcomers

    def of_secret(self, secret: SecretId) -> list[ReferenceState]:
        """With the newcomers, of which nothing was ever found."""
        known = self._references.of_secret(secret)
        there = {place(state.reference) for state in known}
        here = [one for one in self._newcomers if secret.arn == one.secret_arn and place(one) not in there]
        return [*known, *map(ReferenceState, here)]

    def find(self, reference: Reference) -> ReferenceState | None:
        """The Registry's alone."""
        return self._references.find(reference)

    def all_of(self, references: Collection[Reference]) -> list[ReferenceState]:
        """The Registry's alone."""
        return self._references.all_of(references)

    def store(self, state: ReferenceState) -> None:
        """In the Registry."""
        self._references.store(state)


def place(reference: Reference) -> tuple[ProviderName, str, str, str | None]:
    """An ARN that AgentCore has not given yet is none to tell references apart by."""
    return reference.provider, reference.field, reference.secret_arn, reference.json_key


class WithStatus:
    """`ports.ProviderStatuses`: the Registry's, and those of providers that we know better."""

    def __init__(self, statuses: ProviderStatuses, known: Mapping[ProviderName, ProviderStatus]) -> None:
        """`known` come before what the Registry says."""
        self._statuses = statuses
        self._known = known

    def status(self, name: ProviderName) -> ProviderStatus | NoSuchProvider:
        """Of one that is not there yet, nothing bad is said."""
        return self._known.get(name) or self._statuses.status(name)
