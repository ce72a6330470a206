"""Policies as Hypothesis makes them up: valid ones, about everybody who matters and some who do not."""

import json
from typing import Any

from hypothesis import strategies as st

from secretwatch.domain.rules import AGENTCORE
from tests.fakes import ACCOUNT, REGION

OTHER = "444455556666"
BOT = f"arn:aws:iam::{ACCOUNT}:role/agents/support-bot"
PEOPLE = (
    BOT,
    f"arn:aws:iam::{ACCOUNT}:role/deployer",
    f"arn:aws:iam::{OTHER}:role/partner",
    f"arn:aws:iam::{ACCOUNT}:user/alice",
    f"arn:aws:iam::{ACCOUNT}:root",
    f"arn:aws:sts::{ACCOUNT}:assumed-role/support-bot/session",
    OTHER,
)
SERVICES = (AGENTCORE, "lambda.amazonaws.com")
ACTIONS = (
    "secretsmanager:GetSecretValue",
    "secretsmanager:Get*",
    "secretsmanager:*",
    "secretsmanager:DescribeSecret",
    "secretsmanager:PutResourcePolicy",
    "*",
)


def one_or_many(values: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return values | st.lists(values, min_size=1, max_size=3, unique=True)


principals = (
    st.just("*")
    | st.fixed_dictionaries({"Service": one_or_many(st.sampled_from(SERVICES))})
    | st.fixed_dictionaries({"AWS": one_or_many(st.sampled_from(PEOPLE))})
    | st.fixed_dictionaries(
        {"AWS": one_or_many(st.sampled_from(PEOPLE)), "Service": one_or_many(st.sampled_from(SERVICES))}
    )
)
conditions = st.sampled_from(
    [
        {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
        {"StringEquals": {"aws:SourceAccount": OTHER}},
        {"StringEqualsIfExists": {"aws:SourceAccount": [ACCOUNT, OTHER]}},
        {"StringNotEquals": {"aws:PrincipalAccount": ACCOUNT}},
        {"Bool": {"aws:SecureTransport": "false"}},
        {"StringLike": {"aws:PrincipalOrgID": "o-*"}},
        {"ArnLike": {"aws:SourceArn": f"arn:aws:bedrock-agentcore:{REGION}:{ACCOUNT}:*"}},
    ]
)


@st.composite
def statements(draw: st.DrawFn) -> dict[str, Any]:
    who = "NotPrincipal" if draw(st.integers(0, 9)) == 0 else "Principal"
    statement: dict[str, Any] = {
        "Effect": draw(st.sampled_from(["Allow", "Allow", "Allow", "Deny"])),
        who: draw(principals),
        "Action": draw(one_or_many(st.sampled_from(ACTIONS))),
        "Resource": "*",
    }
    if draw(st.booleans()):
        statement["Condition"] = draw(conditions)
    if draw(st.booleans()):
        statement["Sid"] = draw(st.sampled_from(["One", "Two", "Three"]))
    return statement


@st.composite
def documents(draw: st.DrawFn) -> str | None:
    """The text of a valid policy, laid out in one way or another; None for none at all."""
    listed = draw(st.lists(statements(), max_size=3))
    if not listed:
        return None
    statement = listed[0] if len(listed) == 1 and draw(st.booleans()) else listed
    document = {"Version": draw(st.sampled_from(["2012-10-17", "2008-10-17"])), "Statement": statement}
    return json.dumps(document, indent=draw(st.sampled_from([None, 2])))
