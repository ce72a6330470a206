"""Whether others depend on what is to be taken out of a policy."""

from collections.abc import Mapping
from dataclasses import replace

from secretwatch.domain.facts import Facts, KeyFacts, Unknown
from secretwatch.domain.reference import Reference
from secretwatch.domain.repair.plan import Kind, Plan, Planned, plan_key, plan_secret
from secretwatch.domain.repair.repair import Removal
from secretwatch.domain.repair.rules import RepairRules
from secretwatch.domain.rules import Rules
from secretwatch.policy import Outcome, Policy

_DEFAULT = "default"


def needed_by_others(
    removal: Removal, facts: Mapping[Reference, Facts], rules: Rules, repair_rules: RepairRules
) -> str | Unknown | None:
    """Who would lack access that they have now, in words for people; None when nobody would.

    `facts` are those of the other references to the secret. Raises Unkeepable for a policy that cannot be kept.
    """
    if not facts:
        return None
    # What was seen reading may have come in by the very statement that is to go.
    now = {reference: replace(one, access_since=None) for reference, one in facts.items()}
    then = {reference: _after(removal, one) for reference, one in now.items()}
    before, after = (_planned(removal.kind, one, rules, repair_rules) for one in (now, then))
    if after is None:
        return None
    if isinstance(after, Unknown):
        return after
    lacking = _lacking(after) - _lacking(before) if isinstance(after, Plan) else {"others"}
    return ", ".join(sorted(lacking)) or None


def _planned(kind: Kind, facts: Mapping[Reference, Facts], rules: Rules, repair_rules: RepairRules) -> Planned:
    return plan_secret(facts, rules, repair_rules.guard) if kind is Kind.SECRET else plan_key(facts, rules)


def _after(removal: Removal, facts: Facts) -> Facts:
    if removal.kind is Kind.SECRET:
        if not isinstance(facts.policies, tuple):
            return facts
        default = next((one.text for one in facts.policies if one.name == _DEFAULT), None)
        left = removal.of(default)
        others = tuple(one for one in facts.policies if one.name != _DEFAULT)
        return replace(facts, policies=others if left is None else (Policy.parse(left, _DEFAULT), *others))
    match facts.key:
        case KeyFacts(policy=Policy() as policy) as key:
            return replace(facts, key=replace(key, policy=Policy.parse(removal.of(policy.text) or policy.text)))
    return facts


def _lacking(planned: Planned) -> set[str]:
    """Who lacks access, and for which provider."""
    if not isinstance(planned, Plan):
        return set()
    return {
        f"{one.reader} for {one.provider_arn.rsplit('/', 1)[-1]}"
        for one in planned.decisions
        if one.before is Outcome.DENIED_IMPLICIT
    }
