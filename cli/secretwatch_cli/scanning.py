"""Scanning: every reference of an account and Region, read and judged at once, without a Registry."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from itertools import chain, zip_longest
from threading import Lock

from secretwatch.attempts import or_unknown
from secretwatch.domain.change import WholeInventory
from secretwatch.domain.consumer import Consumer
from secretwatch.domain.facts import NoSuchProvider, Unknown
from secretwatch.domain.finding import Verdict
from secretwatch.domain.judging import Judgement, judge
from secretwatch.domain.reference import Provider, ProviderKind, ProviderName, ProviderStatus, Reference
from secretwatch.domain.rules import Rules
from secretwatch.domain.state import ReferenceState
from secretwatch.errors import Permanent, Transient
from secretwatch.gathering import Gathering
from secretwatch.ports import Consumers, Gateways, Identities, Keys, Providers, ProviderStatuses, Secrets
from secretwatch_cli.exits import Exit, FailOn
from secretwatch_cli.history import History


@dataclass(frozen=True, slots=True)
class Found:
    """A reference and what is judged of it; `observed_at` is when AgentCore itself read it, if access holds since."""

    reference: Reference
    judgement: Judgement
    observed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """What may hold references that nobody could tell, and why not."""

    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class Scan:
    """What was found in one account and Region."""

    account: str
    region: str
    profile: str | None
    at: datetime
    found: tuple[Found, ...]
    unread: tuple[Unread, ...] = ()


@dataclass(frozen=True, slots=True)
class FailedScan:
    """A profile and Region that could not be looked at."""

    region: str
    profile: str | None
    reason: str


def exit_status(scans: Collection[Scan], failed: Collection[FailedScan], fail_on: FailOn) -> Exit:
    """A place that could not be looked at fails the whole: nobody may take the rest for all."""
    judgements = [found.judgement for scan in scans for found in scan.found]
    if failed:
        return Exit.FAILED
    if any(fail_on.counts(one.verdict) for one in judgements if one.verdict):
        return Exit.FINDINGS
    if any(scan.unread for scan in scans) or any(map(_is_open, judgements)):
        return Exit.UNKNOWN
    return Exit.WELL


def _is_open(judgement: Judgement) -> bool:
    unknown = judgement.unknown
    return bool(unknown and not unknown.quiet and not unknown.by_choice)


class Progress:
    """Counts what was looked at, and of how much, and tells it."""

    def __init__(self, tell: Callable[[int, int], None] = lambda _done, _of: None) -> None:
        """`tell` takes both counts; it may be called from any thread."""
        self._tell = tell
        self._done = self._of = 0
        self._lock = Lock()

    def expect(self, more: int) -> None:
        """So much more is to be looked at."""
        self._count(0, more)

    def done(self) -> None:
        """One more was."""
        self._count(1, 0)

    def _count(self, done: int, of: int) -> None:
        with self._lock:
            self._done += done
            self._of += of
            self._tell(self._done, self._of)


@dataclass(frozen=True, slots=True)
class World:
    """One account and Region, as the caller may see them."""

    providers: Providers
    gateways: Gateways
    secrets: Secrets
    keys: Keys
    identities: Identities
    history: Callable[[Collection[Reference]], History] = field(default=lambda _references: History())


class Scanning:
    """Reads every provider, then every secret that they reference, many at a time."""

    def __init__(
        self,
        world: World,
        *,
        rules: Rules,
        workers: Executor,
        reads: Executor,
        progress: Progress | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`workers` look at a provider or a secret each; `reads` are another pool, for what they wait for."""
        self._world = world
        self._rules = rules
        self._workers = workers
        self._reads = reads
        self._progress = progress or Progress()
        self._clock = clock

    def scan(self, everything: WholeInventory, profile: str | None = None) -> Scan:
        """Look at all of it; what cannot be read is told and stops nothing else."""
        at = self._clock()
        names, unlisted = self._names(everything)
        providers, unread = self._providers(names)
        references = sorted({reference for provider in providers for reference in provider.references})
        history = self._world.history(references)
        gathering = self._gathering(everything, providers)
        found = self._judged(references, gathering, history)
        unread = [*unlisted, *unread, *_incomplete(providers)]
        return Scan(everything.account, everything.region, profile, at, tuple(sorted(found, key=_order)), tuple(unread))

    def _names(self, everything: WholeInventory) -> tuple[list[ProviderName], list[Unread]]:
        """Of all kinds, in turns: each kind has a quota of its own, and none waits for another."""
        listings = dict(
            zip(ProviderKind, self._workers.map(partial(self._listed, everything), ProviderKind), strict=True)
        )
        names = [listing for listing in listings.values() if not isinstance(listing, Unknown)]
        unlisted = [
            Unread(f"all {kind} providers", listing.reason)
            for kind, listing in listings.items()
            if isinstance(listing, Unknown)
        ]
        return [name for name in chain.from_iterable(zip_longest(*names)) if name], unlisted

    def _listed(self, everything: WholeInventory, kind: ProviderKind) -> list[ProviderName] | Unknown:
        return or_unknown(lambda: list(self._world.providers.names(kind, everything)))

    def _providers(self, names: Collection[ProviderName]) -> tuple[list[Provider], list[Unread]]:
        """One that is gone meanwhile is left out."""
        self._progress.expect(len(names))
        answers = list(zip(names, self._workers.map(self._provider, names), strict=True))
        unread = [
            Unread(f"{name.kind} provider {name.name}", one.reason) for name, one in answers if isinstance(one, Unknown)
        ]
        return [one for _, one in answers if isinstance(one, Provider)], unread

    def _provider(self, name: ProviderName) -> Provider | Unknown | None:
        try:
            return or_unknown(lambda: self._world.providers.get(name))
        finally:
            self._progress.done()

    def _gathering(self, everything: WholeInventory, providers: Iterable[Provider]) -> Gathering:
        return Gathering(
            self._world.secrets,
            self._world.keys,
            JustRead(providers),
            JustListed(self._world.gateways, everything),
            self._world.identities,
            rules=self._rules,
            pool=self._reads,
        )

    def _judged(self, references: Collection[Reference], gathering: Gathering, history: History) -> Iterator[Found]:
        by_secret: dict[str, list[Reference]] = defaultdict(list)
        for reference in references:
            by_secret[reference.secret_arn].append(reference)
        self._progress.expect(len(by_secret))
        judged = self._workers.map(partial(self._judge_secret, gathering, history), by_secret.items())
        return chain.from_iterable(judged)

    def _judge_secret(
        self, gathering: Gathering, history: History, referenced: tuple[str, list[Reference]]
    ) -> list[Found]:
        arn, references = referenced
        observations = history.observations(arn)
        states = [ReferenceState(reference, observations=observations) for reference in references]
        facts = gathering.gather(arn, states, at=self._clock())
        found = []
        for reference in references:
            known = replace(facts[reference], access_since=history.access_since(reference, facts[reference]))
            read = observations.read
            observed = read.at if read and known.access_since and read.at > known.access_since else None
            found.append(Found(reference, judge(reference, known, self._rules), observed))
        self._progress.done()
        return found


def _order(found: Found) -> tuple[int, Reference]:
    """The worst first."""
    return _WORST_FIRST.index(found.judgement.verdict), found.reference


_WORST_FIRST = [Verdict.BROKEN, None, Verdict.DEGRADED, Verdict.RESOLVES]


def _incomplete(providers: Iterable[Provider]) -> Iterator[Unread]:
    for provider in providers:
        for name in sorted(provider.incomplete):
            what = f"{provider.name.kind} provider {provider.name.name}, {name}"
            yield Unread(what, "AgentCore says that its secret is EXTERNAL, and names none")


class JustRead(ProviderStatuses):
    """`ports.ProviderStatuses` of providers that were just read."""

    def __init__(self, providers: Iterable[Provider]) -> None:
        """Take the providers as AgentCore described them."""
        self._statuses: Mapping[ProviderName, ProviderStatus] = {one.name: one.status for one in providers}

    def status(self, name: ProviderName) -> ProviderStatus | NoSuchProvider:
        """What was read."""
        return self._statuses.get(name, NoSuchProvider())


class JustListed(Consumers):
    """`ports.Consumers` of gateways that are read when first asked for: most rules need none."""

    def __init__(self, gateways: Gateways, everything: WholeInventory) -> None:
        """Take where to read them."""
        self._gateways = gateways
        self._everything = everything
        self._read: list[Consumer] | Unknown | None = None
        self._lock = Lock()

    def of_provider(self, provider_arn: str) -> list[Consumer]:
        """Of all gateways, those that use the provider; raises what reading them raised."""
        with self._lock:
            if self._read is None:
                self._read = or_unknown(self._all)
            read = self._read
        if isinstance(read, Unknown):
            raise (Transient if read.transient else Permanent)(read.reason)
        return [consumer for consumer in read if consumer.provider_arn == provider_arn]

    def _all(self) -> list[Consumer]:
        gateways = [self._gateways.get(name) for name in self._gateways.names(self._everything)]
        return [consumer for one in gateways if one for consumer in sorted(one.consumers)]
