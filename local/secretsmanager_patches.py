"""Repairs of MiniStack 1.5.33's Secrets Manager, each on its own, each to be dropped when MiniStack is repaired.

Only the server's process imports this, as ``local.ministack_patches``. The last
functions are what a test may ask for beyond the API: what only AWS does to a secret.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

from ministack.core import iam_actions
from ministack.core.responses import AccountRegionScopedDict, json_response
from ministack.core.router import extract_access_key_id
from ministack.services import secretsmanager

from local import kms_patches, resource_policies
from local.kms_patches import Answer, Decryption, Fields, refuse

Operation = Callable[[Fields], Answer]


def apply() -> None:
    """Apply every repair, before the server starts."""
    find_by_whole_names()
    know_named_policies()
    refuse_malformed_policies()
    describe_as_aws()
    add_what_ends_rotation_and_replication()
    need_the_secrets_key()
    tell_iam_what_a_call_asks()


# --- ARNs without their suffix


SUFFIX = len("-a1b2c3")


def find_by_whole_names() -> None:
    """Find a secret by its ARN without the suffix, where MiniStack takes any ARN that begins so: another secret's too.

    Drop when DescribeSecret of the ARN ...:secret:a does not find the secret a-b without this.
    """
    resolve = secretsmanager._resolve

    def resolve_whole(secret_id: str, **options: Any) -> tuple[str | None, Fields | None]:
        key, secret = resolve(secret_id, **options)
        if secret is None or secret_id in (key, secret["ARN"], secret["ARN"][:-SUFFIX]):
            return key, secret
        whole = (found for found in secretsmanager._secrets.items() if found[1]["ARN"][:-SUFFIX] == secret_id)
        return next(whole, (None, None))

    secretsmanager._resolve = resolve_whole


# --- Policies by name


DEFAULT = "default"
POLICY_NAME = re.compile(r"[0-9A-Za-z_-]{1,64}")

_named = AccountRegionScopedDict()
"""The policies that others than the owner attached, by secret ARN and name."""


def know_named_policies() -> None:
    """Add ListResourcePolicies and PolicyName, of which MiniStack knows nothing; only `default` can be written.

    Drop when ListResourcePolicies answers without this.
    """
    put, get, delete = (
        secretsmanager._put_resource_policy,
        secretsmanager._get_resource_policy,
        secretsmanager._delete_resource_policy,
    )
    _add({"ListResourcePolicies": _of_secret(_list_policies)})
    secretsmanager._put_resource_policy = _only_default(put)
    secretsmanager._delete_resource_policy = _only_default(delete)

    def get_policy(request: Fields) -> Answer:
        name = request.get("PolicyName", DEFAULT)
        return get(request) if name == DEFAULT else _of_secret(_get_named)(request)

    policy_of, purge = secretsmanager.secret_policy_for_arn, secretsmanager._purge_secret

    def all_policies(arn: str) -> tuple[str, str] | None:
        """Return every policy of a secret as one, which is how IAM reads them."""
        found = policy_of(arn)
        return (_together([found[0], *_named.get(arn, {}).values()]), found[1]) if found else None

    def purge_secret(key: str, secret: Fields) -> None:
        _named.pop(secret["ARN"], None)
        purge(key, secret)

    secretsmanager._get_resource_policy = get_policy
    secretsmanager.secret_policy_for_arn = all_policies
    secretsmanager._purge_secret = purge_secret


def _only_default(operation: Operation) -> Operation:
    def perform(request: Fields) -> Answer:
        name = request.get("PolicyName", DEFAULT)
        if name != DEFAULT:
            return refuse("InvalidParameterException", f"The policy {name} can't be changed by this call.")
        return operation(request)

    return perform


def _list_policies(secret: Fields, request: Fields) -> Answer:
    has_default = secretsmanager._resource_policies.get(secret["ARN"]) is not None
    names = [*([DEFAULT] if has_default else []), *sorted(_named.get(secret["ARN"], {}))]
    after = request.get("NextToken")
    if after is not None and after not in names:
        return refuse("InvalidNextTokenException", "The NextToken value is invalid.")
    left = names if after is None else names[names.index(after) + 1 :]
    page = left[: request.get("MaxResults", 100)]
    following = {"NextToken": page[-1]} if len(page) < len(left) else {}
    return _tell({"ResourcePolicies": [{"PolicyName": name} for name in page], **following})


def _get_named(secret: Fields, request: Fields) -> Answer:
    name = request["PolicyName"]
    policy = _named.get(secret["ARN"], {}).get(name)
    if policy is None:
        return _not_found("resource policy")
    return _tell({"ARN": secret["ARN"], "Name": secret["Name"], "ResourcePolicy": policy, "PolicyName": name})


def _together(documents: list[str]) -> str:
    statements: list[Any] = []
    for document in documents:
        try:
            found = json.loads(document or "{}").get("Statement", [])
        except (ValueError, AttributeError):  # a malformed one allows nothing
            continue
        statements += found if isinstance(found, list) else [found]
    return json.dumps({"Version": "2012-10-17", "Statement": statements}) if statements else ""


# --- What is no policy, and what is a public one


def refuse_malformed_policies() -> None:
    """Refuse what is no policy and, where asked to, a public one; say in ValidateResourcePolicy what is wrong.

    What AWS's validation calls its checks is not documented. Whether a policy locks its writer out is not looked at.
    Drop when PutResourcePolicy with the text "no" answers MalformedPolicyDocumentException without this.
    """
    put = secretsmanager._put_resource_policy

    def put_policy(request: Fields) -> Answer:
        return _refused_policy(request) or put(request)

    secretsmanager._put_resource_policy = put_policy
    secretsmanager._validate_resource_policy = _validate


def _refused_policy(request: Fields) -> Answer | None:
    policy = request.get("ResourcePolicy", "")
    if refusal := _unreadable(policy):
        return refusal
    if found := resource_policies.problems(policy):
        return refuse("MalformedPolicyDocumentException", " ".join(found))
    if request.get("BlockPublicPolicy") and resource_policies.is_public(policy):
        return refuse(
            "PublicPolicyException",
            "You set BlockPublicPolicy to true, and the resource policy grants broad access to the secret.",
        )
    return None


def _unreadable(policy: str) -> Answer | None:
    if not 1 <= len(policy) <= resource_policies.MOST_CHARACTERS:
        return refuse(
            "InvalidParameterException",
            f"ResourcePolicy must have between 1 and {resource_policies.MOST_CHARACTERS} characters.",
        )
    try:
        resource_policies.problems(policy)
    except resource_policies.NotJsonError as error:
        return refuse("MalformedPolicyDocumentException", str(error))
    return None


def _validate(request: Fields) -> Answer:
    policy = request.get("ResourcePolicy", "")
    if "SecretId" in request and _find(request) is None:
        return _not_found()
    if refusal := _unreadable(policy):
        return refusal
    errors = [("PolicySyntax", problem) for problem in resource_policies.problems(policy)]
    if not errors and resource_policies.is_public(policy):
        errors = [("PublicAccess", "The policy grants broad access to the secret.")]
    entries = [{"CheckName": check, "ErrorMessage": message} for check, message in errors]
    return _tell({"PolicyValidationPassed": not entries, "ValidationErrors": entries})


# --- What DescribeSecret tells


KEPT_FROM_REQUESTS = ("Type", "ExternalSecretRotationMetadata", "ExternalSecretRotationRoleArn")
TOLD_WHEN_SET = ("OwningService", "LastRotatedDate", "NextRotationDate", *KEPT_FROM_REQUESTS)
DAY = 24 * 60 * 60


def describe_as_aws() -> None:
    """Tell of a secret's rotations, type, owner and primary Region what AWS tells, and of no rotation that never was.

    The next rotation is counted in days from the last, whatever the window; a cron expression says nothing here. Drop
    when DescribeSecret answers LastRotatedDate after a rotation, and no RotationEnabled before one, without this.
    """
    describe, rotate = secretsmanager._describe_secret, secretsmanager._rotate_secret

    def describe_secret(request: Fields) -> Answer:
        answer, secret = describe(request), _find(request)
        return answer if secret is None else _tell(_described(json.loads(answer[2]), secret))

    def rotate_secret(request: Fields) -> Answer:
        secret = _find(request)
        if secret is not None and request.get("RotateImmediately") is False and not secret.get("DeletedDate"):
            _schedule_rotation(secret, request)
            return _tell({"ARN": secret["ARN"], "Name": secret["Name"]})
        answer: Answer = rotate(request)
        if secret is not None and answer[0] < 400:
            secret["LastRotatedDate"] = int(time.time())
            _schedule_rotation(secret, request)
        return answer

    secretsmanager._describe_secret, secretsmanager._rotate_secret = describe_secret, rotate_secret
    for name in ("_create_secret", "_update_secret"):
        setattr(secretsmanager, name, _keeping(getattr(secretsmanager, name)))


def _described(told: Fields, secret: Fields) -> Fields:
    told |= {member: secret[member] for member in TOLD_WHEN_SET if secret.get(member) is not None}
    if not (told["RotationEnabled"] or secret.get("LastRotatedDate") or secret.get("RotationRules")):
        del told["RotationEnabled"]
    if secret.get("ReplicationStatus"):
        told.setdefault("PrimaryRegion", secret["ARN"].split(":")[3])
    return {member: value for member, value in told.items() if value is not None}


def _schedule_rotation(secret: Fields, request: Fields) -> None:
    """Keep how the secret rotates, and say when it does next."""
    given = (*KEPT_FROM_REQUESTS, "RotationLambdaARN", "RotationRules")
    secret |= {member: request[member] for member in given if member in request}
    secret["RotationEnabled"] = True
    days = _days(secret.get("RotationRules") or {})
    if days is not None:
        secret["NextRotationDate"] = int((secret.get("LastRotatedDate") or time.time()) + days * DAY)


def _days(rules: Fields) -> float | None:
    if "AutomaticallyAfterDays" in rules:
        return float(rules["AutomaticallyAfterDays"])
    rate = re.fullmatch(r"rate\((\d+) (hour|day)s?\)", rules.get("ScheduleExpression", ""))
    return int(rate[1]) / (24 if rate[2] == "hour" else 1) if rate else None


def _keeping(operation: Operation) -> Operation:
    """Return the operation, after which the secret has what MiniStack does not keep of the request."""

    def perform(request: Fields) -> Answer:
        answer = operation(request)
        if answer[0] < 400:
            secret = _find({"SecretId": request.get("SecretId") or request.get("Name")})
            if secret is not None:
                secret |= {member: request[member] for member in KEPT_FROM_REQUESTS if member in request}
        return answer

    return perform


# --- Operations that MiniStack lacks


def add_what_ends_rotation_and_replication() -> None:
    """Add CancelRotateSecret, RemoveRegionsFromReplication and StopReplicationToReplica, which MiniStack lacks.

    Drop when MiniStack answers CancelRotateSecret with anything but InvalidRequestException.
    """
    _add(
        {
            "CancelRotateSecret": _of_secret(_cancel_rotation),
            "RemoveRegionsFromReplication": _of_secret(_remove_regions),
            "StopReplicationToReplica": _of_secret(_stop_replication),
        }
    )


def _cancel_rotation(secret: Fields, _request: Fields) -> Answer:
    secret["RotationEnabled"] = False
    secret.pop("NextRotationDate", None)
    return _tell({"ARN": secret["ARN"], "Name": secret["Name"]})


def _remove_regions(secret: Fields, request: Fields) -> Answer:
    gone = set(request.get("RemoveReplicaRegions", []))
    leaving = [status for status in secret["ReplicationStatus"] if status["Region"] in gone]
    secretsmanager._delete_replicas({**secret, "ReplicationStatus": leaving})
    secret["ReplicationStatus"] = [status for status in secret["ReplicationStatus"] if status["Region"] not in gone]
    return _tell({"ARN": secret["ARN"], "ReplicationStatus": secret["ReplicationStatus"]})


def _stop_replication(secret: Fields, _request: Fields) -> Answer:
    """Make a replica a secret of its own; asked in the replica's Region."""
    secretsmanager._unlink_from_primary(secret)
    for member in ("_PrimarySecretArn", "_PrimaryRegion"):
        secret.pop(member, None)
    return _tell({"ARN": secret["ARN"]})


# --- The key that a secret is encrypted under


KMS_REFUSES = "Access to KMS is not allowed"


def need_the_secrets_key() -> None:
    """Serve a value only while its key can be used, and only to callers who may decrypt with that.

    Nobody is asked for kms:GenerateDataKey when writing. Drop when GetSecretValue fails after DisableKey without this,
    and for a role that lacks kms:Decrypt.
    """
    get, handle = secretsmanager._get_secret_value, secretsmanager.handle_request

    def get_value(request: Fields) -> Answer:
        secret = _find(request)
        if secret is None or secret.get("DeletedDate") or _has_usable_key(secret.get("KmsKeyId")):
            answer: Answer = get(request)
            return answer
        return refuse(
            "DecryptionFailure", "Secrets Manager can't decrypt the protected secret text using the provided KMS key."
        )

    async def handle_request(method: str, path: str, headers: Fields, body: bytes, query: Fields) -> Answer:
        if headers.get("x-amz-target", "").endswith(".GetSecretValue"):
            decryption = decryption_of(_read(body).get("SecretId"))
            if decryption and not decryption.is_allowed_to_caller(extract_access_key_id(headers, query)):
                return refuse("AccessDeniedException", KMS_REFUSES)
        answer: Answer = await handle(method, path, headers, body, query)
        return answer

    secretsmanager._get_secret_value, secretsmanager.handle_request = get_value, handle_request
    for name in ("_create_secret", "_update_secret", "_put_secret_value"):
        setattr(secretsmanager, name, _encrypting(getattr(secretsmanager, name)))


def decryption_of(secret_id: str | None) -> Decryption | None:
    """Return what KMS is asked to read a secret; None for one under the key that AWS manages, or an unusable one."""
    secret = _find({"SecretId": secret_id})
    key = kms_patches.usable_key(secret["KmsKeyId"]) if secret and secret.get("KmsKeyId") else None
    return Decryption(key, secret["ARN"]) if secret and key and not kms_patches.is_managed(key) else None


def _encrypting(operation: Operation) -> Operation:
    def perform(request: Fields) -> Answer:
        before = _find(request) if "SecretId" in request else None
        key = request.get("KmsKeyId") or (before or {}).get("KmsKeyId")
        writes = "KmsKeyId" in request or "SecretString" in request or "SecretBinary" in request
        if writes and not _has_usable_key(key):
            return refuse(
                "EncryptionFailure",
                "Secrets Manager can't encrypt the protected secret text using the provided KMS key.",
            )
        return operation(request)

    return perform


def _has_usable_key(key_id: str | None) -> bool:
    return key_id is None or kms_patches.usable_key(key_id) is not None


# --- Condition keys


def tell_iam_what_a_call_asks() -> None:
    """Give IAM the service's own condition keys: BlockPublicPolicy, SecretId, and the tags that the secret has.

    Drop when a role that may PutResourcePolicy only with secretsmanager:BlockPublicPolicy true may, without this.
    """
    context_of = iam_actions.request_tag_context

    def context(service: str, action: str, body: bytes, parameters: Fields) -> Fields:
        known: Fields = context_of(service, action, body, parameters)
        return {**known, **_condition_keys(body)} if service == "secretsmanager" else known

    iam_actions.request_tag_context = context


def _condition_keys(body: bytes) -> Fields:
    request, keys = _read(body), {}
    if "BlockPublicPolicy" in request:
        keys["secretsmanager:BlockPublicPolicy"] = str(request["BlockPublicPolicy"]).lower()
    secret = _find(request)
    if secret is not None:
        keys["secretsmanager:SecretId"] = secret["ARN"]
        keys |= {f"secretsmanager:ResourceTag/{tag['Key']}": tag["Value"] for tag in secret.get("Tags", [])}
    return keys


# --- Ways into MiniStack


def _add(operations: dict[str, Operation]) -> None:
    """Serve further operations."""
    handle = secretsmanager.handle_request

    async def handle_request(method: str, path: str, headers: Fields, body: bytes, query: Fields) -> Answer:
        operation = operations.get(headers.get("x-amz-target", "").rpartition(".")[2])
        if operation is not None:
            return operation(_read(body))
        answer: Answer = await handle(method, path, headers, body, query)
        return answer

    secretsmanager.handle_request = handle_request


def _of_secret(operation: Callable[[Fields, Fields], Answer]) -> Operation:
    """Return an operation on a secret that there is."""

    def perform(request: Fields) -> Answer:
        secret = _find(request)
        return _not_found() if secret is None else operation(secret, request)

    return perform


def _read(body: bytes) -> Fields:
    """Read a request; what is no JSON object is refused by MiniStack itself."""
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return {}
    return request if isinstance(request, dict) else {}


def _find(request: Fields) -> Fields | None:
    secret: Fields | None = secretsmanager._resolve(request.get("SecretId"))[1]
    return secret


def _tell(output: Fields) -> Answer:
    answer: Answer = json_response(output)
    return answer


def _not_found(what: str = "secret") -> Answer:
    return refuse("ResourceNotFoundException", f"Secrets Manager can't find the specified {what}.")


# --- What a test may ask for beyond the API


ONLY_AWS_SETS = frozenset(
    {"OwningService", "LastRotatedDate", "NextRotationDate", "LastAccessedDate", "LastChangedDate"}
)


def attach_policy(secret: str, name: str, policy: str) -> None:
    """Attach a policy unseen, whatever its text: as another service does with a name, or as `default`."""
    if not POLICY_NAME.fullmatch(name):
        raise ValueError(f"{name} is no name of a policy")
    arn = _existing(secret)["ARN"]
    if name == DEFAULT:
        secretsmanager._resource_policies[arn] = policy
    else:
        _named[arn] = {**_named.get(arn, {}), name: policy}


def detach_policy(secret: str, name: str) -> None:
    """Take a policy with a name of its own away again."""
    if _named.get(_existing(secret)["ARN"], {}).pop(name, None) is None:
        raise ValueError(f"there is no policy {name}")


def amend(secret: str, **members: Any) -> None:
    """Set members of DescribeSecret's answer that only AWS sets; times in seconds since 1970."""
    if unknown := members.keys() - ONLY_AWS_SETS:
        raise ValueError(f"{', '.join(sorted(unknown))}: a caller sets that, or nobody")
    _existing(secret).update(members)


def _existing(secret_id: str) -> Fields:
    secret = _find({"SecretId": secret_id})
    if secret is None:
        raise ValueError(f"there is no secret {secret_id}")
    return secret
