"""What an event costs: counted calls of the whole function, on its own adapters."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from secretwatch.domain.change import read_change
from tests.contract.checking import Deployed, deployed, label_updated
from tests.fakes import a_document

EVENTS = sorted((Path(__file__).parents[2] / "events").glob("secretsmanager.*.json"))


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    with deployed(monkeypatch) as function:
        yield function


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_an_event_for_a_secret_that_nobody_references_costs_one_read_of_the_registry(
    path: Path, function: Deployed
) -> None:
    named = read_change(path.read_text()).to_look_up

    assert function.handle(path.read_text()) == []
    assert function.calls == ["dynamodb.Query"] * len(named)


SECRET_READS = [
    "secrets-manager.DescribeSecret",
    "secrets-manager.ListResourcePolicies",
    "secrets-manager.GetResourcePolicy",
]


@pytest.mark.parametrize("providers", [1, 5])
def test_an_event_for_a_referenced_secret_reads_the_secret_once_however_many_depend_on_it(
    function: Deployed, providers: int
) -> None:
    secret = function.secret()
    function.references(secret, *(f"agent-{number}" for number in range(providers)))

    function.handle(label_updated(secret))
    first = function.calls.copy()
    function.handle(label_updated(secret))

    each = ["dynamodb.GetItem", "dynamodb.PutItem"] * providers  # the provider's own status, and the verdict
    always = ["dynamodb.Query", *SECRET_READS, *each]
    assert Counter(first) == Counter([*always, "secrets-manager.GetSecretValue"])
    assert Counter(function.calls) == Counter(always)  # the value was found good: it is not read again


@pytest.mark.parametrize("providers", [1, 5])
def test_a_secret_under_a_key_of_its_own_takes_seven_reads_and_one_for_each_provider(
    function: Deployed, providers: int
) -> None:
    key = function.client("kms").create_key(Policy=a_document())["KeyMetadata"]["Arn"]
    secret = function.secret(KmsKeyId=key)
    function.references(secret, *(f"agent-{number}" for number in range(providers)))

    function.handle(label_updated(secret))

    reads = [*SECRET_READS, "secrets-manager.GetSecretValue", "kms.DescribeKey", "kms.GetKeyPolicy", "kms.ListGrants"]
    asked = Counter(call for call in function.calls if not call.startswith("dynamodb."))
    assert asked == Counter(reads)  # the last of them for whoever the key's policy does not suffice
    assert function.calls.count("dynamodb.GetItem") == providers
