"""A verdict change is one entry on the bus, and counts as published only if the bus took it."""

import json
from dataclasses import replace
from typing import Any

import pytest

from secretwatch.adapters.eventbridge import EventBridgeBus
from secretwatch.domain.finding import Code, Finding, Verdict
from secretwatch.domain.state import ReferenceState
from secretwatch.domain.verdict_change import VERDICT_CHANGED, VerdictChange
from secretwatch.errors import Transient
from tests.contract.stubs import MakeStub, Stub
from tests.fakes import NOON, a_reference

BEFORE = ReferenceState(a_reference(), version=1, verdict=Verdict.RESOLVES, checked_at=NOON)
AFTER = replace(
    BEFORE,
    version=2,
    verdict=Verdict.BROKEN,
    findings=(Finding(Code.JSON_KEY_MISSING, "evidence — with a dash", "remedy"),),
)
CHANGE = VerdictChange(BEFORE, AFTER)


def answer(aws: Stub, **entry: str) -> None:
    """PutEvents answers 200 whether or not it took the entry."""
    expected = {
        "Entries": [
            {
                "EventBusName": "secretwatch",
                "Source": "secretwatch",
                "DetailType": VERDICT_CHANGED,
                "Detail": json.dumps(CHANGE.detail()),
                "Resources": [AFTER.reference.provider_arn, AFTER.reference.secret_arn],
            }
        ]
    }
    result: dict[str, Any] = {"FailedEntryCount": int("ErrorCode" in entry), "Entries": [entry]}
    aws.add_response("put_events", result, expected)


def test_a_change_is_one_entry_that_names_provider_and_secret(make_stub: MakeStub) -> None:
    aws = make_stub("events")
    answer(aws, EventId="e-1")

    EventBridgeBus(aws.client, "secretwatch").publish(CHANGE)

    aws.assert_no_pending_responses()


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalFailure"])
def test_an_entry_that_the_bus_refused_is_published_again_later(make_stub: MakeStub, code: str) -> None:
    aws = make_stub("events")
    answer(aws, ErrorCode=code, ErrorMessage="refused")

    with pytest.raises(Transient, match=f"^PutEvents: {code}$"):
        EventBridgeBus(aws.client, "secretwatch").publish(CHANGE)


def test_a_change_published_twice_has_the_same_id() -> None:
    assert VerdictChange(BEFORE, AFTER).detail() == CHANGE.detail()
    assert CHANGE.detail()["id"] == CHANGE.id
