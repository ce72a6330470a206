"""Requests, on Amazon SQS queues."""

import json
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from secretwatch.adapters.aws import translated
from secretwatch.domain.change import Subject, request
from secretwatch.domain.repair.request import ask_to_carry_out, ask_to_consider
from secretwatch.domain.secret import SecretId
from secretwatch.errors import Transient
from secretwatch.ports import NO_TIME

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_BATCH = 10  # SendMessageBatch takes no more entries


class SqsRequests:
    """`ports.Requests` on one queue."""

    def __init__(self, client: "SQSClient", queue_url: str) -> None:
        """`client` is a boto3 SQS client."""
        self._client = client
        self._queue_url = queue_url

    def send(
        self,
        subjects: Iterable[Subject],
        *,
        cause: str | None = None,
        at: datetime | None = None,
        delay: timedelta = NO_TIME,
    ) -> None:
        """SendMessageBatch, ten at a time. A request has its cause's id, so that logs follow one change."""
        pending = list(subjects)
        for start in range(0, len(pending), _BATCH):
            self._send(pending[start : start + _BATCH], cause, at or datetime.now(UTC), delay)

    def _send(self, subjects: Sequence[Subject], cause: str | None, at: datetime, delay: timedelta) -> None:
        delayed = {"DelaySeconds": int(delay.total_seconds())} if delay else {}
        bodies = [json.dumps(request(subject, at=at, request_id=cause or str(uuid.uuid4()))) for subject in subjects]
        entries: list[Any] = [{"Id": str(index), "MessageBody": body, **delayed} for index, body in enumerate(bodies)]
        with translated("SendMessageBatch"):
            answer = self._client.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
        if failed := answer.get("Failed"):
            raise Transient(f"SendMessageBatch: {len(failed)} of {len(subjects)} refused, {failed[0]['Code']}")


class SqsRepairRequests:
    """`ports.RepairRequests` on one queue."""

    def __init__(self, client: "SQSClient", queue_url: str) -> None:
        """`client` is a boto3 SQS client."""
        self._client = client
        self._queue_url = queue_url

    def carry_out(self, repair_id: str) -> None:
        """SendMessage."""
        self._send(ask_to_carry_out(repair_id))

    def consider(self, secret: SecretId) -> None:
        """SendMessage."""
        self._send(ask_to_consider(secret))

    def _send(self, body: str) -> None:
        with translated("SendMessage"):
            self._client.send_message(QueueUrl=self._queue_url, MessageBody=body)
