"""Repairs on the embedded AWS, in all three modes: one stack, deployed anew with another RepairMode for each."""

import json
import uuid
from collections.abc import Callable, Iterator

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner, Result

from local import stack
from secretwatch_cli.app import app
from tests.e2e.conftest import LETS_AGENTCORE_READ, Fields, World, eventually

SID = "SecretwatchAgentCoreRead"
MANY = {"BreakerSecrets": "99", "BreakerPercent": "100"}  # the tests break one secret after another
DEPLOYERS = {
    "Sid": "Deployers",
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::111122223333:role/deployer"},
    "Action": "secretsmanager:DescribeSecret",
    "Resource": "*",
}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stack.EmbeddedAws]:
    state_dir = tmp_path_factory.mktemp("embedded-aws")
    yield stack.start(state_dir=state_dir)
    stack.stop(state_dir)


@pytest.fixture(params=["propose", "enforce", "observe"], scope="module")
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def world(aws: stack.EmbeddedAws, mode: str) -> World:
    return World(aws, stack.deploy(aws, {**stack.PARAMETERS, **MANY, "RepairMode": mode, "RepairBudgetPerHour": "9"}))


@pytest.fixture
def run(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    for name, value in world.aws.environment().items():
        monkeypatch.setenv(name, value)
    return lambda *arguments, **options: CliRunner().invoke(app, list(arguments), catch_exceptions=False, **options)


class Team:
    """A team with an agent that gets its key from AgentCore, until somebody takes the secret's policy away."""

    def __init__(self, world: World) -> None:
        self.world, self.events = world, world.event_queue()
        self.secret = world.secret('{"key": "the key"}')
        self.provider = world.provider(self.secret)
        workload = f"agent-{uuid.uuid4().hex[:8]}"
        world.agentcore.create_workload_identity(name=workload)
        self.data = world.aws.client("bedrock-agentcore")
        self.token = self.data.get_workload_access_token(workloadName=workload)["workloadAccessToken"]
        self.heard: list[Fields] = []

    def key(self) -> str | None:
        """What AgentCore gives out, or None when it may not read."""
        try:
            vended: str = self.data.get_resource_api_key(
                workloadIdentityToken=self.token, resourceCredentialProviderName=self.provider
            )["apiKey"]
        except ClientError:
            return None
        return vended

    def breaks(self, *statements: Fields) -> None:
        """Somebody replaces the policy by one that forgets AgentCore, or deletes it."""
        if statements:
            policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
            self.world.secrets.put_resource_policy(SecretId=self.secret, ResourcePolicy=policy)
        else:
            self.world.secrets.delete_resource_policy(SecretId=self.secret)

    def sids(self) -> list[str]:
        text = self.world.secrets.get_resource_policy(SecretId=self.secret).get("ResourcePolicy")
        return [one["Sid"] for one in json.loads(text)["Statement"]] if text else []

    def heard_of(self, what: str) -> list[Fields]:
        """The events of that kind about the secret on the bus."""
        self.heard += self.world.events(self.events)
        return [one["detail"] for one in self.heard if one["detail-type"] == what and self.secret in one["resources"]]

    def planned(self) -> str:
        """The id of the plan that the bus tells of."""
        (detail,) = eventually(lambda: self.heard_of("Repair Planned") or None)
        return str(detail["repair"]["id"])

    def audits(self) -> list[Fields]:
        return self.world._registry(f"AUDIT#{self.secret}")

    def resolves(self) -> None:
        eventually(lambda: self.world.verdict(self.secret, self.provider) == "RESOLVES")


@pytest.fixture
def team(world: World) -> Team:
    return Team(world)


def only_in(wanted: str) -> pytest.MarkDecorator:
    """A test of one mode."""
    return pytest.mark.parametrize("mode", [wanted], indirect=True, scope="module")


# --- propose ---


@only_in("propose")
def test_a_person_approves_and_agentcore_gets_the_key_again(
    world: World, team: Team, run: Callable[..., Result]
) -> None:
    assert team.key() == "the key"
    team.breaks()
    repair = team.planned()
    assert (team.key(), team.sids(), team.audits()) == (None, [], [])
    eventually(lambda: any(f"secretwatch approve {repair}" in told for told in world.alerts(repair)))

    shown = run("repairs", repair)
    answer = run("approve", repair)
    team.resolves()

    assert f'+      "Sid": "{SID}",' in shown.stdout
    assert "is approved" in answer.output
    assert (team.sids(), team.key()) == ([SID], "the key")
    eventually(lambda: team.heard_of("Repair Applied") or None)
    (audit,) = team.audits()
    assert audit["approved_by"] == world.aws.client("sts").get_caller_identity()["Arn"]
    eventually(lambda: team.heard_of("Incident Resolved") or None)
    assert len(team.heard_of("Repair Planned")) == 1


@only_in("propose")
def test_the_history_says_what_was_changed_and_undoing_gives_back_what_was_there(
    world: World, team: Team, run: Callable[..., Result]
) -> None:
    team.breaks(DEPLOYERS)
    repair = team.planned()
    run("approve", repair)
    eventually(lambda: team.sids() == ["Deployers", SID])
    (change,) = eventually(lambda: json.loads(run("history", team.secret, "--json").stdout)["changes"] or None)
    active = json.loads(run("history", team.secret, "--active", "--json").stdout)["changes"]

    assert (change["repair"], change["requestId"] is not None) == (repair, True)
    assert [one["repair"] for one in active] == [repair]
    assert "is being undone" in run("undo", repair).output
    eventually(lambda: team.sids() == ["Deployers"])
    assert json.loads(run("history", team.secret, "--active", "--json").stdout)["changes"] == []
    eventually(lambda: len(team.audits()) == 2)
    assert "paused" in run("repairs").stdout


@only_in("propose")
def test_an_approval_of_what_moved_meanwhile_writes_nothing(
    world: World, team: Team, run: Callable[..., Result]
) -> None:
    team.breaks()
    repair = team.planned()
    world.secrets.put_resource_policy(SecretId=team.secret, ResourcePolicy=LETS_AGENTCORE_READ)

    run("approve", repair)
    eventually(lambda: team.heard_of("Repair Refused") or run("repairs", repair).stdout.count("superseded") or None)

    assert team.sids() == ["AgentCoreRead"]
    assert team.audits() == []


@only_in("propose")
def test_whom_iam_does_not_let_in_approves_nothing(team: Team, world: World, run: Callable[..., Result]) -> None:
    iam, name = world.aws.client("iam"), f"somebody-{uuid.uuid4().hex[:8]}"
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    rights = {"Effect": "Allow", "Action": ["cloudformation:*", "dynamodb:*"], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [rights]})
    iam.put_role_policy(RoleName=name, PolicyName="rights", PolicyDocument=document)
    issued = world.aws.client("sts").assume_role(RoleArn=role, RoleSessionName="bob")["Credentials"]
    team.breaks()
    repair = team.planned()

    answer = run(
        "approve",
        repair,
        env={
            "AWS_ACCESS_KEY_ID": issued["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": issued["SecretAccessKey"],
            "AWS_SESSION_TOKEN": issued["SessionToken"],
        },
    )

    assert (answer.exit_code, "403" in answer.output) == (1, True)
    assert (team.sids(), team.audits()) == ([], [])


# --- enforce ---


@only_in("enforce")
def test_what_is_enforced_needs_nobody_and_keeps_the_statements_of_others(team: Team) -> None:
    team.breaks(DEPLOYERS)

    eventually(lambda: team.sids() == ["Deployers", SID])
    team.resolves()
    eventually(lambda: team.heard_of("Repair Applied") or None)

    assert team.key() == "the key"
    (audit,) = team.audits()
    assert (audit["approved_by"], audit["asked_by"]) == (None, "secretwatch")


@only_in("enforce")
def test_a_writer_who_keeps_undoing_it_is_answered_so_often_and_then_left_alone(team: Team) -> None:
    for number in range(1, 5):
        team.breaks()
        eventually(lambda number=number: len(team.audits()) == number or None)  # type: ignore[misc]
        team.resolves()
    team.breaks()
    (contest,) = eventually(lambda: team.heard_of("Repair Contested") or None)

    assert len(team.audits()) == 1 + 3
    assert team.sids() == []
    assert SID in contest["message"]
    assert contest["by"] != []


@only_in("enforce")
def test_a_tag_keeps_our_hands_off(world: World, team: Team) -> None:
    world.secrets.tag_resource(SecretId=team.secret, Tags=[{"Key": "secretwatch:repair", "Value": "propose"}])
    team.breaks()

    team.planned()

    assert team.sids() == []


# --- observe ---


@only_in("observe")
def test_where_the_mode_is_observe_nothing_is_written_nor_could_it_be(world: World, team: Team) -> None:
    team.breaks()
    eventually(lambda: world.verdict(team.secret, team.provider) == "BROKEN")
    world.settle()

    assert (team.sids(), team.audits(), team.heard_of("Repair Planned")) == ([], [], [])
    iam, role = world.aws.client("iam"), world.physical_id("RepairAccessRole")
    policy = iam.get_role_policy(RoleName=role, PolicyName="repair-access")["PolicyDocument"]
    assert "PutResourcePolicy" not in json.dumps(policy)
