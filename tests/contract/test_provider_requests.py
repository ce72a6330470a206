"""Requests are held to botocore's model of the API, completely, and no value of theirs is ever repeated."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest
from botocore.model import StructureShape
from botocore.session import get_session
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from secretwatch.adapters.provider_requests import ProviderRequests
from secretwatch.domain.onboarding.request import OnboardingRequest, Problem, read_request
from tests.fakes import secret_arn

MODEL = get_session().get_service_model("bedrock-agentcore-control")
CANARY = "canary-7f3a"
OAUTH2 = "oauth2ProviderConfigInput"
GOOGLE = f"{OAUTH2}.googleOauth2ProviderConfig"
PAYMENT = "providerConfigurationInput"


def input_of(operation: str) -> StructureShape:
    shape = MODEL.operation_model(operation).input_shape
    assert shape is not None
    return shape


def enum(operation: str) -> list[str]:
    return list(input_of(operation).members["credentialProviderVendor"].metadata["enum"])


OAUTH2_VENDORS = enum("CreateOauth2CredentialProvider")


def referenced(stem: str, **more: Any) -> dict[str, Any]:
    return {
        f"{stem}Source": "EXTERNAL",
        f"{stem}Config": {"secretId": secret_arn("agents/crm"), "jsonKey": "key"},
        **more,
    }


def of_vendor(vendor: str) -> dict[str, Any]:
    """An OAuth2 request as AgentCore's guide writes it for each vendor."""
    configuration = referenced("clientSecret", clientId="id")
    own = f"{vendor[0].lower()}{vendor[1:]}ProviderConfig"
    if vendor == "CustomOauth2":
        url = "https://idp.example.com/.well-known/openid-configuration"
        configuration["oauthDiscovery"] = {"discoveryUrl": url}
    union = MODEL.shape_for("Oauth2ProviderConfigInput")
    assert isinstance(union, StructureShape)
    member = own if own in union.members else "includedOauth2ProviderConfig"
    return {"name": "crm", "credentialProviderVendor": vendor, OAUTH2: {member: configuration}}


API_KEY = {"name": "weather", **referenced("apiKeySecret")}
COINBASE = {
    "name": "wallet",
    "credentialProviderVendor": "CoinbaseCDP",
    PAYMENT: {"coinbaseCdpConfiguration": {**referenced("apiKeySecret", apiKeyId="id"), **referenced("walletSecret")}},
}
PRIVY = {
    "name": "checkout",
    "credentialProviderVendor": "StripePrivy",
    PAYMENT: {
        "stripePrivyConfiguration": {
            **referenced("appSecret", appId="id", authorizationId="id"),
            **referenced("authorizationPrivateKey"),
        }
    },
}
# How the announcement of 2026-06-01 and the guide call CreateOauth2CredentialProvider with a secret of one's own.
ANNOUNCED: dict[str, Any] = {
    "name": "google-provider",
    "credentialProviderVendor": "GoogleOauth2",
    OAUTH2: {
        "googleOauth2ProviderConfig": {
            "clientId": "your-google-client-id",
            "clientSecretSource": "EXTERNAL",
            "clientSecretConfig": {
                "secretId": "arn:aws:secretsmanager:us-east-1:123456789012:secret:my-secret",
                "jsonKey": "clientSecret",
            },
        }
    },
}
GOOD = [API_KEY, COINBASE, PRIVY, ANNOUNCED, *map(of_vendor, OAUTH2_VENDORS)]


def problems(asked: Any, *, started: bool = True) -> list[Problem]:
    request = read_request(asked)
    return ProviderRequests(started=started).problems(request) if isinstance(request, OnboardingRequest) else request


def without(asked: Mapping[str, Any], path: str) -> dict[str, Any]:
    changed = deepcopy(dict(asked))
    *inside, last = path.split(".")
    part = changed
    for name in inside:
        part = part[name]
    del part[last]
    return changed


def having(asked: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    changed = deepcopy(dict(asked))
    *inside, last = path.split(".")
    part = changed
    for name in inside:
        part = part.setdefault(name, {})
    part[last] = value
    return changed


@pytest.mark.parametrize("asked", GOOD, ids=lambda asked: asked.get("credentialProviderVendor", "API key"))
def test_a_request_of_every_vendor_is_taken(asked: dict[str, Any]) -> None:
    assert problems(asked) == []


def test_every_payment_vendor_has_a_case_here() -> None:
    vendors = {asked["credentialProviderVendor"] for asked in (COINBASE, PRIVY)}

    assert vendors == set(enum("CreatePaymentCredentialProvider"))


CASES = [
    pytest.param(without(API_KEY, "name"), "name", "is missing", "a string", id="no name"),
    pytest.param(having(API_KEY, "name", "a b"), "name", "not written", "match", id="pattern"),
    pytest.param(having(API_KEY, "name", "ab\n"), "name", "not written", "match", id="pattern, to its very end"),
    pytest.param(having(API_KEY, "name", "x" * 129), "name", "too long", "at most 128 characters", id="maximum"),
    pytest.param(having(API_KEY, "name", 7), "name", "a string, and is a number", "Write a string.", id="type"),
    pytest.param(having(API_KEY, "name", None), "name", "a string, and is null", "Write a string.", id="null"),
    pytest.param(
        having(API_KEY, "apiKeySecretConfig", "arn"),
        "apiKeySecretConfig",
        "an object, and is a string",
        "secretId, jsonKey",
        id="ARN instead of a reference",
    ),
    pytest.param(
        without(ANNOUNCED, f"{GOOGLE}.clientSecretConfig.jsonKey"),
        f"{GOOGLE}.clientSecretConfig.jsonKey",
        "is missing",
        "a string",
        id="no JSON key",
    ),
    pytest.param(
        having(ANNOUNCED, f"{GOOGLE}.clientSecretConfig.jsonKey", ""),
        f"{GOOGLE}.clientSecretConfig.jsonKey",
        "too short",
        "at least 1",
        id="minimum",
    ),
    pytest.param(
        without(ANNOUNCED, f"{GOOGLE}.clientSecretSource"),
        f"{GOOGLE}.clientSecretSource",
        "is missing",
        'Add it: "EXTERNAL"',
        id="no source is not EXTERNAL",
    ),
    pytest.param(
        having(ANNOUNCED, f"{GOOGLE}.clientSecretSource", "MANAGED"),
        f"{GOOGLE}.clientSecretSource",
        "AgentCore keep the secret",
        '"EXTERNAL"',
        id="MANAGED",
    ),
    pytest.param(
        having(ANNOUNCED, f"{GOOGLE}.clientSecretSource", "external"),
        f"{GOOGLE}.clientSecretSource",
        "none of AgentCore's",
        "Did you mean EXTERNAL?",
        id="a source that does not exist",
    ),
    pytest.param(
        having(ANNOUNCED, "credentialProviderVendor", "google"),
        "credentialProviderVendor",
        "none of AgentCore's",
        "Did you mean GoogleOauth2?",
        id="a vendor that does not exist",
    ),
    pytest.param(
        having(ANNOUNCED, "credentialProviderVendor", "GithubOauth2"),
        GOOGLE,
        "not what GithubOauth2 takes",
        "githubOauth2ProviderConfig",
        id="another vendor's configuration",
    ),
    pytest.param(
        having(ANNOUNCED, "credentialProviderVendor", "OktaOauth2"),
        GOOGLE,
        "not what OktaOauth2 takes",
        "includedOauth2ProviderConfig",
        id="an included vendor's own configuration",
    ),
    pytest.param(
        having(ANNOUNCED, f"{OAUTH2}.slackOauth2ProviderConfig", {"clientId": "id"}),
        OAUTH2,
        "exactly one",
        "googleOauth2ProviderConfig",
        id="two of a union",
    ),
    pytest.param(
        having(ANNOUNCED, f"{GOOGLE}.clientID", "id"),
        f"{GOOGLE}.clientID",
        "not known",
        "Did you mean clientId?",
        id="a field that does not exist",
    ),
    pytest.param(
        having(API_KEY, "tags", {"team!": "x"}), "tags.team!", "not written", "match", id="the name of an entry"
    ),
    pytest.param(
        having(of_vendor("CustomOauth2"), f"{OAUTH2}.customOauth2ProviderConfig.certificateConfigurations", []),
        f"{OAUTH2}.customOauth2ProviderConfig.certificateConfigurations",
        "too short",
        "at least 1 and at most 1 items",
        id="items of a list",
    ),
    pytest.param(
        having(
            of_vendor("CustomOauth2"),
            f"{OAUTH2}.customOauth2ProviderConfig.certificateConfigurations",
            [{"secretsManager": {"secretArn": secret_arn("ca")}}],
        ),
        f"{OAUTH2}.customOauth2ProviderConfig.privateEndpoint",
        "is missing",
        "only with a private endpoint",
        id="a certificate without private endpoint",
    ),
    pytest.param(
        without(COINBASE, f"{PAYMENT}.coinbaseCdpConfiguration.walletSecretSource"),
        f"{PAYMENT}.coinbaseCdpConfiguration.walletSecretSource",
        "is missing",
        "EXTERNAL",
        id="one of two sources",
    ),
    pytest.param(having(API_KEY, "owner", 7), "owner", "no name", "Give a line", id="our own part"),
    pytest.param(
        without(ANNOUNCED, "credentialProviderVendor"),
        "credentialProviderVendor",
        "is missing",
        "Add one of GoogleOauth2, GithubOauth2",
        id="no vendor",
    ),
    pytest.param(
        having(API_KEY, OAUTH2, None), OAUTH2, "not known", "Did you mean", id="another kind's part, and empty"
    ),
    pytest.param(
        having(ANNOUNCED, "options", {"vend": True}), "options.vend", "for API keys only", "Leave it out", id="vend"
    ),
    pytest.param(having(API_KEY, "options", {"vend": "yes"}), "options.vend", "neither", "Write true", id="no switch"),
]


@pytest.mark.parametrize(("asked", "field", "message", "fix"), CASES)
def test_what_is_wrong_names_its_field_and_its_fix(asked: dict[str, Any], field: str, message: str, fix: str) -> None:
    found = [one for one in problems(asked) if one.field == field]

    assert any(message in one.message for one in found), problems(asked)
    assert any(fix in one.fix for one in found), found


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        pytest.param(having(API_KEY, "apiKeySecretSource", "KEPT"), "apiKeySecretSource", id="source"),
        pytest.param(having(API_KEY, "colour", "red"), "colour", id="field"),
        pytest.param(having(ANNOUNCED, f"{GOOGLE}.colour", "red"), f"{GOOGLE}.colour", id="field of a vendor"),
    ],
)
def test_nobody_is_pointed_to_a_secret_that_agentcore_keeps(asked: dict[str, Any], field: str) -> None:
    (found,) = [one for one in problems(asked) if one.field == field]

    offered = found.fix.rpartition("There are: ")[2].rstrip(".").split(", ")
    assert offered
    assert not set(offered) & {"MANAGED", "apiKey", "clientSecret"}


def test_all_problems_are_told_at_once() -> None:
    asked = having(without(ANNOUNCED, f"{GOOGLE}.clientSecretConfig.jsonKey"), f"{GOOGLE}.clientSecret", CANARY)
    asked = {**having(asked, "options.vend", "yes"), "name": "a b", "colour": "red"}

    assert {one.field for one in problems(asked)} == {
        "name",
        "colour",
        "options.vend",
        f"{GOOGLE}.clientSecret",
        f"{GOOGLE}.clientSecretConfig.jsonKey",
    }


LITERALS = [
    pytest.param(having(API_KEY, "apiKey", CANARY), "apiKey", "apiKeySecretConfig", id="API key"),
    pytest.param(
        having(ANNOUNCED, f"{GOOGLE}.clientSecret", CANARY), f"{GOOGLE}.clientSecret", "clientSecretConfig", id="OAuth2"
    ),
    pytest.param(
        having(COINBASE, f"{PAYMENT}.coinbaseCdpConfiguration.walletSecret", CANARY),
        f"{PAYMENT}.coinbaseCdpConfiguration.walletSecret",
        "walletSecretConfig",
        id="payment",
    ),
    pytest.param(having(ANNOUNCED, "client_secret", CANARY), "client_secret", "clientSecretConfig", id="astray"),
    pytest.param(
        having(ANNOUNCED, "config", {"deep": [{"clientSecret": CANARY}]}),
        "config.deep[0].clientSecret",
        "clientSecretConfig",
        id="deep astray",
    ),
    pytest.param(
        having(ANNOUNCED, OAUTH2, [{"clientSecret": CANARY}]),
        f"{OAUTH2}[0].clientSecret",
        "clientSecretConfig",
        id="in a thing of the wrong type",
    ),
    pytest.param(
        having(API_KEY, "apiKey", {"value": CANARY}), "apiKey", "apiKeySecretConfig", id="an object for a string"
    ),
]


@pytest.mark.parametrize(("asked", "field", "instead"), LITERALS)
def test_a_literal_secret_is_refused_and_never_repeated(asked: dict[str, Any], field: str, instead: str) -> None:
    found = problems(asked)

    literal = next(one for one in found if one.field == field)
    assert literal.message == "carries the secret itself"
    assert instead in str(literal)
    assert "rotate it: it stands in the execution history" in str(literal)
    assert CANARY not in repr(found)


def test_before_anything_is_started_nothing_has_to_be_rotated() -> None:
    (literal,) = problems(having(API_KEY, "apiKey", CANARY), started=False)

    assert "rotate" not in str(literal)
    assert "Nothing was started" in str(literal)


def test_sensitive_values_that_nothing_can_reference_are_refused_too() -> None:
    custom = f"{OAUTH2}.customOauth2ProviderConfig"
    asked = having(of_vendor("CustomOauth2"), f"{custom}.privateKeyJwtConfig.additionalHeaderClaims.x5t", CANARY)

    (found,) = problems(asked)

    assert found.field == f"{custom}.privateKeyJwtConfig.additionalHeaderClaims.x5t"
    assert "cannot be referenced" in found.message
    assert CANARY not in repr(found)


def test_an_empty_literal_discloses_nothing() -> None:
    (found,) = problems(having(API_KEY, "apiKey", ""))

    assert str(found) == "apiKey is empty. Leave it out."


def test_a_custom_provider_may_go_without_client_secret_but_not_without_any_secret() -> None:
    custom = f"{OAUTH2}.customOauth2ProviderConfig"
    asked = having(of_vendor("CustomOauth2"), f"{custom}.clientAuthenticationMethod", "PRIVATE_KEY_JWT")
    asked = without(without(asked, f"{custom}.clientSecretSource"), f"{custom}.clientSecretConfig")

    assert [str(one) for one in problems(asked)] == [
        "the request references no secret of yours. Such a provider needs no onboarding."
    ]

    asked = having(asked, f"{custom}.certificateConfigurations", [{"secretsManager": {"secretArn": secret_arn("ca")}}])
    lattice = {"selfManagedLatticeResource": {"resourceConfigurationIdentifier": f"rcfg-{'0' * 17}"}}
    assert problems(having(asked, f"{custom}.privateEndpoint", lattice)) == []


LEAVES = st.none() | st.booleans() | st.floats() | st.integers() | st.just(CANARY) | st.sampled_from(["EXTERNAL", ""])
FIELDS = f"""name owner options tags credentialProviderVendor {OAUTH2} {PAYMENT} googleOauth2ProviderConfig apiKey
clientSecret clientSecretSource clientSecretConfig secretId jsonKey walletSecret additionalHeaderClaims"""
NAMES = st.text(max_size=5) | st.sampled_from(FIELDS.split())
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)


@st.composite
def nearly_good(draw: st.DrawFn) -> dict[str, Any]:
    """A good request with something else in one place."""
    asked: dict[str, Any] = deepcopy(draw(st.sampled_from(GOOD)))
    part = asked
    while True:
        name = draw(st.sampled_from(sorted(part)))
        if not isinstance(part[name], dict) or draw(st.booleans()):
            break
        part = part[name]
    part[draw(st.just(name) | NAMES)] = draw(JSON)
    return asked


@given(JSON | nearly_good())
def test_nothing_breaks_it_and_no_value_is_repeated(asked: Any) -> None:
    assert CANARY not in repr(problems(asked))


@given(nearly_good())
def test_what_it_takes_botocore_takes_too(asked: dict[str, Any]) -> None:
    request = read_request(asked)
    assert isinstance(request, OnboardingRequest)
    if not ProviderRequests().problems(request):
        operation = f"Create{'ApiKey' if request.kind == 'API_KEY' else request.kind.title()}CredentialProvider"
        report = ParamValidator().validate(request.body, input_of(operation))
        assert not report.has_errors(), report.generate_report()


def test_of_more_problems_than_anybody_reads_the_secrets_come_first() -> None:
    found = problems({**{f"field{number}": number for number in range(200)}, **API_KEY, "apiKey": "sk-live-1"})

    assert len(found) == 50
    assert (found[0].field, found[0].message) == ("apiKey", "carries the secret itself")


def test_a_request_that_no_record_could_hold_is_refused_as_a_whole() -> None:
    (found,) = problems({**API_KEY, "tags": {f"tag{number}": "x" * 1_000 for number in range(40)}})

    assert found.field == "the request"
    assert found.fix == "Keep to 32000. If a secret stands in it, rotate that."
