"""AgentCore Identity, as real boto3 clients see it under mock_aws."""

from __future__ import annotations

import re
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.session import get_session
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto.bedrockagentcorecontrol.models import bedrockagentcorecontrol_backends
from moto.bedrockagentcorecontrol.responses import BedrockAgentCoreControlResponse

from local import agentcore_identity

ACCOUNT = "123456789012"
MODEL = get_session().get_service_model("bedrock-agentcore-control")
CREATE_OAUTH2: Any = MODEL.operation_model("CreateOauth2CredentialProvider").input_shape
VENDORS = CREATE_OAUTH2.members["credentialProviderVendor"].enum
DISCOVERY = {"discoveryUrl": "https://idp.example/.well-known/openid-configuration"}


def external(secret_id: str, json_key: str = "apiKey") -> dict[str, Any]:
    return {"apiKeySecretSource": "EXTERNAL", "apiKeySecretConfig": {"secretId": secret_id, "jsonKey": json_key}}


def google(**configuration: Any) -> dict[str, Any]:
    return {
        "credentialProviderVendor": "GoogleOauth2",
        "oauth2ProviderConfigInput": {"googleOauth2ProviderConfig": {"clientId": "client", **configuration}},
    }


def client_secret(secret_id: str) -> dict[str, Any]:
    return {"clientSecretSource": "EXTERNAL", "clientSecretConfig": {"secretId": secret_id, "jsonKey": "secret"}}


def vendor_configuration(vendor: str, **configuration: Any) -> dict[str, Any]:
    member = f"{vendor[0].lower()}{vendor[1:]}ProviderConfig"
    if member not in CREATE_OAUTH2.members["oauth2ProviderConfigInput"].members:
        member = "includedOauth2ProviderConfig"
    if member.startswith("custom"):
        configuration["oauthDiscovery"] = DISCOVERY
    return {
        "credentialProviderVendor": vendor,
        "oauth2ProviderConfigInput": {member: {"clientId": "client", **configuration}},
    }


def body(response: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in response.items() if name != "ResponseMetadata"}


def refusal(call: Any, **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def is_declared(operation: str, code: str) -> bool:
    return code in {shape.name for shape in MODEL.operation_model(operation).error_shapes}


class TestApiKeyProvider:
    @pytest.mark.parametrize("form", ["name", "arn", "partial arn"])
    def test_a_reference_is_given_back_as_the_full_arn(self, agentcore: Any, secret_arn: str, form: str) -> None:
        secret_id = {"name": "team/weather", "arn": secret_arn, "partial arn": secret_arn[:-7]}[form]

        created = agentcore.create_api_key_credential_provider(name="weather", **external(secret_id))

        assert body(created) == {
            "name": "weather",
            "credentialProviderArn": (
                f"arn:aws:bedrock-agentcore:us-east-1:{ACCOUNT}:token-vault/default/apikeycredentialprovider/weather"
            ),
            "apiKeySecretArn": {"secretArn": secret_arn},
            "apiKeySecretJsonKey": "apiKey",
            "apiKeySecretSource": "EXTERNAL",
        }
        assert created["ResponseMetadata"]["HTTPStatusCode"] == 201

    def test_get_adds_the_times(self, agentcore: Any, secret_arn: str) -> None:
        created = agentcore.create_api_key_credential_provider(name="weather", **external(secret_arn))

        found = agentcore.get_api_key_credential_provider(name="weather")

        assert found.keys() - created.keys() == {"createdTime", "lastUpdatedTime"}
        assert {name: found[name] for name in body(created)} == body(created)

    def test_a_managed_secret_has_neither_json_key_nor_a_source_nobody_gave(self, agentcore: Any) -> None:
        agentcore.create_api_key_credential_provider(name="weather", apiKey="value")

        found = agentcore.get_api_key_credential_provider(name="weather")

        owned = rf"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:bedrock-agentcore-identity!default/apikey/weather-"
        assert re.match(owned, found["apiKeySecretArn"]["secretArn"])
        assert not {"apiKeySecretJsonKey", "apiKeySecretSource", "apiKey"} & found.keys()

    def test_a_managed_source_that_was_given_is_given_back(self, agentcore: Any) -> None:
        agentcore.create_api_key_credential_provider(name="weather", apiKey="value", apiKeySecretSource="MANAGED")

        found = agentcore.get_api_key_credential_provider(name="weather")

        assert found["apiKeySecretSource"] == "MANAGED"

    @pytest.mark.parametrize(
        ("arguments", "field"),
        [
            pytest.param({}, "apiKey", id="managed without a value"),
            pytest.param({"apiKeySecretSource": "EXTERNAL"}, "apiKeySecretConfig", id="external without a reference"),
            pytest.param({**external("team/weather"), "apiKey": "CANARY"}, "apiKey", id="both"),
            pytest.param(
                {"apiKeySecretConfig": {"secretId": "team/weather", "jsonKey": "k"}, "apiKey": "CANARY"},
                "apiKeySecretConfig",
                id="a reference without its source",
            ),
            pytest.param({**external("arn:aws:iam::1:role/r")}, "apiKeySecretConfig.secretId", id="no secret's ARN"),
            pytest.param(
                external(f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:x-abcdef"),
                "apiKeySecretConfig.secretId",
                id="another Region",
            ),
            pytest.param({"apiKey": "CANARY" * 20_000}, "apiKey", id="too long"),
            pytest.param({"apiKeySecretSource": "OTHER"}, "apiKeySecretSource", id="no such source"),
            pytest.param(external("x" * 2049), "apiKeySecretConfig.secretId", id="secret id too long"),
            pytest.param(external("x", "k" * 129), "apiKeySecretConfig.jsonKey", id="JSON key too long"),
            pytest.param({"apiKey": "k", "tags": {"a": "v" * 257}}, "tags.value", id="tag value too long"),
            pytest.param({"apiKey": "k", "tags": {f"t{n}": "v" for n in range(51)}}, "tags", id="too many tags"),
        ],
    )
    def test_contradictions_are_refused_without_their_values(
        self, agentcore: Any, secret_arn: str, arguments: dict[str, Any], field: str
    ) -> None:
        code, message = refusal(agentcore.create_api_key_credential_provider, name="weather", **arguments)

        assert code == "ValidationException"
        assert f"'{field}'" in message
        assert "CANARY" not in message
        assert agentcore.list_api_key_credential_providers()["credentialProviders"] == []

    @pytest.mark.parametrize("name", ["a b", "a.b", "x" * 129, "ä"])
    def test_names_are_checked(self, agentcore: Any, name: str) -> None:
        code, _ = refusal(agentcore.create_api_key_credential_provider, name=name, apiKey="value")

        assert code == "ValidationException"

    def test_an_unknown_secret_is_not_found(self, agentcore: Any) -> None:
        code, _ = refusal(agentcore.create_api_key_credential_provider, name="weather", **external("nowhere"))

        assert code == "ResourceNotFoundException"
        assert is_declared("CreateApiKeyCredentialProvider", code)

    def test_a_recreated_secret_is_not_the_referenced_one(self, agentcore: Any, secret_arn: str) -> None:
        gone = f"{secret_arn[:-6]}aaaaaa"

        code, _ = refusal(agentcore.create_api_key_credential_provider, name="weather", **external(gone))

        assert code == "ResourceNotFoundException"

    def test_a_secret_of_another_account_is_found_by_its_arn(
        self, agentcore: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[tuple[str, str, str]] = []
        arn = "arn:aws:secretsmanager:us-east-1:999999999999:secret:shared-abcdef"

        def resolve(secret_id: str, account: str, region: str) -> str | None:
            asked.append((secret_id, account, region))
            return secret_id

        agentcore_identity.install(resolve_secret=resolve)
        created = agentcore.create_api_key_credential_provider(name="weather", **external(arn))

        assert created["apiKeySecretArn"] == {"secretArn": arn}
        assert asked == [(arn, "999999999999", "us-east-1")]

    def test_a_taken_name_is_refused_as_aws_was_seen_to(self, agentcore: Any) -> None:
        agentcore.create_api_key_credential_provider(name="weather", apiKey="value")

        refused = refusal(agentcore.create_api_key_credential_provider, name="weather", apiKey="value")

        assert refused == ("ValidationException", "Credential provider with name: weather already exists")

    def test_an_update_of_nothing_keeps_the_reference(self, agentcore: Any, secret_arn: str) -> None:
        agentcore.create_api_key_credential_provider(name="weather", **external(secret_arn))
        before = body(agentcore.get_api_key_credential_provider(name="weather"))

        agentcore.update_api_key_credential_provider(name="weather")

        after = body(agentcore.get_api_key_credential_provider(name="weather"))
        assert {**after, "lastUpdatedTime": before["lastUpdatedTime"]} == before
        assert after["lastUpdatedTime"] >= before["lastUpdatedTime"]

    def test_an_update_moves_the_reference(self, agentcore: Any, secret_arn: str) -> None:
        agentcore.create_api_key_credential_provider(name="weather", **external(secret_arn))

        updated = agentcore.update_api_key_credential_provider(name="weather", **external(secret_arn, "other"))

        assert updated["apiKeySecretJsonKey"] == "other"
        assert agentcore.get_api_key_credential_provider(name="weather")["apiKeySecretJsonKey"] == "other"

    def test_an_update_changes_who_manages_the_secret(self, agentcore: Any, secret_arn: str) -> None:
        agentcore.create_api_key_credential_provider(name="weather", apiKey="value")
        owned = agentcore.get_api_key_credential_provider(name="weather")["apiKeySecretArn"]

        agentcore.update_api_key_credential_provider(name="weather", apiKey="other")
        kept = agentcore.get_api_key_credential_provider(name="weather")["apiKeySecretArn"]
        agentcore.update_api_key_credential_provider(name="weather", **external(secret_arn))
        referenced = agentcore.get_api_key_credential_provider(name="weather")
        managed_again = {"name": "weather", "apiKeySecretSource": "MANAGED"}
        code, _ = refusal(agentcore.update_api_key_credential_provider, **managed_again)
        managed = agentcore.update_api_key_credential_provider(**managed_again, apiKey="value")

        assert kept == owned
        assert referenced["apiKeySecretArn"] == {"secretArn": secret_arn}
        assert code == "ValidationException"
        assert managed["apiKeySecretSource"] == "MANAGED"
        assert "apiKeySecretJsonKey" not in managed

    def test_a_refused_update_changes_nothing(self, agentcore: Any, secret_arn: str) -> None:
        agentcore.create_api_key_credential_provider(name="weather", **external(secret_arn))
        before = body(agentcore.get_api_key_credential_provider(name="weather"))

        refusal(agentcore.update_api_key_credential_provider, name="weather", **external("nowhere"))

        assert body(agentcore.get_api_key_credential_provider(name="weather")) == before


class TestOauth2Provider:
    def test_get_says_all_that_the_model_requires_and_no_secret(self, agentcore: Any, secret_arn: str) -> None:
        created = agentcore.create_oauth2_credential_provider(name="search", **google(**client_secret(secret_arn)))

        found = body(agentcore.get_oauth2_credential_provider(name="search"))

        times = {"createdTime", "lastUpdatedTime"}
        assert {name: value for name, value in found.items() if name not in times} == {
            "name": "search",
            "credentialProviderArn": (
                f"arn:aws:bedrock-agentcore:us-east-1:{ACCOUNT}:token-vault/default/oauth2credentialprovider/search"
            ),
            "credentialProviderVendor": "GoogleOauth2",
            "clientSecretArn": {"secretArn": secret_arn},
            "clientSecretJsonKey": "secret",
            "clientSecretSource": "EXTERNAL",
            "callbackUrl": created["callbackUrl"],
            "oauth2ProviderConfigOutput": {
                "googleOauth2ProviderConfig": {
                    "clientId": "client",
                    "oauthDiscovery": {"discoveryUrl": "https://accounts.google.com/.well-known/openid-configuration"},
                }
            },
            "status": "READY",
        }

    @pytest.mark.parametrize("vendor", VENDORS)
    def test_every_vendor_takes_its_configuration(self, agentcore: Any, secret_arn: str, vendor: str) -> None:
        configuration = vendor_configuration(vendor, **client_secret("team/weather"))

        agentcore.create_oauth2_credential_provider(name="search", **configuration)
        found = agentcore.get_oauth2_credential_provider(name="search")

        [member] = configuration["oauth2ProviderConfigInput"]
        assert found["credentialProviderVendor"] == vendor
        assert found["clientSecretArn"] == {"secretArn": secret_arn}
        assert found["oauth2ProviderConfigOutput"][member]["clientId"] == "client"
        assert len(found["oauth2ProviderConfigOutput"][member]["oauthDiscovery"]) == 1

    def test_a_vendor_refuses_the_configuration_of_another(self, agentcore: Any) -> None:
        mixed = {**google(clientSecret="value"), "credentialProviderVendor": "SlackOauth2"}

        code, message = refusal(agentcore.create_oauth2_credential_provider, name="search", **mixed)

        assert code == "ValidationException"
        assert "slackOauth2ProviderConfig" in message

    def test_the_custom_vendor_gets_its_own_configuration_back(self, agentcore: Any) -> None:
        given = {"clientAuthenticationMethod": "AWS_IAM_ID_TOKEN_JWT"}

        agentcore.create_oauth2_credential_provider(name="search", **vendor_configuration("CustomOauth2", **given))
        found = agentcore.get_oauth2_credential_provider(name="search")

        assert found["oauth2ProviderConfigOutput"] == {
            "customOauth2ProviderConfig": {"clientId": "client", "oauthDiscovery": DISCOVERY, **given}
        }

    def test_an_included_vendor_gets_the_endpoints_it_named(self, agentcore: Any) -> None:
        endpoints = {
            "issuer": "https://id.example",
            "authorizationEndpoint": "https://id.example/authorize",
            "tokenEndpoint": "https://id.example/token",
        }

        created = agentcore.create_oauth2_credential_provider(
            name="search", **vendor_configuration("OktaOauth2", clientSecret="value", **endpoints)
        )

        output = created["oauth2ProviderConfigOutput"]["includedOauth2ProviderConfig"]
        assert output["oauthDiscovery"] == {"authorizationServerMetadata": endpoints}

    @pytest.mark.parametrize(
        "configuration",
        [
            pytest.param(google(), id="managed without a value"),
            pytest.param(google(clientSecretSource="EXTERNAL"), id="external without a reference"),
            pytest.param(google(clientSecret="CANARY", **client_secret("team/weather")), id="both"),
            pytest.param(
                vendor_configuration("MicrosoftOauth2", clientSecret="CANARY", tenantId="t" * 2049),
                id="tenant too long",
            ),
            pytest.param(
                vendor_configuration("CustomOauth2", clientSecret="CANARY", clientAuthenticationMethod="NONE"),
                id="no such method",
            ),
        ],
    )
    def test_contradictions_are_refused(self, agentcore: Any, secret_arn: str, configuration: dict[str, Any]) -> None:
        code, message = refusal(agentcore.create_oauth2_credential_provider, name="search", **configuration)

        assert code == "ValidationException"
        assert "CANARY" not in message

    def test_a_discovery_url_must_look_like_one(self, agentcore: Any) -> None:
        configuration = vendor_configuration("CustomOauth2", clientSecret="value")
        custom = configuration["oauth2ProviderConfigInput"]["customOauth2ProviderConfig"]
        custom["oauthDiscovery"] = {"discoveryUrl": "https://idp.example"}

        code, message = refusal(agentcore.create_oauth2_credential_provider, name="search", **configuration)

        assert code == "ValidationException"
        assert "discoveryUrl" in message

    def test_an_update_keeps_arn_and_callback(self, agentcore: Any, secret_arn: str) -> None:
        created = agentcore.create_oauth2_credential_provider(name="search", **google(clientSecret="value"))

        updated = agentcore.update_oauth2_credential_provider(name="search", **google(**client_secret(secret_arn)))

        assert updated["callbackUrl"] == created["callbackUrl"]
        assert updated["credentialProviderArn"] == created["credentialProviderArn"]
        assert updated["clientSecretArn"] == {"secretArn": secret_arn}


class TestBothKinds:
    @pytest.fixture(params=["api_key", "oauth2"])
    def kind(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def value(self, kind: str) -> dict[str, Any]:
        return {"apiKey": "value"} if kind == "api_key" else google(clientSecret="value")

    def call(self, agentcore: Any, verb: str, kind: str, **arguments: Any) -> dict[str, Any]:
        method = getattr(agentcore, f"{verb}_{kind}_credential_provider{'s' if verb == 'list' else ''}")
        response: dict[str, Any] = method(**arguments)
        return response

    @pytest.mark.parametrize("verb", ["get", "update", "delete"])
    def test_an_unknown_name_is_not_found(self, agentcore: Any, kind: str, value: dict[str, Any], verb: str) -> None:
        arguments = value if verb == "update" else {}

        code, _ = refusal(lambda **given: self.call(agentcore, verb, kind, **given), name="nobody", **arguments)

        assert code == "ResourceNotFoundException"

    def test_delete_answers_204_and_takes_provider_and_tags(
        self, agentcore: Any, kind: str, value: dict[str, Any]
    ) -> None:
        created = self.call(agentcore, "create", kind, name="one", tags={"team": "a"}, **value)
        arn = created["credentialProviderArn"]
        tagged = agentcore.list_tags_for_resource(resourceArn=arn)["tags"]

        deleted = self.call(agentcore, "delete", kind, name="one")

        assert tagged == {"team": "a"}
        assert (deleted["ResponseMetadata"]["HTTPStatusCode"], body(deleted)) == (204, {})
        assert self.call(agentcore, "list", kind)["credentialProviders"] == []
        assert agentcore.list_tags_for_resource(resourceArn=arn)["tags"] == {}

    def test_the_same_name_serves_one_provider_of_each_kind(self, agentcore: Any) -> None:
        agentcore.create_api_key_credential_provider(name="one", apiKey="value")
        agentcore.create_oauth2_credential_provider(name="one", **google(clientSecret="value"))

        assert len(agentcore.list_api_key_credential_providers()["credentialProviders"]) == 1
        assert len(agentcore.list_oauth2_credential_providers()["credentialProviders"]) == 1

    def test_a_list_tells_no_secret_and_no_source(self, agentcore: Any, kind: str, value: dict[str, Any]) -> None:
        self.call(agentcore, "create", kind, name="one", **value)

        [item] = self.call(agentcore, "list", kind)["credentialProviders"]

        vendor = {"credentialProviderVendor"} if kind == "oauth2" else set()
        assert item.keys() == {"name", "credentialProviderArn", "createdTime", "lastUpdatedTime", *vendor}

    def test_a_page_holds_100_api_keys_or_20_oauth2(self, agentcore: Any, kind: str, value: dict[str, Any]) -> None:
        largest = {"api_key": 100, "oauth2": 20}[kind]
        names = [f"provider-{number:03}" for number in range(largest + 1)]
        for name in names:
            self.call(agentcore, "create", kind, name=name, **value)

        first = self.call(agentcore, "list", kind)
        second = self.call(agentcore, "list", kind, nextToken=first["nextToken"])
        code, _ = refusal(lambda **given: self.call(agentcore, "list", kind, **given), maxResults=largest + 1)

        assert [item["name"] for item in first["credentialProviders"]] == names[:largest]
        assert [item["name"] for item in second["credentialProviders"]] == names[largest:]
        assert "nextToken" not in second
        assert code == "ValidationException"

    @pytest.mark.parametrize("token", ["", "x", "MQ==", "bnVsbA==", "WyJBcGlLZXkiXQ==", "ä", "WyJvdGhlciIsICJhIl0="])
    def test_a_token_from_elsewhere_is_refused(self, agentcore: Any, kind: str, token: str) -> None:
        code, _ = refusal(lambda **given: self.call(agentcore, "list", kind, **given), nextToken=token)

        assert code == "ValidationException"

    def test_regions_share_nothing(self, agentcore: Any, kind: str, value: dict[str, Any]) -> None:
        self.call(agentcore, "create", kind, name="one", **value)
        elsewhere = boto3.client("bedrock-agentcore-control", region_name="eu-west-1")

        assert self.call(elsewhere, "list", kind)["credentialProviders"] == []


@given(names=st.sets(st.from_regex(r"[a-zA-Z0-9_-]{1,20}", fullmatch=True), min_size=1, max_size=12), data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pages_show_each_provider_once_though_a_served_one_goes_meanwhile(
    agentcore: Any, names: set[str], data: st.DataObject
) -> None:
    bedrockagentcorecontrol_backends.reset()
    for name in names:
        agentcore.create_api_key_credential_provider(name=name, apiKey="value")
    size = data.draw(st.integers(min_value=1, max_value=5))
    seen: list[str] = []
    token: dict[str, str] | None = {}

    while token is not None:
        page = agentcore.list_api_key_credential_providers(maxResults=size, **token)
        served = [item["name"] for item in page["credentialProviders"]]
        agentcore.delete_api_key_credential_provider(name=data.draw(st.sampled_from(served)))
        seen += served
        token = {"nextToken": page["nextToken"]} if "nextToken" in page else None

    assert seen == sorted(names)


def test_a_reset_of_moto_forgets_the_providers(agentcore: Any) -> None:
    agentcore.create_api_key_credential_provider(name="one", apiKey="value")

    bedrockagentcorecontrol_backends.reset()

    assert agentcore.list_api_key_credential_providers()["credentialProviders"] == []


def test_moto_keeps_its_own_operations(agentcore: Any) -> None:
    assert agentcore.list_gateways()["items"] == []


def test_installation_stops_where_moto_has_the_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BedrockAgentCoreControlResponse, "get_api_key_credential_provider", lambda _response: None)

    with pytest.raises(RuntimeError, match="GetApiKeyCredentialProvider"):
        agentcore_identity.install()


def test_every_operation_is_in_the_service_model() -> None:
    assert set(agentcore_identity.operations()) <= set(MODEL.operation_names)
