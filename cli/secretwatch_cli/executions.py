"""Executions of a stack's workflows: started once for each request, and followed to their end."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, count, repeat
from typing import Any

from botocore.exceptions import ClientError

from secretwatch_cli.aws import Clients, told
from secretwatch_cli.steps import Execution, steps_of

# Steps take seconds, people hours.
_PAUSES = [1.0] * 60
_LONG_PAUSE = 5.0


class Executions:
    """The executions of one workflow, started and read as the caller."""

    def __init__(self, clients: Clients, workflow_arn: str) -> None:
        """`workflow_arn` is the state machine's."""
        self._aws = clients("stepfunctions")
        self._workflow = workflow_arn

    def start(self, name: str, given: Mapping[str, Any]) -> Execution:
        """Start one, unless one of that name runs: then it is that one.

        `name` says what is asked for, so that the same thing is not done twice at once. A name of an execution that is
        over is taken for 90 days, so that each attempt has a number.
        """
        with told():
            for attempt in count(1):
                numbered = f"{name}-{attempt}"
                try:
                    self._aws.start_execution(
                        stateMachineArn=self._workflow, name=numbered, input=json.dumps(given, sort_keys=True)
                    )
                except ClientError as error:
                    if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                        raise
                    if self._status(self.arn_of(numbered)) != "RUNNING":
                        continue
                return Execution(numbered, self.arn_of(numbered), "RUNNING")
        raise AssertionError("there is always another number")

    def arn_of(self, name: str) -> str:
        """The ARN of the execution of that name."""
        return f"{self._workflow.replace(':stateMachine:', ':execution:')}:{name}"

    def look(self, execution: Execution) -> Execution:
        """How it stands now. The history is asked for without data: nothing of a request is read back."""
        with told():
            described = self._aws.describe_execution(executionArn=execution.arn)
            pages = self._aws.get_paginator("get_execution_history").paginate(
                executionArn=execution.arn, includeExecutionData=False
            )
            events = [event for page in pages for event in page["events"]]
        return Execution(
            execution.id,
            execution.arn,
            described["status"],
            steps_of(events),
            json.loads(described["output"]) if described.get("output") else None,
            described.get("error"),
            described.get("cause"),
        )

    def follow(self, execution: Execution, *, pause: Callable[[float], None] = time.sleep) -> Iterator[Execution]:
        """How it stands, again and again, until it is over."""
        for seconds in chain(_PAUSES, repeat(_LONG_PAUSE)):
            execution = self.look(execution)
            yield execution
            if execution.over:
                return
            pause(seconds)

    def _status(self, arn: str) -> str:
        return str(self._aws.describe_execution(executionArn=arn)["status"])
