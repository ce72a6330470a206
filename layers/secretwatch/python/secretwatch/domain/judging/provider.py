"""Whether the provider itself is well."""

from collections.abc import Iterator

from secretwatch.domain.facts import Facts, NoSuchProvider, Unknown
from secretwatch.domain.finding import Code, Finding
from secretwatch.domain.reference import ProviderStatus, Reference

_REASON_LIMIT = 300  # characters of AgentCore's own words


def provider_findings(reference: Reference, facts: Facts) -> Iterator[Finding | Unknown]:
    """PROVIDER_FAILED, PROVIDER_GONE."""
    match facts.provider:
        case Unknown() as unknown:
            yield unknown
        case NoSuchProvider():
            yield Finding(
                Code.PROVIDER_GONE,
                f"AgentCore knows no provider `{reference.provider.name}` any more",
                "Create the provider again, or remove it from the gateway targets and agents that still name it.",
                about=reference.provider_arn,
            )
        case ProviderStatus(failed=True) as provider:
            yield Finding(
                Code.PROVIDER_FAILED,
                f"AgentCore says {provider.status}{_because(provider)}",
                "Mend what AgentCore names, then update the provider with its whole configuration, or create it anew.",
                about=reference.provider_arn,
            )


def _because(provider: ProviderStatus) -> str:
    reason = (provider.failure_reason or "")[:_REASON_LIMIT].rstrip(". ")
    return f": {reason}" if reason else ""
