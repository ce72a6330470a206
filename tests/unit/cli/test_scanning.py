"""A scan tells of every reference, and of what it could not read."""

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from secretwatch.domain.change import WholeInventory
from secretwatch.domain.facts import Unknown, ValueShape
from secretwatch.domain.finding import Code, Finding, Verdict
from secretwatch.domain.judging import Judgement
from secretwatch.domain.observed import Observations, ObservedRead
from secretwatch.domain.reference import Provider, ProviderKind, ProviderName, ProviderStatus, Reference
from secretwatch.domain.rules import CONSUMERS, ReadValues, Rules
from secretwatch.errors import Permanent, Transient
from secretwatch_cli.exits import Exit, FailOn
from secretwatch_cli.history import History
from secretwatch_cli.scanning import FailedScan, Found, Progress, Scan, Scanning, Unread, World, exit_status
from tests.fakes import (
    ACCOUNT,
    EVERYTHING,
    NOON,
    REGION,
    FakeGateways,
    FakeIdentities,
    FakeKeys,
    FakeProviders,
    FakeSecret,
    FakeSecrets,
    a_consumer,
    a_gateway,
    a_provider,
    a_reference,
    secret_arn,
)


class Seen:
    """What a scan sees: a provider `crm-oauth` whose secret serves, unless said otherwise."""

    def __init__(self, *providers: Provider) -> None:
        self.providers = FakeProviders(*(providers or [a_provider()]))
        self.secrets = FakeSecrets(**{"agents/crm": FakeSecret(), "agents/erp": FakeSecret()})
        self.gateways = FakeGateways()
        self.history = History()
        self.told: list[tuple[int, int]] = []

    def scan(self, **rules: Any) -> Scan:
        with ThreadPoolExecutor(4) as workers, ThreadPoolExecutor(4) as reads:
            world = World(
                self.providers, self.gateways, self.secrets, FakeKeys(), FakeIdentities(), lambda _: self.history
            )
            progress = Progress(lambda done, of: self.told.append((done, of)))
            scanning = Scanning(
                world, rules=Rules(**rules), workers=workers, reads=reads, progress=progress, clock=lambda: NOON
            )
            return scanning.scan(EVERYTHING)

    def codes(self, **rules: Any) -> dict[str, list[Code]]:
        """What is wrong, by provider."""
        return {
            found.reference.provider.name: [finding.code for finding in found.judgement.findings]
            for found in self.scan(**rules).found
        }


ERP = a_reference("erp", secret=secret_arn("agents/erp"))


def test_every_reference_of_every_kind_is_judged_the_worst_first() -> None:
    seen = Seen(
        a_provider("crm-oauth"),
        a_provider("erp", ERP),
        a_provider("pay", a_reference("pay", kind=ProviderKind.PAYMENT)),
    )
    seen.secrets.secrets[secret_arn("agents/erp")].shapes["v1"] = ValueShape.KEY_MISSING

    scan = seen.scan()

    assert [(one.reference.provider.name, one.judgement.verdict) for one in scan.found] == [
        ("erp", Verdict.BROKEN),
        ("crm-oauth", Verdict.RESOLVES),
        ("pay", Verdict.RESOLVES),
    ]
    assert (scan.account, scan.region, scan.at, scan.unread) == (ACCOUNT, REGION, NOON, ())


def test_a_secret_of_many_providers_is_read_once() -> None:
    seen = Seen(*(a_provider(f"crm-{number}") for number in range(20)))

    assert len(seen.scan().found) == 20
    assert (seen.secrets.described, len(seen.secrets.values_read)) == (1, 1)


def test_a_providers_own_failure_is_found() -> None:
    seen = Seen(replace(a_provider(), status=ProviderStatus("CREATE_FAILED", "no")))

    assert seen.codes() == {"crm-oauth": [Code.PROVIDER_FAILED]}


def test_values_are_left_alone_when_told_so_and_that_leaves_nothing_open() -> None:
    seen = Seen()

    scan = seen.scan(read_values=ReadValues.NONE)

    assert seen.secrets.values_read == []
    assert exit_status([scan], [], FailOn.DEGRADED) == Exit.WELL


class Closed(FakeProviders):
    """Providers of which some may not be listed or read."""

    def __init__(self, *providers: Provider) -> None:
        super().__init__(*providers)
        self.unlistable: set[ProviderKind] = set()
        self.unreadable: dict[str, Exception] = {}

    def names(self, kind: ProviderKind, inventory: WholeInventory) -> Iterator[ProviderName]:
        if kind in self.unlistable:
            raise Permanent("ListPaymentCredentialProviders: AccessDeniedException")
        return super().names(kind, inventory)

    def get(self, name: ProviderName) -> Provider | None:
        if failure := self.unreadable.get(name.name):
            raise failure
        return super().get(name)


def test_what_cannot_be_listed_or_read_is_told_and_stops_nothing_else() -> None:
    seen = Seen()
    seen.providers = Closed(a_provider(), a_provider("erp", ERP))
    seen.providers.unlistable = {ProviderKind.PAYMENT}
    seen.providers.unreadable = {"erp": Transient("GetOauth2CredentialProvider: ThrottlingException")}

    scan = seen.scan()

    assert [one.reference.provider.name for one in scan.found] == ["crm-oauth"]
    assert scan.unread == (
        Unread("all PAYMENT providers", "ListPaymentCredentialProviders: AccessDeniedException"),
        Unread("OAUTH2 provider erp", "GetOauth2CredentialProvider: ThrottlingException"),
    )


def test_a_provider_that_is_gone_meanwhile_is_left_out() -> None:
    class Vanishing(FakeProviders):
        def get(self, name: ProviderName) -> Provider | None:
            return None

    seen = Seen()
    seen.providers = Vanishing(a_provider())

    scan = seen.scan()

    assert (scan.found, scan.unread) == ((), ())


def test_a_field_that_is_external_and_names_no_secret_is_told() -> None:
    seen = Seen(replace(a_provider(), incomplete=frozenset({"clientSecret"})))

    (unread,) = seen.scan().unread

    assert unread.what == "OAUTH2 provider crm-oauth, clientSecret"


def test_the_roles_of_gateways_are_readers_when_they_have_to_read_and_only_then_are_gateways_read() -> None:
    seen = Seen()
    seen.gateways = FakeGateways(a_gateway("support-bot", a_consumer("crm-oauth")))

    asked = seen.scan(required_readers=(CONSUMERS,)).found[0].judgement.unknown

    assert asked == Unknown("SimulatePrincipalPolicy: AccessDenied")
    seen.gateways = NoGateways()
    assert seen.codes() == {"crm-oauth": []}
    assert seen.scan(required_readers=(CONSUMERS,)).found[0].judgement.unknown == Unknown("ListGateways: no")


class NoGateways(FakeGateways):
    """Gateways that may not be listed."""

    def names(self, inventory: WholeInventory) -> Any:
        raise Permanent("ListGateways: no")


class TestWhatWasObserved:
    def seen(self, read: ObservedRead, unchanged_since: Any = NOON - timedelta(days=90)) -> Seen:
        seen = Seen()
        seen.secrets.secrets[secret_arn()].policies = {}
        observations = {secret_arn(): Observations().seen(read)}
        seen.history = History(observations, unchanged_since=unchanged_since)
        return seen

    def test_a_read_since_access_last_changed_says_that_something_else_lets_it_in(self) -> None:
        seen = self.seen(ObservedRead(NOON - timedelta(days=1)))

        assert seen.codes() == {"crm-oauth": [Code.READER_UNPROVEN]}
        assert seen.scan().found[0].observed_at == NOON - timedelta(days=1)

    def test_a_read_before_that_says_nothing(self) -> None:
        seen = self.seen(ObservedRead(NOON - timedelta(days=1)), unchanged_since=NOON - timedelta(hours=1))

        assert seen.codes() == {"crm-oauth": [Code.READER_NOT_ALLOWED]}
        assert seen.scan().found[0].observed_at is None

    def test_nor_does_one_when_the_changes_are_not_all_known(self) -> None:
        seen = self.seen(ObservedRead(NOON - timedelta(days=1)), unchanged_since=None)

        assert seen.codes() == {"crm-oauth": [Code.READER_NOT_ALLOWED]}

    def test_a_read_that_was_refused_is_found(self) -> None:
        seen = self.seen(ObservedRead(NOON - timedelta(hours=1), error_code="AccessDenied"))

        assert seen.codes() == {"crm-oauth": [Code.READER_NOT_ALLOWED, Code.OBSERVED_READ_DENIED]}


def test_progress_counts_providers_then_secrets() -> None:
    seen = Seen(a_provider(), a_provider("erp", ERP))

    seen.scan()

    assert (seen.told[0], seen.told[-1]) == ((0, 2), (4, 4))
    assert all(done <= of for done, of in seen.told)


# --- the exit status


def scanned(*judgements: Judgement, unread: Collection[Unread] = ()) -> Scan:
    found = tuple(Found(a_reference(), judgement) for judgement in judgements)
    return Scan(ACCOUNT, REGION, None, NOON, found, tuple(unread))


def a_finding(code: Code) -> Finding:
    return Finding(code, "it lacks it", "Add it.")


WELL = Judgement(Verdict.RESOLVES)
BROKEN = Judgement(Verdict.BROKEN, (a_finding(Code.JSON_KEY_MISSING),))
DEGRADED = Judgement(Verdict.DEGRADED, (a_finding(Code.TAG_MISSING),))
OPEN = Judgement(None, (), Unknown("DescribeSecret: AccessDeniedException"))
QUIET = Judgement(None, (), Unknown("DescribeSecret: AccessDeniedException", quiet=True))
CHOSEN = Judgement(Verdict.RESOLVES, (), Unknown("not looked at", by_choice=True))


@pytest.mark.parametrize(
    ("scan", "fail_on", "status"),
    [
        pytest.param(scanned(), "broken", Exit.WELL, id="nothing there"),
        pytest.param(scanned(WELL, DEGRADED), "broken", Exit.WELL, id="degraded is below"),
        pytest.param(scanned(WELL, DEGRADED), "degraded", Exit.FINDINGS, id="or not"),
        pytest.param(scanned(OPEN, BROKEN), "broken", Exit.FINDINGS, id="broken tells more than unknown"),
        pytest.param(scanned(BROKEN), "never", Exit.WELL, id="nobody wants to know"),
        pytest.param(scanned(OPEN), "never", Exit.UNKNOWN, id="unknown is no finding"),
        pytest.param(scanned(QUIET, CHOSEN), "broken", Exit.WELL, id="unknown, and meant to be"),
        pytest.param(scanned(unread=[Unread("all", "no")]), "broken", Exit.UNKNOWN, id="not all could be read"),
    ],
)
def test_the_exit_status_says_what_was_found(scan: Scan, fail_on: str, status: Exit) -> None:
    assert exit_status([scan], [], FailOn(fail_on)) == status


def test_a_place_that_could_not_be_looked_at_fails_the_whole() -> None:
    assert exit_status([scanned(BROKEN)], [FailedScan(REGION, "nobody", "no")], FailOn.BROKEN) == Exit.FAILED


def test_references_come_in_order_within_a_verdict() -> None:
    seen = Seen(a_provider("b"), a_provider("a"))

    names: list[Reference] = [one.reference for one in seen.scan().found]

    assert [one.provider.name for one in names] == ["a", "b"]
