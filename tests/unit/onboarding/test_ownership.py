"""What an execution does to providers: to the secret that was inspected, under its own claim, and none but its own."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from secretwatch.domain.facts import ValueShape
from secretwatch.domain.onboarding.errors import AlreadyUnderWay, ProviderRefused, ProviderSettling
from secretwatch.domain.onboarding.onboarding import Execution, Held, Status
from secretwatch.domain.onboarding.request import read_request
from secretwatch.domain.reference import ProviderKind, ProviderName
from secretwatch.errors import Permanent
from tests.fakes import NOON, a_name
from tests.unit.onboarding.world import WALLET, WEATHER, FakeVault, World, a_wallet, an_api_key

API_KEY = a_name("weather", ProviderKind.API_KEY)
LITERAL = "sk-live-4f9a8b7c6d5e"


# --- the secret that was inspected ---


def test_a_name_that_comes_to_mean_another_secret_is_not_followed() -> None:
    world = World()
    world.before_state["CreateProvider"] = lambda: setattr(world.vault, "names", lambda _name: WALLET)

    world.onboard(an_api_key(secret="agents/weather"))

    assert [body["apiKeySecretConfig"]["secretId"] for body in world.vault.created] == [WEATHER]


def test_certificates_and_every_secret_of_a_request_are_pinned() -> None:
    partial = WEATHER[:-7]
    certificates = [{"secretsManager": {"secretArn": partial}}, {"s3": {"uri": "s3://a/b"}}]
    body = a_wallet(api="agents/weather", wallet="agents/wallet")
    request = read_request({**body, "certificateConfigurations": certificates})
    assert not isinstance(request, list)

    pinned = request.pinned({"agents/weather": WEATHER, "agents/wallet": WALLET, partial: WEATHER})

    assert {one.secret_id for one in pinned.references} == {WEATHER, WALLET}
    assert pinned.body["certificateConfigurations"] == [{"secretsManager": {"secretArn": WEATHER}}, certificates[1]]


@pytest.mark.parametrize("failure", [None, Permanent("DescribeSecret: AccessDeniedException")])
def test_what_names_no_secret_may_be_one_and_stands_nowhere(failure: Exception | None) -> None:
    world = World()
    if failure:
        world.secrets.failures["full_arn"] = failure

    ended = world.onboard(an_api_key(secret=LITERAL))

    assert (ended.error, "rotate it" in (ended.message or "")) == ("RequestRefused", True)
    kept = repr(world.onboardings.onboardings) + repr([one.detail() for one in world.bus.told])
    assert LITERAL not in kept
    with pytest.raises(Permanent, match="rotate it"):  # whoever tries once more hears the same
        world.inspecting().inspect("o-1")


def test_a_json_key_that_the_value_lacks_may_be_the_secret_and_stands_nowhere() -> None:
    world = World()
    world.secret.shapes["v1"] = ValueShape.KEY_MISSING

    ended = world.onboard(an_api_key(json_key=LITERAL))

    assert (ended.error, "rotate it" in (ended.message or "")) == ("RequestRefused", True)
    assert "apiKeySecretConfig.jsonKey" in (ended.message or "")
    kept = repr(world.onboardings.onboardings) + repr([one.detail() for one in world.bus.told]) + str(ended.message)
    assert LITERAL not in kept


# --- a provider that is not shown yet ---


class LateVault(FakeVault):
    """Shows what was created only some looks later."""

    late = 0
    tries = 0

    def find(self, name: ProviderName) -> Held | None:
        if name in self.held and self.late > 0:
            self.late -= 1
            return None
        return super().find(name)

    def create(self, name: ProviderName, body: Mapping[str, Any], *, maker: str) -> None:
        self.tries += 1
        super().create(name, body, maker=maker)


def late(by: int) -> World:
    world = World()
    world.vault = LateVault(world.secrets.named)
    world.vault.late = by
    return world


def test_what_was_created_and_is_not_shown_yet_is_waited_for_and_not_created_again() -> None:
    world = late(4)

    assert world.onboard(an_api_key()).succeeded
    assert isinstance(world.vault, LateVault)
    assert world.vault.tries == 1


def test_what_was_created_and_is_never_shown_is_deleted_all_the_same() -> None:
    world = late(1_000)
    before = world.outside()

    ended = world.onboard(an_api_key())

    assert (ended.error, ended.failed_at) == (ProviderSettling.__name__, "CreateProvider")
    assert world.onboardings.onboardings["o-1"].status is Status.ROLLED_BACK
    assert world.outside() == before


# --- whose it is ---


def test_another_stacks_execution_of_the_same_name_has_another_mark() -> None:
    ours = Execution("arn:aws:states:eu-west-1:111122223333:execution:one-OnboardSecret:o-1", "o-1", NOON)
    marks = {ours.mark, replace(ours, arn=ours.arn.replace(":one-", ":two-")).mark}

    assert len(marks) == 2
    assert all(len(mark) <= 256 for mark in (replace(ours, name="n" * 80).mark, *marks))


def test_what_another_stacks_execution_of_the_same_name_created_stays() -> None:
    world = World()
    theirs = replace(world.execution(), arn="arn:aws:states:eu-west-1:111122223333:execution:two-OnboardSecret:o-1")

    def somebody_is_faster(name: ProviderName, body: Mapping[str, Any], *, maker: str) -> None:
        world.vault.put(name, body, maker=theirs.mark)
        raise ProviderRefused("the name is taken")

    world.vault.create = somebody_is_faster  # type: ignore[method-assign]
    world.failing["Verify"] = Permanent("GetProvider: AccessDeniedException")

    world.onboard(an_api_key())

    assert list(world.vault.held) == [API_KEY]


@pytest.mark.parametrize("holder", ["arn:of-another-execution", None])
def test_without_the_claim_no_policy_is_changed_and_no_provider_created(holder: str | None) -> None:
    """An execution that is redriven, or a step that comes late, meets another one's claim, or none."""
    world = World()
    execution = world.execution()
    world.beginning().begin(execution, an_api_key())
    world.inspecting().inspect("o-1")
    world.onboardings.release(API_KEY, execution.arn)
    if holder:
        world.onboardings.claims[API_KEY] = holder

    for step in (world.granting().grant, world.creating().create):
        with pytest.raises(AlreadyUnderWay):
            step("o-1")
    assert (world.documents.writes, world.vault.held) == ([], {})
