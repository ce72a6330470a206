"""Made-up policies and requests, dense enough that every rule of the evaluator decides some of them."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

OWN, OTHER = "111122223333", "444455556666"
SERVICE, OTHER_SERVICE = "bedrock-agentcore.amazonaws.com", "lambda.amazonaws.com"
ROLE = f"arn:aws:iam::{OWN}:role/agents/reader"
SESSION = f"arn:aws:sts::{OTHER}:assumed-role/auditor/run-1"
USER = f"arn:aws:iam::{OWN}:user/alice"
READERS = [SERVICE, SERVICE, SERVICE, OTHER_SERVICE, ROLE, ROLE, f"arn:aws:iam::{OTHER}:role/partner", SESSION, USER]
SECRET = f"arn:aws:secretsmanager:eu-west-1:{OWN}:secret:agents/crm-AbCdEf"
KEY = f"arn:aws:kms:eu-west-1:{OWN}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
GATEWAY = f"arn:aws:bedrock-agentcore:eu-west-1:{OWN}:gateway/crm"


@dataclass(frozen=True, slots=True)
class Case:
    """One request to one policy; a context key that is not here is absent."""

    policy: Json
    principal: str
    action: str
    resource: str
    context: dict[str, str | list[str]]


@dataclass(frozen=True, slots=True)
class Key:
    """A context key: what a request may carry, what a policy may ask of it and by which operators."""

    name: str
    carried: Sequence[str]
    asked: Sequence[str]
    operators: Sequence[str]
    many: bool = False


_TEXT = [
    "StringEquals",
    "StringLike",
    "StringEqualsIgnoreCase",
    "StringNotEquals",
    "StringNotLike",
    "StringNotEqualsIgnoreCase",
]
_ARN = ["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike", "StringLike", "StringEquals", "StringNotLike"]
_COMPARISONS = ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"]
_NUMERIC = [f"Numeric{each}" for each in _COMPARISONS]
_DATE = [f"Date{each}" for each in _COMPARISONS]
_TAGS = ["team", "crm", "Crm", "cost"]
_TAG_PATTERNS = [*_TAGS, "c*", "*m", "?rm", "te*m", "*", "c?s*", "C*"]

COMMON_KEYS = [
    Key("aws:SourceAccount", [OWN, OTHER], [OWN, OTHER, "1111*", "*3333", "?" * 12], _TEXT),
    Key(
        "aws:SourceArn",
        [GATEWAY, GATEWAY.replace(OWN, OTHER), f"{GATEWAY}:alias/x"],
        [
            GATEWAY,
            f"arn:aws:bedrock-agentcore:*:{OWN}:*",
            f"arn:aws:bedrock-agentcore:eu-west-1:{OTHER}:gateway/*",
            "arn:*:*:*:*:gateway/c?m",
            "arn:aws:s3:::bucket",
            f"arn:aws:bedrock-agentcore:eu-west-1:{OWN}:gateway/crm*x",
        ],
        _ARN,
    ),
    Key("aws:PrincipalOrgID", ["o-1", "o-2"], ["o-1", "o-2", "o-*", "O-1"], _TEXT),
    Key("aws:PrincipalTag/team", _TAGS, _TAG_PATTERNS, _TEXT),
    Key("aws:ResourceTag/team", _TAGS, [*_TAG_PATTERNS, "${aws:PrincipalTag/team}"], _TEXT),
    Key("aws:TagKeys", _TAGS, _TAG_PATTERNS, _TEXT, many=True),
    Key(
        "aws:PrincipalOrgPaths",
        ["o-1/r-1/ou-1/", "o-1/r-1/ou-2/"],
        ["o-1/*", "o-1/r-1/ou-1/", "o-2/*"],
        _TEXT,
        many=True,
    ),
    Key("aws:SecureTransport", ["true", "false", "TRUE"], ["true", "false", "True", "yes"], ["Bool"]),
    Key(
        "aws:SourceIp",
        ["10.1.2.3", "192.0.2.7", "2001:db8::1"],
        ["10.0.0.0/8", "10.1.2.3/32", "192.0.2.0/30", "192.0.2.4/30", "2001:DB8::/32", "10.0.0.0/40", "ten"],
        ["IpAddress", "NotIpAddress"],
    ),
    Key("aws:MultiFactorAuthAge", ["10", "300", "299.5"], ["10", "300", "10.0", "-1", "299.50", "ten"], _NUMERIC),
    Key(
        "aws:CurrentTime",
        ["2026-01-01T00:00:00Z", "2026-06-01T12:30:00Z"],
        ["2026-01-01T00:00:00Z", "2026-01-01", "2026-06-01T14:30:00+02:00", "2027-01-01T00:00:00Z", "someday"],
        _DATE,
    ),
    Key("aws:userid", ["QUlEQQ==", "AIDA1"], ["QUlEQQ==", "AIDA1"], ["BinaryEquals"]),
]
SECRET_KEYS = [
    *COMMON_KEYS,
    Key("secretsmanager:VersionStage", ["AWSCURRENT", "AWSPENDING"], ["AWSCURRENT", "AWS*", "awscurrent"], _TEXT),
    Key("secretsmanager:SecretId", [SECRET], [SECRET, f"{SECRET[:-7]}-??????", "*:secret:other*"], _ARN),
]
KMS_KEYS = [
    *COMMON_KEYS,
    Key(
        "kms:ViaService", ["secretsmanager.eu-west-1.amazonaws.com"], ["secretsmanager.*.amazonaws.com", "s3.*"], _TEXT
    ),
    Key("kms:CallerAccount", [OWN, OTHER], [OWN, OTHER, "${aws:SourceAccount}"], _TEXT),
    Key("kms:EncryptionContextKeys", ["SecretARN", "SecretVersionId"], ["SecretARN", "Secret*"], _TEXT, many=True),
]

_PRINCIPALS: list[Any] = [
    "*",
    {"AWS": "*"},
    {"Service": SERVICE},
    {"Service": [OTHER_SERVICE, SERVICE]},
    {"Service": OTHER_SERVICE},
    {"Service": "bedrock-agentcore.eu-west-1.amazonaws.com"},
    {"AWS": OWN},
    {"AWS": f"arn:aws:iam::{OTHER}:root"},
    {"AWS": ROLE, "Service": SERVICE},
    {"AWS": [ROLE, f"arn:aws:iam::{OTHER}:role/partner"]},
    {"AWS": SESSION},
    {"AWS": [USER, OTHER]},
    {"AWS": "AROAEXAMPLEEXAMPLE12"},
    {"Federated": "accounts.google.com"},
]
_SPARED: list[Any] = ["*", {"Service": SERVICE}, {"Service": OTHER_SERVICE}]
_ACTIONS = {
    SECRET: [
        "secretsmanager:GetSecretValue",
        "secretsmanager:Get*",
        "SecretsManager:getsecretvalue",
        "secretsmanager:*",
        "*",
        "secretsmanager:Describe*",
        "secretsmanager:?etSecretValue",
        "secretsmanager:*Secret*",
        "kms:*",
    ],
    KEY: ["kms:Decrypt", "kms:*", "KMS:de*", "*", "kms:GenerateDataKey*", "kms:D?crypt", "secretsmanager:*"],
}
_RESOURCES = {
    SECRET: [
        "*",
        "*",
        SECRET,
        f"{SECRET[:-6]}*",
        f"{SECRET[:-7]}-??????",
        f"arn:aws:secretsmanager:*:{OWN}:secret:agents/*",
        "arn:aws:secretsmanager:*",
        "arn:aws:secretsmanager:eu-*:*:secret:*-AbCdEf",
        f"arn:aws:secretsmanager:eu-west-1:{OTHER}:secret:*",
        "arn:aws:secretsmanager:eu-west-1:*:secret:agents/${aws:PrincipalTag/team}-AbCdEf",
        "arn:aws:secretsmanager:eu-west-1:*:secret:agents/${aws:PrincipalTag/team, 'crm'}-*",
    ],
    KEY: ["*", "*", KEY, f"arn:aws:kms:*:{OWN}:key/*", "arn:aws:kms:us-east-1:*:key/*"],
}


class Maker:
    """Makes cases from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - no secret

    def policy(self, resource: str) -> Json:
        """Of one to five statements."""
        statements = [self._statement(resource) for _ in range(self._random.randint(1, 5))]
        policy: Json = {"Statement": statements[0] if len(statements) == 1 and self._chance(0.5) else statements}
        if "${" in json.dumps(statements):  # the oracle takes variables for such in any version
            return {"Version": "2012-10-17"} | policy
        return self._random.choice([{"Version": "2012-10-17"}, {"Version": "2008-10-17"}, {}]) | policy

    def cases(self, requests: int) -> list[Case]:
        """One policy, and so many requests to it."""
        resource = self._random.choice([SECRET, SECRET, KEY])
        policy = self.policy(resource)
        action = "secretsmanager:GetSecretValue" if resource == SECRET else "kms:Decrypt"
        return [
            Case(policy, self._random.choice(READERS), action, resource, self._context(resource))
            for _ in range(requests)
        ]

    def _statement(self, resource: str) -> Json:
        statement: Json = {"Effect": self._random.choice(["Allow", "Allow", "Deny"])}
        if self._chance(0.12):
            statement["NotPrincipal"] = self._random.choice(_SPARED)
        else:
            statement["Principal"] = self._random.choice(_PRINCIPALS)
        statement |= self._either("Action", _ACTIONS[resource]) | self._either("Resource", _RESOURCES[resource])
        if self._chance(0.7):
            statement["Condition"] = self._condition(resource, variables=True)
        if self._chance(0.3):
            statement["Sid"] = f"Sid{self._random.randint(1, 9)}"
        return statement

    def _either(self, element: str, values: Sequence[str]) -> Json:
        if self._chance(0.15):
            return {f"Not{element}": self._one_or_more([value for value in values if "${" not in value])}
        return {element: self._one_or_more(values)}

    def _condition(self, resource: str, *, variables: bool) -> Json:
        condition: Json = {}
        for _ in range(self._random.randint(1, 3)):
            key = self._key(resource)
            asked = key.asked
            operator = self._random.choice(key.operators)
            if "Not" in operator:  # AWS documents another truth than the oracle's for a variable without a value
                asked = [value for value in asked if "${" not in value]
            if self._chance(0.15):
                operator, asked = "Null", ["true", "false"]
            elif key.many:
                operator = f"{self._random.choice(['ForAnyValue', 'ForAllValues'])}:{operator}"
            if operator != "Null" and "ForAny" not in operator and self._chance(0.25):
                operator += "IfExists"
            if self._chance(0.1):
                operator = operator.lower()
            name = key.name.upper() if self._chance(0.1) else key.name
            condition.setdefault(operator, {})[name] = self._one_or_more(asked)
        return condition

    def _context(self, resource: str) -> dict[str, str | list[str]]:
        context: dict[str, str | list[str]] = {}
        for key in _keys(resource):
            if self._chance(0.6):
                some = self._random.sample(key.carried, self._random.randint(1, len(key.carried)))
                context[key.name] = some if key.many else some[0]
        return context

    def _key(self, resource: str) -> Key:
        return self._random.choice(_keys(resource))

    def _one_or_more(self, values: Sequence[str]) -> str | list[str]:
        if self._chance(0.5):
            return self._random.choice(values)
        return self._random.sample(values, self._random.randint(1, min(3, len(values))))

    def _chance(self, share: float) -> bool:
        return self._random.random() < share


def _keys(resource: str) -> list[Key]:
    return SECRET_KEYS if resource == SECRET else KMS_KEYS
