"""A check reads facts anew, judges, and stores only on top of what it read."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretwatch.checking import Checked, Checking
from secretwatch.domain.facts import IdentityDecision, Rotation, ValueShape
from secretwatch.domain.finding import Code, Verdict
from secretwatch.domain.key import KeyId
from secretwatch.domain.observed import FailedRotation, Observation, ObservedRead
from secretwatch.domain.rules import ReadValues, Rules
from secretwatch.domain.secret import SecretId
from secretwatch.domain.waiver import Waiver
from secretwatch.errors import LostRace, Permanent, Transient
from tests.fakes import (
    ACCOUNT,
    KEY_ARN,
    NOON,
    REGION,
    FakeSecret,
    FakeSecrets,
    FakeWorld,
    InMemoryReferences,
    a_document,
    a_reference,
    secret_arn,
)

CRM = SecretId.of_arn(secret_arn("crm"))
REFERENCE = a_reference(secret=secret_arn("crm"))


def checking(references: InMemoryReferences, secrets: FakeSecrets) -> Checking:
    return FakeWorld(references, secrets).checking()


def test_a_secret_that_nobody_references_is_not_looked_at() -> None:
    secrets = FakeSecrets(crm=FakeSecret())
    secrets.failures["describe"] = AssertionError("nobody asked for this secret")

    assert checking(InMemoryReferences(), secrets).check(CRM) == []


def test_a_rotation_that_keeps_the_key_still_resolves() -> None:
    references, secret = InMemoryReferences(REFERENCE), FakeSecret()
    check = checking(references, FakeSecrets(crm=secret)).check
    check(CRM)

    secret.rotate("v2")
    (checked,) = check(CRM)

    assert not checked.changed
    assert references.only().verdict is Verdict.RESOLVES
    assert references.only().good_version == "v2"


def test_a_rotation_that_drops_the_key_breaks_and_its_roll_back_recovers() -> None:
    references, secret = InMemoryReferences(REFERENCE), FakeSecret()
    check = checking(references, FakeSecrets(crm=secret)).check
    check(CRM)

    secret.rotate("v2", ValueShape.KEY_MISSING)
    (broken,) = check(CRM)
    secret.rotate("v1")
    (recovered,) = check(CRM)

    assert broken.changed
    assert [finding.code for finding in broken.after.findings] == [Code.JSON_KEY_MISSING]
    assert recovered.changed
    assert recovered.after.verdict is Verdict.RESOLVES


def test_a_value_already_found_good_is_not_read_again() -> None:
    secret, references = FakeSecret(), InMemoryReferences(REFERENCE)
    secrets = FakeSecrets(crm=secret)
    check = checking(references, secrets).check

    check(CRM)
    check(CRM)
    assert secrets.values_read == [(CRM.arn, "AWSCURRENT")]

    secret.rotate("v2")
    check(CRM)
    assert secrets.values_read == [(CRM.arn, "AWSCURRENT")] * 2


def test_a_wrong_value_is_read_again_with_the_previous_one_beside_it() -> None:
    secret = FakeSecret()
    secret.rotate("v2", ValueShape.EMPTY)
    secrets = FakeSecrets(crm=secret)
    check = checking(InMemoryReferences(REFERENCE), secrets).check

    check(CRM)
    check(CRM)

    assert secrets.values_read == [(CRM.arn, "AWSCURRENT"), (CRM.arn, "AWSPREVIOUS")] * 2


def test_one_read_of_the_value_serves_every_reference_to_the_secret() -> None:
    others = [a_reference(f"agent-{number}", secret=secret_arn("crm"), json_key=f"key{number}") for number in range(3)]
    secrets = FakeSecrets(crm=FakeSecret())

    checked = checking(InMemoryReferences(REFERENCE, *others), secrets).check(CRM)

    assert len(checked) == 4
    assert secrets.values_read == [(CRM.arn, "AWSCURRENT")]


def test_a_name_checks_every_secret_that_had_it() -> None:
    former = a_reference("former", secret=secret_arn("crm", "zzzzzz"))
    references = InMemoryReferences(REFERENCE, former)

    checking(references, FakeSecrets(crm=FakeSecret())).check(SecretId(ACCOUNT, REGION, "crm"))

    assert references.states[REFERENCE].verdict is Verdict.RESOLVES
    assert [finding.code for finding in references.states[former].findings] == [Code.SECRET_RECREATED]


@pytest.mark.parametrize("what", ["describe", "AWSCURRENT"])
@pytest.mark.parametrize(("failure", "transient"), [(Transient("throttled"), True), (Permanent("refused"), False)])
def test_a_read_of_ours_that_fails_leaves_the_verdict_and_says_why(
    what: str, failure: Exception, *, transient: bool
) -> None:
    references, secret = InMemoryReferences(REFERENCE), FakeSecret()
    secrets = FakeSecrets(crm=secret)
    check = checking(references, secrets).check
    check(CRM)

    secret.rotate("v2", ValueShape.KEY_MISSING)
    secrets.failures[what] = failure
    (checked,) = check(CRM)

    assert checked.unknown is not None
    assert (checked.unknown.reason, checked.unknown.transient) == (str(failure), transient)
    assert references.only().verdict is Verdict.RESOLVES
    assert references.only().unknown is not None


def test_a_lost_race_is_checked_again_on_newer_facts() -> None:
    references, secret = InMemoryReferences(REFERENCE), FakeSecret()
    check = checking(references, FakeSecrets(crm=secret)).check

    def another_check_is_faster() -> None:
        references.before_store = lambda: None
        secret.rotate("v2", ValueShape.KEY_MISSING)
        check(CRM)

    references.before_store = another_check_is_faster
    check(CRM)

    assert references.only().version == 2
    assert references.only().verdict is Verdict.BROKEN


def test_who_loses_to_a_check_that_began_later_has_nothing_left_to_do() -> None:
    references, secrets = InMemoryReferences(REFERENCE), FakeSecrets(crm=FakeSecret())
    minutes = count()
    ticking = FakeWorld(references, secrets).checking(lambda: NOON + timedelta(minutes=next(minutes)))

    def another_check_begins_later_and_is_faster() -> None:
        references.before_store = lambda: None
        ticking.check(CRM)

    references.before_store = another_check_begins_later_and_is_faster
    (checked,) = ticking.check(CRM)

    assert not checked.changed
    assert references.only().version == 1
    assert len(secrets.values_read) == 2


def test_a_race_lost_again_and_again_is_left_to_the_queue() -> None:
    references, losses = InMemoryReferences(REFERENCE), []

    def another_writer() -> None:
        losses.append(1)
        raise LostRace("again")

    references.before_store = another_writer

    with pytest.raises(LostRace):
        checking(references, FakeSecrets(crm=FakeSecret())).check(CRM)

    assert len(losses) == 4


def test_a_reference_that_vanishes_during_the_check_is_let_go() -> None:
    references = InMemoryReferences(REFERENCE)
    references.before_store = references.states.clear

    assert checking(references, FakeSecrets(crm=FakeSecret())).check(CRM) == []


# --- what was observed


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


class Story:
    """A secret over time: what happens to it, and what a check then finds."""

    def __init__(self, **rules: Any) -> None:
        self.secret = FakeSecret()
        self.world = FakeWorld(InMemoryReferences(REFERENCE), FakeSecrets(crm=self.secret))
        self.rules = Rules(**rules)

    def check(self, minutes: float, observation: Observation | None = None) -> Checked:
        """The check at so many minutes past noon."""
        (checked,) = self.world.checking(lambda: at(minutes), rules=self.rules).check(CRM, observation)
        return checked

    def codes(self, minutes: float, observation: Observation | None = None) -> list[Code]:
        return [finding.code for finding in self.check(minutes, observation).after.findings]


DENIED = ObservedRead(at(5), error_code="AccessDenied")


def test_a_denied_read_breaks_the_reference_and_a_later_success_mends_it() -> None:
    story = Story()
    story.check(0)

    denied = story.check(6, DENIED)
    still = story.check(60)
    read = story.check(62, ObservedRead(at(61)))

    assert [finding.code for finding in denied.after.findings] == [Code.OBSERVED_READ_DENIED]
    assert (denied.changed, still.changed, read.changed) == (True, False, True)
    assert read.after.verdict is Verdict.RESOLVES
    assert read.after.observed_at == at(61)


def test_a_denied_read_is_forgotten_once_access_changed_or_a_day_is_over() -> None:
    mended, waiting = Story(), Story()
    for story in (mended, waiting):
        story.check(0)
        assert story.codes(6, DENIED) == [Code.OBSERVED_READ_DENIED]

    mended.secret.policies["another"] = a_document()

    assert mended.codes(10) == []
    assert waiting.codes(24 * 60) == [Code.OBSERVED_READ_DENIED]
    assert waiting.codes(24 * 60 + 6) == []


def test_a_reader_that_no_policy_allows_is_unproven_once_it_was_seen_to_read_until_policies_change() -> None:
    story = Story()
    story.secret.policies = {}
    assert story.codes(0) == [Code.READER_NOT_ALLOWED]

    unproven = story.check(6, ObservedRead(at(5)))
    story.secret.policies = {"default": a_document()}

    assert [finding.code for finding in unproven.after.findings] == [Code.READER_UNPROVEN]
    assert unproven.after.verdict is Verdict.DEGRADED
    assert story.codes(10) == [Code.READER_NOT_ALLOWED]


def test_a_role_that_was_seen_once_stays_a_reader() -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/support-bot"
    story = Story()
    story.world.identities.decisions[role, "secretsmanager:GetSecretValue"] = IdentityDecision.ALLOWED
    story.check(0)
    story.check(6, ObservedRead(at(5), role))

    story.world.identities.decisions[role, "secretsmanager:GetSecretValue"] = IdentityDecision.DENIED_EXPLICIT

    assert story.codes(600) == [Code.READER_DENIED]


def test_a_rotation_that_failed_is_told_until_one_succeeds() -> None:
    story = Story()
    story.secret.rotation = Rotation(enabled=True, last=at(-60))
    assert story.codes(6, FailedRotation(at(5))) == [Code.ROTATION_FAILED]

    story.secret.rotation = Rotation(enabled=True, last=at(30))

    assert story.codes(31) == []


happenings = st.lists(
    st.builds(
        ObservedRead,
        st.integers(min_value=1, max_value=20).map(at),
        st.none(),
        st.sampled_from([None, "AccessDenied"]),
    )
    | st.builds(FailedRotation, st.integers(min_value=1, max_value=20).map(at)),
    max_size=6,
)


@given(happenings.flatmap(lambda them: st.tuples(st.just(them), st.permutations(them * 2))))
def test_in_whatever_order_and_however_often_things_are_observed_the_end_is_the_same(
    orders: tuple[list[Observation], list[Observation]],
) -> None:
    ends = []
    for order in orders:
        story = Story()
        story.check(0)
        for observation in order:
            story.check(30, observation)
        end = story.check(60).after
        ends.append((end.verdict, end.findings, end.observations, end.access_since))

    assert ends[0] == ends[1]


def test_what_was_observed_is_kept_by_whoever_is_first() -> None:
    story = Story()
    references = story.world.references
    story.check(0)

    def another_check_is_faster() -> None:
        references.before_store = lambda: None
        story.check(20)

    references.before_store = another_check_is_faster
    story.check(6, DENIED)

    assert references.only().observations.denied == DENIED
    assert references.only().verdict is Verdict.BROKEN


# --- waivers


def a_waiver(code: Code, *, until: float, subject: str = REFERENCE.secret_arn) -> Waiver:
    return Waiver(subject, code, "the vendor is slow", "arn:aws:iam::111122223333:user/ops", NOON, at(until))


@pytest.mark.parametrize("subject", [REFERENCE.secret_arn, REFERENCE.provider_arn])
def test_a_waived_finding_keeps_its_verdict_and_alarms_nobody_until_the_waiver_ends(subject: str) -> None:
    story = Story(rotation=True)
    told = story.check(0)
    story.world.waivers.waivers.append(a_waiver(Code.ROTATION_OFF, until=60, subject=subject))

    waived = story.check(1)
    still = story.check(59)
    ended = story.check(60)

    assert (told.after.verdict, told.after.alarming) == (Verdict.DEGRADED, Verdict.DEGRADED)
    assert (waived.after.verdict, waived.after.alarming) == (Verdict.DEGRADED, Verdict.RESOLVES)
    assert [finding.waived_until for finding in waived.after.findings] == [at(60)]
    assert (waived.changed, still.changed, ended.changed) == (True, False, True)
    assert (ended.after.verdict, ended.after.alarming) == (Verdict.DEGRADED, Verdict.DEGRADED)


def test_what_is_not_waived_alarms_as_before() -> None:
    story = Story(rotation=True)
    story.secret.policies = {}
    story.world.waivers.waivers.append(a_waiver(Code.ROTATION_OFF, until=60))

    after = story.check(0).after

    assert (after.verdict, after.alarming) == (Verdict.BROKEN, Verdict.BROKEN)


def test_a_waiver_ends_even_while_we_cannot_tell() -> None:
    story = Story(rotation=True)
    story.world.waivers.waivers.append(a_waiver(Code.ROTATION_OFF, until=60))
    story.check(0)
    story.world.secrets.failures["describe"] = Permanent("DescribeSecret: AccessDeniedException")

    ended = story.check(61)

    assert ended.unknown is not None
    assert (ended.changed, ended.after.alarming) == (True, Verdict.DEGRADED)


def test_where_nothing_is_wrong_waivers_are_not_read() -> None:
    story = Story()
    story.world.waivers.holding = None  # type: ignore[assignment,method-assign]

    assert story.check(0).after.verdict is Verdict.RESOLVES


# --- what lasts


def test_what_we_cannot_tell_is_told_once_it_has_lasted() -> None:
    story = Story(unknown_after=timedelta(hours=2))
    story.check(0)
    story.world.secrets.failures["describe"] = Permanent("DescribeSecret: AccessDeniedException")

    changed = {minutes: story.check(minutes).changed for minutes in (60, 120, 180, 240)}
    del story.world.secrets.failures["describe"]
    again = story.check(300)

    assert changed == {60: False, 120: False, 180: True, 240: False}
    assert (again.changed, again.after.unknown) == (True, None)
    assert again.after.verdict is Verdict.RESOLVES


def test_what_somebody_chose_not_to_know_never_lasts() -> None:
    story = Story(read_values=ReadValues.NONE)

    first, later = story.check(0), story.check(10_000)

    assert (later.after.verdict, later.changed) == (Verdict.RESOLVES, False)
    assert first.after.unknown is not None
    assert later.after.unknown is not None
    assert not later.after.unknown.lasts


# --- keys


def test_a_key_and_the_alias_that_the_secret_names_find_the_secret_from_now_on() -> None:
    story = Story()
    alias = KeyId(KEY_ARN.split("key/", maxsplit=1)[0] + "alias/agents")
    story.world.keys.aliases[alias.arn] = story.world.keys.add().arn
    story.secret.key = alias

    story.check(0)

    assert story.world.protected.under(alias) == story.world.protected.under(KeyId(KEY_ARN)) == [CRM]
