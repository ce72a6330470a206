"""Plans: the smallest change of a policy that lets in those who lack access, proven before anybody sees it."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from secretwatch.domain.access import may_decrypt, may_read, readers_of, seen_reading
from secretwatch.domain.facts import Facts, KeyDescription, SecretDescription, Unknown
from secretwatch.domain.key import KeyId
from secretwatch.domain.reference import Reference
from secretwatch.domain.repair.document import our_statement, with_statement, without_statement
from secretwatch.domain.repair.proof import changed_for_others
from secretwatch.domain.repair.statement import (
    DECRYPT_SID,
    READ_SID,
    Guard,
    decrypt_statement,
    named_readers,
    named_secrets,
    read_statement,
)
from secretwatch.domain.rules import Rules
from secretwatch.domain.secret import SecretId
from secretwatch.policy import Outcome, Policy, Principal


class Kind(StrEnum):
    """Whose policy a repair changes."""

    SECRET = "secret"  # noqa: S105
    KEY = "key"

    @property
    def sid(self) -> str:
        """The Sid of our statement there."""
        return READ_SID if self is Kind.SECRET else DECRYPT_SID


_LONGEST = {Kind.SECRET: 20_480, Kind.KEY: 32_768}
"""Characters: API references, PutResourcePolicy and PutKeyPolicy."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What the policies decide of one required reader and provider, before and after."""

    reader: str
    provider_arn: str
    before: Outcome
    after: Outcome


@dataclass(frozen=True, slots=True)
class Plan:
    """An exact change of one policy; `before` is None where there is no policy yet."""

    kind: Kind
    resource: str
    before: str | None
    after: str
    statement: Mapping[str, Any]
    decisions: tuple[Decided, ...]

    def id(self, applied: int) -> str:
        """The same for the same change, until another repair of the resource was applied."""
        return plan_id(self.resource, self.before, self.after, applied)

    @property
    def why(self) -> str:
        """In one sentence."""
        lacking = sorted({one.reader for one in self.decisions if one.before is Outcome.DENIED_IMPLICIT})
        verb = "read the secret" if self.kind is Kind.SECRET else "decrypt with the key"
        return f"No policy lets {', '.join(lacking)} {verb}."


@dataclass(frozen=True, slots=True)
class Refusal:
    """Somebody lacks access, and we do not mend it; `reason` is one sentence for a person."""

    kind: Kind
    resource: str
    before: str | None
    reason: str

    def id(self, applied: int) -> str:
        """The same while the policy and the reason stay."""
        return plan_id(self.resource, self.before, self.reason, applied)


Planned: TypeAlias = Plan | Refusal | Unknown | None
"""Unknown where it cannot be told whether anybody lacks access; None when nobody is known to."""


def plan_id(resource: str, before: str | None, after: str | None, applied: int) -> str:
    """Short enough to type, and derived from all that a plan is."""
    return "r-" + hashlib.sha256(json.dumps([resource, before, after, applied]).encode()).hexdigest()[:12]


def plan_secret(facts: Mapping[Reference, Facts], rules: Rules, guard: Guard) -> Planned:
    """Of a secret's policy, from the facts of the references to it."""
    (arn,) = {reference.secret_arn for reference in facts}
    secret, policies = next((one.secret, one.policies) for one in facts.values())
    if isinstance(secret, Unknown):
        return secret
    if not isinstance(secret, SecretDescription) or secret.deletion_date:
        return None
    if isinstance(policies, Unknown):
        return policies
    default = next((policy.text for policy in policies if policy.name == _DEFAULT), None)
    others = tuple(policy for policy in policies if policy.name != _DEFAULT)

    def decide(asked: _Asked, text: str | None) -> Outcome | Unknown:
        return may_read(
            asked.reader, asked.reference, secret, _with(text, others), asked.facts, assumed=asked.assumed(guard)
        ).outcome

    def write(lacking: Sequence[_Asked]) -> Mapping[str, Any]:
        accounts = {one.reference.provider.account for one in lacking}
        return read_statement(_readers(lacking), accounts, lacking[0].reference.secret.region, guard)

    target = _Target(Kind.SECRET, arn, default, others, decide, write)
    if refusal := _untouchable(secret, arn):
        return _only_if_lacking(target, _all_asked(facts, rules), refusal)
    return _plan(target, _all_asked(facts, rules))


def plan_key(facts: Mapping[Reference, Facts], rules: Rules) -> Planned:
    """Of the policy of the customer managed key that protects the secret.

    The secrets and readers that our statement there names already stay in it: they are other secrets' repairs.
    """
    key = next((one.key for one in facts.values()), None)
    if key is None or not isinstance(key.key, KeyDescription) or not key.key.customer_managed:
        return None
    if not isinstance(key.policy, Policy) or not isinstance(key.grants, tuple):
        return next((part for part in (key.policy, key.grants) if isinstance(part, Unknown)), None)
    arn, grants, text = key.key.arn, key.grants, key.policy.text

    def decide(asked: _Asked, text: str | None) -> Outcome | Unknown:
        policy = Policy.parse(text or "")
        return may_decrypt(asked.reader, asked.reference, arn, policy, grants, asked.facts).outcome

    def write(lacking: Sequence[_Asked]) -> Mapping[str, Any]:
        ours = our_statement(text, DECRYPT_SID) or {}
        readers = {reader.name: reader for reader in (*named_readers(ours), *_readers(lacking))}
        secrets = {*named_secrets(ours), *(one.reference.secret_arn for one in lacking)}
        return decrypt_statement(list(readers.values()), secrets, lacking[0].reference.secret.region)

    target = _Target(Kind.KEY, arn, text, (), decide, write)
    asked = _all_asked(facts, rules)
    secret_account = next(iter(facts)).secret.account
    if KeyId(arn).account != secret_account:
        return _only_if_lacking(target, asked, f"the key belongs to account {KeyId(arn).account}")
    return _plan(target, asked)


_DEFAULT = "default"  # the only one of a secret's policies that can be written


@dataclass(frozen=True, slots=True)
class _Asked:
    """A reader that has to get at the secret for one reference."""

    reader: Principal
    reference: Reference
    facts: Facts

    def assumed(self, guard: Guard) -> Mapping[str, Any]:
        """Only services fill the keys that a guard asks for."""
        if self.reader.account:
            return {}
        return guard.assumed(self.reference.provider.account, self.reference.provider_arn)


@dataclass(frozen=True, slots=True)
class _Target:
    """A policy that may be changed: how to decide by a text of it, and how to write our statement."""

    kind: Kind
    arn: str
    before: str | None
    others: tuple[Policy, ...]
    decide: Callable[[_Asked, str | None], Outcome | Unknown]
    write: Callable[[Sequence[_Asked]], Mapping[str, Any]]

    def refuse(self, reason: str) -> Refusal:
        """Not to be mended by us."""
        return Refusal(self.kind, self.arn, self.before, reason)


def _all_asked(facts: Mapping[Reference, Facts], rules: Rules) -> list[_Asked]:
    return [
        _Asked(reader, reference, one)
        for reference, one in sorted(facts.items(), key=lambda item: item[0])
        for reader in readers_of(one, rules)
        if not seen_reading(reader, one)
    ]


def _plan(target: _Target, asked: Sequence[_Asked]) -> Planned:
    before = [target.decide(one, target.before) for one in asked]
    if unknown := next((outcome for outcome in before if isinstance(outcome, Unknown)), None):
        return unknown  # nothing is repaired on what we do not know
    if Outcome.INVALID in before:
        return target.refuse("a policy is not understood, and what it says must not be guessed")
    if Outcome.DENIED_EXPLICIT in before:
        return target.refuse("a statement explicitly denies it, and outweighs every Allow: narrow or remove that one")
    if Outcome.DENIED_IMPLICIT not in before:
        return None
    try:
        return _proven(target, asked, before)
    except ValueError as error:
        return target.refuse(str(error))


def _only_if_lacking(target: _Target, asked: Sequence[_Asked], reason: str) -> Planned:
    found = _plan(target, asked)
    return target.refuse(reason) if isinstance(found, Plan) else found


def _proven(target: _Target, asked: Sequence[_Asked], before: Sequence[Outcome | Unknown]) -> Planned:
    """The change, if it does what it shall and nothing else; raises ValueError for what cannot be kept."""
    statement = target.write(_lacking_without_ours(target, asked))
    after = with_statement(target.before, statement)
    if len(after) > _LONGEST[target.kind]:
        return target.refuse(
            f"the policy would have {len(after)} characters, and no more than {_LONGEST[target.kind]} are allowed"
        )
    becoming = [target.decide(one, after) for one in asked]
    if unknown := next((outcome for outcome in becoming if isinstance(outcome, Unknown)), None):
        return unknown
    decisions = tuple(
        Decided(one.reader.name, one.reference.provider_arn, was, becomes)
        for one, was, becomes in zip(asked, before, becoming, strict=True)
        if not isinstance(was, Unknown) and not isinstance(becomes, Unknown)
    )
    for one in decisions:
        if one.before is Outcome.DENIED_IMPLICIT and one.after is not Outcome.ALLOWED:
            return target.refuse(
                f"our statement would not let {one.reader} in: its own policies do not allow it, or the condition that"
                " RepairCondition asks for is one that a role's request never meets"
            )
        if one.before is Outcome.ALLOWED and one.after is not Outcome.ALLOWED:
            return target.refuse(f"our statement lets {one.reader} in, and on RepairCondition it no longer would")
    if changed := changed_for_others(
        _with(target.before, target.others), _with(after, target.others), _readers(asked), target.arn
    ):
        return target.refuse(
            f"the change would also change what {changed} may do: the statement {target.kind.sid} was changed by"
            " somebody, or names who is no reader any more; remove it by hand"
        )
    return Plan(target.kind, target.arn, target.before, after, statement, decisions)


def _lacking_without_ours(target: _Target, asked: Sequence[_Asked]) -> list[_Asked]:
    """Whom our statement has to serve: all that the others' statements do not."""
    text = without_statement(target.before, target.kind.sid) if target.before else None
    return [one for one in asked if _hangs_on_ours(target, one, text or _NOTHING_SAID)]


def _hangs_on_ours(target: _Target, one: _Asked, without: str) -> bool:
    outcome = target.decide(one, without)
    if outcome in {Outcome.DENIED_IMPLICIT, Outcome.ALLOWED}:
        return outcome is Outcome.DENIED_IMPLICIT
    return target.decide(one, target.before) is Outcome.ALLOWED


_NOTHING_SAID = '{"Version": "2012-10-17", "Statement": []}'


def _untouchable(secret: SecretDescription, arn: str) -> str | None:
    """Why a secret's policy is never ours to change."""
    if secret.owner:
        return f"the service {secret.owner} owns the secret"
    if "!" in SecretId.of_arn(arn).name:
        return "its name says that a service owns the secret"
    return None


def _readers(asked: Sequence[_Asked]) -> list[Principal]:
    return list({one.reader.name: one.reader for one in asked}.values())


def _with(text: str | None, others: tuple[Policy, ...]) -> tuple[Policy, ...]:
    return others if text is None else (Policy.parse(text), *others)
