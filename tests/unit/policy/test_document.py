"""What is wrong with a document is told with its place; nothing is ever raised, and nothing allowed."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secretwatch.policy import Outcome, Policy, evaluate
from tests.unit.policy.statements import ACTION, ROLE, SECRET, SERVICE, a_policy, a_statement


def problems(text: str) -> list[str]:
    return [str(problem) for problem in Policy.parse(text).problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "line 1, column 1: not JSON: Expecting value"),
        ("no JSON", "line 1, column 1: not JSON: Expecting value"),
        ("[]", "document: not a JSON object"),
        ("null", "document: not a JSON object"),
        ('"text"', "document: not a JSON object"),
        ("{}", "document: Statement is missing"),
        ('{"Statement": "*"}', "document: Statement is neither object nor list"),
        ('{"Statement": [1]}', "statement 1: not a JSON object"),
        ('{"Version": "2025-01-01", "Statement": []}', "document: unknown Version `2025-01-01`"),
        ('{"Version": 2012, "Statement": []}', "document: unknown Version `2012`"),
        ('{"Statment": [], "Statement": []}', "document: unknown element `Statment`"),
        ('{"Statement": [], "Statement": []}', "document: has `Statement` twice in one object"),
        ('{"Statement": NaN}', "document: not JSON: NaN is no value"),
        ("\ufeff{}", "line 1, column 1: not JSON: Unexpected UTF-8 BOM (decode using utf-8-sig)"),
    ],
)
def test_what_is_no_policy_is_told(text: str, expected: str) -> None:
    assert problems(text) == [expected]


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"Effect": None}, "Effect is missing"),
        ({"Effect": "allow"}, "unknown Effect `allow`"),
        ({"Effect": ["Allow"]}, "unknown Effect `list`"),
        ({"Principal": None}, "Principal is missing"),
        ({"NotPrincipal": "*"}, "has both Principal and NotPrincipal"),
        ({"Principal": SERVICE.name}, f'a principal is "*" or an object, not `{SERVICE.name}`'),
        ({"Principal": []}, 'a principal is "*" or an object, not `list`'),
        ({"Principal": {"Aws": "*"}}, "unknown type of principal `Aws`"),
        ({"Principal": {"AWS": {}}}, "principal `AWS` has a value that is no text"),
        ({"Principal": {"AWS": 111122223333}}, "principal `AWS` has a value that is no text"),
        ({"Action": None}, "Action is missing"),
        ({"NotAction": "*"}, "has both Action and NotAction"),
        ({"Action": 1}, "Action has a value that is no text"),
        ({"Action": [["*"]]}, "Action has a value that is no text"),
        ({"Action": "GetSecretValue"}, "`GetSecretValue` is no action: it takes a service, a colon and a name"),
        ({"Action": "se*:Get"}, "`se*:Get` is no action: it takes a service, a colon and a name"),
        ({"Action": ""}, "`` is no action: it takes a service, a colon and a name"),
        ({"Resource": None}, "Resource is missing"),
        ({"NotResource": "*"}, "has both Resource and NotResource"),
        ({"Resource": {}}, "Resource has a value that is no text"),
        ({"Condition": []}, "Condition is not an object"),
        ({"Condition": {"Bool": "true"}}, "condition operator `Bool` is not followed by an object"),
        ({"Condition": {"StringEqualz": {"a": "1"}}}, "unknown condition operator `StringEqualz`"),
        ({"Condition": {"NullIfExists": {"a": "true"}}}, "unknown condition operator `NullIfExists`"),
        (
            {"Condition": {"ForSomeValues:StringEquals": {"a": "1"}}},
            "unknown condition operator `ForSomeValues:StringEquals`",
        ),
        ({"Condition": {":StringEquals": {"a": "1"}}}, "unknown condition operator `:StringEquals`"),
        (
            {"Condition": {"StringEquals": {"a": {}}}},
            "condition key `a` has a value that is no text, number or Boolean",
        ),
        (
            {"Condition": {"StringEquals": {"a": [[]]}}},
            "condition key `a` has a value that is no text, number or Boolean",
        ),
        ({"Resources": "*"}, "unknown element `Resources`"),
        ({"Sid": 1}, "Sid is not text"),
    ],
)
def test_what_is_wrong_with_a_statement_is_told_with_its_place(elements: dict[str, Any], expected: str) -> None:
    document = {"Statement": [a_statement(Sid="Good"), a_statement(**{"Sid": "X"} | elements)]}
    place = "statement 2" if "Sid" in elements else "statement 2 (Sid X)"

    assert problems(json.dumps(document)) == [f"{place}: {expected}"]


def test_everything_that_is_wrong_is_told_at_once() -> None:
    document = {"Statement": [a_statement("allow", Action=None), a_statement(Condition={"StringEqual": {"a": "b"}})]}

    assert problems(json.dumps(document)) == [
        "statement 1: unknown Effect `allow`",
        "statement 1: Action is missing",
        "statement 2: unknown condition operator `StringEqual`",
    ]


def test_a_null_is_no_missing_condition() -> None:
    assert problems(json.dumps({"Statement": a_statement() | {"Condition": None}})) == [
        "statement 1: Condition is not an object"
    ]


@pytest.mark.parametrize("opening", ["[", '{"Statement":', '{"a":['])
def test_twenty_kilobytes_of_nesting_are_no_policy(opening: str) -> None:
    closing = "".join({"[": "]", "{": "}"}.get(character, "") for character in reversed(opening))
    depth = 10_000 // len(opening)
    closed = opening * depth + "1" + closing * depth

    for text in (opening * depth * 2, closed, f'{{"Statement": {closed}}}'):
        decision = evaluate([Policy.parse(text)], SERVICE, ACTION, SECRET, {})
        assert decision.outcome is Outcome.INVALID
        assert decision.problems


def test_thousands_of_statements_are_read() -> None:
    allow = a_statement(Principal={"Service": "lambda.amazonaws.com"})

    policy = a_policy(*[allow] * 5000, a_statement("Deny", Sid="Last"))

    assert evaluate([policy], SERVICE, ACTION, SECRET, {}).statements[0].index == 5000


@pytest.mark.parametrize("pattern", ["*a" * 5000, "*?" * 5000, "*a?b" * 2500, "a" * 10_000 + "*" * 10_000])
def test_no_pattern_takes_long(pattern: str) -> None:
    subject = "a" * 10_000
    policy = a_policy(
        a_statement(Resource=f"arn:aws:secretsmanager:*:*:{pattern}", Action=f"secretsmanager:{pattern}"),
        a_statement(Condition={"StringLike": {"aws:Key": pattern}, "ArnLike": {"aws:Key": f"arn:*:*:*:*:{pattern}"}}),
    )
    began = time.process_time()

    evaluate([policy], SERVICE, f"secretsmanager:{subject}", f"arn:aws:secretsmanager:::{subject}", {})

    assert time.process_time() - began < 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
TELLING = st.sampled_from(
    ["*", "Allow", "Deny", "AWS", "Service", SERVICE.name, ROLE.name, "kms:*", SECRET, "a*?", "${a}", "${b, 'c'}", "1"]
)
VALUE = JSON | TELLING | st.lists(TELLING, max_size=3) | st.dictionaries(TELLING, TELLING, max_size=2)
CONDITION = st.dictionaries(
    st.sampled_from(
        ["StringLike", "ForAnyValue:ArnNotLike", "Null", "NumericLessThan", "IpAddress", "DateEqualsIfExists"]
    ),
    st.dictionaries(st.sampled_from(["a", "b", "aws:SourceIp"]), VALUE, max_size=2),
    max_size=3,
)
NAMES = ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource"]
STATEMENT = st.fixed_dictionaries(
    {},
    optional={"Condition": CONDITION | VALUE, **dict.fromkeys(NAMES, VALUE)},
)


@settings(deadline=None)
@given(
    JSON | st.fixed_dictionaries({"Version": TELLING, "Statement": st.lists(STATEMENT | JSON, max_size=4) | STATEMENT})
)
def test_no_document_is_ever_too_much(document: Any) -> None:
    policy = Policy.parse(json.dumps(document))

    for reader in (SERVICE, ROLE):
        decision = evaluate([policy], reader, ACTION, SECRET, {})
        assert (decision.outcome is Outcome.INVALID) is bool(policy.problems)
        assert (decision.outcome is Outcome.UNKNOWN) is bool(decision.depends_on)


@settings(deadline=None)
@given(st.text())
def test_no_text_is_ever_too_much(text: str) -> None:
    assert Policy.parse(text).problems
