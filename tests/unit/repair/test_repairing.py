"""Repairs from the event to the policy: in every mode, killed anywhere, racing, fought over, bounded, undone."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from secretwatch.domain.facts import IdentityDecision
from secretwatch.domain.finding import Code, Finding
from secretwatch.domain.repair.news import APPLIED, CONTESTED, PLANNED, REFUSED
from secretwatch.domain.repair.repair import PLAN_LASTS, Purpose, Status
from secretwatch.domain.repair.rules import REPAIR_TAG, Mode
from secretwatch.domain.repair.statement import DECRYPT_SID, READ_SID
from secretwatch.domain.rules import AGENTCORE, Rules
from secretwatch.domain.secret import SecretId
from secretwatch.errors import LostRace, Permanent, Transient
from tests.fakes import KEY_ARN, LETS_AGENTCORE_READ, a_document, a_reference, a_statement
from tests.unit.repair.documents import BOT
from tests.unit.repair.world import ALICE, CRM, Killed, World

THEIRS = a_document(a_statement(Sid="Deployers", Principal={"AWS": "arn:aws:iam::111122223333:role/deployer"}))
MORE = a_document(
    a_statement(Sid="Deployers", Principal={"AWS": "arn:aws:iam::111122223333:role/deployer"}),
    a_statement(Sid="Partners", Principal={"AWS": "arn:aws:iam::444455556666:role/partner"}),
)


# --- modes ---


def test_what_nobody_has_to_approve_is_applied_checked_audited_and_told() -> None:
    world = World(Mode.ENFORCE, policy=THEIRS)

    world.consider()

    assert world.sids() == ["Deployers", READ_SID]
    assert world.statuses == ["applied"]
    assert world.checks.subjects == [SecretId.of_arn(CRM)]
    assert world.bus.kinds() == [APPLIED]
    (audit,) = world.repairs.audits
    assert (audit.before, audit.after, audit.request_id) == (THEIRS, world.policy, "request-1")
    assert (audit.asked_by, audit.approved_by, audit.why) == (
        "secretwatch",
        None,
        "No policy lets bedrock-agentcore.amazonaws.com read the secret.",
    )
    assert world.repairs.leases == {}


def test_what_is_proposed_waits_for_a_person_and_writes_nothing() -> None:
    world = World(Mode.PROPOSE, policy=THEIRS)

    world.consider()

    assert (world.policy, world.documents.writes, world.statuses) == (THEIRS, [], ["planned"])
    assert world.bus.kinds() == [PLANNED]


def test_an_approved_plan_is_applied_as_it_was_shown_and_says_who_approved() -> None:
    world = World(Mode.PROPOSE, policy=THEIRS)
    (shown,) = world.consider()

    assert world.deciding().approve(shown.id, ALICE).status == 202
    world.work()

    assert world.policy == shown.after
    assert world.repairs.audits[0].approved_by == ALICE
    assert world.bus.kinds() == [PLANNED, APPLIED]


def test_where_the_mode_is_observe_nothing_is_even_looked_at() -> None:
    world = World(Mode.OBSERVE)

    assert world.consider() == []
    assert world.process.calls == []


@pytest.mark.parametrize(
    ("tags", "statuses"),
    [
        ({REPAIR_TAG: "observe"}, []),
        ({REPAIR_TAG: "no, thanks"}, []),
        ({REPAIR_TAG: "propose"}, ["planned"]),
        ({"aws:cloudformation:stack-name": "crm"}, ["planned"]),
        ({REPAIR_TAG: "enforce"}, ["applied"]),
    ],
)
def test_a_tag_lowers_what_becomes_of_a_plan(tags: dict[str, str], statuses: list[str]) -> None:
    world = World(Mode.ENFORCE)
    world.secret.tags = tags

    world.consider()

    assert world.statuses == statuses


def test_a_tag_raises_nothing() -> None:
    world = World(Mode.PROPOSE)
    world.secret.tags = {REPAIR_TAG: "enforce"}

    world.consider()

    assert world.statuses == ["planned"]


def test_however_often_the_event_comes_there_is_one_plan_and_it_is_told_once() -> None:
    world = World(Mode.PROPOSE)

    for _ in range(3):
        world.consider()

    assert world.statuses == ["planned"]
    assert len(world.bus.news) == 1


def test_a_plan_that_nobody_needs_any_more_waits_no_longer() -> None:
    world = World(Mode.PROPOSE)
    world.consider()

    world.somebody_writes()
    world.consider()

    assert world.statuses == ["superseded"]
    assert world.bus.kinds() == [PLANNED]


def test_what_cannot_be_read_leaves_a_plan_waiting() -> None:
    world = World(Mode.PROPOSE)
    world.consider()

    world.secrets.failures["policy"] = Permanent("GetResourcePolicy: AccessDenied")
    world.consider()

    assert world.statuses == ["planned"]


def test_what_trying_later_may_tell_is_tried_later() -> None:
    world = World(Mode.PROPOSE)
    world.secrets.failures["policy"] = Transient("GetResourcePolicy: ThrottlingException")

    with pytest.raises(Transient):
        world.consider()


def test_nothing_is_applied_on_what_is_not_known() -> None:
    world = World(Mode.PROPOSE)
    (shown,) = world.consider()
    world.deciding().approve(shown.id, ALICE)
    world.secrets.failures["policy_names"] = Permanent("ListResourcePolicies: AccessDenied")

    world.work()

    assert world.documents.writes == []
    assert "is not known: ListResourcePolicies" in (world.only().reason or "")


def test_a_policy_that_moved_has_a_new_plan_in_place_of_the_old_one() -> None:
    world = World(Mode.PROPOSE)
    world.consider()

    world.somebody_writes(THEIRS)
    world.consider()

    assert world.statuses == ["superseded", "planned"]


def test_a_finding_that_somebody_lives_with_is_not_repaired() -> None:
    world = World(Mode.ENFORCE)
    state = world.references.states[a_reference()]
    finding = Finding(Code.READER_NOT_ALLOWED, "", "", waived_until=world.now)
    world.references.states[a_reference()] = type(state)(state.reference, findings=(finding,))

    world.consider()

    assert world.statuses == []


def test_what_cannot_be_repaired_is_told_once_with_its_reason() -> None:
    world = World(Mode.ENFORCE, policy=a_document(a_statement(Effect="Deny")))

    for _ in range(2):
        world.consider()

    assert world.statuses == ["refused"]
    assert [(one.what, "explicitly denies" in (one.reason or "")) for one in world.bus.news] == [(REFUSED, True)]


# --- bad input ---


def test_a_policy_that_moves_between_plan_and_approval_is_not_written_and_planned_anew() -> None:
    world = World(Mode.PROPOSE)
    (shown,) = world.consider()
    world.somebody_writes(THEIRS)

    world.deciding().approve(shown.id, ALICE)
    world.work()

    assert (world.policy, world.documents.writes) == (THEIRS, [])
    assert world.statuses == ["superseded", "planned"]
    assert world.bus.kinds() == [PLANNED, REFUSED, PLANNED]


def test_an_unknown_id_is_answered_with_what_to_do() -> None:
    answer = World().deciding().approve("r-000000000000", ALICE)

    assert answer.status == 404
    assert "secretwatch repairs" in answer.message


def test_a_plan_that_is_too_old_is_not_approved_and_planned_anew() -> None:
    world = World(Mode.PROPOSE)
    (shown,) = world.consider()
    world.later(PLAN_LASTS + timedelta(seconds=1))

    answer = world.deciding().approve(shown.id, ALICE)

    assert (answer.status, world.statuses) == (409, ["expired"])
    world.consider()
    assert world.statuses == ["planned"]


def test_what_is_applied_already_is_not_applied_again() -> None:
    world = World(Mode.ENFORCE)
    (done,) = world.consider()

    answer = world.deciding().approve(done.id, ALICE)
    world.work()

    assert (answer.status, len(world.documents.writes)) == (409, 1)


def test_an_approval_is_the_first_one_s() -> None:
    world = World(Mode.PROPOSE)
    (shown,) = world.consider()

    world.deciding().approve(shown.id, ALICE)
    world.deciding().approve(shown.id, "arn:aws:iam::111122223333:user/bob")
    world.work()

    assert [one.approved_by for one in world.repairs.audits] == [ALICE]


@pytest.mark.parametrize("when", ["before the approval", "after it"])
def test_a_secret_that_is_deleted_meanwhile_is_not_written(when: str) -> None:
    world = World(Mode.PROPOSE)
    (shown,) = world.consider()

    if when == "before the approval":
        del world.secrets.secrets[CRM]
    world.deciding().approve(shown.id, ALICE)
    world.secrets.secrets.pop(CRM, None)
    world.work()

    assert world.documents.writes == []
    assert world.only().status is Status.REFUSED
    assert "cannot be read" in (world.only().reason or "")


def test_a_rejected_plan_is_not_asked_for_again_until_something_changes() -> None:
    world = World(Mode.PROPOSE)
    (shown,) = world.consider()

    world.deciding().reject(shown.id, ALICE, "Terraform owns it.")
    world.consider()

    assert (world.statuses, world.deciding().approve(shown.id, ALICE).status) == (["rejected"], 409)
    world.somebody_writes(THEIRS)
    world.consider()
    assert world.statuses == ["rejected", "planned"]


def test_what_aws_would_not_take_is_not_tried() -> None:
    world = World(Mode.ENFORCE)
    world.documents.found = ["PublicAccess: it grants broad access"]

    world.consider()

    assert (world.statuses, world.documents.writes) == (["refused"], [])
    assert "broad access" in (world.only().reason or "")


def test_what_aws_does_not_take_is_refused_with_its_reason_and_not_tried_for_ever() -> None:
    world = World(Mode.ENFORCE)
    world.documents.refusal = Permanent("PutResourcePolicy: AccessDeniedException")

    world.consider()
    world.consider()

    assert (world.statuses, world.repairs.audits) == (["refused"], [])
    assert "AccessDenied" in (world.only().reason or "")


def test_a_write_that_got_no_answer_is_looked_up_by_the_next_delivery() -> None:
    world = World(Mode.ENFORCE)
    write = world.documents.write

    def lost(arn: str, text: str | None) -> str:
        write(arn, text)
        raise Transient("PutResourcePolicy: ReadTimeoutError")

    world.documents.write = lost  # type: ignore[method-assign]
    with pytest.raises(Transient):
        world.consider()
    world.later()
    world.consider()

    assert (world.statuses, len(world.documents.writes), len(world.repairs.audits)) == (["applied"], 1, 1)


# --- killed at every call ---


def enforced() -> tuple[World, SecretId | str]:
    return World(Mode.ENFORCE, policy=THEIRS), SecretId.of_arn(CRM)


def approved() -> tuple[World, SecretId | str]:
    world = World(Mode.PROPOSE, policy=THEIRS)
    (shown,) = world.consider()
    world.deciding().approve(shown.id, ALICE)
    return _started_anew(world), world.queue.waiting.pop()


def undone() -> tuple[World, SecretId | str]:
    world = World(Mode.ENFORCE, policy=THEIRS)
    (done,) = world.consider()
    world.deciding().undo(done.id, ALICE)
    return _started_anew(world), world.queue.waiting.pop()


def _started_anew(world: World) -> World:
    """What came before does not count."""
    world.process.calls.clear()
    world.documents.writes.clear()
    world.repairs.audits.clear()
    world.bus.news.clear()
    return world


def calls_of(start: Callable[[], tuple[World, SecretId | str]]) -> list[str]:
    world, asked = start()
    world.deliver(asked)
    return list(world.process.calls)


PATHS = {"enforced": enforced, "approved": approved, "undone": undone}


@pytest.mark.parametrize("after_it", [False, True], ids=["before it", "after it"])
@pytest.mark.parametrize(
    ("path", "at"),
    [
        pytest.param(path, at, id=f"{path}-{at}-{name}")
        for path, start in PATHS.items()
        for at, name in enumerate(calls_of(start))
    ],
)
def test_killed_at_any_call_the_next_delivery_finishes_with_one_write_and_one_audit_record(
    path: str, at: int, after_it: bool
) -> None:
    world, asked = PATHS[path]()
    world.process.dies_at, world.process.after_it = at, after_it

    with pytest.raises(Killed):
        world.deliver(asked)
    untouched = world.sids() == (["Deployers", READ_SID] if path == "undone" else ["Deployers"])
    assert untouched or len(world.documents.writes) == 1
    world.process.dies_at = None
    world.later()
    world.deliver(asked)

    assert world.sids() == (["Deployers"] if path == "undone" else ["Deployers", READ_SID])
    assert len(world.documents.writes) == 1
    assert len(world.repairs.audits) == 1
    assert world.bus.kinds() == [APPLIED]
    assert SecretId.of_arn(CRM) in world.checks.subjects


# --- races ---


def test_of_two_repairs_at_once_one_waits_for_the_lease_and_finds_the_other_done() -> None:
    world = World(Mode.ENFORCE)
    refused: list[str] = []

    def meanwhile() -> None:
        with pytest.raises(LostRace):
            world.consider()
        refused.append("the second")

    world.documents.before_read = [meanwhile]
    world.consider()
    world.consider()

    assert refused == ["the second"]
    assert (len(world.documents.writes), len(world.repairs.audits)) == (1, 1)


@pytest.mark.parametrize("read", [0, 1], ids=["as it is first read", "as it is read right before the write"])
def test_a_statement_that_somebody_adds_before_the_last_look_is_never_lost(read: int) -> None:
    world = World(Mode.ENFORCE, policy=THEIRS)
    world.documents.before_read = [*[lambda: None] * read, lambda: world.somebody_writes(MORE)]

    with pytest.raises(Transient):
        world.consider()
    assert (world.policy, world.documents.writes) == (MORE, [])
    world.later()
    world.consider()

    assert world.sids() == ["Deployers", "Partners", READ_SID]


def test_what_somebody_writes_over_ours_at_once_is_seen_and_written_down() -> None:
    world = World(Mode.ENFORCE, policy=THEIRS)
    world.documents.before_read = [lambda: None, lambda: None, lambda: world.somebody_writes(THEIRS)]

    world.consider()

    assert world.policy == THEIRS
    assert "another one already" in (world.repairs.audits[0].note or "")


def test_a_policy_that_moves_while_the_process_is_gone_is_left_alone() -> None:
    world = World(Mode.ENFORCE, policy=THEIRS)
    world.process.dies_at = calls_of(enforced).index("policy.write")

    with pytest.raises(Killed):
        world.consider()
    world.somebody_writes(MORE)
    world.process.dies_at = None
    world.later()
    with pytest.raises(Transient):
        world.consider()
    world.consider()

    assert world.sids() == ["Deployers", "Partners", READ_SID]
    assert len(world.repairs.audits) == 1


# --- bounds ---


def test_beyond_its_budget_for_the_hour_a_person_has_to_approve() -> None:
    world = World(Mode.ENFORCE, budget_per_hour=1, contested_after=9)
    world.consider()
    world.somebody_writes(THEIRS)

    world.consider()
    assert world.statuses == ["applied", "planned"]
    world.deciding().approve(world.repairs.standing(CRM).plan or "", ALICE)
    world.work()
    assert world.statuses == ["applied", "applied"]


def test_a_budget_begins_anew_with_the_hour() -> None:
    world = World(Mode.ENFORCE, budget_per_hour=1, contested_after=9)
    world.consider()
    world.somebody_writes(THEIRS)
    world.later(timedelta(hours=1))

    world.consider()

    assert world.statuses == ["applied", "applied"]


def test_a_writer_who_undoes_it_each_time_is_answered_so_often_then_named_and_left_alone() -> None:
    world = World(Mode.ENFORCE, budget_per_hour=99, contested_after=3)
    for _ in range(7):
        world.consider()
        world.somebody_writes(THEIRS)
        world.later(timedelta(minutes=1))
    world.consider()

    assert len(world.documents.writes) == 1 + 3
    assert world.bus.kinds() == [*[APPLIED] * 4, CONTESTED]
    (contest,) = [one for one in world.bus.news if one.what == CONTESTED]
    assert contest.by == ("arn:aws:iam::111122223333:role/terraform",)
    assert f'sid       = "{READ_SID}"' in contest.message


def test_a_contest_is_told_though_cloudtrail_does_not_say_who() -> None:
    world = World(Mode.ENFORCE, contested_after=0)
    world.writers.failure = Permanent("LookupEvents: AccessDenied")
    world.consider()
    world.somebody_writes(None)

    world.consider()

    assert "Another writer" in world.bus.news[-1].message


def test_a_contest_ends_when_somebody_resumes() -> None:
    world = World(Mode.ENFORCE, contested_after=0)
    world.consider()
    world.somebody_writes(THEIRS)
    world.consider()
    assert world.sids() == ["Deployers"]

    world.deciding().resume(CRM, ALICE)
    world.work()

    assert world.sids() == ["Deployers", READ_SID]


def test_undone_repairs_count_for_a_day() -> None:
    world = World(Mode.ENFORCE, contested_after=1)
    for _ in range(4):
        world.consider()
        world.somebody_writes(THEIRS)
        world.later(timedelta(hours=25))

    assert CONTESTED not in world.bus.kinds()


def test_a_statement_that_another_reader_joins_was_not_undone_by_anybody() -> None:
    world = World(Mode.ENFORCE, contested_after=0)
    world.consider()
    world.wanted = Rules(required_readers=(AGENTCORE, BOT))
    world.identities.decisions[BOT, "secretsmanager:GetSecretValue"] = IdentityDecision.DENIED_IMPLICIT

    world.consider()

    assert world.bus.kinds() == [APPLIED, APPLIED]
    assert json.loads(world.policy or "")["Statement"][0]["Principal"] == {"Service": AGENTCORE, "AWS": BOT}


@pytest.mark.parametrize("resource", [CRM, None], ids=["one", "all"])
def test_what_is_paused_is_neither_planned_nor_approved_until_somebody_resumes(resource: str | None) -> None:
    world = World(Mode.PROPOSE)
    (shown,) = world.consider()
    world.deciding().pause(resource, ALICE)

    answer = world.deciding().approve(shown.id, ALICE)
    world.somebody_writes(THEIRS)
    world.consider()

    assert (answer.status, "paused by" in answer.message) == (409, True)
    assert world.statuses == ["planned"]
    world.deciding().resume(resource, ALICE)
    world.work()
    assert world.statuses == ["superseded", "planned"]


def test_a_pause_between_approval_and_write_holds() -> None:
    world = World(Mode.PROPOSE)
    (shown,) = world.consider()
    world.deciding().approve(shown.id, ALICE)
    world.deciding().pause(CRM, ALICE)

    world.work()

    assert world.documents.writes == []
    assert "paused" in (world.only().reason or "")


def test_when_too_many_break_at_once_repairs_stop_and_people_are_told_once() -> None:
    world = World(Mode.ENFORCE, breaker_secrets=3, breaker_percent=100)
    for number in range(8):
        world.consider(world.add(f"agents/{number}"))

    assert len(world.documents.writes) == 3
    assert world.bus.kinds() == [*[APPLIED] * 3, REFUSED]
    assert world.bus.news[-1].resource is None


def test_a_share_of_all_secrets_stops_repairs_too_but_not_of_a_few() -> None:
    few, many = World(Mode.PROPOSE), World(Mode.PROPOSE)
    few.consider()
    for number in range(20):
        many.add(f"sound/{number}", LETS_AGENTCORE_READ)
    for number in range(8):
        many.consider(many.add(f"agents/{number}"))

    assert few.statuses == ["planned"]
    assert many.repairs.breaker().tripped_at is not None
    assert len(many.statuses) < 8


def test_after_the_breaker_somebody_resumes_and_what_was_broken_is_looked_at() -> None:
    world = World(Mode.ENFORCE, breaker_secrets=1, breaker_percent=100)
    for number in range(4):
        world.consider(world.add(f"agents/{number}"))
    assert len(world.documents.writes) == 1

    world.deciding().resume(None, ALICE)
    world.work()

    assert len(world.documents.writes) == 4


def test_secrets_that_break_far_apart_are_no_mass() -> None:
    world = World(Mode.ENFORCE, breaker_secrets=1, breaker_percent=100)
    for number in range(4):
        world.consider(world.add(f"agents/{number}"))
        world.later(timedelta(minutes=11))

    assert len(world.documents.writes) == 4


# --- keys ---

OWNER = a_document(
    a_statement(Sid="Owner", Principal={"AWS": "arn:aws:iam::111122223333:root"}, Action=["kms:Put*", "kms:Get*"])
)


def with_key(world: World) -> World:
    world.secret.key = world.keys.add(policy=OWNER)
    world.somebody_writes()
    return world


def test_a_key_s_policy_is_repaired_where_that_is_switched_on() -> None:
    world = with_key(World(Mode.ENFORCE, key_policies=True))

    world.consider()

    assert [one["Sid"] for one in json.loads(world.keys.policies[KEY_ARN])["Statement"]] == ["Owner", DECRYPT_SID]
    assert [one.resource for one in world.repairs.audits] == [KEY_ARN]


def test_a_key_s_policy_is_left_alone_otherwise() -> None:
    world = with_key(World(Mode.ENFORCE))

    world.consider()

    assert (world.keys.policies[KEY_ARN], world.statuses) == (OWNER, [])


# --- undo ---


@pytest.mark.parametrize("policy", [None, THEIRS], ids=["none", "one"])
def test_undoing_restores_the_document_and_pauses_the_policy(policy: str | None) -> None:
    world = World(Mode.ENFORCE, policy=policy)
    (done,) = world.consider()

    assert world.deciding().undo(done.id, ALICE).status == 202
    world.work()
    world.consider()

    assert world.policy == policy
    assert [one.purpose for one in world.repairs.audits] == [Purpose.REPAIR, Purpose.UNDO]
    assert world.repairs.standing(CRM).paused_by == ALICE
    assert world.deciding().undo(done.id, ALICE).status == 409


def test_undoing_what_was_changed_since_takes_out_our_statement_alone() -> None:
    world = World(Mode.ENFORCE, policy=THEIRS)
    (done,) = world.consider()
    now = json.loads(world.policy or "")
    partners = json.loads(MORE)["Statement"][1]
    world.somebody_writes(json.dumps({**now, "Statement": [partners, *now["Statement"]]}))

    world.deciding().undo(done.id, ALICE)
    world.work()

    assert world.sids() == ["Partners", "Deployers"]


def test_undoing_of_one_secret_leaves_the_key_to_those_that_came_after_it() -> None:
    world = with_key(World(Mode.ENFORCE, key_policies=True))
    (done,) = world.consider()
    other = world.add("mail", policy=world.policy)
    world.secrets.secrets[other.arn or ""].key = world.secret.key
    world.repairing().consider(other)
    assert secrets_of_key(world) == [CRM, other.arn]

    world.deciding().undo(done.id, ALICE)
    world.work()

    assert secrets_of_key(world) == [other.arn]


def secrets_of_key(world: World) -> list[str]:
    """Whose values our statement lets its readers decrypt."""
    statements = json.loads(world.keys.policies[KEY_ARN])["Statement"]
    (ours,) = [one for one in statements if one["Sid"] == DECRYPT_SID]
    arns = ours["Condition"]["StringEquals"]["kms:EncryptionContext:SecretARN"]
    return sorted(arns) if isinstance(arns, list) else [arns]


def test_undoing_what_is_gone_already_writes_nothing_and_says_so() -> None:
    world = World(Mode.ENFORCE, policy=THEIRS)
    (done,) = world.consider()
    world.somebody_writes(THEIRS)

    world.deciding().undo(done.id, ALICE)
    world.work()

    assert len(world.documents.writes) == 1
    assert "nothing of ours" in (world.repairs.repairs[done.id].reason or "")


def test_undoing_on_a_secret_that_is_gone_says_so() -> None:
    world = World(Mode.ENFORCE)
    (done,) = world.consider()
    del world.secrets.secrets[CRM]

    world.deciding().undo(done.id, ALICE)
    world.work()

    assert "ResourceNotFound" in (world.repairs.repairs[done.id].reason or "")


def test_only_an_applied_repair_can_be_undone() -> None:
    world = World(Mode.PROPOSE)
    (shown,) = world.consider()

    assert world.deciding().undo(shown.id, ALICE).status == 409
    assert world.deciding().undo("r-000000000000", ALICE).status == 404


@pytest.mark.parametrize("wish", ["approve", "undo"])
def test_where_the_mode_is_observe_nothing_is_approved_or_undone(wish: str) -> None:
    world = World(Mode.ENFORCE)
    (done,) = world.consider()
    world.rules = type(world.rules)(mode=Mode.OBSERVE)

    assert "RepairMode is observe" in getattr(world.deciding(), wish)(done.id, ALICE).message
