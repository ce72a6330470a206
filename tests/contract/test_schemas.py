"""The events on our bus are as docs/events tells other teams."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from secretwatch.domain.finding import Code, Finding, Verdict
from secretwatch.domain.reference import ProviderKind, Reference
from secretwatch.domain.state import ReferenceState
from secretwatch.domain.verdict_change import VerdictChange
from tests.fakes import NOON, a_reference

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
    Finding, st.sampled_from(Code), st.just("it lacks the key"), st.just("Store it."), st.none() | st.just("aws help")
)


@given(references, st.sampled_from([None, *Verdict]), st.sampled_from(Verdict), st.lists(findings, max_size=3))
def test_every_change_that_can_be_published_is_as_described(
    reference: Reference, previous: Verdict | None, verdict: Verdict, found: list[Finding]
) -> None:
    before = ReferenceState(reference, version=1, verdict=previous)
    after = replace(before, version=2, verdict=verdict, findings=tuple(found), checked_at=NOON)

    validator.validate(json.loads(json.dumps(VerdictChange(before, after).detail())))


def test_the_schema_names_every_code_kind_and_verdict_that_there_is() -> None:
    properties = SCHEMA["properties"]

    assert properties["findings"]["items"]["properties"]["code"]["enum"] == list(Code)
    assert properties["reference"]["properties"]["providerKind"]["enum"] == list(ProviderKind)
    assert properties["reference"]["properties"]["field"]["enum"] == list(FIELDS)
    assert properties["verdict"]["enum"] == list(Verdict)
