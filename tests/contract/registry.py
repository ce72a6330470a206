"""The Registry's table on moto, as template.yaml has it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from moto import mock_aws

from tests.contract.template import RESOURCES

TABLE = "registry"
_SHAPE = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
_SESSION = boto3.Session()  # kept: what it loads to make a client costs more than any test


@contextmanager
def on_moto() -> Iterator[Any]:
    """A DynamoDB client beside the table, empty."""
    with mock_aws():
        client = _SESSION.client("dynamodb")
        create_table(client)
        yield client


def create_table(client: Any) -> None:
    """The table, empty."""
    properties = RESOURCES["Registry"]["Properties"]
    client.create_table(TableName=TABLE, **{name: properties[name] for name in _SHAPE})


def items(client: Any) -> list[dict[str, Any]]:
    """All that the table holds, in DynamoDB's typed attributes."""
    found: list[dict[str, Any]] = []
    for page in client.get_paginator("scan").paginate(TableName=TABLE):
        found += page["Items"]
    return found


def keys(client: Any) -> set[tuple[str, str]]:
    """The keys of all that the table holds."""
    return {(item["pk"]["S"], item["sk"]["S"]) for item in items(client)}
