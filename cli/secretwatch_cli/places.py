"""Where a scan looks: every profile in every Region, each account and Region once."""

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import NoRegionError

from secretwatch.adapters.agentcore import AgentCore, AgentCoreGateways, AgentCoreProviders
from secretwatch.adapters.aws import taking_whole_answers
from secretwatch.adapters.iam import IamIdentities
from secretwatch.adapters.kms import KmsKeys
from secretwatch.adapters.pace import Paces
from secretwatch.adapters.secretsmanager import SecretsManagerSecrets
from secretwatch.domain.change import WholeInventory
from secretwatch.domain.rules import Rules
from secretwatch_cli.aws import told
from secretwatch_cli.failures import Unable
from secretwatch_cli.lookups import Lookups
from secretwatch_cli.scanning import FailedScan, Progress, Scan, Scanning, World

_WORKERS = 16  # at half of AgentCore's quota, enough for answers that take a second and a half
_READS = 32
_PLACES_AT_ONCE = 4

# Calls a second, of an account in a Region (service quotas of each service, 2026):
PACES = {
    "bedrock-agentcore-control": {"*": 10.0},  # half of 20, for each operation
    "secretsmanager": {"GetResourcePolicy": 30.0},  # of 50, for reading, writing and validating policies together
    "cloudtrail": {"LookupEvents": 1.5},  # of 2
}

# Whoever is throttled all the same, since others call too, slows down and tries again.
CONFIG = Config(
    connect_timeout=5,
    read_timeout=15,
    max_pool_connections=_WORKERS + _READS,
    retries={"mode": "adaptive", "total_max_attempts": 10},
)


@dataclass(frozen=True, slots=True)
class Place:
    """An account and Region, and a session that may look at it."""

    everything: WholeInventory
    profile: str | None
    session: Any
    paces: Paces

    def client(self, service: str) -> Any:
        """A client that keeps the pace of the place."""
        return self.paces.apply(taking_whole_answers(self.session.client(service, config=CONFIG)))


def places(profiles: Collection[str | None], regions: Collection[str | None]) -> Iterator[Place | FailedScan]:
    """Every combination; two profiles of one account are one place, which the first of them looks at."""
    seen: set[WholeInventory] = set()
    for profile in profiles or [None]:
        for region in regions or [None]:
            place = _place(profile, region)
            if isinstance(place, FailedScan) or place.everything not in seen:
                yield place
            if isinstance(place, Place):
                seen.add(place.everything)


def _place(profile: str | None, region: str | None) -> Place | FailedScan:
    try:
        with told():
            session = boto3.Session(profile_name=profile, region_name=region)
            if not session.region_name:
                raise NoRegionError
            account = session.client("sts", config=CONFIG).get_caller_identity()["Account"]
    except Unable as error:
        return FailedScan(region or "-", profile, str(error))
    return Place(WholeInventory(account, session.region_name), profile, session, Paces(PACES))


def scan_places(
    found: Collection[Place],
    *,
    rules: Rules,
    observed: bool,
    progress: Callable[[Place], Progress],
    tell: Callable[[str], None],
) -> list[Scan]:
    """Look at several places at once: each has quotas of its own."""

    def scan(place: Place) -> Scan:
        return _scan(place, rules=rules, observed=observed, progress=progress(place), tell=tell)

    with ThreadPoolExecutor(max_workers=_PLACES_AT_ONCE) as pool:
        return list(pool.map(scan, found))


def _scan(place: Place, *, rules: Rules, observed: bool, progress: Progress, tell: Callable[[str], None]) -> Scan:
    with ThreadPoolExecutor(_WORKERS) as workers, ThreadPoolExecutor(_READS) as reads:
        world = _world(place, observed=observed, tell=tell)
        scanning = Scanning(world, rules=rules, workers=workers, reads=reads, progress=progress)
        return scanning.scan(place.everything, place.profile)


def _world(place: Place, *, observed: bool, tell: Callable[[str], None]) -> World:
    agentcore = AgentCore(place.client("bedrock-agentcore-control"))
    world = World(
        providers=AgentCoreProviders(agentcore),
        gateways=AgentCoreGateways(agentcore),
        secrets=SecretsManagerSecrets(place.client("secretsmanager")),
        keys=KmsKeys(place.client("kms")),
        identities=IamIdentities(place.client("iam")),
    )
    if not observed:
        return world
    return replace(world, history=Lookups(place.client("cloudtrail"), tell=tell).history)
