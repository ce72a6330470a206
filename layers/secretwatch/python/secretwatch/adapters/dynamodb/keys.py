"""Keys, and the referenced secrets that each protects."""

from typing import TYPE_CHECKING

from secretwatch.adapters.dynamodb.table import Table
from secretwatch.domain.key import KeyId
from secretwatch.domain.secret import SecretId

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PREFIX = "SECRET#"


class DynamoDbProtectedSecrets:
    """`ports.ProtectedSecrets` on the Registry."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """`client` is a boto3 DynamoDB client."""
        self._table = Table(client, table)

    def under(self, key: KeyId) -> list[SecretId]:
        """One Query."""
        items = self._table.query(f"KEY#{key.arn}", begins_with=_PREFIX)
        return [SecretId.of_arn(item["sk"].removeprefix(_PREFIX)) for item in items]
