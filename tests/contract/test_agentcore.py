"""The adapters list all there is, and see a reference only where AgentCore says EXTERNAL."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from secretwatch.adapters.agentcore import AgentCore, AgentCoreGateways, AgentCoreProviders
from secretwatch.domain.consumer import Consumer, Gateway, GatewayName
from secretwatch.domain.reference import Provider, ProviderKind, ProviderName, Reference
from secretwatch.errors import Permanent, Transient
from tests.contract.stubs import MakeClient, MakeStub, Stub, answer_with
from tests.fakes import ACCOUNT, EVERYTHING, REGION, a_name, secret_arn

API_KEY, OAUTH2 = a_name("weather-api", ProviderKind.API_KEY), a_name("crm-google", ProviderKind.OAUTH2)
COINBASE, PRIVY = a_name("wallet", ProviderKind.PAYMENT), a_name("checkout", ProviderKind.PAYMENT)
VAULT = f"arn:aws:bedrock-agentcore:{REGION}:{ACCOUNT}:token-vault/default"
PAYMENT_VAULT = f"arn:aws:acps:{REGION}:{ACCOUNT}:token-vault/default"
ARNS = {
    API_KEY: f"{VAULT}/apikeycredentialprovider/weather-api",
    OAUTH2: f"{VAULT}/oauth2credentialprovider/crm-google",
    COINBASE: f"{PAYMENT_VAULT}/paymentcredentialprovider/wallet",
    PRIVY: f"{PAYMENT_VAULT}/paymentcredentialprovider/checkout",
}
OPERATIONS = {
    ProviderKind.API_KEY: "ApiKeyCredentialProvider",
    ProviderKind.OAUTH2: "Oauth2CredentialProvider",
    ProviderKind.PAYMENT: "PaymentCredentialProvider",
}
GETS = {
    ProviderKind.API_KEY: "get_api_key_credential_provider",
    ProviderKind.OAUTH2: "get_oauth2_credential_provider",
    ProviderKind.PAYMENT: "get_payment_credential_provider",
}
LISTS = {
    ProviderKind.API_KEY: "list_api_key_credential_providers",
    ProviderKind.OAUTH2: "list_oauth2_credential_providers",
    ProviderKind.PAYMENT: "list_payment_credential_providers",
}
EVERY_KIND = pytest.mark.parametrize("name", [API_KEY, OAUTH2, COINBASE], ids=["api key", "oauth2", "payment"])
BROKEN_CALLS = pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("AccessDeniedException", 403, Permanent),
        ("UnauthorizedException", 401, Permanent),
        ("DecryptionFailure", 400, Permanent),
        ("ThrottlingException", 429, Transient),
        ("InternalServerException", 500, Transient),
    ],
)


@dataclass(frozen=True)
class Place:
    """Where a Get answer holds a secret, and the field that a reference there is of."""

    name: ProviderName
    stem: str
    field: str

    @property
    def arn(self) -> str:
        return ARNS[self.name]


PLACES = [
    Place(API_KEY, "apiKeySecret", "apiKey"),
    Place(OAUTH2, "clientSecret", "clientSecret"),
    Place(COINBASE, "apiKeySecret", "apiKey"),
    Place(COINBASE, "walletSecret", "walletSecret"),
    Place(PRIVY, "appSecret", "appSecret"),
    Place(PRIVY, "authorizationPrivateKey", "authorizationPrivateKey"),
]
EVERY_PLACE = pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place.name.name} {place.field}")

DISCOVERY = {"discoveryUrl": "https://accounts.google.com/.well-known/openid-configuration"}
CREATED = datetime(2026, 11, 2, 8, tzinfo=UTC)
SECRET, OTHER_SECRET = secret_arn(), secret_arn("agents/other", "d4e5f6")


@pytest.fixture
def aws(make_stub: MakeStub) -> Stub:
    return make_stub("bedrock-agentcore-control")


def a_payment_answer(name: ProviderName, **parts: Any) -> dict[str, Any]:
    """A Get answer of Coinbase CDP or Stripe Privy, without what the output leaves optional."""
    secret = {"secretArn": SECRET}
    vendor, configuration, required = {
        COINBASE: (
            "CoinbaseCDP",
            "coinbaseCdpConfiguration",
            {"apiKeyId": "key-1", "apiKeySecretArn": secret, "walletSecretArn": secret},
        ),
        PRIVY: (
            "StripePrivy",
            "stripePrivyConfiguration",
            {
                "appId": "app-1",
                "authorizationId": "authorization-1",
                "appSecretArn": secret,
                "authorizationPrivateKeyArn": secret,
            },
        ),
    }[name]
    return {"credentialProviderVendor": vendor, "providerConfigurationOutput": {configuration: required | parts}}


def an_answer(name: ProviderName, **parts: Any) -> dict[str, Any]:
    """A Get answer of any kind, without what the output leaves optional; `parts` stand where its secrets do."""
    answer: dict[str, Any] = {
        "name": name.name,
        "credentialProviderArn": ARNS[name],
        "createdTime": CREATED,
        "lastUpdatedTime": CREATED,
    }
    match name.kind:
        case ProviderKind.API_KEY:
            return answer | {"apiKeySecretArn": {"secretArn": SECRET}} | parts
        case ProviderKind.OAUTH2:
            return (
                answer
                | {
                    "clientSecretArn": {"secretArn": SECRET},
                    "credentialProviderVendor": "GoogleOauth2",
                    "oauth2ProviderConfigOutput": {"googleOauth2ProviderConfig": {"oauthDiscovery": DISCOVERY}},
                }
                | parts
            )
        case ProviderKind.PAYMENT:
            return answer | a_payment_answer(name, **parts)


def in_place(place: Place, **secret: Any) -> dict[str, Any]:
    """A Get answer that says this of the secret in its place: `Source` stands for `<stem>Source`, and so on."""
    return an_answer(place.name, **{f"{place.stem}{part}": value for part, value in secret.items()})


def unstamped(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer as JSON can hold it."""
    return {name: value for name, value in answer.items() if not isinstance(value, datetime)}


def got(aws: Stub, name: ProviderName, answer: dict[str, Any]) -> Provider:
    aws.add_response(GETS[name.kind], answer, {"name": name.name})
    provider = AgentCoreProviders(AgentCore(aws.client)).get(name)
    assert provider
    return provider


# --- one provider ---


@EVERY_PLACE
def test_an_external_source_is_a_reference(aws: Stub, place: Place) -> None:
    provider = got(aws, place.name, in_place(place, Source="EXTERNAL", JsonKey="key"))

    reference = Reference(place.arn, place.name, place.field, SECRET, "key")
    assert provider == Provider(place.arn, place.name, frozenset({reference}))
    assert provider.incomplete == frozenset()


@EVERY_PLACE
def test_an_external_source_without_json_key_is_a_reference_without_one(aws: Stub, place: Place) -> None:
    provider = got(aws, place.name, in_place(place, Source="EXTERNAL"))

    assert provider.references == {Reference(place.arn, place.name, place.field, SECRET, json_key=None)}


@EVERY_PLACE
@pytest.mark.parametrize(
    "secret",
    [
        pytest.param({"Source": "MANAGED"}, id="managed"),
        pytest.param({"Source": "MANAGED", "JsonKey": "key"}, id="managed, with a key"),
        pytest.param({}, id="no source"),
        pytest.param({"JsonKey": "key"}, id="no source, with a key"),
    ],
)
def test_a_secret_of_agentcores_own_is_no_reference(aws: Stub, place: Place, secret: dict[str, str]) -> None:
    provider = got(aws, place.name, in_place(place, **secret))

    assert provider == Provider(place.arn, place.name, frozenset())
    assert provider.incomplete == frozenset()


@EVERY_PLACE
@pytest.mark.parametrize("arn", [SECRET[:-7], "arn:aws:s3:::a-bucket-with-a-name", "no ARN, but long enough"])
def test_an_external_source_that_names_no_secret_leaves_the_provider_incomplete(
    aws: Stub, place: Place, arn: str
) -> None:
    provider = got(aws, place.name, in_place(place, Source="EXTERNAL", JsonKey="key", Arn={"secretArn": arn}))

    assert provider.references == frozenset()
    assert provider.incomplete == {place.field}


@EVERY_PLACE
@pytest.mark.parametrize("secret", [None, {}], ids=["no field", "an empty one"])
def test_so_does_an_external_source_without_the_secrets_arn_that_the_model_requires(
    make_client: MakeClient, place: Place, secret: dict[str, str] | None
) -> None:
    aws = make_client("bedrock-agentcore-control")
    answer_with(aws, unstamped(in_place(place, Source="EXTERNAL", Arn=secret)))

    provider = AgentCoreProviders(AgentCore(aws)).get(place.name)

    assert provider is not None
    assert provider.references == frozenset()
    assert provider.incomplete == {place.field}


def test_a_secret_of_another_account_is_a_reference_like_any(aws: Stub) -> None:
    foreign = "arn:aws:secretsmanager:eu-west-1:444455556666:secret:shared/crm-Zz9Yy8"
    answer = an_answer(OAUTH2, clientSecretSource="EXTERNAL", clientSecretArn={"secretArn": foreign})

    (reference,) = got(aws, OAUTH2, answer).references

    assert (reference.secret_arn, reference.secret.account) == (foreign, "444455556666")


@EVERY_KIND
def test_a_provider_that_is_gone_is_none(aws: Stub, name: ProviderName) -> None:
    aws.add_client_error(GETS[name.kind], "ResourceNotFoundException", "not found", 404)

    assert AgentCoreProviders(AgentCore(aws.client)).get(name) is None


@EVERY_KIND
@BROKEN_CALLS
def test_a_provider_that_cannot_be_read_is_not_taken_for_gone(
    aws: Stub, name: ProviderName, code: str, status: int, expected: type[Exception]
) -> None:
    aws.add_client_error(GETS[name.kind], code, "no", status)

    with pytest.raises(expected, match=f"^Get{OPERATIONS[name.kind]}: {code}$"):
        AgentCoreProviders(AgentCore(aws.client)).get(name)


# --- payment: two secrets in one provider ---


def test_both_secrets_of_a_coinbase_provider_are_references(aws: Stub) -> None:
    answer = an_answer(
        COINBASE,
        apiKeySecretSource="EXTERNAL",
        apiKeySecretJsonKey="api_key",
        walletSecretSource="EXTERNAL",
        walletSecretJsonKey="wallet",
        walletSecretArn={"secretArn": OTHER_SECRET},
    )

    provider = got(aws, COINBASE, answer)

    assert provider.references == {
        Reference(ARNS[COINBASE], COINBASE, "apiKey", SECRET, "api_key"),
        Reference(ARNS[COINBASE], COINBASE, "walletSecret", OTHER_SECRET, "wallet"),
    }


def test_both_secrets_of_a_privy_provider_are_references_though_they_are_one_secret(aws: Stub) -> None:
    answer = an_answer(
        PRIVY,
        appSecretSource="EXTERNAL",
        appSecretJsonKey="app_secret",
        authorizationPrivateKeySource="EXTERNAL",
        authorizationPrivateKeyJsonKey="private_key",
    )

    provider = got(aws, PRIVY, answer)

    assert provider.references == {
        Reference(ARNS[PRIVY], PRIVY, "appSecret", SECRET, "app_secret"),
        Reference(ARNS[PRIVY], PRIVY, "authorizationPrivateKey", SECRET, "private_key"),
    }


@pytest.mark.parametrize(
    ("name", "sources", "referenced"),
    [
        (COINBASE, {"apiKeySecretSource": "MANAGED", "walletSecretSource": "EXTERNAL"}, "walletSecret"),
        (COINBASE, {"apiKeySecretSource": "EXTERNAL", "walletSecretSource": "MANAGED"}, "apiKey"),
        (COINBASE, {"apiKeySecretSource": "EXTERNAL"}, "apiKey"),
        (PRIVY, {"appSecretSource": "MANAGED", "authorizationPrivateKeySource": "EXTERNAL"}, "authorizationPrivateKey"),
        (PRIVY, {"appSecretSource": "EXTERNAL", "authorizationPrivateKeySource": "MANAGED"}, "appSecret"),
        (PRIVY, {"authorizationPrivateKeySource": "EXTERNAL"}, "authorizationPrivateKey"),
    ],
)
def test_of_a_payment_provider_only_what_is_external_is_referenced(
    aws: Stub, name: ProviderName, sources: dict[str, str], referenced: str
) -> None:
    provider = got(aws, name, an_answer(name, **sources))

    assert [reference.field for reference in provider.references] == [referenced]
    assert provider.incomplete == frozenset()


def test_a_payment_provider_may_be_complete_in_one_secret_and_not_in_the_other(aws: Stub) -> None:
    answer = an_answer(
        COINBASE,
        apiKeySecretSource="EXTERNAL",
        walletSecretSource="EXTERNAL",
        walletSecretArn={"secretArn": OTHER_SECRET[:-7]},
    )

    provider = got(aws, COINBASE, answer)

    assert [reference.field for reference in provider.references] == ["apiKey"]
    assert provider.incomplete == {"walletSecret"}


# --- a custom OAuth2 provider: certificates, and no client secret ---


def a_custom_answer(*certificates: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """A Get answer of a custom OAuth2 provider whose client secret is AgentCore's own, unless said otherwise."""
    custom: dict[str, Any] = {"oauthDiscovery": DISCOVERY}
    if certificates:
        custom["certificateConfigurations"] = list(certificates)
    return (
        an_answer(
            OAUTH2,
            credentialProviderVendor="CustomOauth2",
            clientSecretSource="MANAGED",
            oauth2ProviderConfigOutput={"customOauth2ProviderConfig": custom},
        )
        | parts
    )


def from_secret(arn: str) -> dict[str, Any]:
    """A certificate that Secrets Manager keeps."""
    return {"secretsManager": {"secretArn": arn}}


def from_bucket() -> dict[str, Any]:
    """A certificate that S3 keeps."""
    return {"s3": {"uri": "s3://certificates/ca.pem", "bucketOwnerAccountId": ACCOUNT}}


def certificate(arn: str) -> Reference:
    return Reference(ARNS[OAUTH2], OAUTH2, "certificate", arn, json_key=None)


def test_a_certificate_in_a_secret_is_a_reference_to_the_whole_secret(aws: Stub) -> None:
    provider = got(aws, OAUTH2, a_custom_answer(from_secret(SECRET)))

    assert provider == Provider(ARNS[OAUTH2], OAUTH2, frozenset({certificate(SECRET)}))
    assert provider.incomplete == frozenset()


def test_each_certificate_is_a_reference_beside_the_client_secret(aws: Stub) -> None:
    answer = a_custom_answer(
        from_secret(SECRET), from_secret(OTHER_SECRET), clientSecretSource="EXTERNAL", clientSecretJsonKey="key"
    )

    provider = got(aws, OAUTH2, answer)

    assert provider.references == {
        certificate(SECRET),
        certificate(OTHER_SECRET),
        Reference(ARNS[OAUTH2], OAUTH2, "clientSecret", SECRET, "key"),
    }


def test_a_certificate_in_a_bucket_is_no_reference(aws: Stub) -> None:
    provider = got(aws, OAUTH2, a_custom_answer(from_bucket(), from_secret(SECRET)))

    assert provider.references == {certificate(SECRET)}
    assert provider.incomplete == frozenset()


def test_a_certificate_by_partial_arn_leaves_the_provider_incomplete(aws: Stub) -> None:
    provider = got(aws, OAUTH2, a_custom_answer(from_secret(SECRET[:-7]), from_secret(OTHER_SECRET)))

    assert provider.references == {certificate(OTHER_SECRET)}
    assert provider.incomplete == {"certificate"}


def test_a_custom_provider_without_certificates_has_none(aws: Stub) -> None:
    assert got(aws, OAUTH2, a_custom_answer()).references == frozenset()


def test_a_provider_that_signs_with_a_key_needs_no_client_secret(make_client: MakeClient) -> None:
    aws = make_client("bedrock-agentcore-control")
    key = {"kmsKeySource": {"kmsKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"}}
    answer = a_custom_answer(from_secret(SECRET))
    custom = answer["oauth2ProviderConfigOutput"]["customOauth2ProviderConfig"]
    custom["clientAuthenticationMethod"] = "PRIVATE_KEY_JWT"
    custom["privateKeyJwtConfig"] = {"privateKeySource": key, "signingAlgorithm": "RS256"}
    del answer["clientSecretArn"], answer["clientSecretSource"]  # the first is in every answer, says the model
    answer_with(aws, unstamped(answer))

    provider = AgentCoreProviders(AgentCore(aws)).get(OAUTH2)

    assert provider is not None
    assert provider.references == {certificate(SECRET)}
    assert provider.incomplete == frozenset()


# --- lists ---


def listed(kind: ProviderKind, *names: str, token: str | None = None) -> dict[str, Any]:
    """A page of a list, with what its items require."""
    times = {"createdTime": CREATED, "lastUpdatedTime": CREATED}
    vendors = {ProviderKind.OAUTH2: "GoogleOauth2", ProviderKind.PAYMENT: "CoinbaseCDP"}
    vendor = {"credentialProviderVendor": vendors[kind]} if kind in vendors else {}
    items = [{"name": name, "credentialProviderArn": f"{VAULT}/any/{name}", **vendor, **times} for name in names]
    return {"credentialProviders": items, **({"nextToken": token} if token else {})}


@pytest.mark.parametrize(
    ("kind", "page_size"), [(ProviderKind.API_KEY, 100), (ProviderKind.OAUTH2, 20), (ProviderKind.PAYMENT, 20)]
)
def test_every_page_is_read_in_the_size_that_the_operation_allows(
    aws: Stub, kind: ProviderKind, page_size: int
) -> None:
    first, size = [f"provider-{number}" for number in range(page_size)], {"maxResults": page_size}
    aws.add_response(LISTS[kind], listed(kind, *first, token="t-1"), size)
    aws.add_response(LISTS[kind], listed(kind, token="t-2"), {**size, "nextToken": "t-1"})
    aws.add_response(LISTS[kind], listed(kind, "last"), {**size, "nextToken": "t-2"})

    names = list(AgentCoreProviders(AgentCore(aws.client)).names(kind, EVERYTHING))

    assert names == [ProviderName(ACCOUNT, REGION, kind, name) for name in [*first, "last"]]


@pytest.mark.parametrize("kind", ProviderKind)
def test_an_account_without_providers_lists_none(aws: Stub, kind: ProviderKind) -> None:
    aws.add_response(LISTS[kind], listed(kind))

    assert list(AgentCoreProviders(AgentCore(aws.client)).names(kind, EVERYTHING)) == []


@pytest.mark.parametrize("kind", ProviderKind)
def test_a_page_that_fails_ends_the_list_with_the_failure(aws: Stub, kind: ProviderKind) -> None:
    aws.add_response(LISTS[kind], listed(kind, "first", token="t-1"))
    aws.add_client_error(LISTS[kind], "ThrottlingException", "slower", 429)
    names = AgentCoreProviders(AgentCore(aws.client)).names(kind, EVERYTHING)

    first = next(names)
    with pytest.raises(Transient, match=f"^List{OPERATIONS[kind]}s: ThrottlingException$"):
        next(names)

    assert first.name == "first"


# --- gateways ---

GATEWAY = GatewayName(ACCOUNT, REGION, "support-bot-a1b2c3d4e5")
GATEWAY_ARN = f"arn:aws:bedrock-agentcore:{REGION}:{ACCOUNT}:gateway/support-bot-a1b2c3d4e5"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/support-bot"
TIMES = {"createdAt": CREATED, "updatedAt": CREATED}


def a_gateway_answer(**parts: Any) -> dict[str, Any]:
    """A GetGateway answer, with what the output requires and a role."""
    return {
        "gatewayArn": GATEWAY_ARN,
        "gatewayId": GATEWAY.gateway_id,
        "name": "support-bot",
        "status": "READY",
        "authorizerType": "AWS_IAM",
        "roleArn": ROLE,
        **TIMES,
    } | parts


def a_target_answer(target_id: str, name: str, *providers: dict[str, Any]) -> dict[str, Any]:
    """A GetGatewayTarget answer, with these credential provider configurations."""
    return {
        "gatewayArn": GATEWAY_ARN,
        "targetId": target_id,
        "name": name,
        "status": "READY",
        "targetConfiguration": {"mcp": {"mcpServer": {"endpoint": "https://tools.example/mcp"}}},
        "credentialProviderConfigurations": list(providers),
        **TIMES,
    }


def by_oauth(name: ProviderName = OAUTH2) -> dict[str, Any]:
    provider = {"providerArn": ARNS[name], "scopes": ["read"]}
    return {"credentialProviderType": "OAUTH", "credentialProvider": {"oauthCredentialProvider": provider}}


def by_api_key(name: ProviderName = API_KEY) -> dict[str, Any]:
    provider = {"providerArn": ARNS[name], "credentialLocation": "HEADER"}
    return {"credentialProviderType": "API_KEY", "credentialProvider": {"apiKeyCredentialProvider": provider}}


def by_role() -> dict[str, Any]:
    return {"credentialProviderType": "GATEWAY_IAM_ROLE"}


def by_signed_request() -> dict[str, Any]:
    return {
        "credentialProviderType": "GATEWAY_IAM_ROLE",
        "credentialProvider": {"iamCredentialProvider": {"service": "execute-api", "region": REGION}},
    }


def a_consumer(name: ProviderName, target_id: str, target: str, role: str | None = ROLE) -> Consumer:
    return Consumer(ARNS[name], target_id, target, "support-bot", GATEWAY_ARN, role)


def listed_targets(*target_ids: str, token: str | None = None) -> dict[str, Any]:
    """A page of ListGatewayTargets."""
    items = [{"targetId": one, "name": f"listed-{one}", "status": "READY", **TIMES} for one in target_ids]
    return {"items": items, **({"nextToken": token} if token else {})}


def answer_targets(aws: Stub, *targets: dict[str, Any]) -> None:
    """One page that lists these targets, then the answer to a Get of each."""
    of_gateway = {"gatewayIdentifier": GATEWAY.gateway_id}
    aws.add_response("list_gateway_targets", listed_targets(*(one["targetId"] for one in targets)), of_gateway)
    for one in targets:
        aws.add_response("get_gateway_target", one, {**of_gateway, "targetId": one["targetId"]})


def got_gateway(aws: Stub, *targets: dict[str, Any], **parts: Any) -> Gateway | None:
    aws.add_response("get_gateway", a_gateway_answer(**parts), {"gatewayIdentifier": GATEWAY.gateway_id})
    answer_targets(aws, *targets)
    return AgentCoreGateways(AgentCore(aws.client)).get(GATEWAY)


def test_gateways_are_named_by_their_ids_on_every_page(aws: Stub) -> None:
    def page(*ids: str, **token: str) -> dict[str, Any]:
        items = [{"gatewayId": one, "name": "a", "status": "READY", "authorizerType": "NONE", **TIMES} for one in ids]
        return {"items": items, **token}

    aws.add_response("list_gateways", page("first-a1b2c3d4e5", "second-a1b2c3d4e5", nextToken="t-1"), {})
    aws.add_response("list_gateways", page(nextToken="t-2"), {"nextToken": "t-1"})
    aws.add_response("list_gateways", page("third-a1b2c3d4e5"), {"nextToken": "t-2"})

    names = list(AgentCoreGateways(AgentCore(aws.client)).names(EVERYTHING))

    assert names == [GatewayName(ACCOUNT, REGION, f"{one}-a1b2c3d4e5") for one in ("first", "second", "third")]


def test_a_target_consumes_each_provider_that_it_is_configured_with(aws: Stub) -> None:
    gateway = got_gateway(
        aws,
        a_target_answer("A1b2C3d4E5", "crm", by_oauth()),
        a_target_answer("F6g7H8i9J0", "weather", by_api_key(), by_oauth()),
    )

    assert gateway == Gateway(
        GATEWAY,
        GATEWAY_ARN,
        frozenset(
            {
                a_consumer(OAUTH2, "A1b2C3d4E5", "crm"),
                a_consumer(OAUTH2, "F6g7H8i9J0", "weather"),
                a_consumer(API_KEY, "F6g7H8i9J0", "weather"),
            }
        ),
    )


@pytest.mark.parametrize("configurations", [[by_role()], [by_signed_request()]], ids=["role", "signed"])
def test_a_target_that_needs_no_provider_is_no_consumer(aws: Stub, configurations: list[dict[str, Any]]) -> None:
    gateway = got_gateway(aws, a_target_answer("A1b2C3d4E5", "tools", *configurations))

    assert gateway == Gateway(GATEWAY, GATEWAY_ARN, frozenset())


def test_a_role_beside_a_provider_hides_it_not(aws: Stub) -> None:
    gateway = got_gateway(aws, a_target_answer("A1b2C3d4E5", "crm", by_signed_request(), by_oauth()))

    assert gateway is not None
    assert gateway.consumers == {a_consumer(OAUTH2, "A1b2C3d4E5", "crm")}


def test_a_gateway_without_targets_has_no_consumers(aws: Stub) -> None:
    assert got_gateway(aws) == Gateway(GATEWAY, GATEWAY_ARN, frozenset())


def test_a_gateway_without_role_has_consumers_without_one(aws: Stub) -> None:
    aws_answer = a_gateway_answer()
    del aws_answer["roleArn"]
    aws.add_response("get_gateway", aws_answer)
    answer_targets(aws, a_target_answer("A1b2C3d4E5", "crm", by_oauth()))

    gateway = AgentCoreGateways(AgentCore(aws.client)).get(GATEWAY)

    assert gateway is not None
    assert gateway.consumers == {a_consumer(OAUTH2, "A1b2C3d4E5", "crm", role=None)}


def test_the_targets_of_every_page_are_read(aws: Stub) -> None:
    of_gateway = {"gatewayIdentifier": GATEWAY.gateway_id}
    ids = ["A1b2C3d4E5", "F6g7H8i9J0"]
    aws.add_response("get_gateway", a_gateway_answer(), of_gateway)
    aws.add_response("list_gateway_targets", listed_targets(ids[0], token="t-1"), of_gateway)
    aws.add_response("get_gateway_target", a_target_answer(ids[0], "one", by_oauth()))
    aws.add_response("list_gateway_targets", listed_targets(ids[1]), {**of_gateway, "nextToken": "t-1"})
    aws.add_response("get_gateway_target", a_target_answer(ids[1], "two", by_oauth()))

    gateway = AgentCoreGateways(AgentCore(aws.client)).get(GATEWAY)

    assert gateway is not None
    assert gateway.consumers == {a_consumer(OAUTH2, ids[0], "one"), a_consumer(OAUTH2, ids[1], "two")}


def test_a_target_that_went_after_it_was_listed_is_left_out(aws: Stub) -> None:
    aws.add_response("get_gateway", a_gateway_answer())
    aws.add_response("list_gateway_targets", listed_targets("A1b2C3d4E5", "F6g7H8i9J0"))
    aws.add_client_error("get_gateway_target", "ResourceNotFoundException", "not found", 404)
    aws.add_response("get_gateway_target", a_target_answer("F6g7H8i9J0", "crm", by_oauth()))

    gateway = AgentCoreGateways(AgentCore(aws.client)).get(GATEWAY)

    assert gateway is not None
    assert gateway.consumers == {a_consumer(OAUTH2, "F6g7H8i9J0", "crm")}


def test_a_gateway_that_is_gone_is_none(aws: Stub) -> None:
    aws.add_client_error("get_gateway", "ResourceNotFoundException", "not found", 404)

    assert AgentCoreGateways(AgentCore(aws.client)).get(GATEWAY) is None


@pytest.mark.parametrize("answered", range(3), ids=["the gateway", "its targets", "one of them"])
@BROKEN_CALLS
def test_a_gateway_of_which_something_cannot_be_read_is_not_taken_for_one_without(
    aws: Stub, answered: int, code: str, status: int, expected: type[Exception]
) -> None:
    steps: list[tuple[str, str, dict[str, Any]]] = [
        ("get_gateway", "GetGateway", a_gateway_answer()),
        ("list_gateway_targets", "ListGatewayTargets", listed_targets("A1b2C3d4E5")),
        ("get_gateway_target", "GetGatewayTarget", {}),
    ]
    for method, _, answer in steps[:answered]:
        aws.add_response(method, answer)
    method, operation, _ = steps[answered]
    aws.add_client_error(method, code, "no", status)

    with pytest.raises(expected, match=f"^{operation}: {code}$"):
        AgentCoreGateways(AgentCore(aws.client)).get(GATEWAY)


def test_a_gateway_that_goes_while_its_targets_are_listed_is_a_failure_that_the_queue_repeats(aws: Stub) -> None:
    aws.add_response("get_gateway", a_gateway_answer())
    aws.add_client_error("list_gateway_targets", "ResourceNotFoundException", "not found", 404)

    with pytest.raises(Permanent, match=r"^ListGatewayTargets: ResourceNotFoundException$"):
        AgentCoreGateways(AgentCore(aws.client)).get(GATEWAY)


@pytest.mark.parametrize(
    ("gateway", "target", "settling"),
    [
        ("READY", "READY", False),
        ("FAILED", "UPDATE_UNSUCCESSFUL", False),
        ("CREATING", "READY", True),
        ("DELETING", "READY", True),
        ("READY", "DELETING", True),
        ("READY", "SYNCHRONIZING", True),
    ],
)
def test_a_gateway_is_settling_while_it_or_one_of_its_targets_is_being_changed(
    aws: Stub, gateway: str, target: str, settling: bool
) -> None:
    found = got_gateway(aws, {**a_target_answer("A1b2C3d4E5", "crm", by_oauth()), "status": target}, status=gateway)

    assert found is not None
    assert found.settling is settling
