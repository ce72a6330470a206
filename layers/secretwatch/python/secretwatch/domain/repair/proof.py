"""The proof that a change of a policy changes nothing for anybody else, by our own evaluator."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from secretwatch.domain.access import DECRYPT, GET_SECRET_VALUE
from secretwatch.policy import Context, Decision, Policy, Principal, evaluate, evaluate_key

# Besides those that the documents name, of which some may be patterns: what does most harm.
_ACTIONS = (
    GET_SECRET_VALUE,
    DECRYPT,
    "secretsmanager:BatchGetSecretValue",
    "secretsmanager:CreateSecret",
    "secretsmanager:DeleteResourcePolicy",
    "secretsmanager:DeleteSecret",
    "secretsmanager:DescribeSecret",
    "secretsmanager:GetResourcePolicy",
    "secretsmanager:ListSecretVersionIds",
    "secretsmanager:PutResourcePolicy",
    "secretsmanager:PutSecretValue",
    "secretsmanager:ReplicateSecretToRegions",
    "secretsmanager:RestoreSecret",
    "secretsmanager:RotateSecret",
    "secretsmanager:TagResource",
    "secretsmanager:UntagResource",
    "secretsmanager:UpdateSecret",
    "secretsmanager:UpdateSecretVersionStage",
    "kms:CreateGrant",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:PutKeyPolicy",
    "kms:ReEncryptFrom",
    "kms:ScheduleKeyDeletion",
)
_STRANGERS = ("a-service-that-nobody-names.amazonaws.com", "arn:aws:iam::999999999999:role/whom-nobody-names")
_ANYTHING: Context = {}  # of no key is anything known


def changed_for_others(
    before: Sequence[Policy], after: Sequence[Policy], readers: Sequence[Principal], arn: str
) -> str | None:
    """Who may do what other than before, or None.

    Asked are all that either document names, somebody unnamed of each account in it, and strangers; the readers
    themselves, for all that is not reading. A decision is the same when everything that it may come to is, and all on
    which it hangs.
    """
    texts = [policy.text for policy in (*before, *after)]
    named = {action.lower() for action in (*_ACTIONS, *_named_actions(texts))}
    actions = _distinct(sorted(named), [*before, *after])
    for who in (*readers, *_named_principals(texts)):
        for action in actions:
            if _is_one_of(who, readers) and action in _READING:
                continue
            if _told(_decide(before, who, action, arn)) != _told(_decide(after, who, action, arn)):
                return f"{who.name} ({action})"
    return None


def _distinct(actions: Sequence[str], policies: Sequence[Policy]) -> list[str]:
    """One for all that the very same statements cover: what is decided of one is decided of all of them."""
    found = {
        (
            action in _READING,
            *(statement.action.covers(action) for policy in policies for statement in policy.statements),
        ): action
        for action in actions
    }
    return list(found.values())


_READING = {GET_SECRET_VALUE.lower(), DECRYPT.lower()}


def _decide(policies: Sequence[Policy], who: Principal, action: str, arn: str) -> Decision:
    if ":kms:" in arn:
        return evaluate_key(policies[0], (), who, action, arn, _ANYTHING)
    return evaluate(policies, who, action, arn, _ANYTHING)


def _told(decision: Decision) -> tuple[object, ...]:
    return decision.outcome, decision.possible, decision.depends_on


def _is_one_of(who: Principal, readers: Sequence[Principal]) -> bool:
    """A role is each of its sessions, whatever the path that it is named by."""
    same_role = {(one.account, one.entity) for one in readers if one.entity}
    return who in readers or (who.entity is not None and (who.account, who.entity) in same_role)


def _named_principals(texts: Sequence[str]) -> list[Principal]:
    named = {who for text in texts for who in _principals(text)}
    accounts = {who.account for who in named if who.account}
    unnamed = {Principal.parse(f"arn:aws:iam::{account}:role/whom-nobody-names") for account in accounts}
    return sorted(named | unnamed | set(map(Principal.parse, _STRANGERS)), key=lambda who: who.name)


def _principals(text: str) -> Iterator[Principal]:
    for statement in _statements(text):
        for element in (statement.get("Principal"), statement.get("NotPrincipal")):
            for names in element.values() if isinstance(element, dict) else ():
                for name in names if isinstance(names, list) else [names]:
                    yield from _principal(name)


def _principal(name: Any) -> Iterator[Principal]:
    """Whoever can ask at all; an account goes by its number too. Everybody, and who was deleted, is nobody in it."""
    if not isinstance(name, str):
        return
    text = f"arn:aws:iam::{name}:root" if len(name) == _ACCOUNT_DIGITS and name.isdigit() else name
    try:
        yield Principal.parse(text)
    except ValueError:
        return


_ACCOUNT_DIGITS = 12


def _named_actions(texts: Sequence[str]) -> Iterator[str]:
    for text in texts:
        for statement in _statements(text):
            for actions in (statement.get("Action", []), statement.get("NotAction", [])):
                for action in actions if isinstance(actions, list) else [actions]:
                    if isinstance(action, str) and not set(action) & {"*", "?"}:
                        yield action


def _statements(text: str) -> list[dict[str, Any]]:
    found = json.loads(text)["Statement"]
    return found if isinstance(found, list) else [found]
