"""A few options make the very request that AgentCore takes, for every vendor that it has."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from secretwatch.adapters.provider_requests import ProviderRequests, advice
from secretwatch.domain.onboarding.request import OnboardingRequest, Problem, read_request
from secretwatch_cli.failures import Misused
from secretwatch_cli.requesting import Wanted, example, form_of, kinds, options_of, read_file, typed, written
from tests.fakes import secret_arn

SECRET = secret_arn("agents/crm")
CANARY = "canary-7f3a"
SAMPLES = Path(__file__).parents[3] / "events" / "onboarding"


def problems(given: Any) -> list[str]:
    request = read_request(given)
    assert isinstance(request, OnboardingRequest)
    return [str(one) for one in ProviderRequests().problems(request)]


@pytest.mark.parametrize("kind", kinds())
def test_the_example_of_every_kind_is_a_request_that_is_taken(kind: str) -> None:
    assert problems(example(form_of(kind))) == []


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_a_sample_is_the_example_of_its_kind(path: Path) -> None:
    assert json.loads(path.read_text(encoding="utf-8")) == example(form_of(path.stem))


def test_there_are_samples() -> None:
    assert {path.stem for path in SAMPLES.glob("*.json")} >= {
        "api-key",
        "google-oauth2",
        "custom-oauth2",
        "coinbase-cdp",
    }


def test_an_api_key_needs_four_options() -> None:
    asked = written(form_of("api-key"), Wanted(name="weather", secret=SECRET, json_key="key"))

    assert asked == {
        "name": "weather",
        "apiKeySecretSource": "EXTERNAL",
        "apiKeySecretConfig": {"secretId": SECRET, "jsonKey": "key"},
    }


def test_an_oauth2_vendor_gets_its_own_configuration_and_the_others_the_one_that_they_share() -> None:
    wanted = Wanted(name="crm", client_id="id", secret=SECRET, json_key="client_secret")
    configuration = {
        "clientId": "id",
        "clientSecretSource": "EXTERNAL",
        "clientSecretConfig": {"secretId": SECRET, "jsonKey": "client_secret"},
    }

    google, okta = written(form_of("google-oauth2"), wanted), written(form_of("okta-oauth2"), wanted)

    assert google["oauth2ProviderConfigInput"] == {"googleOauth2ProviderConfig": configuration}
    assert okta["oauth2ProviderConfigInput"] == {"includedOauth2ProviderConfig": configuration}
    assert (google["credentialProviderVendor"], okta["credentialProviderVendor"]) == ("GoogleOauth2", "OktaOauth2")


def test_two_references_may_share_a_secret_or_have_one_each() -> None:
    wanted = Wanted("wallet", "key-id", SECRET, "api", settings=["walletSecretConfig.jsonKey=wallet"])
    other = Wanted("wallet", "key-id", SECRET, "api", settings=[f"walletSecretConfig.secretId={secret_arn('other')}"])

    shared = written(form_of("coinbase"), wanted)["providerConfigurationInput"]["coinbaseCdpConfiguration"]
    apart = written(form_of("coinbase"), other)["providerConfigurationInput"]["coinbaseCdpConfiguration"]

    assert shared["apiKeyId"] == "key-id"
    assert shared["apiKeySecretConfig"] == {"secretId": SECRET, "jsonKey": "api"}
    assert shared["walletSecretConfig"] == {"secretId": SECRET, "jsonKey": "wallet"}
    assert shared["walletSecretSource"] == "EXTERNAL"
    assert apart["walletSecretConfig"] == {"secretId": secret_arn("other")}


def test_anything_else_is_set_by_its_place_also_as_json() -> None:
    discovery = 'oauthDiscovery={"authorizationServerMetadata": {"issuer": "https://idp"}}'

    microsoft = written(form_of("microsoft-oauth2"), Wanted(settings=["tenantId=common"]))
    custom = written(form_of("custom-oauth2"), Wanted(settings=[discovery]))

    assert microsoft["oauth2ProviderConfigInput"]["microsoftOauth2ProviderConfig"]["tenantId"] == "common"
    metadata = custom["oauth2ProviderConfigInput"]["customOauth2ProviderConfig"]["oauthDiscovery"]
    assert metadata == {"authorizationServerMetadata": {"issuer": "https://idp"}}


def test_what_was_not_given_is_missing_and_told_as_such() -> None:
    asked = written(form_of("google-oauth2"), Wanted())

    missing = {one.split(" ")[0].rpartition(".")[2] for one in problems(asked) if "is missing" in one}
    assert missing == {"name", "clientId", "clientSecretConfig"}


@pytest.mark.parametrize(
    ("kind", "wanted", "options"),
    [
        ("api-key", Wanted(), ["--name NAME", "--secret ARN --json-key KEY"]),
        ("api-key", Wanted(name="w", json_key="key"), ["--secret ARN"]),
        ("api-key", Wanted(name="w", secret=SECRET), ["--json-key KEY"]),
        ("google", Wanted(name="w", secret=SECRET, json_key="key"), ["--client-id ID"]),
        ("custom", Wanted(name="w", client_id="id", secret=SECRET, json_key="key"), ["--discovery-url URL"]),
        ("coinbase", Wanted("w", "id", SECRET, "key"), ["--set walletSecretConfig.jsonKey=KEY"]),
        (
            "stripe-privy",
            Wanted("w", "id", SECRET, "key"),
            ["--set authorizationPrivateKeyConfig.jsonKey=KEY", "--set authorizationId=VALUE"],
        ),
    ],
)
def test_what_is_missing_is_told_as_it_is_typed(kind: str, wanted: Wanted, options: list[str]) -> None:
    form = form_of(kind)
    request = read_request(written(form, wanted))
    assert isinstance(request, OnboardingRequest)

    told = [typed(form, one).fix for one in ProviderRequests().problems(request)]

    assert sorted(fix.rpartition("To type: ")[2] for fix in told) == sorted(f"`{option}`." for option in options)


def test_what_is_wrong_otherwise_is_told_as_it_is() -> None:
    problem = Problem("name", "is not written as AgentCore wants it", "It has to match x")

    assert typed(form_of("api-key"), problem) == problem


@pytest.mark.parametrize(
    ("kind", "advised"),
    [(kind, True) for kind in ("auth0", "cognito", "cyber", "fusion", "okta", "one", "ping")]
    + [(kind, False) for kind in ("api-key", "google", "custom", "coinbase", "zoom")],
)
def test_a_vendor_with_a_server_for_each_customer_needs_its_addresses(kind: str, advised: bool) -> None:
    form = form_of(kind)
    bare = read_request(written(form, Wanted("crm", None, SECRET, "key")))
    whole = read_request(example(form))
    assert isinstance(bare, OnboardingRequest)
    assert isinstance(whole, OnboardingRequest)

    assert ["issuer, authorizationEndpoint, tokenEndpoint" in text for text in advice(bare)] == [True] * advised
    assert advice(whole) == []


@pytest.mark.parametrize(
    ("text", "vendor"),
    [
        ("google-oauth2", "GoogleOauth2"),
        ("google", "GoogleOauth2"),
        ("GoogleOauth2", "GoogleOauth2"),
        ("coinbase", "CoinbaseCDP"),
        ("stripe-privy", "StripePrivy"),
        ("x-oauth2", "XOauth2"),
        ("onelogin", "OneLoginOauth2"),
        ("api-key", None),
    ],
)
def test_a_kind_goes_by_its_name_or_by_a_beginning_that_only_it_has(text: str, vendor: str | None) -> None:
    assert form_of(text).vendor == vendor


@pytest.mark.parametrize(
    ("text", "says"), [("gogle", "Did you mean google-oauth2?"), ("s", "There are:"), ("", "There")]
)
def test_what_is_no_kind_gets_the_nearest_and_all(text: str, says: str) -> None:
    with pytest.raises(Misused, match="slack-oauth2") as refused:
        form_of(text)

    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("api-key", Wanted(client_id="id")),
        ("google", Wanted(discovery_url="https://idp")),
        ("google", Wanted(settings=[CANARY])),
        ("google", Wanted(settings=[f"={CANARY}"])),
        ("google", Wanted(settings=[f"clientSecret={{{CANARY}"])),
        ("google", Wanted(settings=["clientId=x", f"clientId.y={CANARY}"])),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_and_no_value_repeated(kind: str, wanted: Wanted) -> None:
    with pytest.raises(Misused) as refused:
        written(form_of(kind), wanted)

    assert CANARY not in str(refused.value)


def test_our_own_part_is_only_there_when_it_is_wanted() -> None:
    assert options_of(None, None, vend=False) == {}
    assert options_of("Blue", timedelta(hours=2), vend=True) == {
        "owner": "Blue",
        "options": {"approveWithinSeconds": 7200, "vend": True},
    }


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "weather", "since": "2026-01-01"}',
        "name: weather\nsince: 2026-01-01\n",
        '{\t"name":\t"weather",\n\t"since": "2026-01-01"}',
    ],
    ids=["JSON", "YAML", "JSON with tabs"],
)
def test_a_file_is_json_or_yaml(tmp_path: Path, text: str) -> None:
    (tmp_path / "request").write_text(text)

    assert read_file(str(tmp_path / "request")) == {"name": "weather", "since": "2026-01-01"}


@pytest.mark.parametrize("text", [f"a: b: {CANARY}", f'{{"apiKey": "{CANARY}"', "a: &a [*a]", "[" * 20000, "\x00"])
def test_a_file_that_is_neither_is_refused_and_never_quoted(tmp_path: Path, text: str) -> None:
    (tmp_path / "request").write_text(text)

    with pytest.raises(Misused) as refused:
        read_file(str(tmp_path / "request"))

    assert CANARY not in str(refused.value)
    assert "request" in str(refused.value)
