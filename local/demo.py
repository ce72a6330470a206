"""`make demo`: secrets rotate, a reference breaks, people hear of it; told as it happens on the embedded AWS.

The story uses AWS's own APIs only, as a team would, and looks at Secretwatch from outside: at the events that
reach the bus, at the Registry, and at the topic that people subscribe to.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session
from rich.console import Console
from rich.text import Text

from local import stack
from local.stack import EmbeddedAws, EmbeddedAwsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Fields = dict[str, Any]

PATIENCE_SECONDS = 30.0
"""How long an expected thing may take. All of them come within a few seconds, cold starts included."""

console = Console(highlight=False)


class StoryError(Exception):
    """Something that the story expects did not come."""


# ----------------------------------------------------------------------------------------------------------------------
# What can be seen from outside
# ----------------------------------------------------------------------------------------------------------------------


@dataclass
class Stage:
    """The deployed stack with this run's own names, and a mailbox that hears events, verdicts and alerts."""

    aws: EmbeddedAws
    outputs: dict[str, str]
    run: str
    undo: ExitStack
    mailbox: str = ""
    planned: dict[str, str] = field(default_factory=dict)
    """The id of the repair that was planned last, by secret."""
    awaiting: set[str] = field(default_factory=set)
    """The ids of the onboardings that wait for a person."""
    began: float = field(default_factory=time.monotonic)

    def client(self, service: str) -> Any:
        """Return a boto3 client of the embedded AWS."""
        return self.aws.client(service)

    def say(self, mark: str, style: str, *lines: str) -> None:
        """Print one moment of the timeline."""
        first, *others = lines
        text = Text.assemble((f"{time.monotonic() - self.began:6.1f} s  ", "dim"), (f"{mark:<11}", style), first)
        console.print(text, soft_wrap=True)
        for line in others:
            console.print(Text(" " * 21 + line, "dim"), soft_wrap=True)

    def reference(self, secret_arn: str) -> Fields | None:
        """Return the Registry's record of the one reference to a secret, or None before there is one."""
        items = self.client("dynamodb").query(
            TableName=self.outputs["RegistryTable"],
            KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
            ExpressionAttributeValues={":pk": {"S": f"SECRET#{secret_arn}"}, ":sk": {"S": "REF#"}},
            ConsistentRead=True,
        )["Items"]
        return {name: TypeDeserializer().deserialize(value) for name, value in items[0].items()} if items else None

    def heard(self) -> Iterator[Fields]:
        """Take what has come to the mailbox and belongs to this run; wait up to a second for the first."""
        sqs = self.client("sqs")
        answer = sqs.receive_message(QueueUrl=self.mailbox, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in answer.get("Messages", []):
            sqs.delete_message(QueueUrl=self.mailbox, ReceiptHandle=message["ReceiptHandle"])
            if self.run in message["Body"]:
                yield json.loads(message["Body"])


@contextmanager
def mailbox(stage: Stage) -> Iterator[None]:
    """Subscribe a queue to the events, the verdicts and the alerts; remove it and its subscriptions at the end."""
    sqs, sns, events = stage.client("sqs"), stage.client("sns"), stage.client("events")
    name, topic = f"demo-{stage.run}", stage.outputs["AlertsTopicArn"]
    stage.mailbox = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=stage.mailbox, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    services = {"Service": ["events.amazonaws.com", "sns.amazonaws.com"]}
    statement = {"Effect": "Allow", "Principal": services, "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=stage.mailbox, Attributes={"Policy": policy})
    subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True)
    buses = {
        "default": ["aws.secretsmanager", "aws.bedrock-agentcore"],
        stage.outputs["BusName"]: ["secretwatch"],
    }
    for bus, sources in buses.items():
        events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps({"source": sources}))
        events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "mailbox", "Arn": arn}])
    try:
        yield
    finally:
        for bus in buses:
            events.remove_targets(Rule=name, EventBusName=bus, Ids=["mailbox"])
            events.delete_rule(Name=name, EventBusName=bus)
        sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
        sqs.delete_queue(QueueUrl=stage.mailbox)


# ----------------------------------------------------------------------------------------------------------------------
# Expecting: prints what is heard until all of it has come
# ----------------------------------------------------------------------------------------------------------------------


@dataclass
class Expectation:
    """What must come after a call: a check of the secret that finds `verdict`, and an alert if people are told.

    `after` is the record before the call: a check counts when it is later. `value` is the version id of the value that
    the check must have found good, where that is what the call changed.
    """

    secret_arn: str
    verdict: str
    after: Fields = field(default_factory=lambda: {"version": 0})
    value: str | None = None
    alert: str | None = None
    called: float = field(default_factory=time.time)
    alert_came: bool = False


def expect(stage: Stage, expectation: Expectation) -> Fields:
    """Print the timeline until the expected verdict is stored and the alert has come; return the reference's record.

    Raises StoryError when that takes longer than PATIENCE_SECONDS.
    """
    deadline, record = time.monotonic() + PATIENCE_SECONDS, None
    while time.monotonic() < deadline:
        record = record or checked(stage, expectation)
        for message in stage.heard():
            tell(stage, message, expectation)
        if record and (expectation.alert is None or expectation.alert_came):
            return record
    missing = f"an alert that says {expectation.alert!r}" if record else f"the verdict {expectation.verdict}"
    raise StoryError(f"expected {missing} within {PATIENCE_SECONDS:.0f} s of the call; it did not come")


def checked(stage: Stage, expectation: Expectation) -> Fields | None:
    """Return the reference's record once a check later than the call has found the expected verdict, and say so."""
    record = stage.reference(expectation.secret_arn)
    if not record or record["version"] <= expectation.after["version"] or record["verdict"] != expectation.verdict:
        return None
    if expectation.value not in {None, record["good_version"]}:
        return None
    seconds = time.time() - expectation.called
    finding = next(iter(record["findings"]), None)
    style = "bold green" if record["verdict"] == "RESOLVES" else "bold red"
    details = [f"{finding['code']}: {finding['evidence']}", f"remedy: {finding['remedy']}"] if finding else []
    stage.say(
        "verdict",
        style,
        f"{record['provider']} ({record['field']}): {record['verdict']}, {seconds:.1f} s after the call",
        *details,
    )
    return record


def tell(stage: Stage, message: Fields, expectation: Expectation) -> None:
    """Print an event or an alert that was heard."""
    if message.get("Type") == "Notification":
        stage.say("alert", "bold magenta", *message["Message"].splitlines())
        expectation.alert_came |= expectation.alert is not None and expectation.alert in message["Message"]
    elif message["detail-type"].startswith("Repair "):
        tell_repair(stage, message)
    elif message["detail-type"].startswith("Onboarding "):
        tell_onboarding(stage, message)
    elif message["source"] == "secretwatch" and message["detail-type"].startswith("Incident"):
        detail = message["detail"]
        stage.say("published", "cyan", f"{message['detail-type']}: {detail['headline']}, on the secretwatch bus")
    elif message["source"] == "secretwatch":
        detail = message["detail"]
        change = f"{detail['previousVerdict'] or 'new'} -> {detail['verdict']}"
        stage.say("published", "cyan", f"{message['detail-type']}: {change}, on the secretwatch bus")
    else:
        what = message["detail"].get("eventName")
        stage.say("event", "blue", f"{what}, {message['detail-type']}" if what else message["detail-type"])


def tell_repair(stage: Stage, message: Fields) -> None:
    """Print what the bus tells of a repair, with the change when it is planned."""
    detail = message["detail"]
    planned = message["detail-type"] == "Repair Planned"
    if planned:
        stage.planned[detail["resource"]] = detail["repair"]["id"]
    change = (
        [line for line in detail["repair"]["diff"].splitlines() if line.startswith(("+ ", "- "))] if planned else []
    )
    stage.say("published", "cyan", f"{message['detail-type']}, on the secretwatch bus", *change)


def tell_onboarding(stage: Stage, message: Fields) -> None:
    """Print what the bus tells of an onboarding, with each change of a policy that a person is asked about."""
    detail = message["detail"]
    waits = message["detail-type"] == "Onboarding Awaiting Approval"
    if waits:
        stage.awaiting.add(detail["id"])
    diffs = (
        [line for plan in detail["approval"]["plans"] for line in (plan["diff"] or "").splitlines()] if waits else []
    )
    change = [line for line in diffs if line.startswith(("+ ", "- "))]
    stage.say("published", "cyan", f"{message['detail-type']}, on the secretwatch bus", *change)


# ----------------------------------------------------------------------------------------------------------------------
# The story
# ----------------------------------------------------------------------------------------------------------------------


def tell_story(stage: Stage) -> None:
    """Play every scene; raises StoryError at the first that does not go as it must."""
    secrets = stage.client("secretsmanager")

    scene("Two teams bring their own secrets to AgentCore")
    weather, google = new_secret(stage, "weather", "apiKey"), new_secret(stage, "google", "client_secret")
    new_api_key_provider(stage, weather)
    expect(stage, Expectation(weather, "RESOLVES"))
    new_google_provider(stage, google)
    record = expect(stage, Expectation(google, "RESOLVES"))

    scene("The inventory is taken: every provider is read, every reference checked")
    take_inventory(stage)
    record = expect(stage, Expectation(google, "RESOLVES", after=record))

    scene("A rotation keeps the key")
    kept = rotate(secrets, google, a_value("client_secret"))
    record = expect(stage, Expectation(google, "RESOLVES", after=record, value=kept))

    scene("A rotation whose new value lost the key")
    rotate(secrets, google, a_value("clientSecret"))
    record = expect(stage, Expectation(google, "BROKEN", after=record, alert="can't get its credential"))

    scene("Somebody does what the alert says")
    roll_back(secrets, google)
    record = expect(
        stage, Expectation(google, "RESOLVES", after=record, value=kept, alert="can get its credential again")
    )

    scene("A payment provider has two secrets, and its wallet's alone goes wrong")
    api_key, wallet = new_secret(stage, "coinbase", "apiKeySecret"), new_secret(stage, "wallet", "walletSecret")
    new_coinbase_provider(stage, api_key, wallet)
    expect(stage, Expectation(api_key, "RESOLVES"))
    whole = expect(stage, Expectation(wallet, "RESOLVES"))
    rotate(secrets, wallet, a_value("wallet"))
    expect(stage, Expectation(wallet, "BROKEN", after=whole, alert="can't get its walletSecret"))
    expect(stage, Expectation(api_key, "RESOLVES"))

    scene(
        "Somebody deletes the policy that lets AgentCore read; Secretwatch plans its repair, and a person approves it"
    )
    secrets.delete_resource_policy(SecretId=google)
    record = expect(stage, Expectation(google, "BROKEN", after=record, alert="READER_NOT_ALLOWED"))
    approve(stage, planned_repair(stage, google))
    expect(stage, Expectation(google, "RESOLVES", after=record, alert="can get its credential again"))

    scene("A team onboards a secret, which its owner approves; a wrong request beside it is refused, with its fix")
    crm = secrets.create_secret(Name=f"demo/{stage.run}/crm", SecretString=a_value("client_secret"))["ARN"]
    stage.undo.callback(secrets.delete_secret, SecretId=crm, ForceDeleteWithoutRecovery=True)
    right, wrong = start_onboarding(stage, "crm", crm, "client_secret"), start_onboarding(stage, "crm2", crm, "secret")
    refused_with_its_fix(stage, wrong)
    approve_onboarding(stage, right)
    onboarded(stage, right)
    expect(stage, Expectation(crm, "RESOLVES"))


def start_onboarding(stage: Stage, name: str, secret_arn: str, json_key: str) -> str:
    """Start the workflow with the very request that AgentCore would get; return the execution's ARN."""
    provider = f"{name}-{stage.run}"
    configuration = {
        "oauthDiscovery": {"discoveryUrl": "https://id.example.com/.well-known/openid-configuration"},
        "clientId": "example-client",
        "clientSecretSource": "EXTERNAL",
        "clientSecretConfig": {"secretId": secret_arn, "jsonKey": json_key},
    }
    request = {
        "name": provider,
        "credentialProviderVendor": "CustomOauth2",
        "oauth2ProviderConfigInput": {"customOauth2ProviderConfig": configuration},
        "owner": "CRM team",
    }
    execution: str = stage.client("stepfunctions").start_execution(
        stateMachineArn=stage.outputs["OnboardSecretArn"], name=f"o-{provider}-1", input=json.dumps(request)
    )["executionArn"]
    stage.say("started", "blue", f"onboarding o-{provider}-1 of {provider}, with the JSON key {json_key}")
    return execution


def approve_onboarding(stage: Stage, execution: str) -> None:
    """Approve as somebody else than who started it, once the bus says that it waits and AWS who started it."""
    onboarding = execution.rpartition(":")[2]
    wait_for(stage, lambda: onboarding in stage.awaiting, f"{onboarding} to wait for an approval")
    own = decide(stage, "OnboardingDecisionsUrl", root_of(stage), wish="approve", id=onboarding)
    stage.say("refused", "bold red", f"whoever started it: {own}")
    stage.say(
        "approved", "bold green", decide(stage, "OnboardingDecisionsUrl", owner(stage), id=onboarding, wish="approve")
    )


def onboarded(stage: Stage, execution: str) -> None:
    """Tell what comes until the execution has ended, with a provider."""
    found = ended(stage, execution)
    if found["status"] != "SUCCEEDED":
        raise StoryError(f"expected SUCCEEDED of {execution}; it is {found['status']}: {found.get('cause')}")
    output = json.loads(found["output"])
    arn, name = output["providerArn"], output["providerArn"].rpartition("/")[2]
    stage.undo.callback(stage.client("bedrock-agentcore-control").delete_oauth2_credential_provider, name=name)
    stage.say("onboarded", "bold green", arn, output["message"])


def refused_with_its_fix(stage: Stage, execution: str) -> None:
    """Tell what comes until the execution has ended, refused for its JSON key, and with what to do."""
    found = ended(stage, execution)
    cause = found.get("cause", "")
    fault, fix = (
        "clientSecretConfig.jsonKey does not serve",
        "Store a JSON object with a non-empty string under that key",
    )
    if found.get("error") != "RequestRefused" or fault not in cause or fix not in cause:
        raise StoryError(f"expected a refusal of the JSON key; it is {found['status']}: {cause}")
    stage.say("refused", "bold red", *cause.splitlines())


def ended(stage: Stage, execution: str) -> Fields:
    """Tell what comes until the execution has ended; return how."""
    states = stage.client("stepfunctions")
    wait_for(stage, lambda: states.describe_execution(executionArn=execution)["status"] != "RUNNING", "its end")
    found: Fields = states.describe_execution(executionArn=execution)
    return found


def wait_for(stage: Stage, look: Callable[[], bool], what: str) -> None:
    """Print what is heard until something is so; raises StoryError when that takes longer than PATIENCE_SECONDS."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not look():
        if time.monotonic() > deadline:
            raise StoryError(f"expected {what} within {PATIENCE_SECONDS:.0f} s; it did not come")
        for message in stage.heard():
            tell(stage, message, Expectation("", "RESOLVES"))


def root_of(stage: Stage) -> Credentials:
    """Whoever runs the story."""
    names = stage.aws.environment()
    return Credentials(names["AWS_ACCESS_KEY_ID"], names["AWS_SECRET_ACCESS_KEY"])


def owner(stage: Stage) -> Credentials:
    """Somebody else, who may do nothing but decide about onboardings; gone when the story is over."""
    iam, name = stage.client("iam"), f"owner-{stage.run}"
    iam.create_user(UserName=name)
    stage.undo.callback(iam.delete_user, UserName=name)
    through_its_url = {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}
    statements = [
        {"Effect": "Allow", "Action": "lambda:InvokeFunctionUrl", "Resource": "*"},
        {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "*", "Condition": through_its_url},
    ]
    iam.put_user_policy(
        UserName=name,
        PolicyName="decide",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
    )
    stage.undo.callback(iam.delete_user_policy, UserName=name, PolicyName="decide")
    key = iam.create_access_key(UserName=name)["AccessKey"]
    stage.undo.callback(iam.delete_access_key, UserName=name, AccessKeyId=key["AccessKeyId"])
    return Credentials(key["AccessKeyId"], key["SecretAccessKey"])


def planned_repair(stage: Stage, secret_arn: str) -> str:
    """Return the id of the repair that is planned for a secret, once the bus has told of it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while secret_arn not in stage.planned and time.monotonic() < deadline:
        for message in stage.heard():
            tell(stage, message, Expectation(secret_arn, "BROKEN"))
    if secret_arn not in stage.planned:
        raise StoryError(f"expected Repair Planned within {PATIENCE_SECONDS:.0f} s; it did not come")
    return stage.planned[secret_arn]


def approve(stage: Stage, repair: str) -> None:
    """Approve a repair, as whoever runs the story."""
    answer = decide(stage, "DecisionsUrl", root_of(stage), wish="approve", id=repair)
    stage.say("approved", "bold green", answer)


def decide(stage: Stage, url: str, keys: Credentials, **asked: str) -> str:
    """Do what `secretwatch approve` does: ask one of the stack's Function URLs, signed; return its answer."""
    host = stage.outputs[url].removeprefix("https://").removeprefix("http://").rstrip("/")
    headers = {"Host": host, "content-type": "application/json"}
    request = AWSRequest("POST", f"{stage.aws.endpoint}/", data=json.dumps(asked), headers=headers)
    SigV4Auth(keys, "lambda", stage.aws.region).add_auth(request)
    message: str = json.loads(URLLib3Session().send(request.prepare()).text)["message"]
    return message


def new_secret(stage: Stage, name: str, json_key: str) -> str:
    """Create a secret with a made-up value that AgentCore may read; return its ARN."""
    secrets = stage.client("secretsmanager")
    arn: str = secrets.create_secret(Name=f"demo/{stage.run}/{name}", SecretString=a_value(json_key))["ARN"]
    stage.undo.callback(secrets.delete_secret, SecretId=arn, ForceDeleteWithoutRecovery=True)
    let_agentcore_read(secrets, arn, stage.aws.account)
    return arn


def let_agentcore_read(secrets: Any, secret_arn: str, account: str) -> None:
    """Give the secret a resource policy that lets AgentCore read it for this account's agents."""
    statement = {
        "Sid": "AgentCoreRead",
        "Effect": "Allow",
        "Principal": {"Service": "bedrock-agentcore.amazonaws.com"},
        "Action": "secretsmanager:GetSecretValue",
        "Resource": "*",
        "Condition": {"StringEqualsIfExists": {"aws:SourceAccount": account}},
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    secrets.put_resource_policy(SecretId=secret_arn, ResourcePolicy=json.dumps(policy), BlockPublicPolicy=True)


def new_api_key_provider(stage: Stage, secret_arn: str) -> None:
    """Create the announcement's first example: an API key that stays in the team's own secret."""
    agentcore, name = stage.client("bedrock-agentcore-control"), f"weather-{stage.run}"
    agentcore.create_api_key_credential_provider(
        name=name, apiKeySecretSource="EXTERNAL", apiKeySecretConfig={"secretId": secret_arn, "jsonKey": "apiKey"}
    )
    stage.undo.callback(agentcore.delete_api_key_credential_provider, name=name)


def new_google_provider(stage: Stage, secret_arn: str) -> None:
    """Create the announcement's second example: a client secret for Google."""
    agentcore, name = stage.client("bedrock-agentcore-control"), f"google-{stage.run}"
    google = {
        "clientId": "example.apps.googleusercontent.com",
        "clientSecretSource": "EXTERNAL",
        "clientSecretConfig": {"secretId": secret_arn, "jsonKey": "client_secret"},
    }
    agentcore.create_oauth2_credential_provider(
        name=name,
        credentialProviderVendor="GoogleOauth2",
        oauth2ProviderConfigInput={"googleOauth2ProviderConfig": google},
    )
    stage.undo.callback(agentcore.delete_oauth2_credential_provider, name=name)


def new_coinbase_provider(stage: Stage, api_key: str, wallet: str) -> None:
    """Create a payment provider, which has two references."""
    agentcore, name = stage.client("bedrock-agentcore-control"), f"coinbase-{stage.run}"
    coinbase = {
        "apiKeyId": "example-key",
        "apiKeySecretSource": "EXTERNAL",
        "apiKeySecretConfig": {"secretId": api_key, "jsonKey": "apiKeySecret"},
        "walletSecretSource": "EXTERNAL",
        "walletSecretConfig": {"secretId": wallet, "jsonKey": "walletSecret"},
    }
    agentcore.create_payment_credential_provider(
        name=name,
        credentialProviderVendor="CoinbaseCDP",
        providerConfigurationInput={"coinbaseCdpConfiguration": coinbase},
    )
    stage.undo.callback(agentcore.delete_payment_credential_provider, name=name)


def scene(title: str) -> None:
    """Print a scene's title."""
    console.print(f"\n[bold]{title}[/bold]")


def a_value(json_key: str) -> str:
    """Return a made-up value that holds a string under one JSON key."""
    return json.dumps({json_key: uuid.uuid4().hex})


def take_inventory(stage: Stage) -> None:
    """Ask for the inventory now, as its schedule would."""
    inventory = {
        "source": "aws.events",
        "detail-type": "Scheduled Event",
        "id": str(uuid.uuid4()),
        "account": stage.aws.account,
        "region": stage.aws.region,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "resources": [],
        "detail": {},
    }
    stage.client("sqs").send_message(QueueUrl=stage.outputs["InventoryQueueUrl"], MessageBody=json.dumps(inventory))


def rotate(secrets: Any, secret_arn: str, value: str) -> str:
    """Do what a rotation function does: store the value as AWSPENDING, then make it AWSCURRENT; return its version."""
    current = version_labelled(secrets, secret_arn, "AWSCURRENT")
    pending: str = secrets.put_secret_value(SecretId=secret_arn, SecretString=value, VersionStages=["AWSPENDING"])[
        "VersionId"
    ]
    move_current(secrets, secret_arn, to=pending, away_from=current)
    return pending


def roll_back(secrets: Any, secret_arn: str) -> None:
    """Make the previous version current again."""
    previous = version_labelled(secrets, secret_arn, "AWSPREVIOUS")
    move_current(secrets, secret_arn, to=previous, away_from=version_labelled(secrets, secret_arn, "AWSCURRENT"))


def move_current(secrets: Any, secret_arn: str, *, to: str, away_from: str) -> None:
    """Move the label AWSCURRENT from one version to another."""
    secrets.update_secret_version_stage(
        SecretId=secret_arn, VersionStage="AWSCURRENT", MoveToVersionId=to, RemoveFromVersionId=away_from
    )


def version_labelled(secrets: Any, secret_arn: str, label: str) -> str:
    """Return the id of the version with this staging label."""
    versions: dict[str, list[str]] = secrets.describe_secret(SecretId=secret_arn)["VersionIdsToStages"]
    return next(version_id for version_id, labels in versions.items() if label in labels)


@contextmanager
def embedded_aws(state_dir: Path, say: Callable[[str], None]) -> Iterator[EmbeddedAws]:
    """Use the embedded AWS that runs, or start one and end it afterwards."""
    if aws := stack.running(state_dir):
        say(f"the embedded AWS runs already, at {aws.endpoint}")
        yield aws
        return
    aws = stack.start(state_dir=state_dir)
    say(f"the embedded AWS runs at {aws.endpoint}")
    try:
        yield aws
    finally:
        stack.stop(state_dir)
        say("the embedded AWS ended")


def main(state_dir: Path = stack.STATE_DIR) -> int:
    """Tell the story; 0 when everything came that was expected."""

    def say(line: str) -> None:
        console.print(Text(line, "dim"))

    try:
        with embedded_aws(state_dir, say) as aws:
            outputs = stack.deploy(aws, stack.PARAMETERS, report=say)
            with ExitStack() as undo:  # a running embedded AWS is left as it was
                stage = Stage(aws, outputs, run=uuid.uuid4().hex[:6], undo=undo)
                undo.enter_context(mailbox(stage))
                tell_story(stage)
    except (StoryError, EmbeddedAwsError) as error:
        console.print(f"\n[bold red]The demo failed:[/bold red] {error}", soft_wrap=True)
        return 1
    console.print("\n[bold green]Everything came that was expected.[/bold green]")
    return 0


if __name__ == "__main__":
    sys.exit(main())
