"""A dry run looks as the workflow's inspection would, with the caller's own clients, and writes nothing."""

from collections.abc import Iterator
from typing import Any

import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID

from local import agentcore_identity
from secretwatch.domain.onboarding.onboarding import Onboarding
from secretwatch.domain.onboarding.request import OnboardingRequest, read_request
from secretwatch_cli.failures import Unable
from secretwatch_cli.inspection import inspect
from secretwatch_cli.stack import Stack
from tests.contract.checking import Deployed, deployed
from tests.contract.registry import TABLE, items
from tests.fakes import REGION

VARIABLES = {"REGISTRY_TABLE": TABLE, "REQUIRED_TAGS": "owner"}
STACK = Stack(
    "secretwatch",
    f"arn:aws:cloudformation:{REGION}:{DEFAULT_ACCOUNT_ID}:stack/secretwatch/1",
    {"RegistryTable": TABLE},
    {},
    {"AWS::Lambda::Function": {"OnboardSecretSteps": "steps"}},
)


class Lambda:
    """Knows the stack's own settings."""

    def get_function_configuration(self, **_: Any) -> dict[str, Any]:
        return {"Environment": {"Variables": VARIABLES}}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    agentcore_identity.install()
    with deployed(monkeypatch) as function:
        yield function


def inspected(world: Deployed, secret: str, *, json_key: str = "client_secret", name: str = "crm") -> Onboarding:
    asked = {
        "name": name,
        "apiKeySecretSource": "EXTERNAL",
        "apiKeySecretConfig": {"secretId": secret, "jsonKey": json_key},
    }
    request = read_request(asked)
    assert isinstance(request, OnboardingRequest)

    def client(service: str) -> Any:
        return Lambda() if service == "lambda" else world.client(service)

    return inspect(client, STACK, request)


def told(onboarding: Onboarding) -> str:
    return "\n".join(map(str, onboarding.problems))


def test_a_secret_that_will_do_needs_only_somebody_who_approves(world: Deployed) -> None:
    secret = world.secret(Tags=[{"Key": "owner", "Value": "blue"}])

    found = inspected(world, secret)

    assert found.problems == ()
    assert found.approval
    assert found.approval.needed
    assert [pointer.secret_arn for pointer in found.pointers] == [secret]


def test_the_change_of_the_policy_is_shown_and_not_made(world: Deployed) -> None:
    secret = world.secret(Tags=[{"Key": "owner", "Value": "blue"}])
    world.client("secretsmanager").delete_resource_policy(SecretId=secret)
    before = items(world.client("dynamodb"))

    found = inspected(world, secret)

    assert [plan.resource for plan in found.plans] == [secret]
    assert "ResourcePolicy" not in world.client("secretsmanager").get_resource_policy(SecretId=secret)
    assert items(world.client("dynamodb")) == before


def test_all_that_is_wrong_is_told_by_the_stacks_own_rules(world: Deployed) -> None:
    found = inspected(world, world.secret(), json_key="other")

    assert "lacks JSON key `other`" in told(found)
    assert "lacks the tag `owner`" in told(found)


def test_a_secret_that_is_not_there_is_a_problem(world: Deployed) -> None:
    assert "names a secret" in told(inspected(world, "agents/nowhere"))


def test_a_name_that_is_taken_is_a_problem(world: Deployed) -> None:
    secret, other = world.secret(Tags=[{"Key": "owner", "Value": "blue"}]), world.secret("agents/other")
    world.client("bedrock-agentcore-control").create_api_key_credential_provider(
        name="crm",
        apiKeySecretSource="EXTERNAL",
        apiKeySecretConfig={"secretId": other, "jsonKey": "client_secret"},
    )

    found = inspected(world, secret)

    assert "name is taken" in told(found)


def test_what_the_caller_may_not_see_cannot_be_told(world: Deployed) -> None:
    world.client("dynamodb").delete_table(TableName=TABLE)

    with pytest.raises(Unable, match="failed"):
        inspected(world, world.secret())
