"""The stack is found in CloudFormation, with everything that the command needs to know of it."""

from typing import Any

import pytest

from secretwatch_cli.failures import Unable
from secretwatch_cli.stack import Stack, find_stack
from tests.contract.stubs import MakeStub, Stub

ARN = "arn:aws-cn:cloudformation:cn-north-1:111122223333:stack/watch/6a7e8feb"
NAME = {"StackName": "watch"}


@pytest.fixture
def cloudformation(make_stub: MakeStub) -> Stub:
    return make_stub("cloudformation")


def find(cloudformation: Stub) -> Stack:
    return find_stack({"cloudformation": cloudformation.client}.__getitem__, "watch")


def describe(cloudformation: Stub, **parts: Any) -> None:
    described = {
        "StackName": "watch",
        "StackId": ARN,
        "CreationTime": "2026-11-23T12:00:00Z",
        "StackStatus": "CREATE_COMPLETE",
        **parts,
    }
    cloudformation.add_response("describe_stacks", {"Stacks": [described]}, NAME)


def a_summary(name: str, kind: str, physical_id: str | None) -> dict[str, Any]:
    found = {"PhysicalResourceId": physical_id} if physical_id else {}
    return {
        "LogicalResourceId": name,
        "ResourceType": kind,
        "LastUpdatedTimestamp": "2026-11-23T12:00:00Z",
        "ResourceStatus": "CREATE_COMPLETE",
        **found,
    }


def test_a_stack_is_found_with_outputs_parameters_and_resources_of_every_page(cloudformation: Stub) -> None:
    describe(
        cloudformation,
        Outputs=[{"OutputKey": "BusName", "OutputValue": "watch"}],
        Parameters=[{"ParameterKey": "AlertEmail", "ParameterValue": ""}],
    )
    first, second = (a_summary(name, "AWS::SQS::Queue", f"https://sqs/{name}") for name in ("A", "B"))
    never_made = a_summary("C", "AWS::SQS::Queue", None)
    cloudformation.add_response("list_stack_resources", {"StackResourceSummaries": [first], "NextToken": "more"}, NAME)
    cloudformation.add_response(
        "list_stack_resources", {"StackResourceSummaries": [second, never_made]}, {**NAME, "NextToken": "more"}
    )

    stack = find(cloudformation)

    assert (stack.partition, stack.region, stack.account) == ("aws-cn", "cn-north-1", "111122223333")
    assert stack.output("BusName") == "watch"
    assert stack.parameters == {"AlertEmail": ""}
    assert stack.of_type("AWS::SQS::Queue") == {"A": "https://sqs/A", "B": "https://sqs/B"}
    assert stack.of_type("AWS::Lambda::Function") == {}


def test_a_stack_that_is_not_there_is_told_with_its_region(cloudformation: Stub) -> None:
    cloudformation.add_client_error("describe_stacks", "ValidationError", "Stack with id watch does not exist", 400)

    with pytest.raises(Unable, match="There is no stack watch in eu-west-1"):
        find(cloudformation)


def test_a_stack_that_may_not_be_looked_at_is_told(cloudformation: Stub) -> None:
    cloudformation.add_client_error("describe_stacks", "AccessDenied", "not authorized", 403)

    with pytest.raises(Unable, match="You may not call DescribeStacks"):
        find(cloudformation)


def test_a_stack_without_outputs_is_not_secretwatch(cloudformation: Stub) -> None:
    describe(cloudformation)
    cloudformation.add_response("list_stack_resources", {"StackResourceSummaries": []}, NAME)

    with pytest.raises(Unable, match="no output RegistryTable"):
        find(cloudformation).output("RegistryTable")
