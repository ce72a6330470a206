"""How a step of an onboarding fails: Step Functions matches the class's own name, and people read the message."""

from secretwatch.errors import Permanent, Transient


class RequestRefused(Permanent):
    """The request, or what it names, does not do; the message holds every problem, one a line."""


class AlreadyUnderWay(Permanent):
    """Another execution works on a provider of that name."""


class PolicyMoved(Permanent):
    """A policy is another one than was shown to whoever approved."""


class GrantRefused(Permanent):
    """A policy cannot be changed as is needed."""


class NameTaken(Permanent):
    """There is a provider of that name, and it is another one."""


class ProviderRefused(Permanent):
    """AgentCore does not create the provider."""


class ProviderFailed(Permanent):
    """AgentCore gave up on the provider."""


class ProviderSettling(Transient):
    """AgentCore has not finished with the provider."""


class NotResolving(Permanent):
    """The provider is there, and cannot get its credential."""


class ProviderInUse(Permanent):
    """Gateway targets use the provider."""


class NoLongerWaiting(Permanent):
    """Nobody waits for the decision any more."""


APPROVAL_REJECTED = "ApprovalRejected"
"""Whoever rejects ends the wait with this error."""

TIMEOUT = "States.Timeout"
"""Step Functions' own word for a wait that took too long."""
