"""The Registry follows AgentCore: what it references is checked, what it dropped is forgotten."""

from dataclasses import replace
from datetime import timedelta

import pytest

from secretwatch.domain.consumer import Consumer, Gateway
from secretwatch.domain.finding import Verdict
from secretwatch.domain.reference import Provider, ProviderStatus, Reference
from secretwatch.domain.secret import SecretId
from secretwatch.inventory import GatewayInventory, ProviderInventory
from tests.fakes import (
    NOON,
    FakeGateways,
    FakeProviders,
    InMemoryGatewayRecords,
    InMemoryProviderRecords,
    InMemoryReferences,
    SentRequests,
    a_consumer,
    a_gateway,
    a_name,
    a_provider,
    a_reference,
    secret_arn,
)

CRM = a_name("crm-oauth")
CRM_SECRET = SecretId.of_arn(secret_arn())


class World:
    """An AgentCore with some providers, an empty Registry, and what was requested."""

    def __init__(self, *providers: Provider) -> None:
        self.agentcore = FakeProviders(*providers)
        self.references = InMemoryReferences()
        self.records = InMemoryProviderRecords(self.references)
        self.reads, self.checks = SentRequests(), SentRequests()
        self.now = NOON
        self.inventory = ProviderInventory(
            self.agentcore,
            self.records,
            self.references,
            reads=self.reads,
            checks=self.checks,
            clock=lambda: self.now,
        )


def test_a_new_provider_is_recorded_and_its_secret_is_checked() -> None:
    world = World(a_provider("crm-oauth"))

    read = world.inventory.read(CRM, since=NOON, check_all=False)

    assert read.added == {a_reference("crm-oauth")}
    assert world.references.states.keys() == {a_reference("crm-oauth")}
    assert world.checks.subjects == [CRM_SECRET]


def test_a_provider_that_did_not_change_is_left_alone() -> None:
    world = World(a_provider("crm-oauth"))
    world.inventory.read(CRM, since=NOON, check_all=False)
    world.inventory.read(CRM, since=NOON, check_all=False)

    assert world.records.records[CRM].version == 1
    assert world.checks.subjects == [CRM_SECRET]


def test_after_an_event_every_secret_of_the_provider_is_checked_again() -> None:
    world = World(a_provider("crm-oauth"))
    world.inventory.read(CRM, since=NOON, check_all=True)
    world.inventory.read(CRM, since=NOON, check_all=True)

    assert world.checks.subjects == [CRM_SECRET] * 2


def test_a_provider_pointed_at_another_secret_takes_its_verdict_along() -> None:
    world = World(a_provider("crm-oauth"))
    world.inventory.read(CRM, since=NOON, check_all=False)
    old, new = a_reference("crm-oauth"), a_reference("crm-oauth", secret=secret_arn("agents/other"))
    world.references.states[old] = replace(world.references.states[old], verdict=Verdict.BROKEN, version=7)

    world.agentcore.providers[CRM] = a_provider("crm-oauth", new)
    read = world.inventory.read(CRM, since=NOON, check_all=False)

    assert (set(read.added), set(read.removed)) == ({new}, {old})
    assert world.references.only().reference == new
    assert (world.references.only().verdict, world.references.only().version) == (Verdict.BROKEN, 8)
    assert world.checks.subjects[-1] == new.secret


def test_only_agentcore_s_own_not_found_removes_a_provider() -> None:
    world = World(a_provider("crm-oauth"))
    world.inventory.read(CRM, since=NOON, check_all=False)

    del world.agentcore.providers[CRM]
    read = world.inventory.read(CRM, since=NOON, check_all=True)

    assert read.provider is None
    assert world.records.records == {}
    assert world.references.states == {}


def test_a_provider_that_nobody_ever_knew_changes_nothing() -> None:
    world = World()

    read = world.inventory.read(CRM, since=NOON, check_all=True)

    assert (read.provider, read.added, read.removed) == (None, frozenset(), frozenset())
    assert world.checks.subjects == []


def test_two_certificates_that_move_at_once_each_take_one_verdict_along() -> None:
    def certificates(*secrets: str) -> list[Reference]:
        return [
            replace(a_reference(secret=secret_arn(secret)), field="certificate", json_key=None) for secret in secrets
        ]

    before, after = certificates("a", "b"), certificates("c", "d")
    world = World(a_provider("crm-oauth", *before))
    world.inventory.read(CRM, since=NOON, check_all=False)
    for version, reference in enumerate(before, start=5):
        world.references.states[reference] = replace(world.references.states[reference], version=version)

    world.agentcore.providers[CRM] = a_provider("crm-oauth", *after)
    world.inventory.read(CRM, since=NOON, check_all=False)

    assert [world.references.states[reference].version for reference in after] == [6, 7]


@pytest.mark.parametrize("status", ["CREATING", "UPDATING", "DELETING"])
def test_a_provider_that_agentcore_has_not_finished_with_is_read_again_ever_later_and_at_last_no_more(
    status: str,
) -> None:
    world = World(replace(a_provider("crm-oauth"), status=ProviderStatus(status)))

    for age in (-1, 0, 20, 400, 1799, 1800):
        world.now = NOON + timedelta(seconds=age)
        world.inventory.read(CRM, since=NOON, check_all=False)

    assert world.reads.subjects == [CRM] * 5
    assert [delay.total_seconds() for delay in world.reads.delays] == [5, 5, 20, 300, 300]


@pytest.mark.parametrize("status", [None, "READY", "UPDATE_FAILED"])
def test_a_provider_that_is_settled_is_not_read_again(status: str | None) -> None:
    world = World(replace(a_provider("crm-oauth"), status=ProviderStatus(status)))

    world.inventory.read(CRM, since=NOON, check_all=True)

    assert world.reads.subjects == []


def test_a_provider_that_settles_is_checked_by_its_new_status() -> None:
    world = World(replace(a_provider("crm-oauth"), status=ProviderStatus("UPDATING")))
    world.inventory.read(CRM, since=NOON, check_all=False)
    world.agentcore.providers[CRM] = replace(a_provider("crm-oauth"), status=ProviderStatus("UPDATE_FAILED"))
    world.checks.subjects.clear()

    world.inventory.read(CRM, since=NOON, check_all=False)

    assert world.checks.subjects == [CRM_SECRET]


class GatewayWorld:
    """An AgentCore with gateways, and a Registry that knows one provider."""

    def __init__(self, *gateways: Gateway, consumers_have_to_read: bool = True) -> None:
        self.agentcore, self.records = FakeGateways(*gateways), InMemoryGatewayRecords()
        self.reads, self.checks = SentRequests(), SentRequests()
        providers = InMemoryProviderRecords(InMemoryReferences())
        providers.record(None, a_provider("crm-oauth"), moved=[])
        self.inventory = GatewayInventory(
            self.agentcore,
            self.records,
            providers,
            reads=self.reads,
            checks=self.checks,
            consumers_have_to_read=consumers_have_to_read,
            clock=lambda: NOON,
        )

    def read(self, gateway: Gateway) -> Gateway | None:
        return self.inventory.read(gateway.name, since=NOON)


class TestGateways:
    """Gateways and their consumers."""

    GATEWAY = a_gateway("g-1", a_consumer("crm-oauth"))

    def test_a_gateway_is_recorded_with_its_consumers_and_followed(self) -> None:
        world, name = GatewayWorld(self.GATEWAY), self.GATEWAY.name

        world.read(self.GATEWAY)
        world.read(self.GATEWAY)
        assert world.records.records[name].version == 1

        world.agentcore.gateways[name] = a_gateway("g-1", a_consumer("weather"))
        world.read(self.GATEWAY)
        assert world.records.of_provider(a_reference("weather").provider_arn) == [a_consumer("weather")]
        assert world.records.of_provider(a_reference("crm-oauth").provider_arn) == []

        world.agentcore.gateways.clear()
        assert world.read(self.GATEWAY) is None
        assert world.records.records == {}

    def test_a_role_that_changes_is_the_consumers_new_one(self) -> None:
        world = GatewayWorld(self.GATEWAY)
        world.read(self.GATEWAY)
        other = replace(a_consumer("crm-oauth"), role_arn="arn:aws:iam::111122223333:role/other")
        world.agentcore.gateways[self.GATEWAY.name] = a_gateway("g-1", other)

        world.read(self.GATEWAY)

        assert world.records.of_provider(other.provider_arn) == [other]

    @pytest.mark.parametrize(
        "after",
        [
            pytest.param([], id="gone"),
            pytest.param([replace(a_consumer("crm-oauth"), role_arn=None)], id="another role"),
            pytest.param([a_consumer("crm-oauth"), a_consumer("crm-oauth", target="second")], id="one more"),
        ],
    )
    def test_where_consumers_have_to_read_a_change_of_them_has_the_provider_s_references_checked(
        self, after: list[Consumer]
    ) -> None:
        world = GatewayWorld(self.GATEWAY)
        world.read(self.GATEWAY)
        assert world.checks.subjects == [CRM_SECRET]

        world.agentcore.gateways[self.GATEWAY.name] = a_gateway("g-1", *after)
        world.read(self.GATEWAY)
        world.read(self.GATEWAY)
        assert world.checks.subjects == [CRM_SECRET] * 2

        world.agentcore.gateways.clear()
        world.read(self.GATEWAY)
        assert len(world.checks.subjects) == (3 if after else 2)

    def test_elsewhere_consumers_change_no_verdict_and_nothing_is_checked(self) -> None:
        world = GatewayWorld(self.GATEWAY, consumers_have_to_read=False)

        world.read(self.GATEWAY)

        assert world.checks.subjects == []

    def test_a_gateway_that_agentcore_has_not_finished_with_is_read_again(self) -> None:
        world = GatewayWorld(replace(self.GATEWAY, settling=True))

        world.read(self.GATEWAY)

        assert world.reads.subjects == [self.GATEWAY.name]
        assert world.reads.delays == [timedelta(seconds=5)]
