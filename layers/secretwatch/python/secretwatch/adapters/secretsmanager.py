"""Secrets, as AWS Secrets Manager holds them."""

import json
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from secretwatch.adapters.aws import code_of, translated
from secretwatch.domain.facts import NoSuchSecret, Rotation, SecretDescription, ValueFacts, ValueShape
from secretwatch.domain.key import KeyId
from secretwatch.domain.secret import SecretId
from secretwatch.policy import Policy

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_secretsmanager.type_defs import DescribeSecretResponseTypeDef


class SecretsManagerSecrets:
    """`ports.Secrets` and `ports.SecretNames` on Secrets Manager. No value leaves this module; only its shape does."""

    def __init__(self, client: "SecretsManagerClient") -> None:
        """`client` is a boto3 Secrets Manager client."""
        self._client = client

    def describe(self, arn: str) -> SecretDescription | NoSuchSecret:
        """DescribeSecret; one that is gone is asked for by its name too, since another may have it now."""
        secret = self._describe(arn)
        if secret is None:
            namesake = self._describe(SecretId.of_arn(arn).name)
            recreated = namesake is not None and namesake.get("DeletedDate") is None
            return NoSuchSecret(namesake["ARN"] if namesake and recreated else None)
        return _description(secret)

    def _describe(self, secret_id: str) -> "DescribeSecretResponseTypeDef | None":
        with translated("DescribeSecret"):
            try:
                return self._client.describe_secret(SecretId=secret_id)
            except ClientError as error:
                if code_of(error) == "ResourceNotFoundException":
                    return None
                raise

    def full_arn(self, secret_id: str) -> str | None:
        """DescribeSecret, which takes names and partial ARNs too."""
        secret = self._describe(secret_id)
        return secret["ARN"] if secret else None

    def policy_names(self, arn: str) -> list[str]:
        """ListResourcePolicies, page by page."""
        names: list[str] = []
        token: dict[str, Any] = {}
        while True:
            with translated("ListResourcePolicies"):
                page = cast("Any", self._client).list_resource_policies(SecretId=arn, **token)
            names += [policy["PolicyName"] for policy in page["ResourcePolicies"]]
            if not page.get("NextToken"):
                return names
            token = {"NextToken": page["NextToken"]}

    def policy(self, arn: str, name: str) -> Policy | None:
        """GetResourcePolicy; a secret without a policy answers without one."""
        with translated("GetResourcePolicy"):
            try:
                answer = cast("Any", self._client).get_resource_policy(SecretId=arn, PolicyName=name)
            except ClientError as error:
                if code_of(error) == "ResourceNotFoundException":
                    return None
                raise
        text = answer.get("ResourcePolicy")
        return Policy.parse(text, name) if text else None

    def shapes(self, arn: str, *, stage: str, json_keys: Collection[str]) -> ValueFacts:
        """GetSecretValue; the value is looked at in memory and dropped.

        A version that has gone since it was described is Permanent: the secret's next event or sweep looks again.
        """
        with translated("GetSecretValue"):
            answer = self._client.get_secret_value(SecretId=arn, VersionStage=stage)
        return ValueFacts(answer["VersionId"], _shapes(answer.get("SecretString"), json_keys))


def _description(secret: "DescribeSecretResponseTypeDef") -> SecretDescription:
    """A secret that was never given a value has no versions; one under aws/secretsmanager names no key."""
    named = SecretId.of_arn(secret["ARN"])
    stages, key = secret.get("VersionIdsToStages") or {}, secret.get("KmsKeyId")
    return SecretDescription(
        deletion_date=secret.get("DeletedDate"),
        versions={stage: version_id for version_id, labels in stages.items() for stage in labels},
        key=KeyId.parse(key, account=named.account, region=named.region) if key and key not in _DEFAULT_KEYS else None,
        tags={tag["Key"]: tag.get("Value", "") for tag in secret.get("Tags") or () if "Key" in tag},
        rotation=Rotation(
            enabled=bool(secret.get("RotationEnabled")),
            last=secret.get("LastRotatedDate"),
            next=secret.get("NextRotationDate"),
        ),
        created=secret.get("CreatedDate"),
        owner=secret.get("OwningService"),
        partner=secret.get("Type"),
    )


_DEFAULT_KEYS = {"alias/aws/secretsmanager", "aws/secretsmanager"}


def _shapes(text: str | None, json_keys: Collection[str]) -> Mapping[str, ValueShape]:
    if text is None:
        return dict.fromkeys(json_keys, ValueShape.BINARY)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):  # the error quotes the text it could not parse: it goes no further
        return dict.fromkeys(json_keys, ValueShape.NOT_JSON)
    if not isinstance(value, dict):
        return dict.fromkeys(json_keys, ValueShape.NOT_AN_OBJECT)
    return {json_key: _shape(value, json_key) for json_key in json_keys}


def _shape(value: Mapping[str, object], json_key: str) -> ValueShape:
    if json_key not in value:
        return ValueShape.KEY_MISSING
    match value[json_key]:
        case "":
            return ValueShape.EMPTY
        case str():
            return ValueShape.USABLE
    return ValueShape.NOT_A_STRING
