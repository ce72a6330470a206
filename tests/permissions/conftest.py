"""A deployed stack of these tests' own, whose roles they take permissions from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local import stack
from tests.e2e.conftest import World
from tests.permissions.probing import impatient


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is for `make test-permissions`."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.permissions)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The stack, with a trail, and with queues that give up at once."""
    state_dir = tmp_path_factory.mktemp("embedded-aws")
    aws = stack.start(state_dir=state_dir)
    try:
        made = World(aws, stack.deploy(aws, stack.PARAMETERS))
        add_trail(made)
        with impatient(made):
            yield made
    finally:
        stack.stop(state_dir)


def add_trail(world: World) -> None:
    """A trail of the Region, for the stack to read."""
    world.aws.client("s3").create_bucket(Bucket="trail")
    cloudtrail = world.aws.client("cloudtrail")
    cloudtrail.create_trail(Name="management", S3BucketName="trail")
    cloudtrail.start_logging(Name="management")
