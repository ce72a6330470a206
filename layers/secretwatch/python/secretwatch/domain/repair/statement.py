"""The statements that we write, and no others: one for a secret's policy, one for its key's."""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any

from secretwatch.domain.access import DECRYPT, GET_SECRET_VALUE, via_service
from secretwatch.domain.repair.document import Unkeepable
from secretwatch.policy import Context, Present, Principal

READ_SID = "SecretwatchAgentCoreRead"
DECRYPT_SID = "SecretwatchAgentCoreDecrypt"


class Guard(StrEnum):
    """The condition on our statement against the confused deputy.

    Whether AgentCore fills aws:SourceAccount and aws:SourceArn is unproven, so the default lets in who leaves them out.
    """

    SOURCE_ACCOUNT_IF_EXISTS = "source-account-if-exists"
    SOURCE_ACCOUNT = "source-account"
    SOURCE_ACCOUNT_AND_ARN = "source-account-and-arn"
    NONE = "none"

    def condition(self, accounts: Collection[str], region: str) -> Mapping[str, Any]:
        """The `Condition` for providers of these accounts; empty for none."""
        of_accounts = {"aws:SourceAccount": _one_or_many(accounts)}
        match self:
            case Guard.SOURCE_ACCOUNT_IF_EXISTS:
                return {"StringEqualsIfExists": of_accounts}
            case Guard.SOURCE_ACCOUNT:
                return {"StringEquals": of_accounts}
            case Guard.SOURCE_ACCOUNT_AND_ARN:
                arns = [f"arn:*:bedrock-agentcore:{region}:{account}:*" for account in sorted(accounts)]
                return {"StringEquals": of_accounts, "ArnLike": {"aws:SourceArn": _one_or_many(arns)}}
            case Guard.NONE:
                return {}

    def assumed(self, account: str, provider_arn: str) -> Context:
        """What whoever chose the guard takes for granted of AgentCore's requests."""
        match self:
            case Guard.SOURCE_ACCOUNT:
                return {"aws:SourceAccount": Present((account,))}
            case Guard.SOURCE_ACCOUNT_AND_ARN:
                return {"aws:SourceAccount": Present((account,)), "aws:SourceArn": Present((provider_arn,))}
            case Guard.SOURCE_ACCOUNT_IF_EXISTS | Guard.NONE:
                return {}


def read_statement(
    readers: Collection[Principal], accounts: Collection[str], region: str, guard: Guard
) -> Mapping[str, Any]:
    """Lets exactly these readers read the secret that the policy is on.

    The condition is about services: without one among the readers there is nobody whom it would stop.
    """
    statement = {
        "Sid": READ_SID,
        "Effect": "Allow",
        "Principal": _principals(readers),
        "Action": GET_SECRET_VALUE,
        "Resource": "*",
    }
    has_service = any(reader.account is None for reader in readers)
    condition = guard.condition(accounts, region) if has_service else {}
    return {**statement, "Condition": condition} if condition else statement


def decrypt_statement(readers: Collection[Principal], secret_arns: Collection[str], region: str) -> Mapping[str, Any]:
    """Lets exactly these readers decrypt these secrets, through Secrets Manager only."""
    return {
        "Sid": DECRYPT_SID,
        "Effect": "Allow",
        "Principal": _principals(readers),
        "Action": DECRYPT,
        "Resource": "*",
        "Condition": {
            "StringEquals": {
                "kms:ViaService": via_service(region),
                "kms:EncryptionContext:SecretARN": _one_or_many(secret_arns),
            }
        },
    }


def named_readers(statement: Mapping[str, Any]) -> list[Principal]:
    """The readers that a statement of ours names; raises Unkeepable when it cannot be ours."""
    principal = statement.get("Principal", {})
    if not isinstance(principal, dict):
        raise Unkeepable(f"the statement {DECRYPT_SID} names no single readers")
    names = [name for kind in principal.values() for name in (kind if isinstance(kind, list) else [kind])]
    return [Principal.parse(name) for name in names]


def named_secrets(statement: Mapping[str, Any]) -> list[str]:
    """The secrets that a statement of ours for a key names."""
    conditions = statement.get("Condition", {}).get("StringEquals", {})
    arns = conditions.get("kms:EncryptionContext:SecretARN", [])
    return arns if isinstance(arns, list) else [arns]


def without_secret(statement: Mapping[str, Any], arn: str) -> Mapping[str, Any] | None:
    """A statement of ours for a key that names the secret no more; None when it would name none."""
    kept = [one for one in named_secrets(statement) if one != arn]
    if not kept:
        return None
    condition = statement["Condition"]
    equals = {**condition["StringEquals"], "kms:EncryptionContext:SecretARN": _one_or_many(kept)}
    return {**statement, "Condition": {**condition, "StringEquals": equals}}


def _principals(readers: Collection[Principal]) -> Mapping[str, Any]:
    services = [reader.name for reader in readers if reader.account is None]
    others = [reader.name for reader in readers if reader.account is not None]
    named = {"Service": services, "AWS": others}
    return {kind: _one_or_many(names) for kind, names in named.items() if names}


def _one_or_many(values: Collection[str]) -> str | list[str]:
    """As AWS itself writes it: one value stands alone."""
    ordered = sorted(set(values))
    return ordered[0] if len(ordered) == 1 else ordered
