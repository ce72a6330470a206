"""What somebody asks about is found by every name that it has, and never guessed."""

from dataclasses import replace

import pytest

from secretwatch.domain.reference import Provider, ProviderKind
from secretwatch_cli.failures import Misused, Unable
from secretwatch_cli.target import Target, Targets
from tests.fakes import EVERYTHING, InMemoryProviderRecords, InMemoryReferences, a_provider, a_reference, secret_arn

CRM, ERP = a_reference("crm-oauth"), a_reference("erp", secret=secret_arn("agents/erp"))


def find(text: str, *providers: Provider) -> Target:
    records = InMemoryProviderRecords(InMemoryReferences())
    for provider in providers or (a_provider("crm-oauth", CRM), a_provider("erp", ERP)):
        records.record(None, provider, moved=[])
    return Targets(records.references, records, EVERYTHING).find(text)


def references(target: Target) -> list[str]:
    return [state.reference.provider.name for state in target.look()]


@pytest.mark.parametrize("text", ["agents/crm", secret_arn()[:-7], secret_arn()])
def test_a_secret_is_found_by_name_partial_arn_and_full_arn(text: str) -> None:
    target = find(text)

    assert references(target) == ["crm-oauth"]
    assert target.arn == secret_arn()


@pytest.mark.parametrize("text", ["erp", ERP.provider_arn])
def test_a_provider_is_found_by_name_and_by_arn_with_all_of_its_references(text: str) -> None:
    target = find(text)

    assert references(target) == ["erp"]
    assert target.arn == ERP.provider_arn


def test_a_provider_that_points_elsewhere_meanwhile_is_looked_at_as_it_is() -> None:
    records = InMemoryProviderRecords(InMemoryReferences())
    records.record(None, a_provider("erp", ERP), moved=[])
    target = Targets(records.references, records, EVERYTHING).find("erp")

    records.record(records.find(ERP.provider), a_provider("erp", replace(ERP, json_key="other")), moved=[])

    assert [state.reference.json_key for state in target.look()] == ["other"]


def test_a_name_of_a_secret_and_of_a_provider_asks_which() -> None:
    reference = a_reference("crm", secret=secret_arn("crm"))

    with pytest.raises(Misused, match=f"Say which: {reference.secret_arn}, {reference.provider_arn}"):
        find("crm", a_provider("crm", reference))


def test_a_name_of_two_kinds_of_provider_asks_which() -> None:
    both = [a_provider("crm", a_reference("crm", kind=kind)) for kind in (ProviderKind.API_KEY, ProviderKind.OAUTH2)]

    with pytest.raises(Misused, match="crm is the name of several"):
        find("crm", *both)


def test_a_secret_that_was_created_again_is_looked_at_under_both_arns_and_has_not_one() -> None:
    again = a_reference("crm-again", secret=secret_arn(suffix="Zz9Yy8"))

    target = find("agents/crm", a_provider("crm-oauth", CRM), a_provider("crm-again", again))

    assert len(target.look()) == 2
    with pytest.raises(Misused, match="names several secrets"):
        assert target.arn


@pytest.mark.parametrize("arn", [secret_arn("agents/new"), a_reference("new").provider_arn])
def test_what_nobody_references_yet_is_known_by_its_arn_only(arn: str) -> None:
    target = find(arn)

    assert (target.look(), target.arn) == ([], arn)


@pytest.mark.parametrize("text", ["agents/new", secret_arn("agents/new")[:-7]])
def test_what_nobody_references_and_no_full_arn_names_has_none(text: str) -> None:
    with pytest.raises(Unable, match="No provider"):
        assert find(text).arn


@pytest.mark.parametrize("text", ["not a secret!", "arn:aws:s3:::bucket", ""])
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(Misused, match="is not the name or ARN"):
        find(text)
