"""Whether two ARNs, as AWS reports them, are of the same person."""

import re

_ASSUMED = re.compile(r"arn:[^:]+:sts::(?P<account>\d{12}):assumed-role/(?P<role>[^/]+)/(?P<session>.+)")
_ROLE = re.compile(r"arn:[^:]+:iam::(?P<account>\d{12}):role/(?:.+/)?(?P<role>[^/]+)")

_FEDERATED = re.compile(r"arn:[^:]+:sts::\d{12}:federated-user/(?P<name>.+)")

_IDENTITY_CENTER = "awsreservedsso_"
"""How IAM Identity Center's roles begin: it names each session for its user (user guide, "Permission sets")."""


def same_person(one: str, other: str) -> bool:
    """Whether they have to be taken for one person: a role is one, whatever its sessions are called.

    Sessions of roles of IAM Identity Center are as many people as they have names, in whichever role and account:
    nobody chooses those. A federated user is whoever has the same name.
    """
    if is_federated(one) or is_federated(other):
        return _name(one) == _name(other)
    return _person(one) == _person(other)


def is_federated(arn: str) -> bool:
    """Whether it is a session whose name somebody chose who is not named by it (GetFederationToken)."""
    return _FEDERATED.fullmatch(arn) is not None


def _name(arn: str) -> str:
    return arn.rpartition("/")[2].casefold()


def _person(arn: str) -> tuple[str, ...]:
    if found := _ASSUMED.fullmatch(arn):
        role, session = found["role"].casefold(), found["session"].casefold()
        return (_IDENTITY_CENTER, session) if role.startswith(_IDENTITY_CENTER) else (found["account"], role)
    if found := _ROLE.fullmatch(arn):
        return found["account"], found["role"].casefold()
    return (arn,)
