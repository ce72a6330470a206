"""No permission of a role is superfluous: without any one of them something fails, where docs/permissions.md says."""

from contextlib import ExitStack

import pytest

from docs.permissions import Permission, permissions, roles, unjudged
from tests.e2e.conftest import World
from tests.permissions.probing import CAUSES, REFUSED, shows, without

JUDGED = [one for one in permissions() if not unjudged(one)]
UNJUDGED = [one for one in permissions() if unjudged(one)]


def test_with_every_permission_nothing_is_refused(world: World) -> None:
    for cause in {*CAUSES.values()}:
        with cause(world) as act:
            act()
    world.settle()

    assert not REFUSED.search(world.log())


@pytest.mark.parametrize("one", JUDGED, ids=str)
def test_without_a_permission_the_failure_shows_where_the_page_says(one: Permission, world: World) -> None:
    which = one.statement.role, one.action

    with CAUSES[which](world) as act, without(world, one.statement.role, one):
        shows(world, one, act())


def test_what_the_page_calls_unjudged_is_indeed_not_missed_here(world: World) -> None:
    secret = world.secret()

    with ExitStack() as taken:
        for role in roles():
            taken.enter_context(without(world, role, *(one for one in UNJUDGED if one.statement.role == role)))
        assert world.verdict(secret, world.provider(secret)) == "RESOLVES"
        world.settle()


def test_every_cause_is_of_a_permission_that_some_role_has() -> None:
    assert set(CAUSES) == {(one.statement.role, one.action) for one in JUDGED}
