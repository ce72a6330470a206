"""None of the workflows' failures goes uncaught, and what was done by then is taken back.

That Step Functions would take them, tests/differential says.
"""

from collections.abc import Iterator

import pytest

from secretwatch.errors import Transient
from tests.contract.workflows import NAMES, WORKFLOWS, Fields

STATES = {
    f"{name}-{title}": state for name, workflow in WORKFLOWS.items() for title, state in workflow["States"].items()
}
TASKS = [pytest.param(state, id=name) for name, state in STATES.items() if state["Type"] == "Task"]
STEPS = [
    pytest.param(state, id=name) for name, state in STATES.items() if ":lambda:invoke" in state.get("Resource", "")
]


def ways_out(state: Fields) -> Iterator[str]:
    """Every state that may come after this one."""
    yield from (state[key] for key in ("Next", "Default") if key in state)
    yield from (one["Next"] for key in ("Catch", "Choices") for one in state.get(key, []))


def reached(workflow: Fields, start: str) -> set[str]:
    """The states that can come once this one was entered, itself among them."""
    found, ahead = set(), [start]
    while ahead:
        if (name := ahead.pop()) not in found:
            found.add(name)
            ahead += ways_out(workflow["States"][name])
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_state_can_be_reached(name: str) -> None:
    workflow = WORKFLOWS[name]

    assert reached(workflow, workflow["StartAt"]) == set(workflow["States"])


@pytest.mark.parametrize("name", NAMES)
def test_no_time_out_ends_the_whole_since_nothing_would_be_rolled_back_then(name: str) -> None:
    assert "TimeoutSeconds" not in WORKFLOWS[name]


@pytest.mark.parametrize("state", TASKS)
def test_what_fails_in_passing_is_tried_again_never_all_at_once_and_never_for_long(state: Fields) -> None:
    for retrier in state["Retry"]:
        assert retrier["JitterStrategy"] == "FULL"
        assert retrier["BackoffRate"] > 1
        assert 3 <= retrier["MaxAttempts"] <= 20
        assert retrier["IntervalSeconds"] < retrier["MaxDelaySeconds"] <= 60


def transient(family: type[Transient] = Transient) -> Iterator[str]:
    """The names of all errors that trying again may mend: Step Functions knows no inheritance."""
    yield family.__name__
    for one in family.__subclasses__():
        yield from transient(one)


@pytest.mark.parametrize("state", STEPS)
def test_every_error_of_ours_and_of_lambda_that_may_pass_is_tried_again(state: Fields) -> None:
    retried = {error for retrier in state["Retry"] for error in retrier["ErrorEquals"]}

    assert retried >= set(transient())
    assert {error for error in retried if "." in error} == {
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
        "Lambda.ServiceException",
        "Lambda.TooManyRequestsException",
        "Lambda.Unknown",
        "Sandbox.Timedout",
    }


@pytest.mark.parametrize("state", TASKS)
def test_any_other_error_is_caught(state: Fields) -> None:
    *_, last = state["Catch"]

    assert last["ErrorEquals"] == ["States.ALL"]


@pytest.mark.parametrize("name", NAMES)
def test_the_input_goes_to_those_steps_alone_that_read_it(name: str) -> None:
    """A literal secret in it would be written into the history again with each."""
    payloads = [state.get("Arguments", {}).get("Payload", {}) for state in WORKFLOWS[name]["States"].values()]

    assert [one["step"] for one in payloads if "Execution.Input" in str(one)] == {
        "onboard_secret": ["validate"],
        "offboard_provider": ["check_use", "announce_offboarding_failed"],
    }[name]


NAMED = {
    "Validate": {"RequestRefused": "AnnounceFailure", "AlreadyUnderWay": "AnnounceFailure"},
    "Inspect": {"RequestRefused": "AnnounceFailure", "NameTaken": "AnnounceFailure"},
    "Approve": {"ApprovalRejected": "AnnounceFailure", "States.Timeout": "AnnounceFailure"},
    "Grant": {"PolicyMoved": "WithdrawAccess", "GrantRefused": "WithdrawAccess"},
    "CreateProvider": {
        "NameTaken": "DeleteProvider",
        "ProviderRefused": "DeleteProvider",
        "ProviderFailed": "DeleteProvider",
    },
    "Verify": {"ProviderFailed": "DeleteProvider", "NotResolving": "DeleteProvider"},
}
"""By state: where a refusal that we know by name leads, past what cannot have been done by then."""


def test_a_refusal_by_name_skips_of_the_roll_back_only_what_cannot_have_been_done() -> None:
    states = WORKFLOWS["onboard_secret"]["States"]
    named = {
        title: {error: one["Next"] for one in state["Catch"][:-1] for error in one["ErrorEquals"]}
        for title, state in states.items()
        if "Catch" in state
    }

    assert {title: found for title, found in named.items() if found} == NAMED
    for title in NAMED:
        for catcher in states[title]["Catch"]:
            assert catcher["Assign"]["failure"].startswith("{% { 'step': $states.context.State.Name")


UNDOING = ("Forget", "DeleteProvider", "WithdrawAccess")


def test_what_nobody_foresaw_passes_the_whole_roll_back() -> None:
    """A refusal by name may skip what it cannot have done."""
    states = WORKFLOWS["onboard_secret"]["States"]
    forward = reached(WORKFLOWS["onboard_secret"], "Validate") - reached(WORKFLOWS["onboard_secret"], "Forget")

    assert forward >= {"Validate", "Inspect", "Approve", "Grant", "CreateProvider", "Verify", "Register", "Announce"}
    for name in forward - {"NeedsApproval"}:
        assert states[name]["Catch"][-1]["Next"] == "Forget"


def test_the_roll_back_goes_backwards_and_a_step_of_it_that_fails_is_noted_and_stops_no_other() -> None:
    states = WORKFLOWS["onboard_secret"]["States"]

    for name, following in zip(UNDOING, (*UNDOING[1:], "AnnounceFailure"), strict=True):
        (catcher,) = states[name]["Catch"]
        assert states[name]["Next"] == catcher["Next"] == following
        assert catcher["Assign"]["rollBack"].startswith("{% $append($rollBack, [{ 'step': $states.context.State.Name")


@pytest.mark.parametrize("name", NAMES)
def test_whatever_fails_is_told_and_ends_as_a_failure(name: str) -> None:
    states = WORKFLOWS[name]["States"]
    (end,) = [title for title, state in states.items() if state["Type"] == "Fail"]

    assert states["AnnounceFailure"]["Next"] == states["TellPeople"]["Next"] == end
    assert [one["Next"] for one in states["AnnounceFailure"]["Catch"]] == ["TellPeople"]
    assert [title for title, state in states.items() if state.get("End")] == [
        {"onboard_secret": "Announce", "offboard_provider": "AnnounceOffboarded"}[name]
    ]


def test_people_have_as_long_as_the_request_says() -> None:
    approve = WORKFLOWS["onboard_secret"]["States"]["Approve"]

    assert approve["Resource"].endswith(":lambda:invoke.waitForTaskToken")
    assert approve["TimeoutSeconds"] == "{% $approval.withinSeconds %}"
    assert approve["Arguments"]["Payload"]["token"] == "{% $states.context.Task.Token %}"
    assert "States.Timeout" not in str(approve["Retry"])  # or each time-out would ask anew
