"""Quotas by a clock of the tests' own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.quotas import PROVIDER_OPERATIONS, Quotas


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def admitted(quotas: Quotas, service: str, operation: str, times: int) -> int:
    return sum(quotas.admit(service, operation) for _ in range(times))


def test_nothing_is_refused_unless_asked_for_but_all_is_counted() -> None:
    quotas = Quotas(Clock())

    assert admitted(quotas, "secretsmanager", "PutResourcePolicy", 1000) == 1000
    assert quotas.counts() == {"calls": {"secretsmanager:PutResourcePolicy": 1000}, "throttled": {}}


def test_the_policy_operations_share_fifty_calls_a_second() -> None:
    clock = Clock()
    quotas = Quotas(clock)
    quotas.impose()

    burst = admitted(quotas, "secretsmanager", "GetResourcePolicy", 40)
    burst += admitted(quotas, "secretsmanager", "ValidateResourcePolicy", 40)
    clock.now += 0.5

    assert burst == 50
    assert admitted(quotas, "secretsmanager", "PutResourcePolicy", 40) == 25
    assert quotas.counts()["throttled"] == {
        "secretsmanager:ValidateResourcePolicy": 30,
        "secretsmanager:PutResourcePolicy": 15,
    }


def test_each_operation_on_providers_has_twenty_to_itself_and_others_are_free() -> None:
    quotas = Quotas(Clock())
    quotas.impose()

    assert {admitted(quotas, "bedrock-agentcore", operation, 30) for operation in PROVIDER_OPERATIONS} == {20}
    assert admitted(quotas, "bedrock-agentcore", "ListGateways", 300) == 300
    assert admitted(quotas, "secretsmanager", "DescribeSecret", 300) == 300
    assert admitted(quotas, "cloudtrail", "LookupEvents", 3) == 2
    assert len(PROVIDER_OPERATIONS) == 15


def test_imposing_and_lifting_count_anew() -> None:
    quotas = Quotas(Clock())
    quotas.impose(policies=1)
    assert admitted(quotas, "secretsmanager", "GetResourcePolicy", 5) == 1
    quotas.impose(policies=2)
    assert admitted(quotas, "secretsmanager", "GetResourcePolicy", 5) == 2
    quotas.lift()
    assert admitted(quotas, "secretsmanager", "GetResourcePolicy", 5) == 5

    assert quotas.counts() == {"calls": {"secretsmanager:GetResourcePolicy": 5}, "throttled": {}}


def test_a_quota_below_one_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Quotas().impose(providers=0)


@given(waits=st.lists(st.floats(0, 3), max_size=60))
def test_no_span_of_time_has_more_calls_than_a_burst_and_its_seconds_worth(waits: list[float]) -> None:
    clock = Clock()
    quotas, passed, start = Quotas(clock), 0, clock.now
    quotas.impose(lookups=2)
    for wait in waits:
        clock.now += wait
        passed += admitted(quotas, "cloudtrail", "LookupEvents", 3)

        assert passed <= 2 + 2 * (clock.now - start) + 1e-6
