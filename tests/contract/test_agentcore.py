"""The adapter lists every provider, and sees a reference only where AgentCore says EXTERNAL."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from secretwatch.adapters.agentcore import AgentCoreProviders
from secretwatch.domain.reference import Provider, ProviderKind, ProviderName, Reference
from secretwatch.errors import Permanent, Transient
from tests.contract.stubs import MakeClient, MakeStub, Stub, answer_with
from tests.fakes import ACCOUNT, EVERYTHING, REGION, a_name, secret_arn

API_KEY, OAUTH2 = a_name("weather-api", ProviderKind.API_KEY), a_name("crm-google", ProviderKind.OAUTH2)
VAULT = f"arn:aws:bedrock-agentcore:{REGION}:{ACCOUNT}:token-vault/default"
ARNS = {
    API_KEY: f"{VAULT}/apikeycredentialprovider/weather-api",
    OAUTH2: f"{VAULT}/oauth2credentialprovider/crm-google",
}
FIELDS = {API_KEY: "apiKey", OAUTH2: "clientSecret"}
STEMS = {API_KEY: "apiKeySecret", OAUTH2: "clientSecret"}
GETS = {API_KEY: "get_api_key_credential_provider", OAUTH2: "get_oauth2_credential_provider"}
LISTS = {
    ProviderKind.API_KEY: "list_api_key_credential_providers",
    ProviderKind.OAUTH2: "list_oauth2_credential_providers",
}
BOTH = pytest.mark.parametrize("name", [API_KEY, OAUTH2], ids=["api key", "oauth2"])

DISCOVERY = {"discoveryUrl": "https://accounts.google.com/.well-known/openid-configuration"}
CREATED = datetime(2026, 11, 2, 8, tzinfo=UTC)
SECRET = secret_arn()


@pytest.fixture
def aws(make_stub: MakeStub) -> Stub:
    return make_stub("bedrock-agentcore-control")


@dataclass
class Clock:
    """Stands still but for whoever waits."""

    time: float = 1_000.0
    waits: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.time

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.time += seconds


def unhurried(aws: Stub) -> AgentCoreProviders:
    clock = Clock()
    return AgentCoreProviders(aws.client, now=clock.now, wait=clock.wait)


def an_answer(name: ProviderName, **secret: Any) -> dict[str, Any]:
    """A Get answer of either kind, without what the output leaves optional; `Source` stands for `<stem>Source`."""
    answer: dict[str, Any] = {
        "name": name.name,
        "credentialProviderArn": ARNS[name],
        "createdTime": CREATED,
        "lastUpdatedTime": CREATED,
    }
    if name.kind is ProviderKind.API_KEY:
        answer["apiKeySecretArn"] = {"secretArn": SECRET}
    else:
        answer |= {
            "clientSecretArn": {"secretArn": SECRET},
            "credentialProviderVendor": "GoogleOauth2",
            "oauth2ProviderConfigOutput": {"googleOauth2ProviderConfig": {"oauthDiscovery": DISCOVERY}},
        }
    return answer | {f"{STEMS[name]}{part}": value for part, value in secret.items()}


def got(aws: Stub, name: ProviderName, answer: dict[str, Any]) -> Provider | None:
    aws.add_response(GETS[name], answer, {"name": name.name})
    return unhurried(aws).get(name)


# --- one provider ---


@BOTH
def test_an_external_source_is_a_reference(aws: Stub, name: ProviderName) -> None:
    provider = got(aws, name, an_answer(name, Source="EXTERNAL", JsonKey="key"))

    reference = Reference(ARNS[name], name, FIELDS[name], SECRET, "key")
    assert provider == Provider(ARNS[name], name, frozenset({reference}))
    assert provider.incomplete == frozenset()


@BOTH
def test_an_external_source_without_json_key_is_a_reference_without_one(aws: Stub, name: ProviderName) -> None:
    provider = got(aws, name, an_answer(name, Source="EXTERNAL"))

    assert provider == Provider(
        ARNS[name], name, frozenset({Reference(ARNS[name], name, FIELDS[name], SECRET, json_key=None)})
    )


@BOTH
@pytest.mark.parametrize(
    "secret",
    [
        pytest.param({"Source": "MANAGED"}, id="managed"),
        pytest.param({"Source": "MANAGED", "JsonKey": "key"}, id="managed, with a key"),
        pytest.param({}, id="no source"),
        pytest.param({"JsonKey": "key"}, id="no source, with a key"),
    ],
)
def test_a_secret_of_agentcores_own_is_no_reference(aws: Stub, name: ProviderName, secret: dict[str, str]) -> None:
    provider = got(aws, name, an_answer(name, **secret))

    assert provider == Provider(ARNS[name], name, frozenset())
    assert provider.incomplete == frozenset()


@BOTH
@pytest.mark.parametrize("arn", [SECRET[:-7], "arn:aws:s3:::a-bucket-with-a-name", "no ARN, but long enough"])
def test_an_external_source_that_names_no_secret_leaves_the_provider_incomplete(
    aws: Stub, name: ProviderName, arn: str
) -> None:
    provider = got(aws, name, an_answer(name, Source="EXTERNAL", JsonKey="key", Arn={"secretArn": arn}))

    assert provider is not None
    assert provider.references == frozenset()
    assert provider.incomplete == frozenset({FIELDS[name]})


@BOTH
@pytest.mark.parametrize("parts", [{}, {"Arn": {}}], ids=["no field", "an empty one"])
def test_so_does_an_external_source_without_the_secrets_arn_that_the_model_requires(
    make_client: MakeClient, name: ProviderName, parts: dict[str, Any]
) -> None:
    aws = make_client("bedrock-agentcore-control")
    body = {"name": name.name, "credentialProviderArn": ARNS[name], f"{STEMS[name]}Source": "EXTERNAL"}
    answer_with(aws, body | {f"{STEMS[name]}{part}": value for part, value in parts.items()})

    provider = AgentCoreProviders(aws).get(name)

    assert provider is not None
    assert (provider.references, provider.incomplete) == (frozenset(), frozenset({FIELDS[name]}))


def test_a_secret_of_another_account_is_a_reference_like_any(aws: Stub) -> None:
    foreign = "arn:aws:secretsmanager:eu-west-1:444455556666:secret:shared/crm-Zz9Yy8"

    provider = got(aws, OAUTH2, an_answer(OAUTH2, Source="EXTERNAL", JsonKey="key", Arn={"secretArn": foreign}))

    assert provider is not None
    (reference,) = provider.references
    assert (reference.secret_arn, reference.secret.account) == (foreign, "444455556666")


@BOTH
def test_a_provider_that_is_gone_is_none(aws: Stub, name: ProviderName) -> None:
    aws.add_client_error(GETS[name], "ResourceNotFoundException", "not found", 404)

    assert unhurried(aws).get(name) is None


@BOTH
@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("AccessDeniedException", 403, Permanent),
        ("UnauthorizedException", 401, Permanent),
        ("DecryptionFailure", 400, Permanent),
        ("ThrottlingException", 429, Transient),
        ("InternalServerException", 500, Transient),
    ],
)
def test_a_provider_that_cannot_be_read_is_not_taken_for_gone(
    aws: Stub, name: ProviderName, code: str, status: int, expected: type[Exception]
) -> None:
    aws.add_client_error(GETS[name], code, "no", status)

    with pytest.raises(expected, match=f"^Get {name.kind} credential provider: {code}$"):
        unhurried(aws).get(name)


# --- lists ---


def listed(kind: ProviderKind, *names: str, token: str | None = None) -> dict[str, Any]:
    """A page of a list, with what its items require."""
    times = {"createdTime": CREATED, "lastUpdatedTime": CREATED}
    vendor = {"credentialProviderVendor": "GoogleOauth2"} if kind is ProviderKind.OAUTH2 else {}
    items = [{"name": name, "credentialProviderArn": f"{VAULT}/any/{name}", **vendor, **times} for name in names]
    return {"credentialProviders": items, **({"nextToken": token} if token else {})}


@pytest.mark.parametrize(("kind", "page_size"), [(ProviderKind.API_KEY, 100), (ProviderKind.OAUTH2, 20)])
def test_every_page_is_read_in_the_size_that_the_operation_allows(
    aws: Stub, kind: ProviderKind, page_size: int
) -> None:
    first, size = [f"provider-{number}" for number in range(page_size)], {"maxResults": page_size}
    aws.add_response(LISTS[kind], listed(kind, *first, token="t-1"), size)
    aws.add_response(LISTS[kind], listed(kind, token="t-2"), {**size, "nextToken": "t-1"})
    aws.add_response(LISTS[kind], listed(kind, "last"), {**size, "nextToken": "t-2"})

    names = list(unhurried(aws).names(kind, EVERYTHING))

    assert names == [ProviderName(ACCOUNT, REGION, kind, name) for name in [*first, "last"]]


@pytest.mark.parametrize("kind", ProviderKind)
def test_an_account_without_providers_lists_none(aws: Stub, kind: ProviderKind) -> None:
    aws.add_response(LISTS[kind], listed(kind))

    assert list(unhurried(aws).names(kind, EVERYTHING)) == []


def test_a_page_that_fails_ends_the_list_with_the_failure(aws: Stub) -> None:
    aws.add_response(LISTS[ProviderKind.OAUTH2], listed(ProviderKind.OAUTH2, "first", token="t-1"))
    aws.add_client_error(LISTS[ProviderKind.OAUTH2], "ThrottlingException", "slower", 429)
    names = unhurried(aws).names(ProviderKind.OAUTH2, EVERYTHING)

    first = next(names)
    with pytest.raises(Transient, match=r"^List OAUTH2 credential providers: ThrottlingException$"):
        next(names)

    assert first.name == "first"


# --- pace ---


def test_calls_in_a_row_keep_their_distance(aws: Stub) -> None:
    clock = Clock()
    providers = AgentCoreProviders(aws.client, now=clock.now, wait=clock.wait)
    for _ in range(3):
        aws.add_client_error(GETS[API_KEY], "ResourceNotFoundException", "not found", 404)

    for _ in range(3):
        providers.get(API_KEY)

    assert clock.waits == [pytest.approx(0.2), pytest.approx(0.2)]


def test_a_call_after_a_pause_does_not_wait(aws: Stub) -> None:
    clock = Clock()
    providers = AgentCoreProviders(aws.client, now=clock.now, wait=clock.wait)
    for _ in range(2):
        aws.add_client_error(GETS[API_KEY], "ResourceNotFoundException", "not found", 404)

    providers.get(API_KEY)
    clock.time += 1
    providers.get(API_KEY)

    assert clock.waits == []
