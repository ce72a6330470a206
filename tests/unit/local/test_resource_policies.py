"""Which resource policies the embedded AWS refuses, and which it calls public."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local import resource_policies

AGENTCORE = {"Service": "bedrock-agentcore.amazonaws.com"}
ROLE = "arn:aws:iam::111122223333:role/agent"


def a_policy(**changes: Any) -> str:
    """A policy of one statement; a change to None takes an element away."""
    statement = {
        "Sid": "Read",
        "Effect": "Allow",
        "Principal": AGENTCORE,
        "Action": "secretsmanager:GetSecretValue",
        "Resource": "*",
        **changes,
    }
    present = {name: value for name, value in statement.items() if value is not None}
    return json.dumps({"Version": "2012-10-17", "Statement": [present]})


class TestForm:
    @pytest.mark.parametrize(
        "changes",
        [
            {},
            {"Sid": None},
            {"Effect": "Deny"},
            {"Principal": "*"},
            {"Principal": {"AWS": "*"}},
            {"Principal": {"AWS": ["111122223333", ROLE], **AGENTCORE}},
            {"Principal": {"AWS": "arn:aws:sts::111122223333:assumed-role/agent/session"}},
            {"Principal": None, "NotPrincipal": {"AWS": ROLE}, "Effect": "Deny"},
            {"Action": ["secretsmanager:Get*", "*"]},
            {"Action": None, "NotAction": "secretsmanager:DeleteSecret"},
            {"Resource": None, "NotResource": ["arn:aws:secretsmanager:*:*:secret:a-*"]},
            {"Condition": {"StringEqualsIfExists": {"aws:SourceAccount": "111122223333"}}},
            {"Condition": {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": ["o/*"]}, "Null": {"a": False}}},
            {"Condition": {"NumericLessThanEquals": {"a": 5}, "DateGreaterThan": {"b": "2026-01-01T00:00:00Z"}}},
        ],
    )
    def test_what_the_grammar_allows_has_no_problem(self, changes: dict[str, Any]) -> None:
        assert resource_policies.problems(a_policy(**changes)) == []

    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ({"Effect": "allow"}, "Effect must be Allow or Deny"),
            ({"Effect": None}, "Effect must be Allow or Deny"),
            ({"Principal": None}, "either Principal or NotPrincipal"),
            ({"NotPrincipal": "*"}, "either Principal or NotPrincipal"),
            ({"Principal": {}}, "Principal must be"),
            ({"Principal": ROLE}, "Principal must be"),
            ({"Principal": {"Aws": ROLE}}, "unknown kind: Aws"),
            ({"Principal": {"AWS": "agent"}}, "unsupported principal"),
            ({"Principal": {"AWS": []}}, "unsupported principal"),
            ({"Principal": {"Service": "bedrock-agentcore"}}, "unsupported principal"),
            ({"Action": None}, "either Action or NotAction"),
            ({"Action": "GetSecretValue"}, "Action has a value"),
            ({"Action": []}, "Action has a value"),
            ({"Resource": None}, "either Resource or NotResource"),
            ({"Resource": 7}, "Resource has a value"),
            ({"Sid": 7}, "Sid must be"),
            ({"Conditions": {}}, "unknown element Conditions"),
            ({"Condition": []}, "Condition must be an object"),
            ({"Condition": {"StringMatches": {"a": "b"}}}, "unknown operator: StringMatches"),
            ({"Condition": {"StringEquals": "b"}}, "Condition must give"),
            ({"Condition": {"StringEquals": {"a": {"b": "c"}}}}, "Condition must give"),
        ],
    )
    def test_what_it_does_not_allow_is_told_with_its_statement(self, changes: dict[str, Any], problem: str) -> None:
        (found,) = resource_policies.problems(a_policy(**changes))

        assert found.startswith("Statement 1: ")
        assert problem in found

    @pytest.mark.parametrize(
        ("document", "problem"),
        [
            ({}, "Missing required field Statement"),
            ({"Version": "2012-10-18", "Statement": []}, "Version must be"),
            ({"Statement": [], "Statements": []}, "Unknown element Statements"),
            ({"Statement": ["a"]}, "Statement 1: it must be an object"),
            ({"Statement": [json.loads(a_policy())["Statement"][0]] * 2}, "Statement IDs must be unique"),
        ],
    )
    def test_so_is_what_is_wrong_with_the_document(self, document: dict[str, Any], problem: str) -> None:
        (found,) = resource_policies.problems(json.dumps(document))

        assert problem in found

    @pytest.mark.parametrize("text", ["", "no", "[]", '"text"', "{", "[" * 100_000])
    def test_what_is_no_json_object_is_no_policy(self, text: str) -> None:
        with pytest.raises(resource_policies.NotJsonError):
            resource_policies.problems(text)


class TestPublic:
    @pytest.mark.parametrize(
        "changes",
        [
            {"Principal": "*"},
            {"Principal": {"AWS": "*"}},
            {"Principal": {"AWS": [ROLE, "*"]}},
            {"Principal": None, "NotPrincipal": {"AWS": ROLE}},
            {"Principal": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}},
            {"Principal": "*", "Condition": {"StringNotEquals": {"aws:PrincipalAccount": "111122223333"}}},
            {"Principal": "*", "Condition": {"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}}},
            {"Principal": "*", "Condition": {"StringLike": {"aws:PrincipalArn": "*"}}},
            {"Principal": "*", "Condition": {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "0.0.0.0/0"]}}},
        ],
    )
    def test_everybody_is_the_public_unless_a_condition_says_who(self, changes: dict[str, Any]) -> None:
        assert resource_policies.is_public(a_policy(**changes))

    @pytest.mark.parametrize(
        "changes",
        [
            {},
            {"Principal": {"AWS": ROLE}},
            {"Principal": {"AWS": "111122223333"}},
            {"Principal": "*", "Effect": "Deny"},
            {"Principal": "*", "Condition": {"StringEquals": {"AWS:PrincipalOrgId": "o-1"}}},
            {"Principal": "*", "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/*"}}},
        ],
    )
    def test_nobody_else_is(self, changes: dict[str, Any]) -> None:
        assert not resource_policies.is_public(a_policy(**changes))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["*", "Allow", "aws:SourceArn", ROLE]) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*sorted(resource_policies.ELEMENTS), "AWS", "StringLike"]), inner, max_size=6
        )
    ),
    max_leaves=20,
)


@given(statement=VALUES)
def test_any_statement_is_judged_and_a_sound_one_as_public_or_not(statement: Any) -> None:
    text = json.dumps({"Statement": statement})

    if not resource_policies.problems(text):
        assert resource_policies.is_public(text) in (True, False)
