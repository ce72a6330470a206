"""A request is read as far as it is one, and what is ours in it is judged."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretwatch.domain.onboarding.request import (
    OnboardingRequest,
    Options,
    Problem,
    WantedReference,
    nearest,
    read_request,
)
from secretwatch.domain.reference import ProviderKind
from tests.fakes import secret_arn

SECRET = secret_arn("agents/crm")
API_KEY = {
    "name": "weather",
    "apiKeySecretSource": "EXTERNAL",
    "apiKeySecretConfig": {"secretId": SECRET, "jsonKey": "key"},
}
OAUTH2 = {
    "name": "crm",
    "credentialProviderVendor": "GoogleOauth2",
    "oauth2ProviderConfigInput": {
        "googleOauth2ProviderConfig": {
            "clientId": "id",
            "clientSecretSource": "EXTERNAL",
            "clientSecretConfig": {"secretId": SECRET, "jsonKey": "client_secret"},
        }
    },
}
PAYMENT = {
    "name": "wallet",
    "credentialProviderVendor": "CoinbaseCDP",
    "providerConfigurationInput": {
        "coinbaseCdpConfiguration": {
            "apiKeyId": "id",
            "apiKeySecretSource": "EXTERNAL",
            "apiKeySecretConfig": {"secretId": SECRET, "jsonKey": "api"},
            "walletSecretSource": "EXTERNAL",
            "walletSecretConfig": {"secretId": "agents/wallet", "jsonKey": "wallet"},
        }
    },
}

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def read(given: Any) -> OnboardingRequest:
    request = read_request(given)
    assert isinstance(request, OnboardingRequest)
    return request


@pytest.mark.parametrize(
    ("given", "kind", "references"),
    [
        pytest.param(API_KEY, ProviderKind.API_KEY, [WantedReference("apiKey", SECRET, "key")], id="API key"),
        pytest.param(
            OAUTH2, ProviderKind.OAUTH2, [WantedReference("clientSecret", SECRET, "client_secret")], id="OAuth2"
        ),
        pytest.param(
            PAYMENT,
            ProviderKind.PAYMENT,
            [WantedReference("apiKey", SECRET, "api"), WantedReference("walletSecret", "agents/wallet", "wallet")],
            id="two of a payment vendor",
        ),
    ],
)
def test_a_request_names_its_kind_and_references(
    given: dict[str, Any], kind: ProviderKind, references: list[WantedReference]
) -> None:
    request = read(given)

    assert (request.kind, request.name, request.body) == (kind, given["name"], given)
    assert list(request.references) == references
    assert request.misread == ()


def test_a_certificate_is_a_reference_without_key() -> None:
    custom = {"certificateConfigurations": [{"secretsManager": {"secretArn": SECRET}}, {"s3": {"uri": "s3://b/k"}}]}

    request = read({"name": "x", "oauth2ProviderConfigInput": {"customOauth2ProviderConfig": custom}})

    assert request.references == (WantedReference("certificate", SECRET, None),)


def test_a_secret_that_agentcore_keeps_is_no_reference() -> None:
    assert read({**API_KEY, "apiKeySecretSource": "MANAGED"}).references == ()
    assert read({"name": "x", "apiKeySecretConfig": API_KEY["apiKeySecretConfig"]}).references == ()


def test_a_vendor_alone_makes_it_no_api_key() -> None:
    assert read({"name": "x", "credentialProviderVendor": "GoogleOauth2"}).kind is ProviderKind.OAUTH2


@pytest.mark.parametrize("member", ["oauth2ProviderConfigInput", "providerConfigurationInput"])
def test_an_empty_part_of_another_kind_makes_it_none_of_that(member: str) -> None:
    assert read({**API_KEY, member: None}).kind is ProviderKind.API_KEY
    vendor = {"credentialProviderVendor": "CoinbaseCDP"}
    assert read({"name": "x", **vendor, "providerConfigurationInput": None}).kind is ProviderKind.PAYMENT


def test_owner_and_options_are_ours_and_not_agentcores() -> None:
    request = read({**API_KEY, "owner": "Team Blue", "options": {"approveWithinSeconds": 3600, "vend": True}})

    assert request.owner == "Team Blue"
    assert request.options == Options(timedelta(hours=1), vend=True)
    assert request.body == API_KEY


def test_without_options_an_approver_has_three_days_and_nothing_is_vended() -> None:
    assert read(API_KEY).options == Options(timedelta(days=3), vend=False)


@pytest.mark.parametrize(
    ("ours", "field"),
    [
        ({"owner": 7}, "owner"),
        ({"owner": ""}, "owner"),
        ({"owner": "x" * 257}, "owner"),
        ({"owner": "two\nlines"}, "owner"),
        ({"options": []}, "options"),
        ({"options": {"approveWithinSeconds": 0}}, "options.approveWithinSeconds"),
        ({"options": {"approveWithinSeconds": 604801}}, "options.approveWithinSeconds"),
        ({"options": {"approveWithinSeconds": True}}, "options.approveWithinSeconds"),
        ({"options": {"approveWithinSeconds": "1h"}}, "options.approveWithinSeconds"),
        ({"options": {"vend": "yes"}}, "options.vend"),
        ({"options": {"approve": 1}}, "options.approve"),
        ({"tags": {"secretwatch:onboarding": "mine"}}, "tags.secretwatch:onboarding"),
        ({"tags": {str(number): "" for number in range(50)}}, "tags"),
    ],
)
def test_what_is_wrong_with_our_part_is_told_beside_the_rest(ours: dict[str, Any], field: str) -> None:
    request = read({**API_KEY, **ours})

    assert [problem.field for problem in request.misread] == [field]
    assert request.references, "the rest is read all the same"


@pytest.mark.parametrize("given", [None, [], "name: x", 7])
def test_what_is_no_object_is_no_request(given: Any) -> None:
    problems = read_request(given)

    assert isinstance(problems, list)
    assert "--example" in str(problems[0])


def test_a_digest_is_of_what_is_asked_and_not_of_how_it_is_written() -> None:
    turned = dict(reversed(API_KEY.items()))

    assert read(turned).digest == read(API_KEY).digest
    assert read({**API_KEY, "name": "other"}).digest != read(API_KEY).digest
    assert read({**API_KEY, "options": {"vend": True}}).digest != read(API_KEY).digest
    assert len(read(API_KEY).digest) == 12


def test_what_was_meant_is_guessed_across_spellings() -> None:
    vendors = ["GoogleOauth2", "GithubOauth2", "OktaOauth2"]

    assert nearest("google", vendors) == "GoogleOauth2"
    assert nearest("github_oauth", vendors) == "GithubOauth2"
    assert nearest("zzz", vendors) is None


def test_a_problem_is_one_line_with_its_fix() -> None:
    assert str(Problem("name", "is missing", "Add it: a string.")) == "name is missing. Add it: a string."


@given(JSON | st.dictionaries(st.sampled_from([*PAYMENT, *OAUTH2, "owner", "options", "tags"]), JSON))
def test_nothing_breaks_the_reading(given: Any) -> None:
    request = read_request(given)

    if isinstance(request, OnboardingRequest):
        assert request.references == request.references
