"""When a person has to approve, what that person is shown, and who it may be."""

from typing import Any

import pytest

from tests.unit.onboarding.world import ALLOWED, WEATHER, World, a_custom, an_api_key, an_oauth2, an_okta

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
def test_who_says_to_which_servers_the_credential_is_sent_needs_a_person(request_: dict[str, Any]) -> None:
    world = World()
    world.secret.tags = dict(ALLOWED)

    assert needed(world, request_)
    approval = world.onboardings.onboardings["o-1"].approval
    assert approval
    assert "to which servers" in approval.why


def test_a_vendor_whose_servers_aws_knows_needs_none() -> None:
    assert not needed(World(), an_okta(secret=WEATHER))
