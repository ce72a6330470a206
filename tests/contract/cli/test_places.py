"""Where a scan looks."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from moto import mock_aws

from secretwatch_cli.places import Place, places
from secretwatch_cli.scanning import FailedScan


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    config = tmp_path / "config"
    config.write_text(
        "[profile team-a]\naws_access_key_id = a\naws_secret_access_key = b\n"
        "[profile team-a-again]\naws_access_key_id = c\naws_secret_access_key = d\nregion = eu-west-1\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield


def looked_at(profiles: list[str | None], regions: list[str | None]) -> list[tuple[str | None, str]]:
    found = list(places(profiles, regions))
    assert all(isinstance(one, Place) for one in found)
    return [(one.profile, one.everything.region) for one in found if isinstance(one, Place)]


def test_every_profile_is_looked_at_in_every_region() -> None:
    assert looked_at(["team-a"], ["eu-west-1", "us-east-1"]) == [("team-a", "eu-west-1"), ("team-a", "us-east-1")]


def test_a_profiles_own_region_is_taken_when_none_is_given() -> None:
    assert looked_at(["team-a-again"], [None]) == [("team-a-again", "eu-west-1")]


def test_two_profiles_of_one_account_are_one_place() -> None:
    """Else both would take the same quotas, and each reference would be listed twice."""
    assert looked_at(["team-a", "team-a-again"], ["eu-west-1"]) == [("team-a", "eu-west-1")]


@pytest.mark.parametrize(
    ("profile", "region", "reason"),
    [
        ("nobody", "eu-west-1", "aws configure list-profiles"),
        ("team-a", None, "No AWS Region is set"),
        ("team-a", "no region!", "not the name of an AWS Region"),
    ],
)
def test_what_cannot_be_looked_at_says_why(profile: str, region: str | None, reason: str) -> None:
    (failed,) = places([profile], [region])

    assert isinstance(failed, FailedScan)
    assert failed.profile == profile
    assert reason in failed.reason


def test_and_the_rest_goes_on() -> None:
    failed, well = places(["nobody", "team-a"], ["eu-west-1"])

    assert isinstance(failed, FailedScan)
    assert isinstance(well, Place)
