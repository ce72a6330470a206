"""The Registry of a deployed stack, as far as an operator looks into it."""

from dataclasses import dataclass

from secretwatch.adapters.dynamodb import DynamoDbProviderRecords, DynamoDbReferences, DynamoDbRepairs, DynamoDbWaivers
from secretwatch.adapters.sqs import SqsRequests
from secretwatch.domain.change import WholeInventory
from secretwatch_cli.aws import Clients
from secretwatch_cli.stack import Stack
from secretwatch_cli.target import Targets


@dataclass(frozen=True, slots=True)
class Registry:
    """What is asked about there, what is waived, what is repaired, and the queue by which a check is asked for."""

    targets: Targets
    waivers: DynamoDbWaivers
    repairs: DynamoDbRepairs
    checks: SqsRequests


def registry_of(clients: Clients, stack: Stack) -> Registry:
    """Raises Unable when the stack is none of Secretwatch."""
    dynamodb, table = clients("dynamodb"), stack.output("RegistryTable")
    references, providers = DynamoDbReferences(dynamodb, table), DynamoDbProviderRecords(dynamodb, table)
    return Registry(
        Targets(references, providers, WholeInventory(stack.account, stack.region)),
        DynamoDbWaivers(dynamodb, table),
        DynamoDbRepairs(dynamodb, table),
        SqsRequests(clients("sqs"), stack.output("SweepQueueUrl")),
    )
