"""The deployed stack, found in CloudFormation: the only place where the command looks for what to look at."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from secretwatch_cli.aws import Clients, told
from secretwatch_cli.failures import Unable


@dataclass(frozen=True)
class Stack:
    """A Secretwatch stack; `resources` are its physical ids by type and logical id."""

    name: str
    arn: str
    outputs: Mapping[str, str]
    parameters: Mapping[str, str]
    resources: Mapping[str, Mapping[str, str]]

    @property
    def partition(self) -> str:
        """The AWS partition, as ARNs name it."""
        return self.arn.split(":")[1]

    @property
    def region(self) -> str:
        """The Region that it watches."""
        return self.arn.split(":")[3]

    @property
    def account(self) -> str:
        """The account that it watches."""
        return self.arn.split(":")[4]

    def output(self, name: str) -> str:
        """One of the stack's outputs; raises Unable when there is none of that name."""
        if name not in self.outputs:
            raise Unable(f"The stack {self.name} has no output {name}: it is not a Secretwatch stack, or an older one.")
        return self.outputs[name]

    def of_type(self, kind: str) -> Mapping[str, str]:
        """The physical ids of all resources of a type, by logical id."""
        return self.resources.get(kind, {})


def find_stack(clients: Clients, name: str) -> Stack:
    """Look the stack up by name; raises Unable when it is not there, or may not be looked at."""
    with told():
        cloudformation = clients("cloudformation")
        try:
            described = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if _is_missing(error):
                where = f"There is no stack {name} in {cloudformation.meta.region_name}."
                raise Unable(f"{where} Give its --stack-name and --region, or deploy it first.") from error
            raise
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
        summaries = [summary for page in pages for summary in page["StackResourceSummaries"]]
    return Stack(
        name=described["StackName"],
        arn=described["StackId"],
        outputs={one["OutputKey"]: one["OutputValue"] for one in described.get("Outputs", [])},
        parameters={one["ParameterKey"]: one.get("ParameterValue", "") for one in described.get("Parameters", [])},
        resources=_by_type(summaries),
    )


def _is_missing(error: ClientError) -> bool:
    """CloudFormation has no code of its own for it."""
    answer = error.response["Error"]
    return answer["Code"] == "ValidationError" and "does not exist" in answer["Message"]


def _by_type(summaries: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """A resource without physical id was never made, or is gone."""
    found: dict[str, dict[str, str]] = {}
    for one in summaries:
        if physical_id := one.get("PhysicalResourceId"):
            found.setdefault(one["ResourceType"], {})[one["LogicalResourceId"]] = physical_id
    return found
