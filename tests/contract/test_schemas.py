"""The events on our bus are as docs/events tells other teams."""

import json
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from secretwatch.domain.alert import Place, detail_of
from secretwatch.domain.change import WholeInventory
from secretwatch.domain.finding import Code, Finding, Verdict
from secretwatch.domain.incident import Cause, IncidentState, Kind, opened, parts_of
from secretwatch.domain.incident.cause import CauseKind
from secretwatch.domain.observed import Observations, ObservedRead
from secretwatch.domain.reference import ProviderKind
from secretwatch.domain.state import ReferenceState, UnknownSince
from secretwatch.domain.sweep import Counted, Sweep, SweepCompleted
from secretwatch.domain.verdict_change import VerdictChange
from tests.fakes import ACCOUNT, EVERYTHING, NOON, REGION, a_reference, secret_arn

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "docs" / "events" / "reference-verdict-changed.schema.json").read_text())
SAMPLES = sorted((ROOT / "events").glob("secretwatch.ReferenceVerdictChanged*.json"))
FIELDS = ("apiKey", "clientSecret", "walletSecret", "appSecret", "authorizationPrivateKey", "certificate")

validator = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_the_sample_events_are_as_described(path: Path) -> None:
    validator.validate(json.loads(path.read_text())["detail"])


references = st.builds(
    lambda kind, field, json_key: replace(a_reference(kind=kind, json_key=json_key), field=field),
    st.sampled_from(ProviderKind),
    st.sampled_from(FIELDS),
    st.none() | st.text(min_size=1, max_size=8),
)
findings = st.builds(
    Finding,
    st.sampled_from(Code),
    st.just("it lacks the key"),
    st.just("Store it."),
    st.none() | st.just("aws help"),
    st.none() | st.just(secret_arn()),
    st.none() | st.just(NOON),
)
changes = st.builds(
    lambda reference, previous, after: VerdictChange(
        ReferenceState(reference, version=1, verdict=previous), replace(ReferenceState(reference), version=2, **after)
    ),
    references,
    st.none() | st.sampled_from(Verdict),
    st.fixed_dictionaries(
        {
            "verdict": st.none() | st.sampled_from(Verdict),
            "findings": st.lists(findings, max_size=3).map(tuple),
            "unknown": st.none() | st.just(UnknownSince("DescribeSecret: AccessDeniedException", NOON, lasts=True)),
            "observations": st.sampled_from([Observations(), Observations(read=ObservedRead(NOON))]),
            "access_since": st.sampled_from([None, NOON - timedelta(hours=1)]),
            "checked_at": st.just(NOON),
        }
    ),
)


@given(changes)
def test_every_change_that_can_be_published_is_as_described(change: VerdictChange) -> None:
    validator.validate(json.loads(json.dumps(change.detail())))


def test_a_change_says_whether_agentcore_was_seen_to_read_what_is_waived_and_what_is_unknown() -> None:
    before = ReferenceState(a_reference(), version=1, verdict=Verdict.RESOLVES)
    finding = Finding(Code.ROTATION_OFF, "rotation is off", "Switch it on.", about=secret_arn(), waived_until=NOON)
    after = replace(
        before,
        version=2,
        verdict=Verdict.DEGRADED,
        findings=(finding,),
        unknown=UnknownSince("ListGrants: AccessDeniedException", NOON),
        observations=Observations(read=ObservedRead(NOON)),
        access_since=NOON - timedelta(hours=1),
        checked_at=NOON,
    )

    detail = VerdictChange(before, after).detail()

    assert (detail["evidence"], detail["observedAt"]) == ("observed", NOON.isoformat())
    assert detail["unknown"] == "ListGrants: AccessDeniedException"
    (told,) = detail["findings"]
    assert (told["severity"], told["about"], told["waivedUntil"]) == ("DEGRADED", secret_arn(), NOON.isoformat())


def test_the_schema_names_every_code_kind_and_verdict_that_there_is() -> None:
    properties = SCHEMA["properties"]

    assert properties["findings"]["items"]["properties"]["code"]["enum"] == list(Code)
    assert properties["reference"]["properties"]["providerKind"]["enum"] == list(ProviderKind)
    assert properties["reference"]["properties"]["field"]["enum"] == list(FIELDS)
    assert properties["verdict"]["enum"] == [*Verdict, None]


class TestSweepCompleted:
    """Of sweeps that are through."""

    SCHEMA = json.loads((ROOT / "docs" / "events" / "sweep-completed.schema.json").read_text())
    VALIDATOR = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)

    def test_the_schema_is_one_and_names_everything_that_is_counted(self) -> None:
        Draft202012Validator.check_schema(self.SCHEMA)
        counts = self.SCHEMA["properties"]["counts"]

        assert counts["required"] == list(counts["properties"]) == list(Counted)

    def test_the_sample_event_is_as_described_and_as_published(self) -> None:
        sample = json.loads((ROOT / "events" / "secretwatch.SweepCompleted.json").read_text())
        detail = sample["detail"]
        sweep = Sweep(
            WholeInventory(detail["account"], detail["region"]),
            started_at=datetime.fromisoformat(detail["startedAt"]),
            moved_at=NOON,
            counts=Counter({Counted(name): count for name, count in detail["counts"].items()}),
            completed_at=datetime.fromisoformat(detail["completedAt"]),
        )

        self.VALIDATOR.validate(detail)
        assert sample["detail-type"] == SweepCompleted(sweep).detail_type
        assert sample["resources"] == SweepCompleted(sweep).resources
        assert json.loads(json.dumps(SweepCompleted(sweep).detail())) == detail

    @given(
        st.dictionaries(st.sampled_from(Counted), st.integers(0, 10_000)),
        st.lists(st.just("ListGateways: AccessDeniedException"), max_size=2),
        st.none() | st.lists(st.just("kms.amazonaws.com"), max_size=2),
        st.floats(0, 10_000),
    )
    def test_every_completion_that_can_be_published_is_as_described(
        self, counts: dict[Counted, int], failures: list[str], without_trail: list[str] | None, seconds: float
    ) -> None:
        sweep = Sweep(
            EVERYTHING,
            started_at=NOON,
            moved_at=NOON,
            counts=Counter(counts),
            failures=tuple(failures),
            without_trail=None if without_trail is None else tuple(without_trail),
            completed_at=NOON + timedelta(seconds=seconds),
        )

        self.VALIDATOR.validate(json.loads(json.dumps(SweepCompleted(sweep).detail())))


def test_the_end_of_a_reference_is_as_described() -> None:
    broken = Finding(Code.JSON_KEY_MISSING, "it lacks the key", "Store it.")
    change = VerdictChange.to_nothing(ReferenceState(a_reference(), 3, Verdict.BROKEN, (broken,), checked_at=NOON))

    assert change
    validator.validate(json.loads(json.dumps(change.detail())))


# --- incidents

INCIDENT_SCHEMA = json.loads((ROOT / "docs" / "events" / "incident.schema.json").read_text())
INCIDENT_SAMPLES = sorted((ROOT / "events").glob("secretwatch.Incident*.json"))
of_incidents = Draft202012Validator(INCIDENT_SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)


def test_the_schema_of_incidents_is_one_and_names_all_that_there_is() -> None:
    Draft202012Validator.check_schema(INCIDENT_SCHEMA)
    properties = INCIDENT_SCHEMA["properties"]

    assert properties["change"]["enum"] == list(Kind)
    assert properties["state"]["enum"] == list(IncidentState)
    assert properties["cause"]["properties"]["kind"]["enum"] == list(CauseKind)


@pytest.mark.parametrize("path", INCIDENT_SAMPLES, ids=lambda path: path.stem)
def test_the_sample_events_of_incidents_are_as_described(path: Path) -> None:
    of_incidents.validate(json.loads(path.read_text())["detail"])


@given(st.sampled_from(Kind), st.lists(findings, min_size=1, max_size=4), st.integers(1, 150), st.booleans())
def test_every_incident_that_can_be_published_is_as_described(
    kind: Kind, found: list[Finding], size: int, over: bool
) -> None:
    told = tuple(replace(finding, waived_until=None) for finding in found)
    states = [
        ReferenceState(a_reference(f"agent-{index}"), 1, Verdict.BROKEN, told, checked_at=NOON, owner="crm")
        for index in range(size)
    ]
    parts = [part for state in states for _, part in parts_of(state)]
    incident = opened(Cause(secret_arn()), parts, NOON, hold=None)
    if over:
        incident = replace(incident, resolved_at=NOON, calm_since=NOON, reopened=(NOON,))

    detail = detail_of(incident, kind, Place(ACCOUNT, REGION))

    of_incidents.validate(json.loads(json.dumps(detail)))
