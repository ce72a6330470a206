"""What people are told of a failure, from what Step Functions says."""

import inspect
import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretwatch import errors as families
from secretwatch.domain.onboarding import errors
from secretwatch.domain.onboarding.failure import failure_of, told
from secretwatch.domain.onboarding.onboarding import Approval, Execution, Onboarding
from secretwatch.domain.onboarding.request import Problem
from tests.fakes import ACCOUNT, NOON, REGION

ENDING = {
    name
    for module in (families, errors)
    for name, one in inspect.getmembers(module, inspect.isclass)
    if issubclass(one, families.Transient | families.Permanent)
} | {errors.APPROVAL_REJECTED, errors.TIMEOUT, "Sandbox.Timedout"}
# Their messages are written with what to do in them; NoLongerWaiting ends nothing.
SAYS_ITSELF = {"RequestRefused", "AlreadyUnderWay", "NameTaken", "ProviderInUse", "NoLongerWaiting"}
ONBOARDING = Onboarding(Execution("arn:e", "o-1", NOON), ACCOUNT, REGION)


def test_an_error_of_ours_is_told_in_its_own_words() -> None:
    cause = json.dumps({"errorMessage": "there is one already", "errorType": "NameTaken"})

    assert failure_of("CreateProvider", "NameTaken", cause).message == "there is one already"


def test_a_cause_that_was_cut_off_is_told_from_the_record() -> None:
    onboarding = ONBOARDING.successor(problems=(Problem("name", "is missing", "Give one."),))

    assert failure_of("Validate", "RequestRefused", '{"errorMessage": "name is mi', onboarding).message == (
        "name is missing. Give one."
    )
    assert "nobody foresaw" in failure_of("Grant", "PolicyMoved", '{"errorMessage": "the pol').message


def test_a_time_out_is_nobodys_answer_only_where_people_are_asked() -> None:
    waiting = ONBOARDING.successor(approval=Approval(True, "Why.", timedelta(hours=2)))

    assert failure_of("Approve", "States.Timeout", "", waiting).why == "nobody approved it within 2 hours"
    assert failure_of("Verify", "States.Timeout", "", waiting).why == "Verify took too long"
    assert failure_of("Verify", "Sandbox.Timedout", "", waiting).why == "Verify took too long"


@pytest.mark.parametrize("error", sorted(ENDING - SAYS_ITSELF))
def test_whatever_ends_an_onboarding_is_told_with_what_to_do(error: str) -> None:
    failure = failure_of("Approve", error, json.dumps({"errorMessage": "CreateProvider: ThrottlingException."}))

    assert failure.to_do
    assert failure.message == f"{failure.why.rstrip('.')}. {failure.to_do}"
    assert failure.message.count("..") == 0


@pytest.mark.parametrize(
    ("error", "to_do"),
    [("Transient", "Start it again"), ("ProviderSettling", "Start it again"), ("Permanent", "`secretwatch doctor`")],
)
def test_what_passes_is_started_again_and_what_does_not_is_looked_at(error: str, to_do: str) -> None:
    assert to_do in failure_of("CreateProvider", error, json.dumps({"errorMessage": "It failed"})).message


@given(st.text(max_size=50), st.text(max_size=200))
def test_what_is_not_ours_is_never_repeated(error: str, said: str) -> None:
    error, said = f"X{error}", f"canary {said}"

    for cause in (said, json.dumps({"errorMessage": said})):
        assert "canary" not in failure_of("Verify", error, cause).message


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(days=3), "3 days"),
        (timedelta(days=1), "1 day"),
        (timedelta(hours=36), "36 hours"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(seconds=1), "1 second"),
        (timedelta(seconds=61), "61 seconds"),
    ],
)
def test_a_time_is_told_exactly(duration: timedelta, words: str) -> None:
    assert told(duration) == words
