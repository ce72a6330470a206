"""Requests go ten at a time; one that the queue refused makes the sender try again."""

import json
from datetime import timedelta
from typing import Any

import pytest
from botocore.stub import ANY

from secretwatch.adapters.sqs import SqsRequests
from secretwatch.domain.change import RunningSweep, Subject, read_change
from secretwatch.domain.secret import SecretId
from secretwatch.errors import Transient
from tests.contract.stubs import MakeClient, MakeStub, Stub, answer_with
from tests.fakes import ACCOUNT, EVERYTHING, NOON, REGION, a_name, secret_arn

QUEUE = "https://sqs.eu-west-1.amazonaws.com/111122223333/sweep"


@pytest.fixture
def aws(make_stub: MakeStub) -> Stub:
    return make_stub("sqs")


@pytest.fixture
def bodies(aws: Stub) -> list[str]:
    """The bodies that were sent, in order."""
    sent: list[str] = []

    def note(params: Any, **_: object) -> None:
        sent.extend(entry["MessageBody"] for entry in params["Entries"])

    aws.client.meta.events.register("provide-client-params.sqs.SendMessageBatch", note)
    return sent


def takes(aws: Stub, size: int, *, refuses: str = "") -> None:
    """The queue takes a batch of that size, or refuses one entry of it."""
    taken = [{"Id": str(index), "MessageId": f"m-{index}", "MD5OfMessageBody": "0" * 32} for index in range(size)]
    answer: dict[str, Any] = {"Successful": taken, "Failed": []}
    if refuses:
        answer = {"Successful": taken[1:], "Failed": [{"Id": "0", "SenderFault": False, "Code": refuses}]}
    entries = [{"Id": str(index), "MessageBody": ANY} for index in range(size)]
    aws.add_response("send_message_batch", answer, {"QueueUrl": QUEUE, "Entries": entries})


def some_names(count: int) -> list[Subject]:
    return [a_name(f"provider-{number}") for number in range(count)]


@pytest.mark.parametrize(("count", "batches"), [(1, [1]), (10, [10]), (11, [10, 1]), (25, [10, 10, 5])], ids=str)
def test_requests_go_ten_at_a_time_and_each_once(aws: Stub, bodies: list[str], count: int, batches: list[int]) -> None:
    for size in batches:
        takes(aws, size)
    asked = some_names(count)

    SqsRequests(aws.client, QUEUE).send(iter(asked))

    assert [read_change(body).subject for body in bodies] == asked


def test_nothing_to_ask_is_no_call(aws: Stub, bodies: list[str]) -> None:
    SqsRequests(aws.client, QUEUE).send([])

    assert bodies == []


@pytest.mark.parametrize(
    "subject",
    [SecretId.of_arn(secret_arn()), a_name(), EVERYTHING, RunningSweep(ACCOUNT, REGION, "2026-11-02T09:00:01.25Z")],
    ids=lambda subject: type(subject).__name__,
)
def test_a_request_is_read_back_as_it_was_asked(aws: Stub, bodies: list[str], subject: Subject) -> None:
    takes(aws, 1)

    SqsRequests(aws.client, QUEUE).send([subject])

    change = read_change(bodies[0])
    assert change.subject == subject
    assert change.is_request


def test_each_request_has_an_id_of_its_own(aws: Stub, bodies: list[str]) -> None:
    takes(aws, 3)

    SqsRequests(aws.client, QUEUE).send(some_names(3))

    assert len({json.loads(body)["id"] for body in bodies}) == 3


def test_a_request_that_an_event_led_to_has_the_events_id(aws: Stub, bodies: list[str]) -> None:
    takes(aws, 2)

    SqsRequests(aws.client, QUEUE).send(some_names(2), cause="e-1")

    assert [read_change(body).event_id for body in bodies] == ["e-1", "e-1"]


def test_one_refused_entry_makes_the_whole_send_fail_so_that_it_is_tried_again(aws: Stub) -> None:
    takes(aws, 10)
    takes(aws, 2, refuses="ServiceUnavailable")

    with pytest.raises(Transient, match=r"^SendMessageBatch: 1 of 2 refused, ServiceUnavailable$"):
        SqsRequests(aws.client, QUEUE).send(some_names(12))


def test_an_answer_that_leaves_out_what_did_not_fail_is_a_success(make_client: MakeClient) -> None:
    """As SQS answers, although its model calls `Failed` required."""
    aws = make_client("sqs")
    taken = {"Id": "0", "MessageId": "m-0"}
    answer_with(aws, {"Successful": [taken]}, content_type="application/x-amz-json-1.0")
    calls: list[str] = []
    aws.meta.events.register("before-call.sqs", lambda model, **_: calls.append(model.name))

    SqsRequests(aws, QUEUE).send(some_names(1))

    assert calls == ["SendMessageBatch"]


def test_a_request_may_be_delayed_and_tell_since_when_it_is_asked(aws: Stub, bodies: list[str]) -> None:
    entry = {"Id": "0", "MessageBody": ANY, "DelaySeconds": 20}
    aws.add_response(
        "send_message_batch",
        {"Successful": [{"Id": "0", "MessageId": "m", "MD5OfMessageBody": "0" * 32}], "Failed": []},
        {"QueueUrl": QUEUE, "Entries": [entry]},
    )

    SqsRequests(aws.client, QUEUE).send([a_name()], at=NOON, delay=timedelta(seconds=20.9))

    assert read_change(bodies[0]).at == NOON
