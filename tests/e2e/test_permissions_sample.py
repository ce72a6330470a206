"""A sample of `make test-permissions`: of each kind of place where a lack shows, one."""

import pytest

from docs.permissions import Permission, permissions
from tests.e2e.conftest import World
from tests.permissions.probing import CAUSES, impatient, shows, without

SAMPLE = {
    ("CheckReferencesRole", "secretsmanager:GetSecretValue"),
    ("PublishVerdictsRole", "events:PutEvents"),
    ("SendAlertsRole", "sns:Publish"),
    ("SendAlertsRole", "sns:ListSubscriptionsByTopic"),
}


@pytest.mark.parametrize("one", [one for one in permissions() if (one.statement.role, one.action) in SAMPLE], ids=str)
def test_without_a_permission_the_failure_shows_where_the_page_says(one: Permission, world: World) -> None:
    with (
        impatient(world),
        CAUSES[one.statement.role, one.action](world) as act,
        without(world, one.statement.role, one),
    ):
        shows(world, one, act())
