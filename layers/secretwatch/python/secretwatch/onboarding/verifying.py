"""Verifying: the provider that is there now is the one that was asked for, and can get its credential."""

from collections.abc import Callable
from datetime import UTC, datetime

from secretwatch.domain.finding import Verdict, worst
from secretwatch.domain.onboarding.conclusion import Conclusion, conclude
from secretwatch.domain.onboarding.errors import NotResolving, ProviderSettling
from secretwatch.domain.onboarding.onboarding import Held, Onboarding
from secretwatch.domain.reference import ProviderKind, Reference
from secretwatch.errors import Permanent, Transient
from secretwatch.onboarding.beginning import needed
from secretwatch.onboarding.creating import settled
from secretwatch.onboarding.seeing import Seeing, facts_of, look_at
from secretwatch.ports import Onboardings, TokenVault, Vending


class Verifying:
    """Holds the provider to everything that a reference is checked for."""

    def __init__(
        self,
        onboardings: Onboardings,
        seeing: Seeing,
        vault: TokenVault,
        vending: Vending | None,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Without `vending` no credential is ever fetched."""
        self._onboardings = onboardings
        self._seeing = seeing
        self._vault = vault
        self._vending = vending
        self._clock = clock

    def verify(self, onboarding_id: str) -> Verdict:
        """Read the provider back, judge its references, and fetch its credential once if that is asked for.

        Raises ProviderSettling or ProviderFailed as AgentCore says, NotResolving with everything that is wrong.
        """
        onboarding = needed(self._onboardings, onboarding_id)
        held = self._vault.find(onboarding.provider) if onboarding.provider else None
        if held is None:
            raise ProviderSettling(f"AgentCore does not show the provider {onboarding.name}")
        settled(onboarding, held)
        concluded = self._judged(onboarding, held)
        problems = [*self._odd(onboarding, held), *(str(problem) for one in concluded for problem in one.problems)]
        if problems:
            raise NotResolving("\n".join(problems))
        self._vend(onboarding)
        warnings = tuple(dict.fromkeys([*onboarding.warnings, *(text for one in concluded for text in one.warnings)]))
        if warnings != onboarding.warnings:
            self._onboardings.store(onboarding.successor(warnings=warnings))
        return worst(finding for one in concluded for finding in one.findings)

    def _odd(self, onboarding: Onboarding, held: Held) -> list[str]:
        odd = held.odd(onboarding)
        return [f"The provider does not read back as it was asked for: {odd}."] if odd else []

    def _judged(self, onboarding: Onboarding, held: Held) -> list[Conclusion]:
        provider = onboarding.provider
        references = [one.reference(provider, held.arn) for one in onboarding.pointers] if provider else []
        looking = self._seeing.with_provider(references, held.provider_status)
        judged: list[Conclusion] = []
        for arn in onboarding.secrets:
            look = look_at(looking, arn, at=self._clock())
            own: list[Reference] = [one for one in references if one.secret_arn == arn]
            judged += [conclude(one, facts_of(look, one), self._seeing.rules) for one in own]
        for one in judged:
            if one.unsettled:
                raise Transient(one.unsettled)
        return judged

    def _vend(self, onboarding: Onboarding) -> None:
        """Of API keys only: to fetch an OAuth2 token would take part in somebody's authorization."""
        if not onboarding.options.vend or self._vending is None or onboarding.kind is not ProviderKind.API_KEY:
            return
        try:
            self._vending.vend(onboarding.name or "")
        except Permanent as error:
            raise NotResolving(f"AgentCore does not hand out the credential: {error}") from error
