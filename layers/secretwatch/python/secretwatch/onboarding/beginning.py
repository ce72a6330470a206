"""Beginning: a request is read whole, and its provider's name is this execution's alone."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from secretwatch.domain.onboarding import news
from secretwatch.domain.onboarding.errors import AlreadyUnderWay, RequestRefused
from secretwatch.domain.onboarding.onboarding import Execution, Onboarding
from secretwatch.domain.onboarding.request import NAME, OnboardingRequest, Problem, read_request
from secretwatch.domain.reference import ProviderName
from secretwatch.errors import Permanent
from secretwatch.ports import Bus, Executions, Onboardings, RequestModel


class Beginning:
    """Writes down what is asked for, once it is known to be a request without a secret in it."""

    def __init__(
        self,
        onboardings: Onboardings,
        model: RequestModel,
        executions: Executions,
        bus: Bus,
        *,
        account: str,
        region: str,
        vend: bool,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`model` knows AgentCore's API; `vend` is whether the stack lets credentials be fetched."""
        self._onboardings = onboardings
        self._model = model
        self._executions = executions
        self._bus = bus
        self._place = account, region
        self._vend = vend
        self._clock = clock

    def begin(self, execution: Execution, given: object) -> ProviderName:
        """Begin the onboarding of what is asked for, or go on where a former attempt came to; returns the provider.

        Raises RequestRefused with every problem, AlreadyUnderWay when another execution works on the provider.
        """
        begun = self._begun(execution)
        request = read_request(given)
        problems = self._problems(request)
        if problems or isinstance(request, list):
            raise refused(self._onboardings, _as_far_as_readable(begun, request), problems)
        if begun.asked is None:
            begun = begun.asking(request)
            self._onboardings.store(begun)
        provider = begun.provider
        if provider is None:
            raise Permanent(f"the onboarding {begun.id} names no provider")
        claim(self._onboardings, self._executions, provider, execution.arn)
        self._bus.publish(news.started(begun, execution.started_at))
        return provider

    def _begun(self, execution: Execution) -> Onboarding:
        """The record comes first: whatever goes wrong after it is told of it."""
        known = self._onboardings.find(execution.name)
        if known and known.execution == execution:
            return known
        begun = Onboarding(execution, *self._place, version=known.version if known else 0).successor()
        self._onboardings.store(begun)
        return begun

    def _problems(self, request: OnboardingRequest | list[Problem]) -> list[Problem]:
        if isinstance(request, list):
            return request
        return [*self._model.problems(request), *switched_off(request, vend=self._vend)]


def switched_off(request: OnboardingRequest, *, vend: bool) -> list[Problem]:
    """What is asked for and the stack does not let anybody have; `vend` is its parameter OnboardingVend."""
    if vend or not request.options.vend:
        return []
    return [Problem("options.vend", "is switched off in this stack", "Leave it out, or ask for OnboardingVend.")]


def refused(onboardings: Onboardings, onboarding: Onboarding, problems: Sequence[Problem]) -> RequestRefused:
    """The error that says all problems; they are written down first, since an error's text may be cut off."""
    each_once = tuple(dict.fromkeys(problems))
    onboardings.store(onboarding.successor(problems=each_once))
    return RequestRefused("\n".join(map(str, each_once)))


def claim(onboardings: Onboardings, executions: Executions, provider: ProviderName, execution: str) -> None:
    """Take the provider's name for the execution, also from one that ended without giving it up.

    Raises AlreadyUnderWay while another execution that has it runs.
    """
    holder = onboardings.claimed_by(provider)
    if holder == execution:
        return
    if holder and executions.is_running(holder):
        raise AlreadyUnderWay(str(under_way(holder)))
    onboardings.claim(provider, execution, over=holder)


def under_way(holder: str) -> Problem:
    """Another execution has the provider's name."""
    return Problem("name", f"is of a provider that {holder} works on", "Wait for its end.")


def own_claim(onboardings: Onboardings, onboarding: Onboarding) -> None:
    """Raises AlreadyUnderWay unless the provider's name is still the execution's, which may have been redriven."""
    provider = onboarding.provider
    holder = onboardings.claimed_by(provider) if provider else None
    if holder != onboarding.execution.arn:
        who = f"{holder} works on it" if holder else "it has ended"
        raise AlreadyUnderWay(f"the provider {onboarding.name} is not {onboarding.id}'s any more: {who}; start again")


def needed(onboardings: Onboardings, onboarding_id: str) -> Onboarding:
    """The onboarding, which was begun; raises Permanent when it was not."""
    found = onboardings.find(onboarding_id)
    if found is None or found.request is None:
        raise Permanent(f"the onboarding {onboarding_id} was never begun")
    return found


def _as_far_as_readable(begun: Onboarding, request: OnboardingRequest | list[Problem]) -> Onboarding:
    """Which provider it is about, if that can be said."""
    if isinstance(request, list) or not NAME.fullmatch(request.name):
        return begun
    return replace(begun, kind=request.kind, name=request.name, owner=request.owner)
