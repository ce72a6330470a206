"""People are told of each incident once: what holds now, whatever the news of it looked like on its way."""

import random
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secretwatch.alerting import Alerting
from secretwatch.delivering import Delivering, Told
from secretwatch.domain.alert import Alert
from secretwatch.domain.finding import Code, Finding, Verdict
from secretwatch.domain.incident import AlertRules, Cause, Delivery, FirstLook, IncidentState
from secretwatch.domain.observed import Observations, ObservedRead
from secretwatch.domain.reference import Reference
from secretwatch.domain.state import Occasion, ReferenceState, UnknownSince
from secretwatch.errors import Later, LostRace, Permanent, Transient
from secretwatch.ports import ChannelName, Target
from tests.fakes import (
    ACCOUNT,
    KEY_ARN,
    NOON,
    REGION,
    Clock,
    InMemoryDigests,
    InMemoryGatewayRecords,
    InMemoryIncidents,
    InMemoryReferences,
    RecordingChannel,
    a_reference,
    secret_arn,
)

CRM = secret_arn("crm")
MISSING = Finding(
    Code.JSON_KEY_MISSING,
    "the current version lacks JSON key `client_secret`; the previous version has it",
    "Make the previous version current again.",
    "aws secretsmanager update-secret-version-stage --version-stage AWSCURRENT",
    about=CRM,
)
OVERDUE = Finding(Code.ROTATION_OVERDUE, "it should have rotated", "Rotate it.", about=CRM)
DISABLED = Finding(Code.KEY_DISABLED, "the key is disabled", "Enable it.", about=KEY_ARN)


@dataclass
class World:
    """What is stored of the references, who is told of it, and the alerting in between."""

    rules: AlertRules = field(default_factory=AlertRules)
    references: InMemoryReferences = field(default_factory=InMemoryReferences)
    incidents: InMemoryIncidents = field(default_factory=InMemoryIncidents)
    digests: InMemoryDigests = field(default_factory=InMemoryDigests)
    clock: Clock = field(default_factory=Clock)
    bus: RecordingChannel = field(default_factory=lambda: RecordingChannel(ChannelName.BUS, takes_updates=True))
    sns: RecordingChannel = field(default_factory=RecordingChannel)
    slack: RecordingChannel = field(default_factory=lambda: RecordingChannel(ChannelName.SLACK, takes_updates=True))
    swept_at: datetime | None = None
    attempts: list[Told] = field(default_factory=list)

    def __post_init__(self) -> None:
        delivering = Delivering(
            self.incidents,
            self.digests,
            InMemoryGatewayRecords(),
            [self.bus, self.sns, self.slack],
            rules=self.rules,
            report=self.attempts.append,
            clock=self.clock,
        )
        self.alerting = Alerting(
            self.references,
            self.incidents,
            self.digests,
            delivering,
            rules=self.rules,
            swept_at=lambda: self.swept_at,
            clock=self.clock,
        )

    def owns(self, owner: str, *references: Reference) -> None:
        """The tag of their secret says so."""
        for reference in references:
            self.references.states[reference] = ReferenceState(reference, owner=owner)

    def is_stored(self, reference: Reference, *findings: Finding, unknown: UnknownSince | None = None) -> None:
        """What a check left behind."""
        before = self.references.states.get(reference) or ReferenceState(reference)
        self.references.states[reference] = replace(
            before,
            version=before.version + 1,
            verdict=max((one.severity for one in findings), default=Verdict.RESOLVES, key=_BADNESS.index),
            findings=findings,
            unknown=unknown,
            checked_at=self.clock.at,
            well_at=before.well_at if findings else self.clock.at,
        )

    def breaks(self, *references: Reference, finding: Finding = MISSING) -> None:
        for reference in references:
            self.is_stored(reference, finding)
            self.hears_of(reference)

    def heals(self, *references: Reference) -> None:
        for reference in references:
            self.is_stored(reference)
            self.hears_of(reference)

    def hears_of(self, reference: Reference) -> None:
        """News of the reference arrives."""
        self.alerting.look(reference.secret)

    def a_round_later(self, **how: float) -> None:
        self.clock.forward(**how)
        self.alerting.go_round()


class RoutingChannel(RecordingChannel):
    """Tells each owner in a place of its own, as Slack can, and what nobody owns in one for its severity."""

    def __init__(self) -> None:
        super().__init__(ChannelName.SLACK, takes_updates=True)
        self.told: dict[str, list[Alert]] = {}

    def targets(self, owners: Collection[str | None], severity: Verdict) -> list[Target]:
        places: dict[str, set[str | None]] = {}
        for owner in owners:
            places.setdefault(f"slack:{owner or severity}", set()).add(owner)
        return [Target(name, takes_updates=True, owners=frozenset(whose)) for name, whose in sorted(places.items())]

    def send(self, target: Target, alert: Alert, delivery: Delivery) -> str | None:
        place = super().send(target, alert, delivery)
        self.told.setdefault(target.name, []).append(alert)
        return place


_BADNESS = [Verdict.RESOLVES, Verdict.DEGRADED, Verdict.BROKEN]


def providers(count: int, secret: str = CRM) -> list[Reference]:
    return [a_reference(f"agent-{index:03}", secret=secret) for index in range(count)]


@pytest.fixture
def world() -> World:
    return World()


# --- one incident a cause


def test_a_secret_with_twelve_providers_is_one_incident_that_opens_grows_and_is_over(world: World) -> None:
    first, *others = providers(12)
    world.breaks(first)
    world.breaks(first)
    world.breaks(*others)
    world.a_round_later(minutes=1)
    world.heals(first, *others)

    assert world.sns.kinds == ["OPENED", "RESOLVED"]
    assert world.slack.kinds == ["OPENED", "UPDATED", "RESOLVED"]
    assert [alert.headline for alert in world.slack.alerts] == [
        "agent-000 can't get its credential",
        "12 providers can't get their credential",
        "12 providers can get their credential again",
    ]
    assert len({alert.incident_id for alert in world.slack.alerts}) == 1


def test_a_disabled_key_over_three_hundred_secrets_is_one_incident(world: World) -> None:
    references = [a_reference(f"agent-{index}", secret=secret_arn(f"secret-{index}")) for index in range(300)]

    world.breaks(*references, finding=DISABLED)
    world.a_round_later(minutes=1)

    assert list(world.incidents.incidents) == [Cause(KEY_ARN)]
    assert world.sns.kinds == ["OPENED"]
    assert world.slack.kinds == ["OPENED", "UPDATED"]
    assert world.slack.alerts[-1].headline == "300 providers can't get their credential"

    world.heals(*references)

    assert world.sns.kinds == ["OPENED", "RESOLVED"]
    assert world.incidents.only().state is IncidentState.RESOLVED


def test_one_reference_may_have_part_in_two_incidents(world: World) -> None:
    reference = a_reference(secret=CRM)
    world.is_stored(reference, MISSING, DISABLED)
    world.hears_of(reference)

    assert set(world.incidents.incidents) == {Cause(KEY_ARN), Cause(CRM)}


def test_that_we_cannot_tell_is_told_of_the_account_once_it_lasts_and_breaks_nothing(world: World) -> None:
    passing = UnknownSince("DescribeSecret: AccessDeniedException", NOON)
    for reference in providers(3):
        world.is_stored(reference, unknown=passing)
        world.hears_of(reference)
    assert world.sns.alerts == []

    for reference in providers(3):
        world.is_stored(reference, unknown=replace(passing, lasts=True))
        world.hears_of(reference)

    assert list(world.incidents.incidents) == [Cause(f"{ACCOUNT}/{REGION}")]
    world.a_round_later(minutes=1)
    assert world.sns.kinds == ["OPENED"]
    assert (world.slack.alerts[-1].mark, world.slack.alerts[-1].headline) == (
        "🟡",
        "Secretwatch cannot tell whether 3 references resolve",
    )


def test_that_we_can_tell_again_is_told_once_when_the_last_of_them_is_answered(world: World) -> None:
    lasting = UnknownSince("DescribeSecret: AccessDeniedException", NOON, lasts=True)
    one, *others = providers(3)
    for reference in (one, *others, one):
        world.is_stored(reference, unknown=lasting)
        world.hears_of(reference)

    world.heals(one)
    assert world.sns.kinds == ["OPENED"]
    world.heals(*others)
    world.heals(one)

    assert world.sns.kinds == ["OPENED", "RESOLVED"]
    assert world.sns.alerts[-1].headline == "Secretwatch can tell again whether 3 references resolve"
    assert "All of it could be read again." in world.sns.alerts[-1].sentences
    assert world.incidents.only().state is IncidentState.RESOLVED


def test_a_finding_that_somebody_waived_is_no_incident_and_ends_the_one_that_there_is(world: World) -> None:
    (reference,) = providers(1)
    world.breaks(reference)
    world.breaks(reference, finding=replace(MISSING, waived_until=NOON + timedelta(days=1)))

    assert world.sns.kinds == ["OPENED", "RESOLVED"]


def test_a_reference_that_is_gone_closes_its_part(world: World) -> None:
    one, other = providers(2)
    world.breaks(one, other)

    del world.references.states[one]
    world.hears_of(one)
    assert world.sns.kinds == ["OPENED"]

    del world.references.states[other]
    world.hears_of(other)
    assert world.sns.kinds == ["OPENED", "RESOLVED"]
    assert world.sns.alerts[-1].headline == "2 providers do not reference crm in this way any more"
    assert "Nothing references it in this way any more." in world.sns.alerts[-1].sentences


def test_a_reference_that_points_elsewhere_takes_its_trouble_along(world: World) -> None:
    (reference,) = providers(1)
    world.breaks(reference)

    there = replace(reference, secret_arn=secret_arn("other"))
    world.references.states = {there: world.references.states[reference].moved_to(there)}
    world.hears_of(reference)
    world.hears_of(there)

    assert world.incidents.incidents[Cause(CRM)].state is IncidentState.RESOLVED
    assert world.incidents.incidents[Cause(secret_arn("other"))].state is IncidentState.OPEN


def test_a_rule_that_is_broken_is_told_less_loudly_and_told_anew_when_it_worsens(world: World) -> None:
    one, other = providers(2)
    world.breaks(one, finding=OVERDUE)
    world.breaks(other)

    assert world.sns.kinds == ["OPENED", "WORSENED"]
    assert [(alert.mark, alert.attributes["severity"]) for alert in world.sns.alerts] == [
        ("🟡", "DEGRADED"),
        ("🔴", "BROKEN"),
    ]


def test_what_resolves_at_first_sight_is_no_news(world: World) -> None:
    world.heals(*providers(3))

    assert world.incidents.incidents == {}


@pytest.mark.parametrize(
    ("read_at", "evidence"),
    [
        (None, "Checks pass; not yet observed."),
        (NOON - timedelta(minutes=1), "Checks pass; not yet observed."),  # before the change that mended it
        (NOON + timedelta(minutes=9), "AgentCore read it at 2026-11-23 12:09 UTC."),
    ],
)
def test_the_evidence_that_it_is_over_is_agentcores_own_read_after_the_change_that_mended_it(
    world: World, read_at: datetime | None, evidence: str
) -> None:
    (reference,) = providers(1)
    world.breaks(reference)
    world.is_stored(reference)
    world.references.states[reference] = replace(
        world.references.states[reference],
        occasion=Occasion("PutSecretValue", NOON),
        access_since=NOON - timedelta(hours=1),
        observations=Observations(read=ObservedRead(read_at) if read_at else None),
    )
    world.hears_of(reference)

    assert evidence in world.sns.alerts[-1].sentences
    assert world.sns.alerts[-1].brief == f"🟢 Over after less than a minute. {evidence}"


# --- told once


def test_a_channel_that_fails_stops_no_other_and_is_told_later_what_holds_then(world: World) -> None:
    (reference,) = providers(1)
    world.slack.failures = [Permanent("Slack: invalid_auth")]

    with pytest.raises(Permanent):
        world.breaks(reference)

    assert (world.sns.kinds, world.slack.kinds) == (["OPENED"], [])
    assert [(told.channel, str(told.error)) for told in world.attempts if told.error] == [
        (ChannelName.SLACK, "Slack: invalid_auth")
    ]

    world.a_round_later(minutes=1)
    assert world.slack.kinds == []
    world.a_round_later(minutes=5)

    assert (world.sns.kinds, world.slack.kinds) == (["OPENED"], ["OPENED"])


def test_news_is_not_acknowledged_while_a_channel_that_asked_to_be_left_alone_is_behind(world: World) -> None:
    (reference,) = providers(1)
    world.slack.failures = [Later("Slack: 429", NOON + timedelta(seconds=90))]
    with pytest.raises(Later):
        world.breaks(reference)

    with pytest.raises(Transient):
        world.hears_of(reference)
    world.a_round_later(seconds=60)
    assert world.slack.kinds == []
    world.a_round_later(seconds=60)

    assert world.slack.kinds == ["OPENED"]
    world.hears_of(reference)
    assert world.sns.kinds == ["OPENED"]


def test_an_incident_that_was_over_before_a_channel_worked_is_told_there_as_over(world: World) -> None:
    (reference,) = providers(1)
    world.slack.failures = [Transient("Slack: 500"), Transient("Slack: 500")]
    with pytest.raises(Transient):
        world.breaks(reference)
    with pytest.raises(Transient):
        world.heals(reference)

    world.a_round_later(minutes=1)
    assert world.slack.kinds == []
    world.a_round_later(minutes=1)

    assert world.slack.kinds == ["RESOLVED"]
    assert world.incidents.open() == []


def test_whoever_loses_a_race_looks_again_and_tells_nothing_twice(world: World) -> None:
    (reference,) = providers(1)
    world.is_stored(reference, MISSING)
    races = iter([True])

    def another_is_first() -> None:
        if next(races, False):
            world.hears_of(reference)

    world.incidents.before_store = another_is_first
    world.hears_of(reference)

    assert world.sns.kinds == ["OPENED"]


@pytest.mark.parametrize("times", [1, 15])
def test_whoever_loses_many_races_has_told_once_and_written_that_down(world: World, times: int) -> None:
    """Of a key's incident, two functions write for hundreds of secrets at a time."""
    (reference,) = providers(1)
    world.is_stored(reference, MISSING)

    def lose() -> None:
        if next(races, None):
            raise LostRace("another writer was first")

    races = iter([True] * times)
    world.incidents.before_store = lose

    def lose_again() -> None:
        nonlocal races
        races = iter([True] * times)

    world.sns.before_send = lose_again
    world.hears_of(reference)
    world.a_round_later(minutes=3)
    world.hears_of(reference)

    assert world.sns.kinds == ["OPENED"]
    assert world.incidents.only().telling.to("sns").revision == 1


def test_what_changes_while_somebody_tells_is_told_by_whoever_tells(world: World) -> None:
    (reference,) = providers(1)
    meanwhile = iter([world.heals])

    def heal_once() -> None:
        for heals in meanwhile:
            heals(reference)

    world.sns.before_send = heal_once
    world.breaks(reference)

    assert world.sns.kinds == ["OPENED", "RESOLVED"]


def test_a_process_that_died_while_it_told_leaves_word_that_it_had_begun(world: World) -> None:
    (reference,) = providers(1)
    world.sns.failures = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        world.breaks(reference)

    assert world.incidents.only().telling.to("sns").attempted
    world.hears_of(reference)
    assert world.sns.kinds == []  # somebody may still be telling it
    world.a_round_later(minutes=2)

    assert world.sns.kinds == ["OPENED"]


@pytest.mark.parametrize("seed", range(3))
def test_a_thousand_duplicated_and_shuffled_news_are_told_like_the_clean_sequence(seed: int) -> None:
    shuffled, clean = World(), World()
    references = [a_reference(f"agent-{index}", secret=secret_arn(f"secret-{index % 5}")) for index in range(20)]
    for world in (shuffled, clean):
        for reference in references[:15]:
            world.is_stored(reference, MISSING if int(reference.provider.name[6:]) % 3 else OVERDUE)
        for reference in references[15:]:
            world.is_stored(reference)

    for reference in references:
        clean.hears_of(reference)
    news = [reference for reference in references for _ in range(50)]
    random.Random(seed).shuffle(news)  # noqa: S311 - a seed makes the test the same each time
    for reference in news:
        shuffled.hears_of(reference)

    assert _told(shuffled) == _told(clean)


events = st.lists(
    st.tuples(st.sampled_from(["break", "heal", "degrade", "repeat"]), st.integers(0, 5), st.integers(0, 5)),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(events)
def test_old_news_in_between_changes_nothing_of_what_is_told(steps: list[tuple[str, int, int]]) -> None:
    clean, noisy = World(), World()
    references = [a_reference(f"agent-{index}", secret=secret_arn(f"secret-{index // 2}")) for index in range(6)]
    for what, which, again in steps:
        for world in (clean, noisy):
            world.clock.forward(seconds=7)
            _step(world, what, references[which])
        noisy.hears_of(references[again])
        noisy.hears_of(references[which])

    assert _told(noisy) == _told(clean)


def _step(world: World, what: str, reference: Reference) -> None:
    match what:
        case "break":
            world.breaks(reference)
        case "degrade":
            world.breaks(reference, finding=OVERDUE)
        case "heal":
            world.heals(reference)
        case _:
            world.hears_of(reference)


def _told(world: World) -> list[tuple[str, str]]:
    return sorted((alert.incident_id, alert.kind.value) for alert in world.sns.alerts)


# --- flapping, reminders


def test_an_incident_that_comes_back_soon_is_the_same_one_and_over_only_once_it_kept_still(world: World) -> None:
    (reference,) = providers(1)
    for _ in range(4):
        world.breaks(reference)
        world.clock.forward(minutes=2)
        world.heals(reference)
        world.clock.forward(minutes=2)
    assert world.sns.kinds == ["OPENED", "RESOLVED", "REOPENED"]
    assert world.sns.alerts[-1].headline.endswith(" (flapping)")
    assert "It comes and goes: 2 times since 2026-11-23 12:00 UTC." in world.sns.alerts[-1].sentences

    world.a_round_later(minutes=59)

    assert world.sns.kinds == ["OPENED", "RESOLVED", "REOPENED", "RESOLVED"]
    assert len({alert.incident_id for alert in world.sns.alerts}) == 1


def test_another_trouble_with_the_same_secret_is_another_incident_however_soon(world: World) -> None:
    (reference,) = providers(1)
    world.breaks(reference)
    world.heals(reference)
    world.clock.forward(seconds=1)
    world.breaks(reference, finding=replace(MISSING, code=Code.READER_DENIED))
    world.heals(reference)

    assert world.sns.kinds == ["OPENED", "RESOLVED"] * 2
    assert len({alert.incident_id for alert in world.sns.alerts}) == 2


def test_an_incident_whose_end_was_not_told_everywhere_goes_on_when_there_is_trouble_again(world: World) -> None:
    (reference,) = providers(1)
    world.breaks(reference)
    world.slack.failures = [Transient("Slack: 500")]
    with pytest.raises(Transient):
        world.heals(reference)
    world.clock.forward(hours=5)
    world.breaks(reference, finding=replace(MISSING, code=Code.READER_DENIED))

    assert world.slack.kinds == ["OPENED", "REOPENED"]
    assert len({alert.incident_id for alert in world.slack.alerts}) == 1


def test_an_incident_that_comes_back_late_is_another_one(world: World) -> None:
    (reference,) = providers(1)
    world.breaks(reference)
    world.heals(reference)
    world.clock.forward(minutes=61)
    world.breaks(reference)

    assert world.sns.kinds == ["OPENED", "RESOLVED", "OPENED"]
    assert len({alert.incident_id for alert in world.sns.alerts}) == 2


def test_people_are_reminded_while_an_incident_is_open_and_not_again_at_once(world: World) -> None:
    world.breaks(*providers(1))
    world.a_round_later(hours=23, minutes=59)
    assert world.sns.kinds == ["OPENED"]

    world.a_round_later(minutes=1)
    world.a_round_later(minutes=1)

    assert world.sns.kinds == ["OPENED", "REMINDED"]
    assert world.sns.alerts[-1].headline == "agent-000 can't get its credential, for 1 day now"


def test_a_round_over_what_is_quiet_reads_the_index_and_nothing_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.breaks(*providers(1))
    monkeypatch.setattr(world.incidents, "find", lambda _: pytest.fail("read an incident"))

    world.a_round_later(minutes=1)


# --- digests


def many(count: int) -> list[Reference]:
    return [a_reference(f"agent-{index:03}", secret=secret_arn(f"secret-{index:03}")) for index in range(count)]


def test_more_openings_than_people_can_read_become_one_digest(world: World) -> None:
    references = many(40)
    world.heals(*references)
    world.breaks(*references)
    assert world.sns.kinds == ["OPENED"] * 10

    world.a_round_later(seconds=59)
    assert world.sns.kinds == ["OPENED"] * 10
    world.a_round_later(minutes=1)
    world.a_round_later(minutes=1)

    assert world.sns.kinds == ["OPENED"] * 11
    digest = world.sns.alerts[-1]
    assert digest.headline == "Opened together: 30 problems"
    assert len(digest.affected) == 30
    assert world.bus.kinds == ["OPENED"] * 40


def test_a_digest_is_updated_as_its_incidents_end_and_over_with_the_last(world: World) -> None:
    references = many(14)
    world.heals(*references)
    world.breaks(*references)
    world.a_round_later(minutes=2)
    told_singly = world.sns.kinds

    world.heals(*references[10:13])
    world.a_round_later(minutes=1)
    assert world.sns.kinds == told_singly
    assert world.slack.alerts[-1].brief == "Now: 1 broken, 3 over."

    world.heals(references[13])
    world.a_round_later(minutes=1)
    world.a_round_later(minutes=1)

    assert world.sns.kinds == [*told_singly, "RESOLVED"]
    assert world.sns.alerts[-1].headline == "Over: 4 problems since 2026-11-23 12:00 UTC"
    assert world.digests.open() == []


def test_one_digest_takes_no_more_than_a_record_and_a_round_do(world: World) -> None:
    references = many(510 + 10)
    world.heals(*references)
    world.breaks(*references)
    for _ in range(3):
        world.a_round_later(minutes=2)

    assert [alert.headline for alert in world.sns.alerts[10:]] == [
        "Opened together: 500 problems",
        "Opened together: 10 problems",
    ]


def test_a_digest_is_one_message_for_each_owner_about_what_is_theirs_and_one_in_the_topic() -> None:
    world = World(slack=(slack := RoutingChannel()), rules=AlertRules(digest_after=0))
    payments, search, nobodys = many(9)[:4], many(9)[4:8], many(9)[8:]
    world.owns("payments", *payments)
    world.owns("search", *search)
    world.heals(*payments, *search, *nobodys)
    world.breaks(*payments, *search, *nobodys)
    world.a_round_later(minutes=2)

    assert [alert.headline for alert in world.sns.alerts] == ["Opened together: 9 problems"]
    assert world.sns.alerts[0].attributes["owner"] == "SEVERAL"
    assert {place: [(alert.headline, len(alert.affected)) for alert in told] for place, told in slack.told.items()} == {
        "slack:payments": [("Opened together: 4 problems", 4)],
        "slack:search": [("Opened together: 4 problems", 4)],
        "slack:BROKEN": [("Opened together: 1 problem", 1)],
    }


def test_a_digest_is_over_for_an_owner_when_the_last_of_theirs_is() -> None:
    world = World(slack=(slack := RoutingChannel()), rules=AlertRules(digest_after=0))
    payments, search = many(4)[:2], many(4)[2:]
    world.owns("payments", *payments)
    world.owns("search", *search)
    world.heals(*payments, *search)
    world.breaks(*payments, *search)
    world.a_round_later(minutes=2)

    world.heals(*payments)
    world.a_round_later(minutes=1)
    assert (slack.told["slack:payments"][-1].mark, slack.told["slack:search"][-1].mark) == ("🟢", "🔴")
    assert slack.told["slack:payments"][-1].headline == "Over: 2 problems since 2026-11-23 12:00 UTC"
    assert world.sns.kinds == ["OPENED"]
    world.heals(*search)
    world.a_round_later(minutes=1)

    assert world.sns.kinds == ["OPENED", "RESOLVED"]
    assert slack.told["slack:search"][-1].kind == "RESOLVED"


def test_an_incident_of_several_owners_is_over_for_those_whose_secrets_are_well() -> None:
    world = World(slack=(slack := RoutingChannel()))
    one, other = many(2)
    world.owns("payments", one)
    world.owns("search", other)
    world.heals(one, other)
    world.breaks(one, other, finding=DISABLED)

    world.clock.forward(minutes=1)
    world.heals(one)

    assert [(alert.mark, alert.headline) for alert in slack.told["slack:payments"]][-1] == (
        "🟢",
        "agent-000 can get its credential again",
    )
    assert "It has come back before" not in " ".join(slack.told["slack:payments"][-1].sentences)
    assert slack.told["slack:search"][-1].headline == "agent-001 can't get its credential"
    world.heals(other)
    assert {alerts[-1].kind.value for alerts in slack.told.values()} == {"RESOLVED"}


def test_what_stood_in_the_place_of_a_lesser_severity_does_not_go_stale() -> None:
    world = World(slack=(slack := RoutingChannel()))
    one, other = providers(2)
    world.breaks(one, finding=OVERDUE)
    world.breaks(other)
    world.heals(one, other)

    assert {place: [alert.kind.value for alert in told] for place, told in slack.told.items()} == {
        "slack:DEGRADED": ["OPENED", "WORSENED", "RESOLVED"],
        "slack:BROKEN": ["WORSENED", "RESOLVED"],
    }


# --- the first look


@pytest.fixture
def new_world(world: World) -> World:
    """A stack that was just installed: no news yet, and its first sweep is not completed."""
    world.incidents.first = None
    return world


def headlines(world: World) -> list[str]:
    return [alert.headline for alert in world.sns.alerts]


def test_what_the_first_sweep_finds_is_one_summary_and_later_changes_are_told_singly(new_world: World) -> None:
    new_world.breaks(*many(3))
    well = a_reference("later", secret=secret_arn("later"))
    new_world.heals(well)
    assert headlines(new_world) == []

    new_world.breaks(well)
    assert headlines(new_world) == ["later can't get its credential"]
    new_world.a_round_later(minutes=6)
    new_world.breaks(*many(5)[3:])
    new_world.swept_at = new_world.clock.at
    new_world.a_round_later(seconds=30)
    assert headlines(new_world)[1:] == []  # more of it may be on its way
    new_world.a_round_later(minutes=1)

    assert headlines(new_world)[1:] == ["Secretwatch's first look found 5 problems"]
    new_world.breaks(a_reference("new", secret=secret_arn("new")))
    assert headlines(new_world)[2:] == ["new can't get its credential"]


def test_news_of_what_the_first_sweep_found_may_come_once_it_is_completed(new_world: World) -> None:
    for reference in many(3):
        new_world.is_stored(reference, MISSING)
    new_world.clock.forward(seconds=1)
    new_world.swept_at = new_world.clock.at
    new_world.clock.forward(seconds=3)
    for reference in many(3):
        new_world.hears_of(reference)
    new_world.a_round_later(minutes=2)

    assert headlines(new_world) == ["Secretwatch's first look found 3 problems"]


def test_the_first_sweep_is_waited_for_no_longer_than_half_an_hour(new_world: World) -> None:
    new_world.breaks(*many(2))
    new_world.a_round_later(minutes=29)
    assert headlines(new_world) == []

    new_world.a_round_later(minutes=1)

    assert headlines(new_world) == ["Secretwatch's first look found 2 problems"]
    new_world.clock.forward(seconds=1)
    new_world.breaks(a_reference("new", secret=secret_arn("new")))
    assert headlines(new_world)[1:] == ["new can't get its credential"]


def test_the_first_look_has_ended_though_the_next_sweep_runs_already(new_world: World) -> None:
    new_world.heals(*many(1))
    new_world.swept_at = NOON + timedelta(seconds=5)
    new_world.a_round_later(seconds=10)
    new_world.heals(*many(1))
    new_world.swept_at = None
    again = World(incidents=new_world.incidents, clock=new_world.clock)  # another process

    again.clock.forward(minutes=1)
    again.breaks(a_reference("new", secret=secret_arn("new")))

    assert new_world.incidents.first == FirstLook(NOON, NOON + timedelta(seconds=5))
    assert headlines(again) == ["new can't get its credential"]


def test_what_the_first_look_found_and_is_over_when_it_is_told_is_told_as_over(new_world: World) -> None:
    new_world.breaks(*many(2))
    new_world.heals(*many(2))
    new_world.swept_at = new_world.clock.at
    new_world.a_round_later(minutes=2)
    new_world.a_round_later(minutes=1)

    assert [(alert.kind.value, alert.headline) for alert in new_world.sns.alerts] == [
        ("RESOLVED", "Over: 2 problems since 2026-11-23 12:00 UTC")
    ]
    assert new_world.incidents.open() == []


def test_a_digest_that_a_channel_refused_is_told_there_later(world: World) -> None:
    world.incidents.first = FirstLook(NOON, NOON)
    world.breaks(*many(3))
    world.slack.failures = [Transient("Slack: 500")]

    world.a_round_later(minutes=2)
    assert (world.sns.kinds, world.slack.kinds) == (["OPENED"], [])
    world.a_round_later(minutes=1)

    assert (world.sns.kinds, world.slack.kinds) == (["OPENED"], ["OPENED"])
