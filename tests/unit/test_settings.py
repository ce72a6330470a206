"""What a function takes from its environment is understood, or refused in one sentence."""

from datetime import timedelta

import pytest

from secretwatch.domain.rules import AGENTCORE, CONSUMERS, ReadValues, Rules
from secretwatch.settings import CheckReferencesSettings, rules_from

ROLE = "arn:aws:iam::111122223333:role/support-bot"


def test_an_environment_that_says_nothing_has_the_rules_by_default() -> None:
    assert rules_from({}) == Rules()
    assert rules_from({"REQUIRED_READERS": "", "REQUIRED_TAGS": "", "ROTATION_MAX_AGE_DAYS": "0"}) == Rules()


def test_everything_can_be_said() -> None:
    rules = rules_from(
        {
            "REQUIRED_READERS": f"{AGENTCORE}, {ROLE},consumers",
            "REQUIRED_TAGS": "team, stage = prod | test",
            "REQUIRE_CUSTOMER_MANAGED_KEY": "true",
            "REQUIRE_ROTATION": "true",
            "ROTATION_MAX_AGE_DAYS": "90",
            "REQUIRE_NARROW_POLICY": "true",
            "UNKNOWN_AFTER_MINUTES": "30",
            "READ_SECRET_VALUES": "tagged",
        }
    )

    assert rules == Rules(
        required_readers=(AGENTCORE, ROLE, CONSUMERS),
        required_tags={"team": frozenset(), "stage": frozenset({"prod", "test"})},
        customer_managed_key=True,
        rotation=True,
        rotation_max_age=timedelta(days=90),
        narrow_policy=True,
        unknown_after=timedelta(minutes=30),
        read_values=ReadValues.TAGGED,
    )


@pytest.mark.parametrize(
    "reader",
    [
        "bedrock-agentcore",
        "consumer",
        "111122223333",
        "arn:aws:iam::111122223333:root",
        "arn:aws:iam::111122223333:user/alice",
        "arn:aws:sts::111122223333:assumed-role/support-bot/run-1",
        "*",
    ],
)
def test_who_is_no_reader_is_refused_by_name(reader: str) -> None:
    with pytest.raises(ValueError, match="REQUIRED_READERS") as refused:
        rules_from({"REQUIRED_READERS": f"{AGENTCORE},{reader}"})

    assert repr(reader) in str(refused.value)


@pytest.mark.parametrize(("name", "value"), [("ROTATION_MAX_AGE_DAYS", "a month"), ("READ_SECRET_VALUES", "some")])
def test_what_cannot_be_read_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=value):
        rules_from({name: value})


def test_the_roles_of_the_stack_are_listed() -> None:
    environment = {"REGISTRY_TABLE": "registry", "SWEEP_QUEUE_URL": "sweep", "OWN_ROLE_ARNS": f"{ROLE}, {ROLE}2"}

    settings = CheckReferencesSettings.from_environ(environment)

    assert settings == CheckReferencesSettings("registry", "sweep", frozenset({ROLE, f"{ROLE}2"}), Rules())


@pytest.mark.parametrize("missing", ["REGISTRY_TABLE", "SWEEP_QUEUE_URL", "OWN_ROLE_ARNS"])
def test_what_a_function_cannot_do_without_is_missed(missing: str) -> None:
    environment = dict.fromkeys({"REGISTRY_TABLE", "SWEEP_QUEUE_URL", "OWN_ROLE_ARNS"} - {missing}, "")

    with pytest.raises(KeyError, match=missing):
        CheckReferencesSettings.from_environ(environment)
