"""`secretwatch replay`: one event through the functions' own code, on the stack's Registry, as the caller."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from secretwatch.adapters.agentcore import AgentCore, AgentCoreGateways, AgentCoreProviders
from secretwatch.adapters.dynamodb import (
    DynamoDbConsumers,
    DynamoDbGatewayRecords,
    DynamoDbProtectedSecrets,
    DynamoDbProviderRecords,
    DynamoDbReferences,
    DynamoDbWaivers,
)
from secretwatch.adapters.iam import IamIdentities
from secretwatch.adapters.kms import KmsKeys
from secretwatch.adapters.secretsmanager import SecretsManagerSecrets
from secretwatch.checking import Checking
from secretwatch.domain.change import Change, RunningSweep, Subject, WholeInventory
from secretwatch.domain.consumer import GatewayName
from secretwatch.domain.key import KeyId
from secretwatch.domain.reference import ProviderName
from secretwatch.domain.rules import CONSUMERS
from secretwatch.domain.secret import SecretId
from secretwatch.domain.state import ReferenceState
from secretwatch.gathering import Gathering
from secretwatch.inventory import GatewayInventory, ProviderInventory
from secretwatch.ports import NO_TIME, Requests
from secretwatch.settings import CheckReferencesSettings
from secretwatch.spreading import Spreading
from secretwatch_cli.aws import Clients
from secretwatch_cli.failures import Misused
from secretwatch_cli.stack import Stack

_READS = {"GetItem", "Query", "BatchGetItem"}


class AskedFor(Requests):
    """`ports.Requests` whose subjects are looked at here and now, instead of being sent to a queue."""

    def __init__(self) -> None:
        """Nothing is asked for yet."""
        self.subjects: list[Subject] = []

    def send(
        self,
        subjects: Iterable[Subject],
        *,
        cause: str | None = None,  # noqa: ARG002 - all have one
        at: datetime | None = None,  # noqa: ARG002 - and this and the next are for queues
        delay: timedelta = NO_TIME,  # noqa: ARG002
    ) -> None:
        """Remember them."""
        self.subjects += subjects


@dataclass(frozen=True, slots=True)
class Replaying:
    """What the functions are made of, put together for one event."""

    checking: Checking
    spreading: Spreading
    providers: ProviderInventory
    gateways: GatewayInventory
    asked_for: AskedFor

    def replay(self, change: Change) -> list[ReferenceState]:
        """Look at what the event names, and return the references that were checked; raises Misused for all of them."""
        secrets: dict[SecretId, None] = {}
        for subject in change.to_look_up:
            secrets.update(dict.fromkeys(self._secrets(subject)))
        checked = [self.checking.check(one, change.observation, cause=change.event_id) for one in secrets]
        return [one.after for of_secret in checked for one in of_secret]

    def _secrets(self, subject: Subject) -> Iterator[SecretId]:
        """The secrets whose references are to be checked."""
        match subject:
            case SecretId():
                yield subject
            case KeyId():
                yield from self.spreading.spread(subject)
            case ProviderName():
                self.providers.read(subject, since=datetime.now(UTC), check_all=True)
                yield from (one for one in self.asked_for.subjects if isinstance(one, SecretId))
            case GatewayName():
                self.gateways.read(subject, since=datetime.now(UTC))
                yield from (one for one in self.asked_for.subjects if isinstance(one, SecretId))
            case WholeInventory() | RunningSweep():
                raise Misused(
                    "It asks for a whole inventory, which only the stack itself takes (README: When something fails)."
                )


def settings_of(clients: Clients, stack: Stack) -> CheckReferencesSettings:
    """The settings with which the stack's own function checks."""
    function = stack.of_type("AWS::Lambda::Function")["CheckReferences"]
    configuration = clients("lambda").get_function_configuration(FunctionName=function)
    return CheckReferencesSettings.from_environ(configuration["Environment"]["Variables"])


def replaying(clients: Clients, settings: CheckReferencesSettings, *, dry_run: bool) -> Replaying:
    """Put the parts together; in a `dry_run` nothing is stored, whatever they do."""
    dynamodb, table, asked_for = clients("dynamodb"), settings.registry_table, AskedFor()
    if dry_run:
        _only_read(dynamodb)
    agentcore = AgentCore(clients("bedrock-agentcore-control"))
    references, records = DynamoDbReferences(dynamodb, table), DynamoDbProviderRecords(dynamodb, table)
    protected = DynamoDbProtectedSecrets(dynamodb, table)
    gathering = Gathering(
        SecretsManagerSecrets(clients("secretsmanager")),
        KmsKeys(clients("kms")),
        records,
        DynamoDbConsumers(dynamodb, table),
        IamIdentities(clients("iam")),
        rules=settings.rules,
    )
    return Replaying(
        Checking(references, gathering, DynamoDbWaivers(dynamodb, table), protected, rules=settings.rules),
        Spreading(protected, checks=asked_for),
        ProviderInventory(AgentCoreProviders(agentcore), records, references, reads=asked_for, checks=asked_for),
        GatewayInventory(
            AgentCoreGateways(agentcore),
            DynamoDbGatewayRecords(dynamodb, table),
            records,
            reads=asked_for,
            checks=asked_for,
            consumers_have_to_read=CONSUMERS in settings.rules.required_readers,
        ),
        asked_for,
    )


def _only_read(dynamodb: Any) -> None:
    """Whatever the client is asked but to read succeeds and is not done: what is not stored is not published either."""

    def answered(model: Any, **_: Any) -> tuple[AWSResponse, dict[str, Any]] | None:
        return None if model.name in _READS else (AWSResponse("", 200, HTTPHeaders(), None), {})

    dynamodb.meta.events.register("before-call.dynamodb", answered)
