"""Onboardings state by state: what goes through, what is refused and with which fix, and what is left behind."""

import json
import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from secretwatch.domain.facts import ValueShape
from secretwatch.domain.key import KeyId
from secretwatch.domain.onboarding.errors import ProviderRefused
from secretwatch.domain.onboarding.onboarding import Pointer, Status
from secretwatch.domain.onboarding.request import SERVERS, OnboardingRequest, read_request
from secretwatch.domain.reference import ProviderKind
from secretwatch.domain.repair.repair import Purpose
from secretwatch.domain.repair.rules import REPAIR_TAG, Mode
from secretwatch.domain.repair.statement import DECRYPT_SID, READ_SID
from secretwatch.domain.rules import ReadValues, Rules
from secretwatch.errors import LostRace, Permanent, Transient
from tests.fakes import (
    KEY_ARN,
    LETS_AGENTCORE_READ,
    FakeGateways,
    a_consumer,
    a_document,
    a_gateway,
    a_name,
    a_provider,
    a_reference,
    a_statement,
)
from tests.unit.onboarding.world import (
    ALICE,
    ALLOWED,
    BOB,
    CALLBACK,
    WALLET,
    WEATHER,
    Ended,
    World,
    a_custom,
    a_wallet,
    an_api_key,
    an_oauth2,
)

THEIRS = a_document(a_statement(Sid="Deployers", Principal={"AWS": "arn:aws:iam::111122223333:role/deployer"}))
KEY_POLICY = a_document(
    a_statement(Sid="Admins", Principal={"AWS": "arn:aws:iam::111122223333:role/admin"}, Action="kms:*")
)
LITERAL = "sk-live-4f9a8b7c6d5e"
API_KEY = a_name("weather", ProviderKind.API_KEY)


def under_a_key(world: World, policy: str = KEY_POLICY) -> World:
    world.keys.add(KEY_ARN, policy=policy)
    for secret in world.secrets.secrets.values():
        secret.key = KeyId(KEY_ARN)
    return world


# --- what goes through ---


def test_a_secret_that_nobody_may_read_gets_a_statement_a_provider_a_verdict_and_an_announcement() -> None:
    world = World(policy=THEIRS)

    ended = world.onboard(an_api_key(owner="Team Weather"))

    assert ended.succeeded
    assert world.sids() == ["Deployers", READ_SID]
    assert list(world.vault.held) == list(world.records.records) == [API_KEY]
    assert [state.verdict for state in world.references.states.values()] == ["RESOLVES"]
    assert world.bus.kinds() == ["Onboarding Started", "Onboarding Succeeded"]
    assert [audit.purpose for audit in world.repairs.audits] == [Purpose.GRANT]
    assert world.onboardings.onboardings["o-1"].status is Status.SUCCEEDED
    assert world.onboardings.claims == {}


def test_an_oauth2_provider_comes_with_the_url_that_is_to_be_registered() -> None:
    world = World()

    ended = world.onboard(an_oauth2())

    assert world.bus.last()["callbackUrl"] == CALLBACK
    assert f"Register this URL at the vendor, as its redirect or callback URL: {CALLBACK}" in ended.output.message
    assert f"Its ARN is {world.vault.held[a_name('crm')].arn}." in ended.output.message


def test_two_secrets_under_one_key_are_both_granted_one_after_the_other() -> None:
    world = under_a_key(World(key_policies=True))

    ended = world.onboard(a_wallet())

    assert ended.succeeded
    statements = {one["Sid"]: one for one in json.loads(world.keys.policies[KEY_ARN])["Statement"]}
    named = statements[DECRYPT_SID]["Condition"]["StringEquals"]["kms:EncryptionContext:SecretARN"]
    assert named == [WALLET, WEATHER]
    assert (world.sids(WEATHER), world.sids(WALLET)) == ([READ_SID], [READ_SID])


def test_a_secret_named_by_its_name_is_found() -> None:
    world = World()

    assert world.onboard(an_api_key(secret="agents/weather")).succeeded
    assert world.onboardings.onboardings["o-1"].secrets == [WEATHER]


def test_where_access_is_given_already_no_policy_is_touched() -> None:
    world = World(policy=LETS_AGENTCORE_READ)

    assert world.onboard(an_api_key()).succeeded
    assert world.documents.writes == []


def test_other_providers_of_the_secret_keep_their_access() -> None:
    world = World()
    other = a_reference("crm", secret=WEATHER)
    world.records.record(None, a_provider("crm", other), moved=[])

    assert world.onboard(an_api_key(), decide=approved_by(world, ALICE)).succeeded
    assert world.references.states[other].verdict == "RESOLVES"


def test_a_provider_that_is_there_as_it_is_asked_for_is_taken_and_never_deleted() -> None:
    world = World()
    world.vault.put(API_KEY, an_api_key())

    assert world.onboard(an_api_key()).succeeded
    assert (world.vault.created, world.onboardings.onboardings["o-1"].created) == ([], False)
    assert "was there already, with the same references" in world.bus.last()["message"]


def test_a_provider_that_was_there_stays_when_the_onboarding_comes_to_nothing() -> None:
    world = World()
    world.vault.put(API_KEY, an_api_key())
    before = world.outside()
    world.failing["Register"] = Permanent("PutItem: AccessDeniedException")

    assert world.onboard(an_api_key()).failed_at == "Register"
    assert world.outside() == before


def test_the_same_request_again_adopts_what_the_first_one_created() -> None:
    world = World()
    world.onboard(an_api_key())
    before = world.outside()

    assert world.onboard(an_api_key(), "o-2").succeeded
    assert world.outside() == before
    assert len(world.vault.created) == 1


def test_the_same_request_twice_at_once_goes_through_once() -> None:
    world = World()
    second: list[Ended] = []
    world.before_state["CreateProvider"] = lambda: second.append(world.onboard(an_api_key(), "o-2"))

    first = world.onboard(an_api_key())

    assert first.succeeded
    assert (second[0].error, "execution:OnboardSecret:o-1 works on" in (second[0].message or "")) == (
        "AlreadyUnderWay",
        True,
    )
    assert (len(world.vault.created), len(world.records.records)) == (1, 1)
    assert world.onboardings.claims == {}


def test_a_name_whose_execution_was_stopped_is_taken_over() -> None:
    world = World()
    world.onboardings.claims[API_KEY] = "arn:of-one-that-was-stopped"

    assert world.onboard(an_api_key()).succeeded


def test_agentcore_may_take_its_time() -> None:
    world = World()
    world.vault.settles_after = 3

    assert world.onboard(an_oauth2()).succeeded


def test_an_operator_who_lets_no_value_be_read_gets_a_warning_not_a_no() -> None:
    world = World()
    world.rules = Rules(read_values=ReadValues.NONE)

    assert world.onboard(an_api_key()).succeeded
    assert "ReadSecretValues: none" in world.onboardings.onboardings["o-1"].warnings[0]


def test_a_key_is_fetched_once_where_both_the_stack_and_the_request_want_it() -> None:
    world = World()
    world.vends = True

    assert world.onboard(an_api_key(options={"vend": True})).succeeded
    assert world.vending.vended == ["weather"]


def test_a_key_that_agentcore_does_not_hand_out_is_no_provider() -> None:
    world = World()
    world.vends, before = True, world.outside()
    world.vending.failure = Permanent("GetResourceApiKey: AccessDeniedException")

    ended = world.onboard(an_api_key(options={"vend": True}))

    assert (ended.error, world.outside()) == ("NotResolving", before)
    assert "GetResourceApiKey" in (ended.message or "")


# --- approvals ---


def approved_by(world: World, who: str) -> Any:
    return lambda id_: world.deciding().approve(id_, who)


def test_without_the_owners_tag_somebody_has_to_approve_and_is_shown_what() -> None:
    world = World()
    world.secret.tags = {}

    ended = world.onboard(an_api_key(), decide=approved_by(world, ALICE))

    assert ended.succeeded
    asked = next(one.detail() for one in world.bus.told if one.detail_type == "Onboarding Awaiting Approval")
    assert asked["approval"]["plans"][0]["resource"] == WEATHER
    assert READ_SID in asked["approval"]["plans"][0]["diff"]
    assert "`secretwatch onboardings o-1`, then `secretwatch approve o-1`" in asked["message"]
    assert world.repairs.audits[0].approved_by == ALICE
    assert world.onboardings.onboardings["o-1"].requested_by == BOB


@pytest.mark.parametrize(
    ("tags", "needed"),
    [
        (ALLOWED, False),
        ({}, True),
        ({"secretwatch:allow-provider": "API_KEY/weathers"}, True),
        ({"secretwatch:allow-provider": "weather"}, True),
        ({"secretwatch:allow-provider": "OAUTH2/weather"}, True),
        ({**ALLOWED, "aws:cloudformation:stack-name": "s"}, True),
        ({**ALLOWED, REPAIR_TAG: "propose"}, True),
    ],
)
def test_an_approval_is_spared_by_the_owners_tag_alone(tags: dict[str, str], needed: bool) -> None:
    world = World(Mode.ENFORCE)
    world.secret.tags = tags

    world.onboard(an_api_key())

    approval = world.onboardings.onboardings["o-1"].approval
    assert approval
    assert approval.needed is needed


def test_a_secret_kept_as_code_needs_no_approval_where_nothing_is_changed() -> None:
    world = World(policy=LETS_AGENTCORE_READ)
    world.secret.tags = {**ALLOWED, "aws:cloudformation:stack-name": "s"}

    assert world.onboard(an_api_key()).succeeded


def test_one_secret_of_two_without_the_tag_is_enough_to_ask() -> None:
    world = World()
    world.secrets.secrets[WALLET].tags = {}

    assert world.onboard(a_wallet()).failed_at == "Approve"


def test_nobody_who_answers_in_time_is_a_no() -> None:
    world = World()
    world.secret.tags = {}
    before = world.outside()

    ended = world.onboard(an_api_key(options={"approveWithinSeconds": 3600}))

    assert (ended.message or "").startswith("nobody approved it within 1 hour. Agree with ")
    assert world.outside() == before
    assert world.deciding().approve("o-1", ALICE).status == 409


def test_a_rejection_says_who_and_why_and_leaves_nothing() -> None:
    world = World()
    world.secret.tags = {}
    before = world.outside()

    ended = world.onboard(an_api_key(), decide=lambda id_: world.deciding().reject(id_, ALICE, "Not ours."))

    assert ended.error == "ApprovalRejected"
    assert (ended.message or "").startswith(f"{ALICE} rejected it: Not ours. Agree with ")
    assert world.outside() == before


def test_a_policy_that_moves_while_somebody_thinks_is_not_written() -> None:
    world = World(policy=THEIRS)
    world.secret.tags = {}

    def decide(id_: str) -> None:
        world.secret.policies["default"] = a_document(a_statement(Sid="Partners", Principal={"AWS": "444455556666"}))
        world.deciding().approve(id_, ALICE)

    ended = world.onboard(an_api_key(), decide=decide)

    assert ended.error == "PolicyMoved"
    assert (world.sids(), world.documents.writes, world.vault.held) == (["Partners"], [], {})


def test_a_grant_that_nobody_approved_is_never_made() -> None:
    world = World()
    world.secret.tags = {}
    world.onboard(an_api_key())

    with pytest.raises(Permanent, match="nobody approved it"):
        world.granting().grant("o-1")
    assert world.documents.writes == []


# --- deciding ---


def waiting(world: World) -> World:
    """An onboarding that waits, and whose time is not over."""
    world.secret.tags = {}
    world.onboard(an_api_key(), decide=lambda _id: None)
    onboarding = world.onboardings.onboardings["o-1"]
    world.now -= timedelta(days=3)
    world.onboardings.onboardings["o-1"] = replace(onboarding, status=Status.AWAITING_APPROVAL, error=None)
    world.decisions.waiting.add("token-1")
    return world


def test_nobody_approves_an_onboarding_of_their_own() -> None:
    world = waiting(World())

    answer = world.deciding().approve("o-1", BOB)

    assert (answer.status, "nobody approves an onboarding of their own" in answer.message) == (403, True)
    assert world.decisions.came_to == {}


def test_who_started_it_may_take_it_back() -> None:
    world = waiting(World())

    assert world.deciding().reject("o-1", BOB, "A mistake.").status == 200
    assert world.starters.asked == 0


def test_until_aws_says_who_started_it_nobody_approves() -> None:
    world = waiting(World())
    world.starters.who = ()

    answer = world.deciding().approve("o-1", ALICE)

    assert (answer.status, "try again" in answer.message) == (409, True)
    world.starters.who = (BOB,)
    assert world.deciding().approve("o-1", ALICE).status == 202


def test_an_approval_that_got_lost_on_its_way_is_sent_again_and_is_the_first_ones() -> None:
    world = waiting(World())
    world.decisions.failures = [Transient("SendTaskSuccess: ReadTimeoutError")]

    with pytest.raises(Transient):
        world.deciding().approve("o-1", ALICE)
    assert world.deciding().approve("o-1", "arn:aws:iam::111122223333:user/carol").status == 202

    assert world.decisions.came_to == {"token-1": (True, ALICE)}


def test_what_was_approved_is_not_rejected_after_it() -> None:
    world = waiting(World())
    world.deciding().approve("o-1", ALICE)

    answer = world.deciding().reject("o-1", ALICE, "Wait!")

    assert (answer.status, "approved already" in answer.message) == (409, True)


def test_a_decision_that_comes_too_late_says_so() -> None:
    world = waiting(World())
    world.later(timedelta(days=3))

    assert world.deciding().approve("o-1", ALICE).status == 409
    assert world.deciding().approve("o-none", ALICE).status == 404


def test_an_execution_that_waits_no_longer_is_not_told() -> None:
    world = waiting(World())
    world.decisions.waiting.clear()

    answer = world.deciding().approve("o-1", ALICE)

    assert (answer.status, "waits no longer" in answer.message) == (409, True)


# --- bad input ---


def refused(world: World, given: object) -> list[tuple[str, str, str | None]]:
    """The problems that the request is refused with; nothing has changed."""
    before = world.outside()
    ended = world.onboard(given)
    assert ended.error == "RequestRefused", ended
    assert world.outside() == before
    problems = world.bus.last()["failure"]["problems"]
    assert [f"{one['field']} {one['message']}" in (ended.message or "") for one in problems] == [True] * len(problems)
    return [(one["field"], one["message"], one["fix"]) for one in problems]


def test_a_literal_secret_is_refused_and_stands_nowhere(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World()

    with caplog.at_level(logging.DEBUG):
        problems = refused(world, {"name": "weather", "apiKey": LITERAL})

    assert any("rotate it" in (fix or "") for _, _, fix in problems)
    seen = [repr(vars(world)), repr(world.onboardings.onboardings), repr([one.detail() for one in world.bus.told])]
    assert LITERAL not in "".join([*seen, caplog.text, *capsys.readouterr()])
    assert world.onboardings.onboardings["o-1"].asked is None


@pytest.mark.parametrize("given", [None, [], "weather", 7, {}, {"name": LITERAL * 20}, {"name": {"a": LITERAL}}])
def test_what_is_no_request_is_refused_without_being_repeated(given: object) -> None:
    world = World()

    assert refused(world, given)
    assert LITERAL not in repr([one.detail() for one in world.bus.told])


def test_every_problem_is_told_at_once() -> None:
    world = World()
    world.rules = Rules(required_tags={"team": frozenset()}, rotation=True)
    world.secret.shapes["v1"] = ValueShape.KEY_MISSING

    problems = refused(world, an_api_key())

    assert [field for field, *_ in problems] == [
        "apiKeySecretConfig.jsonKey",
        "apiKeySecretConfig.secretId",
        "apiKeySecretConfig.secretId",
    ]
    assert all(fix for *_, fix in problems)


def test_a_secret_that_is_not_there_is_refused() -> None:
    ((field, message, fix),) = refused(World(), an_api_key(secret="agents/nothing"))

    assert (field, "does not know" in message, bool(fix)) == ("apiKeySecretConfig.secretId", True, True)


def test_a_secret_in_another_region_is_refused() -> None:
    elsewhere = WEATHER.replace("eu-west-1", "us-east-1")

    ((_, message, fix),) = refused(World(), an_api_key(secret=elsewhere))

    assert "us-east-1" in message
    assert "eu-west-1" in (fix or "")


def test_where_nothing_may_be_changed_the_statement_to_add_is_the_fix() -> None:
    world = World(Mode.OBSERVE)

    problems = refused(world, an_api_key())

    assert any(READ_SID in (fix or "") for *_, fix in problems)


def test_where_keys_are_not_repaired_the_statement_for_the_key_is_the_fix() -> None:
    world = under_a_key(World())

    ((_, message, fix),) = refused(world, an_api_key())

    assert "decrypt" in message
    assert DECRYPT_SID in (fix or "")


def test_a_policy_that_people_keep_us_from_is_refused_before_anybody_is_asked() -> None:
    world = World()
    standing = world.repairs.standing(WEATHER).successor(paused_at=world.now, paused_by=ALICE)
    world.repairs.store(standing)

    ((_, message, fix),) = refused(world, an_api_key())

    assert f"paused by {ALICE}" in message
    assert "resume" in (fix or "")


def test_an_explicit_deny_is_refused() -> None:
    world = World(policy=a_document(a_statement(Effect="Deny")))

    assert any("explicitly denies" in message for _, message, _ in refused(world, an_api_key()))


def test_what_cannot_be_looked_at_is_refused_with_what_to_do() -> None:
    world = World()
    world.secrets.failures["policy"] = Permanent("GetResourcePolicy: AccessDeniedException")

    problems = refused(world, an_api_key())

    assert any("SecretArnPatterns" in (fix or "") for *_, fix in problems)


def test_what_trying_later_may_tell_is_tried_later() -> None:
    world = World()
    world.secrets.failures["policy"] = Transient("GetResourcePolicy: ThrottlingException")

    assert world.onboard(an_api_key()).failed_at == "Inspect"
    with pytest.raises(Transient):
        world.inspecting().inspect("o-1")


@pytest.mark.parametrize(
    ("vends", "request_"),
    [(False, an_api_key(options={"vend": True})), (True, an_oauth2(options={"vend": True}))],
)
def test_to_fetch_a_credential_where_that_is_off_or_would_mint_a_token_is_refused(
    vends: bool, request_: dict[str, Any]
) -> None:
    world = World()
    world.vends = vends

    assert [field for field, *_ in refused(world, request_)] == ["options.vend"]


@pytest.mark.parametrize(
    "there",
    [
        an_api_key(json_key="other"),
        an_api_key(secret=WALLET),
    ],
)
def test_a_name_that_is_taken_by_another_one_is_refused_and_that_one_stays(there: dict[str, Any]) -> None:
    world = World()
    world.vault.put(API_KEY, there)
    before = world.outside()

    ended = world.onboard(an_api_key())

    assert (ended.error, ended.failed_at, world.outside()) == ("NameTaken", "Inspect", before)
    assert "apiKey points elsewhere" in (ended.message or "")


def test_another_vendor_of_the_same_secret_is_another_provider() -> None:
    world = World()
    world.vault.put(a_name("crm"), an_oauth2(), vendor="SlackOauth2")

    assert world.onboard(an_oauth2()).error == "NameTaken"


@pytest.mark.parametrize(
    ("there", "taken"),
    [
        ({"clientId": "another"}, "its clientId is another one"),
        ({"clientId": "id", "discoveryUrl": "https://accounts.google.com"}, None),
        ({}, None),
    ],
)
def test_a_provider_of_another_client_at_the_vendor_is_another_one_as_far_as_agentcore_shows_it(
    there: dict[str, str], taken: str | None
) -> None:
    world = World()
    world.vault.put(a_name("crm"), an_oauth2(), client=there)

    ended = world.onboard(an_oauth2())

    assert (ended.error, (taken or "") in (ended.message or "")) == ("NameTaken" if taken else None, True)
    if taken:
        assert "Choose another name, or offboard that one." in (ended.message or "")
        assert [one["field"] for one in world.bus.last()["failure"]["problems"]] == ["name"]


@pytest.mark.parametrize(
    "there",
    [
        {"discoveryUrl": "https://evil.example/.well-known/openid-configuration"},
        {"issuer": "https://evil.example", "tokenEndpoint": "https://evil.example/token"},
        {"privateEndpoint": "{}"},
        {},
    ],
    ids=str,
)
def test_a_provider_that_sends_the_credential_elsewhere_is_not_adopted(there: dict[str, str]) -> None:
    """Somebody may have created it beforehand, without any policy that would have let it work."""
    world = World(policy=THEIRS)
    asked = a_custom()
    request = read_request(asked)
    assert isinstance(request, OnboardingRequest)
    elsewhere = {name: value for name, value in request.client.items() if name not in SERVERS} | there
    if "privateEndpoint" in there:
        elsewhere = {**request.client, **there}
    world.vault.put(a_name(request.name), asked, client=elsewhere)

    assert world.onboard(asked).error == "NameTaken"
    assert world.policy() == THEIRS


def taken_by_another(world: World) -> None:
    world.vault.put(API_KEY, an_api_key(json_key="other"))


def test_a_name_that_is_taken_in_the_last_moment_is_refused_and_all_is_taken_back() -> None:
    world = World(policy=THEIRS)
    world.before_state["CreateProvider"] = lambda: taken_by_another(world)

    ended = world.onboard(an_api_key())

    assert (ended.error, ended.failed_at) == ("NameTaken", "CreateProvider")
    assert (world.policy(), list(world.vault.held)) == (THEIRS, [API_KEY])


# --- what fails, and what is left ---


def test_what_agentcore_refuses_is_told_in_its_words_and_all_is_taken_back() -> None:
    world = World(policy=THEIRS)
    before = world.outside()
    world.vault.refusal = ProviderRefused("CreateApiKeyCredentialProvider: ServiceQuotaExceededException")

    ended = world.onboard(an_api_key())

    assert (ended.error, ended.failed_at, world.outside()) == ("ProviderRefused", "CreateProvider", before)
    assert world.bus.last()["failure"]["message"] == ended.message
    assert [audit.purpose for audit in world.repairs.audits] == [Purpose.GRANT, Purpose.WITHDRAW]


def test_a_provider_that_agentcore_gives_up_on_is_deleted_again() -> None:
    world = World()
    before = world.outside()
    world.vault.becomes = {"status": "CREATE_FAILED", "failure_reason": "The discovery URL does not answer."}

    ended = world.onboard(an_oauth2())

    assert (ended.error, world.outside()) == ("ProviderFailed", before)
    assert "discovery URL" in (ended.message or "")


def test_a_provider_that_reads_back_otherwise_is_deleted_again() -> None:
    world = World()
    before = world.outside()
    world.vault.becomes = {"pointers": frozenset()}

    ended = world.onboard(an_api_key())

    assert (ended.error, ended.failed_at, world.outside()) == ("NotResolving", "Verify", before)


@pytest.mark.parametrize("state", ["Validate", "Inspect", "Grant", "CreateProvider", "Verify", "Register", "Announce"])
@pytest.mark.parametrize("error", [Permanent("PutItem: AccessDeniedException"), LostRace("moved on")], ids=type)
def test_a_failure_of_any_state_leaves_all_as_it_was_and_says_what_happened(state: str, error: Exception) -> None:
    world = under_a_key(World(policy=THEIRS, key_policies=True))
    before = world.outside()
    world.failing[state] = error

    ended = world.onboard(a_wallet())

    assert (ended.failed_at, ended.error) == (state, type(error).__name__)
    assert (ended.message or "").startswith(f"{error}. ")  # and what to do
    assert world.outside() == before
    told = world.bus.last()
    assert (told["failure"]["step"], told["rollBack"]) == (state, {"leftAlone": [], "failed": []})
    assert "Nothing of it is left." in told["message"]


def test_an_error_that_is_not_ours_is_not_repeated() -> None:
    world = World()
    execution = world.execution()
    caught = "Verify", "KeyError", json.dumps({"errorMessage": LITERAL, "errorType": "KeyError"})

    failure, _ = world.announcing().fail(execution, caught, [])

    assert failure.message == "Verify failed in a way that nobody foresaw (KeyError): the function's log says more"


def test_what_cannot_be_taken_back_is_told_and_does_not_stop_the_rest() -> None:
    world = World(policy=THEIRS)
    world.failing["Verify"] = Permanent("GetProvider: AccessDeniedException")
    world.failing["DeleteProvider"] = Permanent("DeleteProvider: AccessDeniedException")

    world.onboard(an_api_key())

    assert world.policy() == THEIRS
    assert world.onboardings.onboardings["o-1"].status is Status.ROLL_BACK_FAILED
    assert world.bus.last()["rollBack"]["failed"] == ["DeleteProvider: DeleteProvider: AccessDeniedException"]
    assert "a person has to look" in world.bus.last()["message"]


def test_a_policy_that_somebody_changed_since_keeps_that_and_loses_what_we_added() -> None:
    world = World(policy=THEIRS)
    more = a_statement(Sid="Partners", Principal={"AWS": "444455556666"})

    def somebody_adds() -> None:
        document = json.loads(world.policy() or "")
        world.secret.policies["default"] = json.dumps({**document, "Statement": [*document["Statement"], more]})

    world.before_state["CreateProvider"] = somebody_adds
    world.failing["Verify"] = Permanent("GetProvider: AccessDeniedException")

    world.onboard(an_api_key())

    assert world.sids() == ["Deployers", "Partners"]
    assert [one.paused_at for one in world.repairs.standings.values()] == [None]


def test_a_key_that_others_got_a_place_in_since_keeps_theirs() -> None:
    world = under_a_key(World(policy=LETS_AGENTCORE_READ, key_policies=True))
    second: list[Ended] = []

    def meanwhile() -> None:
        second.append(world.onboard(an_api_key("crm", WALLET), "o-2"))
        world.failing["Register"] = Permanent("PutItem: AccessDeniedException")

    world.before_state["CreateProvider"] = meanwhile
    ended = world.onboard(an_api_key())

    assert (second[0].succeeded, ended.failed_at) == (True, "Register")
    (ours,) = [one for one in json.loads(world.keys.policies[KEY_ARN])["Statement"] if one["Sid"] == DECRYPT_SID]
    assert ours["Condition"]["StringEquals"]["kms:EncryptionContext:SecretARN"] == WALLET


def test_a_statement_that_another_provider_depends_on_by_now_stays_and_that_is_said() -> None:
    world = World(policy=THEIRS)
    other = a_reference("crm", secret=WEATHER)
    world.before_state["CreateProvider"] = lambda: world.records.record(None, a_provider("crm", other), moved=[])
    world.failing["Verify"] = Permanent("GetProvider: AccessDeniedException")

    world.onboard(an_api_key())

    assert world.sids() == ["Deployers", READ_SID]
    (note,) = world.bus.last()["rollBack"]["leftAlone"]
    assert "for crm would lack access" in note
    assert world.onboardings.onboardings["o-1"].status is Status.ROLLED_BACK


def test_where_agentcore_shows_no_tags_what_it_answered_tells_whose_provider_it_is() -> None:
    world = World()
    before = world.outside()
    world.vault.shows_tags = False
    world.failing["Verify"] = Permanent("GetProvider: AccessDeniedException")

    world.onboard(an_api_key())

    assert world.outside() == before


# --- offboarding ---


def test_a_provider_that_nobody_uses_goes_with_all_that_only_it_needed() -> None:
    world = under_a_key(World(policy=THEIRS, key_policies=True))
    before = world.outside()
    world.onboard(a_wallet())

    ended = world.offboard({"kind": "PAYMENT", "name": "wallet"})

    assert ended.succeeded, ended
    policies = {arn: json.loads(world.policy(arn) or "") for arn in (WEATHER, WALLET)}
    assert all(one == json.loads(THEIRS) for one in policies.values())
    assert json.loads(world.keys.policies[KEY_ARN]) == json.loads(KEY_POLICY)
    assert world.outside()[2:] == before[2:]
    assert world.bus.kinds()[-1] == "Offboarding Succeeded"


def used(world: World) -> World:
    world.onboard(an_api_key())
    (held,) = world.vault.held.values()
    world.gateways = FakeGateways(a_gateway("support-bot-a1b2c3d4e5", replace(a_consumer(), provider_arn=held.arn)))
    return world


def test_a_provider_that_a_gateway_target_uses_stays_and_the_target_is_named() -> None:
    world = used(World())
    before = world.outside()

    ended = world.offboard({"kind": "API_KEY", "name": "weather"})

    assert (ended.error, world.outside()) == ("ProviderInUse", before)
    assert "target crm of gateway support-bot" in (ended.message or "")
    assert world.bus.kinds()[-1] == "Offboarding Refused"


def test_by_force_it_goes_all_the_same_and_that_is_told() -> None:
    world = used(World())

    assert world.offboard({"kind": "API_KEY", "name": "weather", "force": True}).succeeded
    assert (world.vault.held, world.records.records) == ({}, {})
    assert "Still using it: target crm" in world.bus.last()["message"]


def test_a_statement_that_another_provider_needs_stays_when_one_is_removed() -> None:
    world = World()
    world.onboard(an_api_key())
    world.records.record(None, a_provider("crm", a_reference("crm", secret=WEATHER)), moved=[])

    assert world.offboard({"kind": "API_KEY", "name": "weather"}).succeeded
    assert world.sids() == [READ_SID]
    assert "for crm would lack access" in world.bus.last()["warnings"][0]


def test_an_offboarding_that_failed_on_the_way_goes_on_when_it_is_started_again() -> None:
    world = World(policy=THEIRS)
    world.onboard(an_api_key())
    world.failing["WithdrawAccess"] = Permanent("PutResourcePolicy: AccessDeniedException")
    first = world.offboard({"kind": "API_KEY", "name": "weather"})
    world.failing.clear()

    assert (first.failed_at, "is deleted, but not all" in world.bus.last()["message"]) == ("WithdrawAccess", True)
    assert world.offboard({"kind": "API_KEY", "name": "weather"}, "off-2").succeeded
    assert (world.sids(), world.records.records) == (["Deployers"], {})


def test_what_an_offboarding_left_is_known_although_the_inventory_forgot_the_provider_meanwhile() -> None:
    world = World(policy=THEIRS)
    world.onboard(an_api_key())
    world.failing["WithdrawAccess"] = Permanent("PutResourcePolicy: AccessDeniedException")
    world.offboard({"kind": "API_KEY", "name": "weather"})
    world.failing.clear()
    world.records.records.clear()

    ended = world.offboard({"kind": "API_KEY", "name": "weather"}, "off-2")

    assert ended.succeeded, ended
    assert "was gone already, and what was left of it is removed" in world.bus.last()["message"]
    assert (world.sids(), world.onboardings.claims) == (["Deployers"], {})
    assert world.offboard({"kind": "API_KEY", "name": "weather"}, "off-3").error == "RequestRefused"


def test_what_an_offboarding_left_keeps_nobody_from_the_name() -> None:
    world = World()
    world.onboard(an_api_key())
    world.failing["WithdrawAccess"] = Permanent("PutResourcePolicy: AccessDeniedException")
    world.offboard({"kind": "API_KEY", "name": "weather"})
    world.failing.clear()

    assert world.onboard(an_api_key(), "o-2").succeeded
    assert world.onboardings.claims == {}


def test_a_provider_that_nobody_knows_is_not_offboarded() -> None:
    world = World()
    before = world.outside()

    ended = world.offboard({"kind": "OAUTH2", "name": "typo"})

    assert (ended.error, ended.failed_at, world.outside()) == ("RequestRefused", "CheckUse", before)
    assert "is typo, and neither AgentCore nor the Registry knows" in (ended.message or "")
    assert world.bus.kinds() == ["Offboarding Refused"]


def test_a_provider_whose_secret_agentcore_keeps_is_not_offboarded() -> None:
    """It would take the secret with it."""
    world = World()
    world.onboard(an_api_key())
    (provider,) = world.vault.held
    world.vault.held[provider] = replace(world.vault.held[provider], pointers=frozenset())
    world.records.forget(world.records.records[provider])

    ended = world.offboard({"kind": "API_KEY", "name": "weather"})

    assert (ended.error, provider in world.vault.held) == ("RequestRefused", True)
    assert "references no secret of yours" in (ended.message or "")


def test_a_provider_that_somebody_deleted_by_hand_is_cleared_away_and_told_so() -> None:
    world = World(policy=THEIRS)
    world.onboard(an_api_key())
    world.vault.held.clear()

    assert world.offboard({"kind": "API_KEY", "name": "weather"}).succeeded
    assert "was gone already" in world.bus.last()["message"]
    assert (world.sids(), world.records.records) == (["Deployers"], {})


@pytest.mark.parametrize(
    "given", [None, {}, {"kind": "SSH", "name": "x"}, {"kind": "OAUTH2", "name": "a b"}, {"force": 1}]
)
def test_what_names_no_provider_is_not_offboarded(given: object) -> None:
    world = World()

    assert world.offboard(given).error == "RequestRefused"
    assert world.bus.told == []


def test_no_offboarding_meets_an_onboarding_of_the_same_provider() -> None:
    world = World()
    meanwhile: list[Ended] = []
    world.before_state["Verify"] = lambda: meanwhile.append(world.offboard({"kind": "API_KEY", "name": "weather"}))

    assert world.onboard(an_api_key()).succeeded
    assert meanwhile[0].error == "AlreadyUnderWay"


# --- secrets that are not simply there ---

PARTNERS = WEATHER.replace("111122223333", "444455556666")


def test_a_name_that_may_not_be_looked_up_is_refused_with_its_fix() -> None:
    world = World()
    world.secrets.failures["full_arn"] = Permanent("DescribeSecret: AccessDeniedException")

    ((field, message, fix),) = refused(world, an_api_key(secret="agents/weather"))

    assert (field, "AccessDenied" in message) == ("apiKeySecretConfig.secretId", True)
    assert "SecretArnPatterns" in (fix or "")
    assert world.onboard(an_api_key(), "o-2").succeeded


def test_a_secret_of_another_account_that_we_may_not_see_waits_for_a_person_and_leaves_a_warning() -> None:
    world = World()
    for operation in ("describe", "policy", "policy_names"):
        world.secrets.failures[operation] = Permanent("AccessDeniedException")

    ended = world.onboard(an_api_key(secret=PARTNERS), decide=approved_by(world, ALICE))

    assert ended.succeeded, ended
    onboarding = world.onboardings.onboardings["o-1"]
    assert onboarding.approval
    assert onboarding.approval.decided_by == ALICE
    assert "not everything could be looked at" in onboarding.warnings[0]
    assert world.documents.writes == []


def test_a_secret_whose_arn_reads_as_the_partial_one_of_another_is_told_from_it() -> None:
    world = World()
    namesake = f"{WEATHER}-x9y8z7"
    world.secrets.secrets[namesake] = replace(world.secret, policies={})
    world.records.record(None, a_provider("crm", a_reference("crm", secret=namesake)), moved=[])

    assert world.onboard(an_api_key()).succeeded
    assert world.secrets.secrets[namesake].policies == {}
    assert world.offboard({"kind": "API_KEY", "name": "weather"}).succeeded
    assert world.sids() == []


def test_a_policy_that_others_hold_in_the_registry_by_an_older_key_is_no_hindrance() -> None:
    """The Registry may know the very provider with another JSON key: it is read again when it is registered."""
    world = World()
    held = world.vault.put(API_KEY, an_api_key())
    stale = replace(a_provider("weather", Pointer("apiKey", WEATHER, "old").reference(API_KEY, held.arn)), name=API_KEY)
    world.records.record(None, stale, moved=[])

    assert world.onboard(an_api_key()).succeeded
    assert [reference.json_key for reference in world.references.states] == ["api_key"]


def test_a_grant_can_be_undone_by_a_person_as_any_repair_and_is_not_withdrawn_then() -> None:
    world = World(policy=THEIRS)
    world.onboard(an_api_key())
    (granted,) = world.repairs.repairs.values()
    asked = granted.successor(undo_asked_by=ALICE, undo_asked_at=world.now)
    world.repairs.store(asked)

    applying = world.granting()._new_applying(world.seeing().with_provider(()))
    undone = applying.undo(asked)

    assert (undone.purpose, world.policy()) == (Purpose.UNDO, THEIRS)
    assert world.repairs.standing(WEATHER).paused_by == ALICE
    writes = len(world.documents.writes)
    assert world.granting().withdraw("o-1").done
    assert len(world.documents.writes) == writes
