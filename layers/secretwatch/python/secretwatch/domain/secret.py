"""Secrets, and the several ways in which AWS names one."""

import re
from dataclasses import dataclass
from typing import Self

# Secrets Manager ends a full ARN with a hyphen and six characters of its own.
_ARN = re.compile(
    r"arn:(?P<partition>[^:]+):secretsmanager:(?P<region>[^:]+):(?P<account>\d{12}):secret:"
    r"(?P<name>.+?)(?P<suffix>-[A-Za-z0-9]{6})?"
)
# Names are letters, digits and /_+=.@- (API reference, CreateSecret); `!` occurs in those that services own.
_NAME = re.compile(r"[A-Za-z0-9/_+=.@!-]{1,512}")


@dataclass(frozen=True, slots=True)
class SecretId:
    """One secret as somebody named it: always account, Region and name; the full ARN where it was given."""

    account: str
    region: str
    name: str
    arn: str | None = None

    @classmethod
    def parse(cls, text: str, *, account: str, region: str) -> Self:
        """Read a `secretId`: a full ARN, a partial ARN (without the six-character suffix) or a name.

        Account and Region place a bare name; an ARN brings its own.
        An ARN that ends like a full one is taken for one, though it may be the partial ARN of a secret whose name
        ends so: the Registry is asked for both, under the ARN as it was typed.
        Raises ValueError for anything else.
        """
        if found := _ARN.fullmatch(text):
            arn = text if found["suffix"] else None
            return cls(found["account"], found["region"], found["name"], arn)
        if _NAME.fullmatch(text):
            return cls(account, region, text)
        raise ValueError("not a secret's name or ARN")

    @property
    def partial_arn_read_as_full(self) -> str | None:
        """Its partial ARN, when that looks like the full ARN of another secret: `foo-abcdef` is a name, too."""
        found = _ARN.fullmatch(self.arn[:-7]) if self.arn else None
        return found.group() if found and found["suffix"] else None

    @classmethod
    def of_arn(cls, arn: str) -> Self:
        """The secret with this full ARN; raises ValueError when it is not one."""
        secret = cls.parse(arn, account="", region="")
        if secret.arn is None:
            raise ValueError("not the full ARN of a secret")
        return secret
