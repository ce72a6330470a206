"""`secretwatch status` on moto's DynamoDB: a few reads for any number of references, and never a scan."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from typer.testing import CliRunner

from secretwatch.adapters.dynamodb import (
    DynamoDbIncidents,
    DynamoDbProviderRecords,
    DynamoDbReferences,
    DynamoDbSweeps,
    DynamoDbWaivers,
)
from secretwatch.domain.change import WholeInventory
from secretwatch.domain.finding import Code, Finding, Verdict
from secretwatch.domain.incident import Brief, Cause, Part, opened
from secretwatch.domain.sweep import Counted, Sweep
from secretwatch.domain.waiver import Waiver
from secretwatch_cli.app import app
from secretwatch_cli.invocation import Place
from secretwatch_cli.stack import Stack
from tests.contract.registry import TABLE, on_moto
from tests.fakes import NOON, a_provider, a_reference, secret_arn

STACK = Stack(
    name="secretwatch",
    arn="arn:aws:cloudformation:eu-west-1:111122223333:stack/secretwatch/1",
    outputs={"RegistryTable": TABLE, "SweepQueueUrl": "https://sqs.eu-west-1.amazonaws.com/111122223333/sweep"},
    parameters={},
    resources={},
)
MISSING = Finding(Code.JSON_KEY_MISSING, "it lacks the key", "Store it.")


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The Registry of the stack that is found."""
    with on_moto() as client:
        monkeypatch.setattr(Place, "find", lambda _place: (lambda _service: client, STACK))
        yield client


def a_broken_reference(dynamodb: Any, number: int) -> None:
    reference = a_reference(f"provider-{number}", secret=secret_arn(f"secret-{number}"))
    DynamoDbProviderRecords(dynamodb, TABLE).record(None, a_provider(f"provider-{number}", reference), moved=[])
    references = DynamoDbReferences(dynamodb, TABLE)
    state = references.find(reference)
    assert state is not None
    references.store(
        replace(state, version=1, verdict=Verdict.BROKEN, findings=(MISSING,), checked_at=NOON, since=NOON)
    )


def test_every_reference_is_counted_by_a_few_reads(dynamodb: Any) -> None:
    for number in range(101):
        a_broken_reference(dynamodb, number)
    calls: Counter[str] = Counter()
    dynamodb.meta.events.register("before-call.dynamodb", lambda model, **_: calls.update([model.name]))

    result = CliRunner().invoke(app, ["status", "--json"])

    assert json.loads(result.stdout)["verdicts"] == {"RESOLVES": 0, "DEGRADED": 0, "BROKEN": 101}
    assert result.exit_code == 3
    # A query a kind of provider, one for waivers, one for incidents, two for repairs and two for what is under way; the
    # sweep and the breaker.
    assert calls == {"Query": 9, "BatchGetItem": 2, "GetItem": 2}


def test_a_registry_without_references_is_well(dynamodb: Any) -> None:
    result = CliRunner().invoke(app, ["status"])

    assert result.exit_code == 0
    assert result.stdout.startswith("0 references, ")


def test_incidents_are_found_open_and_the_last_sweep_as_it_was_stored(dynamodb: Any) -> None:
    incident = opened(Cause(secret_arn()), [Part(a_reference(), NOON, (MISSING,))], NOON, hold=None)
    brief = Brief(
        id=incident.id,
        cause=incident.cause,
        state=incident.state,
        severity=Verdict.BROKEN,
        headline="crm-oauth can't get its credential",
        codes=("JSON_KEY_MISSING",),
        opened_at=NOON,
        digest=None,
        next_at=None,
        references=1,
    )
    DynamoDbIncidents(dynamodb, TABLE).store(None, incident, brief)
    everything = WholeInventory(STACK.account, STACK.region)
    sweep = Sweep(everything, NOON, NOON, version=1, counts=Counter({Counted.PROVIDERS_READ: 7}), completed_at=NOON)
    DynamoDbSweeps(dynamodb, TABLE).store(sweep)

    result = CliRunner().invoke(app, ["status"])
    document = json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout)

    assert "1 open incidents\nBROKEN    crm-oauth can't get its credential, for " in result.stdout
    assert "Last sweep: completed 2026-11-23 12:00:00 UTC, took 0 s: 7 providers read" in result.stdout
    assert [one["incident_id"] for one in document["incidents"]] == [incident.id]
    assert document["sweep"]["counts"]["providersRead"] == 7


def test_waivers_are_counted_until_they_end(dynamodb: Any) -> None:
    for code, until in ((Code.ROTATION_OFF, NOON.replace(year=2999)), (Code.TAG_MISSING, NOON.replace(year=2001))):
        DynamoDbWaivers(dynamodb, TABLE).give(Waiver(secret_arn(), code, "by hand", "alice", NOON, until))

    assert json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout)["waivers"] == 1


def test_watching_shows_what_changes_until_the_person_has_seen_enough(
    dynamodb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    def pause(_seconds: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 2:
            raise KeyboardInterrupt
        a_broken_reference(dynamodb, looks)

    monkeypatch.setattr("time.sleep", pause)

    result = CliRunner().invoke(app, ["status", "--watch"])

    assert looks == 2
    assert "0 references" in result.stdout
    assert "1 references" in result.stdout
    assert result.exit_code == 3


def test_what_is_for_people_and_what_is_for_programs_do_not_go_together(dynamodb: Any) -> None:
    result = CliRunner().invoke(app, ["status", "--watch", "--json"])

    assert result.exit_code == 2
    assert "--watch is for people" in result.stderr
