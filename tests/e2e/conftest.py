"""The deployed stack on an embedded AWS of the tests' own, and the ways a team and an operator touch it."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from boto3.dynamodb.types import TypeDeserializer

from local import stack
from local.stack import EmbeddedAws

LETS_AGENTCORE_READ = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AgentCoreRead",
                "Effect": "Allow",
                "Principal": {"Service": "bedrock-agentcore.amazonaws.com"},
                "Action": "secretsmanager:GetSecretValue",
                "Resource": "*",
            }
        ],
    }
)

T = TypeVar("T")
Fields = dict[str, Any]

PATIENCE_SECONDS = 60.0


def eventually(look: Callable[[], T | None], *, patience: float = PATIENCE_SECONDS) -> T:
    """What `look` returns once it returns something; fails when that takes longer than `patience`, in seconds."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if (seen := look()) is not None and seen is not False:
            return seen
        time.sleep(0.05)  # between two looks at a condition, never instead of one
    raise AssertionError(f"did not happen within {patience:.0f} s")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs the deployed stack."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


class World:
    """The deployed stack: what a team does to its secrets and providers, and what people and operators see."""

    def __init__(self, aws: EmbeddedAws, outputs: dict[str, str]) -> None:
        self.aws, self.outputs = aws, outputs
        self.secrets, self.agentcore = aws.client("secretsmanager"), aws.client("bedrock-agentcore-control")
        self.sqs, self.dynamodb = aws.client("sqs"), aws.client("dynamodb")
        self.mail: list[Fields] = []
        self.mailbox = self._subscribed_queue()

    # --- a team

    def secret(self, value: str | bytes = '{"key": "a value"}', **settings: Any) -> str:
        """Create a secret that AgentCore may read; returns its ARN."""
        content = {"SecretBinary": value} if isinstance(value, bytes) else {"SecretString": value}
        arn: str = self.secrets.create_secret(Name=f"agents/{uuid.uuid4().hex[:8]}", **content, **settings)["ARN"]
        self.let_agentcore_read(arn)
        return arn

    def let_agentcore_read(self, secret: str) -> None:
        """Give the secret the resource policy that AgentCore's documentation asks for."""
        self.secrets.put_resource_policy(SecretId=secret, ResourcePolicy=LETS_AGENTCORE_READ)

    def provider(self, secret: str, json_key: str = "key") -> str:
        """Create an API key provider that references the secret; returns its name once it has been checked."""
        name = f"agent-{uuid.uuid4().hex[:8]}"
        self.agentcore.create_api_key_credential_provider(
            name=name, apiKeySecretSource="EXTERNAL", apiKeySecretConfig={"secretId": secret, "jsonKey": json_key}
        )
        eventually(lambda: self.verdict(secret, name))
        return name

    # --- an operator

    def records(self, secret: str) -> list[Fields]:
        """The Registry's references to a secret."""
        return self._registry(f"SECRET#{secret}")

    def consumers(self, provider_arn: str) -> list[Fields]:
        """The Registry's consumers of a provider."""
        return self._registry(f"PROVIDER#{provider_arn}")

    def _registry(self, pk: str) -> list[Fields]:
        items = self.dynamodb.query(
            TableName=self.outputs["RegistryTable"],
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": pk}},
            ConsistentRead=True,
        )["Items"]
        return [{name: TypeDeserializer().deserialize(value) for name, value in item.items()} for item in items]

    def verdict(self, secret: str, provider: str) -> str | None:
        """The stored verdict of the provider's reference to the secret."""
        return next((record["verdict"] for record in self.records(secret) if record["provider"] == provider), None)

    def codes(self, secret: str) -> list[str]:
        """The codes of what is wrong with the only reference to the secret."""
        (record,) = self.records(secret)
        return [finding["code"] for finding in record["findings"]]

    def deliver(self, queue: str, *bodies: str) -> None:
        """Put records into one of the stack's queues."""
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.outputs[queue], MessageBody=body)

    def physical_id(self, logical_id: str) -> str:
        """The name or URL under which a resource of the template was deployed."""
        resource = self.aws.client("cloudformation").describe_stack_resource(
            StackName=stack.STACK_NAME, LogicalResourceId=logical_id
        )
        physical_id: str = resource["StackResourceDetail"]["PhysicalResourceId"]
        return physical_id

    def log(self) -> str:
        """Everything that the embedded AWS and the functions have logged."""
        return (self.aws.state_dir / "server.log").read_text(errors="replace")

    # --- people

    def alerts(self, provider: str) -> list[str]:
        """Every alert about the provider that people have got so far."""
        answer = self.sqs.receive_message(QueueUrl=self.mailbox, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            self.sqs.delete_message(QueueUrl=self.mailbox, ReceiptHandle=message["ReceiptHandle"])
            self.mail.append(json.loads(message["Body"]))
        return [message["Message"] for message in self.mail if provider in message["Message"]]

    def settle(self) -> None:
        """Wait until everything stored so far has been told: a change made now is told after it."""
        secret = self.secret()
        marker = self.provider(secret)
        self.secrets.put_secret_value(SecretId=secret, SecretString="{}")
        eventually(lambda: self.alerts(marker) or None)

    def _subscribed_queue(self) -> str:
        url, arn = self._queue("people", "sns.amazonaws.com")
        self.aws.client("sns").subscribe(TopicArn=self.outputs["AlertsTopicArn"], Protocol="sqs", Endpoint=arn)
        return url

    # --- other teams

    def event_queue(self) -> str:
        """A queue that hears every event of AWS and of Secretwatch from now on; returns its URL."""
        url, arn = self._queue("events", "events.amazonaws.com")
        events, name = self.aws.client("events"), arn.rsplit(":", 1)[1]
        for bus, prefix in (("default", "aws."), (self.outputs["BusName"], "secretwatch")):
            pattern = json.dumps({"source": [{"prefix": prefix}]})
            events.put_rule(Name=name, EventBusName=bus, EventPattern=pattern)
            events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
        return url

    def events(self, url: str) -> list[Fields]:
        """Take every event that has come to the queue."""
        found: list[Fields] = []
        while messages := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                found.append(json.loads(message["Body"]))
        return found

    def _queue(self, prefix: str, service: str) -> tuple[str, str]:
        """A queue that the service may send to: its URL and its ARN."""
        url: str = self.sqs.create_queue(QueueName=f"{prefix}-{uuid.uuid4().hex[:8]}")["QueueUrl"]
        arn: str = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sqs:SendMessage", "Resource": arn}
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        self.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
        return url, arn


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The stack, deployed once for all e2e tests, each of which makes secrets and providers of its own."""
    state_dir = tmp_path_factory.mktemp("embedded-aws")
    aws = stack.start(state_dir=state_dir)
    try:
        yield World(aws, stack.deploy(aws, stack.PARAMETERS))
    finally:
        stack.stop(state_dir)
