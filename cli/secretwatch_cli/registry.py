"""The Registry of a deployed stack, as far as an operator looks into it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from secretwatch.adapters.dynamodb import (
    DynamoDbIncidents,
    DynamoDbOnboardings,
    DynamoDbProviderRecords,
    DynamoDbReferences,
    DynamoDbRepairs,
    DynamoDbSweeps,
    DynamoDbWaivers,
)
from secretwatch.adapters.sqs import SqsRequests
from secretwatch.adapters.stepfunctions import StepFunctionsExecutions
from secretwatch.domain.change import WholeInventory
from secretwatch.domain.sweep import Sweep
from secretwatch_cli.aws import Clients
from secretwatch_cli.stack import Stack
from secretwatch_cli.status import States, all_states
from secretwatch_cli.target import Targets
from secretwatch_cli.underway import Looking


@dataclass(frozen=True, slots=True)
class Registry:
    """What is asked about there, how everything stands, what is waived and repaired, and the queue of checks."""

    targets: Targets
    states: States
    waivers: DynamoDbWaivers
    repairs: DynamoDbRepairs
    onboardings: DynamoDbOnboardings
    under_way: Looking
    incidents: DynamoDbIncidents
    last_sweep: Callable[[], Sweep | None]
    checks: SqsRequests


def registry_of(clients: Clients, stack: Stack) -> Registry:
    """Raises Unable when the stack is none of Secretwatch."""
    dynamodb, table = clients("dynamodb"), stack.output("RegistryTable")
    references, providers = DynamoDbReferences(dynamodb, table), DynamoDbProviderRecords(dynamodb, table)
    onboardings = DynamoDbOnboardings(dynamodb, table)
    everything = WholeInventory(stack.account, stack.region)
    return Registry(
        Targets(references, providers, everything),
        partial(all_states, providers, references, everything),
        DynamoDbWaivers(dynamodb, table),
        DynamoDbRepairs(dynamodb, table),
        onboardings,
        Looking(onboardings, StepFunctionsExecutions(clients("stepfunctions"))),
        DynamoDbIncidents(dynamodb, table),
        partial(DynamoDbSweeps(dynamodb, table).find, everything),
        SqsRequests(clients("sqs"), stack.output("SweepQueueUrl")),
    )
