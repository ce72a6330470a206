"""Duplicates and disorder: a burst of mixed events, each delivered twice, ends as one delivery would."""

import json
import random
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from tests.e2e.conftest import World, eventually

EVENTS = Path(__file__).parents[2] / "events"
SHAPES = [
    "secretsmanager.SecretLabelUpdated",
    "secretsmanager.PutSecretValue",
    "secretsmanager.UpdateSecret.kmsKeyId",
    "secretsmanager.TagResource",
    "secretsmanager.UntagResource",
    "secretsmanager.PutResourcePolicy",
    "secretsmanager.RotationSucceeded",
    "secretsmanager.RotationFailed",
]
"""By full ARN, partial ARN and name; native, API call and service event."""


def test_a_burst_of_mixed_events_delivered_twice_is_told_like_one_delivery(world: World) -> None:
    secrets = [world.secret() for _ in range(16)]
    referenced, unreferenced = secrets[:8], secrets[8:]
    providers = {secret: world.provider(secret) for secret in referenced}
    broken, whole = referenced[:4], referenced[4:]
    for secret in broken:
        world.secrets.put_secret_value(SecretId=secret, SecretString="{}")
    for secret in (*whole, *unreferenced):
        world.secrets.put_secret_value(SecretId=secret, SecretString='{"key": "another value"}')

    events = [about(secret, shape) for secret, shape in islice(zip(cycle(secrets), cycle_slowly(SHAPES)), 200)]
    burst = events * 2
    random.Random(7).shuffle(burst)  # noqa: S311 (disorder, not secrecy)
    for batch in (burst[start : start + 10] for start in range(0, len(burst), 10)):
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(batch)]
        world.sqs.send_message_batch(QueueUrl=world.outputs["ChangeQueueUrl"], Entries=entries)
    eventually(lambda: waiting(world, "ChangeQueueUrl") == 0)
    world.settle()

    assert {world.verdict(secret, providers[secret]) for secret in broken} == {"BROKEN"}
    assert {world.verdict(secret, providers[secret]) for secret in whole} == {"RESOLVES"}
    assert [len(world.alerts(providers[secret])) for secret in broken] == [1] * 4
    assert [len(world.alerts(providers[secret])) for secret in whole] == [0] * 4
    assert [world.records(secret) for secret in unreferenced] == [[]] * 8
    assert waiting(world, "ChangeDeadLetters") == 0


def cycle_slowly(shapes: list[str]) -> Any:
    """Each shape for a whole round of secrets, so that every secret meets every shape."""
    return (shape for shape in cycle(shapes) for _ in range(16))


def about(secret: str, shape: str) -> str:
    """A sample event, as it would be for this secret, which it names as the sample names its own."""
    event: dict[str, Any] = json.loads((EVENTS / f"{shape}.json").read_text())
    text = json.dumps(event)
    for old, new in names(event, secret):
        text = text.replace(json.dumps(old), json.dumps(new))
    account, region = secret.split(":")[4], secret.split(":")[3]
    return json.dumps({**json.loads(text), "account": account, "region": region})


def names(event: dict[str, Any], secret: str) -> list[tuple[str, str]]:
    """What the sample calls its secret, in every form, and what that form is of ours."""
    detail, name = event["detail"], secret.split(":", 6)[6][:-7]
    given = [
        *event["resources"],
        (detail.get("requestParameters") or {}).get("secretId"),
        (detail.get("responseElements") or {}).get("arn"),
        (detail.get("additionalEventData") or {}).get("SecretId"),
    ]
    return [(text, form(text, secret, name)) for text in given if text]


def form(sample: str, secret: str, name: str) -> str:
    """Our secret, named as fully as the sample names its own."""
    if not sample.startswith("arn:"):
        return name
    is_full = len(sample) > 7 and sample[-7] == "-" and sample[-6:].isalnum()
    return secret if is_full else secret[:-7]


def waiting(world: World, queue: str) -> int:
    """How many messages a queue holds, those in flight included."""
    url = world.outputs.get(queue) or world.physical_id(queue)
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = world.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(attributes[name]) for name in names)
