"""Gathering: what has to be known of a secret, its key and its providers, read once each and side by side.

Three round trips at most: what the secret is, then what that leads to, then what only a fault makes necessary.
"""

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from secretwatch.attempts import or_unknown
from secretwatch.domain.access import DECRYPT, GET_SECRET_VALUE, may_decrypt, readers_of
from secretwatch.domain.facts import (
    Asked,
    Facts,
    IdentityDecision,
    KeyDescription,
    KeyFacts,
    NoSuchKey,
    NoSuchProvider,
    SecretDescription,
    Unknown,
    ValueFacts,
    ValueShape,
)
from secretwatch.domain.key import KeyId
from secretwatch.domain.reference import ProviderStatus, Reference
from secretwatch.domain.rules import CONSUMERS, Rules
from secretwatch.domain.state import ReferenceState
from secretwatch.policy import Grant, Outcome, Policy, Principal
from secretwatch.ports import Consumers, Identities, Keys, ProviderStatuses, Secrets

if TYPE_CHECKING:
    from secretwatch.domain.consumer import Consumer

T = TypeVar("T")

POOL = ThreadPoolExecutor(max_workers=4, thread_name_prefix="gathering")
"""One for the whole process: a pool a batch costs milliseconds."""

DEFAULT_POLICY = "default"  # Secrets Manager's own name for the one that people write


class Gathering:
    """Reads facts. What several secrets share is read once in a gathering's lifetime: make one for each batch.

    Several secrets may be gathered at once, each in a thread that is none of the pool's.
    """

    def __init__(
        self,
        secrets: Secrets,
        keys: Keys,
        providers: ProviderStatuses,
        consumers: Consumers,
        identities: Identities,
        *,
        rules: Rules,
        pool: Executor = POOL,
    ) -> None:
        """`rules` say which values may be read, and who has to read."""
        self._secrets = secrets
        self._keys = keys
        self._providers = providers
        self._consumers = consumers
        self._identities = identities
        self._rules = rules
        self._pool = pool
        self._shared: dict[Hashable, Future[Any]] = {}
        self._sharing = Lock()

    def gather(self, arn: str, states: Collection[ReferenceState], *, at: datetime) -> dict[Reference, Facts]:
        """The facts for each of the references to one secret; what could not be read is unknown, with its reason."""
        quietly = any(state.reference.secret.account != state.reference.provider.account for state in states)
        describing = self._start(lambda: self._secrets.describe(arn), quiet=quietly)
        policy = self._start(lambda: self._secrets.policy(arn, DEFAULT_POLICY), quiet=quietly)
        naming = self._start(lambda: self._secrets.policy_names(arn), quiet=quietly)
        around = [(state, self._provider(state.reference), self._consumers_of(state.reference)) for state in states]
        secret = describing.result()
        facts = {
            state.reference: Facts(
                secret,
                at,
                provider=provider.result(),
                consumers=consumers.result(),
                observations=state.observations,
                access_since=state.access_since,
            )
            for state, provider, consumers in around
        }
        if not isinstance(secret, SecretDescription) or secret.deletion_date:
            return facts
        readers = _by_name({reader for one in facts.values() for reader in readers_of(one, self._rules)})
        reading = self._start_value(arn, secret, states)
        quiet_of_key = quietly or _is_of_another_account(secret.key, states)
        looking = self._start_key(secret.key, quiet=quiet_of_key) if secret.key else None
        policies = self._policies(arn, policy.result(), naming.result(), quiet=quietly)
        current = reading.result()
        recalling = self._start_previous(arn, secret, current, states)
        asking = self._start_identities(arn, looking, readers)
        key = self._key(looking, facts, readers, quiet=quiet_of_key) if looking else None
        shared: dict[str, Any] = {
            "current": current,
            "previous": recalling.result(),
            "policies": policies,
            "key": key,
            "identities": {asked: read.result() for asked, read in asking.items()},
        }
        return {reference: replace(one, **shared) for reference, one in facts.items()}

    # --- providers

    def _provider(self, reference: Reference) -> "Future[ProviderStatus | NoSuchProvider | Unknown]":
        return self._once(reference.provider, lambda: self._providers.status(reference.provider))

    def _consumers_of(self, reference: Reference) -> "Future[tuple[Consumer, ...] | Unknown]":
        if CONSUMERS not in self._rules.required_readers:
            return _ready(())
        arn = reference.provider_arn
        return self._once(("consumers", arn), lambda: tuple(self._consumers.of_provider(arn)))

    # --- the secret's policies

    def _policies(
        self, arn: str, default: "Policy | Unknown | None", names: "Collection[str] | Unknown", *, quiet: bool
    ) -> "tuple[Policy, ...] | Unknown":
        """Every policy of the secret, the default one first."""
        if isinstance(names, Unknown):
            return names
        others = sorted(set(names) - {DEFAULT_POLICY})
        reads = [self._start(partial(self._secrets.policy, arn, name), quiet=quiet) for name in others]
        policies = [default, *(read.result() for read in reads)]
        unknown = next((policy for policy in policies if isinstance(policy, Unknown)), None)
        return unknown or tuple(policy for policy in policies if isinstance(policy, Policy))

    # --- the value

    def _start_value(
        self, arn: str, secret: SecretDescription, states: Collection[ReferenceState]
    ) -> "Future[ValueFacts | Unknown | None]":
        """Reading a value moves LastAccessedDate, by which people find unused secrets: only a new one is read."""
        json_keys = _json_keys(states)
        if secret.current is None or not json_keys:
            return _ready(None)
        if all(state.good_version == secret.current for state in states if state.reference.json_key is not None):
            return _ready(ValueFacts(secret.current, dict.fromkeys(json_keys, ValueShape.USABLE)))
        if not self._rules.may_read_value(secret.tags):
            return _ready(
                Unknown(f"its value is not looked at (ReadSecretValues: {self._rules.read_values})", by_choice=True)
            )
        return self._start(lambda: self._secrets.shapes(arn, stage="AWSCURRENT", json_keys=json_keys))

    def _start_previous(
        self,
        arn: str,
        secret: SecretDescription,
        current: ValueFacts | Unknown | None,
        states: Collection[ReferenceState],
    ) -> "Future[ValueFacts | Unknown | None]":
        """The version before a faulty one: whether it would do."""
        if secret.previous is None or not isinstance(current, ValueFacts):
            return _ready(None)
        if all(shape is ValueShape.USABLE for shape in current.shapes.values()):
            return _ready(None)
        return self._start(lambda: self._secrets.shapes(arn, stage="AWSPREVIOUS", json_keys=_json_keys(states)))

    # --- the key

    def _start_key(self, key: KeyId, *, quiet: bool) -> "_Looking":
        """A key by its id is described and its policy read side by side; what an alias means has to be known first."""
        describing = self._once(key, lambda: self._keys.describe(key), quiet=quiet)
        return describing, None if key.is_alias else self._start_key_policy(key.arn, quiet=quiet)

    def _key(
        self, looking: "_Looking", facts: Mapping[Reference, Facts], readers: Collection[Principal], *, quiet: bool
    ) -> KeyFacts:
        describing, reading = looking
        described = describing.result()
        if not isinstance(described, KeyDescription) or not described.customer_managed:
            return KeyFacts(described)
        if reading is None:
            reading = self._start_key_policy(described.arn, quiet=quiet)
            # Before it is known whom the policy does not suffice: that would take a fourth round trip.
            self._start_grants(described.arn, readers, quiet=quiet)
        policy = reading.result()
        if not isinstance(policy, Policy):
            return KeyFacts(described, policy)
        wanting = [reader for reader in readers if _wants_grant(reader, described.arn, policy, facts)]
        return KeyFacts(described, policy, _together(self._start_grants(described.arn, wanting, quiet=quiet)))

    def _start_key_policy(self, arn: str, *, quiet: bool) -> "Future[Policy | Unknown]":
        return self._once(("policy", arn), lambda: self._keys.policy(arn), quiet=quiet)

    def _start_grants(
        self, arn: str, readers: Iterable[Principal], *, quiet: bool
    ) -> "list[Future[tuple[Grant, ...] | Unknown]]":
        return [
            self._once(("grants", arn, reader), partial(self._keys.grants, arn, reader), quiet=quiet)
            for reader in readers
        ]

    # --- the readers' own policies

    def _start_identities(
        self, arn: str, looking: "_Looking | None", readers: Collection[Principal]
    ) -> "dict[Asked, Future[IdentityDecision | Unknown]]":
        """What the roles among the readers may do by their own policies; AgentCore itself has none."""
        resources, key = {GET_SECRET_VALUE: arn}, looking[0].result() if looking else None
        if isinstance(key, KeyDescription) and key.customer_managed:
            resources[DECRYPT] = key.arn
        return {
            (reader.name, action): self._once(
                (reader.name, action, resource), partial(self._identities.decide, reader.name, action, resource)
            )
            for reader in readers
            if reader.account
            for action, resource in resources.items()
        }

    # --- reading side by side

    def _start(self, read: Callable[[], T], *, quiet: bool = False) -> "Future[T | Unknown]":
        """Begin a read; `quiet` when it is nobody's fault here that it fails for good."""
        return self._pool.submit(_or_unknown, read, quiet)

    def _once(self, subject: Hashable, read: Callable[[], T], *, quiet: bool = False) -> "Future[T | Unknown]":
        """Begin a read that others may have begun already."""
        with self._sharing:
            if subject not in self._shared:
                self._shared[subject] = self._start(read, quiet=quiet)
            return cast("Future[T | Unknown]", self._shared[subject])


_Looking: TypeAlias = "tuple[Future[KeyDescription | NoSuchKey | Unknown], Future[Policy | Unknown] | None]"


def _or_unknown(read: Callable[[], T], quiet: bool) -> T | Unknown:
    found = or_unknown(read)
    return replace(found, quiet=quiet and not found.transient) if isinstance(found, Unknown) else found


def _wants_grant(reader: Principal, key_arn: str, policy: Policy, facts: Mapping[Reference, Facts]) -> bool:
    """Whether the key's policy alone does not let the reader decrypt."""
    return any(
        may_decrypt(reader, reference, key_arn, policy, (), one).outcome is not Outcome.ALLOWED
        for reference, one in facts.items()
    )


def _together(reads: "Iterable[Future[tuple[Grant, ...] | Unknown]]") -> tuple[Grant, ...] | Unknown:
    """All that was read, or why a part of it could not be."""
    found = [read.result() for read in reads]
    unknown = next((one for one in found if isinstance(one, Unknown)), None)
    return unknown or tuple(grant for one in found if isinstance(one, tuple) for grant in one)


def _is_of_another_account(key: KeyId | None, states: Iterable[ReferenceState]) -> bool:
    return key is not None and any(key.account != state.reference.provider.account for state in states)


def _ready(value: T) -> "Future[T]":
    """What need not be read."""
    future: Future[T] = Future()
    future.set_result(value)
    return future


def _json_keys(states: Iterable[ReferenceState]) -> frozenset[str]:
    return frozenset(key for state in states if (key := state.reference.json_key) is not None)


def _by_name(readers: Iterable[Principal]) -> list[Principal]:
    return sorted(readers, key=lambda reader: reader.name)
