"""A dry run looks as the workflow's inspection would, with the caller's own clients, and writes nothing."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID

from local import agentcore_identity
from secretwatch.adapters.dynamodb import DynamoDbOnboardings
from secretwatch.domain.onboarding.onboarding import Onboarding
from secretwatch.domain.onboarding.request import OnboardingRequest, read_request
from secretwatch.domain.reference import ProviderKind, ProviderName
from secretwatch_cli.failures import Unable
from secretwatch_cli.inspection import inspect
from secretwatch_cli.requesting import Wanted, form_of, written
from secretwatch_cli.stack import Stack
from tests.contract.checking import Deployed, deployed
from tests.contract.registry import TABLE, items
from tests.fakes import REGION

HOLDER = f"arn:aws:states:{REGION}:{DEFAULT_ACCOUNT_ID}:execution:OnboardSecret:o-1"
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


class StepFunctions:
    """Knows that one execution runs."""

    def describe_execution(self, **asked: Any) -> dict[str, Any]:
        return {"status": "RUNNING" if asked["executionArn"] == HOLDER else "ABORTED"}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    agentcore_identity.install()
    with deployed(monkeypatch) as function:
        yield function


def inspected(
    world: Deployed, secret: str, *, json_key: str = "client_secret", name: str = "crm", vend: bool = False, **on: str
) -> Onboarding:
    asked = {
        "options": {"vend": vend},
        "name": name,
        "apiKeySecretSource": "EXTERNAL",
        "apiKeySecretConfig": {"secretId": secret, "jsonKey": json_key},
    }
    return looked_at(world, asked, **on)


def looked_at(world: Deployed, asked: dict[str, Any], **on: str) -> Onboarding:
    request = read_request(asked)
    assert isinstance(request, OnboardingRequest)

    def client(service: str) -> Any:
        own = {"lambda": Lambda, "stepfunctions": StepFunctions}.get(service)
        return own() if own else world.client(service)

    return inspect(client, replace(STACK, parameters=on), request)


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

    assert "lacks the JSON key that is named" in told(found)
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


@pytest.mark.parametrize(
    ("switch", "wrong"), [({}, True), ({"OnboardingVend": "off"}, True), ({"OnboardingVend": "on"}, False)]
)
def test_a_credential_is_not_fetched_where_the_stack_has_that_off(
    world: Deployed, switch: dict[str, str], wrong: bool
) -> None:
    found = inspected(world, world.secret(Tags=[{"Key": "owner", "Value": "blue"}]), vend=True, **switch)

    assert ("options.vend is switched off in this stack" in told(found)) is wrong


@pytest.mark.parametrize(("holder", "wrong"), [(HOLDER, True), (f"{HOLDER}-stopped", False)])
def test_a_name_that_another_execution_works_on_is_a_problem_while_that_one_runs(
    world: Deployed, holder: str, wrong: bool
) -> None:
    provider = ProviderName(DEFAULT_ACCOUNT_ID, REGION, ProviderKind.API_KEY, "crm")
    DynamoDbOnboardings(world.client("dynamodb"), TABLE).claim(provider, holder, over=None)

    found = inspected(world, world.secret())

    assert (f"{holder} works on" in told(found)) is wrong
    assert "lacks the tag `owner`" in told(found)


def test_what_the_vendor_will_need_is_a_warning(world: Deployed) -> None:
    asked = written(form_of("okta"), Wanted("crm", "id", world.secret(), "client_secret"))

    assert "issuer" in looked_at(world, asked).warnings[0]


def test_what_the_caller_may_not_see_cannot_be_told(world: Deployed) -> None:
    world.client("dynamodb").delete_table(TableName=TABLE)

    with pytest.raises(Unable, match="failed"):
        inspected(world, world.secret())
