"""Inspecting: every check that a provider will be held to, before there is one; and what has to be granted for it."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from secretwatch.domain.facts import Facts, KeyDescription, SecretDescription
from secretwatch.domain.finding import Code
from secretwatch.domain.onboarding.allowing import Tags, approval_for
from secretwatch.domain.onboarding.conclusion import LET_US_READ, ROTATE, Conclusion, conclude, field_of
from secretwatch.domain.onboarding.errors import NameTaken, RequestRefused
from secretwatch.domain.onboarding.onboarding import Onboarding, Pointer, Shown, stand_in_arn
from secretwatch.domain.onboarding.request import Problem, WantedReference
from secretwatch.domain.reference import Reference
from secretwatch.domain.repair.plan import Plan, Planned, Refusal, plan_key
from secretwatch.domain.repair.rendering import as_json
from secretwatch.domain.repair.repair import Status as RepairStatus
from secretwatch.domain.repair.rules import Mode
from secretwatch.domain.secret import SecretId
from secretwatch.errors import Permanent, Transient
from secretwatch.onboarding.beginning import needed, refused
from secretwatch.onboarding.seeing import Seeing, facts_of, look_at
from secretwatch.policy import Outcome, Policy
from secretwatch.ports import Onboardings, Repairs, SecretNames, TokenVault
from secretwatch.repairing import Look


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one secret came to."""

    secret: str
    tags: Tags | None
    plans: tuple[Shown, ...] = ()
    concerns: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()


class Inspecting:
    """Looks at the secrets that are asked for. Writes nothing but the record."""

    def __init__(
        self,
        onboardings: Onboardings,
        seeing: Seeing,
        names: SecretNames,
        vault: TokenVault,
        repairs: Repairs,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`repairs` tell where policies are left alone."""
        self._onboardings = onboardings
        self._seeing = seeing
        self._names = names
        self._vault = vault
        self._repairs = repairs
        self._clock = clock

    def inspect(self, onboarding_id: str) -> Onboarding:
        """Look at everything; returns the onboarding with what is to be approved and granted.

        Raises RequestRefused with every problem, NameTaken when nothing but the name is one.
        """
        known = self._onboardings.find(onboarding_id)
        if known and known.problems and known.asked is None:  # refused, and nobody heard of it
            raise RequestRefused("\n".join(map(str, known.problems)))
        onboarding = self._pointed(needed(self._onboardings, onboarding_id))
        keys: dict[str, str] = {}
        seen = [self._see(onboarding, arn, keys) for arn in onboarding.secrets if _is_here(onboarding, arn)]
        problems = [*self._elsewhere(onboarding), *(problem for one in seen for problem in one.problems)]
        taken = self._taken(onboarding)
        if taken or problems:
            found = [*problems, *([taken] if taken else [])]
            refusal = refused(self._onboardings, _without_odd_keys(onboarding, found), found)
            raise refusal if problems else NameTaken(str(refusal))
        plans = tuple(plan for one in seen for plan in one.plans)
        inspected = onboarding.successor(
            plans=plans,
            warnings=tuple(dict.fromkeys(warning for one in seen for warning in one.warnings)),
            approval=approval_for(
                onboarding,
                {one.secret: one.tags for one in seen},
                {plan.secret for plan in plans},
                self._seeing.repair_rules,
                tuple(dict.fromkeys(concern for one in seen for concern in one.concerns)),
            ),
        )
        self._onboardings.store(inspected)
        return inspected

    # --- which secrets

    def _pointed(self, onboarding: Onboarding) -> Onboarding:
        """The onboarding that knows each secret by its full ARN."""
        request = onboarding.request
        if request is None:
            raise Permanent(f"the onboarding {onboarding.id} was never begun")
        found = {one: self._pointer(one) for one in request.references}
        if lost := [one for one in found.values() if isinstance(one, Problem)]:
            # What names no secret may be one itself: it is not kept.
            raise refused(self._onboardings, replace(onboarding, asked=None), lost)
        known = {wanted: one for wanted, one in found.items() if isinstance(one, Pointer)}
        pinned = request.pinned({wanted.secret_id: one.secret_arn for wanted, one in known.items()})
        return replace(onboarding, asked=pinned.body, pointers=tuple(sorted(set(known.values()), key=str)))

    def _pointer(self, wanted: WantedReference) -> Pointer | Problem:
        """An ARN that reads as full is taken as it is where Secrets Manager does not say another."""
        try:
            given = SecretId.of_arn(wanted.secret_id).arn
        except ValueError:
            given = None
        try:
            arn = self._names.full_arn(wanted.secret_id) or given
        except Permanent as error:  # of another account or Region, perhaps
            if given is None:
                return Problem(
                    field_of(wanted), f"names a secret that cannot be looked up: {error}", f"{LET_US_READ} {ROTATE}"
                )
            arn = given
        return Pointer(wanted.field, arn, wanted.json_key) if arn else _not_found(wanted)

    def _elsewhere(self, onboarding: Onboarding) -> Iterator[Problem]:
        """A secret of another Region cannot be looked at from here, and would be of no use."""
        for one in onboarding.references:
            if not _is_here(onboarding, one.secret_arn):
                yield Problem(
                    field_of(one),
                    f"names a secret in {one.secret.region}, and the provider is created in {onboarding.region}",
                    f"Name a secret in {onboarding.region}; a replica of this one serves too.",
                )

    def _taken(self, onboarding: Onboarding) -> Problem | None:
        held = self._vault.find(onboarding.provider) if onboarding.provider else None
        return held.taken(onboarding) if held else None

    # --- one secret

    def _see(self, onboarding: Onboarding, arn: str, keys: dict[str, str]) -> _Seen:
        """`keys` are the policies of keys as they will be when the secrets before this one have got what they need."""
        own = [one for one in onboarding.references if one.secret_arn == arn]
        look = look_at(self._seeing.with_provider(onboarding.references), arn, at=self._clock())
        if look is None:
            raise Permanent(f"nothing is known of {arn}")
        facts = {one: facts_of(look, one) for one in own}
        concluded = {one: self._conclude(one, facts[one]) for one in own}
        lacked = {finding.code for one in concluded.values() for finding in one.findings}
        planned = {code: one for code, one in self._planned(look, keys).items() if code in lacked}
        plans = {code: one for code, one in planned.items() if isinstance(one, Plan) and look.mode is not Mode.OBSERVE}
        for plan in plans.values():
            keys[plan.resource] = plan.after
        final = [conclude(one, facts[one], self._seeing.rules, mended=plans) for one in own]
        secret = facts[own[0]].secret
        return _Seen(
            secret=arn,
            tags=secret.tags if isinstance(secret, SecretDescription) else None,
            plans=tuple(Shown.of(plan, arn) for plan in plans.values()),
            concerns=tuple(concern for plan in plans.values() for concern in self._concerns(onboarding, plan, look)),
            problems=(
                *(problem for one in final for problem in one.problems),
                *self._hindrances(own[0], planned, look.mode),
            ),
            warnings=tuple(warning for one in final for warning in one.warnings),
        )

    def _concerns(self, onboarding: Onboarding, plan: Plan, look: Look) -> Iterator[str]:
        """Why a tag that allows this provider does not allow the change: it serves others, or somebody said no."""
        own = {stand_in_arn(onboarding.provider)} if onboarding.provider else set()
        own |= {one.provider_arn for one in look.facts if one.provider == onboarding.provider}
        lacking = {one.provider_arn for one in plan.decisions if one.before is Outcome.DENIED_IMPLICIT}
        if others := sorted(lacking - own):
            yield f"The change of the policy of {plan.resource} lets {', '.join(others)} in, too."
        standing = self._repairs.standing(plan.resource)
        former = self._repairs.find(standing.plan) if standing.plan else None
        if former and former.status is RepairStatus.REJECTED:
            yield f"A repair of the policy of {plan.resource} was rejected by {former.decided_by}."

    def _conclude(self, reference: Reference, facts: Facts) -> Conclusion:
        found = conclude(reference, facts, self._seeing.rules)
        if found.unsettled:
            raise Transient(found.unsettled)
        return found

    def _planned(self, look: Look, keys: Mapping[str, str]) -> dict[Code, Planned]:
        """What is planned for each kind of lack."""
        planned = {Code.READER_NOT_ALLOWED: look.planned.get(look.secret)}
        key = next(iter(look.facts.values())).key
        if key is None or not isinstance(key.key, KeyDescription) or key.key.arn not in look.planned:
            return planned
        arn = key.key.arn
        if arn not in keys:
            return {**planned, Code.KEY_NOT_ALLOWED: look.planned[arn]}
        moved = replace(key, policy=Policy.parse(keys[arn]))
        facts = {reference: replace(one, key=moved) for reference, one in look.facts.items()}
        return {**planned, Code.KEY_NOT_ALLOWED: plan_key(facts, self._seeing.rules)}

    def _hindrances(self, reference: Reference, planned: Mapping[Code, Planned], mode: Mode) -> Iterator[Problem]:
        """Why a policy that has to be changed will not be."""
        field, breaker = field_of(reference), self._repairs.breaker().at_rest
        for one in planned.values():
            match one:
                case Refusal(reason=reason):
                    yield Problem(
                        field,
                        f"needs a policy to be changed, which is not possible: {reason.rstrip('.')}",
                        f"Let AgentCore read by the policy of {one.resource} yourself, or name another secret.",
                    )
                case Plan() if mode is Mode.OBSERVE:
                    yield Problem(
                        field,
                        "needs a policy to be changed, which RepairMode or the secret's tag secretwatch:repair forbids",
                        f"Add this statement to the policy of {one.resource}: {as_json(one.statement)}",
                    )
                case Plan() if rest := breaker or self._repairs.standing(one.resource).at_rest:
                    yield Problem(field, f"needs a policy to be changed, and {rest}", "`secretwatch resume` ends that.")


def _is_here(onboarding: Onboarding, arn: str) -> bool:
    return SecretId.of_arn(arn).region == onboarding.region


def _without_odd_keys(onboarding: Onboarding, problems: Collection[Problem]) -> Onboarding:
    """A JSON key that does not serve may be the secret itself: none is kept then."""
    if not any(one.field.endswith(".jsonKey") for one in problems):
        return onboarding
    pointers = {replace(one, json_key=None) for one in onboarding.pointers}
    return replace(onboarding, asked=None, pointers=tuple(sorted(pointers, key=str)))


def _not_found(wanted: WantedReference) -> Problem:
    return Problem(
        field_of(wanted),
        "names a secret that Secrets Manager does not know here",
        f"Create it first, or name it by its full ARN. {ROTATE}",
    )
