"""Each attempt of a call keeps the pace of its operation."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest

from secretwatch.adapters.pace import Pace, Paces
from secretwatch_cli.places import CONFIG, PACES
from tests.contract.stubs import raw


class Turns:
    """Makes paces that nobody has to wait for, and remembers what they let through."""

    def __init__(self) -> None:
        self.made = 0
        self.kept: list[float] = []

    def __call__(self, a_second: float) -> Pace:
        self.made += 1
        turns = self

        class Counting(Pace):
            def keep(self) -> None:
                turns.kept.append(a_second)

        return Counting(a_second)


@pytest.fixture
def turns() -> Turns:
    return Turns()


@pytest.fixture
def paced(turns: Turns, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A client as a scan has them; AWS answers so many times that it is throttled."""
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)  # between two attempts

    def client(service: str, *, throttled: int = 0) -> Any:
        made = Paces(PACES, new_pace=turns).apply(boto3.client(service, config=CONFIG))  # type: ignore[call-overload]
        answers = iter([raw_throttling] * throttled)
        made.meta.events.register("before-send", lambda request, **_: next(answers, raw_empty)(request))
        return made

    return client


def raw_empty(request: Any) -> Any:
    return raw(request, {})


def raw_throttling(request: Any) -> Any:
    return raw(request, {"__type": "ThrottlingException"}, status=400)


def test_only_what_has_a_tight_quota_keeps_a_pace(paced: Callable[..., Any], turns: Turns) -> None:
    client = paced("secretsmanager")

    client.describe_secret(SecretId="crm")
    assert turns.kept == []

    client.get_resource_policy(SecretId="crm")
    assert turns.kept == [PACES["secretsmanager"]["GetResourcePolicy"]]


def test_a_call_that_is_throttled_is_made_again_at_the_same_pace(paced: Callable[..., Any], turns: Turns) -> None:
    paced("secretsmanager", throttled=3).get_resource_policy(SecretId="crm")

    assert len(turns.kept) == 4


def test_each_operation_of_agentcore_has_a_pace_of_its_own(paced: Callable[..., Any], turns: Turns) -> None:
    client = paced("bedrock-agentcore-control")

    for _ in range(2):
        client.get_api_key_credential_provider(name="crm")
        client.get_oauth2_credential_provider(name="crm")

    assert turns.made == 2
    assert turns.kept == [PACES["bedrock-agentcore-control"]["*"]] * 4
