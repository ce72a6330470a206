"""What events tell of a secret is kept, the same in whatever order and however often it comes."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretwatch.domain.observed import FailedRotation, Observation, Observations, ObservedRead
from tests.fakes import ACCOUNT, NOON

MINUTE = timedelta(minutes=1)
ROLES = [f"arn:aws:iam::{ACCOUNT}:role/bot-{number}" for number in range(12)]

moments = st.integers(min_value=0, max_value=20).map(lambda minutes: NOON + minutes * MINUTE)
reads = st.builds(
    ObservedRead,
    moments,
    st.none() | st.sampled_from(ROLES),
    st.sampled_from([None, None, "AccessDenied", "DecryptionFailure", "ThrottlingException"]),
)
observations = reads | st.builds(FailedRotation, moments)


def seen(*happenings: Observation) -> Observations:
    known = Observations()
    for one in happenings:
        known = known.seen(one)
    return known


@given(st.lists(observations, max_size=30).flatmap(lambda them: st.tuples(st.just(them), st.permutations(them * 2))))
def test_neither_order_nor_repetition_makes_a_difference(
    orders: tuple[list[Observation], list[Observation]],
) -> None:
    once, shuffled_twice = orders

    assert seen(*once) == seen(*shuffled_twice)


@given(st.lists(observations, max_size=30))
def test_the_latest_of_each_kind_is_kept(happenings: list[Observation]) -> None:
    known = seen(*happenings)

    succeeded = [one.at for one in happenings if isinstance(one, ObservedRead) and not one.failed]
    failed = [one.at for one in happenings if isinstance(one, FailedRotation)]
    assert (known.read.at if known.read else None) == max(succeeded, default=None)
    assert (known.rotation_failed.at if known.rotation_failed else None) == max(failed, default=None)


def test_the_ten_roles_that_read_last_are_kept() -> None:
    known = seen(*(ObservedRead(NOON + number * MINUTE, role) for number, role in enumerate(ROLES)))

    assert known.roles == frozenset(ROLES[2:])


def test_a_role_that_was_refused_is_a_reader_too_and_the_service_itself_is_no_role() -> None:
    known = seen(ObservedRead(NOON, ROLES[0], "AccessDenied"), ObservedRead(NOON))

    assert known.roles == {ROLES[0]}
    assert known.denied == ObservedRead(NOON, ROLES[0], "AccessDenied")


@pytest.mark.parametrize("error", ["ThrottlingException", "InternalServiceError", "ServiceUnavailable"])
def test_a_failure_that_passes_says_nothing_of_access(error: str) -> None:
    assert seen(ObservedRead(NOON, ROLES[0], error)) == Observations()
