"""An event put through the functions' own code, on moto: it does what the stack would, or nothing but look."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from secretwatch.domain.change import read_change, request
from secretwatch.domain.finding import Verdict
from secretwatch.domain.key import KeyId
from secretwatch.domain.state import ReferenceState
from secretwatch.settings import CheckReferencesSettings
from secretwatch_cli.failures import Misused
from secretwatch_cli.replay import replaying, settings_of
from secretwatch_cli.stack import Stack
from tests.contract.checking import Deployed, deployed, label_updated
from tests.contract.registry import TABLE, items
from tests.contract.stubs import MakeStub
from tests.fakes import EVERYTHING, NOON

ENVIRONMENT = {"REGISTRY_TABLE": TABLE, "SWEEP_QUEUE_URL": "", "OWN_ROLE_ARNS": ""}
KEY = KeyId("arn:aws:kms:eu-west-1:123456789012:key/1234abcd")


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    with deployed(monkeypatch) as function:
        yield function


def replay(function: Deployed, event: Any, *, dry_run: bool = False) -> list[ReferenceState]:
    settings = CheckReferencesSettings.from_environ(ENVIRONMENT)
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        return made.setdefault(service, function.client(service))

    return replaying(client, settings, dry_run=dry_run).replay(read_change(json.dumps(event)))


def a_broken_reference(function: Deployed) -> str:
    """The secret of a reference that was never checked."""
    secret = function.secret()
    function.references(secret)
    function.client("secretsmanager").put_secret_value(SecretId=secret, SecretString="{}")
    return secret


def test_what_it_finds_is_stored_as_the_function_stores_it(function: Deployed) -> None:
    secret = a_broken_reference(function)

    (state,) = replay(function, label_updated(secret))

    assert state.verdict is Verdict.BROKEN
    assert function.state(state.reference) == state


def test_a_dry_run_finds_the_same_and_stores_nothing(function: Deployed) -> None:
    secret = a_broken_reference(function)
    before = items(function.client("dynamodb"))

    (state,) = replay(function, label_updated(secret), dry_run=True)

    assert state.verdict is Verdict.BROKEN
    assert items(function.client("dynamodb")) == before


def test_a_key_has_all_references_under_it_checked(function: Deployed) -> None:
    secret = a_broken_reference(function)
    item = {"pk": {"S": f"KEY#{KEY.arn}"}, "sk": {"S": f"SECRET#{secret}"}}
    function.client("dynamodb").put_item(TableName=TABLE, Item=item)

    states = replay(function, request(KEY, at=NOON, request_id="r-1"))

    assert [state.verdict for state in states] == [Verdict.BROKEN]


def test_what_nobody_references_checks_nothing(function: Deployed) -> None:
    assert replay(function, label_updated(function.secret())) == []


def test_a_whole_inventory_is_left_to_the_stack(function: Deployed) -> None:
    with pytest.raises(Misused, match="whole inventory"):
        replay(function, request(EVERYTHING, at=NOON, request_id="r-1"))


def test_the_settings_are_those_of_the_stacks_own_function(make_stub: MakeStub) -> None:
    awslambda = make_stub("lambda")
    variables = {**ENVIRONMENT, "REQUIRED_TAGS": "owner"}
    awslambda.add_response(
        "get_function_configuration", {"Environment": {"Variables": variables}}, {"FunctionName": "watch-Check-1"}
    )
    functions = {"AWS::Lambda::Function": {"CheckReferences": "watch-Check-1"}}
    stack = Stack("watch", "arn:aws:cloudformation:eu-west-1:111122223333:stack/watch/1", {}, {}, functions)

    settings = settings_of({"lambda": awslambda.client}.__getitem__, stack)

    assert settings.registry_table == TABLE
    assert settings.rules.required_tags == {"owner": frozenset()}
