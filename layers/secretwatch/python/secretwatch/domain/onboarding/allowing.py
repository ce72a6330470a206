"""Whether somebody has to approve: whoever may start an onboarding must not thereby publish another team's secret."""

from collections.abc import Collection, Iterator, Mapping

from secretwatch.domain.onboarding.destination import chooses_servers
from secretwatch.domain.onboarding.onboarding import Approval, Onboarding
from secretwatch.domain.reference import ProviderName
from secretwatch.domain.repair.rules import RepairRules

ALLOW_TAG = "secretwatch:allow-provider"
"""The tag by which a secret's owner allows providers beforehand: KIND/name each, with spaces between."""

Tags = Mapping[str, str]


def approval_for(
    onboarding: Onboarding,
    tags: Mapping[str, Tags | None],
    changed: Collection[str],
    rules: RepairRules,
    concerns: Collection[str] = (),
) -> Approval:
    """The approval that is needed, from the tags of each secret by its ARN, None where they are not known.

    `changed` are the secrets for whose sake a policy is to be changed, `concerns` why a person has to see that change.
    """
    within, why = onboarding.options.approve_within, [*_reasons(onboarding, tags, changed, rules), *concerns]
    if why:
        return Approval(True, " ".join(why), within)
    return Approval(False, f"The tag {ALLOW_TAG} of every secret names {_word(onboarding.provider)}.", within)


def allows(tags: Tags | None, provider: ProviderName | None) -> bool:
    """Whether the secret's own tag lets this provider have it: a provider of another kind may have the same name."""
    words = (word.partition("/") for word in (tags or {}).get(ALLOW_TAG, "").split())
    return provider is not None and any(
        (kind.upper(), name) == (provider.kind.value, provider.name) for kind, _, name in words
    )


def _reasons(
    onboarding: Onboarding, tags: Mapping[str, Tags | None], changed: Collection[str], rules: RepairRules
) -> Iterator[str]:
    if unasked := sorted(arn for arn, one in tags.items() if not allows(one, onboarding.provider)):
        yield f"No tag {ALLOW_TAG} of {', '.join(unasked)} names {_word(onboarding.provider)}."
    # A tag allows a provider, and knows nothing of the servers that the credential would be sent to.
    if (request := onboarding.request) and chooses_servers(request):
        yield "The request itself says to which servers the credential is sent."
    if careful := sorted(arn for arn in changed if _wants_a_person(tags.get(arn) or {}, rules)):
        yield f"A policy is to be changed for {', '.join(careful)}, which is kept as code."


def _word(provider: ProviderName | None) -> str:
    return f"{provider.kind}/{provider.name}" if provider else "it"


def _wants_a_person(tags: Tags, rules: RepairRules) -> bool:
    """Its policy is code, or its owner wants to be asked."""
    return bool(rules.iac_tags & set(tags)) or rules.mode_for(tags) is not rules.mode
