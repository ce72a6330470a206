"""AgentCore Identity, as real boto3 clients see it under mock_aws."""

from __future__ import annotations

import re
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto.bedrockagentcorecontrol.models import bedrockagentcorecontrol_backends
from moto.bedrockagentcorecontrol.responses import BedrockAgentCoreControlResponse

from local import agentcore_identity
from local.agentcore_identity import MotoSecrets
from tests.contract.local.agentcore import (
    ACCOUNT,
    COINBASE,
    DISCOVERY,
    PRIVATE_ENDPOINT,
    STRIPE,
    VENDORS,
    body,
    client_secret,
    coinbase,
    external,
    google,
    is_declared,
    references,
    refusal,
    stripe,
    vendor_configuration,
)


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

    def test_a_secret_of_another_account_is_found_by_its_arn(self, agentcore: Any) -> None:
        asked: list[tuple[str, str, str]] = []
        arn = "arn:aws:secretsmanager:us-east-1:999999999999:secret:shared-abcdef"

        class SharedSecrets(MotoSecrets):
            def find(self, secret_id: str, account: str, region: str) -> str | None:
                asked.append((secret_id, account, region))
                return secret_id

        agentcore_identity.install(SharedSecrets())
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

    @pytest.mark.parametrize(
        "certificate",
        [
            {"secretsManager": {"secretArn": f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:ca-abcdef"}},
            {"s3": {"uri": "s3://bucket/ca.pem", "bucketOwnerAccountId": ACCOUNT}},
        ],
    )
    def test_a_private_certificate_authority_is_given_back(self, agentcore: Any, certificate: dict[str, Any]) -> None:
        given = {"privateEndpoint": PRIVATE_ENDPOINT, "certificateConfigurations": [certificate]}

        created = agentcore.create_oauth2_credential_provider(
            name="search", **vendor_configuration("CustomOauth2", clientSecret="value", **given)
        )

        output = created["oauth2ProviderConfigOutput"]["customOauth2ProviderConfig"]
        assert {name: output[name] for name in given} == given

    @pytest.mark.parametrize(
        "certificates",
        [
            pytest.param([{"s3": {"uri": "s3://bucket/a"}}, {"s3": {"uri": "s3://bucket/b"}}], id="two"),
            pytest.param([{"s3": {"uri": "https://bucket/a"}}], id="no address of S3"),
            pytest.param([{"secretsManager": {"secretArn": "ca"}}], id="a secret's name"),
        ],
    )
    def test_certificate_configurations_are_checked(self, agentcore: Any, certificates: list[dict[str, Any]]) -> None:
        given = {"privateEndpoint": PRIVATE_ENDPOINT, "certificateConfigurations": certificates}

        code, message = refusal(
            agentcore.create_oauth2_credential_provider,
            name="search",
            **vendor_configuration("CustomOauth2", clientSecret="value", **given),
        )

        assert code == "ValidationException"
        assert "certificateConfigurations" in message

    def test_a_private_certificate_authority_needs_a_private_endpoint(self, agentcore: Any) -> None:
        given = {"certificateConfigurations": [{"s3": {"uri": "s3://bucket/ca.pem"}}]}

        code, message = refusal(
            agentcore.create_oauth2_credential_provider,
            name="search",
            **vendor_configuration("CustomOauth2", clientSecret="value", **given),
        )

        assert (code, "privateEndpoint" in message) == ("ValidationException", True)

    def test_a_private_key_jwt_stands_for_the_client_secret_and_is_given_back(self, agentcore: Any) -> None:
        key = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
        jwt = {"privateKeySource": {"kmsKeySource": {"kmsKeyArn": key}}, "signingAlgorithm": "RS256"}

        agentcore.create_oauth2_credential_provider(
            name="search", **vendor_configuration("CustomOauth2", privateKeyJwtConfig=jwt)
        )

        output = agentcore.get_oauth2_credential_provider(name="search")["oauth2ProviderConfigOutput"]
        assert output["customOauth2ProviderConfig"]["privateKeyJwtConfig"] == jwt


class TestPaymentProvider:
    @pytest.mark.parametrize(
        ("configuration", "member", "public"),
        [
            (coinbase(**references(*COINBASE)), "coinbaseCdpConfiguration", {"apiKeyId": "id"}),
            (
                stripe(**references(*STRIPE)),
                "stripePrivyConfiguration",
                {"appId": "app", "authorizationId": "authorization"},
            ),
        ],
    )
    def test_two_references_are_given_back_as_full_arns(
        self, agentcore: Any, secret_arn: str, configuration: dict[str, Any], member: str, public: dict[str, str]
    ) -> None:
        created = agentcore.create_payment_credential_provider(name="wallet", tags={"team": "a"}, **configuration)
        found = body(agentcore.get_payment_credential_provider(name="wallet"))

        fields = COINBASE if member.startswith("coinbase") else STRIPE
        expected: dict[str, Any] = {
            **public,
            **{f"{field}Arn": {"secretArn": secret_arn} for field in fields},
            **{f"{field}JsonKey": field for field in fields},
            **{f"{field}Source": "EXTERNAL" for field in fields},
        }
        assert body(created) == {
            "name": "wallet",
            "credentialProviderArn": (
                f"arn:aws:bedrock-agentcore:us-east-1:{ACCOUNT}:token-vault/default/paymentcredentialprovider/wallet"
            ),
            "credentialProviderVendor": configuration["credentialProviderVendor"],
            "providerConfigurationOutput": {member: expected},
        }
        assert found["providerConfigurationOutput"] == created["providerConfigurationOutput"]
        assert found["tags"] == {"team": "a"}

    def test_one_secret_may_be_managed_and_the_other_referenced(self, agentcore: Any, secret_arn: str) -> None:
        created = agentcore.create_payment_credential_provider(
            name="wallet", **coinbase(apiKeySecret="value", **references("walletSecret"))
        )

        output = created["providerConfigurationOutput"]["coinbaseCdpConfiguration"]
        assert (
            "bedrock-agentcore-identity!default/payment/apiKeySecret/wallet-" in output["apiKeySecretArn"]["secretArn"]
        )
        assert not {"apiKeySecret", "apiKeySecretJsonKey", "apiKeySecretSource"} & output.keys()
        assert output["walletSecretArn"] == {"secretArn": secret_arn}

    def test_an_update_moves_one_reference_and_keeps_the_other(self, agentcore: Any, secret_arn: str) -> None:
        agentcore.create_payment_credential_provider(name="wallet", **coinbase(**references(*COINBASE)))
        moved = {"walletSecretSource": "EXTERNAL", "walletSecretConfig": {"secretId": secret_arn, "jsonKey": "other"}}

        updated = agentcore.update_payment_credential_provider(name="wallet", **coinbase(**moved))

        output = updated["providerConfigurationOutput"]["coinbaseCdpConfiguration"]
        assert (output["apiKeySecretJsonKey"], output["walletSecretJsonKey"]) == ("apiKeySecret", "other")

    def test_an_update_may_change_the_vendor_and_then_needs_its_secrets(self, agentcore: Any, secret_arn: str) -> None:
        agentcore.create_payment_credential_provider(name="wallet", **coinbase(**references(*COINBASE)))

        code, _ = refusal(agentcore.update_payment_credential_provider, name="wallet", **stripe())
        updated = agentcore.update_payment_credential_provider(name="wallet", **stripe(**references(*STRIPE)))

        assert code == "ValidationException"
        assert list(updated["providerConfigurationOutput"]) == ["stripePrivyConfiguration"]

    @pytest.mark.parametrize(
        "configuration",
        [
            pytest.param(coinbase(apiKeySecret="CANARY"), id="the second without a value"),
            pytest.param(coinbase(apiKeySecret="CANARY", walletSecretSource="EXTERNAL"), id="without a reference"),
            pytest.param(coinbase(walletSecret="CANARY", **references(*COINBASE)), id="both"),
            pytest.param(coinbase(**dict.fromkeys(COINBASE, "CANARY" * 400)), id="too long"),
            pytest.param(stripe(appSecret="CANARY!", authorizationPrivateKey="CANARY"), id="no such character"),
            pytest.param({**coinbase(**references(*COINBASE)), "credentialProviderVendor": "StripePrivy"}, id="mixed"),
        ],
    )
    def test_contradictions_are_refused_without_their_values(
        self, agentcore: Any, secret_arn: str, configuration: dict[str, Any]
    ) -> None:
        code, message = refusal(agentcore.create_payment_credential_provider, name="wallet", **configuration)

        assert code == "ValidationException"
        assert "CANARY" not in message
        assert agentcore.list_payment_credential_providers()["credentialProviders"] == []

    @pytest.mark.parametrize("field", COINBASE)
    def test_an_unknown_secret_is_not_found_whichever_it_is(self, agentcore: Any, secret_arn: str, field: str) -> None:
        unknown = references(field, to="nowhere")

        code, _ = refusal(
            agentcore.create_payment_credential_provider,
            name="wallet",
            **coinbase(**{**references(*COINBASE), **unknown}),
        )

        assert code == "ResourceNotFoundException"


class TestWorkloadIdentity:
    URLS = ("https://agent.example/callback", "agent:/callback")

    def test_it_is_created_found_updated_listed_and_deleted(self, agentcore: Any) -> None:
        arn = (
            f"arn:aws:bedrock-agentcore:us-east-1:{ACCOUNT}:"
            "workload-identity-directory/default/workload-identity/my.agent"
        )
        identity = {"name": "my.agent", "workloadIdentityArn": arn}

        created = agentcore.create_workload_identity(name="my.agent", tags={"team": "a"})
        updated = agentcore.update_workload_identity(name="my.agent", allowedResourceOauth2ReturnUrls=list(self.URLS))
        kept = agentcore.update_workload_identity(name="my.agent")
        found = agentcore.get_workload_identity(name="my.agent")
        listed = agentcore.list_workload_identities()["workloadIdentities"]
        tags = agentcore.list_tags_for_resource(resourceArn=arn)["tags"]
        agentcore.delete_workload_identity(name="my.agent")

        assert body(created) == {**identity, "allowedResourceOauth2ReturnUrls": []}
        assert updated["allowedResourceOauth2ReturnUrls"] == list(self.URLS)
        assert body(found) == body(kept)
        assert (listed, tags) == ([identity], {"team": "a"})
        assert agentcore.list_workload_identities()["workloadIdentities"] == []

    def test_a_page_holds_20(self, agentcore: Any) -> None:
        names = [f"agent-{number:02}" for number in range(21)]
        for name in names:
            agentcore.create_workload_identity(name=name)

        first = agentcore.list_workload_identities()
        second = agentcore.list_workload_identities(nextToken=first["nextToken"])

        assert [each["name"] for each in first["workloadIdentities"]] == names[:20]
        assert [each["name"] for each in second["workloadIdentities"]] == names[20:]

    def test_a_taken_name_is_refused_and_an_unknown_one_not_found(self, agentcore: Any) -> None:
        agentcore.create_workload_identity(name="agent")

        assert refusal(agentcore.create_workload_identity, name="agent")[0] == "ValidationException"
        for verb in ("get", "update", "delete"):
            code, _ = refusal(getattr(agentcore, f"{verb}_workload_identity"), name="nobody")
            assert code == "ResourceNotFoundException"


class TestTokenVault:
    KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"

    def test_it_is_there_from_the_beginning_with_a_key_of_the_service(self, agentcore: Any) -> None:
        vault = agentcore.get_token_vault()

        assert (vault["tokenVaultId"], vault["kmsConfiguration"]) == ("default", {"keyType": "ServiceManagedKey"})
        assert body(agentcore.get_token_vault(tokenVaultId="default")) == body(vault)

    def test_its_key_may_be_the_customers_and_the_services_again(self, agentcore: Any) -> None:
        before = agentcore.get_token_vault()["lastModifiedDate"]
        customers = {"keyType": "CustomerManagedKey", "kmsKeyArn": self.KEY}

        agentcore.set_token_vault_cmk(kmsConfiguration=customers)
        found = agentcore.get_token_vault()
        agentcore.set_token_vault_cmk(kmsConfiguration={"keyType": "ServiceManagedKey"})

        assert found["kmsConfiguration"] == customers
        assert found["lastModifiedDate"] >= before
        assert agentcore.get_token_vault()["kmsConfiguration"] == {"keyType": "ServiceManagedKey"}

    @pytest.mark.parametrize(
        "configuration",
        [
            {"keyType": "CustomerManagedKey"},
            {"keyType": "ServiceManagedKey", "kmsKeyArn": KEY},
            {"keyType": "CustomerManagedKey", "kmsKeyArn": "alias/vault"},
        ],
    )
    def test_a_key_that_does_not_fit_its_type_is_refused(self, agentcore: Any, configuration: dict[str, str]) -> None:
        code, message = refusal(agentcore.set_token_vault_cmk, kmsConfiguration=configuration)

        assert (code, "kmsConfiguration.kmsKeyArn" in message) == ("ValidationException", True)

    def test_there_is_no_other(self, agentcore: Any) -> None:
        for call in (agentcore.get_token_vault, agentcore.set_token_vault_cmk):
            key = {} if call == agentcore.get_token_vault else {"kmsConfiguration": {"keyType": "ServiceManagedKey"}}
            assert refusal(call, tokenVaultId="other", **key)[0] == "ResourceNotFoundException"


class TestTags:
    @pytest.fixture
    def arn(self, agentcore: Any) -> str:
        created = agentcore.create_api_key_credential_provider(name="weather", apiKey="value", tags={"team": "a"})
        return str(created["credentialProviderArn"])

    def test_they_are_added_replaced_and_removed(self, agentcore: Any, arn: str) -> None:
        agentcore.tag_resource(resourceArn=arn, tags={"team": "b", "stage": "test", "empty": ""})
        agentcore.untag_resource(resourceArn=arn, tagKeys=["empty"])
        tagged = agentcore.list_tags_for_resource(resourceArn=arn)["tags"]
        agentcore.untag_resource(resourceArn=arn, tagKeys=["stage", "nobody"])

        assert tagged == {"team": "b", "stage": "test"}
        assert agentcore.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "b"}

    def test_a_resource_takes_50(self, agentcore: Any, arn: str) -> None:
        agentcore.tag_resource(resourceArn=arn, tags={f"tag-{number}": "" for number in range(49)})

        code, _ = refusal(agentcore.tag_resource, resourceArn=arn, tags={"one": "", "more": ""})

        assert code == "ServiceQuotaExceededException"
        assert len(agentcore.list_tags_for_resource(resourceArn=arn)["tags"]) == 50

    @pytest.mark.parametrize("gone", ["apikeycredentialprovider/nobody", "oauth2credentialprovider/weather"])
    def test_a_resource_that_is_not_there_has_none(self, agentcore: Any, arn: str, gone: str) -> None:
        missing = arn.replace("apikeycredentialprovider/weather", gone)
        calls: tuple[tuple[Any, dict[str, Any]], ...] = (
            (agentcore.tag_resource, {"tags": {"a": "b"}}),
            (agentcore.untag_resource, {"tagKeys": ["a"]}),
            (agentcore.list_tags_for_resource, {}),
        )

        codes = {refusal(call, resourceArn=missing, **arguments)[0] for call, arguments in calls}

        assert codes == {"ResourceNotFoundException"}

    def test_the_resources_that_moto_itself_has_are_tagged_as_before(self, agentcore: Any) -> None:
        arn = f"arn:aws:bedrock-agentcore:us-east-1:{ACCOUNT}:gateway/any"

        agentcore.tag_resource(resourceArn=arn, tags={"team": "a"})

        assert agentcore.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "a"}


class TestAllKinds:
    @pytest.fixture(params=["api_key", "oauth2", "payment"])
    def kind(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def value(self, kind: str) -> dict[str, Any]:
        values = {
            "api_key": {"apiKey": "value"},
            "oauth2": google(clientSecret="value"),
            "payment": coinbase(**dict.fromkeys(COINBASE, "value")),
        }
        return values[kind]

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
        assert refusal(agentcore.list_tags_for_resource, resourceArn=arn)[0] == "ResourceNotFoundException"

    def test_the_same_name_serves_one_provider_of_each_kind(self, agentcore: Any) -> None:
        agentcore.create_api_key_credential_provider(name="one", apiKey="value")
        agentcore.create_oauth2_credential_provider(name="one", **google(clientSecret="value"))
        agentcore.create_payment_credential_provider(name="one", **coinbase(**dict.fromkeys(COINBASE, "value")))

        assert len(agentcore.list_api_key_credential_providers()["credentialProviders"]) == 1
        assert len(agentcore.list_oauth2_credential_providers()["credentialProviders"]) == 1
        assert len(agentcore.list_payment_credential_providers()["credentialProviders"]) == 1

    def test_a_list_tells_no_secret_and_no_source(self, agentcore: Any, kind: str, value: dict[str, Any]) -> None:
        self.call(agentcore, "create", kind, name="one", **value)

        [item] = self.call(agentcore, "list", kind)["credentialProviders"]

        vendor = set() if kind == "api_key" else {"credentialProviderVendor"}
        assert item.keys() == {"name", "credentialProviderArn", "createdTime", "lastUpdatedTime", *vendor}

    def test_a_page_holds_100_api_keys_or_20_others(self, agentcore: Any, kind: str, value: dict[str, Any]) -> None:
        largest = {"api_key": 100, "oauth2": 20, "payment": 20}[kind]
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


@pytest.mark.parametrize("name", ["support", "Support-Bot-"])
def test_a_gateway_has_an_id_that_its_model_allows_everywhere_it_is_named(agentcore: Any, name: str) -> None:
    created = agentcore.create_gateway(
        name=name, roleArn="arn:aws:iam::123456789012:role/g", authorizerType="AWS_IAM", protocolType="MCP"
    )

    output = agentcore_identity.operation_model("bedrock-agentcore-control", "CreateGateway").output_shape
    assert output is not None
    for member in ("gatewayId", "gatewayArn"):
        assert re.fullmatch(output.members[member].metadata["pattern"], created[member])
    assert created["gatewayArn"].endswith(f"gateway/{created['gatewayId']}")
    assert agentcore.get_gateway(gatewayIdentifier=created["gatewayId"])["name"] == name


def test_moto_keeps_its_own_operations(agentcore: Any) -> None:
    assert agentcore.list_gateways()["items"] == []


def test_installation_stops_where_moto_has_the_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BedrockAgentCoreControlResponse, "get_api_key_credential_provider", lambda _response: None)

    with pytest.raises(RuntimeError, match="GetApiKeyCredentialProvider"):
        agentcore_identity.install()
