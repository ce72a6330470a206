"""Creating the provider, or finding that it is there as it was asked for; and deleting what this execution created."""

from dataclasses import replace
from typing import Any

from secretwatch.domain.onboarding.errors import NameTaken, ProviderFailed, ProviderRefused, ProviderSettling
from secretwatch.domain.onboarding.onboarding import Held, Onboarding
from secretwatch.domain.reference import ProviderName
from secretwatch.errors import Permanent
from secretwatch.onboarding.beginning import needed, own_claim
from secretwatch.onboarding.granting import Done
from secretwatch.ports import Onboardings, TokenVault


class Creating:
    """Writes to AgentCore's token vault. Nothing else in Secretwatch does."""

    def __init__(self, onboardings: Onboardings, vault: TokenVault) -> None:
        """`vault` is of the account and Region of the onboardings."""
        self._onboardings = onboardings
        self._vault = vault

    def create(self, onboarding_id: str) -> Onboarding:
        """Create the provider, or take the one that is there and the very same.

        Raises NameTaken for another one, ProviderRefused and ProviderFailed as AgentCore says, ProviderSettling until
        AgentCore has finished, AlreadyUnderWay when the name is not this execution's any more.
        """
        onboarding = needed(self._onboardings, onboarding_id)
        provider, request = onboarding.provider, onboarding.request
        if provider is None or request is None:
            raise Permanent(f"the onboarding {onboarding_id} names no provider")
        held = self._vault.find(provider)
        if held is None and not onboarding.created:
            own_claim(self._onboardings, onboarding)
            onboarding = self._create(onboarding, provider, dict(request.body))
            held = self._vault.find(provider)
        if held is None:
            raise ProviderSettling(f"AgentCore does not show the provider {provider.name} yet")
        return self._taken(onboarding, held)

    def _create(self, onboarding: Onboarding, provider: ProviderName, body: dict[str, Any]) -> Onboarding:
        """The intent comes first: whoever comes after a lost answer knows that there may be a provider of ours."""
        if not onboarding.creating:
            onboarding = self._stored(onboarding.successor(creating=True))
        try:
            self._vault.create(provider, body, maker=onboarding.execution.mark)
        except ProviderRefused:
            if self._vault.find(provider) is None:
                raise
            return onboarding  # somebody was faster, or we were and never heard of it
        return self._stored(onboarding.successor(created=True))

    def _taken(self, onboarding: Onboarding, held: Held) -> Onboarding:
        created = self._is_ours(onboarding, held)
        if not created and (taken := held.taken(onboarding)):
            raise NameTaken(str(taken))
        taken_over = replace(onboarding, provider_arn=held.arn, created=created, callback_url=held.callback_url)
        if taken_over != onboarding:
            onboarding = self._stored(taken_over.successor())
        return settled(onboarding, held)

    def _is_ours(self, onboarding: Onboarding, held: Held) -> bool:
        """By its tag; where AgentCore shows none, by what it answered when we created it."""
        if not onboarding.creating:
            return False
        maker = self._vault.maker(held.arn)
        return maker == onboarding.execution.mark or (maker is None and onboarding.created is True)

    def delete(self, onboarding_id: str) -> Done:
        """Delete the provider if this execution created it; raises ProviderSettling until it is gone."""
        onboarding = self._onboardings.find(onboarding_id)
        if onboarding is None or onboarding.provider is None or not onboarding.creating:
            return Done(True, "no provider was created")
        held = self._vault.find(onboarding.provider)
        if held is None and onboarding.created is not False:
            # What was created a moment ago may not be shown yet. Delete takes what is not there.
            self._vault.delete(onboarding.provider)
            held = self._vault.find(onboarding.provider)
        if held is None:
            return Done(True)
        if not self._is_ours(onboarding, held):
            return Done(True, f"the provider {onboarding.name} is somebody else's, and stays")
        return self._deleted(onboarding.provider, held)

    def remove(self, offboarding_id: str) -> Done:
        """Delete the provider of an offboarding, whoever created it; raises ProviderSettling until it is gone."""
        offboarding = self._onboardings.find_offboarding(offboarding_id)
        if offboarding is None:
            raise Permanent(f"the offboarding {offboarding_id} was never begun")
        held = self._vault.find(offboarding.provider)
        done = self._deleted(offboarding.provider, held) if held else Done(True, "it was gone already")
        if not offboarding.removed:
            self._onboardings.store_offboarding(offboarding.successor(removed=True))
        return done

    def _deleted(self, provider: ProviderName, held: Held) -> Done:
        if held.status != _DELETING:
            self._vault.delete(provider)
        left = self._vault.find(provider)
        if left is None:
            return Done(True)
        if left.provider_status.failed:
            raise ProviderFailed(f"AgentCore does not delete the provider {provider.name}: {_because(left)}")
        raise ProviderSettling(f"AgentCore has not deleted the provider {provider.name} yet")

    def _stored(self, onboarding: Onboarding) -> Onboarding:
        self._onboardings.store(onboarding)
        return onboarding


_DELETING = "DELETING"


def settled(onboarding: Onboarding, held: Held) -> Onboarding:
    """The onboarding, whose provider AgentCore has finished with; raises ProviderSettling or ProviderFailed if not."""
    if held.provider_status.settling:
        raise ProviderSettling(f"AgentCore has not finished with the provider {onboarding.name}: {held.status}")
    if held.provider_status.failed:
        raise ProviderFailed(f"AgentCore gave up on the provider {onboarding.name}: {_because(held)}")
    return onboarding


_REASON_LIMIT = 300  # characters of AgentCore's own words


def _because(held: Held) -> str:
    reason = (held.failure_reason or "")[:_REASON_LIMIT].rstrip(". ")
    return f"{held.status}, {reason}" if reason else str(held.status)
