"""What the doctor asks IAM's simulation is what the template grants, and what it leaves out it leaves out knowingly."""

import pytest

from secretwatch_cli.needs import NEEDS
from tests.contract.template import FUNCTIONS, RESOURCES, as_list, statements

LEFT_OUT = {
    "kms:Decrypt": "whose key protects a secret is not known to the command",
    "dynamodb:DescribeStream": "this and the next three: the state of the stream's mapping tells",
    "dynamodb:GetRecords": "",
    "dynamodb:GetShardIterator": "",
    "dynamodb:ListStreams": "",
    "xray:PutTraceSegments": "this and the next: nothing stops without traces",
    "xray:PutTelemetryRecords": "",
}

LEFT_OUT_OF = {"SendAlerts": {"secretsmanager:GetSecretValue": "which secret holds Slack's token is a parameter"}}


def granted(function: str) -> set[str]:
    """The actions that the function's role grants."""
    role = FUNCTIONS[function]["Role"]["Fn::GetAtt"][0]
    return {
        action for statement in statements(role) if "Action" in statement for action in as_list(statement["Action"])
    }


def test_every_function_is_asked_about() -> None:
    assert set(NEEDS) == set(FUNCTIONS)


@pytest.mark.parametrize("function", NEEDS)
def test_a_functions_needs_are_what_its_role_grants(function: str) -> None:
    needed = {action for need in NEEDS[function] for action in need.actions}

    assert needed == granted(function) - set(LEFT_OUT) - set(LEFT_OUT_OF.get(function, ()))


@pytest.mark.parametrize("function", NEEDS)
def test_every_need_is_of_a_resource_of_the_stack(function: str) -> None:
    names = {**dict.fromkeys(RESOURCES, "name"), "partition": "aws", "region": "eu-west-1", "account": "111122223333"}

    arns = [arn for need in NEEDS[function] for arn in need.resources(names, ["arn:aws:a-secret"])]

    assert all(arn.startswith("arn:aws:") or arn in {"*", "name"} for arn in arns)
