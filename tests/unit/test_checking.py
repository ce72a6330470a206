"""A check reads facts anew, judges, and stores only on top of what it read."""

from datetime import timedelta
from itertools import count

import pytest

from secretwatch.checking import Checking
from secretwatch.domain.facts import ValueShape
from secretwatch.domain.finding import Code, Verdict
from secretwatch.domain.secret import SecretId
from secretwatch.errors import LostRace, Permanent, Transient
from tests.fakes import (
    ACCOUNT,
    NOON,
    REGION,
    FakeSecret,
    FakeSecrets,
    FakeWorld,
    InMemoryReferences,
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
