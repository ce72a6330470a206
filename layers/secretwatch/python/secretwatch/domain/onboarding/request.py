"""What a team asks for: the body of an AgentCore Create…CredentialProvider request, its owner, and options.

Only what concerns us is read here. Whether AgentCore would take the body is `ports.RequestModel`'s to say, of the same
request, so that somebody who got several things wrong is told all of them at once.
"""

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from difflib import get_close_matches
from typing import Any

from secretwatch.domain.reference import SECRET_FIELDS, ProviderKind

OWN_TAG = "secretwatch:onboarding"
"""The tag that says which onboarding created a provider; a request may not set it."""

NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
"""What AgentCore calls providers, as all its Create operations say."""

_CONFIGURATIONS = {
    ProviderKind.OAUTH2: "oauth2ProviderConfigInput",
    ProviderKind.PAYMENT: "providerConfigurationInput",
}
_CLIENT = ("clientId", "apiKeyId", "appId", "authorizationId")
_ADDRESSES = ("discoveryUrl", "issuer", "authorizationEndpoint", "tokenEndpoint")
PRIVATE = ("privateEndpoint", "privateEndpointOverrides")
SERVERS = frozenset({*_ADDRESSES, *PRIVATE})
"""Of what `client_of` tells, where the credential goes."""
_NAMES_A_SECRET = frozenset({"secretId", "secretArn"})
_OWNER_LENGTH = 256
_MOST_SECONDS = 7 * 24 * 3600
_MOST_TAGS = 50
_SHOWN = 64


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a request: where, in plain words, and what to do. Never a value: it may be secret."""

    field: str
    message: str
    fix: str

    def __str__(self) -> str:
        """One line for people."""
        return f"{self.field} {self.message}. {self.fix}"


@dataclass(frozen=True, slots=True)
class Options:
    """How long an approval may take, and whether a credential is fetched once to prove that it works."""

    approve_within: timedelta = timedelta(days=3)
    vend: bool = False


@dataclass(frozen=True, slots=True)
class WantedReference:
    """A secret that the provider is to point at; `secret_id` is a name or an ARN, as it was written."""

    field: str
    secret_id: str
    json_key: str | None


@dataclass(frozen=True, slots=True)
class OnboardingRequest:
    """A request as it was given; `body` is what AgentCore is to get, and may be anything until it was judged.

    `misread` is what is wrong with our own part of it. Where the body has no such text, `name` is empty, `vendor` None.
    """

    kind: ProviderKind
    name: str
    vendor: str | None
    body: Mapping[str, Any]
    owner: str | None = None
    options: Options = Options()
    misread: tuple[Problem, ...] = ()

    @property
    def configuration(self) -> Mapping[str, Any]:
        """The part that names the secrets: the body itself, or what it says for its vendor."""
        if self.kind is ProviderKind.API_KEY:
            return self.body
        parts = _mapping(self.body.get(_CONFIGURATIONS[self.kind])).values()
        return next(map(_mapping, parts), {})

    @property
    def client(self) -> Mapping[str, str]:
        """Which client at the vendor it is for."""
        return client_of(self.configuration)

    @property
    def references(self) -> tuple[WantedReference, ...]:
        """Every EXTERNAL secret and every certificate that it names."""
        return (*self._secrets(), *self._certificates())

    def pinned(self, arns: Mapping[str, str]) -> "OnboardingRequest":
        """The same request, which names each secret by the ARN that it was found by: a name may soon mean another."""
        return replace(self, body=_pinned(self.body, arns))

    @property
    def digest(self) -> str:
        """The same for the same request, however it is spaced and ordered. Only of one that holds no secret."""
        asked = {
            **self.body,
            "owner": self.owner,
            "options": [self.options.approve_within.total_seconds(), self.options.vend],
        }
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:12]

    def _secrets(self) -> Iterator[WantedReference]:
        for stem, field in SECRET_FIELDS.items():
            named = _mapping(self.configuration.get(f"{stem}Config"))
            secret_id, json_key = named.get("secretId"), named.get("jsonKey")
            if self.configuration.get(f"{stem}Source") == "EXTERNAL" and isinstance(secret_id, str):
                yield WantedReference(field, secret_id, json_key if isinstance(json_key, str) else None)

    def _certificates(self) -> Iterator[WantedReference]:
        certificates = self.configuration.get("certificateConfigurations")
        for certificate in certificates if isinstance(certificates, list) else ():
            arn = _mapping(_mapping(certificate).get("secretsManager")).get("secretArn")
            if isinstance(arn, str):
                yield WantedReference("certificate", arn, None)


def read_request(given: object) -> OnboardingRequest | list[Problem]:
    """Read a request, as far as it is one; problems only, when there is nothing to read in it."""
    if not isinstance(given, Mapping):
        return [
            Problem("the request", "is not an object", "Print a whole one: `secretwatch onboard --example api-key`.")
        ]
    misread: list[Problem] = []
    body = {str(key): value for key, value in given.items() if key not in ("owner", "options")}
    name, vendor = body.get("name"), body.get("credentialProviderVendor")
    return OnboardingRequest(
        kind=_kind(body),
        name=name if isinstance(name, str) else "",
        vendor=vendor if isinstance(vendor, str) else None,
        body=body,
        owner=_owner(given, misread.append),
        options=_options(given.get("options", {}), misread.append),
        misread=(*misread, *_tag_problems(body)),
    )


def client_of(configuration: Mapping[str, Any]) -> Mapping[str, str]:
    """What tells a client at the vendor from others, and where its credential goes.

    As requests name it and AgentCore's Get answers do; those show the addresses of every vendor as metadata.
    """
    discovery = _mapping(configuration.get("oauthDiscovery"))
    shown_as = {**configuration, **_mapping(discovery.get("authorizationServerMetadata")), **discovery}
    found = {name: shown_as.get(name) for name in (*_CLIENT, *_ADDRESSES)}
    private = {name: json.dumps(configuration[name], sort_keys=True) for name in PRIVATE if configuration.get(name)}
    return {**{name: value for name, value in found.items() if isinstance(value, str)}, **private}


def nearest(text: str, known: Collection[str]) -> str | None:
    """The one of the known names that was probably meant."""
    names = {plain(name): name for name in known}
    found = get_close_matches(plain(text[:_SHOWN]), names, n=1, cutoff=0.5)
    return names[found[0]] if found else None


def plain(text: str) -> str:
    """A name without what people spell differently: `client_secret` and `clientSecret` are one."""
    return "".join(filter(str.isalnum, text)).lower()


def _kind(body: Mapping[str, Any]) -> ProviderKind:
    has_vendor = "credentialProviderVendor" in body
    for kind, configuration in _CONFIGURATIONS.items():
        if configuration in body and (has_vendor or body[configuration] is not None):
            return kind
    return ProviderKind.OAUTH2 if has_vendor else ProviderKind.API_KEY


def _owner(given: Mapping[Any, Any], tell: Callable[[Problem], None]) -> str | None:
    owner = given.get("owner")
    if owner is None or (isinstance(owner, str) and 0 < len(owner) <= _OWNER_LENGTH and owner.isprintable()):
        return owner
    tell(
        Problem(
            "owner", "is no name to show to people", f"Give a line of 1 to {_OWNER_LENGTH} characters, or leave it out."
        )
    )
    return None


def _options(given: object, tell: Callable[[Problem], None]) -> Options:
    if not isinstance(given, Mapping):
        tell(Problem("options", "is not an object", 'Write it as {"approveWithinSeconds": 3600, "vend": false}.'))
        return Options()
    for unknown in sorted(map(str, given.keys() - {"approveWithinSeconds", "vend"})):
        tell(Problem(f"options.{shown(unknown)}", "is no option", "There are approveWithinSeconds and vend."))
    usual = Options()
    seconds, vend = (
        given.get("approveWithinSeconds", usual.approve_within.total_seconds()),
        given.get("vend", usual.vend),
    )
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 1 <= seconds <= _MOST_SECONDS:
        tell(Problem("options.approveWithinSeconds", "is no time to wait", f"Give 1 to {_MOST_SECONDS} (a week)."))
        seconds = usual.approve_within.total_seconds()
    if not isinstance(vend, bool):
        tell(Problem("options.vend", "is neither true nor false", "Write true, or leave it out."))
        vend = usual.vend
    return Options(timedelta(seconds=int(seconds)), vend)


def _tag_problems(body: Mapping[str, Any]) -> Iterator[Problem]:
    tags = _mapping(body.get("tags"))
    if OWN_TAG in tags:
        yield Problem(f"tags.{OWN_TAG}", "is how Secretwatch knows the providers that it created", "Leave it out.")
    if len(tags) == _MOST_TAGS:
        yield Problem(
            "tags", f"are {_MOST_TAGS}, and Secretwatch adds one", f"Leave one out: AgentCore takes {_MOST_TAGS}."
        )


def shown(name: str) -> str:
    """A field's name that somebody made up, as far as it can be shown."""
    return name if len(name) <= _SHOWN and name.isprintable() else "…"


def _pinned(value: Any, arns: Mapping[str, str]) -> Any:
    """Wherever a request names a secret, as these two members alone do."""
    if isinstance(value, Mapping):
        return {
            name: arns.get(one, one) if name in _NAMES_A_SECRET and isinstance(one, str) else _pinned(one, arns)
            for name, one in value.items()
        }
    return [_pinned(one, arns) for one in value] if isinstance(value, list) else value


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
