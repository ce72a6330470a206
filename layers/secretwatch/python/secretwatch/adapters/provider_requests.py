"""What AgentCore's API takes, by botocore's service model of it.

botocore's own validator knows required members, types and minima only, and quotes the values that it refuses.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.session import get_session

from secretwatch.domain.onboarding.request import OnboardingRequest, Problem, nearest, plain, shown
from secretwatch.domain.reference import SECRET_FIELDS, ProviderKind

_OPERATIONS = {
    ProviderKind.API_KEY: "CreateApiKeyCredentialProvider",
    ProviderKind.OAUTH2: "CreateOauth2CredentialProvider",
    ProviderKind.PAYMENT: "CreatePaymentCredentialProvider",
}
_TYPES: Mapping[str, tuple[str, type | tuple[type, ...]]] = {
    "structure": ("an object", Mapping),
    "map": ("an object", Mapping),
    "list": ("a list", list),
    "string": ("a string", str),
    "integer": ("a whole number", int),
    "long": ("a whole number", int),
    "float": ("a number", (int, float)),
    "double": ("a number", (int, float)),
    "boolean": ("true or false", bool),
}
_WORDS: Mapping[type, str] = {  # in this order: to Python, True is a number
    type(None): "null",
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "a list",
    Mapping: "an object",
}
_SHARED = "includedOauth2ProviderConfig"  # of all vendors that have no configuration of their own
_OF_A_TENANT = ("issuer", "authorizationEndpoint", "tokenEndpoint")
_VENDORS_OF_TENANTS = frozenset(
    f"{name}Oauth2" for name in ("Auth0", "Cognito", "CyberArk", "FusionAuth", "Okta", "OneLogin", "PingOne")
)
"""Which give each customer a server of its own, and need to be told its addresses (AgentCore's guide, by vendor)."""

_LONGEST, _MOST = 32_000, 50  # characters of JSON, and problems that are told: an event and a record hold no more
_WITHOUT_SECRET = {"AWS_IAM_ID_TOKEN_JWT", "PRIVATE_KEY_JWT"}
_STEMS = {plain(field): stem for stem, field in SECRET_FIELDS.items()} | {plain(stem): stem for stem in SECRET_FIELDS}


@dataclass(frozen=True, slots=True)
class Form:
    """How a request for one vendor is written; an API key has no vendor.

    `inside` leads from the body to the vendor's configuration, `members` are the fields of that, of which some are
    `required`, and some `advised`: the vendor needs them, although AgentCore's model does not say so.
    """

    kind: ProviderKind
    vendor: str | None
    inside: tuple[str, ...]
    members: frozenset[str]
    required: tuple[str, ...]
    advised: tuple[str, ...] = ()

    @property
    def stems(self) -> tuple[str, ...]:
        """What the members of each of its references begin with."""
        return tuple(stem for stem in SECRET_FIELDS if f"{stem}Source" in self.members)


def forms() -> list[Form]:
    """The forms of all vendors that AgentCore has."""
    found = []
    for kind in ProviderKind:
        shape = _input_of(kind)
        union, configurations = _union_of(shape)
        if configurations is None:
            found.append(_form(kind, None, (), shape))
            continue
        for vendor in shape.members["credentialProviderVendor"].metadata["enum"]:
            member = _configuration_of(vendor, configurations)
            found.append(_form(kind, vendor, (union, member), configurations.members[member]))
    return found


def _form(kind: ProviderKind, vendor: str | None, inside: tuple[str, ...], shape: Shape) -> Form:
    assert isinstance(shape, StructureShape)  # noqa: S101 - whatever holds members
    return Form(kind, vendor, inside, frozenset(shape.members), tuple(shape.required_members), _advised(vendor))


def advice(request: OnboardingRequest) -> list[str]:
    """What AgentCore would take, and the vendor would not; for people."""
    lacking = [member for member in _advised(request.vendor) if member not in request.configuration]
    if not lacking:
        return []
    return [f"{request.vendor} has a server for each customer: AgentCore's guide asks for {', '.join(lacking)}, too."]


def _advised(vendor: str | None) -> tuple[str, ...]:
    return _OF_A_TENANT if vendor in _VENDORS_OF_TENANTS else ()


class ProviderRequests:
    """`ports.RequestModel` on botocore's service model."""

    def __init__(self, *, started: bool = True) -> None:
        """`started` is whether the request is an execution's input already, and stands in its history."""
        self._started = started

    def problems(self, request: OnboardingRequest) -> list[Problem]:
        """All that is wrong with the request, our own part of it included; none names a value.

        Of more than anybody reads, the first; what carries a secret before all others.
        """
        if (characters := len(json.dumps(request.body, default=str))) > _LONGEST:
            return [_too_long(characters)]
        shape = _input_of(request.kind)
        ours = [*request.misread, *_vend_problems(request)]
        found = [*self._structure(shape, request.body, ""), *_vendor_problems(shape, request), *ours]
        if not found and not request.references:
            found = [Problem("the request", "references no secret of yours", "Such a provider needs no onboarding.")]
        return sorted(dict.fromkeys(found), key=lambda one: not one.fix.endswith(self._rotate()))[:_MOST]

    def _value(self, shape: Shape, value: object, path: str) -> Iterator[Problem]:
        kind, expected = _TYPES.get(shape.type_name, ("something else", object))
        if shape.metadata.get("sensitive"):
            yield self._literal(path, value)
        elif not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
            yield Problem(path, f"has to be {kind}, and is {_what(value)}", _members(shape) or f"Write {kind}.")
            yield from self._astray(value, path)
        elif isinstance(value, Mapping) and isinstance(shape, StructureShape):
            yield from self._structure(shape, value, path)
        elif isinstance(value, Mapping) and isinstance(shape, MapShape):
            yield from _range(shape, len(value), path, "entries")
            for key, item in value.items():
                yield from self._value(shape.key, key, _join(path, key))
                yield from self._value(shape.value, item, _join(path, key))
        elif isinstance(value, list) and isinstance(shape, ListShape):
            yield from _range(shape, len(value), path, "items")
            for index, item in enumerate(value):
                yield from self._value(shape.member, item, f"{path}[{index}]")
        elif isinstance(value, str):
            yield from _text(shape, value, path)
        elif isinstance(value, int | float):
            yield from _range(shape, value, path, None)

    def _structure(self, shape: StructureShape, value: Mapping[str, Any], path: str) -> Iterator[Problem]:
        for name, item in value.items():
            if name in shape.members:
                yield from self._value(shape.members[name], item, _join(path, name))
            elif plain(str(name)) in _STEMS:
                yield self._literal(_join(path, name), item)
            else:
                yield Problem(_join(path, name), "is not known to AgentCore here", _instead(str(name), _open(shape)))
                yield from self._astray(item, _join(path, name))
        for name in shape.required_members:
            if name not in value:
                yield Problem(_join(path, name), "is missing", _addition(shape.members[name]))
        if shape.is_tagged_union and len(value.keys() & shape.members.keys()) != 1:
            yield Problem(path, "has to have exactly one member", f"Give one of {', '.join(shape.members)}.")
        yield from _sources(shape, value, path)
        if "certificateConfigurations" in value and "privateEndpoint" not in value:  # the model says so in words only
            needed = _join(path, "privateEndpoint")
            yield Problem(
                needed, "is missing", "A certificate goes only with a private endpoint: add it, or leave both out."
            )

    def _literal(self, path: str, value: object) -> Problem:
        """A sensitive member. An empty one discloses nothing, and says nothing either."""
        stem = _STEMS.get(plain(path.rpartition(".")[2]))
        if value in ("", None):
            return Problem(path, "is empty", "Leave it out.")
        if stem is None:
            return Problem(path, "is sensitive, and cannot be referenced", f"Leave it out.{self._rotate()}")
        reference = f'"{stem}Source": "EXTERNAL", "{stem}Config": {{"secretId": ..., "jsonKey": ...}}'
        return Problem(path, "carries the secret itself", f"Reference it instead: {reference}.{self._rotate()}")

    def _rotate(self) -> str:
        if self._started:
            return " And rotate it: it stands in the execution history."
        return " Nothing was started, so it stands in no execution history."

    def _astray(self, value: object, path: str) -> Iterator[Problem]:
        """What looks like a literal secret, in a place where AgentCore expects nothing of the kind."""
        todo = [(value, path)]
        while todo:
            part, place = todo.pop()
            if isinstance(part, list):
                todo += ((item, f"{place}[{index}]") for index, item in enumerate(part))
            elif isinstance(part, Mapping):
                for name, item in part.items():
                    if plain(str(name)) in _STEMS:
                        yield self._literal(_join(place, name), item)
                    else:
                        todo.append((item, _join(place, name)))


def _too_long(characters: int) -> Problem:
    return Problem(
        "the request",
        f"has {characters} characters of JSON",
        f"Keep to {_LONGEST}. If a secret stands in it, rotate that.",
    )


@cache
def _input_of(kind: ProviderKind) -> StructureShape:
    model = get_session().get_service_model("bedrock-agentcore-control")
    shape = model.operation_model(_OPERATIONS[kind]).input_shape
    assert shape is not None  # noqa: S101 - Create operations take something
    return shape


def _sources(shape: StructureShape, value: Mapping[str, Any], path: str) -> Iterator[Problem]:
    """Each secret of the structure: EXTERNAL, and where. An absent source means to AgentCore that it is its own."""
    for stem in SECRET_FIELDS:
        source, config = f"{stem}Source", f"{stem}Config"
        if source not in shape.members or _goes_without(value, source, config):
            continue
        if source not in value:
            yield Problem(
                _join(path, source), "is missing", 'Add it: "EXTERNAL". Without it, AgentCore keeps the secret.'
            )
        elif value[source] == "MANAGED":
            fix = f'Write "EXTERNAL", and name your secret in {config}.'
            yield Problem(_join(path, source), "makes AgentCore keep the secret, which needs no onboarding", fix)
        if config not in value:
            yield Problem(_join(path, config), "is missing", 'Add it: {"secretId": ..., "jsonKey": ...}.')


def _goes_without(value: Mapping[str, Any], *members: str) -> bool:
    """A custom provider may prove by a key of KMS, or a token of IAM, who it is."""
    method = value.get("clientAuthenticationMethod")
    return isinstance(method, str) and method in _WITHOUT_SECRET and not value.keys() & set(members)


def _vendor_problems(shape: StructureShape, request: OnboardingRequest) -> Iterator[Problem]:
    """A configuration that is another vendor's than the one that is named."""
    union, configurations = _union_of(shape)
    given = request.body.get(union)
    if configurations is None or request.vendor is None or not isinstance(given, Mapping):
        return
    if request.vendor not in shape.members["credentialProviderVendor"].metadata["enum"]:
        return
    own = _configuration_of(request.vendor, configurations)
    for name in sorted(given.keys() & configurations.members.keys() - {own}):
        fix = f"Call it {own}, or name its own vendor."
        yield Problem(_join(union, name), f"is not what {request.vendor} takes", fix)


def _vend_problems(request: OnboardingRequest) -> Iterator[Problem]:
    """To fetch an OAuth2 token would take part in somebody's authorization."""
    if request.options.vend and request.kind is not ProviderKind.API_KEY:
        yield Problem("options.vend", "is for API keys only", "Leave it out.")


def _union_of(shape: StructureShape) -> tuple[str, StructureShape | None]:
    """The member that has a configuration for each vendor."""
    for name, member in shape.members.items():
        if isinstance(member, StructureShape) and member.is_tagged_union:
            return name, member
    return "", None


def _configuration_of(vendor: str, configurations: StructureShape) -> str:
    """What the vendor's configuration is called: after it, or as of all that have none of their own."""
    return next((name for name in configurations.members if name.lower().startswith(vendor.lower())), _SHARED)


def _text(shape: Shape, value: str, path: str) -> Iterator[Problem]:
    constraints = shape.metadata
    if "enum" in constraints and value not in constraints["enum"]:
        yield Problem(path, "is none of AgentCore's", _instead(value, _choice(shape)))
    if "pattern" in constraints and not _matches(constraints["pattern"], value):
        yield Problem(path, "is not written as AgentCore wants it", f"It has to match {constraints['pattern']}")
    yield from _range(shape, len(value), path, "characters")


def _matches(pattern: str, value: str) -> bool:
    """Patterns are Smithy's, which are nearly Python's; of one that is not, AgentCore itself judges."""
    try:
        return re.fullmatch(pattern, value, re.DOTALL) is not None
    except re.error:
        return True


def _range(shape: Shape, size: float, path: str, of: str | None) -> Iterator[Problem]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if (least is None or size >= least) and (most is None or size <= most):
        return
    bounds = [f"at least {least}" if least else "", f"at most {most}" if most is not None else ""]
    allowed = " ".join(filter(None, (" and ".join(filter(None, bounds)), of)))
    yield Problem(path, "is too short or too long" if of else "is too small or too large", f"It takes {allowed}.")


def _instead(name: str, known: Collection[str]) -> str:
    meant = nearest(name, known)
    return f"{f'Did you mean {meant}? ' if meant else ''}There are: {', '.join(known)}."


def _addition(shape: Shape) -> str:
    if "enum" in shape.metadata:
        return f"Add one of {', '.join(_choice(shape))}."
    return _members(shape) or f"Add it: {_TYPES.get(shape.type_name, ('a value', None))[0]}."


def _members(shape: Shape) -> str | None:
    """What a structure is made of."""
    if not isinstance(shape, StructureShape):
        return None
    if shape.is_tagged_union:
        return f"It has one of {', '.join(shape.members)}."
    return f"It has {', '.join(shape.required_members or _open(shape))}."


def _open(shape: StructureShape) -> list[str]:
    """The members that a request may have: none that holds a secret itself."""
    return [name for name, member in shape.members.items() if not member.metadata.get("sensitive")]


def _choice(shape: Shape) -> list[str]:
    """The words that a request may have in such a place: a secret that AgentCore keeps needs no onboarding."""
    return [word for word in shape.metadata["enum"] if word != "MANAGED"]


def _what(value: object) -> str:
    return next((words for kind, words in _WORDS.items() if isinstance(value, kind)), "something else")


def _join(path: str, name: object) -> str:
    name = shown(str(name))
    return f"{path}.{name}" if path else name
