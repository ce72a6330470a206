"""What is counted: names that alarms and the dashboard can rely on, and no identifier among the dimensions."""

import inspect
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from secretwatch import telemetry
from secretwatch.checking import Checked
from secretwatch.delivering import Told
from secretwatch.domain.change import Change, UnknownChange, WholeInventory
from secretwatch.domain.facts import Unknown
from secretwatch.domain.finding import Code, Finding, Verdict
from secretwatch.domain.incident import Brief, Cause, IncidentState, Kind, opened, parts_of
from secretwatch.domain.key import KeyId
from secretwatch.domain.onboarding.failure import Failure
from secretwatch.domain.onboarding.onboarding import Execution, Onboarding
from secretwatch.domain.reference import Provider
from secretwatch.domain.repair import plan
from secretwatch.domain.repair.news import RepairNews
from secretwatch.domain.repair.repair import Repair, Status
from secretwatch.domain.secret import SecretId
from secretwatch.domain.state import ReferenceState, UnknownSince
from secretwatch.domain.sweep import Sweep, SweepCompleted
from secretwatch.domain.verdict_change import VERDICT_CHANGED, VerdictChange, read_news
from secretwatch.errors import Permanent
from secretwatch.inventory import Read
from secretwatch.ports import ChannelName
from secretwatch.sweeping import Begun, Slice
from tests.fakes import NOON, a_gateway, a_reference, secret_arn
from tests.lambdas import Context

CANARY = "canary"
REFERENCE = a_reference(CANARY, secret=secret_arn(CANARY))
SECRET = SecretId.of_arn(secret_arn(CANARY))
KEY = KeyId(f"arn:aws:kms:eu-west-1:111122223333:key/{CANARY}")
CHANGE = Change("PutSecretValue", (SECRET,), NOON, f"event-{CANARY}", actor=f"arn:aws:iam::111122223333:role/{CANARY}")
RESOLVES = ReferenceState(REFERENCE, 1, Verdict.RESOLVES, checked_at=NOON, since=NOON)
BROKEN = replace(
    RESOLVES,
    version=2,
    verdict=Verdict.BROKEN,
    findings=(Finding(Code.JSON_KEY_MISSING, CANARY, CANARY, about=REFERENCE.secret_arn),),
    unknown=UnknownSince(f"DescribeKey: {CANARY}", NOON),
    checked_at=NOON + timedelta(hours=2),
    since=NOON,
    cause=f"event-{CANARY}",
)
DEGRADED = replace(RESOLVES, verdict=Verdict.DEGRADED, findings=(Finding(Code.ROTATION_OFF, CANARY, CANARY),))
PROVIDER = Provider(REFERENCE.provider_arn, REFERENCE.provider, frozenset({REFERENCE}), incomplete=frozenset({CANARY}))
READ = Read(PROVIDER.name, PROVIDER, frozenset({REFERENCE}), frozenset())
SWEEP = Sweep(
    WholeInventory(CANARY, CANARY),
    started_at=NOON,
    moved_at=NOON,
    verified=CANARY,
    failures=(CANARY,),
    without_trail=(),
)
NEWS = read_news(json.dumps({"detail-type": VERDICT_CHANGED, "detail": VerdictChange(RESOLVES, BROKEN).detail()}))
INCIDENT = opened(Cause(SECRET.arn or CANARY), [part for _, part in parts_of(BROKEN)], NOON, hold=None)
BRIEF = Brief(
    CANARY, INCIDENT.cause, IncidentState.OPEN, Verdict.BROKEN, CANARY, (Code.JSON_KEY_MISSING,), NOON, None, NOON
)
ATTEMPTS = [
    Told(channel, f"slack:owner:{CANARY}", CANARY, Kind.OPENED, error)
    for channel in ChannelName
    for error in (None, Permanent(CANARY))
]

REPAIR = Repair(CANARY, plan.Kind.SECRET, CANARY, None, None, Status.APPLIED, CANARY, NOON)
ONBOARDING = Onboarding(Execution(CANARY, CANARY, NOON), CANARY, CANARY, provider_arn=CANARY)

TOLD: dict[str, tuple[Callable[[], None], ...]] = {
    "change_unreadable": (partial(telemetry.change_unreadable, CANARY, UnknownChange(CANARY)),),
    "change_received": tuple(partial(telemetry.change_received, CHANGE, relevant=one) for one in (True, False)),
    "key_changed": (partial(telemetry.key_changed, KEY, [SECRET]),),
    "reference_checked": tuple(
        partial(telemetry.reference_checked, Checked(RESOLVES, state, None)) for state in (BROKEN, DEGRADED)
    ),
    "provider_read": (partial(telemetry.provider_read, CANARY, READ),),
    "sweep_asked_for": (
        partial(telemetry.sweep_asked_for, None),
        partial(telemetry.sweep_asked_for, Begun(SWEEP, frozenset({CANARY}))),
    ),
    "sweep_carried_on": (
        partial(telemetry.sweep_carried_on, None),
        partial(telemetry.sweep_carried_on, Slice(SWEEP, (READ,))),
        partial(telemetry.sweep_carried_on, Slice(SWEEP.completed(NOON + timedelta(seconds=20)))),
    ),
    "sweep_published": (partial(telemetry.sweep_published, SweepCompleted(SWEEP)),),
    "trails_read": tuple(partial(telemetry.trails_read, one) for one in (Unknown(CANARY), frozenset({CANARY}))),
    "gateway_read": (partial(telemetry.gateway_read, CHANGE, a_gateway(f"{CANARY}-a1b2c3d4e5")),),
    "verdict_published": (partial(telemetry.verdict_published, VerdictChange(RESOLVES, BROKEN)),),
    "repair_told": (partial(telemetry.repair_told, RepairNews("Repair Refused", CANARY, CANARY, CANARY, NOON)),),
    "repairs_considered": (
        partial(telemetry.repairs_considered, CANARY, []),
        partial(telemetry.repairs_considered, CANARY, [REPAIR]),
    ),
    "repair_decided": (partial(telemetry.repair_decided, CANARY, CANARY, CANARY, 200),),
    "onboarding_step": (partial(telemetry.onboarding_step, CANARY, CANARY, {"note": CANARY}),),
    "onboarding_succeeded": (partial(telemetry.onboarding_succeeded, ONBOARDING),),
    "onboarding_rolled_back": (partial(telemetry.onboarding_rolled_back, replace(ONBOARDING, left=(CANARY,))),),
    "onboarding_decided": (partial(telemetry.onboarding_decided, CANARY, CANARY, CANARY, 200),),
    "offboarding_failed": (
        partial(telemetry.offboarding_failed, ONBOARDING.execution, Failure(CANARY, CANARY, CANARY)),
    ),
    "news_read": (partial(telemetry.news_read, NEWS, [INCIDENT]),),
    "told": tuple(partial(telemetry.told, one) for one in ATTEMPTS),
    "round_gone": (partial(telemetry.round_gone, [BRIEF]),),
    "subscriptions_read": tuple(partial(telemetry.subscriptions_read, one) for one in (Unknown(CANARY), [CANARY])),
}
"""Everything that telemetry can be told, with identifiers wherever it takes any."""


def blobs(capsys: pytest.CaptureFixture[str], *tells: Callable[[], None]) -> list[dict[str, Any]]:
    """What CloudWatch is given of one invocation."""

    def handler(_event: dict[str, Any], _context: LambdaContext) -> None:
        for tell in tells:
            tell()

    telemetry.instrumented(handler)({}, Context())
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def dimensions(blob: dict[str, Any]) -> dict[str, Any]:
    (directive,) = blob["_aws"]["CloudWatchMetrics"]
    (names,) = directive["Dimensions"]
    assert directive["Namespace"] == "Secretwatch"
    return {name: blob[name] for name in names}


def counted(blob: dict[str, Any]) -> dict[str, list[float]]:
    (directive,) = blob["_aws"]["CloudWatchMetrics"]
    return {metric["Name"]: blob[metric["Name"]] for metric in directive["Metrics"]}


def test_everything_that_telemetry_can_be_told_is_tried_here() -> None:
    own = {"instrumented", "pool", "count"}
    public = {
        name
        for name, one in inspect.getmembers(telemetry, inspect.isfunction)
        if one.__module__ == telemetry.__name__ and not name.startswith("_")
    }

    assert public - own == set(TOLD)


@pytest.mark.parametrize("name", TOLD)
def test_no_identifier_is_ever_a_dimension(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    for blob in blobs(capsys, *TOLD[name]):
        found = dimensions(blob)
        assert set(found) <= {"service", "code", "channel"}
        assert found["service"] == "secretwatch"
        assert found.get("code", Code.JSON_KEY_MISSING) in set(Code)
        assert found.get("channel", ChannelName.SNS) in set(ChannelName)


def test_the_metadata_of_a_count_say_which_references_do_not_resolve(capsys: pytest.CaptureFixture[str]) -> None:
    first, *_ = blobs(capsys, *TOLD["reference_checked"])
    second, *_ = blobs(capsys, lambda: telemetry.reference_checked(Checked(BROKEN, RESOLVES, None)))

    assert first["providers"] == [REFERENCE.provider_arn]
    assert first["secrets"] == [REFERENCE.secret_arn]
    assert "providers" not in second  # an invocation tells its own only


def test_checks_are_counted_by_verdict_and_their_findings_by_code(capsys: pytest.CaptureFixture[str]) -> None:
    states, *codes = blobs(capsys, *TOLD["reference_checked"])

    assert counted(states) == {
        "ReferencesChecked": [1, 1],
        "ReferencesBroken": [1],
        "ReferencesUnknown": [1],
        "ReferencesDegraded": [1],
        "BrokenForSeconds": [7200],
    }
    assert {(blob["code"], *counted(blob)["FindingsByCode"]) for blob in codes} == {
        ("JSON_KEY_MISSING", 1),
        ("ROTATION_OFF", 1),
    }


def test_a_channel_that_fails_is_counted_by_its_name_too(capsys: pytest.CaptureFixture[str]) -> None:
    written = blobs(
        capsys, lambda: telemetry.told(Told(ChannelName.SLACK, "slack:default", CANARY, Kind.OPENED, Permanent(CANARY)))
    )

    assert [(blob.get("channel"), counted(blob)) for blob in written] == [
        ("slack", {"AlertsFailed": [1]}),
        (None, {"AlertsFailed": [1]}),
    ]


def test_news_of_an_incident_for_which_nobody_was_told_anything_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    first, repeated = (
        blobs(capsys, *tells)
        for tells in (
            [lambda: telemetry.told(replace(ATTEMPTS[0], incident_id=INCIDENT.id)), *TOLD["news_read"]],
            TOLD["news_read"],
        )
    )

    assert [counted(blob).get("AlertsSuppressed") for blob in first] == [None]
    assert [counted(blob).get("AlertsSuppressed") for blob in repeated] == [[1]]


def test_an_address_that_never_confirmed_is_counted_and_stands_nowhere(capsys: pytest.CaptureFixture[str]) -> None:
    (written,) = blobs(capsys, lambda: telemetry.subscriptions_read([CANARY]))

    assert counted(written) == {"SubscriptionsUnconfirmed": [1]}
    assert CANARY not in json.dumps(written)


def test_what_somebody_waived_is_counted_neither_as_a_finding_nor_as_long_broken(
    capsys: pytest.CaptureFixture[str],
) -> None:
    waived = tuple(replace(finding, waived_until=NOON + timedelta(days=1)) for finding in BROKEN.findings)
    state = replace(BROKEN, findings=waived)

    (only,) = blobs(capsys, lambda: telemetry.reference_checked(Checked(BROKEN, state, None)))

    assert counted(only)["ReferencesBroken"] == [1]
    assert "BrokenForSeconds" not in counted(only)


@pytest.mark.parametrize(
    ("change", "measured"),
    [
        pytest.param(CHANGE, True, id="an event"),
        pytest.param(replace(CHANGE, replay="july"), False, id="a replay"),
        pytest.param(replace(CHANGE, what="Check Requested"), False, id="our own request"),
        pytest.param(replace(CHANGE, subjects=(KEY,)), False, id="a key"),
    ],
)
def test_only_what_happened_just_now_tells_how_late_it_was_detected(
    change: Change, measured: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    written = blobs(capsys, lambda: telemetry.change_received(change, relevant=True))

    assert ["DetectionLagSeconds" in counted(blob) for blob in written] == ([True] if measured else [])


def test_an_invocation_that_counted_nothing_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert blobs(capsys) == []


def test_what_is_counted_is_written_even_when_the_handler_fails(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        telemetry.count("ChangesReceived")
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError):
        blobs(capsys, fail)

    assert json.loads(capsys.readouterr().out)["ChangesReceived"] == [1]
