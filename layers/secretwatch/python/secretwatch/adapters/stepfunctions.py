"""Executions, and the decisions that they wait for, on AWS Step Functions."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from secretwatch.adapters.aws import code_of, translated
from secretwatch.domain.onboarding.errors import APPROVAL_REJECTED, NoLongerWaiting

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


class StepFunctionsExecutions:
    """`ports.Executions` on Step Functions."""

    def __init__(self, client: "SFNClient") -> None:
        """`client` is a boto3 Step Functions client."""
        self._client = client

    def is_running(self, arn: str) -> bool:
        """DescribeExecution without its input and output; one is forgotten 90 days after its end."""
        with translated("DescribeExecution"):
            try:
                answer = self._client.describe_execution(executionArn=arn, includedData="METADATA_ONLY")
            except ClientError as error:
                if code_of(error) == "ExecutionDoesNotExist":
                    return False
                raise
        return answer["status"] in _RUNNING


_RUNNING = {"RUNNING", "PENDING_REDRIVE"}


class StepFunctionsDecisions:
    """`ports.Decisions` on Step Functions."""

    def __init__(self, client: "SFNClient") -> None:
        """`client` is a boto3 Step Functions client."""
        self._client = client

    def approve(self, token: str, by: str) -> None:
        """SendTaskSuccess: the state's output says who approved."""
        with translated("SendTaskSuccess"), _waiting():
            self._client.send_task_success(taskToken=token, output=json.dumps({"approvedBy": by}))

    def reject(self, token: str, reason: str) -> None:
        """SendTaskFailure."""
        with translated("SendTaskFailure"), _waiting():
            self._client.send_task_failure(taskToken=token, error=APPROVAL_REJECTED, cause=reason)


_USELESS = {"TaskDoesNotExist", "TaskTimedOut", "InvalidToken"}


@contextmanager
def _waiting() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if code_of(error) in _USELESS:
            raise NoLongerWaiting(code_of(error)) from error
        raise
