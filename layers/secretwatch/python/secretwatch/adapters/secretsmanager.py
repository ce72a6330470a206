"""Secrets, as AWS Secrets Manager holds them."""

import json
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from secretwatch.adapters.aws import code_of, translated
from secretwatch.domain.facts import NoSuchSecret, SecretDescription, ValueFacts, ValueShape

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


class SecretsManagerSecrets:
    """`ports.Secrets` on Secrets Manager. No value leaves this module; only its shape does."""

    def __init__(self, client: "SecretsManagerClient") -> None:
        """`client` is a boto3 Secrets Manager client."""
        self._client = client

    def describe(self, arn: str) -> SecretDescription | NoSuchSecret:
        """DescribeSecret; a secret that was never given a value has no versions."""
        with translated("DescribeSecret"):
            try:
                secret = self._client.describe_secret(SecretId=arn)
            except ClientError as error:
                if code_of(error) == "ResourceNotFoundException":
                    return NoSuchSecret()
                raise
        stages = secret.get("VersionIdsToStages") or {}
        return SecretDescription(
            deletion_date=secret.get("DeletedDate"),
            versions={stage: version_id for version_id, labels in stages.items() for stage in labels},
        )

    def shapes(self, arn: str, *, stage: str, json_keys: Collection[str]) -> ValueFacts:
        """GetSecretValue; the value is looked at in memory and dropped.

        A version that has gone since it was described is Permanent: the secret's next event or sweep looks again.
        """
        with translated("GetSecretValue"):
            answer = self._client.get_secret_value(SecretId=arn, VersionStage=stage)
        return ValueFacts(answer["VersionId"], _shapes(answer.get("SecretString"), json_keys))


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
