"""`secretwatch onboard --dry-run`: what the workflow would find against a request, here and as the caller."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

from secretwatch.adapters.dynamodb import (
    DynamoDbConsumers,
    DynamoDbOnboardings,
    DynamoDbProviderRecords,
    DynamoDbReferences,
    DynamoDbRepairs,
)
from secretwatch.adapters.iam import IamIdentities
from secretwatch.adapters.kms import KmsKeys
from secretwatch.adapters.provider_requests import advice
from secretwatch.adapters.secretsmanager import SecretsManagerSecrets
from secretwatch.adapters.stepfunctions import StepFunctionsExecutions
from secretwatch.adapters.token_vault import AgentCoreTokenVault
from secretwatch.domain.onboarding.errors import NameTaken, RequestRefused
from secretwatch.domain.onboarding.onboarding import Execution, Onboarding
from secretwatch.domain.onboarding.request import OnboardingRequest, Problem
from secretwatch.domain.reference import ProviderName
from secretwatch.gathering import Gathering
from secretwatch.onboarding import Inspecting, Seeing, switched_off, under_way
from secretwatch.ports import Onboardings, ProviderStatuses
from secretwatch.settings import repair_rules_from, rules_from
from secretwatch_cli.aws import Clients, told
from secretwatch_cli.stack import Stack


def inspect(clients: Clients, stack: Stack, request: OnboardingRequest) -> Onboarding:
    """The onboarding as it would stand after `Inspect`, with its problems; raises Unable when that cannot be told."""
    with told():
        record = Aside(_begun(stack, request))
        with suppress(RequestRefused, NameTaken):  # the record says why
            _inspecting(clients, stack, cast("Onboardings", record)).inspect(record.onboarding.id)
        begun = record.onboarding
        return replace(
            begun,
            problems=(*_beforehand(clients, stack, request, begun.provider), *begun.problems),
            warnings=(*advice(request), *begun.warnings),
        )


def _beforehand(
    clients: Clients, stack: Stack, request: OnboardingRequest, provider: ProviderName | None
) -> Iterator[Problem]:
    """What `Validate` would find in the stack."""
    yield from switched_off(request, vend=stack.parameters.get("OnboardingVend") == "on")
    onboardings = DynamoDbOnboardings(clients("dynamodb"), stack.output("RegistryTable"))
    holder = onboardings.claimed_by(provider) if provider else None
    if holder and StepFunctionsExecutions(clients("stepfunctions")).is_running(holder):
        yield under_way(holder)


class Aside:
    """The one record that inspecting reads and writes, kept here: nothing is stored."""

    def __init__(self, onboarding: Onboarding) -> None:
        """`onboarding` is the only one."""
        self.onboarding = onboarding

    def find(self, _onboarding_id: str) -> Onboarding:
        """That one."""
        return self.onboarding

    def store(self, onboarding: Onboarding) -> None:
        """Keep what follows it."""
        self.onboarding = onboarding


def _begun(stack: Stack, request: OnboardingRequest) -> Onboarding:
    execution = Execution("arn:aws:states:::execution:dry-run", "dry-run", datetime.now(UTC))
    return Onboarding(execution, stack.account, stack.region).asking(request)


def _inspecting(clients: Clients, stack: Stack, onboardings: Onboardings) -> Inspecting:
    """Put together as the stack's own function is, by the stack's own rules."""
    dynamodb, table, environ = clients("dynamodb"), stack.output("RegistryTable"), _environ(clients, stack)
    secrets, rules = SecretsManagerSecrets(clients("secretsmanager")), rules_from(environ)

    def gathering(statuses: ProviderStatuses) -> Gathering:
        consumers = DynamoDbConsumers(dynamodb, table)
        keys, identities = KmsKeys(clients("kms")), IamIdentities(clients("iam"))
        return Gathering(secrets, keys, statuses, consumers, identities, rules=rules)

    seeing = Seeing(
        DynamoDbReferences(dynamodb, table),
        DynamoDbProviderRecords(dynamodb, table),
        gathering,
        rules=rules,
        repair_rules=repair_rules_from(environ),
    )
    vault = AgentCoreTokenVault(clients("bedrock-agentcore-control"))
    return Inspecting(onboardings, seeing, secrets, vault, DynamoDbRepairs(dynamodb, table))


def _environ(clients: Clients, stack: Stack) -> Mapping[str, str]:
    function = stack.of_type("AWS::Lambda::Function")["OnboardSecretSteps"]
    variables: Mapping[str, str] = clients("lambda").get_function_configuration(FunctionName=function)["Environment"][
        "Variables"
    ]
    return variables
