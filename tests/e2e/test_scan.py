"""`secretwatch scan` on an embedded AWS of its own that nothing of ours is deployed to, as its users run it."""

import csv
import io
import json
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import pytest
from typer.testing import CliRunner, Result

from local import stack
from local.stack import EmbeddedAws
from secretwatch_cli.app import app
from tests.e2e.conftest import eventually

Run: TypeAlias = Callable[..., Result]

MANY = 150
READABLE: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "bedrock-agentcore.amazonaws.com"},
            "Action": "secretsmanager:GetSecretValue",
            "Resource": "*",
        }
    ],
}


class Team:
    """A team whose agents use secrets."""

    def __init__(self, aws: EmbeddedAws) -> None:
        self.aws = aws
        self.secrets, self.agentcore = aws.client("secretsmanager"), aws.client("bedrock-agentcore-control")

    def provider(self, value: str = '{"key": "a value"}', policy: Any = READABLE) -> str:
        """A provider and the secret that it references; returns the provider's name."""
        name = f"agent-{uuid.uuid4().hex[:8]}"
        secret = self.secrets.create_secret(Name=f"agents/{name}", SecretString=value)["ARN"]
        if policy:
            self.secrets.put_resource_policy(SecretId=secret, ResourcePolicy=json.dumps(policy))
        self.agentcore.create_api_key_credential_provider(
            name=name, apiKeySecretSource="EXTERNAL", apiKeySecretConfig={"secretId": secret, "jsonKey": "key"}
        )
        return name


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    state_dir = tmp_path_factory.mktemp("embedded-aws")
    aws = stack.start(state_dir=state_dir)
    try:
        yield Team(aws)
    finally:
        stack.stop(state_dir)


@pytest.fixture
def scan(team: Team, monkeypatch: pytest.MonkeyPatch) -> Run:
    for name, value in team.aws.environment().items():
        monkeypatch.setenv(name, value)
    return lambda *arguments: CliRunner().invoke(app, ["scan", *arguments], catch_exceptions=False)


def references(result: Result) -> dict[str, Any]:
    """What was found, by provider."""
    return {one["providerName"]: one for one in json.loads(result.stdout)["references"]}


def test_a_scan_finds_what_is_well_and_what_is_not_without_a_stack(team: Team, scan: Run) -> None:
    well, unreadable, empty = team.provider(), team.provider(policy=None), team.provider('{"key": ""}')

    result = scan("--json")

    found = references(result)
    assert result.exit_code == 3
    assert found[well]["verdict"] == "RESOLVES"
    assert [one["code"] for one in found[unreadable]["findings"]] == ["READER_NOT_ALLOWED"]
    assert [one["code"] for one in found[empty]["findings"]] == ["JSON_KEY_EMPTY"]
    assert scan("--fail-on", "never").exit_code == 0


def test_csv_and_the_table_tell_the_same(team: Team, scan: Run) -> None:
    unreadable = team.provider(policy=None)

    rows = {row["provider"]: row for row in csv.DictReader(io.StringIO(scan("--csv").stdout))}
    table = scan().stdout

    assert (rows[unreadable]["verdict"], rows[unreadable]["code"]) == ("BROKEN", "READER_NOT_ALLOWED")
    assert f"BROKEN    {unreadable} (API_KEY, apiKey) in {team.aws.account} {team.aws.region}" in table
    assert f"READER_NOT_ALLOWED (BROKEN): {rows[unreadable]['evidence']}." in table


def test_two_regions_are_one_table_and_a_profile_that_is_none_fails_without_stopping_the_rest(
    team: Team, scan: Run
) -> None:
    team.provider()

    both = scan("--region", team.aws.region, "--region", "eu-west-1", "--json")
    one_fails = scan("--profile", "nobody", "--json")

    assert [(one["region"], one["error"]) for one in json.loads(both.stdout)["places"]] == [
        (team.aws.region, None),
        ("eu-west-1", None),
    ]
    assert references(both)
    assert one_fails.exit_code == 1
    assert "nobody" in json.loads(one_fails.stdout)["places"][0]["error"]


def test_a_throttled_call_is_made_again_until_it_is_answered(team: Team, scan: Run) -> None:
    """Somebody else takes most of the quotas."""
    names = [team.provider() for _ in range(20)]
    team.aws.quotas("impose", policies=5, providers=4)

    result = scan("--json")

    counts = team.aws.quotas("counts")
    team.aws.quotas("lift")
    found = references(result)
    assert {found[name]["verdict"] for name in names} == {"RESOLVES"}
    assert all(one["unknown"] is None for one in found.values())
    assert counts["throttled"]


def test_what_agentcore_was_seen_to_read_settles_what_policies_leave_open(team: Team, scan: Run) -> None:
    """Nobody outside AWS knows of which organisation AgentCore says that it reads for."""
    (statement,) = READABLE["Statement"]
    condition = {"StringEqualsIfExists": {"aws:SourceOrgID": "o-example123"}}
    name = team.provider(policy={**READABLE, "Statement": [{**statement, "Condition": condition}]})
    data, created = team.aws.client("bedrock-agentcore"), time.time()
    team.agentcore.create_workload_identity(name=name)
    token = data.get_workload_access_token(workloadName=name)["workloadAccessToken"]
    eventually(lambda: time.time() >= created + 1)  # CloudTrail tells whole seconds, and the read has to be later

    data.get_resource_api_key(workloadIdentityToken=token, resourceCredentialProviderName=name)

    checked, observed = references(scan("--json"))[name], references(scan("--observed", "--json"))[name]
    assert [one["code"] for one in checked["findings"]] == ["READER_DEPENDS"]
    assert (observed["verdict"], observed["findings"], observed["evidence"]) == ("RESOLVES", [], "observed")


@pytest.mark.slow
def test_many_providers_are_scanned_in_half_a_minute_under_the_true_quotas(team: Team, scan: Run) -> None:
    """All of one kind, which is the slowest: each kind has a quota of its own."""
    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(lambda _: team.provider(), range(MANY)))
    team.aws.quotas("impose")
    begun = time.monotonic()

    result = scan("--json")

    took = time.monotonic() - begun
    counts = team.aws.quotas("counts")
    team.aws.quotas("lift")
    found = references(result)
    assert {found[name]["verdict"] for name in names} == {"RESOLVES"}
    assert took < 30
    assert sum(counts["throttled"].values()) == 0
