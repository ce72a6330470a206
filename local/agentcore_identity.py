"""AgentCore Identity as an extension of moto 5.2's AgentCore backends, which lack it.

``install()`` adds one method per operation to moto's response classes. moto routes by the botocore model, so the same
code serves ``mock_aws()``, a moto server, and the embedded AWS. State hangs off the moto backend and goes when that is
reset. ``controls`` asks for what the API cannot: failures, changes that take their time, another reader of secrets.

Where AWS documents no behaviour, this module decides, and says so where it does.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any, Protocol

from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.session import get_session
from moto.bedrockagentcore.responses import BedrockAgentCoreResponse
from moto.bedrockagentcorecontrol.models import (
    BedrockAgentCoreControlBackend,
    Gateway,
    bedrockagentcorecontrol_backends,
)
from moto.bedrockagentcorecontrol.responses import BedrockAgentCoreControlResponse
from moto.core.exceptions import JsonRESTError, ServiceException
from moto.core.responses import ActionResult, BaseResponse, EmptyResult
from moto.core.utils import camelcase_to_underscores, utcnow
from moto.moto_api._internal import mock_random
from moto.secretsmanager.exceptions import SecretNotFoundException
from moto.secretsmanager.models import secretsmanager_backends

Record = dict[str, Any]
"""A structure of the API as the wire spells it."""

MANAGED = "MANAGED"
EXTERNAL = "EXTERNAL"
MANAGED_VALUES = "ManagedValues"
"""The collection of the values that AgentCore manages, by the ARN of their secret."""

CONTROL_PLANE = "bedrock-agentcore-control"
DATA_PLANE = "bedrock-agentcore"


class SecretReader(StrEnum):
    """Who reads a referenced secret: what AWS documents, and what people saw."""

    SERVICE = "service"
    """AgentCore's service principal, which the secret's resource policy must allow."""
    CALLER = "caller"
    """Whoever asks AgentCore for the credential, by a forward access session."""


class Secrets(Protocol):
    """Where secrets are kept."""

    def find(self, secret_id: str, account: str, region: str, /) -> str | None:
        """Return the full ARN of the secret with this name or ARN, or None when there is none."""

    def read(self, arn: str, reader: SecretReader, /) -> str:
        """Return the secret's current value, or raise AccessDeniedError, NotFoundError or UnusableSecretError."""


class MotoSecrets:
    """moto's own Secrets Manager, right under ``mock_aws()``: it enforces no policy, so anybody may read."""

    def find(self, secret_id: str, account: str, region: str) -> str | None:
        """Return the full ARN of the secret with this name or ARN, or None when there is none."""
        for secret in secretsmanager_backends[account][region].secrets.values():
            partial_arn = secret.arn.rpartition("-")[0]
            if secret_id in (secret.arn, secret.name, partial_arn):
                return str(secret.arn)
        return None

    def read(self, arn: str, _reader: SecretReader) -> str:
        """Return the secret's current value."""
        _, _, _, region, account, *_ = arn.split(":")
        try:
            value = secretsmanager_backends[account][region].get_secret_value(arn, "", "AWSCURRENT")
        except SecretNotFoundException as error:
            raise NotFoundError("Secrets Manager can't find the specified secret.") from error
        except JsonRESTError as error:
            raise UnusableSecretError(arn, "is marked for deletion") from error
        if "SecretString" not in value:
            raise UnusableSecretError(arn, "is binary")
        return str(value["SecretString"])


@dataclass(frozen=True)
class Call:
    """One request: what was asked, and on which account and Region."""

    parameters: Record
    operation: OperationModel
    backend: BedrockAgentCoreControlBackend
    account: str
    region: str
    partition: str
    secrets: Secrets

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


class ConflictError(ServiceException):
    """Another change of the resource is under way."""

    code = "ConflictException"


class UnauthorizedError(ServiceException):
    """The workload access token is none that this service gave out, or its workload identity is gone."""

    code = "UnauthorizedException"


class TooManyTagsError(ServiceException):
    """A resource takes 50 tags."""

    code = "ServiceQuotaExceededException"


class AccessDeniedError(ServiceException):
    """Whoever reads the secret may not; worded as people saw it."""

    code = "AccessDeniedException"

    def __init__(self, arn: str, why: str) -> None:
        """Say which secret, and what Secrets Manager said."""
        super().__init__(f"Access denied when retrieving secret '{arn}'. {why}")


class UnusableSecretError(ServiceException):
    """The secret was read, and there is no credential in it. AWS documents no code for that."""

    code = "ValidationException"
    reason = "FieldValidationFailed"

    def __init__(self, arn: str, problem: str) -> None:
        """Say what is the matter with the secret, and nothing of its value."""
        super().__init__(f"The secret '{arn}' {problem}.")


# ----------------------------------------------------------------------------------------------------------------------
# What a test may ask for beyond the API
# ----------------------------------------------------------------------------------------------------------------------


class RequestedError(ServiceException):
    """An error that a test asked for."""


@dataclass
class Fault:
    """An error that an operation answers whatever it is asked; `left` is how often, None for always."""

    code: str
    left: int | None


@dataclass
class Controls:
    """Failures, changes that take their time, and who reads secrets; of this whole process, until cleared."""

    secret_reader: SecretReader = SecretReader.SERVICE
    source: dict[str, str] = field(default_factory=dict)
    changes_are_held: bool = False
    faults: dict[str, Fault] = field(default_factory=dict)

    def fail(self, operation: str, code: str, times: int | None = None) -> None:
        """Let an operation of AgentCore answer an error that it declares: for good, or so many times.

        Tries count, and AWS clients try more than once: botocore five times by default.
        """
        declared = _declared_errors(operation)
        if code not in declared:
            raise ValueError(f"{operation} declares no {code}, but {', '.join(sorted(declared))}")
        if times is not None and times < 1:
            raise ValueError("times is at least 1")
        self.faults[operation] = Fault(code, times)

    def read_secrets_as(self, reader: str) -> None:
        """Say who reads referenced secrets from now on: the service, or its caller."""
        self.secret_reader = SecretReader(reader)

    def name_source(self, account: str | None = None, arn: str | None = None) -> None:
        """Let AgentCore name for whom it reads as a service; whether it does so on AWS nobody has proven."""
        named = {"aws:SourceAccount": account, "aws:SourceArn": arn}
        self.source = {key: value for key, value in named.items() if value is not None}

    def hold(self) -> None:
        """Let changes of OAuth2 providers stay under way from now on, each until it is settled."""
        self.changes_are_held = True

    def settle(self, name: str, failure_reason: str | None = None) -> None:
        """End the change of an OAuth2 provider that is under way: well, or with a reason for its failure."""
        _end_change(name, failure_reason)

    def clear(self) -> None:
        """Forget all that was asked; a change under way stays so until it is settled."""
        vars(self).update(vars(Controls()))

    def obey(self, command: str, **arguments: Any) -> None:
        """Do what one of the methods above does, by its name; raises ValueError for what makes no sense."""
        if command not in ("fail", "read_secrets_as", "name_source", "hold", "settle", "clear"):
            raise ValueError(f"there is no {command}")
        try:
            getattr(self, command)(**arguments)
        except TypeError as error:
            raise ValueError(str(error)) from error

    def due(self, operation: str) -> ServiceException | None:
        """Return the error that the operation has to answer now, if any, and count it."""
        fault = self.faults.get(operation)
        if fault is None:
            return None
        if fault.left is not None:
            fault.left -= 1
            if fault.left <= 0:
                del self.faults[operation]
        return RequestedError(fault.code, "A failure that was asked for.")


controls = Controls()
"""What is asked of this process's AgentCore."""


def _declared_errors(operation: str) -> set[str]:
    for service in RESPONSES:
        if operation in service_model(service).operation_names:
            return {error.name for error in operation_model(service, operation).error_shapes}
    raise ValueError(f"AgentCore has no operation {operation}")


# ----------------------------------------------------------------------------------------------------------------------
# Validation against the service model: botocore clients check required members, types and minima, and nothing more
# ----------------------------------------------------------------------------------------------------------------------


TOO_NARROW = frozenset({"TaggableResourcesArn"})
"""Shapes whose pattern is not held to: this one's matches no OAuth2 provider, and those take tags."""


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
        if "pattern" in constraints and shape.name not in TOO_NARROW:
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
    token = call.parameters.get("nextToken")
    after = "" if token is None else _read_token(token, collection)
    if after is None:
        raise ValidationError("nextToken", "Member must be a token that this operation returned")
    names = sorted(name for name in stored if name > after)
    served = names[: call.parameters.get("maxResults") or _largest_page(call.operation)]
    following = _write_token(collection, served[-1]) if len(served) < len(names) else None
    return [stored[name] for name in served], following


def _largest_page(operation: OperationModel) -> int:
    """How many the service returns when the caller does not say (assumed: as many as it may)."""
    return int(_input_members(operation)["maxResults"].metadata["max"])


def _write_token(purpose: str, name: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([purpose, name]).encode()).decode()


def _read_token(token: str, purpose: str) -> str | None:
    """Return the name in a token that was written for this purpose, or None for any other text."""
    with suppress(binascii.Error, ValueError):
        match json.loads(base64.b64decode(token, altchars=b"-_", validate=True)):
            case [str(written_for), str(name)] if written_for == purpose:
                return name
    return None


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
    if secret.inline in given:
        records(call.backend, MANAGED_VALUES)[output[secret.arn]["secretArn"]] = {"value": given[secret.inline]}
    return output


def _managed_secret_arn(call: Call, secret: SecretField) -> str:
    """Name the secret as AgentCore names the ones that it owns. Secrets Manager has none: nobody may touch those."""
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
    arn = call.secrets.find(secret_id, account, region)
    if arn is None:
        raise NotFoundError("Secrets Manager can't find the specified secret.")
    return arn


def secret_value(call: Call, secret: SecretField, record: Record) -> str:
    """Return the credential itself: what the caller once gave, or what is in the referenced secret now."""
    arn = record[secret.arn]["secretArn"]
    if record.get(secret.source) != EXTERNAL:
        return str(records(call.backend, MANAGED_VALUES)[arn]["value"])
    return _at_key(call.secrets.read(arn, controls.secret_reader), record[secret.json_key], arn)


def _at_key(text: str, key: str, arn: str) -> str:
    try:
        value = json.loads(text)
    except ValueError:
        raise UnusableSecretError(arn, "is not JSON") from None  # its message would repeat the value
    credential = value.get(key) if isinstance(value, dict) else None
    if not isinstance(credential, str) or not credential:
        raise UnusableSecretError(arn, f"has no text at the JSON key '{key}'")
    return credential


# ----------------------------------------------------------------------------------------------------------------------
# Named resources, and the status of those that have one
# ----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ResourceKind:
    """One kind of named resource; all kinds share the same five operations."""

    noun: str
    plural: str
    label: str
    path: str
    arn_member: str
    list_member: str
    configuration: Callable[[Call, Record | None], Record]
    """What only this kind has, of what the call gives and the resource had before."""

    def operations(self) -> Iterator[tuple[str, Operation]]:
        """Yield the name of each operation with what performs it."""
        yield f"Create{self.noun}", self.create
        yield f"Get{self.noun}", self.get
        yield f"Update{self.noun}", self.update
        yield f"Delete{self.noun}", self.delete
        yield f"List{self.plural}", self.list

    def create(self, call: Call) -> Record:
        """Create the resource; its tags go where moto's TagResource finds them."""
        name = call.parameters["name"]
        stored = records(call.backend, self.noun)
        if name in stored:
            raise NameTakenError(f"{self.label} with name: {name} already exists")
        now = utcnow()
        resource = {
            "name": name,
            self.arn_member: call.arn("bedrock-agentcore", f"{self.path}/{name}"),
            **self.configuration(call, None),
            "createdTime": now,
            "lastUpdatedTime": now,
        }
        stored[name] = _begun("CREATING", resource)
        if tags := call.parameters.get("tags"):
            call.backend.tag_resource(resource[self.arn_member], tags)
        return stored[name]

    def get(self, call: Call) -> Record:
        """Return the resource, with its tags where the model says so."""
        resource = self.find(call.backend, call.parameters["name"])
        if "tags" not in _output_members(call.operation):
            return resource
        return {**resource, "tags": call.backend.list_tags_for_resource(resource[self.arn_member])}

    def update(self, call: Call) -> Record:
        """Replace the resource's configuration; name, ARN, tags and time of creation stay."""
        resource = self.find(call.backend, call.parameters["name"])
        _refuse_while_changing(resource)
        kept = {key: resource[key] for key in ("name", self.arn_member, "createdTime")}
        updated = {**kept, **self.configuration(call, resource), "lastUpdatedTime": utcnow()}
        return self._store(call.backend, _begun("UPDATING", updated))

    def delete(self, call: Call) -> None:
        """Delete the resource with its tags, and leave any referenced secret alone."""
        resource = self.find(call.backend, call.parameters["name"])
        _refuse_while_changing(resource)
        begun = self._store(call.backend, _begun("DELETING", resource))
        if begun is resource:
            self.remove(call.backend, resource["name"])

    def list(self, call: Call) -> Record:
        """Return one page of summaries; the model's summary has neither secret nor source."""
        resources, following = page(call, self.noun)
        item = _output_members(call.operation)[self.list_member].member
        summaries = [{key: value for key, value in each.items() if key in item.members} for each in resources]
        return {self.list_member: summaries, **({"nextToken": following} if following else {})}

    def find(self, backend: BedrockAgentCoreControlBackend, name: str) -> Record:
        """Return the resource of this name, or raise NotFoundError."""
        resource = records(backend, self.noun).get(name)
        if resource is None:
            raise NotFoundError(f"{self.label} with name: {name} not found")
        return resource

    def remove(self, backend: BedrockAgentCoreControlBackend, name: str) -> None:
        """Forget the resource and its tags."""
        resource = records(backend, self.noun).pop(name)
        backend.tagger.delete_all_tags_for_resource(resource[self.arn_member])

    def _store(self, backend: BedrockAgentCoreControlBackend, resource: Record) -> Record:
        records(backend, self.noun)[resource["name"]] = resource
        return resource


UNDER_WAY = {"CREATING": "CREATE_FAILED", "UPDATING": "UPDATE_FAILED", "DELETING": "DELETE_FAILED"}
"""The statuses of a change, each with the one of its failure."""


def _begun(change: str, resource: Record) -> Record:
    """Return the resource as it is right after a change: done with, unless changes are held and it has a status."""
    return {**resource, "status": change} if controls.changes_are_held and "status" in resource else resource


def _refuse_while_changing(resource: Record) -> None:
    if resource.get("status") in UNDER_WAY:
        raise ConflictError(f"{resource['name']} is in status {resource['status']}")


def _end_change(name: str, failure_reason: str | None) -> None:
    """End the change of an OAuth2 provider that is under way, in whatever account and Region it is."""
    backends = [backend for regions in bedrockagentcorecontrol_backends.values() for backend in regions.values()]
    found = [(backend, records(backend, OAUTH2.noun).get(name, {})) for backend in backends]
    changing = [(backend, provider) for backend, provider in found if provider.get("status") in UNDER_WAY]
    if not changing:
        raise ValueError(f"no change of an OAuth2 provider {name} is under way")
    for backend, provider in changing:
        if failure_reason is not None:
            provider.update(status=UNDER_WAY[provider["status"]], failureReason=failure_reason)
        elif provider["status"] == "DELETING":
            OAUTH2.remove(backend, name)
        else:
            provider["status"] = "READY"


# ----------------------------------------------------------------------------------------------------------------------
# Credential providers
# ----------------------------------------------------------------------------------------------------------------------


VAULT = "token-vault/default"


class ProviderKind(ResourceKind):
    """One kind of credential provider."""

    def __init__(self, kind: str, configuration: Callable[[Call, Record | None], Record]) -> None:
        """Say how operations spell the kind, and what it has of its own."""
        super().__init__(
            noun=f"{kind}CredentialProvider",
            plural=f"{kind}CredentialProviders",
            label="Credential provider",
            path=f"{VAULT}/{kind.lower()}credentialprovider",
            arn_member="credentialProviderArn",
            list_member="credentialProviders",
            configuration=configuration,
        )


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
    """Return what only OAuth2 providers have."""
    vendor = call.parameters["credentialProviderVendor"]
    member = _configuration_member(call, vendor)
    given = call.parameters["oauth2ProviderConfigInput"][member]
    _require(
        "certificateConfigurations" not in given or "privateEndpoint" in given,
        "certificateConfigurations",
        "Member must be absent unless privateEndpoint is given",
    )
    return {
        **secret_output(call, CLIENT_SECRET, given, previous, value_required=_needs_client_secret(given)),
        "credentialProviderVendor": vendor,
        "callbackUrl": previous["callbackUrl"] if previous else _callback_url(call),
        "oauth2ProviderConfigOutput": {member: _configuration_output(call, vendor, member, given)},
        "status": "READY",
    }


def _needs_client_secret(configuration: Record) -> bool:
    method = configuration.get("clientAuthenticationMethod")
    return method not in WITHOUT_CLIENT_SECRET and "privateKeyJwtConfig" not in configuration


def _configuration_member(call: Call, vendor: str) -> str:
    """Return the union's member that the vendor takes: its own, or else the one that all remaining vendors share."""
    union = _input_members(call.operation)["oauth2ProviderConfigInput"]
    own = f"{vendor[0].lower()}{vendor[1:]}ProviderConfig"
    member = own if own in union.members else "includedOauth2ProviderConfig"
    given = call.parameters["oauth2ProviderConfigInput"]
    _require(given.get(member) is not None, "oauth2ProviderConfigInput", f"Member must set {member} for {vendor}")
    return member


def _configuration_output(call: Call, vendor: str, member: str, given: Record) -> Record:
    returned = _returned(call, "oauth2ProviderConfigOutput", member, given)
    return {"oauthDiscovery": _discovery(vendor, given), **returned}


def _returned(call: Call, union: str, member: str, given: Record) -> Record:
    """Return what was given of a configuration that the output of this operation gives back."""
    shape = _output_members(call.operation)[union].members[member]
    return {key: value for key, value in given.items() if key in shape.members}


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


# --- Payment


@dataclass(frozen=True)
class PaymentVendor:
    """How the API spells one payment vendor's configuration, requests and tokens."""

    configuration: str
    request: str
    response: str
    secrets: dict[str, SecretField]
    """What each token of a response is made from."""
    on_request: dict[str, str]
    """The member of a request that asks for a token, for those that do not always come."""


def _payment_secret(name: str) -> SecretField:
    return SecretField(name=name, inline=name, kind=f"payment/{name}")


PAYMENT_VENDORS = {
    "CoinbaseCDP": PaymentVendor(
        configuration="coinbaseCdpConfiguration",
        request="coinbaseCdpTokenRequest",
        response="coinbaseCdpTokenResponse",
        secrets={"bearerToken": _payment_secret("apiKeySecret"), "walletAuthToken": _payment_secret("walletSecret")},
        on_request={"walletAuthToken": "includeWalletAuthToken"},
    ),
    "StripePrivy": PaymentVendor(
        configuration="stripePrivyConfiguration",
        request="stripePrivyTokenRequest",
        response="stripePrivyTokenResponse",
        secrets={
            "basicAuthToken": _payment_secret("appSecret"),
            "authorizationSignature": _payment_secret("authorizationPrivateKey"),
        },
        on_request={"authorizationSignature": "includeAuthorizationSignature"},
    ),
}


def payment_configuration(call: Call, previous: Record | None) -> Record:
    """Return what only payment providers have: a vendor's configuration, with its two secrets."""
    name = call.parameters["credentialProviderVendor"]
    vendor, union = PAYMENT_VENDORS[name], "providerConfigurationOutput"
    given = call.parameters["providerConfigurationInput"].get(vendor.configuration)
    _require(given is not None, "providerConfigurationInput", f"Member must set {vendor.configuration} for {name}")
    before = previous[union].get(vendor.configuration) if previous else None
    output = _returned(call, union, vendor.configuration, given)
    for secret in vendor.secrets.values():
        output |= secret_output(call, secret, given, before)
    return {"credentialProviderVendor": name, union: {vendor.configuration: output}}


API_KEY = ProviderKind("ApiKey", api_key_configuration)
OAUTH2 = ProviderKind("Oauth2", oauth2_configuration)
PAYMENT = ProviderKind("Payment", payment_configuration)
PROVIDER_KINDS = (API_KEY, OAUTH2, PAYMENT)


# ----------------------------------------------------------------------------------------------------------------------
# Workload identities, the token vault, tags
# ----------------------------------------------------------------------------------------------------------------------


def workload_configuration(call: Call, previous: Record | None) -> Record:
    """Return what only workload identities have; an update that names no return URLs keeps those there are."""
    member = "allowedResourceOauth2ReturnUrls"
    before = previous[member] if previous else []
    return {member: call.parameters.get(member, before)}


DIRECTORY = "workload-identity-directory/default"
WORKLOAD = ResourceKind(
    noun="WorkloadIdentity",
    plural="WorkloadIdentities",
    label="Workload identity",
    path=f"{DIRECTORY}/workload-identity",
    arn_member="workloadIdentityArn",
    list_member="workloadIdentities",
    configuration=workload_configuration,
)
KINDS: tuple[ResourceKind, ...] = (*PROVIDER_KINDS, WORKLOAD)


def get_token_vault(call: Call) -> Record:
    """Return the vault: each account and Region has one, named default."""
    vault_id = call.parameters.get("tokenVaultId", "default")
    if vault_id != "default":
        raise NotFoundError(f"Token vault with id: {vault_id} not found")
    new = {"tokenVaultId": vault_id, "kmsConfiguration": {"keyType": "ServiceManagedKey"}, "lastModifiedDate": utcnow()}
    return records(call.backend, "TokenVault").setdefault(vault_id, new)


def set_token_vault_cmk(call: Call) -> Record:
    """Say which key encrypts the vault; whether there is such a key is not looked at."""
    vault, kms = get_token_vault(call), call.parameters["kmsConfiguration"]
    is_customers = kms["keyType"] == "CustomerManagedKey"
    rule = "be given for a CustomerManagedKey, and for no other"
    _require(is_customers == ("kmsKeyArn" in kms), "kmsConfiguration.kmsKeyArn", f"Member must {rule}")
    vault.update(kmsConfiguration=kms, lastModifiedDate=utcnow())
    return vault


def tag_resource(call: Call) -> None:
    """Add tags to a resource that exists; of its own resources moto does not ask that."""
    arn, tags = _taggable(call), call.parameters["tags"]
    if len({**call.backend.list_tags_for_resource(arn), **tags}) > 50:
        raise TooManyTagsError("A resource takes at most 50 tags")
    call.backend.tag_resource(arn, tags)


def untag_resource(call: Call) -> None:
    """Remove tags from a resource that exists."""
    call.backend.untag_resource(_taggable(call), call.parameters["tagKeys"])


def list_tags_for_resource(call: Call) -> Record:
    """Return the tags of a resource that exists."""
    return {"tags": call.backend.list_tags_for_resource(_taggable(call))}


def _taggable(call: Call) -> str:
    """Return the ARN that the call names, unless it should be one of Identity's resources and is none."""
    arn: str = call.parameters["resourceArn"]
    ours = any(f":{root.partition('/')[0]}/" in arn for root in (VAULT, DIRECTORY))
    if ours and not any(
        resource[kind.arn_member] == arn for kind in KINDS for resource in records(call.backend, kind.noun).values()
    ):
        raise NotFoundError(f"Resource with ARN: {arn} not found")
    return arn


# ----------------------------------------------------------------------------------------------------------------------
# The data plane: tokens of workloads, and the credentials that they give access to
# ----------------------------------------------------------------------------------------------------------------------


def get_workload_access_token(call: Call) -> Record:
    """Return a token of the workload, whoever its user is; it says whose it is, and never expires."""
    workload = WORKLOAD.find(call.backend, call.parameters["workloadName"])
    return {"workloadAccessToken": _write_token(WORKLOAD.noun, workload["name"])}


def workload_of(token: str) -> str | None:
    """Return the name of the workload that a token was made for, or None for any other text."""
    return _read_token(token, WORKLOAD.noun)


def get_resource_api_key(call: Call) -> Record:
    """Return the API key of a provider."""
    provider = _provider(call, API_KEY)
    return {"apiKey": secret_value(call, API_KEY_SECRET, provider)}


def get_resource_oauth2_token(call: Call) -> Record:
    """Return a made-up access token, once the client secret behind it was read; only machines are served."""
    _require(call.parameters["oauth2Flow"] == "M2M", "oauth2Flow", "Member must be M2M: no other flow is simulated")
    provider = _provider(call, OAUTH2)
    if provider["status"] in ("CREATING", "CREATE_FAILED", "DELETING"):
        raise ValidationError("resourceCredentialProviderName", f"Member must not be in status {provider['status']}")
    [configuration] = provider["oauth2ProviderConfigOutput"].values()
    if provider.get(CLIENT_SECRET.source) == EXTERNAL or _needs_client_secret(configuration):
        secret_value(call, CLIENT_SECRET, provider)
    return {"accessToken": _made_up()}


def get_resource_payment_token(call: Call) -> Record:
    """Return made-up tokens of a payment vendor, once the secrets behind those were read."""
    provider = _provider(call, PAYMENT)
    name = provider["credentialProviderVendor"]
    vendor = PAYMENT_VENDORS[name]
    request = call.parameters["paymentTokenRequest"].get(vendor.request)
    _require(request is not None, "paymentTokenRequest", f"Member must set {vendor.request} for {name}")
    configuration = provider["providerConfigurationOutput"][vendor.configuration]
    response = {"appId": configuration["appId"]} if "appId" in configuration else {}
    for token, secret in vendor.secrets.items():
        if token not in vendor.on_request or request.get(vendor.on_request[token]):
            secret_value(call, secret, configuration)
            response[token] = _made_up()
    return {"paymentTokenResponse": {vendor.response: response}}


def _provider(call: Call, kind: ResourceKind) -> Record:
    """Return the provider that the call names, if its token is one of a workload that there is."""
    workload = workload_of(call.parameters["workloadIdentityToken"])
    if workload not in records(call.backend, WORKLOAD.noun):
        raise UnauthorizedError("The workload identity token is not valid")
    return kind.find(call.backend, call.parameters["resourceCredentialProviderName"])


def _made_up() -> str:
    return f"made-up-{mock_random.uuid4()}"


# ----------------------------------------------------------------------------------------------------------------------
# Installation
# ----------------------------------------------------------------------------------------------------------------------


RESPONSES: dict[str, type[BaseResponse]] = {
    CONTROL_PLANE: BedrockAgentCoreControlResponse,
    DATA_PLANE: BedrockAgentCoreResponse,
}
"""moto's classes that answer for each service."""

TAGGING: dict[str, Operation] = {
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
    "ListTagsForResource": list_tags_for_resource,
}
"""The only operations of moto's own that are replaced."""

OPERATIONS: dict[str, dict[str, Operation]] = {
    CONTROL_PLANE: {
        **{name: perform for kind in KINDS for name, perform in kind.operations()},
        "GetTokenVault": get_token_vault,
        "SetTokenVaultCMK": set_token_vault_cmk,
        **TAGGING,
    },
    DATA_PLANE: {
        "GetWorkloadAccessToken": get_workload_access_token,
        "GetWorkloadAccessTokenForJWT": get_workload_access_token,
        "GetWorkloadAccessTokenForUserId": get_workload_access_token,
        "GetResourceApiKey": get_resource_api_key,
        "GetResourceOauth2Token": get_resource_oauth2_token,
        "GetResourcePaymentToken": get_resource_payment_token,
    },
}
"""Every operation that this module performs, by service and by its name in the model."""


def install(secrets: Secrets | None = None) -> None:
    """Add the operations to moto; again is harmless, replaces where secrets are kept, and clears the controls.

    Raises RuntimeError when moto has an operation of its own: then drop ours.
    """
    controls.clear()
    for service, operations in OPERATIONS.items():
        response = RESPONSES[service]
        for name, perform in operations.items():
            attribute = camelcase_to_underscores(name)
            existing = getattr(response, attribute, None)
            if existing is not None and not hasattr(existing, "performs") and name not in TAGGING:
                raise RuntimeError(f"moto performs {name} itself: remove it from {__name__}")
            setattr(response, attribute, _response_method(service, name, perform, secrets or MotoSecrets()))
        response.call_action = _call_action  # type: ignore[assignment, method-assign]
    _name_gateways_as_aws()


def _name_gateways_as_aws() -> None:
    """Give gateways ids as the service model wants them, of name and suffix; moto's are refused by no client yet.

    Drop when moto's id of a gateway matches the model's GatewayId.
    """
    if hasattr(Gateway, "names_itself"):
        return
    initialise = Gateway.__init__

    def initialise_and_name(gateway: Gateway, *arguments: Any, **options: Any) -> None:
        initialise(gateway, *arguments, **options)
        before, suffix = gateway.gateway_id, mock_random.get_random_hex(10).lower()
        gateway.gateway_id = f"{gateway.name.lower().rstrip('-')}-{suffix}"
        gateway.gateway_arn = gateway.gateway_arn.replace(before, gateway.gateway_id)
        gateway.gateway_url = gateway.gateway_url.replace(before, gateway.gateway_id)
        for name, arn in gateway.workload_identity_details.items():
            gateway.workload_identity_details[name] = arn.replace(before, gateway.gateway_id)

    Gateway.__init__ = initialise_and_name  # type: ignore[assignment, method-assign]
    Gateway.names_itself = True  # type: ignore[attr-defined]


@cache
def service_model(service: str) -> ServiceModel:
    """Return botocore's model of one of the two services."""
    return get_session().get_service_model(service)


def operation_model(service: str, name: str) -> OperationModel:
    """Return botocore's model of an operation."""
    return service_model(service).operation_model(name)


def _call_action(response: BaseResponse) -> Any:
    """Answer as moto does, moto's own operations included, unless a failure is due."""
    error = controls.due(response._get_action())
    if error is None:
        return BaseResponse.call_action(response)
    status, headers, body = response.serialized(ActionResult(error))
    return status, *response._enrich_response({**headers, "status": str(status)}, body)


def _response_method(
    service: str, name: str, perform: Operation, secrets: Secrets
) -> Callable[[BaseResponse], ActionResult]:
    def method(response: BaseResponse) -> ActionResult:
        operation = operation_model(service, name)
        parameters = dict(response.params)
        if operation.input_shape is not None:
            validate(operation.input_shape, parameters)
        result = perform(
            Call(
                parameters=parameters,
                operation=operation,
                backend=bedrockagentcorecontrol_backends[response.current_account][response.region],
                account=response.current_account,
                region=response.region,
                partition=response.partition,
                secrets=secrets,
            )
        )
        return EmptyResult() if result is None else ActionResult(result)

    method.__name__ = camelcase_to_underscores(name)
    method.performs = name  # type: ignore[attr-defined]
    return method
