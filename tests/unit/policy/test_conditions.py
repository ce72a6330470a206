"""Every condition operator, as the IAM User Guide has it."""

from typing import Any

import pytest

from tests.unit.policy.statements import holds

GATEWAY = "arn:aws:bedrock-agentcore:eu-west-1:111122223333:gateway/crm"


@pytest.mark.parametrize(
    ("operator", "asked", "value", "expected"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", "a", "A", False),
        ("StringEquals", ["a", "b"], "b", True),
        ("StringEquals", "*", "a", False),
        ("StringEquals", 10, "10", True),
        ("StringEquals", 1.50, "1.5", True),
        ("StringEquals", True, "true", True),
        ("StringEquals", [], "a", False),
        ("StringNotEquals", "a", "b", True),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringNotEquals", [], "a", True),
        ("StringEqualsIgnoreCase", "Ab", "aB", True),
        ("StringEqualsIgnoreCase", "a*", "ab", False),
        ("StringNotEqualsIgnoreCase", "Ab", "aB", False),
        ("StringLike", "a*", "a", True),
        ("StringLike", "a*c", "abbc", True),
        ("StringLike", "a*c", "abcd", False),
        ("StringLike", "*b*", "abc", True),
        ("StringLike", "a?c", "abc", True),
        ("StringLike", "a?c", "ac", False),
        ("StringLike", "a.c", "abc", False),
        ("StringLike", "A*", "abc", False),
        ("StringLike", "*ab", "aab", True),
        ("StringLike", "a*a", "a", False),
        ("StringLike", "*", "", True),
        ("StringLike", "a*c", "a\nc", True),
        ("StringNotLike", "a*", "b", True),
        ("StringNotLike", ["b*", "a*"], "ab", False),
        ("NumericEquals", "10", "10.0", True),
        ("NumericEquals", 10, "10", True),
        ("NumericEquals", "ten", "10", False),
        ("NumericEquals", "1e1", "10", False),
        ("NumericEquals", "10", "ten", False),
        ("NumericNotEquals", "10", "11", True),
        ("NumericNotEquals", "ten", "11", False),
        ("NumericLessThan", "10", "9.9", True),
        ("NumericLessThan", "10", "10", False),
        ("NumericLessThanEquals", "10", "10", True),
        ("NumericGreaterThan", "-1", "0", True),
        ("NumericGreaterThanEquals", ["100", "10"], "10", True),
        ("DateEquals", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", True),
        ("DateEquals", "2026-01-01", "2026-01-01T00:00:00Z", True),
        ("DateEquals", "2026-01", "2026-01-01T00:00:00.000Z", True),
        ("DateEquals", "1767225600", "2026-01-01T00:00:00Z", True),
        ("DateEquals", 1767225600, "2026-01-01T00:00:00Z", True),
        ("DateNotEquals", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", True),
        ("DateNotEquals", "someday", "2026-01-01T00:00:01Z", False),
        ("DateLessThan", "2026-13-01", "2026-01-01", False),
        ("DateLessThan", "2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z", True),
        ("DateLessThanEquals", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", True),
        ("DateGreaterThan", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", False),
        ("DateGreaterThanEquals", "2026-01-01T00:00:00Z", "1767225600", True),
        ("Bool", "true", "TRUE", True),
        ("Bool", False, "false", True),
        ("Bool", "true", "false", False),
        ("Bool", "yes", "yes", False),
        ("BinaryEquals", "QmluYXJ5", "QmluYXJ5", True),
        ("BinaryEquals", "QmluYXJ5", "qmluYXJ5", False),
        ("IpAddress", "10.0.0.0/8", "10.1.2.3", True),
        ("IpAddress", "10.1.2.3/8", "10.9.9.9", True),
        ("IpAddress", "10.1.2.3", "10.1.2.3", True),
        ("IpAddress", "0.0.0.0/0", "10.1.2.3", True),
        ("IpAddress", "2001:DB8::/32", "2001:db8:0:1::1", True),
        ("IpAddress", "10.0.0.0/8", "2001:db8::1", False),
        ("IpAddress", "10.0.0.0/33", "10.1.2.3", False),
        ("IpAddress", "10.0.0.0/255.0.0.0", "10.1.2.3", False),
        ("IpAddress", "10.0.0.0/8", "10.0.0.0/24", False),
        ("NotIpAddress", "10.0.0.0/8", "192.0.2.1", True),
        ("NotIpAddress", "10.0.0.0/8", "10.1.2.3", False),
        ("NotIpAddress", "10.0.0.0/99", "192.0.2.1", False),
        ("NotIpAddress", "10.0.0.0/8", "2001:db8::1", True),
        ("ArnEquals", GATEWAY, GATEWAY, True),
        ("ArnEquals", "arn:aws:bedrock-agentcore:*:111122223333:gateway/*", GATEWAY, True),
        ("ArnLike", "arn:aws:bedrock-agentcore:*:111122223333:*", f"{GATEWAY}:alias", True),
        ("ArnLike", "arn:aws:bedrock-????????\u003f:*:*:gateway/c?m", GATEWAY, True),
        ("ArnLike", "arn:aws:bedrock-agentcore:*", GATEWAY, False),
        ("ArnLike", "arn:aws:*:gateway/crm", GATEWAY, False),
        ("ArnLike", "*", GATEWAY, False),
        ("ArnLike", "arn:*:*:*:*:*", GATEWAY, True),
        ("ArnLike", "arn:aws:s3:*:*:bucket", "arn:aws:s3:::bucket", True),
        ("ArnNotEquals", GATEWAY, f"{GATEWAY}2", True),
        ("ArnNotLike", "arn:aws:bedrock-agentcore:*:*:gateway/*", GATEWAY, False),
        ("ArnNotLike", "arn:aws:s3:::bucket", "no ARN", False),
        ("stringlike", "a*", "ab", True),
        ("STRINGEQUALSIFEXISTS", "a", "a", True),
    ],
)
def test_an_operator_compares_one_value(operator: str, asked: Any, value: str, expected: bool) -> None:
    assert holds({operator: {"aws:Key": asked}}, {"aws:Key": value}) is expected


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("StringEquals", False),
        ("StringLike", False),
        ("StringNotEquals", True),
        ("StringNotEqualsIgnoreCase", True),
        ("StringNotLike", True),
        ("NumericLessThan", False),
        ("NumericNotEquals", True),
        ("DateGreaterThan", False),
        ("DateNotEquals", True),
        ("Bool", False),
        ("BinaryEquals", False),
        ("IpAddress", False),
        ("NotIpAddress", True),
        ("ArnLike", False),
        ("ArnNotLike", True),
        ("ArnNotEquals", True),
        ("StringEqualsIfExists", True),
        ("BoolIfExists", True),
        ("StringNotEqualsIfExists", True),
        ("ForAllValues:StringEquals", True),
        ("ForAllValues:StringNotEquals", True),
        ("ForAnyValue:StringEquals", False),
        ("ForAnyValue:StringNotEquals", False),
        ("ForAnyValue:StringEqualsIfExists", True),
    ],
)
def test_a_missing_key_is_no_match_but_to_negations_and_if_exists(operator: str, expected: bool) -> None:
    assert holds({operator: {"aws:Key": "1"}}, {"aws:Key": None}) is expected
    assert holds({operator: {"aws:Key": "1"}}, {"aws:Key": []}) is expected


@pytest.mark.parametrize(
    ("operator", "asked", "values", "expected"),
    [
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "b"], True),
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "c"], False),
        ("ForAllValues:StringLike", "a*", ["a", "ab"], True),
        ("ForAllValues:StringNotEquals", "a", ["b", "c"], True),
        ("ForAllValues:StringNotEquals", "a", ["b", "a"], False),
        ("ForAnyValue:StringEquals", ["a", "b"], ["c", "b"], True),
        ("ForAnyValue:StringEquals", "a", ["b", "c"], False),
        ("ForAnyValue:StringNotEquals", ["a", "b"], ["b", "c"], True),
        ("ForAnyValue:StringNotEquals", ["a", "b"], ["b", "a"], False),
        ("ForAnyValue:NumericLessThan", "5", ["7", "3"], True),
        ("ForAnyValue:IpAddress", "10.0.0.0/8", ["no address", "10.1.2.3"], True),
        ("ForAllValues:Bool", "true", ["true", "false"], False),
        ("foranyvalue:stringlikeifexists", "a*", ["b", "ab"], True),
        ("ForAllValues:StringEquals", "a", "", True),
        ("ForAnyValue:StringNotEquals", "a", "", False),
        ("StringEquals", ["a", "b"], ["a", "b"], False),
        ("StringNotEquals", "c", ["a", "b"], False),
    ],
)
def test_several_values_require_a_set_operator(operator: str, asked: Any, values: Any, expected: bool) -> None:
    assert holds({operator: {"aws:TagKeys": asked}}, {"aws:TagKeys": values}) is expected


@pytest.mark.parametrize(
    ("operator", "asked", "value", "expected"),
    [
        ("Null", "true", None, True),
        ("Null", "true", "a", False),
        ("Null", "false", "a", True),
        ("Null", False, None, False),
        ("Null", "TRUE", None, True),
        ("Null", ["true", "false"], None, True),
        ("Null", "yes", None, False),
        ("Null", "true", [], True),
        ("ForAllValues:Null", "true", None, True),
        ("ForAnyValue:Null", "true", None, False),
    ],
)
def test_null_asks_whether_the_key_is_missing(operator: str, asked: Any, value: Any, expected: bool) -> None:
    assert holds({operator: {"aws:Key": asked}}, {"aws:Key": value}) is expected


def test_conditions_must_all_hold_and_values_are_alternatives() -> None:
    condition = {"StringEquals": {"aws:A": ["1", "2"], "aws:B": "3"}, "Bool": {"aws:C": "true"}}

    assert holds(condition, {"aws:A": "2", "aws:B": "3", "aws:C": "true"})
    assert not holds(condition, {"aws:A": "2", "aws:B": "4", "aws:C": "true"})
    assert not holds(condition, {"aws:A": "2", "aws:B": "3", "aws:C": "false"})


def test_keys_are_the_same_in_any_case() -> None:
    assert holds({"StringEquals": {"AWS:sourceACCOUNT": "1"}}, {"aws:SourceAccount": "1"})


# --- policy variables


@pytest.mark.parametrize(
    ("operator", "asked", "tag", "expected"),
    [
        ("StringEquals", "${aws:PrincipalTag/team}", "crm", True),
        ("StringEquals", "${AWS:principaltag/TEAM}", "crm", True),
        ("StringEquals", "${aws:PrincipalTag/team}", "other", False),
        ("StringLike", "${aws:PrincipalTag/team}*", "c", True),
        ("StringLike", "${aws:PrincipalTag/team}", "c*", False),
        ("StringEqualsIgnoreCase", "${aws:PrincipalTag/team}", "CRM", True),
        ("StringEquals", "${aws:PrincipalTag/team}", None, False),
        ("StringNotEquals", "${aws:PrincipalTag/team}", None, True),
        ("StringNotLike", "${aws:PrincipalTag/team}*", None, True),
        ("StringEquals", "${aws:PrincipalTag/team, 'crm'}", None, True),
        ("StringEquals", "${aws:PrincipalTag/team, 'crm'}", "other", False),
        ("StringEquals", "${aws:PrincipalTag/team,'crm'}", None, False),
        ("StringEquals", "${aws:PrincipalTag/team}", ["crm", "crm"], False),
        ("StringLike", ["x", "${aws:PrincipalTag/team}"], "crm", True),
    ],
)
def test_a_variable_takes_the_one_value_of_its_key(operator: str, asked: Any, tag: Any, expected: bool) -> None:
    context = {"aws:ResourceTag/team": "crm", "aws:PrincipalTag/team": tag}

    assert holds({operator: {"aws:ResourceTag/team": asked}}, context) is expected


@pytest.mark.parametrize(
    ("asked", "value", "expected"),
    [
        ("a${*}", "a*", True),
        ("a${*}", "ab", False),
        ("a${?}", "a?", True),
        ("a${?}", "ab", False),
        ("${$}{x}", "${x}", True),
        ("a${*}*", "a*b", True),
        ("${", "${", True),
    ],
)
def test_special_variables_are_the_characters_themselves(asked: str, value: str, expected: bool) -> None:
    assert holds({"StringLike": {"aws:Key": asked}}, {"aws:Key": value}) is expected


def test_arns_take_variables_too() -> None:
    condition = {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::${aws:PrincipalTag/team}/*"}}

    assert holds(condition, {"aws:SourceArn": "arn:aws:s3:::crm/x", "aws:PrincipalTag/team": "crm"})
    assert not holds(condition, {"aws:SourceArn": "arn:aws:s3:::crm/x", "aws:PrincipalTag/team": None})
    assert holds(
        {"ArnEquals": {"aws:SourceArn": "${aws:PrincipalTag/arn}"}},
        {
            "aws:SourceArn": GATEWAY,
            "aws:PrincipalTag/arn": GATEWAY,
        },
    )


def test_other_operators_take_none() -> None:
    assert not holds({"NumericEquals": {"aws:A": "${aws:B}"}}, {"aws:A": "1", "aws:B": "1"})


def test_in_the_older_version_a_variable_is_text() -> None:
    condition = {"StringEquals": {"aws:A": "${aws:B}"}}

    assert holds(condition, {"aws:A": "${aws:B}", "aws:B": "1"}, version="2008-10-17")
    assert not holds(condition, {"aws:A": "1", "aws:B": "1"}, version="2008-10-17")
