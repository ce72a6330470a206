"""Takes one permission away from a deployed role, makes the function need it, and finds where the failure shows."""

import json
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from functools import partial

from docs.permissions import Permission
from local import stack
from secretwatch.adapters.dynamodb import SWEEP_PREFIX, DynamoDbSweeps
from secretwatch.domain.change import Subject, WholeInventory, request
from secretwatch.domain.consumer import GatewayName
from secretwatch.domain.reference import ProviderKind, ProviderName
from secretwatch.domain.secret import SecretId
from tests.contract.template import as_list, of_type
from tests.e2e.conftest import LETS_AGENTCORE_READ, Fields, World, eventually

REFUSED = re.compile("AccessDenied|AuthorizationError|not authorized")

ROLLED_BACK_WITHIN = 240.0
"""Seconds: a step of the roll-back may have to wait for a lease to run out."""

Act = Callable[[], str]
"""Makes a function need something; returns words of which the record, or the reference, has one in it."""

Cause = Callable[[World], AbstractContextManager[Act]]
"""Prepares an act while every permission is there, and tidies up after it."""


# --- taking away

NOTHING = {"Sid": "Nothing", "Effect": "Deny", "Action": "sts:GetFederationToken", "Resource": "*"}
"""What is left of a role that lost everything: IAM takes no policy without a statement."""


@contextmanager
def without(world: World, role: str, *gone: Permission) -> Iterator[None]:
    """The deployed role lacks exactly these of its permissions, for a while."""
    iam, name = world.aws.client("iam"), world.physical_id(role)
    (policy,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
    document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]

    def put(statements: list[Fields]) -> None:
        text = json.dumps({**document, "Statement": statements or [NOTHING]})
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=text)

    put(list(_less(document["Statement"], gone)))
    try:
        yield
    finally:
        put(document["Statement"])


def _less(statements: list[Fields], gone: Iterable[Permission]) -> Iterator[Fields]:
    """What is left: one statement an action of those that lose something, and the others as they are."""
    lost = {(one.statement.sid, one.action, one.resource) for one in gone}
    for statement in statements:
        sid, resources = statement["Sid"], as_list(statement["Resource"])
        if sid not in {of for of, _, _ in lost}:
            yield statement
            continue
        for action in as_list(statement["Action"]):
            kept = [resource for number, resource in enumerate(resources) if (sid, action, number) not in lost]
            if kept:
                yield {**statement, "Sid": sid + action.split(":")[1], "Action": action, "Resource": kept}


@contextmanager
def impatient(world: World) -> Iterator[None]:
    """The stack's queues give up after one try: the deployed ones take minutes, and no part in what shows."""
    urls = [world.physical_id(name) for name, queue in of_type("AWS::SQS::Queue").items() if "RedrivePolicy" in queue]
    wanted = ["VisibilityTimeout", "RedrivePolicy"]
    before = {url: world.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"] for url in urls}
    for url, attributes in before.items():
        redrive = {**json.loads(attributes["RedrivePolicy"]), "maxReceiveCount": 1}
        hasty = {"VisibilityTimeout": "1", "RedrivePolicy": json.dumps(redrive)}
        world.sqs.set_queue_attributes(QueueUrl=url, Attributes=hasty)
    try:
        yield
    finally:
        for url, attributes in before.items():
            world.sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)


# --- where it shows


def shows(world: World, one: Permission, said: str, *, refusal: re.Pattern[str] = REFUSED) -> None:
    """Wait until the failure is everywhere that the page says; fails when it never comes."""
    words = said.split()
    for place in one.statement.shows[one.action]:
        match place:
            case "unknown":
                eventually(lambda: _is_unknown(world, words, refusal))
            case "log":
                eventually(lambda: _is_logged(world, words, one, refusal))
            case "repair":
                eventually(lambda: _is_refused(world, words, refusal))
            case "execution":
                eventually(lambda: _is_told(world, words, refusal), patience=ROLLED_BACK_WITHIN)
            case "answer" if one.statement.role == "DecideOnboardingRole":
                eventually(lambda: refusal.search(decided(world, words[1], function="DecideOnboarding", id=words[0])))
            case "answer":
                eventually(lambda: refusal.search(decided(world, "approve", id=words[0]) + decided(world, "resume")))
            case "UnpublishedVerdicts":  # on the embedded AWS only the line in the log: see the page
                eventually(lambda: bool(_failed(world, one, refusal)))  # whose it is, its correlation id alone tells
            case queue:
                eventually(lambda queue=queue: _is_in(world, queue, words, one, refusal))  # type: ignore[misc]


def _is_unknown(world: World, secrets: list[str], refusal: re.Pattern[str]) -> bool:
    unknown = [record["unknown"] for secret in secrets for record in world.records(secret)]
    return bool(unknown) and all(one and refusal.search(one["reason"]) for one in unknown)


def _is_told(world: World, executions: list[str], refusal: re.Pattern[str]) -> bool:
    """Whether one of the executions failed, and its history says that something was refused."""
    states = world.aws.client("stepfunctions")
    failed = [one for one in executions if states.describe_execution(executionArn=one)["status"] == "FAILED"]
    return any(refusal.search(str(states.get_execution_history(executionArn=one)["events"])) for one in failed)


def _is_refused(world: World, secrets: list[str], refusal: re.Pattern[str]) -> bool:
    """Whether the last repair of a secret's policy says that it was refused."""
    plans = [record.get("plan") for secret in secrets for record in world._registry(f"REPAIRS#{secret}")]
    reasons = [record["reason"] for plan in plans if plan for record in world._registry(f"REPAIR#{plan}")]
    return any(reason and refusal.search(reason) for reason in reasons)


def _is_logged(world: World, ids: list[str], one: Permission, refusal: re.Pattern[str]) -> bool:
    told = [line for what in ("trail unknown", "subscriptions unknown") for line in _lines(world, one, what)]
    lines = [line for line in told if line["correlation_id"] in ids]
    return any(refusal.search(line["reason"]) for line in lines)


def _is_in(world: World, queue: str, words: list[str], one: Permission, refusal: re.Pattern[str]) -> bool:
    """Whether the queue of failures has such a record, and the log says of it that it was refused.

    An impatient queue gives a record up while a slow function still has it: it stays until the log speaks of it.
    """
    url = world.physical_id(queue)
    messages = world.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=1).get("Messages", [])
    failed = {line["record"] for line in _failed(world, one, refusal)}
    ours = [message for message in messages if any(word in message["Body"] for word in words)]
    found = [message for message in ours if message["MessageId"] in failed]
    for message in found:
        world.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return bool(found)


def _failed(world: World, one: Permission, refusal: re.Pattern[str]) -> list[Fields]:
    lines = _lines(world, one, "record failed")
    return [line for line in lines if refusal.search(f"{line['error']} {line['reason']}")]


def _lines(world: World, one: Permission, message: str) -> list[Fields]:
    """What the role's function logged, and meant by that message."""
    group = world.physical_id(one.statement.role.removesuffix("Role") + "Logs")
    pages = world.aws.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    texts = (event["message"] for page in pages for event in page["events"])
    return [line for text in texts if f'"{message}"' in text and (line := json.loads(text))["message"] == message]


# --- causes


def asked(world: World, queue: str, subject: Subject) -> str:
    """Ask the stack to look at something; returns the request's id."""
    request_id = str(uuid.uuid4())
    body = json.dumps(request(subject, at=datetime.now(UTC), request_id=request_id))
    world.sqs.send_message(QueueUrl=world.physical_id(queue), MessageBody=body)
    return request_id


@contextmanager
def a_provider(world: World) -> Iterator[tuple[str, str]]:
    """A secret and a provider that references it, which was checked; the provider goes afterwards."""
    secret = world.secret()
    name = world.provider(secret)
    try:
        yield secret, name
    finally:
        world.agentcore.delete_api_key_credential_provider(name=name)


@contextmanager
def a_check_is_asked_for(world: World) -> Iterator[Act]:
    """By both queues, in the same words."""
    with a_provider(world) as (secret, _):

        def act() -> str:
            for queue in ("ChangeQueue", "SweepQueue"):
                asked(world, queue, SecretId.of_arn(secret))
            return secret

        yield act


@contextmanager
def a_value_is_put(world: World) -> Iterator[Act]:
    """Whose version is new to the Registry."""
    with a_provider(world) as (secret, _):

        def act() -> str:
            world.secrets.put_secret_value(SecretId=secret, SecretString='{"key": "another value"}')
            return secret

        yield act


@contextmanager
def a_value_is_put_under_a_key_of_ones_own(world: World) -> Iterator[Act]:
    """Which Secrets Manager decrypts for nobody who may not decrypt it."""
    with a_value_is_put(world) as act:
        key = world.aws.client("kms").create_key()["KeyMetadata"]["Arn"]

        def act_under_key() -> str:
            secret = act()
            world.secrets.update_secret(SecretId=secret, KmsKeyId=key, SecretString='{"key": "a third value"}')
            return secret

        yield act_under_key


@contextmanager
def a_check_under_a_key_of_ones_own_is_asked_for(world: World) -> Iterator[Act]:
    """Whose policy lets AgentCore decrypt by a grant only: there is none."""
    key = world.aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    with a_check_is_asked_for(world) as act:

        def act_under_key() -> str:
            secret = act()
            world.secrets.update_secret(SecretId=secret, KmsKeyId=key)
            return secret

        yield act_under_key


@contextmanager
def a_check_of_a_faulty_secret_is_asked_for(world: World) -> Iterator[Act]:
    """Whose finding might be waived."""
    with a_check_is_asked_for(world) as act:

        def act_on_faulty() -> str:
            secret = act()
            world.secrets.put_secret_value(SecretId=secret, SecretString="{}")
            for queue in ("ChangeQueue", "SweepQueue"):
                asked(world, queue, SecretId.of_arn(secret))
            return secret

        yield act_on_faulty


@contextmanager
def a_round_is_due(world: World) -> Iterator[Act]:
    """Of the alerts, as each minute."""
    body = json.dumps({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}})
    yield lambda: world.sqs.send_message(QueueUrl=world.physical_id("AlertQueue"), MessageBody=body)["MessageId"]


@contextmanager
def a_key_changes(world: World) -> Iterator[Act]:
    """Under which is a referenced secret."""
    kms = world.aws.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    with a_provider(world) as (secret, provider):
        world.secrets.update_secret(SecretId=secret, KmsKeyId=key)
        eventually(lambda: world.verdict(secret, provider) == "BROKEN")

        def act() -> str:
            kms.disable_key(KeyId=key)
            return str(key).rsplit("/", 1)[-1]

        yield act


@contextmanager
def a_reference_breaks(world: World) -> Iterator[Act]:
    """Of which people are to be told."""
    with a_provider(world) as (secret, provider):

        def act() -> str:
            world.secrets.put_secret_value(SecretId=secret, SecretString="{}")
            return provider

        yield act


@contextmanager
def a_reference_heals(world: World) -> Iterator[Act]:
    """Which people were told is broken."""
    with a_provider(world) as (secret, provider):
        world.secrets.put_secret_value(SecretId=secret, SecretString="{}")
        eventually(lambda: world.alerts(provider) or None)

        def act() -> str:
            world.secrets.put_secret_value(SecretId=secret, SecretString='{"key": "another value"}')
            return provider

        yield act


@contextmanager
def an_inventory_is_due(world: World) -> Iterator[Act]:
    """With a provider that is known, and no sweep that was left unfinished: that one would be carried on instead.

    What fails is the request, or the carrying on of the sweep that it began.
    """
    everything = WholeInventory(world.aws.account, world.aws.region)
    sweeps = DynamoDbSweeps(world.dynamodb, world.outputs["RegistryTable"])

    def act() -> str:
        request_id = asked(world, "InventoryQueue", everything)
        return f"{request_id} {eventually(lambda: sweeps.find(everything)).id}"

    with a_provider(world):
        key = {"pk": {"S": f"{SWEEP_PREFIX}{everything.account}#{everything.region}"}, "sk": {"S": "STATE"}}
        world.dynamodb.delete_item(TableName=world.outputs["RegistryTable"], Key=key)
        yield act


@contextmanager
def a_provider_is_to_be_read(world: World, kind: ProviderKind) -> Iterator[Act]:
    """AgentCore is asked for it, whether there is one of that name or not."""
    name = ProviderName(world.aws.account, world.aws.region, kind, f"agent-{uuid.uuid4().hex[:8]}")
    yield lambda: asked(world, "InventoryQueue", name)


@contextmanager
def a_provider_comes(world: World) -> Iterator[Act]:
    """With a reference that is new."""
    secret, name = world.secret(), f"agent-{uuid.uuid4().hex[:8]}"

    def act() -> str:
        world.agentcore.create_api_key_credential_provider(
            name=name, apiKeySecretSource="EXTERNAL", apiKeySecretConfig={"secretId": secret, "jsonKey": "key"}
        )
        return name

    yield act
    world.agentcore.delete_api_key_credential_provider(name=name)


@contextmanager
def a_provider_goes(world: World) -> Iterator[Act]:
    """Which was recorded."""
    name = world.provider(world.secret())

    def act() -> str:
        world.agentcore.delete_api_key_credential_provider(name=name)
        return name

    yield act


@contextmanager
def a_gateway_is_to_be_read(world: World) -> Iterator[Act]:
    """With one target."""
    gateway = world.agentcore.create_gateway(
        name=f"support-{uuid.uuid4().hex[:8]}",
        roleArn=f"arn:aws:iam::{world.aws.account}:role/support",
        protocolType="MCP",
        authorizerType="AWS_IAM",
    )["gatewayId"]
    world.agentcore.create_gateway_target(
        gatewayIdentifier=gateway,
        name="crm",
        targetConfiguration={"mcp": {"mcpServer": {"endpoint": "https://crm.example.com/mcp"}}},
        credentialProviderConfigurations=[{"credentialProviderType": "GATEWAY_IAM_ROLE"}],
    )
    yield lambda: asked(world, "InventoryQueue", GatewayName(world.aws.account, world.aws.region, gateway))


def decided(world: World, wish: str, *, function: str = "DecideRepair", **named: str) -> str:
    """What whoever decides is answered, behind the function's URL; it is nobody who started something."""
    caller = {"iam": {"userArn": f"arn:aws:iam::{world.aws.account}:user/owner"}}
    asked = {"wish": wish, "resource": None, "reason": "no", **named}
    event = {"requestContext": {"authorizer": caller}, "body": json.dumps(asked)}
    answer = world.aws.client("lambda").invoke(FunctionName=world.physical_id(function), Payload=json.dumps(event))
    text: str = answer["Payload"].read().decode()
    return text


def _planned(world: World, secret: str) -> str:
    """The id of the repair that waits for a person; the breaker lets one more through."""
    plan = eventually(lambda: next((one.get("plan") for one in world._registry(f"REPAIRS#{secret}")), None))
    (repair,) = world._registry(f"REPAIR#{plan}")
    assert repair["status"] == "planned"
    return str(plan)


@contextmanager
def a_reader_is_locked_out(world: World) -> Iterator[Act]:
    """So that a repair has to be planned."""
    with a_provider(world) as (secret, _):
        decided(world, "resume")  # a test after another would look like a mass of broken secrets

        def act() -> str:
            world.secrets.delete_resource_policy(SecretId=secret)
            return secret

        yield act


@contextmanager
def a_repair_is_approved(world: World, words: Callable[[str, str], str]) -> Iterator[Act]:
    """Which waited for it; `words` are chosen of the secret and the repair."""
    with a_reader_is_locked_out(world) as locked_out:
        secret = locked_out()
        repair = _planned(world, secret)

        def act() -> str:
            decided(world, "approve", id=repair)
            return words(secret, repair)

        yield act


@contextmanager
def a_repair_is_undone(world: World) -> Iterator[Act]:
    """Before which there was no policy."""
    with a_repair_is_approved(world, lambda secret, repair: f"{secret} {repair}") as approved:
        secret, repair = approved().split(" ")
        eventually(lambda: len(world._registry(f"AUDIT#{secret}")) == 1)

        def act() -> str:
            decided(world, "undo", id=repair)
            return secret

        yield act


# --- causes: onboardings


def _started(world: World, request: Fields, machine: str = "OnboardSecretArn") -> str:
    arn: str = world.aws.client("stepfunctions").start_execution(
        stateMachineArn=world.outputs[machine], name=f"o-{uuid.uuid4().hex[:12]}", input=json.dumps(request)
    )["executionArn"]
    return arn


def _over(world: World, execution: str) -> str:
    states = world.aws.client("stepfunctions")

    def look() -> str | None:
        status: str = states.describe_execution(executionArn=execution)["status"]
        return status if status != "RUNNING" else None

    return eventually(look)


def _name() -> str:
    return f"agent-{uuid.uuid4().hex[:8]}"


def _brought(world: World, name: str, **settings: object) -> str:
    """A secret that AgentCore may not read yet, which lets the providers of that name have it."""
    tags = [{"Key": "secretwatch:allow-provider", "Value": " ".join(f"{kind}/{name}" for kind in ProviderKind)}]
    value = json.dumps({"key": "a value"})
    arn: str = world.secrets.create_secret(Name=f"agents/{name}", SecretString=value, Tags=tags, **settings)["ARN"]
    return arn


def _wanted(kind: ProviderKind, name: str, secret: str) -> Fields:
    """A request for a provider of that kind."""
    config = {"secretId": secret, "jsonKey": "key"}
    match kind:
        case ProviderKind.API_KEY:
            return {"name": name, "apiKeySecretSource": "EXTERNAL", "apiKeySecretConfig": config}
        case ProviderKind.OAUTH2:
            google = {"clientId": "id", "clientSecretSource": "EXTERNAL", "clientSecretConfig": config}
            given = {"googleOauth2ProviderConfig": google}
            return {"name": name, "credentialProviderVendor": "GoogleOauth2", "oauth2ProviderConfigInput": given}
        case ProviderKind.PAYMENT:
            keys = {
                f"{field}{part}": value
                for field in ("apiKeySecret", "walletSecret")
                for part, value in (("Source", "EXTERNAL"), ("Config", config))
            }
            given = {"coinbaseCdpConfiguration": {"apiKeyId": "id", **keys}}
            return {"name": name, "credentialProviderVendor": "CoinbaseCDP", "providerConfigurationInput": given}


@contextmanager
def a_team_onboards(world: World, kind: ProviderKind = ProviderKind.API_KEY) -> Iterator[Act]:
    """A secret whose policy has to be written for that."""
    name = _name()
    secret = _brought(world, name)
    yield lambda: _started(world, _wanted(kind, name, secret))


@contextmanager
def a_team_onboards_under_a_key_of_its_own(world: World) -> Iterator[Act]:
    """Which lets AgentCore decrypt by a grant only: there is none."""
    name = _name()
    secret = _brought(world, name, KmsKeyId=world.aws.client("kms").create_key()["KeyMetadata"]["Arn"])
    yield lambda: _started(world, _wanted(ProviderKind.API_KEY, name, secret))


@contextmanager
def a_team_onboards_what_depends(world: World) -> Iterator[Act]:
    """A secret about which there is something to warn of, and which might be waived."""
    name = _name()
    secret = _brought(world, name)
    policy = json.loads(LETS_AGENTCORE_READ)
    policy["Statement"][0]["Condition"] = {"StringLike": {"aws:SourceArn": "arn:aws:bedrock-agentcore:*"}}
    world.secrets.put_resource_policy(SecretId=secret, ResourcePolicy=json.dumps(policy))
    yield lambda: _started(world, _wanted(ProviderKind.API_KEY, name, secret))


MACHINES = ("OnboardSecret", "OffboardProvider")


def _left_behind(world: World, name: str, machine: str) -> None:
    """The name is still held by an execution of the workflow that is long over."""
    holder = f"arn:aws:states:{world.aws.region}:{world.aws.account}:execution:{stack.STACK_NAME}-{machine}:gone"
    claim = {"pk": f"ONBOARDINGS#{world.aws.account}#{world.aws.region}#API_KEY", "sk": name, "execution": holder}
    world.dynamodb.put_item(
        TableName=world.outputs["RegistryTable"], Item={key: {"S": value} for key, value in claim.items()}
    )


@contextmanager
def a_name_was_left_behind(world: World) -> Iterator[Act]:
    """By either workflow; a team onboards a provider of that name."""
    names = {_name(): machine for machine in MACHINES}
    requests = [_wanted(ProviderKind.API_KEY, name, _brought(world, name)) for name in names]
    for name, machine in names.items():
        _left_behind(world, name, machine)
    yield lambda: " ".join(_started(world, request) for request in requests)


@contextmanager
def a_name_was_left_behind_and_is_to_go(world: World) -> Iterator[Act]:
    """By either workflow; the provider of that name is removed."""
    names = {_name(): machine for machine in MACHINES}
    for name, machine in names.items():
        assert _over(world, _started(world, _wanted(ProviderKind.API_KEY, name, _brought(world, name)))) == "SUCCEEDED"
        _left_behind(world, name, machine)
    yield lambda: " ".join(_started(world, {"kind": "API_KEY", "name": name}, "OffboardProviderArn") for name in names)


@contextmanager
def an_onboarding_is_rolled_back(world: World) -> Iterator[Act]:
    """After the policy was written, where there was none before."""
    with a_team_onboards(world) as act:
        quota = {"operation": "CreateApiKeyCredentialProvider", "code": "ServiceQuotaExceededException"}

        def act_at_quota() -> str:
            world.aws.agentcore("fail", **quota)
            execution = act()
            _over(world, execution)
            return execution

        try:
            yield act_at_quota
        finally:
            world.aws.agentcore("clear")


@contextmanager
def a_provider_is_offboarded(world: World, kind: ProviderKind = ProviderKind.API_KEY) -> Iterator[Act]:
    """Which was onboarded, while there is a gateway that uses another."""
    name = _name()
    assert _over(world, _started(world, _wanted(kind, name, _brought(world, name)))) == "SUCCEEDED"
    with a_gateway_is_to_be_read(world):
        yield lambda: _started(world, {"kind": kind.value, "name": name}, "OffboardProviderArn")


@contextmanager
def an_onboarding_waits(world: World, wish: str) -> Iterator[Act]:
    """For somebody's decision."""
    name = _name()
    execution = _started(world, _wanted(ProviderKind.API_KEY, name, world.secret()))
    id_ = execution.rpartition(":")[2]
    eventually(
        lambda: [one for one in world._registry(f"ONBOARDING#{id_}") if (one["approval"] or {}).get("token")] or None
    )

    def act() -> str:
        decided(world, wish, function="DecideOnboarding", id=id_)
        return f"{id_} {wish}"

    yield act


_by_repair = partial(a_repair_is_approved, words=lambda _, repair: repair)
_by_secret = partial(a_repair_is_approved, words=lambda secret, _: secret)

SPELLED = {"ApiKey": ProviderKind.API_KEY, "Oauth2": ProviderKind.OAUTH2, "Payment": ProviderKind.PAYMENT}
"""The kinds of providers, as AgentCore's operations spell them."""

CAUSES: Mapping[tuple[str, str], Cause] = {
    ("CheckReferencesRole", "dynamodb:Query"): a_check_is_asked_for,
    ("CheckReferencesRole", "dynamodb:GetItem"): a_check_is_asked_for,
    ("CheckReferencesRole", "dynamodb:BatchGetItem"): a_check_of_a_faulty_secret_is_asked_for,
    ("CheckReferencesRole", "dynamodb:PutItem"): a_check_is_asked_for,
    ("CheckReferencesRole", "sqs:SendMessage"): a_key_changes,
    ("CheckReferencesRole", "secretsmanager:DescribeSecret"): a_value_is_put,
    ("CheckReferencesRole", "secretsmanager:ListResourcePolicies"): a_check_is_asked_for,
    ("CheckReferencesRole", "secretsmanager:GetResourcePolicy"): a_check_is_asked_for,
    ("CheckReferencesRole", "secretsmanager:GetSecretValue"): a_value_is_put,
    ("CheckReferencesRole", "kms:Decrypt"): a_value_is_put_under_a_key_of_ones_own,
    ("CheckReferencesRole", "kms:DescribeKey"): a_check_under_a_key_of_ones_own_is_asked_for,
    ("CheckReferencesRole", "kms:GetKeyPolicy"): a_check_under_a_key_of_ones_own_is_asked_for,
    ("CheckReferencesRole", "kms:ListGrants"): a_check_under_a_key_of_ones_own_is_asked_for,
    ("TakeInventoryRole", "sqs:SendMessage"): an_inventory_is_due,
    ("TakeInventoryRole", "dynamodb:Query"): an_inventory_is_due,
    ("TakeInventoryRole", "dynamodb:GetItem"): a_provider_comes,
    ("TakeInventoryRole", "dynamodb:PutItem"): a_provider_comes,
    ("TakeInventoryRole", "dynamodb:DeleteItem"): a_provider_goes,
    ("TakeInventoryRole", "bedrock-agentcore:ListApiKeyCredentialProviders"): an_inventory_is_due,
    ("TakeInventoryRole", "bedrock-agentcore:ListOauth2CredentialProviders"): an_inventory_is_due,
    ("TakeInventoryRole", "bedrock-agentcore:ListPaymentCredentialProviders"): an_inventory_is_due,
    ("TakeInventoryRole", "bedrock-agentcore:GetApiKeyCredentialProvider"): partial(
        a_provider_is_to_be_read, kind=ProviderKind.API_KEY
    ),
    ("TakeInventoryRole", "bedrock-agentcore:GetOauth2CredentialProvider"): partial(
        a_provider_is_to_be_read, kind=ProviderKind.OAUTH2
    ),
    ("TakeInventoryRole", "bedrock-agentcore:GetPaymentCredentialProvider"): partial(
        a_provider_is_to_be_read, kind=ProviderKind.PAYMENT
    ),
    ("TakeInventoryRole", "bedrock-agentcore:GetGateway"): a_gateway_is_to_be_read,
    ("TakeInventoryRole", "bedrock-agentcore:ListGatewayTargets"): a_gateway_is_to_be_read,
    ("TakeInventoryRole", "bedrock-agentcore:GetGatewayTarget"): a_gateway_is_to_be_read,
    ("TakeInventoryRole", "bedrock-agentcore:ListGateways"): an_inventory_is_due,
    ("TakeInventoryRole", "cloudtrail:DescribeTrails"): an_inventory_is_due,
    ("TakeInventoryRole", "cloudtrail:GetTrailStatus"): an_inventory_is_due,
    ("TakeInventoryRole", "cloudtrail:GetEventSelectors"): an_inventory_is_due,
    ("PublishVerdictsRole", "events:PutEvents"): a_reference_breaks,
    ("SendAlertsRole", "dynamodb:Query"): a_reference_breaks,
    ("SendAlertsRole", "dynamodb:GetItem"): a_reference_breaks,
    ("SendAlertsRole", "dynamodb:PutItem"): a_reference_breaks,
    ("SendAlertsRole", "dynamodb:DeleteItem"): a_reference_heals,
    ("SendAlertsRole", "events:PutEvents"): a_reference_breaks,
    ("SendAlertsRole", "sns:Publish"): a_reference_breaks,
    ("SendAlertsRole", "sns:ListSubscriptionsByTopic"): a_round_is_due,
    ("RepairAccessRole", "dynamodb:GetItem"): a_reader_is_locked_out,
    ("RepairAccessRole", "dynamodb:Query"): a_reader_is_locked_out,
    ("RepairAccessRole", "events:PutEvents"): a_reader_is_locked_out,
    ("RepairAccessRole", "dynamodb:DeleteItem"): _by_repair,
    ("RepairAccessRole", "sqs:SendMessage"): _by_repair,
    ("RepairAccessRole", "secretsmanager:ValidateResourcePolicy"): _by_repair,
    ("RepairAccessRole", "secretsmanager:PutResourcePolicy"): _by_secret,
    ("RepairAccessRole", "secretsmanager:DeleteResourcePolicy"): a_repair_is_undone,
    ("DecideRepairRole", "dynamodb:GetItem"): _by_repair,
    ("DecideRepairRole", "dynamodb:Query"): _by_repair,
    ("DecideRepairRole", "dynamodb:PutItem"): _by_repair,
    ("DecideRepairRole", "sqs:SendMessage"): _by_repair,
    **{
        ("OnboardSecretStepsRole", action): a_team_onboards
        for action in (
            "dynamodb:Query",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:DeleteItem",
            "events:PutEvents",
            "bedrock-agentcore:GetApiKeyCredentialProvider",
            "secretsmanager:DescribeSecret",
            "secretsmanager:ListResourcePolicies",
            "secretsmanager:GetResourcePolicy",
            "secretsmanager:GetSecretValue",
        )
    },
    **{
        ("OnboardSecretStepsRole", action): a_team_onboards_under_a_key_of_its_own
        for action in ("kms:Decrypt", "kms:DescribeKey", "kms:GetKeyPolicy", "kms:ListGrants")
    },
    ("OnboardSecretStepsRole", "dynamodb:BatchGetItem"): a_team_onboards_what_depends,
    ("OnboardSecretStepsRole", "states:DescribeExecution"): a_name_was_left_behind,
    **{
        ("OffboardProviderStepsRole", action): a_provider_is_offboarded
        for action in (
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:DeleteItem",
            "events:PutEvents",
            "bedrock-agentcore:GetGateway",
            "bedrock-agentcore:ListGatewayTargets",
            "bedrock-agentcore:GetGatewayTarget",
            "bedrock-agentcore:ListGateways",
        )
    },
    ("OffboardProviderStepsRole", "states:DescribeExecution"): a_name_was_left_behind_and_is_to_go,
    **{
        ("GrantAccessRole", action): a_team_onboards
        for action in (
            "dynamodb:GetItem",
            "dynamodb:Query",
            "dynamodb:DeleteItem",
            "sqs:SendMessage",
            "events:PutEvents",
            "secretsmanager:ValidateResourcePolicy",
            "secretsmanager:PutResourcePolicy",
        )
    },
    ("GrantAccessRole", "secretsmanager:DeleteResourcePolicy"): an_onboarding_is_rolled_back,
    **{
        ("CreateProviderRole", action): a_team_onboards
        for action in ("dynamodb:GetItem", "dynamodb:PutItem", "bedrock-agentcore:ListTagsForResource")
    },
    **{
        (role, f"bedrock-agentcore:{verb}{spelled}CredentialProvider"): partial(a_team_onboards, kind=kind)
        for spelled, kind in SPELLED.items()
        for role, verb in (
            ("OnboardSecretStepsRole", "Get"),
            ("CreateProviderRole", "Get"),
            ("CreateProviderRole", "Create"),
        )
    },
    **{
        (role, f"bedrock-agentcore:{verb}{spelled}CredentialProvider"): partial(a_provider_is_offboarded, kind=kind)
        for spelled, kind in SPELLED.items()
        for role, verb in (("OffboardProviderStepsRole", "Get"), ("CreateProviderRole", "Delete"))
    },
    **{
        ("DecideOnboardingRole", action): partial(an_onboarding_waits, wish=wish)
        for action, wish in (
            ("dynamodb:GetItem", "approve"),
            ("dynamodb:PutItem", "approve"),
            ("cloudtrail:LookupEvents", "approve"),
            ("states:SendTaskSuccess", "approve"),
            ("states:SendTaskFailure", "reject"),
        )
    },
}
