"""`check_references` as it is deployed, on moto: the function's own code, adapters and AWS clients."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import boto3
import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID

from functions.check_references import app
from secretwatch.adapters import aws
from secretwatch.adapters.dynamodb import DynamoDbProviderRecords, DynamoDbReferences
from secretwatch.domain.reference import Provider, Reference
from secretwatch.domain.state import ReferenceState
from tests.contract import moto_additions
from tests.contract.registry import TABLE, create_table
from tests.fakes import ACCOUNT, LETS_AGENTCORE_READ, a_reference
from tests.lambdas import Context, Event, sqs_event

Fault: TypeAlias = Callable[[Any], AWSResponse]
"""What comes of a request in the place of AWS's answer; it may raise."""

ROLE = f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/support-bot"


@dataclass
class Deployed:
    """The function and what it reads; `calls` are those that it made, `faults` come in the place of answers.

    Both are of the function's own calls, by service and operation, as botocore's events name them. A call that fails is
    not tried again.
    """

    session: boto3.Session
    calls: list[str] = field(default_factory=list)
    faults: dict[str, Fault] = field(default_factory=dict)
    _runs: bool = False

    def client(self, service: str) -> Any:
        """A client of the test's own."""
        return self.session.client(service)  # type: ignore[call-overload]

    def secret(self, name: str = "agents/crm", **parts: Any) -> str:
        """A new secret that AgentCore may read; its ARN."""
        secrets = self.client("secretsmanager")
        arn: str = secrets.create_secret(Name=name, SecretString='{"client_secret": "a value"}', **parts)["ARN"]
        secrets.put_resource_policy(SecretId=arn, ResourcePolicy=LETS_AGENTCORE_READ)
        return arn

    def references(self, secret: str, *providers: str) -> list[Reference]:
        """References of as many providers, recorded by the inventory."""
        records = DynamoDbProviderRecords(self.client("dynamodb"), TABLE)
        references = [_in_motos_account(a_reference(one, secret=secret)) for one in providers or ("crm-oauth",)]
        for reference in references:
            records.record(None, Provider(reference.provider_arn, reference.provider, frozenset({reference})), moved=[])
        return references

    def state(self, reference: Reference) -> ReferenceState:
        """What the Registry keeps of the reference."""
        found = DynamoDbReferences(self.client("dynamodb"), TABLE).find(reference)
        assert found
        return found

    def handle(self, *bodies: object) -> list[str]:
        """Hand records to the function; those that it leaves to the queue. `calls` begins anew."""
        self.calls.clear()
        self._runs = True
        try:
            response = app.handler(sqs_event(*bodies), Context())
        finally:
            self._runs = False
        return [failure["itemIdentifier"] for failure in response["batchItemFailures"]]

    def on_request(self, event_name: str, **_: Any) -> None:
        """Count a call."""
        if self._runs:
            self.calls.append(_operation(event_name))

    def on_send(self, request: Any, event_name: str, **_: Any) -> AWSResponse | None:
        """Answer in the place of AWS, or not at all."""
        fault = self.faults.get(_operation(event_name)) if self._runs else None
        return fault(request) if fault else None


def _operation(event_name: str) -> str:
    return event_name.split(".", 1)[1]


@contextmanager
def deployed(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Iterator[Deployed]:
    """The function with an empty Registry."""
    moto_additions.install()
    with mock_aws():
        session = boto3.Session(botocore_session=_core())
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
        create_table(session.client("dynamodb"))
        for name, value in {"REGISTRY_TABLE": TABLE, "SWEEP_QUEUE_URL": "", "OWN_ROLE_ARNS": "", **environment}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(aws, "_CONFIG", aws._CONFIG.merge(Config(retries={"total_max_attempts": 1})))
        one = Deployed(session)
        session.events.register("request-created", one.on_request)
        session.events.register_first("before-send", one.on_send)  # type: ignore[arg-type]
        _forget()
        yield one
        _forget()


def _core() -> botocore.session.Session:
    core = botocore.session.get_session()
    core.register_component("data_loader", _LOADER)
    return core


_LOADER = botocore.session.get_session().get_component("data_loader")  # kept: what it loads costs more than any test


def _forget() -> None:
    for cached in (app.settings, app.new_checking, app.spreading):
        cached.cache_clear()


def _in_motos_account(reference: Reference) -> Reference:
    name = replace(reference.provider, account=DEFAULT_ACCOUNT_ID)
    return replace(reference, provider=name, provider_arn=reference.provider_arn.replace(ACCOUNT, DEFAULT_ACCOUNT_ID))


def label_updated(arn: str) -> Event:
    """The native event for a secret."""
    return {
        "version": "0",
        "id": "e-1",
        "detail-type": "Secret Label Updated",
        "source": "aws.secretsmanager",
        "account": DEFAULT_ACCOUNT_ID,
        "time": "2026-11-23T12:00:00Z",
        "region": "eu-west-1",
        "resources": [arn],
        "detail": {},
    }
