"""Whether everyone who has to read the secret may: by its policies, its key's, and the readers' own."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from secretwatch.domain.access import (
    DECRYPT,
    GET_SECRET_VALUE,
    Access,
    may_decrypt,
    may_read,
    readers_of,
    seen_reading,
)
from secretwatch.domain.facts import Facts, KeyDescription, SecretDescription, Unknown
from secretwatch.domain.finding import Code, Finding
from secretwatch.domain.judging.commands import first_policy
from secretwatch.domain.observed import ObservedRead
from secretwatch.domain.reference import Reference
from secretwatch.domain.repair.statement import Guard, decrypt_statement, read_statement
from secretwatch.domain.rules import Rules
from secretwatch.policy import Decisive, Outcome, Policy, Principal

_DENIAL_HOLDS_FOR = timedelta(days=1)  # a reader that is still refused is seen again; one that was mended may never be


def reading_findings(
    reference: Reference, secret: SecretDescription, facts: Facts, rules: Rules
) -> Iterator[Finding | Unknown]:
    """The findings READER_…, POLICY_INVALID, KEY_NOT_ALLOWED and OBSERVED_READ_DENIED."""
    if isinstance(facts.consumers, Unknown):
        yield facts.consumers
    for reader in readers_of(facts, rules):
        yield from _may_read(reader, reference, secret, facts)
        yield from _may_decrypt(reader, reference, facts)
    yield from _was_denied(reference, facts)


@dataclass(frozen=True, slots=True)
class _Question:
    """May the reader do it? `kind` is what a person calls the resource."""

    reader: Principal
    kind: str
    arn: str
    action: str
    access: Access
    not_allowed: Code
    remedy: str
    command: str | None = None


def _may_read(
    reader: Principal, reference: Reference, secret: SecretDescription, facts: Facts
) -> Iterator[Finding | Unknown]:
    if isinstance(facts.policies, Unknown):
        yield facts.policies
        return
    statement = read_statement(
        [reader], [reference.provider.account], reference.secret.region, Guard.SOURCE_ACCOUNT_IF_EXISTS
    )
    question = _Question(
        reader=reader,
        kind="secret",
        arn=reference.secret_arn,
        action=GET_SECRET_VALUE,
        access=may_read(reader, reference, secret, facts.policies, facts),
        not_allowed=Code.READER_NOT_ALLOWED,
        remedy=f"Add this statement to the secret's resource policy: {json.dumps(statement)}",
        command=None if facts.policies else first_policy(reference, statement),
    )
    yield from _answer(question, facts)


def _may_decrypt(reader: Principal, reference: Reference, facts: Facts) -> Iterator[Finding | Unknown]:
    """The AWS managed key serves whoever may read the secret; a key that cannot be used is told of elsewhere."""
    key = facts.key
    if key is None or not isinstance(key.key, KeyDescription) or not key.key.customer_managed:
        return
    for part in (key.policy, key.grants):
        if isinstance(part, Unknown):
            yield part
    if not isinstance(key.policy, Policy) or not isinstance(key.grants, tuple):
        return
    statement = decrypt_statement([reader], [reference.secret_arn], reference.secret.region)
    question = _Question(
        reader=reader,
        kind="key",
        arn=key.key.arn,
        action=DECRYPT,
        access=may_decrypt(reader, reference, key.key.arn, key.policy, key.grants, facts),
        not_allowed=Code.KEY_NOT_ALLOWED,
        remedy=f"Add this statement to the key's policy: {json.dumps(statement)}",
    )
    yield from _answer(question, facts)


def _answer(question: _Question, facts: Facts) -> Iterator[Finding | Unknown]:
    match question.access.outcome:
        case Unknown() as unknown:
            yield unknown
        case Outcome.INVALID:
            yield _invalid(question)
        case Outcome.DENIED_EXPLICIT:
            yield _denied(question)
        case Outcome.DENIED_IMPLICIT:
            read = seen_reading(question.reader, facts)
            yield _unproven(question, read) if read else _not_allowed(question)
        case Outcome.UNKNOWN if not seen_reading(question.reader, facts):
            yield _depends(question)


# --- what is said of each


def _who(reader: Principal) -> str:
    """AgentCore by its name, a role by its own."""
    return f"role {reader.name.rsplit('/', 1)[-1]}" if reader.account else "AgentCore"


def _verb(question: _Question) -> str:
    return "read it" if question.kind == "secret" else "decrypt with its key"


def _not_allowed(question: _Question) -> Finding:
    return Finding(
        question.not_allowed,
        f"no policy lets {_who(question.reader)} {_verb(question)}",
        question.remedy,
        question.command,
        about=question.arn,
    )


def _unproven(question: _Question, read: ObservedRead) -> Finding:
    return Finding(
        Code.READER_UNPROVEN,
        f"no policy that we see lets {_who(question.reader)} {_verb(question)},"
        f" and yet AgentCore read it at {read.at:%Y-%m-%d %H:%M %Z}",
        question.remedy,
        question.command,
        about=question.arn,
    )


def _denied(question: _Question) -> Finding:
    denying = [statement for statement in question.access.decision.statements if statement.effect == "Deny"]
    by = f"the {question.kind}'s policy, {_names(denying)}," if denying else "the role's own policies"
    return Finding(
        Code.READER_DENIED,
        f"{by} explicitly {'deny' if not denying else 'denies'} {question.action} to {_who(question.reader)}",
        "An explicit Deny outweighs every Allow: narrow or remove that statement, if its owner agrees.",
        about=question.arn,
    )


def _depends(question: _Question) -> Finding:
    keys = ", ".join(question.access.decision.depends_on)
    return Finding(
        Code.READER_DEPENDS,
        f"whether {_who(question.reader)} may {_verb(question)} hangs on what we cannot know: {keys}"
        f" ({_names(question.access.decision.statements)} of the {question.kind}'s policy)",
        f"Allow {_who(question.reader)} in a statement that does not hang on it, or that says ...IfExists.",
        about=question.arn,
    )


def _invalid(question: _Question) -> Finding:
    problems = "; ".join(question.access.decision.problems[:_PROBLEMS_SHOWN])
    return Finding(
        Code.POLICY_INVALID,
        f"the {question.kind}'s policy is not understood: {problems}",
        "Mend the document where it says; until then nobody can tell what it allows.",
        about=question.arn,
    )


_PROBLEMS_SHOWN = 3


def _names(statements: Sequence[Decisive]) -> str:
    """Which statements, as their author finds them: by Sid, or by place."""
    names = [f"`{one.sid}`" if one.sid else f"number {one.index + 1}" for one in statements]
    return f"statement{'s' if len(names) > 1 else ''} {', '.join(names)}"


def _was_denied(reference: Reference, facts: Facts) -> Iterator[Finding]:
    """AgentCore's own read failed, and neither a later read nor a change of access has made that old."""
    seen = facts.observations
    denials = [read for read in (seen.denied, *seen.readers) if read and read.failed and _holds(read, facts)]
    if not denials:
        return
    denied = max(denials, key=lambda read: read.at)
    on_behalf = f" on behalf of {denied.reader}" if denied.reader else ""
    yield Finding(
        Code.OBSERVED_READ_DENIED,
        f"AgentCore's own read at {denied.at:%Y-%m-%d %H:%M:%S %Z}{on_behalf} failed: {denied.error_code}",
        "See what else is found here; if nothing is, look at the reader's own policies, at SCPs and at RCPs.",
        about=reference.secret_arn,
    )


def _holds(denied: ObservedRead, facts: Facts) -> bool:
    """Another role's success says nothing of the one that was refused."""
    if denied.at < facts.at - _DENIAL_HOLDS_FOR or (facts.access_since and facts.access_since > denied.at):
        return False
    later = (read for read in facts.observations.succeeded if read.at > denied.at)
    return not any(denied.reader is None or read.reader in {None, denied.reader} for read in later)
