"""The ready policies allow what they are for; what a deployer needs, CloudFormation's resource types say themselves."""

import json
import sysconfig
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.model import OperationModel

from docs.permissions import policy as ready_policy
from local import stack
from secretwatch.adapters.agentcore import AgentCore, AgentCoreGateways, AgentCoreProviders
from secretwatch.adapters.iam import IamIdentities
from secretwatch.adapters.kms import KmsKeys
from secretwatch.adapters.secretsmanager import SecretsManagerSecrets
from secretwatch.domain.change import WholeInventory
from secretwatch.domain.reference import ProviderKind, ProviderName
from secretwatch.domain.rules import AGENTCORE, CONSUMERS, Rules
from secretwatch.errors import Permanent
from secretwatch_cli.check import look_up
from secretwatch_cli.doctor import examine
from secretwatch_cli.exits import Exit, FailOn
from secretwatch_cli.lookups import Lookups
from secretwatch_cli.registry import registry_of
from secretwatch_cli.scanning import Scanning
from secretwatch_cli.scanning import World as ScannedWorld
from secretwatch_cli.stack import find_stack
from tests.contract.template import RESOURCES, as_list
from tests.e2e.conftest import World
from tests.permissions.probing import a_gateway_is_to_be_read, a_provider, an_onboarding_waits

GAPS = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["events:ListTargetsByRule", "iam:SimulatePrincipalPolicy", "lambda:ListEventSourceMappings"],
            "Resource": "*",
        }
    ],
}
"""What the embedded AWS asks for on any resource; the last it takes for GetEventSourceMapping."""


class Person:
    """Who has one of the ready policies and nothing else; `did` is what they called, as IAM names it."""

    def __init__(self, world: World, key: dict[str, str]) -> None:
        self.did: set[str] = set()
        self._endpoint = world.aws.endpoint
        self._session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=world.aws.region)
        self._session.events.register("before-call", self._note)

    def __call__(self, service: str) -> Any:
        config = Config(proxies={}, retries={"total_max_attempts": 1})
        client: Any = self._session.client
        return client(service, endpoint_url=self._endpoint, config=config)

    def _note(self, model: OperationModel, **_: object) -> None:
        self.did.add(f"{model.service_model.signing_name}:{model.name}")


@contextmanager
def who_has(policy: str, world: World) -> Iterator[Person]:
    words = {"PARTITION": "aws", "REGION": world.aws.region, "ACCOUNT": world.aws.account, "SECRETS": "agents/*"}
    documents = {policy: ready_policy(policy, {**words, "STACK": stack.STACK_NAME}), "gaps": GAPS}
    iam = world.aws.client("iam")
    iam.create_user(UserName=policy)
    for name, document in documents.items():
        iam.put_user_policy(UserName=policy, PolicyName=name, PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName=policy)["AccessKey"]
    try:
        yield Person(world, key)
    finally:
        iam.delete_access_key(UserName=policy, AccessKeyId=key["AccessKeyId"])
        for name in documents:
            iam.delete_user_policy(UserName=policy, PolicyName=name)
        iam.delete_user(UserName=policy)


def allowed_by(policy: str) -> set[str]:
    return {action for one in ready_policy(policy, {})["Statement"] for action in as_list(one["Action"])}


def test_a_viewer_sees_all_that_the_doctor_looks_at_and_what_is_stored_of_a_secret(world: World) -> None:
    with (
        a_provider(world) as (secret, name),
        an_onboarding_waits(world, "reject") as reject,
        who_has("viewer", world) as viewer,
    ):
        found = find_stack(viewer, stack.STACK_NAME)
        results = examine(viewer, found, version="0.3.0")
        registry = registry_of(viewer, found)
        answers = [look_up(registry.targets.find(subject)) for subject in (secret, name)]
        registry.waivers.all()
        registry.states()
        registry.incidents.open()
        registry.last_sweep()
        under_way = registry.under_way.look()
        reject()

    assert [one for one in results if "may not" in one.meaning] == []
    assert [answer.exit_status(FailOn.BROKEN) for answer in answers] == [Exit.WELL, Exit.WELL]
    assert under_way.onboardings
    assert viewer.did == allowed_by("viewer")


def test_a_scan_reads_what_it_looks_at_and_only_the_secrets_that_it_names(world: World) -> None:
    other = world.secrets.create_secret(Name=f"elsewhere/{uuid.uuid4().hex[:8]}", SecretString="{}")["ARN"]
    everything = WholeInventory(world.aws.account, world.aws.region)
    key = world.aws.client("kms").create_key()["KeyMetadata"]["Arn"]

    with (
        a_provider(world) as (secret, name),
        a_gateway_is_to_be_read(world),
        who_has("scan", world) as scan,
    ):
        world.secrets.update_secret(SecretId=secret, KmsKeyId=key, SecretString='{"key": "another value"}')
        agentcore = AgentCore(scan("bedrock-agentcore-control"))
        providers, secrets = AgentCoreProviders(agentcore), SecretsManagerSecrets(scan("secretsmanager"))
        seen = ScannedWorld(
            providers=providers,
            gateways=AgentCoreGateways(agentcore),
            secrets=secrets,
            keys=KmsKeys(scan("kms")),
            identities=IamIdentities(scan("iam")),
            history=Lookups(scan("cloudtrail")).history,
        )
        rules = Rules(required_readers=(AGENTCORE, CONSUMERS, f"arn:aws:iam::{world.aws.account}:role/support"))
        with ThreadPoolExecutor(4) as workers, ThreadPoolExecutor(4) as reads:
            scanned = Scanning(seen, rules=rules, workers=workers, reads=reads).scan(everything)
        (found,) = [one for one in scanned.found if one.reference.provider.name == name]

        assert scanned.unread == ()
        assert "AccessDenied" not in str(found.judgement.unknown)
        for kind in ProviderKind:
            providers.get(ProviderName(world.aws.account, world.aws.region, kind, name))
        with pytest.raises(Permanent, match="AccessDenied"):
            secrets.describe(other)

    # Secrets Manager calls KMS on behalf of whoever reads.
    assert scan.did == allowed_by("scan") - {"kms:Decrypt"}


# --- the deployer: CloudFormation's resource types name the operations that they need

SCHEMAS = (
    Path(sysconfig.get_path("purelib", vars={"base": str(stack.SAM.parents[1])})) / "cfnlint/data/schemas/resources"
)
"""cfn-lint's copy of them comes with the SAM CLI."""

MADE_BY_SAM = {
    "AWS::Serverless::Function": {"AWS::Lambda::Function", "AWS::Lambda::EventSourceMapping", "AWS::Lambda::Url"},
    "AWS::Serverless::LayerVersion": {"AWS::Lambda::LayerVersion"},
    "AWS::Serverless::StateMachine": {"AWS::StepFunctions::StateMachine"},
}
UNUSED = (
    # functions in a network, with file systems, on machines of one's own
    "ec2:*",
    "elasticfilesystem:*",
    "s3files:*",
    "lambda:PassCapacityProvider",
    # keys of one's own
    "kms:*",
    "logs:*ssociateKmsKey",
    # what is in a table, its copies, and where it could come from or go to
    "dynamodb:*Import*",
    "dynamodb:*Item",
    "dynamodb:*Replica",
    "dynamodb:Query",
    "dynamodb:Scan",
    "dynamodb:DisableKinesisStreamingDestination",
    "dynamodb:EnableKinesisStreamingDestination",
    "dynamodb:UpdateKinesisStreamingDestination",
    "iam:CreateServiceLinkedRole",
    "kinesis:*",
    "logs:*LogStream*",
    "logs:PutLogEvents",
    "s3:GetObjectMetadata",
    # the Registry outlives its stack
    "dynamodb:DeleteTable",
    # properties that the template leaves alone
    "dynamodb:*ResourcePolicy",
    "dynamodb:UpdateContributorInsights",
    "events:*Permission",
    "firehose:*",
    "iam:*tachRolePolicy",
    "lambda:*CodeSigningConfig",
    "lambda:*FunctionConcurrency",
    "lambda:AssociateRuntimeAlias",
    "lambda:PublishVersion",
    "lambda:PutFunctionRecursionConfig",
    "lambda:PutFunctionScalingConfig",
    "lambda:PutRuntimeManagementConfig",
    "logs:*BearerTokenAuthentication",
    "logs:*DataProtectionPolicy",
    "logs:*DeletionProtection",
    "logs:*IndexPolicy",
    "logs:*ResourcePolicy",
    "logs:CreateLogDelivery",
    "s3:REST.*",
    "sns:PutDataProtectionPolicy",
)
"""What resource types name for what the template does not do."""


def test_a_deployer_may_do_what_the_resource_types_of_the_template_need() -> None:
    types = {made for one in RESOURCES.values() for made in MADE_BY_SAM.get(one["Type"], {one["Type"]})}
    schemas = [json.loads(path.read_text(encoding="utf-8")) for path in SCHEMAS.glob("*.json")]
    needed = {
        action
        for schema in schemas
        if schema.get("typeName") in types
        for name, handler in schema.get("handlers", {}).items()
        if name != "list"  # lists serve no deployment
        for action in handler["permissions"]
    }
    allowed = allowed_by("deployer")
    of_sam = {action for action in allowed if action.startswith(("cloudformation:", "s3:"))}

    assert needed
    assert {action for action in needed - allowed if not any(fnmatch(action, one) for one in UNUSED)} == set()
    assert allowed - needed - of_sam == set()
