"""Whether somebody has to approve: whoever may start an onboarding must not thereby publish another team's secret."""

from collections.abc import Collection, Iterator, Mapping

from secretwatch.domain.onboarding.destination import servers_of
from secretwatch.domain.onboarding.onboarding import Approval, Onboarding
from secretwatch.domain.reference import ProviderName
from secretwatch.domain.repair.rules import RepairRules

ALLOW_TAG = "secretwatch:allow-provider"
"""The tag by which a secret's owner allows providers beforehand, with spaces between.

Each is KIND/name, or KIND/name@host where the request itself says to which server the credential is sent.
"""

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
    servers = servers_of(onboarding.request) if onboarding.request else None
    wanted = _words(onboarding.provider, servers or ())
    why = [*_reasons(tags, wanted, changed, rules, shown=servers is not None), *concerns]
    within = onboarding.options.approve_within
    if why:
        return Approval(True, " ".join(why), within)
    return Approval(False, f"The tag {ALLOW_TAG} of every secret names {' '.join(sorted(wanted))}.", within)


def allows(tags: Tags | None, wanted: Collection[str]) -> bool:
    """Whether the secret's own tag has all of these words; the kind in any case."""
    given = {_normal(word) for word in (tags or {}).get(ALLOW_TAG, "").split()}
    return bool(wanted) and given.issuperset(wanted)


def _reasons(
    tags: Mapping[str, Tags | None],
    wanted: Collection[str],
    changed: Collection[str],
    rules: RepairRules,
    *,
    shown: bool,
) -> Iterator[str]:
    """`shown` is whether the wanted words say all there is to say of where the credential goes."""
    if unasked := sorted(arn for arn, one in tags.items() if not allows(one, wanted)):
        yield f"No tag {ALLOW_TAG} of {', '.join(unasked)} names {' '.join(sorted(wanted))}."
    if not shown:
        yield "The request itself says to which servers the credential is sent, and no tag could name them."
    if careful := sorted(arn for arn in changed if _wants_a_person(tags.get(arn) or {}, rules)):
        yield f"A policy is to be changed for {', '.join(careful)}, which is kept as code."


def _words(provider: ProviderName | None, servers: Collection[str]) -> frozenset[str]:
    """What a tag has to say: a provider of another kind, or for another server, may have the same name."""
    if provider is None:
        return frozenset()
    word = f"{provider.kind}/{provider.name}"
    return frozenset(f"{word}@{server}" for server in servers) or frozenset({word})


def _normal(word: str) -> str:
    kind, slash, rest = word.partition("/")
    name, at, server = rest.partition("@")
    return f"{kind.upper()}{slash}{name}{at}{server.lower()}"


def _wants_a_person(tags: Tags, rules: RepairRules) -> bool:
    """Its policy is code, or its owner wants to be asked."""
    return bool(rules.iac_tags & set(tags)) or rules.mode_for(tags) is not rules.mode
