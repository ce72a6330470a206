"""Whatever breaks off, and wherever: a retry finishes what was begun, or all of it is taken back."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secretwatch.domain.key import KeyId
from secretwatch.errors import Transient
from tests.fakes import KEY_ARN, a_document, a_statement
from tests.unit.onboarding.world import WALLET, WEATHER, Ended, World, a_wallet, an_api_key
from tests.unit.repair.documents import documents
from tests.unit.repair.world import Process

THEIRS = a_document(a_statement(Sid="Deployers", Principal={"AWS": "arn:aws:iam::111122223333:role/deployer"}))
KEY_POLICY = a_document(
    a_statement(Sid="Admins", Principal={"AWS": "arn:aws:iam::111122223333:role/admin"}, Action="kms:*")
)


class Failing(Process):
    """Fails at one call for once, before or after it took effect: as when AWS does not answer."""

    def call(self, name: str, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        number = len(self.calls)
        self.calls.append(name)
        if number == self.dies_at and not self.after_it:
            raise Transient(f"{name}: ReadTimeoutError")
        result = method(*args, **kwargs)
        if number == self.dies_at:
            raise Transient(f"{name}: ReadTimeoutError")
        return result


def a_world() -> World:
    """Two secrets under one key; AgentCore may neither read nor decrypt."""
    world = World(policy=THEIRS, key_policies=True)
    world.keys.add(KEY_ARN, policy=KEY_POLICY)
    for secret in world.secrets.secrets.values():
        secret.key = KeyId(KEY_ARN)
    return world


REQUESTS: dict[str, dict[str, Any]] = {"api key": an_api_key(), "wallet": a_wallet()}


def calls_of(request: dict[str, Any]) -> list[str]:
    world = a_world()
    assert world.onboard(request).succeeded
    return list(world.process.calls)


READS = {"find", "of_secret", "describe", "policy", "policy_names", "shapes", "grants", "read", "full_arn", "get"}
EVERYWHERE = pytest.mark.parametrize(
    ("request_", "at", "after_it"),
    [
        pytest.param(name, at, after_it, id=f"{name}-{at}-{'after' if after_it else 'before'}-{call}")
        for name, request in REQUESTS.items()
        for at, call in enumerate(calls_of(request))
        for after_it in (False, True)
        # To read and not to hear of it is not to have read; of two secrets, all is read as of one.
        if call.split(".")[1] not in READS or (name == "api key" and not after_it)
    ],
)


@EVERYWHERE
def test_a_function_that_dies_at_any_call_is_run_again_and_there_is_one_provider(
    request_: str, at: int, after_it: bool
) -> None:
    world = a_world()
    world.process.dies_at, world.process.after_it = at, after_it

    ended = world.onboard(REQUESTS[request_])

    assert ended.succeeded, ended
    assert len(world.vault.created) == 1
    assert len(world.records.records) == 1
    assert {state.verdict for state in world.references.states.values()} == {"RESOLVES"}
    assert len(world.documents.writes) == len(world.onboardings.onboardings["o-1"].secrets)
    assert world.onboardings.claims == {}
    assert world.bus.kinds() == ["Onboarding Started", "Onboarding Succeeded"]


def failed_at(world: World, request: dict[str, Any], at: int, *, after_it: bool) -> Ended:
    """Nothing is tried again on the way there; on the way back it is."""
    world.process, world.retries = Failing(), 0
    world.process.dies_at, world.process.after_it = at, after_it
    return world.onboard(request)


@EVERYWHERE
def test_a_failure_at_any_call_leaves_everything_as_it_was_byte_by_byte(request_: str, at: int, after_it: bool) -> None:
    world = a_world()
    before = world.outside()

    ended = failed_at(world, REQUESTS[request_], at, after_it=after_it)

    if ended.succeeded:  # what could not be read was not needed
        assert world.bus.kinds() == ["Onboarding Started", "Onboarding Succeeded"]
        return
    assert world.outside() == before
    assert world.bus.kinds()[-1] == "Onboarding Rolled Back"
    assert world.onboardings.onboardings["o-1"].status == "ROLLED_BACK"
    assert ended.message


@given(st.data(), documents())
@settings(max_examples=60)
def test_whatever_the_policy_says_a_roll_back_leaves_it_byte_by_byte(data: st.DataObject, policy: str | None) -> None:
    world = World(policy=policy)
    before = world.outside()

    ended = failed_at(world, an_api_key(), data.draw(st.integers(0, 60)), after_it=data.draw(st.booleans()))

    if not ended.succeeded:
        assert world.outside() == before
    assert world.policy(WALLET) == policy


def test_calls_are_many_enough_to_be_worth_it() -> None:
    assert {name.split(".")[0] for name in calls_of(a_wallet())} >= {"vault", "policy", "key policy", "registry", "bus"}
    assert WEATHER in str(a_wallet())
