"""The policies that repairs change: the only calls of Secretwatch that write to a secret or a key."""

from typing import TYPE_CHECKING, Any

from secretwatch.adapters.aws import translated

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_secretsmanager import SecretsManagerClient


class SecretsManagerDocuments:
    """`ports.Documents` of secrets; no value of a secret is ever read here."""

    def __init__(self, client: "SecretsManagerClient") -> None:
        """`client` is a boto3 Secrets Manager client."""
        self._client = client

    def read(self, arn: str) -> str | None:
        """GetResourcePolicy; a secret without a policy answers without one."""
        with translated("GetResourcePolicy"):
            return self._client.get_resource_policy(SecretId=arn).get("ResourcePolicy")

    def problems(self, arn: str, text: str) -> list[str]:
        """ValidateResourcePolicy: syntax, whom it would lock out, and whether it lets everybody in."""
        with translated("ValidateResourcePolicy"):
            answer = self._client.validate_resource_policy(SecretId=arn, ResourcePolicy=text)
        if answer["PolicyValidationPassed"]:
            return []
        found = answer.get("ValidationErrors", [])
        return [f"{one.get('CheckName')}: {one.get('ErrorMessage')}" for one in found] or ["it is not valid"]

    def write(self, arn: str, text: str | None) -> str:
        """PutResourcePolicy, never a public one; DeleteResourcePolicy where there is to be none."""
        if text is None:
            with translated("DeleteResourcePolicy"):
                return _request_id(self._client.delete_resource_policy(SecretId=arn))
        with translated("PutResourcePolicy"):
            return _request_id(
                self._client.put_resource_policy(SecretId=arn, ResourcePolicy=text, BlockPublicPolicy=True)
            )


class KmsDocuments:
    """`ports.Documents` of keys. KMS checks a policy when it is written, and refuses one that locks its owner out."""

    def __init__(self, client: "KMSClient") -> None:
        """`client` is a boto3 KMS client."""
        self._client = client

    def read(self, arn: str) -> str | None:
        """GetKeyPolicy; a key has one policy, named default."""
        with translated("GetKeyPolicy"):
            return self._client.get_key_policy(KeyId=arn, PolicyName="default")["Policy"]

    def problems(self, arn: str, text: str) -> list[str]:  # noqa: ARG002
        """None: KMS has no way to ask."""
        return []

    def write(self, arn: str, text: str | None) -> str:
        """PutKeyPolicy, with KMS's check against lock-out; raises ValueError for none, since a key is never without."""
        if text is None:
            raise ValueError("a key is never without a policy")
        with translated("PutKeyPolicy"):
            return _request_id(self._client.put_key_policy(KeyId=arn, PolicyName="default", Policy=text))


def _request_id(answer: Any) -> str:
    """AWS's own id of the call: CloudTrail has it as requestID."""
    request_id: str = answer["ResponseMetadata"]["RequestId"]
    return request_id
