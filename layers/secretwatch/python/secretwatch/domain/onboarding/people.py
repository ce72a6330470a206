"""Whether two ARNs, as AWS reports them, are of the same person."""

import re

_ASSUMED = re.compile(r"arn:[^:]+:sts::(?P<account>\d{12}):assumed-role/(?P<role>[^/]+)/(?P<session>.+)")
_ROLE = re.compile(r"arn:[^:]+:iam::(?P<account>\d{12}):role/(?:.+/)?(?P<role>[^/]+)")

_IDENTITY_CENTER = "awsreservedsso_"
"""How IAM Identity Center's roles begin: it names each session for its user (user guide, "Permission sets")."""


def same_person(one: str, other: str) -> bool:
    """Whether they have to be taken for one person: a role is one, whatever its sessions are called.

    Sessions of a role of IAM Identity Center are as many people as they have names: nobody chooses those.
    """
    return _person(one) == _person(other)


def _person(arn: str) -> tuple[str, ...]:
    if found := _ASSUMED.fullmatch(arn):
        role = found["role"].casefold()
        session = (found["session"].casefold(),) if role.startswith(_IDENTITY_CENTER) else ()
        return found["account"], role, *session
    if found := _ROLE.fullmatch(arn):
        return found["account"], found["role"].casefold()
    return (arn,)
