"""Whether somebody has to approve: whoever may start an onboarding must not thereby publish another team's secret."""

from collections.abc import Collection, Mapping

from secretwatch.domain.onboarding.onboarding import Approval, Onboarding
from secretwatch.domain.repair.rules import RepairRules

ALLOW_TAG = "secretwatch:allow-provider"
"""The tag by which a secret's owner allows providers beforehand: their names, with spaces between."""

Tags = Mapping[str, str]


def approval_for(
    onboarding: Onboarding, tags: Mapping[str, Tags | None], changed: Collection[str], rules: RepairRules
) -> Approval:
    """The approval that is needed, from the tags of each secret by its ARN, None where they are not known.

    `changed` are the secrets for whose sake a policy is to be changed.
    """
    within = onboarding.options.approve_within
    unasked = sorted(arn for arn, one in tags.items() if not allows(one, onboarding.name or ""))
    if unasked:
        return Approval(True, f"No tag {ALLOW_TAG} of {', '.join(unasked)} names {onboarding.name}.", within)
    careful = sorted(arn for arn in changed if _wants_a_person(tags.get(arn) or {}, rules))
    if careful:
        return Approval(True, f"A policy is to be changed for {', '.join(careful)}, which is kept as code.", within)
    return Approval(False, f"The tag {ALLOW_TAG} of every secret names {onboarding.name}.", within)


def allows(tags: Tags | None, provider: str) -> bool:
    """Whether the secret's own tag lets a provider of this name have it."""
    return provider in (tags or {}).get(ALLOW_TAG, "").split()


def _wants_a_person(tags: Tags, rules: RepairRules) -> bool:
    """Its policy is code, or its owner wants to be asked."""
    return bool(rules.iac_tags & set(tags)) or rules.mode_for(tags) is not rules.mode
