"""Where a credential is sent: the client and the servers that a request names besides its secrets."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from secretwatch.domain.onboarding.request import OnboardingRequest
from secretwatch.domain.reference import SECRET_FIELDS, ProviderKind

Setting = tuple[str, str]
"""A member of the request by its dotted name, and what it says."""

_WHO = frozenset({"clientId", "tenantId", "apiKeyId", "appId", "authorizationId"})
"""What tells the vendor who asks. Whatever else a request sets may lead the credential elsewhere."""

_ADDRESSES = frozenset({"discoveryUrl", "issuer", "authorizationEndpoint", "tokenEndpoint"})
_METADATA = "oauthDiscovery.authorizationServerMetadata"
_HARMLESS = frozenset({f"{_METADATA}.responseTypes", f"{_METADATA}.tokenEndpointAuthMethods"})
_SECRETS = frozenset(f"{stem}{part}" for stem in SECRET_FIELDS for part in ("Source", "Config"))
_LONGEST, _MOST = 300, 40  # characters, settings: an event has to hold them all


def servers_of(request: OnboardingRequest) -> frozenset[str] | None:
    """The hosts to which the request itself has the credential sent, none where the vendor alone decides that.

    None when hosts do not tell it all: an address is no plain https one, or the request sets more than addresses.
    """
    leaves = [one for one in _leaves("", _settings(request)) if one[0] not in _WHO | _HARMLESS]
    hosts = {_host(text) if name.rpartition(".")[2] in _ADDRESSES else None for name, text in leaves}
    if request.vendor == "CustomOauth2" and not hosts:
        return None
    return frozenset(host for host in hosts if host) if None not in hosts else None


def destination_of(request: OnboardingRequest) -> tuple[Setting, ...]:
    """What the request sets, the client and the servers first: a person sees by it where the credential goes."""
    leaves = list(_leaves("", _settings(request)))
    rest = [("...", f"{len(leaves) - _MOST} settings more: see the execution's input")] if len(leaves) > _MOST else []
    return (*leaves[:_MOST], *rest)


def _settings(request: OnboardingRequest) -> dict[str, Any]:
    """The vendor's configuration without its references; an API key goes nowhere but to agents."""
    if request.kind is ProviderKind.API_KEY:
        return {}
    return {name: value for name, value in request.configuration.items() if name not in _SECRETS}


def _host(address: str) -> str | None:
    """Of a plain https address: without a user, and without a port."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    host = parts.hostname
    return host if parts.scheme == "https" and host and parts.netloc.lower() == host else None


def _weight(setting: tuple[str, Any]) -> tuple[bool, bool, str]:
    """Lists come last: nobody pushes a server out of sight."""
    name, value = setting
    return name not in _WHO, isinstance(value, list), name


def _leaves(name: str, value: object) -> Iterator[Setting]:
    if isinstance(value, Mapping):
        for key, one in sorted(value.items(), key=_weight):
            yield from _leaves(f"{name}.{key}" if name else key, one)
    elif isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
        for one in value:
            yield from _leaves(name, one)
    else:
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        plain = "".join(one if one.isprintable() else "?" for one in text)
        yield name, plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]}..."
