"""What an event costs does not grow with the number of secrets: calls counted at 10, 1,000 and 3,000 of them."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer

from secretwatch.adapters.dynamodb import item_of
from secretwatch.adapters.dynamodb.references import pointer_keys
from secretwatch.domain.change import parse_change
from secretwatch.domain.reference import Reference
from secretwatch.domain.state import ReferenceState
from tests.contract.checking import Deployed, deployed
from tests.contract.registry import TABLE
from tests.fakes import a_reference
from tests.lambdas import Event

EVENTS = {path.stem: json.loads(path.read_text()) for path in (Path(__file__).parents[2] / "events").glob("*.json")}
OF_SECRETS_AND_KEYS = sorted(name for name in EVENTS if name.startswith(("secretsmanager.", "tag.", "kms.")))
SIZES = [10, 1_000, 3_000]
MOST_READS = 7  # of a secret, its key and its policies
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    with deployed(monkeypatch) as function:
        url = function.client("sqs").create_queue(QueueName="sweep")["QueueUrl"]
        monkeypatch.setenv("SWEEP_QUEUE_URL", url)
        yield function


@pytest.mark.parametrize("name", OF_SECRETS_AND_KEYS)
def test_an_event_that_concerns_nobody_costs_one_read_of_the_registry_for_each_secret_or_key_that_it_names(
    name: str, function: Deployed
) -> None:
    assert costs(function, EVENTS[name]) == {"dynamodb.Query": len(parse_change(EVENTS[name]).subjects)}


def test_nearly_every_event_names_one() -> None:
    several = {name for name in OF_SECRETS_AND_KEYS if len(parse_change(EVENTS[name]).subjects) > 1}

    assert {name.split(".")[1] for name in several} == {
        "AssociateCrossAccountReplica",
        "BatchGetSecretValue",
        "CreateAlias",
        "DeleteAlias",
        "DisassociateCrossAccountReplica",
        "UpdateAlias",
    }


def test_what_an_event_costs_does_not_grow_with_the_number_of_secrets(function: Deployed) -> None:
    registry, arns = function.client("dynamodb"), list[str]()
    other = function.secret("other")
    costs_at: list[dict[str, Counter[str]]] = []
    for size in SIZES:
        new = [function.secret(f"agents/n-{at}") for at in range(len(arns), size)]
        for arn in new:
            put_reference(registry, a_reference(f"agent-of-{arn}", secret=arn, json_key=None))
        arns += new
        put(registry, {"pk": f"KEY#{KEY}", "sk": f"SECRET#{arns[0]}"})
        costs_at.append(
            {
                "of no interest, by ARN": costs(function, tagged(other)),
                "of no interest, by partial ARN": costs(function, tagged(other[:-7])),
                "of no interest, by name": costs(function, tagged("other")),
                "referenced, by ARN": costs(function, tagged(arns[-1])),
                "referenced, by partial ARN": costs(function, tagged(arns[-1][:-7])),
                "referenced, by name": costs(function, tagged(f"agents/n-{size - 1}")),
                "a key of one of them": costs(function, key_disabled()),
            }
        )

    few, *many = costs_at
    assert many == [few] * len(many)
    for name, made in few.items():
        if name.startswith("of no interest"):
            assert made == {"dynamodb.Query": 1}
        if name.startswith("referenced"):
            assert made["dynamodb.PutItem"] == 1  # it was matched, and checked
            assert sum(number for call, number in made.items() if not call.startswith("dynamodb.")) <= MOST_READS
    assert few["a key of one of them"] == {"dynamodb.Query": 1, "sqs.SendMessageBatch": 1}


def costs(function: Deployed, event: Event) -> Counter[str]:
    """The calls that the function makes for one event."""
    assert function.handle(event) == []
    return Counter(function.calls)


def tagged(secret: str) -> Event:
    """The event of a call in which the secret was named so; it has no answer that would name the secret better."""
    event = EVENTS["secretsmanager.TagResource"]
    detail = {**event["detail"], "requestParameters": {"secretId": secret}}
    return {**event, "account": "123456789012", "detail": detail}


def key_disabled() -> Event:
    event = EVENTS["kms.DisableKey"]
    return {**event, "detail": {**event["detail"], "resources": [{"ARN": KEY}]}}


def put_reference(registry: Any, reference: Reference) -> None:
    """As a provider's record brings it; not in a transaction, for each of which moto copies all of the table."""
    put(registry, item_of(ReferenceState(reference)))
    for key in pointer_keys(reference):
        put(registry, {**key, "secret_arn": reference.secret_arn})


def put(registry: Any, item: Mapping[str, Any]) -> None:
    attributes = {name: TypeSerializer().serialize(value) for name, value in item.items()}
    registry.put_item(TableName=TABLE, Item=attributes)
