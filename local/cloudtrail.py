"""CloudTrail records of API calls, built from the botocore service models as CloudTrail writes them.

Everything here is pure: what was asked, what was answered, who asked and when go in, and the record comes out. Shapes
follow public captures and AWS's own examples. Values that the model marks sensitive, and binary ones, are left out;
AgentCore writes asterisks for sensitive text, Step Functions says that it is hidden.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import unquote

from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.session import get_session

Record = dict[str, Any]
"""What EventBridge delivers as an event's detail."""

MODELS = {
    "secretsmanager": "secretsmanager",
    "kms": "kms",
    "bedrock-agentcore": "bedrock-agentcore-control",
    "states": "stepfunctions",
}
"""The services whose write calls are recorded, by the name that signs their requests, with their botocore model."""


# ----------------------------------------------------------------------------------------------------------------------
# What was asked and answered
# ----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Request:
    """An API call, read from the wire."""

    service: str
    operation: OperationModel
    parameters: Record
    key_arn: str | None = None
    """The KMS key that the call concerns: only KMS can tell, since callers may name an alias."""

    @property
    def is_write(self) -> bool:
        """Whether CloudTrail calls it a write; only writes reach a rule that is merely ENABLED."""
        return not (self.operation.name.startswith(READ_PREFIXES) or self.operation.name in KMS_CRYPTOGRAPHY)


DATA_EVENTS = frozenset({"GetActivityTask", "SendTaskFailure", "SendTaskHeartbeat", "SendTaskSuccess"})
"""Calls that are no management events: they reach neither rules nor the event history."""

READ_PREFIXES = ("Get", "List", "Describe", "BatchGet", "Validate")
KMS_CRYPTOGRAPHY = frozenset(
    {
        "Decapsulate",
        "Decrypt",
        "DeriveSharedSecret",
        "Encapsulate",
        "Encrypt",
        "GenerateDataKey",
        "GenerateDataKeyPair",
        "GenerateDataKeyPairWithoutPlaintext",
        "GenerateDataKeyWithoutPlaintext",
        "GenerateMac",
        "GenerateRandom",
        "ReEncrypt",
        "Sign",
        "Verify",
        "VerifyMac",
    }
)


@dataclass(frozen=True)
class Success:
    """The service did it; the output as on the wire."""

    output: Record


@dataclass(frozen=True)
class Failure:
    """The service, or IAM before it, refused."""

    code: str
    message: str


Answer = Success | Failure


@dataclass(frozen=True)
class Message:
    """An HTTP request as the embedded AWS hands it to a service: header names in lower case, the path decoded."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, Any] = field(default_factory=dict)


def read_request(service: str, message: Message) -> Request | None:
    """Read a call of one of the recorded services; None for an operation that its model does not know."""
    if service == "bedrock-agentcore":
        return read_rest_request(service, MODELS[service], message)
    name = message.headers.get("x-amz-target", "").rpartition(".")[2]
    if name not in service_model(service).operation_names or name in DATA_EVENTS:
        return None
    return Request(service, service_model(service).operation_model(name), _read_json(message.body))


def read_answer(status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    """Read what a service of the JSON protocols answered."""
    output = _read_json(body)
    if status < 400:
        return Success(output)
    lower_case = {name.lower(): value for name, value in headers.items()}
    code = output.get("__type") or lower_case.get("x-amzn-errortype") or "InternalFailure"
    message = output.get("message") or output.get("Message") or ""
    return Failure(code.rpartition("#")[2].partition(":")[0], message)


@cache
def service_model(service: str) -> ServiceModel:
    """Return botocore's model of a recorded service."""
    return get_session().get_service_model(MODELS[service])


def read_rest_request(service: str, model: str, message: Message) -> Request | None:
    """Read a call of a service that botocore knows by this model; None for an operation that the model lacks."""
    for verb, route, operation in _rest_routes(model):
        found = route.fullmatch(message.path) if verb == message.method else None
        if found:
            in_path = {name: unquote(value) for name, value in found.groupdict().items()}
            in_query = _in_query(operation, message.query)
            return Request(service, operation, {**_read_json(message.body), **in_query, **in_path})
    return None


@cache
def _rest_routes(model_name: str) -> list[tuple[str, re.Pattern[str], OperationModel]]:
    model = get_session().get_service_model(model_name)
    operations = [model.operation_model(name) for name in model.operation_names]
    return [(each.http["method"], _route(each.http["requestUri"]), each) for each in operations]


def _route(request_uri: str) -> re.Pattern[str]:
    """Compile a URI template; the ARN in a tag path may hold slashes, whether it came quoted or not."""
    template = request_uri.partition("?")[0].rstrip("/")
    anything = ".+" if template.startswith("/tags/") else "[^/]+"
    parts = re.split(r"\{(\w+)\+?\}", template)
    literals, names = parts[::2], parts[1::2]
    groups = [*(f"(?P<{name}>{anything})" for name in names), "/?"]
    return re.compile("".join(re.escape(literal) + group for literal, group in zip(literals, groups, strict=True)))


def _in_query(operation: OperationModel, query: Mapping[str, Any]) -> Record:
    members = operation.input_shape.members if operation.input_shape else {}
    return {
        name: query[wire]
        for name, shape in members.items()
        if shape.serialization.get("location") == "querystring" and (wire := shape.serialization["name"]) in query
    }


def _read_json(body: bytes) -> Record:
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


# ----------------------------------------------------------------------------------------------------------------------
# Times: records hold their own in ISO form, and those of the older services' parameters as people write them
# ----------------------------------------------------------------------------------------------------------------------


TimeFormat = Callable[[datetime], str]


def iso_time(time: datetime) -> str:
    """Write a time as 2026-11-23T20:35:58Z."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def readable_time(time: datetime) -> str:
    """Write a time as Nov 23, 2026, 8:35:58 PM."""
    utc = time.astimezone(UTC)
    return f"{utc:%b} {utc.day}, {utc.year}, {utc.hour % 12 or 12}:{utc:%M:%S %p}"


TIME_FORMATS: dict[str, TimeFormat] = {
    "secretsmanager": readable_time,
    "kms": readable_time,
    "bedrock-agentcore": iso_time,
    "states": readable_time,
}


# ----------------------------------------------------------------------------------------------------------------------
# Who, where and when
# ----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Caller:
    """Who signed the call; `invoked_by` is the service that makes another call in the name of whoever called it."""

    arn: str
    account: str
    principal_id: str
    access_key_id: str
    user_agent: str = ""
    session_started: datetime | None = None
    invoked_by: str | None = None

    @property
    def source(self) -> Record:
        """Where the call came from: a service shows its name for address and agent."""
        return _source(self.invoked_by or "127.0.0.1", self.invoked_by or self.user_agent)

    def identity(self) -> Record:
        """Return the record's userIdentity."""
        invoked_by = {"invokedBy": self.invoked_by} if self.invoked_by else {}
        return {**self._principal(), **invoked_by}

    def _principal(self) -> Record:
        named: Record = {
            "principalId": self.principal_id,
            "arn": self.arn,
            "accountId": self.account,
            "accessKeyId": self.access_key_id,
        }
        if ":assumed-role/" in self.arn:
            return {"type": "AssumedRole", **named, "sessionContext": self._session_context()}
        if self.arn.endswith(":root"):
            return {"type": "Root", **named}
        return {"type": "IAMUser", **named, "userName": self.arn.rpartition("/")[2]}

    def _session_context(self) -> Record:
        partition, role = self.arn.split(":")[1], self.arn.split("/")[1]
        return {
            "sessionIssuer": {
                "type": "Role",
                "principalId": self.principal_id.partition(":")[0],
                "arn": f"arn:{partition}:iam::{self.account}:role/{role}",
                "accountId": self.account,
                "userName": role,
            },
            "attributes": {
                "creationDate": iso_time(self.session_started) if self.session_started else None,
                "mfaAuthenticated": "false",
            },
        }


@dataclass(frozen=True)
class Service:
    """A service of AWS that calls by itself, in nobody's name."""

    name: str

    @property
    def source(self) -> Record:
        """Where the call came from."""
        return _source(self.name, self.name)

    def identity(self) -> Record:
        """Return the record's userIdentity."""
        return {"type": "AWSService", "invokedBy": self.name}


def _source(address: str, user_agent: str) -> Record:
    return {"sourceIPAddress": address, "userAgent": user_agent}


@dataclass(frozen=True)
class Occasion:
    """Where and when something happened, under which ids."""

    account: str
    region: str
    time: datetime
    request_id: str
    event_id: str


# ----------------------------------------------------------------------------------------------------------------------
# Records
# ----------------------------------------------------------------------------------------------------------------------


def api_call(request: Request, answer: Answer, caller: Caller | Service, occasion: Occasion) -> Record:
    """Return the record of one API call."""
    record = {
        "eventVersion": "1.11",
        "userIdentity": caller.identity(),
        "eventTime": iso_time(occasion.time),
        "eventSource": f"{request.service}.amazonaws.com",
        "eventName": request.operation.name,
        "awsRegion": occasion.region,
        **caller.source,
        **_error(answer),
        "requestParameters": _logged(request, request.operation.input_shape, request.parameters) or None,
        "responseElements": _response_elements(request, answer),
        "requestID": occasion.request_id,
        "eventID": occasion.event_id,
        "readOnly": not request.is_write,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": occasion.account,
        "eventCategory": "Management",
    }
    if resources := [*_kms_resources(request, answer, occasion), *_gateway_resources(request, answer, occasion)]:
        record["resources"] = resources
    return record


def rotation(
    outcome: str, secret_arn: str, version_id: str, occasion: Occasion, error_message: str | None = None
) -> Record:
    """Return the record of a step of a rotation, such as RotationStarted; Secrets Manager itself reports those.

    One that failed has a message and, in captures, no code.
    """
    return {
        "eventVersion": "1.08",
        "userIdentity": {"accountId": occasion.account, "invokedBy": "secretsmanager.amazonaws.com"},
        "eventTime": iso_time(occasion.time),
        "eventSource": "secretsmanager.amazonaws.com",
        "eventName": outcome,
        "awsRegion": occasion.region,
        "sourceIPAddress": "secretsmanager.amazonaws.com",
        "userAgent": "secretsmanager.amazonaws.com",
        "requestParameters": None,
        "responseElements": None,
        **({"errorMessage": error_message} if error_message else {}),
        "additionalEventData": {"SecretId": secret_arn},
        "requestID": f"Rotation-{secret_arn}-{version_id}",
        "eventID": occasion.event_id,
        "readOnly": False,
        "eventType": "AwsServiceEvent",
        "managementEvent": True,
        "recipientAccountId": occasion.account,
        "eventCategory": "Management",
    }


def key_deletion(key_arn: str, occasion: Occasion) -> Record:
    """Return the record of a key's end, when its waiting period is over; KMS itself reports it, as in AWS's example."""
    internal = "AWS Internal"
    return {
        "eventVersion": "1.08",
        "userIdentity": {"accountId": occasion.account, "invokedBy": internal},
        "eventTime": iso_time(occasion.time),
        "eventSource": "kms.amazonaws.com",
        "eventName": "DeleteKey",
        "awsRegion": occasion.region,
        "sourceIPAddress": internal,
        "userAgent": internal,
        "requestParameters": None,
        "responseElements": None,
        "eventID": occasion.event_id,
        "readOnly": False,
        "resources": [{"accountId": occasion.account, "type": "AWS::KMS::Key", "ARN": key_arn}],
        "eventType": "AwsServiceEvent",
        "recipientAccountId": occasion.account,
        "managementEvent": True,
        "eventCategory": "Management",
    }


DETAIL_TYPES = {
    "AwsApiCall": "AWS API Call via CloudTrail",
    "AwsServiceEvent": "AWS Service Event via CloudTrail",
}


def entry(record: Record) -> Record:
    """Return the record as an entry for the default bus; CloudTrail leaves the event's own resources empty."""
    return {
        "Source": f"aws.{record['eventSource'].removesuffix('.amazonaws.com')}",
        "DetailType": DETAIL_TYPES[record["eventType"]],
        "Detail": json.dumps(record),
        "Resources": [],
    }


def _error(answer: Answer) -> Record:
    if isinstance(answer, Success):
        return {}
    code = "AccessDenied" if answer.code == "AccessDeniedException" else answer.code
    return {"errorCode": code, "errorMessage": answer.message}


ONLY_THE_ARN = frozenset({"CreateSecret", "PutSecretValue"})
"""Captures of these show no other response element."""


def _response_elements(request: Request, answer: Answer) -> Record | None:
    if isinstance(answer, Failure) or not request.is_write:
        return None
    elements = _logged(request, request.operation.output_shape, answer.output)
    if request.service == "kms":
        return _kms_response_elements(elements, _key_arn(request, answer))
    if request.operation.name in ONLY_THE_ARN:
        elements = {"arn": elements.get("arn")}
    return elements or None


def _kms_response_elements(elements: Record, key_arn: str | None) -> Record | None:
    """Add the key, which since December 2022 KMS names even where its API returns nothing."""
    elements.pop("grantToken", None)  # as good as the grant until that is consistent, and absent from AWS's examples
    if key_arn and "keyMetadata" not in elements:
        elements["keyId"] = key_arn
    return elements or None


def _kms_resources(request: Request, answer: Answer, occasion: Occasion) -> list[Record]:
    """Return what a KMS call touched: an alias, if any, and the key. Other services name nothing here."""
    if request.service != "kms":
        return []
    alias = request.parameters.get("AliasName")
    alias_arn = f"arn:aws:kms:{occasion.region}:{occasion.account}:{alias}" if alias else None
    return [
        {"accountId": occasion.account, "type": "AWS::KMS::Key", "ARN": arn}
        for arn in (alias_arn, _key_arn(request, answer))
        if arn
    ]


def _gateway_resources(request: Request, answer: Answer, occasion: Occasion) -> list[Record]:
    """Return the gateway that an AgentCore call concerns, as in AWS's example; a target's calls are assumed alike."""
    if request.service != "bedrock-agentcore" or "Gateway" not in request.operation.name:
        return []
    output = answer.output if isinstance(answer, Success) else {}
    given = output.get("gatewayId") or request.parameters.get("gatewayIdentifier")
    built = f"arn:aws:bedrock-agentcore:{occasion.region}:{occasion.account}:gateway/{given}" if given else None
    arn = output.get("gatewayArn") or built
    return [{"accountId": occasion.account, "type": "AWS::BedrockAgentCore::Gateway", "ARN": arn}] if arn else []


def _key_arn(request: Request, answer: Answer) -> str | None:
    output = answer.output if isinstance(answer, Success) else {}
    created: str | None = output.get("KeyMetadata", {}).get("Arn")
    return request.key_arn or created


def _logged(request: Request, shape: Shape | None, value: Record) -> Record:
    members: Record = logged(shape, value, TIME_FORMATS[request.service], MASKS.get(request.service)) or {}
    return members


MASKS = {"bedrock-agentcore": "***", "states": "HIDDEN_DUE_TO_SECURITY_REASONS"}
"""What stands for sensitive text, of the services that do not leave it out."""


def logged(shape: Shape | None, value: Any, write_time: TimeFormat = readable_time, mask: str | None = None) -> Any:
    """Return a value as CloudTrail logs it: member names in lowerCamelCase, and neither secrets nor binary values.

    What does not fit the model is left out: it may be anything, and the service refuses it anyhow.
    """
    logged_value: Any = None
    match shape:
        case Shape() if shape.metadata.get("sensitive"):
            logged_value = mask if isinstance(value, str) else None
        case StructureShape() if isinstance(value, dict):
            members = {name: shape.members[name] for name in value if name in shape.members}
            logged_value = {
                _member_name(name): item
                for name, member in members.items()
                if (item := logged(member, value[name], write_time, mask)) is not None
            }
        case ListShape() if isinstance(value, list):
            items = [logged(shape.member, item, write_time, mask) for item in value]
            logged_value = [item for item in items if item is not None]
        case MapShape() if isinstance(value, dict):
            of_keys = {key: logged(shape.value, item, write_time, mask) for key, item in value.items()}
            logged_value = {key: item for key, item in of_keys.items() if item is not None}
        case Shape(type_name="timestamp") if isinstance(value, int | float):
            with suppress(ValueError, OverflowError, OSError):  # a number that is no time
                logged_value = write_time(datetime.fromtimestamp(value, UTC))
        case Shape(type_name="structure" | "list" | "map" | "blob"):
            pass
        case Shape() if isinstance(value, str | int | float):
            logged_value = value
    return logged_value


def _member_name(name: str) -> str:
    return name.lower() if name.isupper() else name[0].lower() + name[1:]
