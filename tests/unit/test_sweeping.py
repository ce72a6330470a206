"""A sweep looks at everything once, one at a time, and begins again where it was left."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from secretwatch.domain.change import RunningSweep
from secretwatch.domain.facts import Unknown
from secretwatch.domain.finding import Verdict
from secretwatch.domain.reference import ProviderKind, ProviderStatus
from secretwatch.domain.rules import Rules
from secretwatch.domain.sweep import HOLD, Counted, Sweep, SweepCompleted
from secretwatch.domain.trail import WATCHED
from secretwatch.errors import Permanent, Transient
from secretwatch.sweeping import Begun
from tests.fake_stack import FakeStack, Outside
from tests.fakes import EVERYTHING, FakeSecret, a_consumer, a_gateway, a_name, a_provider, a_reference, secret_arn

SECOND = timedelta(seconds=1)


def a_stack(providers: int = 3, *, tick: timedelta = SECOND, gateways: int = 1) -> FakeStack:
    """A stack that knows nothing yet, and providers of two kinds, each with a good secret of its own."""
    outside = Outside()
    for number in range(providers):
        name, kind = f"agent-{number:03}", (ProviderKind.OAUTH2, ProviderKind.API_KEY)[number % 2]
        outside.secrets.secrets[secret_arn(name)] = FakeSecret()
        provider = a_provider(name, a_reference(name, secret=secret_arn(name), kind=kind))
        outside.providers.providers[provider.name] = provider
    for number in range(gateways):
        gateway = a_gateway(f"g-{number}", a_consumer(f"agent-{number:03}"))
        outside.gateways.gateways[gateway.name] = gateway
    return FakeStack(outside, rules=Rules(), tick=tick)


def begun(stack: FakeStack) -> Sweep:
    answer = stack.sweeping.begin(EVERYTHING)
    assert answer
    return answer.sweep


def test_a_first_sweep_finds_reads_and_checks_everything() -> None:
    stack = a_stack(7, gateways=3)

    sweep = stack.sweep()

    assert sweep.completed_at
    assert {state.verdict for state in stack.references.states.values()} == {Verdict.RESOLVES}
    assert len(stack.gateways.records) == 3
    assert sweep.counts == {
        Counted.PROVIDERS_READ: 7,
        Counted.REFERENCES_ADDED: 7,
        Counted.GATEWAYS_READ: 3,
        Counted.REFERENCES_CHECKED: 7,
        Counted.RESOLVES: 7,
    }


def test_every_provider_is_read_once_those_no_longer_listed_too_and_only_not_found_removes_one() -> None:
    stack = a_stack(5)
    stack.sweep()
    agentcore = stack.outside.providers
    agentcore.unlisted = {a_name("agent-000")}
    del agentcore.providers[a_name("agent-002")]
    agentcore.reads.clear()

    sweep = stack.sweep()

    assert sorted(agentcore.reads) == sorted(set(agentcore.reads))
    assert len(agentcore.reads) == 5
    assert a_name("agent-000") in stack.providers.records
    assert a_name("agent-002") not in stack.providers.records
    assert (sweep.counts[Counted.PROVIDERS_GONE], sweep.counts[Counted.REFERENCES_REMOVED]) == (1, 1)


def test_a_secret_of_many_providers_is_checked_once_a_sweep() -> None:
    stack = a_stack(0)
    for number in range(5):
        provider = a_provider(f"agent-{number}")
        stack.outside.providers.providers[provider.name] = provider
    stack.sweep()
    described = stack.outside.secrets.described

    stack.sweep()

    assert stack.outside.secrets.described == described + 1


def test_a_second_request_while_a_sweep_runs_begins_none() -> None:
    stack = a_stack(3)
    first = begun(stack)
    stack.look(stack.take(stack.inventory))

    assert stack.sweeping.begin(EVERYTHING) is None
    stack.settle()

    assert stack.sweeps.last
    assert stack.sweeps.last.id == first.id
    assert stack.sweeps.last.counts[Counted.PROVIDERS_READ] == 3


def test_two_who_begin_at_once_begin_one() -> None:
    stack, answers = a_stack(1), list[Begun | None]()

    def another_first() -> None:
        stack.sweeps.before_store = lambda: None
        answers.append(stack.sweeping.begin(EVERYTHING))

    stack.sweeps.before_store = another_first
    answers.append(stack.sweeping.begin(EVERYTHING))

    assert [answer is not None for answer in answers] == [True, False]


def test_a_large_sweep_is_carried_on_slice_by_slice_and_nothing_is_done_twice() -> None:
    stack = a_stack(200, tick=timedelta(milliseconds=500), gateways=5)
    begun(stack)
    slices = 0
    while running := [one for one in stack.inventory.subjects if isinstance(one, RunningSweep)]:
        stack.inventory.subjects.remove(running[0])
        stack.look(running[0])
        slices += 1
        while stack.checks.subjects:
            stack.look(stack.take(stack.checks))

    assert slices > 10
    assert len(stack.outside.providers.reads) == 200
    assert stack.sweeps.last
    assert stack.sweeps.last.counts[Counted.PROVIDERS_READ] == 200
    assert stack.sweeps.last.counts[Counted.REFERENCES_CHECKED] == 200


def test_every_request_delivered_twice_counts_and_does_everything_once() -> None:
    stack = a_stack(40, tick=timedelta(milliseconds=500))
    begun(stack)
    while stack.inventory.subjects or stack.checks.subjects:
        for queue in (stack.inventory, stack.checks):
            if queue.subjects:
                subject = stack.take(queue)
                stack.look(subject)
                if subject not in queue.subjects:  # its duplicate comes when nobody else asked again
                    stack.look(subject)

    assert stack.sweeps.last
    assert stack.sweeps.last.completed_at
    assert len(stack.outside.providers.reads) == 40
    assert stack.sweeps.last.counts[Counted.PROVIDERS_READ] == 40
    assert stack.sweeps.last.counts[Counted.REFERENCES_CHECKED] == 40


def test_a_request_that_comes_while_another_worker_has_the_sweep_does_nothing() -> None:
    stack = a_stack(3)
    sweep = begun(stack)
    stack.sweeps.store(sweep.held(stack.now))

    assert stack.carry_on(sweep.running) is None
    assert stack.outside.providers.reads == []


def test_a_sweep_whose_worker_died_is_carried_on_by_whoever_asks_next() -> None:
    stack = a_stack(3)
    sweep = begun(stack)
    stack.inventory.subjects.clear()
    stack.sweeps.store(sweep.held(stack.now))
    assert stack.sweeping.begin(EVERYTHING) is None
    assert stack.inventory.subjects == []

    stack.now += HOLD
    stack.sweep()

    assert stack.sweeps.last
    assert stack.sweeps.last.id == sweep.id
    assert stack.sweeps.last.completed_at


def test_a_sweep_that_takes_hours_is_given_up_and_the_next_begins_anew() -> None:
    stack = a_stack(3)
    old = begun(stack)
    stack.now += timedelta(hours=3)

    new = begun(stack)

    assert new.id != old.id
    assert stack.carry_on(old.running) is None


@contextmanager
def failing(stack: FakeStack, *, at_store: int) -> Iterator[None]:
    """The Registry fails once: at that store of the sweep from now on."""
    stores = 0

    def fail() -> None:
        nonlocal stores
        stores += 1
        if stores == at_store:
            raise Transient("PutItem: InternalServerError")

    stack.sweeps.before_store = fail
    try:
        yield
    finally:
        stack.sweeps.before_store = lambda: None


@pytest.mark.parametrize("at_store", [1, 2])
def test_a_slice_that_fails_is_done_again_by_the_retry_and_counts_once(at_store: int) -> None:
    stack = a_stack(3)
    running = begun(stack).running
    with failing(stack, at_store=at_store), pytest.raises(Transient):
        stack.carry_on(running)

    stack.now += HOLD  # the queue waits longer before it delivers again
    stack.settle()

    assert stack.sweeps.last
    assert stack.sweeps.last.completed_at
    assert stack.sweeps.last.counts[Counted.PROVIDERS_READ] == 3


def test_a_slice_that_fails_half_way_leaves_the_sweep_free_for_the_retry() -> None:
    stack = a_stack(3)
    sweep = begun(stack)
    send = stack.checks.send

    def refused(*_: object, **__: object) -> None:
        raise Transient("SendMessageBatch: InternalError")

    stack.providers.record(None, a_provider(), moved=[])
    stack.checks.send = refused  # type: ignore[method-assign]
    with pytest.raises(Transient):
        stack.carry_on(sweep.running)
    stack.checks.send = send  # type: ignore[method-assign]

    assert stack.carry_on(sweep.running) is not None


def test_a_provider_that_cannot_be_read_stops_no_other_and_is_asked_for_by_itself() -> None:
    stack = a_stack(3)
    stack.outside.providers.failures[a_name("agent-000")] = Permanent("GetOauth2CredentialProvider: AccessDenied")
    begun(stack)

    stack.look(stack.take(stack.inventory))

    assert stack.inventory.subjects[0] == a_name("agent-000")
    assert stack.sweeps.last
    assert stack.sweeps.last.counts[Counted.READS_FAILED] == 1
    assert stack.sweeps.last.counts[Counted.PROVIDERS_READ] == 2


def test_a_kind_that_cannot_be_listed_stops_neither_the_others_nor_the_checks_and_is_told_at_the_end() -> None:
    stack = a_stack(4)
    stack.sweep()
    stack.outside.providers.failures[ProviderKind.OAUTH2] = Permanent("ListOauth2CredentialProviders: AccessDenied")
    before = {state.version for state in stack.references.states.values()}

    with pytest.raises(Permanent, match="ListOauth2CredentialProviders: AccessDenied"):
        stack.sweep()

    last = stack.sweeps.last
    assert last
    assert last.completed_at
    assert last.failures == ("ListOauth2CredentialProviders: AccessDenied",)
    assert (last.counts[Counted.PROVIDERS_READ], last.counts[Counted.REFERENCES_CHECKED]) == (4, 4)
    assert {state.version for state in stack.references.states.values()} == {version + 1 for version in before}
    with pytest.raises(Permanent):  # as often as the queue delivers it, until it is a dead letter
        stack.carry_on(last.running)
    stack.outside.providers.failures.clear()
    assert not stack.sweep().failures


def test_a_list_that_is_throttled_is_tried_again_for_a_while() -> None:
    stack = a_stack(4)
    stack.outside.providers.failures[ProviderKind.OAUTH2] = Transient("ListOauth2CredentialProviders: Throttling")
    running = begun(stack).running
    for _ in range(3):
        stack.carry_on(running)
    stack.outside.providers.failures.clear()
    stack.inventory.subjects[:] = [running]
    stack.settle()

    assert stack.sweeps.last
    assert stack.sweeps.last.failures == ()
    assert stack.sweeps.last.counts[Counted.PROVIDERS_READ] == 4


def test_a_list_that_is_throttled_for_too_long_is_given_up() -> None:
    stack = a_stack(4)
    stack.outside.providers.failures[ProviderKind.OAUTH2] = Transient("ListOauth2CredentialProviders: Throttling")
    running = begun(stack).running
    stack.now += timedelta(minutes=10)

    stack.carry_on(running)

    assert stack.sweeps.last
    assert stack.sweeps.last.failures == ("ListOauth2CredentialProviders: Throttling",)


def test_a_sweep_is_not_completed_before_every_reference_is_checked() -> None:
    stack = a_stack(3)
    running = begun(stack).running

    for _ in range(5):
        stack.carry_on(running)
    assert stack.sweeps.last
    assert stack.sweeps.last.completed_at is None

    while stack.checks.subjects:
        stack.look(stack.take(stack.checks))
    stack.carry_on(running)
    assert stack.sweeps.last.completed_at


def test_a_check_that_never_comes_is_waited_for_once_and_counted() -> None:
    stack = a_stack(5)
    running = begun(stack).running
    stack.carry_on(running)
    lost = {stack.take(stack.checks), stack.take(stack.checks)}
    while stack.checks.subjects:
        stack.look(stack.take(stack.checks))
    stack.carry_on(running)
    stack.now += timedelta(minutes=15)

    stack.carry_on(running)

    assert len(lost) == 2
    assert stack.sweeps.last
    assert stack.sweeps.last.completed_at
    assert stack.sweeps.last.counts[Counted.REFERENCES_CHECKED] == 3
    assert stack.sweeps.last.counts[Counted.REFERENCES_UNCHECKED] == 2
    assert stack.sweeps.last.counts[Counted.RESOLVES] == 3


def test_verdicts_are_counted_and_what_is_unknown_beside_them() -> None:
    stack = a_stack(4)
    secrets = stack.outside.secrets
    secrets.secrets.pop(secret_arn("agent-001"))
    secrets.failures["policy"] = Transient("GetResourcePolicy: ThrottlingException")

    sweep = stack.sweep()

    assert sweep.counts[Counted.BROKEN] == 1
    assert sweep.counts[Counted.UNKNOWN] == 3
    assert sweep.counts[Counted.REFERENCES_CHECKED] == 4


def test_while_there_is_work_the_next_slice_follows_at_once_and_waiting_takes_pauses() -> None:
    stack = a_stack(100, tick=timedelta(milliseconds=500))
    delays: list[timedelta] = []
    send = stack.inventory.send

    def note(subjects: list[RunningSweep], *, cause: str, delay: timedelta = timedelta()) -> None:
        delays.append(delay)
        send(subjects, delay=delay)

    stack.inventory.send = note  # type: ignore[method-assign, assignment]
    running = begun(stack).running
    while stack.sweeps.last and stack.sweeps.last.open_lanes:
        stack.carry_on(running)
    stack.carry_on(running)

    assert set(delays[1:-2]) == {timedelta()}
    assert delays[-1] == timedelta(seconds=5)


def test_a_provider_that_has_not_settled_is_asked_for_again() -> None:
    stack = a_stack(1)
    (name,) = stack.outside.providers.providers
    provider = stack.outside.providers.providers[name]
    stack.outside.providers.providers[name] = replace(provider, status=ProviderStatus("CREATING"))
    running = begun(stack).running
    stack.inventory.subjects.clear()

    stack.carry_on(running)

    assert stack.inventory.subjects == [name, running]


def test_a_sweep_of_another_account_is_another_sweep() -> None:
    stack = a_stack(1)
    sweep = begun(stack)

    assert stack.carry_on(replace(sweep.running, account="444455556666")) is None
    assert stack.carry_on(replace(sweep.running, sweep_id="another")) is None


def test_nothing_to_look_at_is_a_sweep_too() -> None:
    sweep = a_stack(0, gateways=0).sweep()

    assert sweep.completed_at
    assert sweep.counts == {}


class TestTrails:
    """A sweep looks for a trail; what it cannot tell it calls unknown."""

    def test_a_trail_that_covers_everything_is_enough(self) -> None:
        answer = a_stack().sweeping.begin(EVERYTHING)

        assert answer
        assert (answer.without_trail, answer.sweep.without_trail) == (frozenset(), ())

    def test_without_a_trail_everything_is_missing(self) -> None:
        stack = a_stack()
        stack.outside.trails.found = []

        answer = stack.sweeping.begin(EVERYTHING)

        assert answer
        assert answer.without_trail == WATCHED
        assert answer.sweep.without_trail == tuple(sorted(WATCHED))

    def test_a_trail_that_we_may_not_read_leaves_it_unknown(self) -> None:
        stack, refused = a_stack(), Unknown("GetEventSelectors: AccessDeniedException", transient=False)
        stack.outside.trails.found = [refused]

        answer = stack.sweeping.begin(EVERYTHING)

        assert answer
        assert (answer.without_trail, answer.sweep.without_trail) == (refused, None)

    def test_trails_that_cannot_be_listed_stop_no_sweep(self) -> None:
        stack = a_stack()
        stack.outside.trails.failure = Transient("DescribeTrails: ThrottlingException")

        assert stack.sweep().completed_at


class TestCompleted:
    """What is told of a sweep that is through."""

    def test_only_its_completion_is_news(self) -> None:
        stack = a_stack(1)
        running = begun(stack)
        completed = stack.sweep()

        assert SweepCompleted.between(running, running.held(stack.now)) is None
        assert SweepCompleted.between(running, completed) == SweepCompleted(completed)
        assert SweepCompleted.between(completed, completed) is None

    def test_it_names_the_sweep_and_counts_everything(self) -> None:
        stack = a_stack(2)
        sweep = stack.sweep()

        detail = SweepCompleted(sweep).detail()

        assert sweep.completed_at
        assert detail["durationSeconds"] == (sweep.completed_at - sweep.started_at).total_seconds()
        assert detail["counts"]["providersRead"] == 2
        assert detail["counts"]["unknown"] == 0
        assert set(detail["counts"]) == {counted.value for counted in Counted}
