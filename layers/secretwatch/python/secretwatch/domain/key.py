"""KMS keys, and the several ways in which AWS names one."""

import re
from dataclasses import dataclass
from typing import Self

_ARN = re.compile(r"arn:[^:]+:kms:(?P<region>[^:]+):(?P<account>\d{12}):(?P<resource>.+)")
# Key ids are UUIDs, or `mrk-` and hexadecimal digits; alias names as in the API reference, CreateAlias.
_RESOURCE = re.compile(r"key/[A-Za-z0-9-]{1,64}|alias/[A-Za-z0-9/_-]{1,250}")

# Which partition a Region is in shows in its name; all others are in `aws`.
_PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov", "us-iso-": "aws-iso", "us-isob-": "aws-iso-b"}


@dataclass(frozen=True, slots=True, order=True)
class KeyId:
    """A KMS key, or an alias of one, by its full ARN."""

    arn: str

    @classmethod
    def parse(cls, text: str, *, account: str, region: str) -> Self:
        """Read a `keyId`: a key id, the ARN of a key, an alias name (`alias/...`) or the ARN of an alias.

        Account and Region place what is no ARN; an ARN brings its own. Raises ValueError for anything else.
        """
        if found := _ARN.fullmatch(text):
            if _RESOURCE.fullmatch(found["resource"]):
                return cls(text)
        else:
            resource = text if text.startswith("alias/") else f"key/{text}"
            if _RESOURCE.fullmatch(resource):
                return cls(f"arn:{partition_of(region)}:kms:{region}:{account}:{resource}")
        raise ValueError("not a key's or an alias's name or ARN")

    @property
    def region(self) -> str:
        """The key's own Region."""
        return self.arn.split(":")[3]

    @property
    def account(self) -> str:
        """The key's own account."""
        return self.arn.split(":")[4]

    @property
    def is_alias(self) -> bool:
        """Whether this is an alias, which may come to mean another key."""
        return self.arn.split(":", maxsplit=5)[5].startswith("alias/")


def partition_of(region: str) -> str:
    """The partition that a Region is in, as ARNs name it."""
    return next((partition for prefix, partition in _PARTITIONS.items() if region.startswith(prefix)), "aws")
