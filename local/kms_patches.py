"""Repairs of MiniStack 1.5.33's KMS, each on its own, and who may decrypt with a key.

Only the server's process imports this, as ``local.ministack_patches``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ministack.core import iam_actions
from ministack.core.iam_evaluator import EvalContext, enforce, evaluate_resource_policy
from ministack.core.responses import error_response_json, get_account_id, get_region
from ministack.services import kms

from local import resource_policies

Fields = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]


def refuse(code: str, message: str) -> Answer:
    """Answer an error of the JSON services."""
    refusal: Answer = error_response_json(code, message)
    return refusal


MANAGED_ALIAS = "alias/aws/secretsmanager"
"""Of the key that Secrets Manager makes for the secrets of an account that name none."""


def apply() -> None:
    """Apply every repair, before the server starts."""
    refuse_malformed_key_policies()
    keep_keys_in_their_states()
    know_the_managed_key()
    authorize_aliases_as_their_keys()


# --- Key policies


def refuse_malformed_key_policies() -> None:
    """Refuse what is no policy, where MiniStack keeps any text.

    Drop when PutKeyPolicy with the text "no" answers MalformedPolicyDocumentException without this.
    """
    create, put = kms._create_key, kms._put_key_policy

    def create_key(request: Fields) -> Answer:
        return _malformed(request.get("Policy")) or create(request)

    def put_key_policy(request: Fields) -> Answer:
        return _malformed(request.get("Policy", "")) or put(request)

    kms._create_key, kms._put_key_policy = create_key, put_key_policy


def _malformed(policy: str | None) -> Answer | None:
    if policy is None:
        return None
    try:
        found = resource_policies.problems(policy)
    except resource_policies.NotJsonError as error:
        found = [str(error)]
    return refuse("MalformedPolicyDocumentException", " ".join(found)) if found else None


# --- Key states


PENDING = "PendingDeletion"


def keep_keys_in_their_states() -> None:
    """Refuse what KMS's table of key states does not allow, where MiniStack enables a key that is to be deleted.

    Drop when EnableKey of a key in state PendingDeletion answers KMSInvalidStateException without this, and
    CancelKeyDeletion of an enabled one too.
    """
    for name in ("_enable_key", "_disable_key", "_schedule_key_deletion"):
        setattr(kms, name, _only(getattr(kms, name), "KeyId", pending=False))
    kms._cancel_key_deletion = _only(kms._cancel_key_deletion, "KeyId", pending=True)
    kms._create_alias = _only(kms._create_alias, "TargetKeyId", pending=False)
    kms._update_alias = _only(kms._update_alias, "TargetKeyId", pending=False)


def _only(operation: Any, member: str, *, pending: bool) -> Any:
    """Return the operation for keys that are to be deleted, or for all others."""

    def perform(request: Fields) -> Answer:
        key = kms._resolve_key(request.get(member, ""))
        if key is not None and (key["KeyState"] == PENDING) is not pending:
            state = "is pending deletion." if key["KeyState"] == PENDING else "is not pending deletion."
            return refuse("KMSInvalidStateException", f"{key['Arn']} {state}")
        answer: Answer = operation(request)
        return answer

    return perform


# --- The key that AWS manages


def know_the_managed_key() -> None:
    """Know alias/aws/secretsmanager, of a key with KeyManager AWS: MiniStack has no keys that AWS manages.

    Drop when DescribeKey of that alias answers KeyManager AWS without this.
    """
    resolve, metadata = kms._resolve_key, kms._key_metadata

    def resolve_key(named: str) -> Fields | None:
        found: Fields | None = resolve(named)
        if found is None and named in (MANAGED_ALIAS, kms._alias_arn(MANAGED_ALIAS)):
            found = _managed_key()
        return found

    def key_metadata(key: Fields) -> Fields:
        return {**metadata(key), **({"KeyManager": "AWS"} if is_managed(key) else {})}

    kms._resolve_key, kms._key_metadata = resolve_key, key_metadata


def is_managed(key: Fields) -> bool:
    """Whether AWS manages the key."""
    return bool(key.get("_ManagedByAws"))


def _managed_key() -> Fields:
    description = "Default key that protects my Secrets Manager data when no other key is defined"
    made = json.loads(kms._create_key({"Description": description, "Policy": json.dumps(_managed_key_policy())})[2])
    key: Fields = kms._keys[made["KeyMetadata"]["KeyId"]]
    key["_ManagedByAws"] = True
    kms._aliases[kms._alias_arn(MANAGED_ALIAS)] = key["KeyId"]
    return key


def _managed_key_policy() -> Fields:
    """Return the policy that such a key has on AWS: who may use the secret may use the key, in its account."""
    account = get_account_id()
    through = {"kms:CallerAccount": account, "kms:ViaService": f"secretsmanager.{get_region()}.amazonaws.com"}
    used = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:CreateGrant", "kms:DescribeKey"]
    statements = [
        {"Principal": {"AWS": "*"}, "Action": used, "Condition": {"StringEquals": through}},
        {"Principal": {"AWS": "*"}, "Action": "kms:GenerateDataKey*", "Condition": {"StringEquals": through}},
        {"Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": ["kms:Describe*", "kms:Get*", "kms:List*"]},
    ]
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", **each} for each in statements]}


# --- Aliases in IAM


def authorize_aliases_as_their_keys() -> None:
    """Ask IAM for the key behind an alias, as KMS does, where MiniStack asks for the alias.

    Drop when a role that may kms:DescribeKey on a key's ARN alone may describe the key by its alias without this.
    """
    resource_of = iam_actions.extract_resource_arn

    def resource(service: str, *request: Any) -> str:
        arn: str = resource_of(service, *request)
        key = kms._resolve_key(arn) if service == "kms" and ":alias/" in arn else None
        return str(key["Arn"]) if key else arn

    iam_actions.extract_resource_arn = resource


# --- Who may decrypt a secret


@dataclass(frozen=True)
class Decryption:
    """What KMS is asked when Secrets Manager reads a secret for somebody."""

    key: Fields
    secret_arn: str

    def is_allowed_to_caller(self, access_key_id: str | None) -> bool:
        """Whether the caller's policies together with the key's, or a grant, allow it."""
        arn, region = self.key["Arn"], get_region()
        context = {**self._context(), "kms:CallerAccount": get_account_id()}
        denied = enforce(access_key_id or "", "kms:Decrypt", "kms", region, resource_arn=arn, service_context=context)
        if denied is None:
            return True
        who, decision = getattr(denied, "principal_arn", ""), getattr(denied, "decision", "")
        return decision == "ImplicitDeny" and any(map(self._is_granted_to, _names(who)))

    def is_allowed_to_service(self, principal: str, source: dict[str, str]) -> bool:
        """Whether the key's policy, or a grant, allows it to a service of AWS, which names for whom it calls or not."""
        context = EvalContext(
            principal_arn=principal,
            principal_type="Service",
            principal_account="",
            action="kms:Decrypt",
            resource_arn=self.key["Arn"],
            region=get_region(),
            service_context=context_of_service(principal, {**self._context(), **source}),
        )
        decision = evaluate_resource_policy(self.key.get("Policy"), context, service=principal).decision
        return decision == "Allow" or (decision != "Deny" and self._is_granted_to(principal))

    def _context(self) -> dict[str, str]:
        through = f"secretsmanager.{get_region()}.amazonaws.com"
        return {"kms:ViaService": through, "kms:EncryptionContext:SecretARN": self.secret_arn}

    def _is_granted_to(self, principal: str) -> bool:
        return any(
            grant["KeyId"] == self.key["Arn"]
            and grant["GranteePrincipal"] == principal
            and "Decrypt" in grant["Operations"]
            and self._fits(grant.get("Constraints") or {})
            for grant in kms._grants.values()
        )

    def _fits(self, constraints: Fields) -> bool:
        """Whether Secrets Manager's encryption context, the secret's ARN and a version, is what the grant wants."""
        wanted = constraints.get("EncryptionContextSubset", {})
        is_subset = all((name, value) == ("SecretARN", self.secret_arn) for name, value in wanted.items())
        return is_subset and "EncryptionContextEquals" not in constraints


def context_of_service(principal: str, more: dict[str, str]) -> dict[str, str]:
    """Return the context of a call by a service of AWS, as MiniStack's evaluator wants it."""
    known = {"aws:PrincipalIsAWSService": "true", "aws:PrincipalServiceName": principal, **more}
    return {key.lower(): value for key, value in known.items()}


def _names(caller: str) -> list[str]:
    """Return the names by which a grant may know a caller: a session's own, and its role's."""
    if ":assumed-role/" not in caller:
        return [caller]
    account, role = caller.split(":")[4], caller.split("/")[1]
    return [caller, f"arn:aws:iam::{account}:role/{role}"]


def usable_key(key_id: str | None) -> Fields | None:
    """Return the enabled key of this id, ARN or alias; None when there is none, or it is in another state."""
    key: Fields | None = kms._resolve_key(key_id)
    return key if key is not None and key["KeyState"] == "Enabled" else None


# --- What a test may ask for beyond the API


def delete_key(key: str) -> str:
    """Delete a key for good, as KMS does when its waiting period has ended; returns its ARN."""
    found = kms._resolve_key(key)
    if found is None or found["KeyState"] != PENDING:
        raise ValueError(f"{key} is no key that is to be deleted")
    del kms._keys[found["KeyId"]]
    for alias, target in list(kms._aliases.items()):
        if target == found["KeyId"]:
            del kms._aliases[alias]
    return str(found["Arn"])
