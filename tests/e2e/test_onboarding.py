"""Onboarding through the deployed workflows: what a team asks for ends as a provider that resolves, or as nothing.

What can run side by side is started together, each execution with secrets and providers of its own.
"""

import copy
import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from boto3.dynamodb.types import TypeDeserializer
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session

from docs.permissions import policy as ready_policy
from local import stack
from secretwatch.adapters.dynamodb import DynamoDbOnboardings
from secretwatch.adapters.stepfunctions import StepFunctionsExecutions
from secretwatch.domain.reference import ProviderKind
from secretwatch_cli.underway import Looking
from tests.contract.test_provider_requests import ANNOUNCED
from tests.e2e.conftest import Fields, World, eventually

PARAMETERS = {
    **stack.PARAMETERS,
    "RepairKeyPolicies": "on",
    "OnboardingVend": "on",
    "BreakerSecrets": "999",
    "BreakerPercent": "100",
}
DEPLOYERS = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "Deployers",
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::111122223333:role/deployer"},
            "Action": "secretsmanager:DescribeSecret",
            "Resource": "*",
        }
    ],
}
"""A policy that says nothing of AgentCore, laid out as nobody else would."""

ALL_AT_ONCE = 240.0
"""Seconds that a batch of executions may take on a slow machine. One alone takes a few."""

OFFBOARDS = "OffboardProviderArn"

STANDING = ("stands", "undone", "contested_at", "paused_at")
"""What repairs go by in the record of a policy, beside the last plan and how many there were."""


class Workflows:
    """The deployed workflows, as a team starts them and as everybody hears of them."""

    def __init__(self, world: World) -> None:
        self.world, self.states = world, world.aws.client("stepfunctions")
        self.bus = world.event_queue()
        self.heard: list[Fields] = []
        self.canaries: list[str] = []

    # --- secrets and requests

    def secret(self, *keys: str, provider: str | None = None, **settings: Any) -> str:
        """A secret that AgentCore may not read yet; its own tag lets the providers of that name have it."""
        value = {key: f"canary-{uuid.uuid4().hex}" for key in keys or ("key",)}
        self.canaries += value.values()
        allowed = " ".join([*(f"{kind}/{provider}" for kind in ProviderKind), f"OAUTH2/{provider}@id.example.com"])
        tags = [{"Key": "secretwatch:allow-provider", "Value": f"OAUTH2/another {allowed}"}] if provider else []
        arn: str = self.world.secrets.create_secret(
            Name=f"teams/{uuid.uuid4().hex[:8]}", SecretString=json.dumps(value), Tags=tags, **settings
        )["ARN"]
        self.world.secrets.put_resource_policy(SecretId=arn, ResourcePolicy=json.dumps(DEPLOYERS, indent=3))
        return arn

    def key(self) -> str:
        """A key whose policy says nothing of AgentCore."""
        arn: str = self.world.aws.client("kms").create_key()["KeyMetadata"]["Arn"]
        return arn

    # --- executions

    def start(self, request: Any, machine: str | None = None, states: Any = None) -> str:
        """Start an execution by its plain API; returns its ARN."""
        arn: str = (states or self.states).start_execution(
            stateMachineArn=machine or self.world.outputs["OnboardSecretArn"],
            name=f"o-{uuid.uuid4().hex[:12]}-1",
            input=json.dumps(request),
        )["executionArn"]
        return arn

    def ended(self, execution: str) -> Fields:
        """The execution, once it is over."""

        def look() -> Fields | None:
            found: Fields = self.states.describe_execution(executionArn=execution)
            return found if found["status"] != "RUNNING" else None

        return eventually(look, patience=ALL_AT_ONCE)

    def history(self, execution: str) -> list[Fields]:
        pages = self.states.get_paginator("get_execution_history").paginate(executionArn=execution)
        return [event for page in pages for event in page["events"]]

    def entered(self, execution: str) -> list[str]:
        """The states that it passed."""
        details = [event.get("stateEnteredEventDetails") for event in self.history(execution)]
        return [one["name"] for one in details if one]

    def heard_of(self, what: str, secret: str = "") -> list[Fields]:
        """The details of the events of that type that came to the bus, about a secret or about any."""
        self.heard += [one for one in self.world.events(self.bus) if one["source"] == "secretwatch"]
        return [one["detail"] for one in self.heard if one["detail-type"] == what and secret in str(one["resources"])]

    def told(self, execution: str, what: str) -> Fields:
        """The detail of the event of that type about the execution, once it is on the bus."""
        return eventually(lambda: next((one for one in self.heard_of(what) if one["id"] == id_of(execution)), None))

    def variant(self, change: Callable[[Fields], None], of: str = "OnboardSecretArn") -> str:
        """Deploy the workflow changed; returns the ARN of that machine."""
        deployed = self.states.describe_state_machine(stateMachineArn=self.world.outputs[of])
        definition = json.loads(deployed["definition"])
        change(definition["States"])
        arn: str = self.states.create_state_machine(
            name=f"variant-{uuid.uuid4().hex[:8]}", definition=json.dumps(definition), roleArn=deployed["roleArn"]
        )["stateMachineArn"]
        return arn

    # --- what stands

    def providers(self, name: str) -> list[Fields]:
        """Every provider of that name, as AgentCore shows it."""
        listed = [
            *self.world.agentcore.list_api_key_credential_providers()["credentialProviders"],
            *self.world.agentcore.list_oauth2_credential_providers()["credentialProviders"],
            *self.world.agentcore.list_payment_credential_providers()["credentialProviders"],
        ]
        return [one for one in listed if one["name"] == name]

    def policy(self, secret: str) -> str | None:
        text: str | None = self.world.secrets.get_resource_policy(SecretId=secret).get("ResourcePolicy")
        return text

    def registry(self, *words: str) -> list[Fields]:
        """Every record that names one of these, but for the history of what was done.

        Nor those that say which secrets a key protected once: they end by themselves, and lead to nothing. Of what
        repairs keep of a policy, only what they go by later: leases and budgets end by themselves, too.
        """
        pages = self.world.dynamodb.get_paginator("scan").paginate(
            TableName=self.world.outputs["RegistryTable"], ConsistentRead=True
        )
        items = [
            {name: TypeDeserializer().deserialize(value) for name, value in item.items()}
            for page in pages
            for item in page["Items"]
        ]
        compared = [one for one in map(_compared, items) if one and any(word in str(one) for word in words)]
        return sorted(compared, key=str)

    def standing(self, name: str, *secrets: str, key: str | None = None) -> Fields:
        """All that an onboarding may touch."""
        kms = self.world.aws.client("kms")
        return {
            "policies": [self.policy(secret) for secret in secrets],
            "key policy": kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"] if key else None,
            "providers": self.providers(name),
            "Registry": self.registry(name, *secrets),
        }


def _compared(item: Fields) -> Fields | None:
    """What of a record has to be as before; None for one that may differ."""
    if item["pk"].startswith("REPAIRS#"):
        found = {name: item[name] for name in STANDING if item.get(name)}
        return {"pk": item["pk"], **found} if found else None
    return None if item["pk"].startswith(("ONBOARDING#", "REPAIR#", "AUDIT#", "KEY#")) else item


def id_of(execution: str) -> str:
    return execution.rpartition(":")[2]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    state_dir = tmp_path_factory.mktemp("embedded-aws")
    aws = stack.start(state_dir=state_dir)
    try:
        yield World(aws, stack.deploy(aws, PARAMETERS))
    finally:
        stack.stop(state_dir)


@pytest.fixture(scope="module")
def workflows(world: World) -> Workflows:
    return Workflows(world)


def a_name(prefix: str = "agent") -> str:
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def api_key(name: str, secret: str, json_key: str = "key", **more: Any) -> Fields:
    return {
        "name": name,
        "apiKeySecretSource": "EXTERNAL",
        "apiKeySecretConfig": {"secretId": secret, "jsonKey": json_key},
        **more,
    }


def google(secret: str, name: str = ANNOUNCED["name"]) -> Fields:
    """The announcement's own call of CreateOauth2CredentialProvider, with a secret that there is."""
    request = copy.deepcopy(ANNOUNCED) | {"name": name}
    request["oauth2ProviderConfigInput"]["googleOauth2ProviderConfig"]["clientSecretConfig"]["secretId"] = secret
    return request


def custom(name: str, secret: str) -> Fields:
    return {
        "name": name,
        "credentialProviderVendor": "CustomOauth2",
        "oauth2ProviderConfigInput": {
            "customOauth2ProviderConfig": {
                "oauthDiscovery": {"discoveryUrl": "https://id.example.com/.well-known/openid-configuration"},
                "clientId": "crm",
                "clientSecretSource": "EXTERNAL",
                "clientSecretConfig": {"secretId": secret, "jsonKey": "client_secret"},
            }
        },
        "owner": "CRM team",
    }


def coinbase(name: str, keys: str, wallet: str) -> Fields:
    return {
        "name": name,
        "credentialProviderVendor": "CoinbaseCDP",
        "providerConfigurationInput": {
            "coinbaseCdpConfiguration": {
                "apiKeyId": "an-id",
                "apiKeySecretSource": "EXTERNAL",
                "apiKeySecretConfig": {"secretId": keys, "jsonKey": "apiKeySecret"},
                "walletSecretSource": "EXTERNAL",
                "walletSecretConfig": {"secretId": wallet, "jsonKey": "walletSecret"},
            }
        },
    }


# --- what is onboarded


def test_every_kind_of_provider_is_onboarded_and_resolves_within_a_minute(world: World, workflows: Workflows) -> None:
    """Without anybody's approval, since the secrets' own tags give it; the policies are written on the way."""
    names = {"key": a_name("key"), "google": ANNOUNCED["name"], "custom": a_name("crm"), "coinbase": a_name("pay")}
    key = workflows.key()
    secrets = {
        "key": [workflows.secret("key", provider=names["key"], KmsKeyId=key)],
        "google": [workflows.secret("clientSecret", provider=names["google"])],
        "custom": [workflows.secret("client_secret", provider=names["custom"])],
        "coinbase": [
            workflows.secret("apiKeySecret", provider=names["coinbase"]),
            workflows.secret("walletSecret", provider=names["coinbase"]),
        ],
    }
    requests = {
        "key": api_key(names["key"], *secrets["key"], options={"vend": True}),
        "google": google(*secrets["google"]),
        "custom": custom(names["custom"], *secrets["custom"]),
        "coinbase": coinbase(names["coinbase"], *secrets["coinbase"]),
    }
    assert VENDING not in workloads(world)
    executions = {kind: workflows.start(request) for kind, request in requests.items()}
    over = {kind: workflows.ended(execution) for kind, execution in executions.items()}

    assert VENDING in workloads(world)
    for kind, execution in over.items():
        assert (execution["status"], execution.get("cause")) == ("SUCCEEDED", None)
        assert (execution["stopDate"] - execution["startDate"]).total_seconds() < 60
        assert "Approve" not in workflows.entered(executions[kind])
        output = json.loads(execution["output"])
        assert (output["created"], names[kind] in output["providerArn"]) == (True, True)
        assert ("callbackUrl" in output) is (kind in {"google", "custom"})
        told = workflows.told(executions[kind], "Onboarding Succeeded")
        assert (told["provider"]["arn"], told["message"]) == (output["providerArn"], output["message"])
        eventually(lambda message=output["message"]: is_mailed(world, message))  # type: ignore[misc]
        for secret in secrets[kind]:
            assert world.verdict(secret, names[kind]) == "RESOLVES"
            assert "Deployers" in str(workflows.policy(secret))
    assert handed_out(world, names["key"]) in workflows.canaries
    assert len(workflows.registry(*secrets["coinbase"])) >= 2


VENDING = "secretwatch-onboarding"
"""The workload identity as which a credential is fetched once."""


def workloads(world: World) -> list[str]:
    """The names of all workload identities."""
    pages = world.agentcore.get_paginator("list_workload_identities").paginate()
    return [one["name"] for page in pages for one in page["workloadIdentities"]]


def mails(world: World) -> list[str]:
    """All that the topic's subscribers have got."""
    world.alerts("")
    return [message["Message"] for message in world.mail]


def is_mailed(world: World, words: str) -> bool:
    return any(words in mail for mail in mails(world))


def handed_out(world: World, provider: str) -> str:
    """The API key that AgentCore gives an agent."""
    workload = a_name()
    world.agentcore.create_workload_identity(name=workload)
    data = world.aws.client("bedrock-agentcore")
    token = data.get_workload_access_token(workloadName=workload)["workloadAccessToken"]
    key: str = data.get_resource_api_key(workloadIdentityToken=token, resourceCredentialProviderName=provider)["apiKey"]
    return key


def test_the_same_request_started_twice_at_once_makes_one_provider_and_again_adopts_it(
    world: World, workflows: Workflows
) -> None:
    name = a_name()
    secret = workflows.secret(provider=name)
    at_once = [workflows.start(api_key(name, secret)) for _ in range(2)]
    over = [workflows.ended(execution) for execution in at_once]
    again = workflows.ended(workflows.start(api_key(name, secret)))

    (lost,) = [one for one in over if one["status"] == "FAILED"]
    assert lost["error"] == "AlreadyUnderWay"
    assert any(execution in lost["cause"] for execution in at_once)
    assert again["status"] == "SUCCEEDED"
    assert json.loads(again["output"])["created"] is False
    assert len(workflows.providers(name)) == 1
    assert len(world.records(secret)) == 1
    assert workflows.registry(f"ONBOARDINGS#{world.aws.account}") == []


class Person:
    """Who has some of the ready policies and nothing else."""

    def __init__(self, world: World, *policies: str) -> None:
        self.world, self.name = world, a_name("person")
        words = {"PARTITION": "aws", "REGION": world.aws.region, "ACCOUNT": world.aws.account, "SECRETS": "teams/*"}
        iam = world.aws.client("iam")
        iam.create_user(UserName=self.name)
        for policy in policies:
            document = ready_policy(policy, {**words, "STACK": stack.STACK_NAME})
            iam.put_user_policy(UserName=self.name, PolicyName=policy, PolicyDocument=json.dumps(document))
        key = iam.create_access_key(UserName=self.name)["AccessKey"]
        self.keys = Credentials(key["AccessKeyId"], key["SecretAccessKey"])

    def client(self, service: str) -> Any:
        session = boto3.Session(self.keys.access_key, self.keys.secret_key, region_name=self.world.aws.region)
        client: Any = session.client
        return client(service, endpoint_url=self.world.aws.endpoint, config=Config(proxies={}))

    def decides(self, **asked: str) -> tuple[int, str]:
        """What the Function URL answers: the status, and the message."""
        host = self.world.outputs["OnboardingDecisionsUrl"].removeprefix("https://").rstrip("/")
        request = AWSRequest("POST", f"{self.world.aws.endpoint}/", data=json.dumps(asked), headers={"Host": host})
        SigV4Auth(self.keys, "lambda", self.world.aws.region).add_auth(request)
        answer = URLLib3Session().send(request.prepare())
        return answer.status_code, answer.text


def test_somebody_else_approves_and_whoever_started_it_cannot(world: World, workflows: Workflows) -> None:
    team, owner = Person(world, "onboarder", "onboarding-approver"), Person(world, "onboarding-approver")
    stranger = Person(world, "onboarder", "approver")
    name, secret = a_name(), workflows.secret()
    execution = workflows.start(api_key(name, secret), states=team.client("stepfunctions"))
    asked = workflows.told(execution, "Onboarding Awaiting Approval")
    eventually(lambda: is_mailed(world, f"secretwatch approve {asked['id']}"))
    before = workflows.policy(secret)

    own = eventually(
        lambda: one if "try again" not in (one := team.decides(wish="approve", id=asked["id"]))[1] else None
    )
    strange = stranger.decides(wish="approve", id=asked["id"])
    assert (workflows.policy(secret), workflows.providers(name)) == (before, [])
    approved = owner.decides(wish="approve", id=asked["id"])
    over = workflows.ended(execution)

    assert (own[0], "nobody approves an onboarding of their own" in own[1]) == (403, True)
    assert strange[0] == 403
    assert approved[0] == 202
    assert over["status"] == "SUCCEEDED"
    assert team.client("stepfunctions").describe_execution(executionArn=execution)["status"] == "SUCCEEDED"
    assert world.verdict(secret, name) == "RESOLVES"
    (audit,) = world._registry(f"AUDIT#{secret}")
    assert audit["approved_by"].endswith(f":user/{owner.name}")
    assert workflows.told(execution, "Onboarding Succeeded")["requestedBy"].endswith(f":user/{team.name}")


# --- what is refused


def spoilt(request: Fields, **changes: Any) -> Fields:
    """The request with members changed; None leaves one out."""
    changed = {**request, **changes}
    return {name: value for name, value in changed.items() if value is not None}


def test_every_wrong_request_is_refused_with_what_to_fix_and_leaves_nothing(world: World, workflows: Workflows) -> None:
    taken, literal = a_name("taken"), f"literal-{uuid.uuid4().hex}"
    world.agentcore.create_api_key_credential_provider(
        name=taken, apiKeySecretSource="EXTERNAL", apiKeySecretConfig={"secretId": workflows.secret(), "jsonKey": "key"}
    )
    names = {case: a_name(case.replace(" ", "-")) for case in REFUSED}
    names["taken"] = taken
    secrets = {case: workflows.secret(provider=None if case in WAITING else name) for case, name in names.items()}
    requests = {case: spoil(api_key(names[case], secrets[case]), literal) for case, (spoil, _, _) in REFUSED.items()}
    before = {case: workflows.policy(secret) for case, secret in secrets.items()}
    owner = Person(world, "onboarding-approver")

    executions = {case: workflows.start(request) for case, request in requests.items()}
    asked = {case: workflows.told(executions[case], "Onboarding Awaiting Approval") for case in ("rejected", "moved")}
    owner.decides(wish="reject", id=asked["rejected"]["id"], reason="not this secret")
    before["moved"] = json.dumps({**DEPLOYERS, "Id": "changed while a person looked at it"})
    world.secrets.put_resource_policy(SecretId=secrets["moved"], ResourcePolicy=before["moved"])
    eventually(lambda: owner.decides(wish="approve", id=asked["moved"]["id"])[0] == 202)
    over = {case: workflows.ended(execution) for case, execution in executions.items()}

    for case, (_, error, words) in REFUSED.items():
        assert (over[case]["status"], over[case]["error"]) == ("FAILED", error), case
        assert words in over[case]["cause"], case
        told = workflows.told(executions[case], "Onboarding Rolled Back")
        assert words in told["message"], case
        assert "Nothing of it is left" in told["message"]
        assert workflows.policy(secrets[case]) == before[case]
        assert len(workflows.providers(names[case])) == (case == "taken")
        assert workflows.registry(secrets[case]) == []
    assert workflows.registry(f"ONBOARDINGS#{world.aws.account}") == []
    everywhere = [*(over[case]["cause"] for case in REFUSED), *map(str, workflows.heard), *mails(world), world.log()]
    assert not [text for text in everywhere if literal in text]
    assert literal not in str(world._registry(f"ONBOARDING#{id_of(executions['literal'])}"))


WAITING = ("never answered", "rejected", "moved")

REFUSED: dict[str, tuple[Callable[[Fields, str], Fields], str, str]] = {
    "no name": (lambda one, _: spoilt(one, name=None), "RequestRefused", "name is missing"),
    "wrong field": (
        lambda one, _: spoilt(one, apiKeySecretConfig={**one["apiKeySecretConfig"], "jsonkey": "key"}),
        "RequestRefused",
        "jsonKey",
    ),
    "vendor": (
        lambda one, _: (
            google(one["apiKeySecretConfig"]["secretId"], one["name"]) | {"credentialProviderVendor": "GogleOauth2"}
        ),
        "RequestRefused",
        "GoogleOauth2",
    ),
    "literal": (
        lambda one, literal: spoilt(one, apiKeySecretSource=None, apiKeySecretConfig=None, apiKey=literal),
        "RequestRefused",
        "otate it",
    ),
    "elsewhere": (
        lambda one, _: api_key(one["name"], "arn:aws:secretsmanager:eu-west-1:111122223333:secret:teams/crm-a1b2c3"),
        "RequestRefused",
        "us-east-1",
    ),
    "no such secret": (lambda one, _: api_key(one["name"], "teams/nowhere"), "RequestRefused", "Create it first"),
    "no such key": (
        lambda one, _: api_key(one["name"], one["apiKeySecretConfig"]["secretId"], "other"),
        "RequestRefused",
        "lacks the JSON key that is named",
    ),
    "taken": (lambda one, _: one, "NameTaken", "Choose another name"),
    "never answered": (
        lambda one, _: spoilt(one, options={"approveWithinSeconds": 1}),
        "States.Timeout",
        "nobody approved it within 1 second",
    ),
    "rejected": (lambda one, _: one, "ApprovalRejected", "not this secret"),
    "moved": (lambda one, _: one, "PolicyMoved", "another one than was shown"),
}
"""By case: how a good request is spoilt, the error that it ends with, and words that people read."""


# --- what fails on the way

FAILING = {"step": "none of them"}
"""A payload that each function of the steps answers with an error that nobody foresaw."""

FORWARD = ("Validate", "Inspect", "Grant", "CreateProvider", "Verify", "Register", "Announce")
BACKWARD = ("Forget", "DeleteProvider", "WithdrawAccess")


def fails(state: str) -> Callable[[Fields], None]:
    """The workflow in which this state fails before it does anything."""

    def change(states: Fields) -> None:
        states[state]["Arguments"]["Payload"] |= FAILING

    return change


def fails_after(state: str) -> Callable[[Fields], None]:
    """The workflow in which something fails right after this state, or its answer is lost."""

    def change(states: Fields) -> None:
        added = copy.deepcopy(states[state])
        fails(state)({state: added})
        added["Resource"] = added["Resource"].removesuffix(".waitForTaskToken")
        for name in ("Assign", "TimeoutSeconds"):
            added.pop(name, None)
        states[f"After{state}"] = added
        states[state] = {name: one for name, one in states[state].items() if name not in {"End", "Output"}}
        states[state]["Next"] = f"After{state}"

    return change


def all_of(*changes: Callable[[Fields], None]) -> Callable[[Fields], None]:
    """The workflow with each of these changes."""

    def change(states: Fields) -> None:
        for one in changes:
            one(states)

    return change


def test_whatever_fails_and_wherever_all_is_as_it_was_and_people_hear_why(world: World, workflows: Workflows) -> None:
    changes = {
        **{state: fails(state) for state in FORWARD},
        **{f"After{state}": fails_after(state) for state in FORWARD},
        "Approve": fails("Approve"),
        "AfterApprove": fails_after("Approve"),
    }
    names = {state: a_name("roll-back") for state in changes}
    keys = {state: workflows.key() for state in changes}
    secrets = {
        state: workflows.secret(provider=None if "Approve" in state else name, KmsKeyId=keys[state])
        for state, name in names.items()
    }

    def standing(state: str) -> Fields:
        return workflows.standing(names[state], secrets[state], key=keys[state])

    before = {state: standing(state) for state in changes}
    machines = {state: workflows.variant(change) for state, change in changes.items()}
    executions = {
        state: workflows.start(api_key(names[state], secrets[state]), machine) for state, machine in machines.items()
    }
    asked = workflows.told(executions["AfterApprove"], "Onboarding Awaiting Approval")
    Person(world, "onboarding-approver").decides(wish="approve", id=asked["id"])

    for state, execution in executions.items():
        over = workflows.ended(execution)
        assert (over["status"], over["error"]) == ("FAILED", "ValueError"), state
        told = workflows.told(execution, "Onboarding Rolled Back")
        assert (told["failure"]["step"], told["rollBack"]["failed"]) == (state, []), state
        assert "Nothing of it is left" in told["message"]
        eventually(lambda message=told["message"]: is_mailed(world, message))  # type: ignore[misc]
    for state in changes:
        eventually(lambda state=state: standing(state) == before[state])  # type: ignore[misc]
        (record,) = world._registry(f"ONBOARDING#{id_of(executions[state])}")
        assert record["status"] == "ROLLED_BACK"
    written = {state for state, secret in secrets.items() if world._registry(f"AUDIT#{secret}")}
    assert written == {"AfterGrant", *(one for one in changes if one.removeprefix("After") in FORWARD[3:])}


def test_a_step_of_the_roll_back_that_fails_stops_no_other_calls_people_and_a_repeat_ends_well(
    world: World, workflows: Workflows
) -> None:
    names = {state: a_name("stuck") for state in BACKWARD}
    secrets = {state: workflows.secret(provider=name) for state, name in names.items()}
    before = {state: workflows.policy(secret) for state, secret in secrets.items()}

    machines = {state: workflows.variant(all_of(fails_after("Register"), fails(state))) for state in BACKWARD}
    executions = {
        state: workflows.start(api_key(names[state], secrets[state]), machine) for state, machine in machines.items()
    }

    for state, execution in executions.items():
        assert workflows.ended(execution)["error"] == "ValueError"
        assert [one for one in workflows.entered(execution) if one in BACKWARD] == list(BACKWARD)
        told = workflows.told(execution, "Onboarding Rolled Back")
        (left,) = told["rollBack"]["failed"]
        assert left.startswith(f"{state}: ")
        assert left in told["message"]
        assert len(workflows.providers(names[state])) == (state == "DeleteProvider")
        assert (workflows.policy(secrets[state]) == before[state]) is (state != "WithdrawAccess")
    assert len(world.logged("OnboardSecretSteps", '"RollBacksFailed"')) == len(BACKWARD)

    again = [workflows.start(api_key(names[state], secrets[state])) for state in BACKWARD]
    assert {workflows.ended(execution)["status"] for execution in again} == {"SUCCEEDED"}
    assert [world.verdict(secrets[state], names[state]) for state in BACKWARD] == ["RESOLVES"] * len(BACKWARD)


UNTOLD = {
    (): "Its roll-back is complete.",
    ("DeleteProvider",): "These steps of its roll-back failed: DeleteProvider.",
    ("Forget", "DeleteProvider"): "These steps of its roll-back failed: Forget, DeleteProvider.",
}
"""By the steps of the roll-back that fail: what people read of it when it cannot be announced either."""


def test_what_cannot_even_be_announced_is_mailed_and_is_called_stopped_until_it_is_begun_again(
    world: World, workflows: Workflows
) -> None:
    names = {stuck: a_name("untold") for stuck in UNTOLD}
    secrets = {stuck: workflows.secret(provider=name) for stuck, name in names.items()}

    machines = {
        stuck: workflows.variant(all_of(fails_after("Register"), *map(fails, (*stuck, "AnnounceFailure"))))
        for stuck in UNTOLD
    }
    executions = {
        stuck: workflows.start(api_key(names[stuck], secrets[stuck]), machine) for stuck, machine in machines.items()
    }
    leaving = workflows.start(
        {"kind": "API_KEY", "name": a_name("nowhere")},
        workflows.variant(all_of(fails("CheckUse"), fails("AnnounceFailure")), OFFBOARDS),
    )
    over = {stuck: workflows.ended(execution) for stuck, execution in executions.items()}
    left = workflows.ended(leaving)

    for stuck, end in over.items():
        begun = f"Onboarding {id_of(executions[stuck])} failed at AfterRegister with ValueError"
        whole = f"{begun}, and that could not be announced. {UNTOLD[stuck]} See {executions[stuck]}"
        assert (end["status"], end["error"], end["cause"]) == ("FAILED", "ValueError", whole)
        eventually(lambda whole=whole: whole in mails(world))  # type: ignore[misc]
    begun = f"Offboarding {id_of(leaving)} failed at CheckUse with ValueError"
    whole = f"{begun}, and that could not be announced. See {leaving}"
    assert (left["status"], left["error"], left["cause"]) == ("FAILED", "ValueError", whole)
    eventually(lambda: whole in mails(world))

    looking = Looking(
        DynamoDbOnboardings(world.dynamodb, world.outputs["RegistryTable"]), StepFunctionsExecutions(workflows.states)
    )
    assert {one.id for one in looking.look().stopped} == {id_of(one) for one in executions.values()}
    let_variants_be_looked_at(world)
    again = [workflows.start(api_key(name, secrets[stuck])) for stuck, name in names.items()]
    assert [workflows.ended(execution).get("cause") for execution in again] == [None] * len(UNTOLD)
    assert looking.look().stopped == []


def let_variants_be_looked_at(world: World) -> None:
    """By whoever begins an onboarding again, as it may look at executions of the deployed workflow."""
    variants = f"arn:aws:states:{world.aws.region}:{world.aws.account}:execution:variant-*"
    statement = {"Effect": "Allow", "Action": "states:DescribeExecution", "Resource": variants}
    world.aws.client("iam").put_role_policy(
        RoleName=world.physical_id("OnboardSecretStepsRole"),
        PolicyName="variants",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )


@pytest.fixture
def faults(world: World) -> Iterator[None]:
    yield
    world.aws.agentcore("clear")


def impatient(states: Fields) -> None:
    """The workflow that waits no longer than a second between two tries."""
    for state in states.values():
        for retrier in state.get("Retry", []):
            retrier["IntervalSeconds"] = retrier["MaxDelaySeconds"] = 1


@pytest.mark.usefixtures("faults")
def test_agentcore_throttles_and_fails_and_the_onboarding_waits_or_is_rolled_back(
    world: World, workflows: Workflows
) -> None:
    machine = workflows.variant(impatient)
    names = {case: a_name(case) for case in ("throttled", "undone", "failing", "quota", "slow", "broken")}
    secrets = {
        case: workflows.secret("key", "clientSecret", "apiKeySecret", "walletSecret", provider=name)
        for case, name in names.items()
    }
    before = {case: workflows.policy(secret) for case, secret in secrets.items()}
    fail, both = world.aws.agentcore, secrets["quota"]
    for operation in ("Create", "Get", "Delete"):
        fail("fail", operation=f"{operation}ApiKeyCredentialProvider", code="ThrottlingException", times=7)
    fail("fail", operation="CreatePaymentCredentialProvider", code="ServiceQuotaExceededException")
    fail("hold")

    throttled = workflows.start(api_key(names["throttled"], secrets["throttled"]), machine)
    undone = workflows.start(
        api_key(names["undone"], secrets["undone"]),
        workflows.variant(all_of(impatient, fails_after("Verify"))),
    )
    quota = workflows.start(coinbase(names["quota"], both, both), machine)
    slow = workflows.start(google(secrets["slow"], names["slow"]), machine)
    broken = workflows.start(google(secrets["broken"], names["broken"]), machine)
    for name, reason in ((names["slow"], None), (names["broken"], "the discovery document cannot be read")):
        eventually(lambda name=name: workflows.providers(name) or None)  # type: ignore[misc]
        fail("settle", name=name, **({"failure_reason": reason} if reason else {}))
        fail("hold")
    over = {
        case: workflows.ended(one) for case, one in [("throttled", throttled), ("undone", undone), ("quota", quota)]
    }
    over["slow"] = workflows.ended(slow)
    fail("fail", operation="CreateApiKeyCredentialProvider", code="InternalServerException")
    failing = workflows.start(api_key(names["failing"], secrets["failing"]), machine)
    over["failing"] = workflows.ended(failing)
    eventually(lambda: workflows.providers(names["broken"]) == [] or fail("settle", name=names["broken"]))
    over["broken"] = workflows.ended(broken)

    ends = {case: (one["status"], one.get("error")) for case, one in over.items()}
    assert ends == {
        "throttled": ("SUCCEEDED", None),
        "slow": ("SUCCEEDED", None),
        "undone": ("FAILED", "ValueError"),
        "quota": ("FAILED", "ProviderRefused"),
        "failing": ("FAILED", "Transient"),
        "broken": ("FAILED", "ProviderFailed"),
    }
    assert "ServiceQuotaExceeded" in over["quota"]["cause"]
    assert "the discovery document cannot be read" in over["broken"]["cause"]
    assert {"CreateProvider", "DeleteProvider"} <= {*tried_again(workflows, throttled), *tried_again(workflows, undone)}
    assert {"Inspect", "Verify"} & {*tried_again(workflows, throttled), *tried_again(workflows, undone)}
    for case in ("undone", "quota", "failing", "broken"):
        assert (workflows.providers(names[case]), workflows.policy(secrets[case])) == ([], before[case])


def tried_again(workflows: Workflows, execution: str) -> set[str]:
    """The states in which something failed in passing."""
    state, found = "", set()
    for event in workflows.history(execution):
        state = event.get("stateEnteredEventDetails", {}).get("name", state)
        if event.get("taskFailedEventDetails", {}).get("error") == "Transient":
            found.add(state)
    return found


# --- what is removed


def test_a_provider_is_removed_unless_it_is_used_and_what_only_it_needed_goes_with_it(
    world: World, workflows: Workflows
) -> None:
    offboard = world.outputs["OffboardProviderArn"]
    used, unused = a_name("used"), a_name("unused")
    secrets = {name: workflows.secret(provider=name) for name in (used, unused)}
    for execution in [workflows.start(api_key(name, secret)) for name, secret in secrets.items()]:
        assert workflows.ended(execution)["status"] == "SUCCEEDED"
    a_target_uses(world, world.records(secrets[used])[0]["provider_arn"])
    world.secrets.put_secret_value(SecretId=secrets[unused], SecretString="{}")
    eventually(lambda: workflows.heard_of("Incident Opened", secrets[unused]) or None)

    asked = {name: {"kind": "API_KEY", "name": name} for name in secrets}
    started = {name: workflows.start(request, offboard) for name, request in asked.items()}
    refused, removed = workflows.ended(started[used]), workflows.ended(started[unused])

    assert (refused["status"], refused["error"]) == ("FAILED", "ProviderInUse")
    assert "target crm" in refused["cause"]
    assert workflows.told(started[used], "Offboarding Refused")["provider"]["name"] == used
    assert (len(workflows.providers(used)), "Deployers" in str(workflows.policy(secrets[used]))) == (1, True)
    assert removed["status"] == "SUCCEEDED"
    workflows.told(started[unused], "Offboarding Succeeded")
    assert (workflows.providers(unused), statements(workflows, secrets[unused])) == ([], DEPLOYERS["Statement"])
    assert world.records(secrets[unused]) == []
    eventually(lambda: workflows.heard_of("Incident Resolved", secrets[unused]) or None)

    forced = workflows.ended(workflows.start({**asked[used], "force": True}, offboard))
    assert forced["status"] == "SUCCEEDED"
    assert (workflows.providers(used), statements(workflows, secrets[used])) == ([], DEPLOYERS["Statement"])
    assert workflows.registry(f"ONBOARDINGS#{world.aws.account}") == []


def statements(workflows: Workflows, secret: str) -> list[Fields]:
    found: list[Fields] = json.loads(workflows.policy(secret) or "{}")["Statement"]
    return found


def a_target_uses(world: World, provider_arn: str) -> None:
    gateway = world.agentcore.create_gateway(
        name=a_name("support"),
        roleArn=f"arn:aws:iam::{world.aws.account}:role/support",
        protocolType="MCP",
        authorizerType="AWS_IAM",
    )["gatewayId"]
    world.agentcore.create_gateway_target(
        gatewayIdentifier=gateway,
        name="crm",
        targetConfiguration={"mcp": {"mcpServer": {"endpoint": "https://crm.example.com/mcp"}}},
        credentialProviderConfigurations=[
            {
                "credentialProviderType": "API_KEY",
                "credentialProvider": {"apiKeyCredentialProvider": {"providerArn": provider_arn}},
            }
        ],
    )


# --- what nobody is told


def test_no_value_of_a_secret_is_in_any_history_log_or_record(world: World, workflows: Workflows) -> None:
    """Of all that the tests before this one onboarded."""
    machines = [one["stateMachineArn"] for one in workflows.states.list_state_machines()["stateMachines"]]
    executions = [
        one["executionArn"]
        for machine in machines
        for page in workflows.states.get_paginator("list_executions").paginate(stateMachineArn=machine)
        for one in page["executions"]
    ]
    texts = [
        *(str(workflows.history(one)) for one in executions),
        world.log(),
        *map(str, workflows.heard),
        *mails(world),
    ]

    assert executions
    assert not [canary for canary in workflows.canaries if any(canary in text for text in texts)]
    assert not [canary for canary in workflows.canaries if workflows.registry(canary)]
