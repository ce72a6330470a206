"""The handlers: one bad record costs nobody else, and leaves one line that says what and why."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer

from functions.check_references import app as check_references
from functions.publish_verdicts import app as publish_verdicts
from functions.take_inventory import app as take_inventory
from secretwatch import telemetry
from secretwatch.adapters.dynamodb import item_of
from secretwatch.domain.change import request
from secretwatch.domain.finding import Code, Finding, Verdict
from secretwatch.domain.key import KeyId
from secretwatch.domain.reference import Provider, ProviderKind
from secretwatch.domain.rules import Rules
from secretwatch.domain.secret import SecretId
from secretwatch.domain.state import ReferenceState
from secretwatch.domain.verdict_change import VerdictChange
from secretwatch.errors import Permanent, Transient
from secretwatch.settings import CheckReferencesSettings
from secretwatch.spreading import Spreading
from tests.fake_stack import FakeStack, Outside
from tests.fakes import (
    EVERYTHING,
    NOON,
    FakeGateways,
    FakeProviders,
    FakeSecret,
    FakeSecrets,
    FakeWorld,
    InMemoryProtectedSecrets,
    InMemoryReferences,
    SentRequests,
    a_gateway,
    a_name,
    a_provider,
    a_reference,
    secret_arn,
)
from tests.lambdas import Context, Event, sqs_event

OWN_ROLE = "arn:aws:iam::111122223333:role/secretwatch-RepairAccessRole"
KEY = KeyId("arn:aws:kms:eu-west-1:111122223333:key/1234abcd")
CRM = SecretId.of_arn(secret_arn("crm"))
REFERENCE = a_reference(secret=secret_arn("crm"))


def asking_for(subject: Any) -> Event:
    return request(subject, at=NOON, request_id="r-1")


def put_secret_value(secret: str, **detail: Any) -> Event:
    called = {"eventName": "PutSecretValue", "requestParameters": {"secretId": secret}, "responseElements": None}
    return {
        "id": "e-1",
        "source": "aws.secretsmanager",
        "detail-type": "AWS API Call via CloudTrail",
        "account": "111122223333",
        "region": "eu-west-1",
        "time": "2026-11-23T12:00:00Z",
        "resources": [],
        "detail": {**called, **detail},
    }


def failed(response: Any) -> list[str]:
    return [failure["itemIdentifier"] for failure in response["batchItemFailures"]]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Event]]:
    """The log lines that the test leaves, read when first looked at."""
    stream = io.StringIO()
    monkeypatch.setattr(telemetry.logger.registered_handler, "stream", stream)

    class Lines(list[Event]):
        def __iter__(self) -> Iterator[Event]:
            return (json.loads(line) for line in stream.getvalue().splitlines())

    yield Lines()
    telemetry.metrics.clear_metrics()


class TestCheckReferences:
    """`check_references`, on fakes."""

    @pytest.fixture
    def secret(self) -> FakeSecret:
        return FakeSecret()

    @pytest.fixture
    def references(self) -> InMemoryReferences:
        return InMemoryReferences(REFERENCE)

    @pytest.fixture
    def secrets(
        self, secret: FakeSecret, references: InMemoryReferences, monkeypatch: pytest.MonkeyPatch
    ) -> FakeSecrets:
        secrets = FakeSecrets(crm=secret)
        world = FakeWorld(references, secrets)
        settings = CheckReferencesSettings("registry", "sweep-queue", frozenset({OWN_ROLE}), Rules())
        monkeypatch.setattr(check_references, "settings", lambda: settings)
        monkeypatch.setattr(check_references, "new_checking", lambda: lambda: world.checking(lambda: datetime.now(UTC)))
        return secrets

    @pytest.fixture
    def checks(self, secrets: FakeSecrets, monkeypatch: pytest.MonkeyPatch) -> SentRequests:
        """The checks that a key's change asks for."""
        checks = SentRequests()
        spreading = Spreading(InMemoryProtectedSecrets({KEY: [CRM]}), checks=checks)
        monkeypatch.setattr(check_references, "spreading", lambda: spreading)
        return checks

    def test_a_record_that_is_not_json_is_told_and_counted_once_and_the_rest_goes_on(
        self, secrets: FakeSecrets, lines: list[Event], capsys: pytest.CaptureFixture[str]
    ) -> None:
        response = check_references.handler(sqs_event("{canary", put_secret_value("crm")), Context())

        counted = json.loads(capsys.readouterr().out)
        assert failed(response) == []
        assert [(line["message"], line.get("reason"), line["correlation_id"]) for line in lines] == [
            ("change unreadable", "not JSON", "message-0"),
            ("reference checked", None, "e-1"),
        ]
        assert counted["ChangesUnreadable"] == [1]
        assert sum(counted["ChangesReceived"]) == 2

    @pytest.mark.parametrize(
        ("event", "reason"),
        [
            ({**put_secret_value("crm"), "source": "aws.ec2"}, "of no known kind"),
            (asking_for(EVERYTHING), "is about neither a secret nor a key"),
            ({**put_secret_value("crm"), "detail": None}, "its detail is null"),
        ],
    )
    def test_an_event_that_no_later_try_could_read_either_is_told_with_its_reason_and_done_with(
        self, secrets: FakeSecrets, lines: list[Event], event: Event, reason: str
    ) -> None:
        response = check_references.handler(sqs_event(event), Context())

        (line,) = lines
        assert failed(response) == []
        assert (line["level"], line["record"]) == ("WARNING", "message-0")
        assert reason in line["reason"]

    def test_an_event_for_a_secret_that_nobody_references_leaves_one_line(
        self, secrets: FakeSecrets, lines: list[Event]
    ) -> None:
        response = check_references.handler(sqs_event(put_secret_value("other")), Context())

        (line,) = lines
        assert failed(response) == []
        assert line["message"] == "change irrelevant: nobody references it"
        assert line["correlation_id"] == "e-1"

    def test_a_secret_named_by_many_records_of_a_batch_is_checked_once(self, secrets: FakeSecrets) -> None:
        check_references.handler(sqs_event(*[put_secret_value(secret_arn("crm"))] * 10), Context())

        assert len(secrets.values_read) == 1

    def test_what_a_later_try_may_tell_is_left_to_the_queue(self, secrets: FakeSecrets, lines: list[Event]) -> None:
        secrets.failures["describe"] = Transient("DescribeSecret: ThrottlingException")

        response = check_references.handler(sqs_event(asking_for(CRM)), Context())

        assert failed(response) == ["message-0"]
        assert [line["message"] for line in lines] == ["reference checked", "record failed"]

    def test_an_error_that_nobody_foresaw_is_logged_with_its_traceback(
        self, secrets: FakeSecrets, lines: list[Event]
    ) -> None:
        secrets.failures["describe"] = RuntimeError("a bug")

        response = check_references.handler(sqs_event(asking_for(CRM)), Context())

        (line,) = lines
        assert failed(response) == ["message-0"]
        assert "in describe" in line["exception"]

    def test_a_secret_that_was_created_is_looked_up_by_its_name(self, secrets: FakeSecrets, lines: list[Event]) -> None:
        created = put_secret_value("", eventName="CreateSecret", responseElements={"arn": secret_arn("crm", "Zz9Yy8")})

        check_references.handler(sqs_event(created), Context())

        assert [line["secret"] for line in lines if "secret" in line] == [REFERENCE.secret_arn]

    def test_every_secret_of_an_event_is_checked(self, secrets: FakeSecrets, lines: list[Event]) -> None:
        two = put_secret_value("", requestParameters={"secretIdList": ["other", "crm"]})

        check_references.handler(sqs_event(two), Context())

        assert [line["message"] for line in lines] == ["reference checked"]

    def test_a_key_that_changed_has_the_secrets_under_it_checked_by_their_own_records(
        self, checks: SentRequests, lines: list[Event]
    ) -> None:
        response = check_references.handler(sqs_event(asking_for(KEY)), Context())

        assert failed(response) == []
        assert checks.subjects == [CRM]
        assert [line["message"] for line in lines] == ["key changed: checks of the secrets under it are asked for"]

    def test_a_key_that_protects_no_referenced_secret_is_irrelevant(
        self, checks: SentRequests, lines: list[Event]
    ) -> None:
        check_references.handler(sqs_event(asking_for(KeyId(f"{KEY.arn}9"))), Context())

        assert checks.subjects == []
        assert [line["message"] for line in lines] == ["change irrelevant: nobody references it"]

    def test_a_checks_state_names_the_event_that_it_was_for_and_a_keys_checks_do_too(
        self, references: InMemoryReferences, checks: SentRequests
    ) -> None:
        check_references.handler(sqs_event(put_secret_value(secret_arn("crm")), asking_for(CRM)), Context())
        check_references.handler(sqs_event(asking_for(KEY)), Context())

        assert references.only().cause == "e-1"  # the first of the batch that named the secret
        assert checks.causes == {"r-1"}

    def test_what_secretwatch_wrote_itself_is_verified_once_however_many_events_tell_of_it(
        self, secrets: FakeSecrets
    ) -> None:
        own = put_secret_value("crm", userIdentity={"sessionContext": {"sessionIssuer": {"arn": OWN_ROLE}}})
        theirs = put_secret_value("crm", userIdentity={"sessionContext": {"sessionIssuer": {"arn": OWN_ROLE + "2"}}})

        checks = [secrets.described]
        for event in (own, own, own, theirs):
            check_references.handler(sqs_event(event), Context())
            checks.append(secrets.described)

        assert checks == [0, 1, 1, 1, 2]


class TestTakeInventory:
    """`take_inventory`, on fakes."""

    @pytest.fixture
    def agentcore(self, monkeypatch: pytest.MonkeyPatch) -> FakeProviders:
        outside = Outside(providers=FakeProviders(a_provider()), gateways=FakeGateways(a_gateway()))
        self.stack = stack = FakeStack(outside)
        inventory = take_inventory.Inventory(stack.provider_inventory, stack.gateway_inventory, stack.sweeping)
        monkeypatch.setattr(take_inventory, "inventory", lambda: inventory)
        return outside.providers

    def test_sweeps_providers_and_gateways_are_taken_and_everything_else_is_refused(
        self, agentcore: FakeProviders, lines: list[Event]
    ) -> None:
        subjects = (EVERYTHING, a_name(), a_gateway().name, CRM)
        records = sqs_event(*(asking_for(subject) for subject in subjects), "nonsense")

        response = take_inventory.handler(records, Context())

        assert failed(response) == []
        assert [line["message"] for line in lines if "message" in line] == [
            "sweep begun",
            "provider read",
            "gateway read",
            "change unreadable",
            "change unreadable",
        ]

    def test_a_sweep_is_carried_on_request_by_request_and_its_duration_is_measured(
        self, agentcore: FakeProviders, lines: list[Event], capsys: pytest.CaptureFixture[str]
    ) -> None:
        take_inventory.handler(sqs_event(asking_for(EVERYTHING)), Context())
        take_inventory.handler(sqs_event(asking_for(EVERYTHING)), Context())
        (running, _) = self.stack.inventory.subjects
        take_inventory.handler(sqs_event(asking_for(running)), Context())
        while self.stack.checks.subjects:
            self.stack.serve(self.stack.checks)
        take_inventory.handler(sqs_event(asking_for(running), asking_for(running)), Context())

        assert [line["message"] for line in lines if "message" in line] == [
            "sweep begun",
            "sweep not begun: one is running",
            "provider read",
            "sweep goes on",
            "sweep completed",
            "sweep not carried on: it is in other hands, or completed",
        ]
        completed = next(line for line in lines if line.get("message") == "sweep completed")
        measured = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "SweepDuration" in line]
        assert [one["SweepDurationSeconds"] for one in measured] == [[completed["seconds"]]]

    def test_what_a_sweep_could_not_list_is_left_to_the_queue_in_the_end(
        self, agentcore: FakeProviders, lines: list[Event]
    ) -> None:
        agentcore.failures[ProviderKind.PAYMENT] = Permanent("ListPaymentCredentialProviders: AccessDeniedException")
        take_inventory.handler(sqs_event(asking_for(EVERYTHING)), Context())
        answers: list[list[str]] = []
        while self.stack.inventory.subjects:
            running = self.stack.take(self.stack.inventory)
            while self.stack.checks.subjects:
                self.stack.serve(self.stack.checks)
            answers.append(failed(take_inventory.handler(sqs_event(asking_for(running)), Context())))

        assert answers[-1] == ["message-0"]
        assert not any(answers[:-1])
        assert [line["reason"] for line in lines if "reason" in line] == [
            "ListPaymentCredentialProviders: AccessDeniedException"
        ]

    def test_an_external_reference_without_a_secret_leaves_a_warning(
        self, agentcore: FakeProviders, lines: list[Event]
    ) -> None:
        name = a_name("half")
        arn = "arn:aws:bedrock-agentcore:eu-west-1:111122223333:token-vault/default/oauth2credentialprovider/half"
        agentcore.providers[name] = Provider(arn, name, frozenset(), incomplete=frozenset({"clientSecret"}))

        take_inventory.handler(sqs_event(asking_for(name)), Context())

        warning = next(line for line in lines if line["level"] == "WARNING")
        assert (warning["provider"], warning["fields"]) == (arn, ["clientSecret"])


NEW = ReferenceState(REFERENCE, version=1, verdict=Verdict.RESOLVES, checked_at=NOON)
MISSING = Finding(Code.JSON_KEY_MISSING, "the current version lacks JSON key `client_secret`", "Store it.")
BROKEN = replace(NEW, version=2, verdict=Verdict.BROKEN, findings=(MISSING,))
REFERRED = ReferenceState(REFERENCE)


class TestPublishVerdicts:
    """`publish_verdicts`, with a bus that remembers."""

    class SentChanges:
        """`ports.Bus` that remembers."""

        def __init__(self) -> None:
            self.changes: list[VerdictChange] = []

        def publish(self, change: VerdictChange) -> None:
            self.changes.append(change)

    @pytest.fixture
    def bus(self, monkeypatch: pytest.MonkeyPatch) -> SentChanges:
        bus = self.SentChanges()
        monkeypatch.setattr(publish_verdicts, "bus", lambda: bus)
        return bus

    def stream_event(self, *images: tuple[ReferenceState, ReferenceState]) -> Event:
        return {
            "Records": [
                {
                    "eventID": f"event-{index}",
                    "eventName": "MODIFY",
                    "eventSource": "aws:dynamodb",
                    "dynamodb": {
                        "SequenceNumber": str(index),
                        "OldImage": _attributes(before),
                        "NewImage": _attributes(after),
                    },
                }
                for index, (before, after) in enumerate(images)
            ]
        }

    def test_what_people_would_read_differently_is_published_and_nothing_else(self, bus: SentChanges) -> None:
        event = self.stream_event((NEW, replace(NEW, version=2)), (NEW, BROKEN))

        response = publish_verdicts.handler(event, Context())

        assert failed(response) == []
        assert bus.changes == [VerdictChange(NEW, BROKEN)]

    def test_the_event_that_a_check_was_for_is_told_in_the_log_and_on_the_bus(
        self, bus: SentChanges, lines: list[Event]
    ) -> None:
        publish_verdicts.handler(self.stream_event((NEW, replace(BROKEN, cause="e-1"))), Context())

        assert [line["correlation_id"] for line in lines] == ["e-1"]
        assert [change.detail()["correlationId"] for change in bus.changes] == ["e-1"]

    def test_a_reference_that_goes_is_news_if_something_was_wrong_and_one_that_comes_if_it_was_checked(
        self, bus: SentChanges
    ) -> None:
        event = self.stream_event((BROKEN, BROKEN), (NEW, NEW), (BROKEN, BROKEN), (NEW, REFERRED))
        for record in event["Records"][:2]:
            del record["dynamodb"]["NewImage"]
        for record in event["Records"][2:]:
            del record["dynamodb"]["OldImage"]

        response = publish_verdicts.handler(event, Context())

        assert failed(response) == []
        assert [(change.before.verdict, change.after.verdict) for change in bus.changes] == [
            (Verdict.BROKEN, None),
            (None, Verdict.BROKEN),
        ]

    def test_a_record_that_cannot_be_read_stops_the_shard_at_itself(self, bus: SentChanges, lines: list[Event]) -> None:
        event = self.stream_event((NEW, BROKEN))
        del event["Records"][0]["dynamodb"]["NewImage"]["provider_arn"]

        response = publish_verdicts.handler(event, Context())

        assert failed(response) == ["0"]
        assert [line["record"] for line in lines] == ["event-0"]


def _attributes(state: ReferenceState) -> Event:
    return {name: TypeSerializer().serialize(value) for name, value in item_of(state).items()}
