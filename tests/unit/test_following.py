"""A change leads to checks, once for each secret of a batch, and to requests for those under a key."""

from datetime import timedelta

import pytest

from secretwatch.domain.change import Change, UnknownChange
from secretwatch.domain.key import KeyId
from secretwatch.domain.secret import SecretId
from secretwatch.following import Following
from secretwatch.spreading import Spreading
from tests.fakes import (
    EVERYTHING,
    KEY_ARN,
    NOON,
    FakeSecret,
    FakeSecrets,
    FakeWorld,
    InMemoryReferences,
    SentRequests,
    a_reference,
    secret_arn,
)

CRM = SecretId.of_arn(secret_arn("crm"))
KEY = KeyId(KEY_ARN)


def a_change(*subjects: object, what: str = "PutSecretValue", event_id: str = "e-1", own_write: bool = False) -> Change:
    return Change(what, subjects, NOON, event_id, own_write=own_write)  # type: ignore[arg-type]


def following(world: FakeWorld, asked: SentRequests) -> Following:
    return Following(world.checking(), lambda: Spreading(world.protected, checks=asked))


@pytest.fixture
def world() -> FakeWorld:
    references = InMemoryReferences(a_reference(secret=secret_arn("crm")))
    return FakeWorld(references, FakeSecrets(crm=FakeSecret()))


def test_many_events_about_one_secret_are_one_check_on_behalf_of_the_first(world: FakeWorld) -> None:
    follow = following(world, SentRequests()).follow

    first, second = follow(a_change(CRM)), follow(a_change(CRM, event_id="e-2"))

    assert (len(first.anew), len(second.anew)) == (1, 0)
    assert first.checked == second.checked
    assert world.references.only().cause == "e-1"
    assert world.secrets.described == 1


def test_a_write_of_our_own_is_verified_once_at_most(world: FakeWorld) -> None:
    checking = world.checking(lambda: NOON + timedelta(minutes=1))
    checking.check(CRM)  # as whoever wrote has it checked

    followed = Following(checking, lambda: Spreading(world.protected, checks=SentRequests())).follow(
        a_change(CRM, what="PutResourcePolicy", own_write=True)
    )

    assert [one.changed for one in followed.checked] == [False]
    assert world.references.only().version == 1


def test_a_key_has_every_secret_under_it_asked_for(world: FakeWorld) -> None:
    world.protected.record(CRM.arn or "", [KEY], until=NOON)
    asked = SentRequests()

    followed = following(world, asked).follow(a_change(KEY, what="DisableKey"))

    assert followed.is_relevant
    assert asked.subjects == [CRM]


def test_what_nobody_references_leads_to_nothing(world: FakeWorld) -> None:
    asked = SentRequests()
    followed = following(world, asked).follow(a_change(SecretId.of_arn(secret_arn("other")), KEY))

    assert not followed.is_relevant
    assert not asked.subjects


def test_what_is_about_neither_a_secret_nor_a_key_is_no_change_for_us(world: FakeWorld) -> None:
    with pytest.raises(UnknownChange, match="neither a secret nor a key"):
        following(world, SentRequests()).follow(a_change(EVERYTHING))
