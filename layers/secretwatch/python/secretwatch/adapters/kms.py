"""Keys, as AWS KMS holds them."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from secretwatch.adapters.aws import code_of, translated
from secretwatch.domain.facts import KeyDescription, NoSuchKey
from secretwatch.domain.key import KeyId
from secretwatch.policy import Grant, Policy, Principal

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_kms.type_defs import GrantListEntryTypeDef

_PAGE_SIZE = 100  # ListGrants gives no more at a time


class KmsKeys:
    """`ports.Keys` on KMS."""

    def __init__(self, client: "KMSClient") -> None:
        """`client` is a boto3 KMS client."""
        self._client = client

    def describe(self, key: KeyId) -> KeyDescription | NoSuchKey:
        """DescribeKey, which takes aliases too."""
        with translated("DescribeKey"):
            try:
                answer = self._client.describe_key(KeyId=key.arn)["KeyMetadata"]
            except ClientError as error:
                if code_of(error) == "NotFoundException":
                    return NoSuchKey()
                raise
        return KeyDescription(
            arn=answer["Arn"],
            state=answer["KeyState"],
            customer_managed=answer.get("KeyManager") != "AWS",
            deletion_date=answer.get("DeletionDate"),
        )

    def policy(self, key_arn: str) -> Policy:
        """GetKeyPolicy; a key has one policy, named default."""
        with translated("GetKeyPolicy"):
            answer = self._client.get_key_policy(KeyId=key_arn, PolicyName="default")
        return Policy.parse(answer["Policy"])

    def grants(self, key_arn: str, grantee: Principal) -> tuple[Grant, ...]:
        """ListGrants to one grantee, page by page; a service has grants of its own kind (API reference, ListGrants)."""
        kind = "GranteeServicePrincipal" if grantee.account is None else "GranteePrincipal"
        with translated("ListGrants"):
            pages = self._client.get_paginator("list_grants").paginate(
                KeyId=key_arn, PaginationConfig={"PageSize": _PAGE_SIZE}, **{kind: grantee.name}
            )
            return tuple(_grant(grant) for page in pages for grant in page["Grants"])


def _grant(grant: "GrantListEntryTypeDef") -> Grant:
    constraints = grant.get("Constraints") or {}
    return Grant(
        grant_id=grant["GrantId"],
        grantee=grant.get("GranteeServicePrincipal") or grant["GranteePrincipal"],
        operations=frozenset(grant["Operations"]),
        context_equals=constraints.get("EncryptionContextEquals"),
        context_subset=constraints.get("EncryptionContextSubset"),
        source_arn=constraints.get("SourceArn"),
        name=grant.get("Name") or None,
    )
