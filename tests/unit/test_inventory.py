"""The Registry follows AgentCore: what it references is checked, what it dropped is forgotten."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from secretwatch.domain.change import WholeInventory
from secretwatch.domain.facts import Unknown
from secretwatch.domain.finding import Verdict
from secretwatch.domain.reference import Provider, ProviderKind, ProviderName, Reference
from secretwatch.domain.secret import SecretId
from secretwatch.domain.trail import WATCHED
from secretwatch.errors import Permanent, Transient
from secretwatch.inventory import GatewayInventory, Inventory, ProviderInventory
from tests.fakes import (
    EVERYTHING,
    FakeGateways,
    FakeProviders,
    FakeTrails,
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
        self.inventory = ProviderInventory(
            self.agentcore, self.records, self.references, reads=self.reads, checks=self.checks
        )


def test_a_new_provider_is_recorded_and_its_secret_is_checked() -> None:
    world = World(a_provider("crm-oauth"))

    read = world.inventory.read(CRM, check_all=False)

    assert read.added == {a_reference("crm-oauth")}
    assert world.references.states.keys() == {a_reference("crm-oauth")}
    assert world.checks.subjects == [CRM_SECRET]


def test_a_provider_that_did_not_change_is_left_alone() -> None:
    world = World(a_provider("crm-oauth"))
    world.inventory.read(CRM, check_all=False)
    world.inventory.read(CRM, check_all=False)

    assert world.records.records[CRM].version == 1
    assert world.checks.subjects == [CRM_SECRET]


def test_after_an_event_every_secret_of_the_provider_is_checked_again() -> None:
    world = World(a_provider("crm-oauth"))
    world.inventory.read(CRM, check_all=True)
    world.inventory.read(CRM, check_all=True)

    assert world.checks.subjects == [CRM_SECRET] * 2


def test_a_provider_pointed_at_another_secret_takes_its_verdict_along() -> None:
    world = World(a_provider("crm-oauth"))
    world.inventory.read(CRM, check_all=False)
    old, new = a_reference("crm-oauth"), a_reference("crm-oauth", secret=secret_arn("agents/other"))
    world.references.states[old] = replace(world.references.states[old], verdict=Verdict.BROKEN, version=7)

    world.agentcore.providers[CRM] = a_provider("crm-oauth", new)
    read = world.inventory.read(CRM, check_all=False)

    assert (set(read.added), set(read.removed)) == ({new}, {old})
    assert world.references.only().reference == new
    assert (world.references.only().verdict, world.references.only().version) == (Verdict.BROKEN, 8)
    assert world.checks.subjects[-1] == new.secret


def test_only_agentcore_s_own_not_found_removes_a_provider() -> None:
    world = World(a_provider("crm-oauth"))
    world.inventory.read(CRM, check_all=False)

    del world.agentcore.providers[CRM]
    read = world.inventory.read(CRM, check_all=True)

    assert read.provider is None
    assert world.records.records == {}
    assert world.references.states == {}


def test_a_provider_that_nobody_ever_knew_changes_nothing() -> None:
    world = World()

    read = world.inventory.read(CRM, check_all=True)

    assert (read.provider, read.added, read.removed) == (None, frozenset(), frozenset())
    assert world.checks.subjects == []


def test_an_inventory_reads_what_is_listed_and_what_is_recorded_and_checks_what_is_referenced() -> None:
    hidden, listed = a_provider("hidden"), a_provider("listed", a_reference("listed", kind=ProviderKind.API_KEY))
    world = World(hidden, listed)
    world.inventory.read(hidden.name, check_all=False)
    world.agentcore.unlisted = {hidden.name}
    world.checks.subjects.clear()

    count = world.inventory.take(EVERYTHING)

    assert count == 2
    assert set(world.reads.subjects) == {hidden.name, listed.name}
    assert world.checks.subjects == [CRM_SECRET]


def test_a_secret_of_many_providers_is_checked_once_a_sweep() -> None:
    world = World(*(a_provider(f"agent-{number}") for number in range(5)))
    for name in world.agentcore.providers:
        world.inventory.read(name, check_all=False)
    world.checks.subjects.clear()

    world.inventory.take(EVERYTHING)

    assert world.checks.subjects == [CRM_SECRET]


def test_a_kind_that_cannot_be_listed_stops_neither_the_others_nor_the_gateways() -> None:
    world = World(a_provider("crm-oauth"))
    listed = world.agentcore.names

    def api_keys_refused(kind: ProviderKind, inventory: WholeInventory) -> Iterator[ProviderName]:
        if kind is ProviderKind.API_KEY:
            raise Permanent("ListApiKeyCredentialProviders: AccessDeniedException")
        return listed(kind, inventory)

    world.agentcore.names = api_keys_refused  # type: ignore[method-assign]
    gateway_reads = SentRequests()
    gateways = GatewayInventory(FakeGateways(a_gateway()), InMemoryGatewayRecords(), reads=gateway_reads)

    with pytest.raises(Permanent, match="ListApiKeyCredentialProviders"):
        Inventory(world.inventory, gateways, FakeTrails()).take(EVERYTHING)

    assert world.reads.subjects == [CRM]
    assert gateway_reads.subjects == [a_gateway().name]


def test_a_sweep_checks_what_it_knows_even_when_agentcore_does_not_answer() -> None:
    world = World(a_provider("crm-oauth"))
    world.inventory.read(CRM, check_all=False)
    world.checks.subjects.clear()

    def throttled(*_: object) -> None:
        raise Transient("List: ThrottlingException")

    world.agentcore.names = throttled  # type: ignore[assignment]
    with pytest.raises(Transient):
        world.inventory.take(EVERYTHING)

    assert world.checks.subjects == [CRM_SECRET]


def test_two_certificates_that_move_at_once_each_take_one_verdict_along() -> None:
    def certificates(*secrets: str) -> list[Reference]:
        return [
            replace(a_reference(secret=secret_arn(secret)), field="certificate", json_key=None) for secret in secrets
        ]

    before, after = certificates("a", "b"), certificates("c", "d")
    world = World(a_provider("crm-oauth", *before))
    world.inventory.read(CRM, check_all=False)
    for version, reference in enumerate(before, start=5):
        world.references.states[reference] = replace(world.references.states[reference], version=version)

    world.agentcore.providers[CRM] = a_provider("crm-oauth", *after)
    world.inventory.read(CRM, check_all=False)

    assert [world.references.states[reference].version for reference in after] == [6, 7]


class TestGateways:
    """Gateways and their consumers."""

    def test_a_gateway_is_recorded_with_its_consumers_and_followed(self) -> None:
        agentcore, records = FakeGateways(a_gateway("g-1", a_consumer("crm-oauth"))), InMemoryGatewayRecords()
        inventory, name = GatewayInventory(agentcore, records, reads=SentRequests()), a_gateway("g-1").name

        inventory.read(name)
        inventory.read(name)
        assert records.records[name].version == 1

        agentcore.gateways[name] = a_gateway("g-1", a_consumer("weather"))
        inventory.read(name)
        assert records.of_provider(a_reference("weather").provider_arn) == [a_consumer("weather")]
        assert records.of_provider(a_reference("crm-oauth").provider_arn) == []

        agentcore.gateways.clear()
        assert inventory.read(name) is None
        assert records.records == {}

    def test_an_inventory_reads_the_gateways_that_are_listed_and_those_that_are_recorded(self) -> None:
        gone, there = a_gateway("gone"), a_gateway("there")
        records, reads = InMemoryGatewayRecords(), SentRequests()
        records.record(None, gone)

        assert GatewayInventory(FakeGateways(there), records, reads=reads).take(EVERYTHING) == 2
        assert reads.subjects == [gone.name, there.name]


class TestTrails:
    """A sweep looks for a trail; what it cannot tell it calls unknown."""

    @pytest.fixture
    def trails(self) -> FakeTrails:
        return FakeTrails()

    def without_trail(self, trails: FakeTrails) -> frozenset[str] | Unknown:
        gateways = GatewayInventory(FakeGateways(), InMemoryGatewayRecords(), reads=SentRequests())
        return Inventory(World().inventory, gateways, trails).without_trail(EVERYTHING.region)

    def test_a_trail_that_covers_everything_is_enough(self, trails: FakeTrails) -> None:
        assert self.without_trail(trails) == frozenset()

    def test_without_a_trail_everything_is_missing(self, trails: FakeTrails) -> None:
        trails.found = []

        assert self.without_trail(trails) == WATCHED

    def test_a_trail_that_we_may_not_read_leaves_it_unknown(self, trails: FakeTrails) -> None:
        refused = Unknown("GetEventSelectors: AccessDeniedException", transient=False)
        trails.found = [refused]

        assert self.without_trail(trails) == refused

    def test_trails_that_cannot_be_listed_stop_no_inventory(self, trails: FakeTrails) -> None:
        trails.failure = Transient("DescribeTrails: ThrottlingException")

        assert self.without_trail(trails) == Unknown("DescribeTrails: ThrottlingException", transient=True)
