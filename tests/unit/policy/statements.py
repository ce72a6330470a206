"""Builders of statements and requests with sensible defaults."""

import json
from collections.abc import Mapping
from typing import Any

from secretwatch.policy import ABSENT, Context, ContextValue, Decision, Outcome, Policy, Present, Principal, evaluate

OWN, OTHER = "111122223333", "444455556666"
SERVICE = Principal.service("bedrock-agentcore.amazonaws.com")
ROLE = Principal.role(f"arn:aws:iam::{OWN}:role/agents/reader")
SECRET = f"arn:aws:secretsmanager:eu-west-1:{OWN}:secret:agents/crm-AbCdEf"
ACTION = "secretsmanager:GetSecretValue"


def a_statement(effect: str = "Allow", **elements: Any) -> dict[str, Any]:
    """About everybody, every action and every resource; an element that is None is left out."""
    statement = {"Effect": effect, "Principal": "*", "Action": "*", "Resource": "*"} | elements
    return {name: element for name, element in statement.items() if element is not None}


def a_policy(*statements: Any, version: str = "2012-10-17") -> Policy:
    return Policy.parse(json.dumps({"Version": version, "Statement": list(statements)}))


def decide(
    *statements: Any,
    reader: Principal = SERVICE,
    action: str = ACTION,
    resource: str = SECRET,
    context: Context | None = None,
    version: str = "2012-10-17",
) -> Decision:
    return evaluate([a_policy(*statements, version=version)], reader, action, resource, context or {})


def holds(
    condition: Mapping[str, Any], context: Mapping[str, str | list[str] | None], version: str = "2012-10-17"
) -> bool:
    """Whether a condition holds in a context, where None is absent; nothing may hang on another key."""
    states: dict[str, ContextValue] = {
        key: ABSENT if value is None else Present(tuple(value) if isinstance(value, list) else (value,))
        for key, value in context.items()
    }
    outcome = decide(a_statement(Condition=condition), context=states, version=version).outcome
    assert outcome in {Outcome.ALLOWED, Outcome.DENIED_IMPLICIT}
    return outcome is Outcome.ALLOWED
