"""Writes the tables of docs/permissions.md from template.yaml: `python -m docs.permissions`, or `make docs`.

What a statement allows is the template's; why, and what stops without it, stands in the `Metadata` of its role.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from docs.marks import between_marks
from tests.contract.template import FUNCTIONS, MACHINES, RESOURCES, TEMPLATE, arn_of, as_list, of_type

PAGE = Path(__file__).with_suffix(".md")
POLICIES = Path(__file__).parent / "policies"
"""The folder of the ready policies."""


@dataclass(frozen=True)
class Statement:
    """A statement of a role; `condition` names the template's condition under which the role has it."""

    role: str
    sid: str
    actions: tuple[str, ...]
    resources: tuple[Any, ...]
    only_if: Mapping[str, Any]
    condition: str | None
    why: str
    without: str
    shows: Mapping[str, tuple[str, ...]]
    """By action: where one sees that it is missing."""


@dataclass(frozen=True)
class Permission:
    """One action on one of a statement's resources, given by its place among them: what can be taken away."""

    statement: Statement
    action: str
    resource: int

    def __str__(self) -> str:
        """Say which, as tests are named."""
        resources = self.statement.resources
        which = f"-{_name(resources[self.resource]).strip('`')}" if len(resources) > 1 else ""
        return f"{self.statement.role}-{self.action}{which}"


@dataclass(frozen=True)
class Unjudged:
    """Permissions of which the embedded AWS cannot show that they are needed, and why; none given means all."""

    why: str
    actions: frozenset[str]
    sids: frozenset[str] = frozenset()
    resources: frozenset[int] = frozenset()

    def covers(self, one: Permission) -> bool:
        """Whether this permission is among them."""
        return (
            one.action in self.actions
            and (not self.sids or one.statement.sid in self.sids)
            and (not self.resources or one.resource in self.resources)
        )


UNJUDGED = (
    Unjudged(
        "the stack under test tells nobody in Slack",
        frozenset({"secretsmanager:GetSecretValue", "kms:Decrypt"}),
        sids=frozenset({"ReadSlackAccess", "DecryptSlackAccess"}),
    ),
    Unjudged(
        "the embedded AWS writes the functions' logs itself",
        frozenset({"logs:CreateLogStream", "logs:PutLogEvents"}),
    ),
    Unjudged(
        "the embedded AWS hands a function the records of its queues and streams itself",
        frozenset(
            {
                "sqs:ReceiveMessage",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "dynamodb:DescribeStream",
                "dynamodb:GetRecords",
                "dynamodb:GetShardIterator",
                "dynamodb:ListStreams",
            }
        ),
    ),
    Unjudged(
        "the embedded AWS writes down itself which records of a stream were given up",
        frozenset({"sqs:SendMessage"}),
        sids=frozenset({"KeepFailures"}),
    ),
    Unjudged(
        "the stack of the tests has no reader but AgentCore itself",
        frozenset({"iam:SimulatePrincipalPolicy"}),
    ),
    Unjudged(
        "nothing fails without it: on what cannot be read nothing is repaired, and a contest is told without a name",
        frozenset(
            {
                "secretsmanager:DescribeSecret",
                "secretsmanager:ListResourcePolicies",
                "secretsmanager:GetResourcePolicy",
                "kms:DescribeKey",
                "kms:GetKeyPolicy",
                "kms:ListGrants",
                "cloudtrail:LookupEvents",
            }
        ),
        sids=frozenset({"ReadPolicies", "ReadKeyPolicies", "FindWriters"}),
    ),
    Unjudged(
        "the embedded AWS does not know the condition by which the two statements differ",
        frozenset({"dynamodb:PutItem"}),
        sids=frozenset({"KeepRepairs", "KeepGrants", "KeepAudit"}),
    ),
    Unjudged(
        "the stack of the tests repairs no policy of a key",
        frozenset({"kms:PutKeyPolicy"}),
    ),
    Unjudged(
        "on the embedded AWS whoever may create a provider may give it tags",
        frozenset({"bedrock-agentcore:TagResource"}),
    ),
    Unjudged(
        "the stack of the tests has no key handed out",
        frozenset(
            {
                "bedrock-agentcore:CreateWorkloadIdentity",
                "bedrock-agentcore:GetResourceApiKey",
                "bedrock-agentcore:GetWorkloadAccessToken",
            }
        ),
    ),
    Unjudged(
        "on the embedded AWS a workflow acts as the account's root",
        frozenset({"lambda:InvokeFunction", "sns:Publish"}),
        sids=frozenset({"TakeSteps", "CallForHelp"}),
    ),
    Unjudged(
        "the embedded AWS has no X-Ray",
        frozenset(
            {
                "xray:GetSamplingRules",
                "xray:GetSamplingTargets",
                "xray:PutTelemetryRecords",
                "xray:PutTraceSegments",
            }
        ),
    ),
    Unjudged(
        "the embedded AWS knows payment providers by ARNs of `bedrock-agentcore` only",
        frozenset(
            {
                *(
                    f"bedrock-agentcore:{operation}{kind}CredentialProvider{plural}"
                    for operation, plural in (("List", "s"), ("Get", ""), ("Create", ""), ("Delete", ""))
                    for kind in ("ApiKey", "Oauth2", "Payment")
                ),
                "bedrock-agentcore:ListTagsForResource",
            }
        ),
        sids=frozenset({"ReadProviders", "WriteProviders"}),
        resources=frozenset({1}),
    ),
)


def roles() -> list[str]:
    """The logical ids of the roles, in the order of the template."""
    return list(of_type("AWS::IAM::Role"))


def statements(role: str) -> Iterator[Statement]:
    """What a role allows; raises KeyError for a statement of which the role's Metadata does not say why."""
    texts = RESOURCES[role]["Metadata"]["Permissions"]
    for policy in RESOURCES[role]["Properties"]["Policies"]:
        for entry in policy["PolicyDocument"]["Statement"]:
            yield _statement(role, *_unconditional(entry), texts)


def permissions() -> Iterator[Permission]:
    """Every single permission of every role."""
    for role in roles():
        for statement in statements(role):
            for action, resource in product(statement.actions, range(len(statement.resources))):
                yield Permission(statement, action, resource)


def unjudged(permission: Permission) -> str | None:
    """Why the embedded AWS cannot show that a permission is needed, or None when it can."""
    return next((one.why for one in UNJUDGED if one.covers(permission)), None)


def policy(name: str, words: Mapping[str, str]) -> dict[str, Any]:
    """A ready policy, with what stands for its words in capitals."""
    text = (POLICIES / f"{name}.json").read_text(encoding="utf-8")
    for placeholder, word in words.items():
        text = text.replace(placeholder, word)
    document: dict[str, Any] = json.loads(text)
    return document


def page(current: str) -> str:
    """The page with its tables made anew, each between its two marks; the rest stays."""
    made = {"roles": "\n\n".join(_role_section(role) for role in roles()), "unjudged": _unjudged_table()}
    return between_marks(current, made)


# --- reading ---


def _unconditional(entry: Mapping[str, Any]) -> tuple[Mapping[str, Any], str | None]:
    """A statement, and the condition of `!If [condition, statement, nothing]` around it."""
    if "Fn::If" not in entry:
        return entry, None
    condition, statement, otherwise = entry["Fn::If"]
    if otherwise != {"Ref": "AWS::NoValue"}:
        raise ValueError(f"a statement with an alternative: {entry}")
    return statement, condition


def _statement(role: str, entry: Mapping[str, Any], condition: str | None, texts: Mapping[str, Any]) -> Statement:
    text, actions = texts[entry["Sid"]], tuple(as_list(entry["Action"]))
    shows = text["Shows"] if isinstance(text["Shows"], dict) else dict.fromkeys(actions, text["Shows"])
    return Statement(
        role=role,
        sid=entry["Sid"],
        actions=actions,
        resources=tuple(as_list(entry["Resource"])),
        only_if=entry.get("Condition", {}),
        condition=condition,
        why=text["Why"],
        without=text["Without"],
        shows={action: tuple(as_list(shows[action])) for action in actions},
    )


# --- writing ---

_CODE = [
    *((one["Role"], one["CodeUri"]) for one in FUNCTIONS.values()),
    *((one["Role"], one["DefinitionUri"]) for one in MACHINES.values()),
]
"""Who has which role, and where it stands."""

_OPERATORS = {
    "StringEquals": "is",
    "StringLike": "is like",
    "Bool": "is",
    "BoolIfExists": "if there at all, is",
    "ForAllValues:StringEquals": "is only ever",
    "ForAllValues:StringLike": "is only ever like",
    "ForAllValues:StringNotLike": "is never like",
}


def _role_section(role: str) -> str:
    (code,) = (code for owner, code in _CODE if owner == arn_of(role))
    rows = [_row(statement) for statement in statements(role)]
    return "\n".join(
        [
            f"### {role}: what `{code}` may do",
            "",
            "| allowed | on | why | what stops without it | where it shows |",
            "|---|---|---|---|---|",
            *rows,
        ]
    )


def _row(statement: Statement) -> str:
    allowed = [f"**{statement.sid}**", *(f"`{action}`" for action in statement.actions)]
    if statement.condition:
        allowed.append(f"(only on the condition `{statement.condition}`)")
    on = [_name(resource) for resource in statement.resources]
    on += [f"only if {condition}" for condition in _conditions(statement.only_if)]
    cells = ["<br>".join(allowed), "<br>".join(on), statement.why, statement.without, _shows(statement)]
    return f"| {' | '.join(cells)} |"


def _shows(statement: Statement) -> str:
    places = dict.fromkeys(statement.shows.values())
    if len(places) == 1:
        return _places(*places)
    return "<br>".join(f"{action.split(':')[1]}: {_places(places)}" for action, places in statement.shows.items())


def _places(names: tuple[str, ...]) -> str:
    return " or ".join(f"`{name}`" if name in RESOURCES else f"*{name}*" for name in names)


def _conditions(only_if: Mapping[str, Any]) -> Iterator[str]:
    """In words; one that a condition of the template's puts there says so."""
    if "Fn::If" in only_if:
        name, inner, _ = only_if["Fn::If"]
        yield from (f"{condition} (on the condition `{name}`)" for condition in _conditions(inner))
        return
    for operator, keys in only_if.items():
        if "Fn::If" in keys:
            name, inner, _ = keys["Fn::If"]
            yield from (f"{condition} (on the condition `{name}`)" for condition in _conditions({operator: inner}))
            continue
        for key, values in keys.items():
            yield f"`{key}` {_OPERATORS[operator]} {' or '.join(_name(value) for value in as_list(values))}"


def _name(value: Any) -> str:
    """A resource, or a value of a condition, as a person would name it."""
    match value:
        case "*":
            return "anything (`*`)"
        case str():
            return f"`{value}`"
        case {"Fn::GetAtt": [name, "StreamArn"]}:
            return f"the stream of `{name}`"
        case {"Fn::GetAtt": [name, "Arn"]}:
            return f"`{name}`"
        case {"Ref": name}:
            return f"the parameter `{name}`" if name in TEMPLATE["Parameters"] else f"`{name}`"
        case {"Fn::Sub": str(text)}:
            return "`" + re.sub(r"[$][{](?:AWS::)?(\w+)[}]", r"<\1>", text) + "`"
    raise ValueError(f"no readable form of {value}")


def _unjudged_table() -> str:
    rows = [
        f"| {'<br>'.join(f'`{action}`' for action in sorted(one.actions))} | {_whose(one)} | {one.why} |"
        for one in UNJUDGED
    ]
    return "\n".join(["| permission | of | why |", "|---|---|---|", *rows])


def _whose(group: Unjudged) -> str:
    covered = [one for one in permissions() if group.covers(one)]
    return "<br>".join(dict.fromkeys(f"{one.statement.role}, {one.statement.sid}{_on(group, one)}" for one in covered))


def _on(group: Unjudged, one: Permission) -> str:
    return f", on {_name(one.statement.resources[one.resource])}" if group.resources else ""


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
