"""Who asks, and whom a policy names."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from secretwatch.policy.context import ABSENT, Context, ContextValue, Present, values_of
from secretwatch.policy.truth import Truth, any_of, negated


class PrincipalKind(StrEnum):
    """The kinds of reader that can be told from their names."""

    SERVICE = "service"
    ROLE = "role"
    SESSION = "session"
    USER = "user"
    ROOT = "root"


_ARN = re.compile(
    r"arn:[^:]+:(?:"
    r"iam::(?P<account>\d{12}):(?P<kind>role|user)/(?:[^:]*/)?(?P<name>[^:/]+)"
    r"|iam::(?P<root>\d{12}):root"
    r"|sts::(?P<session_account>\d{12}):assumed-role/(?P<role>[^:/]+)/(?P<session>[^:/]+))"
)
_SERVICE = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_ACCOUNT = re.compile(r"\d{12}")


@dataclass(frozen=True, slots=True)
class Principal:
    """A service by its name, or a principal of an account by its ARN; a role stands for each of its sessions."""

    kind: PrincipalKind
    name: str
    account: str | None = None
    entity: str | None = None  # the last part of a role's or user's name: unique in an account, whatever the path
    session: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Principal":
        """Of a service's name, or the ARN of a role, session, user or account's root; else ValueError."""
        if found := _ARN.fullmatch(text):
            if found["root"]:
                return cls(PrincipalKind.ROOT, text, found["root"])
            if found["role"]:
                return cls(PrincipalKind.SESSION, text, found["session_account"], found["role"], found["session"])
            return cls(PrincipalKind(found["kind"]), text, found["account"], found["name"])
        if _SERVICE.fullmatch(text):
            return cls(PrincipalKind.SERVICE, text)
        raise ValueError(f"{text!r} is neither a service nor the ARN of a role, session, user or account's root")

    @classmethod
    def service(cls, name: str) -> "Principal":
        """An AWS service, such as bedrock-agentcore.amazonaws.com."""
        return cls._of_kind(PrincipalKind.SERVICE, name)

    @classmethod
    def role(cls, arn: str) -> "Principal":
        """A role, by its ARN."""
        return cls._of_kind(PrincipalKind.ROLE, arn)

    @classmethod
    def _of_kind(cls, kind: PrincipalKind, text: str) -> "Principal":
        principal = cls.parse(text)
        if principal.kind is not kind:
            raise ValueError(f"{text!r} is no {kind}")
        return principal

    @property
    def arn(self) -> str | None:
        """None for a service."""
        return None if self.kind is PrincipalKind.SERVICE else self.name

    # What a decision may hang on beside context keys. A caller that finds out may put it into the context.

    @property
    def identity_policy(self) -> str:
        """Present when the reader's own policies allow it, absent when they don't: ask iam:SimulatePrincipalPolicy."""
        return f"identity policy of {self.name}"

    @property
    def session_name(self) -> str:
        """Its value is the name of the session that asks."""
        return f"session name of {self.name}"

    @property
    def exemption(self) -> str:
        """Present when a NotPrincipal that names only a part of account and reader spares it, absent when not."""
        return f"exemption of {self.name}"

    def implied_context(self) -> dict[str, ContextValue]:
        """The keys that follow from who asks, in lower case (IAM User Guide: "AWS global condition context keys")."""
        is_service = self.kind is PrincipalKind.SERVICE
        implied: dict[str, ContextValue] = {"aws:principalisawsservice": Present((str(is_service).lower(),))}
        if is_service:
            return implied | {"aws:principalservicename": Present((self.name,))}
        implied |= {"aws:principalservicename": ABSENT, "aws:principalservicenameslist": ABSENT}
        implied["aws:principalaccount"] = Present((self.account or "",))
        implied["aws:principaltype"] = Present((_TYPES[self.kind],))
        if self.kind is not PrincipalKind.SESSION:  # its ARN hides the path of the role
            implied["aws:principalarn"] = Present((self.name,))
        if self.kind is PrincipalKind.USER:
            implied["aws:username"] = Present((self.entity or "",))
        else:
            implied["aws:username"] = ABSENT
        return implied


_TYPES = {
    PrincipalKind.ROLE: "AssumedRole",
    PrincipalKind.SESSION: "AssumedRole",
    PrincipalKind.USER: "User",
    PrincipalKind.ROOT: "Account",
}


@dataclass(frozen=True, slots=True)
class PrincipalElement:
    """`Principal` or `NotPrincipal` of a statement: whom it names, or all others.

    Whoever cannot be a reader here is left out: canonical and federated users, and the unique id that stands where a
    role or user was deleted.
    """

    everyone: bool
    services: frozenset[str]
    principals: tuple[Principal, ...]
    excluded: bool

    @classmethod
    def of(cls, names: Iterable[tuple[str, str]], *, excluded: bool) -> "PrincipalElement":
        """From pairs of type and name, such as ("Service", "lambda.amazonaws.com").

        "*" is everyone, services too: AWS's own data perimeter policies deny `"Principal": "*"` and have to spare
        services by aws:PrincipalIsAWSService.
        """
        pairs = list(names)
        return cls(
            everyone=("AWS", "*") in pairs,
            services=frozenset(name for kind, name in pairs if kind == "Service"),
            principals=tuple(_principals(name for kind, name in pairs if kind == "AWS")),
            excluded=excluded,
        )

    def applies(self, reader: Principal, context: Context, *, allows: bool) -> Truth:
        """Whether a statement with this element is about the reader."""
        return negated(self._spares(reader, context)) if self.excluded else self._names(reader, context, allows=allows)

    def _names(self, reader: Principal, context: Context, *, allows: bool) -> Truth:
        """An account as principal delegates: it denies all of the account, but allows only whom IAM allows there."""
        if self.everyone or self._names_itself(reader):
            return True
        if self._names_account(reader):
            return not allows or _flag(reader.identity_policy, context)
        return self._names_session(reader, context)

    def _spares(self, reader: Principal, context: Context) -> Truth:
        """AWS may look at the account first, then at the role or user: NotPrincipal is to name both.

        "Otherwise, the policy might deny access" (IAM User Guide, "NotPrincipal"), and nobody can know.
        """
        if self.everyone:
            return True
        if reader.kind in {PrincipalKind.ROOT, PrincipalKind.SERVICE}:
            return self._names_itself(reader)
        account, spared = self._names_account(reader), _flag(reader.exemption, context)
        itself = any_of([self._names_itself(reader), self._names_session(reader, context)])
        if itself is True:
            return account or spared
        only_account = account and spared
        return only_account if itself is False else any_of([itself, spared])

    def _names_itself(self, reader: Principal) -> bool:
        if reader.kind is PrincipalKind.SERVICE:
            return reader.name in self.services
        return any(_is(named, reader) for named in self.principals)

    def _names_account(self, reader: Principal) -> bool:
        return any(named.kind is PrincipalKind.ROOT and named.account == reader.account for named in self.principals)

    def _names_session(self, reader: Principal, context: Context) -> Truth:
        sessions = self.sessions_of(reader)
        if not sessions:
            return False
        values = values_of(context, reader.session_name.lower())
        return frozenset({reader.session_name}) if values is None else not sessions.isdisjoint(values)

    def sessions_of(self, reader: Principal) -> frozenset[str]:
        """The names of the sessions of a role that it names."""
        if reader.kind is not PrincipalKind.ROLE:
            return frozenset()
        return frozenset(
            named.session
            for named in self.principals
            if named.session and (named.account, named.entity) == (reader.account, reader.entity)
        )


def _is(named: Principal, reader: Principal) -> bool:
    """A session is its role as well; an account may be named in two ways."""
    if named.kind is PrincipalKind.ROOT:
        return reader.kind is PrincipalKind.ROOT and named.account == reader.account
    if named.kind is PrincipalKind.ROLE and reader.kind is PrincipalKind.SESSION:
        return (named.account, named.entity) == (reader.account, reader.entity)
    return named.name == reader.name


def _flag(key: str, context: Context) -> Truth:
    values = values_of(context, key.lower())
    return frozenset({key}) if values is None else bool(values)


def _principals(names: Iterable[str]) -> Iterator[Principal]:
    for name in names:
        if _ACCOUNT.fullmatch(name):
            yield Principal(PrincipalKind.ROOT, f"arn:aws:iam::{name}:root", name)
        elif _ARN.fullmatch(name):
            yield Principal.parse(name)
