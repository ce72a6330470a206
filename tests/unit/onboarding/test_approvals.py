"""When a person has to approve, what that person is shown, and who it may be."""

import json
from typing import Any

import pytest

from secretwatch.domain.onboarding.destination import destination_of, servers_of
from secretwatch.domain.onboarding.request import read_request
from secretwatch.domain.repair.repair import Repair, Status
from secretwatch.domain.secret import SecretId
from tests.fakes import a_provider, a_reference
from tests.unit.onboarding.world import (
    ALICE,
    ALLOWED,
    BOB,
    WEATHER,
    World,
    a_custom,
    an_api_key,
    an_oauth2,
    an_okta,
)

EVIL = "https://evil.example.com"


def needed(world: World, request: dict[str, Any]) -> bool:
    world.onboard(request)
    approval = world.onboardings.onboardings["o-1"].approval
    assert approval
    return approval.needed


# --- the owner's tag ---


def test_the_tag_allows_a_provider_of_one_kind_and_none_of_another_with_its_name() -> None:
    """Else whoever may start a workflow gives an API key provider a client secret, which agents then read as it is."""
    tags = {"secretwatch:allow-provider": "oauth2/crm"}
    one, other = World(), World()
    one.secret.tags, other.secret.tags = dict(tags), dict(tags)

    assert not needed(one, an_oauth2("crm"))
    assert needed(other, an_api_key("crm", json_key="client_secret"))


@pytest.mark.parametrize(
    "request_",
    [
        a_custom(server=EVIL),
        an_okta(issuer=EVIL, authorizationEndpoint=f"{EVIL}/authorize", tokenEndpoint=f"{EVIL}/token"),
        an_okta(tokenEndpoint=f"{EVIL}/token"),
    ],
    ids=["custom", "all", "one"],
)
def test_who_says_to_which_servers_the_credential_is_sent_needs_a_person_or_a_tag_that_names_them(
    request_: dict[str, Any],
) -> None:
    plain, named, other = World(), World(), World()
    plain.secret.tags = dict(ALLOWED)
    named.secret.tags = {"secretwatch:allow-provider": "oauth2/crm@Evil.example.com"}
    other.secret.tags = {"secretwatch:allow-provider": "oauth2/crm@example.com OAUTH2/crm"}

    assert [needed(world, request_) for world in (plain, named, other)] == [True, False, True]
    approval = plain.onboardings.onboardings["o-1"].approval
    assert approval
    assert "names OAUTH2/crm@evil.example.com." in approval.why


def test_a_tag_for_a_server_of_ones_own_allows_no_vendor_s() -> None:
    world = World()
    world.secret.tags = {"secretwatch:allow-provider": "OAUTH2/crm@idp.example.com"}

    assert needed(world, an_oauth2("crm"))


def test_each_of_several_servers_has_to_be_named() -> None:
    asked = an_okta(issuer="https://one.example.com", tokenEndpoint="https://two.example.com/token")
    one, both = World(), World()
    one.secret.tags = {"secretwatch:allow-provider": "OAUTH2/crm@one.example.com"}
    both.secret.tags = {"secretwatch:allow-provider": "OAUTH2/crm@two.example.com OAUTH2/crm@one.example.com"}

    assert (needed(one, asked), needed(both, asked)) == (True, False)


@pytest.mark.parametrize(
    "address",
    [
        "http://evil.example.com",
        "https://evil.example.com:8443",
        "https://evil.example.com@other.example.com",
        "https://[evil.example.com",
        "evil.example.com",
        "https://",
    ],
)
def test_an_address_that_is_no_plain_one_always_needs_a_person(address: str) -> None:
    request = read_request(a_custom(server=address))

    assert not isinstance(request, list)
    assert servers_of(request) is None


def test_what_is_more_than_addresses_always_needs_a_person() -> None:
    body = a_custom(server=EVIL)
    custom = body["oauth2ProviderConfigInput"]["customOauth2ProviderConfig"]
    lattice = {"resourceConfigurationIdentifier": "rcfg-0123456789abcdef0"}
    custom["privateEndpoint"] = {"selfManagedLatticeResource": lattice}
    world = World()
    world.secret.tags = {"secretwatch:allow-provider": "OAUTH2/crm@evil.example.com"}
    request = read_request(body)

    assert not isinstance(request, list)
    assert servers_of(request) is None
    assert needed(world, body)


def test_a_vendor_whose_servers_aws_knows_needs_none() -> None:
    assert not needed(World(), an_okta(secret=WEATHER))


# --- what whoever approves is shown ---


def asked(world: World) -> tuple[str, dict[str, Any]]:
    """The message and the approval, as the bus tells of one that waits."""
    detail = next(one.detail() for one in world.bus.told if one.detail_type == "Onboarding Awaiting Approval")
    return detail["message"], detail["approval"]


def test_where_the_credential_is_sent_is_told_with_the_servers() -> None:
    world = World()
    world.onboard(a_custom(server=EVIL))

    message, approval = asked(world)

    assert f'oauthDiscovery.authorizationServerMetadata.tokenEndpoint "{EVIL}/token"' in message
    assert approval["destination"]["vendor"] == "CustomOauth2"
    settings = {one["name"]: one["value"] for one in approval["destination"]["settings"]}
    assert settings["clientId"] == "id-1"
    assert settings["oauthDiscovery.authorizationServerMetadata.issuer"] == EVIL
    assert "client_secret" not in str(settings)


def test_no_list_pushes_a_server_out_of_sight_and_no_text_is_endless() -> None:
    body = a_custom(server=EVIL)
    custom = body["oauth2ProviderConfigInput"]["customOauth2ProviderConfig"]
    lattice = {"selfManagedLatticeResource": {"resourceConfigurationIdentifier": "r"}}
    private = {"domain": "d", "privateEndpoint": lattice}
    custom["privateEndpointOverrides"] = [private] * 100
    custom["oauthDiscovery"]["authorizationServerMetadata"]["responseTypes"] = ["x" * 100] * 100
    request = read_request(body)
    assert not isinstance(request, list)

    told = destination_of(request)

    names = [name for name, _ in told]
    assert names[0] == "clientId"
    assert "oauthDiscovery.authorizationServerMetadata.tokenEndpoint" in names
    assert names[-1] == "..."
    assert len(json.dumps(told)) < 20_000


def test_the_owner_that_a_request_names_reads_as_no_word_of_ours() -> None:
    world = World()
    world.secret.tags = {}
    world.onboard(an_api_key(owner='Payments". PRE-APPROVED by Security, "'))

    message, _ = asked(world)

    assert message.startswith("""Somebody, who says to be of "Payments'. PRE-APPROVED by Security, '", wants""")


def test_until_a_secret_is_found_nothing_that_was_typed_for_it_is_told() -> None:
    world = World()
    world.onboard(an_api_key(json_key="sk-live-1"))

    started = next(one.detail() for one in world.bus.told if one.detail_type == "Onboarding Started")

    assert "sk-live-1" not in str(started)


# --- changes of a policy that are more than the tag says ---


def with_another(world: World) -> World:
    """Another provider points at the secret, and may not read it."""
    world.records.record(None, a_provider("crm", a_reference("crm", secret=WEATHER)), moved=[])
    return world


def test_a_change_that_lets_others_in_too_needs_a_person() -> None:
    world = with_another(World())

    assert needed(world, an_api_key())
    approval = world.onboardings.onboardings["o-1"].approval
    assert approval
    assert "/crm in, too" in approval.why


def test_a_change_that_a_person_rejected_as_a_repair_needs_a_person() -> None:
    world = World()
    reference = a_reference("weather", secret=WEATHER)
    (look,) = world.seeing().with_provider([reference]).look(SecretId.of_arn(WEATHER), at=world.now)
    planned = look.planned[WEATHER]
    assert planned
    repair = Repair.planned(planned, applied=0, secret=WEATHER, at=world.now).successor()  # type: ignore[arg-type]
    world.repairs.store(repair)
    world.repairs.store(repair.moved(Status.REJECTED, decided_by=ALICE, reason="No agents here."))
    world.repairs.store(world.repairs.standing(WEATHER).successor(plan=repair.id))

    assert needed(world, an_api_key())
    approval = world.onboardings.onboardings["o-1"].approval
    assert approval
    assert f"was rejected by {ALICE}" in approval.why


# --- who decides ---


def waiting(world: World) -> World:
    """An onboarding that waits."""
    world.secret.tags = {}
    execution = world.execution()
    world.executions.running.add(execution.arn)
    world.beginning().begin(execution, an_api_key())
    world.inspecting().inspect("o-1")
    ask(world, "token-1")
    return world


def ask(world: World, token: str) -> None:
    """Step Functions waits with this token, and with no former one."""
    world.decisions.waiting = {token}
    world.asking().ask("o-1", token)


def test_who_started_an_execution_that_others_started_once_more_does_not_approve_it() -> None:
    world = waiting(World())
    world.starters.who = (ALICE, BOB)

    assert [world.deciding().approve("o-1", one).status for one in (ALICE, BOB)] == [403, 403]


def test_a_federated_user_approves_nothing() -> None:
    answer = waiting(World()).deciding().approve("o-1", "arn:aws:sts::111122223333:federated-user/alice")

    assert (answer.status, "federated" in answer.message) == (403, True)


def test_an_approval_that_a_former_try_got_is_asked_for_again() -> None:
    """Step Functions lost the function's answer and waits with another token: the decision went to the first one."""
    world = waiting(World())
    world.decisions.waiting.clear()
    world.deciding().approve("o-1", ALICE)

    ask(world, "token-2")

    approval = world.onboardings.onboardings["o-1"].approval
    assert approval
    assert approval.open
    assert world.deciding().approve("o-1", ALICE).status == 202
    assert world.decisions.came_to == {"token-2": (True, ALICE)}


def test_a_decision_outlives_a_repeat_with_the_same_token() -> None:
    world = waiting(World())
    world.deciding().reject("o-1", ALICE, "Not ours.")

    world.asking().ask("o-1", "token-1")

    approval = world.onboardings.onboardings["o-1"].approval
    assert approval
    assert approval.decided_by == ALICE
