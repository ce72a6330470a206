"""AgentCore Identity as an extension of moto 5.2's AgentCore backends, which lack it.

``install()`` adds one method per operation to moto's response class. moto routes by the botocore model, so the same
code serves ``mock_aws()``, a moto server, and the embedded AWS. State hangs off the moto backend and goes when that is
reset.

Where AWS documents no behaviour, this module decides, and says so where it does.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape
from botocore.session import get_session
from moto.bedrockagentcorecontrol.responses import BedrockAgentCoreControlResponse
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import camelcase_to_underscores, utcnow
from moto.moto_api._internal import mock_random
from moto.secretsmanager.models import secretsmanager_backends

if TYPE_CHECKING:
    from moto.bedrockagentcorecontrol.models import BedrockAgentCoreControlBackend

Record = dict[str, Any]
"""A structure of the API as the wire spells it."""

MANAGED = "MANAGED"
EXTERNAL = "EXTERNAL"


class SecretResolver(Protocol):
    """Finds secrets, wherever they are kept."""

    def __call__(self, secret_id: str, account: str, region: str, /) -> str | None:
        """Return the full ARN of the secret with this name or ARN, or None when there is none."""


def resolve_in_moto(secret_id: str, account: str, region: str) -> str | None:
    """Find the secret in moto's own Secrets Manager: the default, right under ``mock_aws()``."""
    for secret in secretsmanager_backends[account][region].secrets.values():
        partial_arn = secret.arn.rpartition("-")[0]
        if secret_id in (secret.arn, secret.name, partial_arn):
            return str(secret.arn)
    return None


@dataclass(frozen=True)
class Call:
    """One request: what was asked, and on which account and Region."""

    parameters: Record
    operation: OperationModel
    backend: BedrockAgentCoreControlBackend
    account: str
    region: str
    partition: str
    resolve_secret: SecretResolver

    def arn(self, service: str, resource: str) -> str:
        """Build an ARN in the account and Region of this call."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


Operation = Callable[[Call], Record | None]


# ----------------------------------------------------------------------------------------------------------------------
# Errors: only codes that the service model declares
# ----------------------------------------------------------------------------------------------------------------------


class ValidationError(ServiceException):
    """The request breaks a rule of the API; names the field and never repeats its value, which may be a secret."""

    code = "ValidationException"
    reason = "FieldValidationFailed"

    def __init__(self, field: str, problem: str) -> None:
        """Say what is wrong with which field."""
        super().__init__(f"Value at '{field}' failed to satisfy constraint: {problem}")
        self.fieldList = [{"name": field, "message": problem}]  # the model's own spelling: moto serialises by name


class NotFoundError(ServiceException):
    """What the request names does not exist."""

    code = "ResourceNotFoundException"


class NameTakenError(ServiceException):
    """The name is in use. Create declares ConflictException too, but this is what several people saw AWS answer."""

    code = "ValidationException"
    reason = "ResourceConflict"


# ----------------------------------------------------------------------------------------------------------------------
# Validation against the service model: botocore clients check required members, types and minima, and nothing more
# ----------------------------------------------------------------------------------------------------------------------


def validate(shape: Shape, value: Any, field: str = "") -> None:
    """Raise ValidationError for the first part of the value that breaks the model's constraints."""
    match shape:
        case StructureShape():
            _validate_structure(shape, value, field)
        case ListShape():
            _require(isinstance(value, list), field, "Member must be a list")
            _validate_range(shape, len(value), field, "length")
            for index, item in enumerate(value, start=1):
                validate(shape.member, item, f"{field}.{index}.member")
        case MapShape():
            _require(isinstance(value, dict), field, "Member must be a map")
            _validate_range(shape, len(value), field, "length")
            for key, item in value.items():
                validate(shape.key, key, f"{field}.key")
                validate(shape.value, item, f"{field}.value")
        case _:
            _validate_scalar(shape, value, field)


def _validate_structure(shape: StructureShape, value: Any, field: str) -> None:
    _require(isinstance(value, dict), field, "Member must be a structure")
    given = {name: item for name, item in value.items() if item is not None and name in shape.members}
    if shape.is_tagged_union:
        _require(len(given) == 1, field, "Member must set exactly one of its members")
    for name in shape.required_members:
        _require(name in given, _join(field, name), "Member must not be null")
    for name, item in given.items():
        validate(shape.members[name], item, _join(field, name))


def _validate_scalar(shape: Shape, value: Any, field: str) -> None:
    constraints = shape.metadata
    if shape.type_name == "string":
        _require(isinstance(value, str), field, "Member must be a string")
        if "enum" in constraints:
            _require(value in constraints["enum"], field, f"Member must satisfy enum value set: {constraints['enum']}")
        if "pattern" in constraints:
            matches = re.fullmatch(constraints["pattern"], value) is not None
            _require(matches, field, f"Member must satisfy regular expression pattern: {constraints['pattern']}")
        _validate_range(shape, len(value), field, "length")
    elif shape.type_name in ("integer", "long"):
        _require(isinstance(value, int) and not isinstance(value, bool), field, "Member must be an integer")
        _validate_range(shape, value, field, "value")


def _validate_range(shape: Shape, size: int, field: str, what: str) -> None:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    _require(least is None or size >= least, field, f"Member must have {what} greater than or equal to {least}")
    _require(most is None or size <= most, field, f"Member must have {what} less than or equal to {most}")


def _require(satisfied: bool, field: str, problem: str) -> None:
    if not satisfied:
        raise ValidationError(field or "input", problem)


def _input_members(operation: OperationModel) -> dict[str, Any]:
    return operation.input_shape.members if operation.input_shape else {}


def _output_members(operation: OperationModel) -> dict[str, Any]:
    return operation.output_shape.members if operation.output_shape else {}


def _join(field: str, name: str) -> str:
    return f"{field}.{name}" if field else name


# ----------------------------------------------------------------------------------------------------------------------
# State and pages
# ----------------------------------------------------------------------------------------------------------------------


def records(backend: BedrockAgentCoreControlBackend, collection: str) -> dict[str, Record]:
    """Return the backend's records of one collection, by name."""
    collections: dict[str, dict[str, Record]] = vars(backend).setdefault("agentcore_identity", {})
    return collections.setdefault(collection, {})


def page(call: Call, collection: str) -> tuple[list[Record], str | None]:
    """Return the page that the call asks for, in the order of names, and the token of the next one.

    The token holds the last name served, so that records added or removed between two calls are neither repeated nor
    cause others to be skipped. It is good for its own collection only.
    """
    stored = records(call.backend, collection)
    after = _read_token(call.parameters.get("nextToken"), collection)
    names = sorted(name for name in stored if name > after)
    served = names[: call.parameters.get("maxResults") or _largest_page(call.operation)]
    following = _write_token(collection, served[-1]) if len(served) < len(names) else None
    return [stored[name] for name in served], following


def _largest_page(operation: OperationModel) -> int:
    """How many the service returns when the caller does not say (assumed: as many as it may)."""
    return int(_input_members(operation)["maxResults"].metadata["max"])


def _write_token(collection: str, name: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([collection, name]).encode()).decode()


def _read_token(token: str | None, collection: str) -> str:
    if token is None:
        return ""
    try:
        match json.loads(base64.b64decode(token, altchars=b"-_", validate=True)):
            case [str(owner), str(name)] if owner == collection:
                return name
    except (binascii.Error, ValueError):
        pass
    raise ValidationError("nextToken", "Member must be a token that this operation returned")


# ----------------------------------------------------------------------------------------------------------------------
# Secrets of providers: <field>Source and <field>Config or a value in; <field>Arn, <field>JsonKey, <field>Source out
# ----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SecretField:
    """One secret of a provider: how the API spells its members."""

    name: str
    inline: str
    kind: str

    @property
    def source(self) -> str:
        """The member that says who manages the secret."""
        return f"{self.name}Source"

    @property
    def config(self) -> str:
        """The input member that references a secret of the caller."""
        return f"{self.name}Config"

    @property
    def arn(self) -> str:
        """The output member that holds the secret's ARN."""
        return f"{self.name}Arn"

    @property
    def json_key(self) -> str:
        """The output member that holds the key inside the secret's JSON."""
        return f"{self.name}JsonKey"

    def of(self, record: Record) -> Record:
        """Return the output members of this secret that the record has."""
        return {member: record[member] for member in (self.arn, self.json_key, self.source) if member in record}


def secret_output(
    call: Call, secret: SecretField, given: Record, previous: Record | None, *, value_required: bool = True
) -> Record:
    """Return the output members that describe the secret, after checking that the input members agree.

    An absent source means the one that the provider has, at creation MANAGED; AWS does not document it. A MANAGED
    source that the caller left out stays absent in the output, as it is for providers older than the feature.
    """
    before = secret.of(previous or {})
    source = given.get(secret.source) or before.get(secret.source) or MANAGED
    if source == EXTERNAL:
        return _external_secret(call, secret, given, before)
    return _managed_secret(call, secret, given, before, value_required)


def _external_secret(call: Call, secret: SecretField, given: Record, before: Record) -> Record:
    _require(secret.inline not in given, secret.inline, f"Member must be absent when {secret.source} is {EXTERNAL}")
    reference = given.get(secret.config)
    if reference is None and secret.source not in given:
        return before
    if reference is None:
        raise ValidationError(secret.config, f"Member must not be null when {secret.source} is {EXTERNAL}")
    return {
        secret.arn: {"secretArn": _full_arn(call, reference["secretId"], f"{secret.config}.secretId")},
        secret.json_key: reference["jsonKey"],
        secret.source: EXTERNAL,
    }


def _managed_secret(call: Call, secret: SecretField, given: Record, before: Record, value_required: bool) -> Record:
    _require(secret.config not in given, secret.config, f"Member must be absent unless {secret.source} is {EXTERNAL}")
    was_managed = bool(before) and before.get(secret.source) != EXTERNAL
    if value_required and not was_managed:
        _require(secret.inline in given, secret.inline, f"Member must not be null unless {secret.source} is {EXTERNAL}")
    output = {secret.arn: before[secret.arn] if was_managed else {"secretArn": _managed_secret_arn(call, secret)}}
    if secret.source in given or secret.source in before:
        output[secret.source] = MANAGED
    return output


def _managed_secret_arn(call: Call, secret: SecretField) -> str:
    """Name the secret as AgentCore names the ones that it owns. None is created: nobody may touch those."""
    name = f"bedrock-agentcore-identity!default/{secret.kind}/{call.parameters['name']}"
    return call.arn("secretsmanager", f"secret:{name}-{mock_random.get_random_string(6)}")


def _full_arn(call: Call, secret_id: str, field: str) -> str:
    """Return the full ARN of a referenced secret, which must be in the provider's Region, in whatever account."""
    account, region = call.account, call.region
    if secret_id.startswith("arn:"):
        parts = secret_id.split(":", 6)
        well_formed = len(parts) == 7 and parts[2] == "secretsmanager" and parts[5] == "secret"
        _require(well_formed, field, "Member must be the name or the ARN of a secret")
        account, region = parts[4], parts[3]
        _require(region == call.region, field, "Member must be a secret in the Region of the credential provider")
    arn = call.resolve_secret(secret_id, account, region)
    if arn is None:
        raise NotFoundError("Secrets Manager can't find the specified secret.")
    return arn


# ----------------------------------------------------------------------------------------------------------------------
# Credential providers
# ----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ProviderKind:
    """One kind of credential provider; all kinds share the same five operations."""

    noun: str
    configuration: Callable[[Call, Record | None], Record]

    @property
    def resource_type(self) -> str:
        """The provider's kind as its ARN spells it."""
        return f"{self.noun.lower()}credentialprovider"

    def operations(self) -> Iterator[tuple[str, Operation]]:
        """Yield the name of each operation with what performs it."""
        yield f"Create{self.noun}CredentialProvider", self.create
        yield f"Get{self.noun}CredentialProvider", self.get
        yield f"Update{self.noun}CredentialProvider", self.update
        yield f"Delete{self.noun}CredentialProvider", self.delete
        yield f"List{self.noun}CredentialProviders", self.list

    def create(self, call: Call) -> Record:
        """Create the provider; its tags go where moto's TagResource finds them."""
        name = call.parameters["name"]
        stored = records(call.backend, self.noun)
        if name in stored:
            raise NameTakenError(f"Credential provider with name: {name} already exists")
        now = utcnow()
        provider = {
            "name": name,
            "credentialProviderArn": call.arn("bedrock-agentcore", f"token-vault/default/{self.resource_type}/{name}"),
            **self.configuration(call, None),
            "createdTime": now,
            "lastUpdatedTime": now,
        }
        stored[name] = provider
        if tags := call.parameters.get("tags"):
            call.backend.tag_resource(provider["credentialProviderArn"], tags)
        return provider

    def get(self, call: Call) -> Record:
        """Return the provider."""
        name = call.parameters["name"]
        provider = records(call.backend, self.noun).get(name)
        if provider is None:
            raise NotFoundError(f"Credential provider with name: {name} not found")
        return provider

    def update(self, call: Call) -> Record:
        """Replace the provider's configuration; name, ARN, tags and time of creation stay."""
        provider = self.get(call)
        kept = {key: provider[key] for key in ("name", "credentialProviderArn", "createdTime")}
        updated = {**kept, **self.configuration(call, provider), "lastUpdatedTime": utcnow()}
        records(call.backend, self.noun)[provider["name"]] = updated
        return updated

    def delete(self, call: Call) -> None:
        """Delete the provider with its tags, and leave any referenced secret alone."""
        provider = self.get(call)
        del records(call.backend, self.noun)[provider["name"]]
        call.backend.tagger.delete_all_tags_for_resource(provider["credentialProviderArn"])

    def list(self, call: Call) -> Record:
        """Return one page of summaries; the model's summary has neither secret nor source."""
        providers, following = page(call, self.noun)
        item = _output_members(call.operation)["credentialProviders"].member
        summaries = [{key: value for key, value in each.items() if key in item.members} for each in providers]
        return {"credentialProviders": summaries, **({"nextToken": following} if following else {})}


# --- API key


API_KEY_SECRET = SecretField(name="apiKeySecret", inline="apiKey", kind="apikey")


def api_key_configuration(call: Call, previous: Record | None) -> Record:
    """Return what only API key providers have: their secret."""
    return secret_output(call, API_KEY_SECRET, call.parameters, previous)


# --- OAuth2


CLIENT_SECRET = SecretField(name="clientSecret", inline="clientSecret", kind="oauth2")
WITHOUT_CLIENT_SECRET = frozenset({"AWS_IAM_ID_TOKEN_JWT", "PRIVATE_KEY_JWT"})
DISCOVERY_URLS = {
    "GoogleOauth2": "https://accounts.google.com/.well-known/openid-configuration",
    "SlackOauth2": "https://slack.com/.well-known/openid-configuration",
    "SalesforceOauth2": "https://login.salesforce.com/.well-known/openid-configuration",
    "LinkedinOauth2": "https://www.linkedin.com/oauth/.well-known/openid-configuration",
}
AUTHORIZATION_SERVERS = {
    "GithubOauth2": (
        "https://github.com",
        "https://github.com/login/oauth/authorize",
        "https://github.com/login/oauth/access_token",
    ),
    "AtlassianOauth2": (
        "https://auth.atlassian.com",
        "https://auth.atlassian.com/authorize",
        "https://auth.atlassian.com/oauth/token",
    ),
}


def oauth2_configuration(call: Call, previous: Record | None) -> Record:
    """Return what only OAuth2 providers have; creation and update finish at once."""
    vendor = call.parameters["credentialProviderVendor"]
    member = _configuration_member(call, vendor)
    given = call.parameters["oauth2ProviderConfigInput"][member]
    value_required = given.get("clientAuthenticationMethod") not in WITHOUT_CLIENT_SECRET
    return {
        **secret_output(call, CLIENT_SECRET, given, previous, value_required=value_required),
        "credentialProviderVendor": vendor,
        "callbackUrl": previous["callbackUrl"] if previous else _callback_url(call),
        "oauth2ProviderConfigOutput": {member: _configuration_output(call, vendor, member, given)},
        "status": "READY",
    }


def _configuration_member(call: Call, vendor: str) -> str:
    """Return the union's member that the vendor takes: its own, or else the one that all remaining vendors share."""
    union = _input_members(call.operation)["oauth2ProviderConfigInput"]
    own = f"{vendor[0].lower()}{vendor[1:]}ProviderConfig"
    member = own if own in union.members else "includedOauth2ProviderConfig"
    given = call.parameters["oauth2ProviderConfigInput"]
    _require(given.get(member) is not None, "oauth2ProviderConfigInput", f"Member must set {member} for {vendor}")
    return member


def _configuration_output(call: Call, vendor: str, member: str, given: Record) -> Record:
    shape = _output_members(call.operation)["oauth2ProviderConfigOutput"].members[member]
    returned = {key: value for key, value in given.items() if key in shape.members}
    return {"oauthDiscovery": _discovery(vendor, given), **returned}


def _discovery(vendor: str, given: Record) -> Record:
    """Return where the vendor's authorization server is.

    The vendors' public addresses where those are the same for everybody; a name that cannot resolve where they are the
    customer's own and the caller gave none.
    """
    if vendor == "MicrosoftOauth2":
        tenant = given.get("tenantId", "common")
        return {"discoveryUrl": f"https://login.microsoftonline.com/{tenant}/v2.0/.well-known/openid-configuration"}
    if vendor in DISCOVERY_URLS:
        return {"discoveryUrl": DISCOVERY_URLS[vendor]}
    unknown = f"https://{vendor.lower()}.invalid"
    usual = AUTHORIZATION_SERVERS.get(vendor, (unknown, f"{unknown}/authorize", f"{unknown}/token"))
    members = ("issuer", "authorizationEndpoint", "tokenEndpoint")
    metadata = {member: given.get(member) or default for member, default in zip(members, usual, strict=True)}
    return {"authorizationServerMetadata": metadata}


def _callback_url(call: Call) -> str:
    return f"https://bedrock-agentcore.{call.region}.amazonaws.com/identities/oauth2/callback/{mock_random.uuid4()}"


# ----------------------------------------------------------------------------------------------------------------------
# Installation
# ----------------------------------------------------------------------------------------------------------------------


PROVIDER_KINDS = (
    ProviderKind("ApiKey", api_key_configuration),
    ProviderKind("Oauth2", oauth2_configuration),
)


def operations() -> dict[str, Operation]:
    """Return every operation that this module performs, by the name in the service model."""
    return {name: perform for kind in PROVIDER_KINDS for name, perform in kind.operations()}


def install(resolve_secret: SecretResolver = resolve_in_moto) -> None:
    """Add the operations to moto; again is harmless, and replaces the resolver.

    Raises RuntimeError when moto has an operation of its own: then drop ours.
    """
    for name, perform in operations().items():
        attribute = camelcase_to_underscores(name)
        existing = getattr(BedrockAgentCoreControlResponse, attribute, None)
        if existing is not None and not hasattr(existing, "performs"):
            raise RuntimeError(f"moto performs {name} itself: remove it from {__name__}")
        setattr(BedrockAgentCoreControlResponse, attribute, _response_method(name, perform, resolve_secret))


@cache
def _operation_model(name: str) -> OperationModel:
    return get_session().get_service_model("bedrock-agentcore-control").operation_model(name)


def _response_method(
    name: str, perform: Operation, resolve_secret: SecretResolver
) -> Callable[[BedrockAgentCoreControlResponse], ActionResult]:
    def method(response: BedrockAgentCoreControlResponse) -> ActionResult:
        operation = _operation_model(name)
        parameters = dict(response.params)
        if operation.input_shape is not None:
            validate(operation.input_shape, parameters)
        result = perform(
            Call(
                parameters=parameters,
                operation=operation,
                backend=response.backend,
                account=response.current_account,
                region=response.region,
                partition=response.partition,
                resolve_secret=resolve_secret,
            )
        )
        return EmptyResult() if result is None else ActionResult(result)

    method.__name__ = camelcase_to_underscores(name)
    method.performs = name  # type: ignore[attr-defined]
    return method
