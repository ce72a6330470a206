"""Patterns match as EventBridge matches: by its guide; with arrays, and in what it refuses, as its own engine does."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretwatch_cli.event_pattern import EventPattern, InvalidPattern

KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd"
RESOURCES = {"resources": [{"type": "alias", "ARN": "alias/app"}, {"type": "key", "ARN": KEY}]}


def matches(pattern: dict[str, Any], event: dict[str, Any]) -> bool:
    return EventPattern.read(pattern).matches(event)


@pytest.mark.parametrize(
    ("pattern", "event", "expected"),
    [
        # exact
        ({"a": ["x"]}, {"a": "x"}, True),
        ({"a": ["x", "y"]}, {"a": "y"}, True),
        ({"a": ["x"]}, {"a": "X"}, False),
        ({"a": [""]}, {"a": ""}, True),
        ({"a": [1]}, {"a": 1.0}, True),
        ({"a": [1]}, {"a": "1"}, False),
        ({"a": [1]}, {"a": True}, False),
        ({"a": [False]}, {"a": False}, True),
        ({"a": [False]}, {"a": "false"}, False),
        ({"a": [None]}, {"a": None}, True),
        ({"a": [None]}, {}, False),
        ({"a": {"b": ["x"]}, "c": ["y"]}, {"a": {"b": "x"}, "c": "y"}, True),
        ({"a": {"b": ["x"]}, "c": ["y"]}, {"a": {"b": "x"}, "c": "z"}, False),
        ({"a": ["x"]}, {"a": {"b": "x"}}, False),
        # prefix, suffix, case
        ({"a": [{"prefix": "ab"}]}, {"a": "abc"}, True),
        ({"a": [{"prefix": "ab"}]}, {"a": "Abc"}, False),
        ({"a": [{"prefix": {"equals-ignore-case": "AB"}}]}, {"a": "abc"}, True),
        ({"a": [{"suffix": "bc"}]}, {"a": "abc"}, True),
        ({"a": [{"suffix": {"equals-ignore-case": "BC"}}]}, {"a": "abc"}, True),
        ({"a": [{"equals-ignore-case": "ABC"}]}, {"a": "abc"}, True),
        ({"a": [{"prefix": "1"}]}, {"a": 12}, False),
        # anything-but
        ({"a": [{"anything-but": "x"}]}, {"a": "y"}, True),
        ({"a": [{"anything-but": "x"}]}, {"a": "x"}, False),
        ({"a": [{"anything-but": "x"}]}, {}, False),
        ({"a": [{"anything-but": "x"}, {"exists": False}]}, {}, True),
        ({"a": [{"anything-but": ["x", "y"]}]}, {"a": "y"}, False),
        ({"a": [{"anything-but": ["x", "y"]}]}, {"a": "z"}, True),
        ({"a": [{"anything-but": [1, 2]}]}, {"a": 2}, False),
        ({"a": [{"anything-but": 1}]}, {"a": "1"}, True),
        ({"a": [{"anything-but": {"prefix": "x"}}]}, {"a": "xy"}, False),
        ({"a": [{"anything-but": {"prefix": ["x", "y"]}}]}, {"a": "z"}, True),
        ({"a": [{"anything-but": {"suffix": "y"}}]}, {"a": "xy"}, False),
        ({"a": [{"anything-but": {"equals-ignore-case": ["X", "Y"]}}]}, {"a": "y"}, False),
        ({"a": [{"anything-but": {"wildcard": "*/lib/*"}}]}, {"a": "/usr/lib/x"}, False),
        ({"a": [{"anything-but": "x"}]}, {"a": ["x", "y"]}, True),
        # numeric
        ({"a": [{"numeric": ["=", 3.5]}]}, {"a": 3.5}, True),
        ({"a": [{"numeric": [">", 0, "<=", 5]}]}, {"a": 5}, True),
        ({"a": [{"numeric": [">", 0, "<", 5]}]}, {"a": 5}, False),
        ({"a": [{"numeric": ["<", 10]}]}, {"a": "5"}, False),
        # cidr
        ({"a": [{"cidr": "10.0.0.0/24"}]}, {"a": "10.0.0.255"}, True),
        ({"a": [{"cidr": "10.0.0.0/24"}]}, {"a": "10.0.1.0"}, False),
        ({"a": [{"cidr": "10.0.0.0/24"}]}, {"a": "secretsmanager.amazonaws.com"}, False),
        ({"a": [{"cidr": "2001:db8::/32"}]}, {"a": "2001:db8::1"}, True),
        # wildcard
        ({"a": [{"wildcard": "arn:*:secretsmanager:*"}]}, {"a": "arn:aws:secretsmanager:eu-west-1"}, True),
        ({"a": [{"wildcard": "a*c"}]}, {"a": "ac"}, True),
        ({"a": [{"wildcard": "a*c"}]}, {"a": "acd"}, False),
        ({"a": [{"wildcard": r"a\*c"}]}, {"a": "abc"}, False),
        ({"a": [{"wildcard": r"a\*c"}]}, {"a": "a*c"}, True),
        ({"a": [{"wildcard": "a.c"}]}, {"a": "abc"}, False),
        # exists: of leaves only
        ({"a": [{"exists": True}]}, {"a": "x"}, True),
        ({"a": [{"exists": True}]}, {"a": None}, True),
        ({"a": [{"exists": True}]}, {"a": {"b": "x"}}, False),
        ({"a": [{"exists": True}]}, {"a": []}, False),
        ({"a": [{"exists": False}]}, {}, True),
        ({"a": [{"exists": False}]}, {"a": "x"}, False),
        ({"a": [{"exists": False}]}, {"a": []}, True),
        ({"a": {"b": [{"exists": False}]}}, {"a": None}, True),
        # arrays
        ({"a": ["x"]}, {"a": ["w", "x"]}, True),
        ({"a": ["x"]}, {"a": [["w"], ["x"]]}, True),
        ({"resources": {"ARN": [{"prefix": "arn:aws:kms:"}]}}, RESOURCES, True),
        ({"resources": {"ARN": [KEY], "type": ["key"]}}, RESOURCES, True),
        ({"resources": {"ARN": [KEY], "type": ["alias"]}}, RESOURCES, False),
        ({"resources": {"ARN": [KEY], "region": [{"exists": False}]}}, RESOURCES, True),
        ({"a": {"b": [1], "c": [{"exists": False}]}}, {"a": [{"b": 1}, {"b": 2, "c": 3}]}, False),
        # $or
        ({"$or": [{"a": [1]}, {"b": [2]}]}, {"b": 2}, True),
        ({"$or": [{"a": [1]}, {"b": [2]}]}, {"a": 2, "b": 1}, False),
        ({"c": [3], "$or": [{"a": [1]}, {"b": [2]}]}, {"a": 1}, False),
        ({"c": {"$or": [{"a": [1]}, {"b": [2]}]}}, {"c": {"b": 2}}, True),
        ({"r": {"ARN": [KEY], "$or": [{"type": ["alias"]}, {"type": ["key"]}]}}, {"r": RESOURCES["resources"]}, True),
    ],
)
def test_a_pattern_takes_what_eventbridge_would_take(
    pattern: dict[str, Any], event: dict[str, Any], expected: bool
) -> None:
    assert matches(pattern, event) is expected


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ([], "must be an object"),
        ({}, "is empty"),
        ({"a": {}}, "a is empty"),
        ({"a": "x"}, "a must be an object or an array"),
        ({"a": {"b": 1}}, r"a\.b must be an object or an array"),
        ({"a": []}, "empty array"),
        ({"a": [["x"]]}, "array stands in an array"),
        ({"a": [{}]}, "exactly one operator"),
        ({"a": [{"prefix": "x", "suffix": "y"}]}, "exactly one operator"),
        ({"a": [{"starts-with": "x"}]}, "no operator 'starts-with'"),
        ({"a": [{"prefix": ["x"]}]}, "prefix takes a text"),
        ({"a": [{"suffix": ["x"]}]}, "suffix takes a text"),
        ({"a": [{"equals-ignore-case": ["x"]}]}, "takes a text"),
        ({"a": [{"wildcard": "a**b"}]}, "consecutive"),
        ({"a": [{"wildcard": r"a\b"}]}, "escapes nothing"),
        ({"a": [{"wildcard": 1}]}, "takes a text"),
        ({"a": [{"exists": "true"}]}, "true or false"),
        ({"a": [{"anything-but": []}]}, "empty array"),
        ({"a": [{"anything-but": ["x", 1]}]}, "texts, or numbers"),
        ({"a": [{"anything-but": None}]}, "texts, or numbers"),
        ({"a": [{"anything-but": {"cidr": "10.0.0.0/8"}}]}, "anything-but takes"),
        ({"a": [{"anything-but": {"prefix": 1}}]}, "takes a text"),
        ({"a": [{"numeric": [">"]}]}, "numeric takes"),
        ({"a": [{"numeric": ["!=", 1]}]}, "numeric takes"),
        ({"a": [{"numeric": [">", "1"]}]}, "numeric takes"),
        ({"a": [{"numeric": [">", 6e9]}]}, "numeric takes"),
        ({"a": [{"numeric": [">", 5, "<", 1]}]}, "lower bound"),
        ({"a": [{"numeric": ["<", 5, ">", 1]}]}, "lower bound"),
        ({"a": [{"cidr": "10.0.0.1"}]}, "block of addresses"),
        ({"a": [{"cidr": "anywhere/8"}]}, "block of addresses"),
        ({"$or": [{"a": [1]}]}, "at least two"),
        ({"$or": {"a": [1]}}, "at least two"),
        ({"$or": [{"a": [1]}, {}]}, "is empty"),
    ],
)
def test_a_pattern_that_eventbridge_refuses_is_refused_with_the_reason(pattern: Any, reason: str) -> None:
    with pytest.raises(InvalidPattern, match=reason):
        EventPattern.read(pattern)


leaves = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "x", "y"])
events = st.dictionaries(
    st.sampled_from("abc"),
    st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner)),
)


@given(events, st.sampled_from("abc"))
def test_a_field_either_exists_or_does_not(event: dict[str, Any], name: str) -> None:
    assert matches({name: [{"exists": True}]}, event) is not matches({name: [{"exists": False}]}, event)


def test_an_event_that_is_nested_without_end_is_matched_all_the_same() -> None:
    deep: Any = "x"
    for _ in range(50_000):
        deep = [deep]

    assert matches({"a": ["x"]}, {"a": deep})
