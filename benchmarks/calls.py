"""What each function calls and logs for an event, a sweep and a round: the figures that docs/costs.md reckons with.

    PYTHONPATH=layers/secretwatch/python:cli .venv/dev/bin/python -m benchmarks.calls

The functions run in this process, on their own adapters, against moto.
"""

import itertools
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

os.environ.update(
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_DEFAULT_REGION="eu-west-1",
    POWERTOOLS_SERVICE_NAME="secretwatch",
    POWERTOOLS_METRICS_NAMESPACE="Secretwatch",
    REGISTRY_TABLE="registry",
    BUS_NAME="secretwatch",
    REQUIRED_READERS="bedrock-agentcore.amazonaws.com",
    OWN_ROLE_ARNS="",
    ACCOUNT_ID="123456789012",
    AWS_REGION="eu-west-1",
)

import boto3
from moto import mock_aws

from functions.check_references import app as check_references
from functions.publish_verdicts import app as publish_verdicts
from functions.send_alerts import app as send_alerts
from functions.take_inventory import app as take_inventory
from local import agentcore_identity
from secretwatch.adapters import agentcore
from secretwatch.domain.verdict_change import VERDICT_CHANGED
from tests.contract import moto_additions
from tests.contract.registry import create_table
from tests.fakes import LETS_AGENTCORE_READ
from tests.lambdas import Context, sqs_event

Event: TypeAlias = dict[str, Any]
Handler: TypeAlias = Callable[[Event, Context], Any]

ACCOUNT, REGION = "123456789012", "eu-west-1"
BATCH = 10
GOOD, BAD = '{"key": "a value"}', "{}"


class Stack:
    """The functions and what is between them, and what they do: calls, log lines and bytes, by function."""

    def __init__(self) -> None:
        """Inside mock_aws()."""
        self.calls: dict[str, Counter[str]] = {}
        self.bytes: Counter[str] = Counter()
        self._running = "nobody"
        self._numbers = itertools.count()
        self._stored: list[Event] = []
        self._news: list[Event] = []
        session = boto3.Session()
        boto3.DEFAULT_SESSION = session
        session.events.register("before-call", self._note)
        session.events.register("provide-client-params.dynamodb.PutItem", self._store)
        session.events.register("provide-client-params.events.PutEvents", self._deliver)
        self.secrets, self.agentcore = session.client("secretsmanager"), session.client("bedrock-agentcore-control")
        self._sqs, self._sns = session.client("sqs"), session.client("sns")
        self._dynamodb = session.client("dynamodb")
        create_table(self._dynamodb)
        long_ago = {"pk": {"S": "ALERTS"}, "sk": {"S": "FIRST"}, "at": {"S": "2026-01-01T00:00:00+00:00"}}
        self._dynamodb.put_item(TableName="registry", Item=long_ago)  # a stack that has been there for a while
        self.inventory_queue, self.sweep_queue = (
            self._sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("inventory", "sweep")
        )
        session.client("events").create_event_bus(Name="secretwatch")
        os.environ["INVENTORY_QUEUE_URL"], os.environ["SWEEP_QUEUE_URL"] = self.inventory_queue, self.sweep_queue
        os.environ["ALERTS_TOPIC_ARN"] = self._sns.create_topic(Name="alerts")["TopicArn"]

    def _note(self, model: Any, **_: object) -> None:
        self.calls.setdefault(self._running, Counter())[f"{model.service_model.signing_name}:{model.name}"] += 1

    def _store(self, params: Event, **_: object) -> None:
        """What the Registry's stream would hand over of a reference that was checked."""
        if self._running == "check_references":
            key = {name: params["Item"][name] for name in ("pk", "sk")}
            self._running = "nobody"
            before = self._dynamodb.get_item(TableName=params["TableName"], Key=key)["Item"]
            self._running = "check_references"
            images = {"Keys": key, "OldImage": before, "NewImage": params["Item"], "SequenceNumber": "1"}
            self._stored.append({"eventID": "1", "eventName": "MODIFY", "dynamodb": images})

    def _deliver(self, params: Event, **_: object) -> None:
        """What the rule on the bus would put into AlertQueue."""
        for entry in params["Entries"]:
            if entry["DetailType"] != VERDICT_CHANGED:  # incidents are for other teams' rules
                continue
            place = {"id": "event", "account": ACCOUNT, "region": REGION, "time": "2026-11-23T12:00:00Z"}
            names = {"source": entry["Source"], "detail-type": entry["DetailType"], "resources": entry["Resources"]}
            self._news.append({"version": "0", **place, **names, "detail": json.loads(entry["Detail"])})

    # --- a team

    def referenced(self, providers: int) -> str:
        """A secret that so many providers reference, which were read and found good; returns its ARN."""
        number = next(self._numbers)
        secret: str = self.secrets.create_secret(Name=f"agents/secret-{number}", SecretString=GOOD)["ARN"]
        self.secrets.put_resource_policy(SecretId=secret, ResourcePolicy=LETS_AGENTCORE_READ)
        for each in range(providers):
            self.agentcore.create_api_key_credential_provider(
                name=f"agent-{number}-{each}",
                apiKeySecretSource="EXTERNAL",
                apiKeySecretConfig={"secretId": secret, "jsonKey": "key"},
            )
        return secret

    # --- running

    def check(self, *bodies: object) -> None:
        """Let check_references take records."""
        self._run("check_references", check_references.handler, sqs_event(*bodies))

    def take(self, *bodies: object) -> None:
        """Let take_inventory take records."""
        self._run("take_inventory", take_inventory.handler, sqs_event(*bodies))

    def go_round(self) -> None:
        """Let send_alerts look at what is open, as it does once a minute."""
        self._run("send_alerts", send_alerts.handler, sqs_event(scheduled()))

    def settle(self) -> None:
        """Let the functions take what is in the queues and the stream, until nothing is left."""
        busy = True
        while busy:
            busy = False
            for queue, take, batch in ((self.inventory_queue, self.take, 1), (self.sweep_queue, self.check, BATCH)):
                while bodies := self._waiting(queue, batch):
                    busy = True
                    take(*bodies)
                    if queue == self.inventory_queue:
                        break  # what a sweep asked for is done before it looks again
            busy = self._publish() or busy

    def _run(self, name: str, handler: Handler, event: Event) -> None:
        self._running = name
        self.calls.setdefault(name, Counter())["invocations"] += 1
        with captured() as log:
            answer = handler(event, Context())
        self._running = "nobody"
        if answer["batchItemFailures"]:
            raise RuntimeError(f"{name} failed: {log[0].decode()}")
        self.bytes[name] += len(log[0])

    def _waiting(self, queue: str, at_once: int) -> list[str]:
        messages = self._sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=at_once).get("Messages", [])
        for message in messages:
            self._sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return [message["Body"] for message in messages]

    def _publish(self) -> bool:
        """Give publish_verdicts what was stored, and send_alerts what it published."""
        stored, self._stored = self._stored, []
        for start in range(0, len(stored), BATCH):
            self._run("publish_verdicts", publish_verdicts.handler, {"Records": stored[start : start + BATCH]})
        while self._news:
            some, self._news = self._news[:BATCH], self._news[BATCH:]
            self._run("send_alerts", send_alerts.handler, sqs_event(*some))
        return bool(stored)


@contextmanager
def captured() -> Iterator[list[bytes]]:
    """Everything that is written to standard output meanwhile, as Lambda would take it."""
    log: list[bytes] = []
    sys.stdout.flush()
    with tempfile.TemporaryFile() as file:
        kept = os.dup(1)
        os.dup2(file.fileno(), 1)
        try:
            yield log
        finally:
            sys.stdout.flush()
            os.dup2(kept, 1)
            os.close(kept)
            file.seek(0)
            log.append(file.read())


def label_updated(secret: str) -> Event:
    """The native event of a new version."""
    sample = Path(__file__).parents[1] / "events" / "secretsmanager.SecretLabelUpdated.json"
    return {**json.loads(sample.read_text(encoding="utf-8")), "resources": [secret]}


def scheduled() -> Event:
    """What a schedule sends."""
    sample = Path(__file__).parents[1] / "events" / "events.ScheduledEvent.json"
    return {**json.loads(sample.read_text(encoding="utf-8")), "account": ACCOUNT, "region": REGION}


def counted(title: str, prepare: Callable[[Stack], Any], act: Callable[[Stack, Any], None]) -> None:
    """Print what an act costs in a stack of its own, and not what came before it."""
    agentcore_identity.install()
    moto_additions.install()
    with mock_aws():
        for use_case in (
            check_references.settings,
            check_references.new_checking,
            take_inventory.inventory,
            publish_verdicts.bus,
            send_alerts.alerting,
            send_alerts.subscriptions,
        ):
            use_case.cache_clear()
        stack = Stack()
        prepared = prepare(stack)
        stack.take(scheduled())
        stack.settle()
        stack.calls.clear()
        stack.bytes.clear()
        act(stack, prepared)
        stack.settle()
    print(f"\n{title}")
    stack.calls.pop("nobody", None)
    for function, calls in stack.calls.items():
        print(f"  {function}: {calls.pop('invocations')} invocations, {stack.bytes[function]} bytes of log")
        print("".join(f"    {count:4} {call}\n" for call, count in sorted(calls.items())), end="")


def a_version_comes(value: str) -> Callable[[Stack, str], None]:
    """One event, of a version with this value."""

    def act(stack: Stack, secret: str) -> None:
        stack.secrets.put_secret_value(SecretId=secret, SecretString=value)
        stack.check(label_updated(secret))

    return act


def an_incident_opened(stack: Stack) -> None:
    """Of a reference that was well before, and is told as soon as it breaks."""
    secret = stack.referenced(1)
    stack.take(scheduled())
    stack.settle()
    a_version_comes(BAD)(stack, secret)


class Unhurried:
    """In the place of the pace that spares AgentCore's quota: calls are counted here, not timed."""

    def __init__(self, seconds: float) -> None:
        """Take what the pace would take."""

    def keep(self, operation: str) -> None:
        """Let every call through."""


def main() -> None:
    """Print every case."""
    vars(agentcore)["Pace"] = Unhurried
    nobodys = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:nobodys-AbCdEf"
    counted(
        "An event for a secret that nobody references", lambda _: nobodys, lambda it, arn: it.check(label_updated(arn))
    )
    for providers in (1, 10):
        of = f"a secret with {providers} reference{'s' if providers > 1 else ''}"
        prepare = partial(Stack.referenced, providers=providers)
        counted(f"A good version of {of}", prepare, a_version_comes(GOOD))
        counted(f"A version of {of} that breaks it", prepare, a_version_comes(BAD))
    counted("A round of the alerts, with an incident open", an_incident_opened, lambda it, _: it.go_round())
    counted(
        "A sweep of 150 providers, of a secret each, when nothing has changed",
        lambda stack: [stack.referenced(1) for _ in range(150)],
        lambda stack, _: stack.take(scheduled()),
    )


if __name__ == "__main__":
    main()
