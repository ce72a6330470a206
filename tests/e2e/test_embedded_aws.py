"""What the embedded AWS adds to MiniStack, over HTTP, on one of its own that nothing of ours is deployed to."""

import io
import json
import urllib.error
import urllib.request
import uuid
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from local import stack
from local.stack import EmbeddedAws, EmbeddedAwsError
from tests.e2e.conftest import Fields, eventually

SERVICE = "bedrock-agentcore.amazonaws.com"
READ = "secretsmanager:GetSecretValue"
ONCE = Config(retries={"total_max_attempts": 1})


def a_name() -> str:
    return f"agent-{uuid.uuid4().hex[:8]}"


def a_document(**changes: Any) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": SERVICE}, "Action": READ, "Resource": "*", **changes}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def refusal(call: Callable[..., Any], **arguments: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return str(refused.value.response["Error"]["Code"])


class Account:
    """An account on the embedded AWS: clients of its root, and of roles."""

    def __init__(self, aws: EmbeddedAws) -> None:
        self.aws = aws
        self.secrets, self.kms, self.trail = (aws.client(name) for name in ("secretsmanager", "kms", "cloudtrail"))
        self.agentcore, self.data = aws.client("bedrock-agentcore-control"), aws.client("bedrock-agentcore")
        self.events, self.sqs, self.iam = (aws.client(name) for name in ("events", "sqs", "iam"))

    def secret(self, **settings: Any) -> str:
        arn: str = self.secrets.create_secret(Name=a_name(), SecretString='{"key": "the key"}', **settings)["ARN"]
        return arn

    def key(self, **settings: Any) -> str:
        arn: str = self.kms.create_key(**settings)["KeyMetadata"]["Arn"]
        return arn

    def role(self, *statements: Fields) -> str:
        name = a_name()
        trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        arn: str = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        rights = [{"Effect": "Allow", "Resource": "*", **statement} for statement in statements]
        rights_document = json.dumps({"Version": "2012-10-17", "Statement": rights})
        self.iam.put_role_policy(RoleName=name, PolicyName="rights", PolicyDocument=rights_document)
        return arn

    def session(self, role: str) -> Credentials:
        issued = self.aws.client("sts").assume_role(RoleArn=role, RoleSessionName="alice")["Credentials"]
        return Credentials(issued["AccessKeyId"], issued["SecretAccessKey"], issued["SessionToken"])

    def in_role(self, service: str, *statements: Fields) -> Any:
        """A client of the service in a role of its own that may do these things and no others."""
        session = self.session(self.role(*statements))
        keys = (session.access_key, session.secret_key, session.token)
        client: Any = boto3.Session(*keys, region_name=self.aws.region).client
        return client(service, endpoint_url=self.aws.endpoint, config=ONCE)

    def agent(self, secret: str) -> Callable[[], str]:
        """An agent whose provider references the secret: what asks AgentCore for its key."""
        name = a_name()
        self.agentcore.create_api_key_credential_provider(
            name=name, apiKeySecretSource="EXTERNAL", apiKeySecretConfig={"secretId": secret, "jsonKey": "key"}
        )
        self.agentcore.create_workload_identity(name=name)
        token = self.data.get_workload_access_token(workloadName=name)["workloadAccessToken"]

        def ask() -> str:
            vended = self.data.get_resource_api_key(workloadIdentityToken=token, resourceCredentialProviderName=name)
            return str(vended["apiKey"])

        return ask

    def listen(self, pattern: Fields, state: str = "ENABLED") -> Callable[[], list[Fields]]:
        """Hear every event of the pattern from now on: what returns those that have come."""
        name, heard = a_name(), list[Fields]()
        url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.events.put_rule(Name=name, EventPattern=json.dumps(pattern), State=state)
        self.events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])

        def hear() -> list[Fields]:
            for message in self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                heard.append(json.loads(message["Body"]))
            return heard

        return hear

    def found(self, attribute: str, value: str) -> list[Fields]:
        """The records that LookupEvents finds, the newest first."""
        attributes = [{"AttributeKey": attribute, "AttributeValue": value}]
        events = self.trail.lookup_events(LookupAttributes=attributes)["Events"]
        return [json.loads(event["CloudTrailEvent"]) for event in events]


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    state_dir = tmp_path_factory.mktemp("embedded-aws")
    aws = stack.start(state_dir=state_dir)
    try:
        yield Account(aws)
    finally:
        stack.stop(state_dir)


class TestPoliciesOfSecrets:
    def test_the_default_one_is_listed_first_and_the_others_can_only_be_read(self, account: Account) -> None:
        secret, secrets = account.secret(), account.secrets
        account.aws.secretsmanager("attach_policy", secret=secret, name="a-service", policy=a_document())
        secrets.put_resource_policy(SecretId=secret, ResourcePolicy=a_document())

        names = [each["PolicyName"] for each in secrets.list_resource_policies(SecretId=secret)["ResourcePolicies"]]
        first = secrets.list_resource_policies(SecretId=secret, MaxResults=1)
        second = secrets.list_resource_policies(SecretId=secret, MaxResults=1, NextToken=first["NextToken"])
        named = secrets.get_resource_policy(SecretId=secret, PolicyName="a-service")
        changed = {"SecretId": secret, "PolicyName": "a-service"}

        assert names == ["default", "a-service"]
        assert [each["PolicyName"] for each in second["ResourcePolicies"]] == ["a-service"]
        assert "NextToken" not in second
        assert (named["PolicyName"], named["ResourcePolicy"]) == ("a-service", a_document())
        default = secrets.get_resource_policy(SecretId=secret, PolicyName="default")
        assert default["ResourcePolicy"] == a_document()
        assert refusal(secrets.get_resource_policy, SecretId=secret, PolicyName="none") == "ResourceNotFoundException"
        assert (
            refusal(secrets.put_resource_policy, ResourcePolicy=a_document(), **changed) == "InvalidParameterException"
        )
        assert refusal(secrets.delete_resource_policy, **changed) == "InvalidParameterException"

    def test_all_of_them_count(self, account: Account) -> None:
        secret = account.secret()
        ask = account.agent(secret)
        assert refusal(ask) == "AccessDeniedException"

        account.aws.secretsmanager("attach_policy", secret=secret, name="a-service", policy=a_document())
        assert ask() == "the key"
        account.secrets.put_resource_policy(SecretId=secret, ResourcePolicy=a_document(Effect="Deny"))
        assert refusal(ask) == "AccessDeniedException"
        account.secrets.delete_resource_policy(SecretId=secret)
        account.aws.secretsmanager("detach_policy", secret=secret, name="a-service")
        assert refusal(ask) == "AccessDeniedException"

    @pytest.mark.parametrize(
        ("policy", "code"),
        [
            ("no", "MalformedPolicyDocumentException"),
            (a_document(Effect="Permit"), "MalformedPolicyDocumentException"),
            (a_document(Principal={"Service": "agentcore"}), "MalformedPolicyDocumentException"),
            (a_document() + " " * 20_480, "InvalidParameterException"),
            (a_document(Principal="*"), "PublicPolicyException"),
        ],
    )
    def test_a_policy_that_is_none_or_too_open_is_refused(self, account: Account, policy: str, code: str) -> None:
        secret, put = account.secret(), account.secrets.put_resource_policy

        assert refusal(put, SecretId=secret, ResourcePolicy=policy, BlockPublicPolicy=True) == code
        assert "ResourcePolicy" not in account.secrets.get_resource_policy(SecretId=secret)

    def test_a_public_one_is_kept_unless_it_is_to_be_blocked(self, account: Account) -> None:
        secret = account.secret()

        account.secrets.put_resource_policy(SecretId=secret, ResourcePolicy=a_document(Principal="*"))

        assert account.secrets.get_resource_policy(SecretId=secret)["ResourcePolicy"] == a_document(Principal="*")

    @pytest.mark.parametrize(
        ("policy", "checks"),
        [
            (a_document(), []),
            (a_document(Effect="Permit"), ["PolicySyntax"]),
            (a_document(Principal="*"), ["PublicAccess"]),
        ],
    )
    def test_validation_says_what_is_wrong(self, account: Account, policy: str, checks: list[str]) -> None:
        answer = account.secrets.validate_resource_policy(SecretId=account.secret(), ResourcePolicy=policy)

        assert answer["PolicyValidationPassed"] is not bool(checks)
        assert [error["CheckName"] for error in answer["ValidationErrors"]] == checks

    def test_validation_of_what_is_no_json_is_refused(self, account: Account) -> None:
        code = refusal(account.secrets.validate_resource_policy, ResourcePolicy="no")

        assert code == "MalformedPolicyDocumentException"

    def test_a_role_may_be_held_to_blocking_public_policies_and_to_tags(self, account: Account) -> None:
        tagged, other = account.secret(Tags=[{"Key": "team", "Value": "a"}]), account.secret()
        condition = {"Bool": {"secretsmanager:BlockPublicPolicy": "true"}}
        held = {"StringEquals": {"aws:ResourceTag/team": "a"}, **condition}
        client = account.in_role("secretsmanager", {"Action": "secretsmanager:PutResourcePolicy", "Condition": held})

        def put(secret: str, **settings: Any) -> Any:
            return client.put_resource_policy(SecretId=secret, ResourcePolicy=a_document(), **settings)

        assert put(tagged, BlockPublicPolicy=True)["ARN"] == tagged
        assert refusal(put, secret=tagged) == "AccessDeniedException"
        assert refusal(put, secret=tagged, BlockPublicPolicy=False) == "AccessDeniedException"
        assert refusal(put, secret=other, BlockPublicPolicy=True) == "AccessDeniedException"

    def test_a_condition_on_the_source_counts_as_agentcore_names_it_or_not(self, account: Account) -> None:
        secret = account.secret()
        ask = account.agent(secret)

        def outcomes(operator: str) -> list[bool]:
            condition = {operator: {"aws:SourceAccount": "111122223333"}}
            account.secrets.put_resource_policy(SecretId=secret, ResourcePolicy=a_document(Condition=condition))
            served = []
            for source in (None, "111122223333", "444455556666"):
                account.aws.agentcore("name_source", account=source)
                try:
                    served.append(ask() == "the key")
                except ClientError:
                    served.append(False)
            account.aws.agentcore("clear")
            return served

        assert outcomes("StringEquals") == [False, True, False]
        assert outcomes("StringEqualsIfExists") == [True, True, False]


class TestDescribingSecrets:
    def test_of_rotation_it_tells_nothing_before_there_was_one(self, account: Account) -> None:
        secret, key = account.secret(), account.key()
        account.secrets.update_secret(SecretId=secret, KmsKeyId=key)

        before = account.secrets.describe_secret(SecretId=secret)
        account.secrets.rotate_secret(SecretId=secret, RotationRules={"AutomaticallyAfterDays": 30})
        after = account.secrets.describe_secret(SecretId=secret)
        account.secrets.cancel_rotate_secret(SecretId=secret)
        cancelled = account.secrets.describe_secret(SecretId=secret)

        assert not {"RotationEnabled", "LastRotatedDate", "NextRotationDate", "PrimaryRegion", "Type"} & before.keys()
        assert before["KmsKeyId"] == key
        assert (after["RotationEnabled"], after["RotationRules"]) == (True, {"AutomaticallyAfterDays": 30})
        assert (after["NextRotationDate"] - after["LastRotatedDate"]).days == 30
        assert cancelled["RotationEnabled"] is False
        assert "NextRotationDate" not in cancelled

    def test_a_rotation_for_later_leaves_the_value(self, account: Account) -> None:
        secret = account.secret()

        account.secrets.rotate_secret(
            SecretId=secret, RotationRules={"ScheduleExpression": "rate(12 hours)"}, RotateImmediately=False
        )

        told = account.secrets.describe_secret(SecretId=secret)
        assert (told["RotationEnabled"], list(told["VersionIdsToStages"].values())) == (True, [["AWSCURRENT"]])
        assert "LastRotatedDate" not in told

    def test_it_tells_what_only_aws_can_set(self, account: Account) -> None:
        secret = account.secret(Type="SalesforceClientSecret")

        account.aws.secretsmanager("amend", secret=secret, OwningService="appflow", LastRotatedDate=1_700_000_000)

        told = account.secrets.describe_secret(SecretId=secret)
        assert (told["Type"], told["OwningService"]) == ("SalesforceClientSecret", "appflow")
        assert told["LastRotatedDate"].timestamp() == 1_700_000_000
        with pytest.raises(EmbeddedAwsError, match="SecretString"):
            account.aws.secretsmanager("amend", secret=secret, SecretString="{}")

    def test_a_secret_is_found_by_name_and_by_its_arn_without_suffix(self, account: Account) -> None:
        secret = account.secret()
        partial = secret.rpartition("-")[0]

        found = {account.secrets.describe_secret(SecretId=each)["ARN"] for each in (partial, partial.split(":")[-1])}

        assert found == {secret}
        longer = account.secrets.create_secret(Name=f"{partial.split(':')[-1]}-eu", SecretString="{}")["ARN"]
        account.secrets.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
        assert longer.startswith(partial)
        assert refusal(account.secrets.describe_secret, SecretId=partial) == "ResourceNotFoundException"

    def test_replication_is_told_and_ends(self, account: Account) -> None:
        secret = account.secret()
        account.secrets.replicate_secret_to_regions(SecretId=secret, AddReplicaRegions=[{"Region": "eu-west-1"}])

        primary = account.secrets.describe_secret(SecretId=secret)["PrimaryRegion"]
        left = account.secrets.remove_regions_from_replication(SecretId=secret, RemoveReplicaRegions=["eu-west-1"])

        assert (primary, left["ReplicationStatus"]) == ("us-east-1", [])


class TestKeysOfSecrets:
    def test_a_value_is_served_only_while_its_key_can_be_used(self, account: Account) -> None:
        key, kms = account.key(), account.kms
        secret = account.secret(KmsKeyId=key)
        kms.disable_key(KeyId=key)
        disabled = refusal(account.secrets.get_secret_value, SecretId=secret)
        unwritten = refusal(account.secrets.put_secret_value, SecretId=secret, SecretString="{}")
        kms.enable_key(KeyId=key)
        served = account.secrets.get_secret_value(SecretId=secret)["SecretString"]
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        pending = refusal(account.secrets.get_secret_value, SecretId=secret)
        account.aws.delete_key(key)
        gone = refusal(account.secrets.get_secret_value, SecretId=secret)

        assert (disabled, pending, gone) == ("DecryptionFailure",) * 3
        assert unwritten == "EncryptionFailure"
        assert served == '{"key": "the key"}'
        assert refusal(account.kms.describe_key, KeyId=key) == "NotFoundException"

    def test_no_secret_is_made_under_a_key_that_nobody_knows(self, account: Account) -> None:
        create = account.secrets.create_secret

        assert refusal(create, Name=a_name(), SecretString="{}", KmsKeyId="alias/none") == "EncryptionFailure"

    def test_a_reader_needs_the_key_too(self, account: Account) -> None:
        secret = account.secret(KmsKeyId=account.key())
        through = {"StringEquals": {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}}
        of_secret = {"StringLike": {"kms:EncryptionContext:SecretARN": secret}}
        decrypt = {"Action": "kms:Decrypt", "Condition": {**through, **of_secret}}
        other = {"Action": "kms:Decrypt", "Condition": {"StringLike": {"kms:EncryptionContext:SecretARN": "other"}}}

        def read(*statements: Fields) -> Any:
            return account.in_role("secretsmanager", {"Action": READ}, *statements).get_secret_value(SecretId=secret)

        assert read(decrypt)["ARN"] == secret
        for statements in ((), (other,)):
            with pytest.raises(ClientError, match="Access to KMS is not allowed"):
                read(*statements)

    def test_so_does_agentcore_by_the_keys_policy_or_by_a_grant(self, account: Account) -> None:
        key = account.key()
        secret = account.secret(KmsKeyId=key)
        account.secrets.put_resource_policy(SecretId=secret, ResourcePolicy=a_document())
        ask, usual = account.agent(secret), account.kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
        refused = refusal(ask)

        own = {"StringEquals": {"kms:EncryptionContext:SecretARN": secret}}
        policy = json.loads(usual)
        policy["Statement"] += json.loads(a_document(Action="kms:Decrypt", Condition=own))["Statement"]
        account.kms.put_key_policy(KeyId=key, Policy=json.dumps(policy))
        assert ask() == "the key"
        account.kms.put_key_policy(KeyId=key, Policy=usual)
        assert refusal(ask) == "AccessDeniedException"
        constraints = {"EncryptionContextSubset": {"SecretARN": secret}}
        grant = account.kms.create_grant(
            KeyId=key, GranteePrincipal=SERVICE, Operations=["Decrypt"], Constraints=constraints
        )["GrantId"]
        assert ask() == "the key"
        account.kms.revoke_grant(KeyId=key, GrantId=grant)

        assert (refused, refusal(ask)) == ("AccessDeniedException", "AccessDeniedException")


class TestKeys:
    def test_the_key_that_aws_manages_says_so(self, account: Account) -> None:
        key = account.kms.describe_key(KeyId="alias/aws/secretsmanager")["KeyMetadata"]
        own = account.kms.describe_key(KeyId=account.key())["KeyMetadata"]

        assert (key["KeyManager"], own["KeyManager"]) == ("AWS", "CUSTOMER")
        assert account.secrets.get_secret_value(SecretId=account.secret(KmsKeyId=key["Arn"]))["SecretString"]

    def test_a_key_that_is_to_be_deleted_takes_only_what_saves_it(self, account: Account) -> None:
        key, kms = account.key(), account.kms
        cannot_be_saved = refusal(kms.cancel_key_deletion, KeyId=key)
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)

        pending = kms.describe_key(KeyId=key)["KeyMetadata"]
        calls = [(call, {"KeyId": key}) for call in (kms.enable_key, kms.disable_key, kms.schedule_key_deletion)]
        refused = {refusal(call, **arguments) for call, arguments in calls}
        refused.add(refusal(kms.create_alias, AliasName=f"alias/{a_name()}", TargetKeyId=key))
        kms.cancel_key_deletion(KeyId=key)

        assert (pending["KeyState"], "DeletionDate" in pending) == ("PendingDeletion", True)
        assert {cannot_be_saved, *refused} == {"KMSInvalidStateException"}
        assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"

    def test_a_policy_that_is_none_is_refused(self, account: Account) -> None:
        key = account.key()

        assert refusal(account.kms.put_key_policy, KeyId=key, Policy="no") == "MalformedPolicyDocumentException"
        assert refusal(account.kms.create_key, Policy="no") == "MalformedPolicyDocumentException"

    def test_a_role_reaches_a_key_by_its_alias_when_it_may_reach_the_key(self, account: Account) -> None:
        key, alias = account.key(), f"alias/{a_name()}"
        account.kms.create_alias(AliasName=alias, TargetKeyId=key)
        client = account.in_role("kms", {"Action": "kms:DescribeKey", "Resource": key})

        assert client.describe_key(KeyId=alias)["KeyMetadata"]["Arn"] == key

    def test_grants_are_found_by_their_grantee(self, account: Account) -> None:
        key, kms = account.key(), account.kms
        for grantee in (SERVICE, "arn:aws:iam::111122223333:role/other"):
            kms.create_grant(KeyId=key, GranteePrincipal=grantee, Operations=["Decrypt"])

        (grant,) = kms.list_grants(KeyId=key, GranteePrincipal=SERVICE)["Grants"]

        assert grant["GranteePrincipal"] == SERVICE

    def test_each_write_is_told_with_its_key(self, account: Account) -> None:
        told, kms = account.listen({"source": ["aws.kms"]}), account.kms
        key, alias = account.key(), f"alias/{a_name()}"
        policy = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
        kms.create_alias(AliasName=alias, TargetKeyId=key)
        kms.put_key_policy(KeyId=key, Policy=policy)
        grant = kms.create_grant(KeyId=key, GranteePrincipal=SERVICE, Operations=["Decrypt"])["GrantId"]
        kms.revoke_grant(KeyId=key, GrantId=grant)
        kms.disable_key(KeyId=key)
        kms.enable_key(KeyId=key)
        kms.update_alias(AliasName=alias, TargetKeyId=key)
        kms.delete_alias(AliasName=alias)
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        kms.cancel_key_deletion(KeyId=key)
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        account.aws.delete_key(key)
        names = ["CreateKey", "CreateAlias", "PutKeyPolicy", "CreateGrant", "RevokeGrant", "DisableKey", "EnableKey"]
        names += ["UpdateAlias", "DeleteAlias", "ScheduleKeyDeletion", "CancelKeyDeletion", "ScheduleKeyDeletion"]
        names += ["DeleteKey"]

        events = eventually(lambda: heard if len(heard := told()) >= len(names) else None)

        assert [event["detail"]["eventName"] for event in events] == names
        assert all(key in [each["ARN"] for each in event["detail"]["resources"]] for event in events)
        of_alias = [event for event in events if "Alias" in event["detail"]["eventName"]]
        assert all(event["detail"]["resources"][0]["ARN"].endswith(alias) for event in of_alias)
        assert {event["detail-type"].split()[1] for event in events} == {"API", "Service"}


class TestTrail:
    def test_reads_are_found_and_go_only_where_they_are_wanted(self, account: Account) -> None:
        secret = account.secret()
        pattern = {"source": ["aws.secretsmanager"], "detail": {"requestParameters": {"secretId": [secret]}}}
        plain = account.listen(pattern)
        account.secrets.describe_secret(SecretId=secret)
        everything = account.listen(pattern, "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")
        account.secrets.get_secret_value(SecretId=secret)
        account.secrets.put_secret_value(SecretId=secret, SecretString="{}")

        all_told = eventually(lambda: heard if len(heard := everything()) >= 2 else None)
        found = [record["eventName"] for record in account.found("ResourceName", secret)]

        assert [event["detail"]["eventName"] for event in all_told] == ["GetSecretValue", "PutSecretValue"]
        assert [event["detail"]["eventName"] for event in plain()] == ["PutSecretValue"]
        assert found == ["PutSecretValue", "GetSecretValue", "DescribeSecret", "CreateSecret"]
        assert "the key" not in json.dumps([*all_told, *account.found("ResourceName", secret)])

    def test_agentcores_own_reads_are_found_with_their_outcome(self, account: Account) -> None:
        secret = account.secret()
        ask = account.agent(secret)
        refusal(ask)
        account.secrets.put_resource_policy(SecretId=secret, ResourcePolicy=a_document())
        ask()

        reads = eventually(
            lambda: (
                reads
                if len(reads := [one for one in account.found("ResourceName", secret) if read_by(one)]) == 2
                else None
            )
        )

        assert [read.get("errorCode") for read in reads] == [None, "AccessDenied"]
        assert [read_by(read) for read in reads] == [SERVICE, SERVICE]

    def test_gateways_and_their_targets_are_told_by_their_ids(self, account: Account) -> None:
        told, agentcore = account.listen({"source": ["aws.bedrock-agentcore"]}), account.agentcore
        gateway = {"name": a_name(), "roleArn": "arn:aws:iam::111122223333:role/gateway", "authorizerType": "AWS_IAM"}
        created = agentcore.create_gateway(**gateway, protocolType="MCP")
        ids = {"gatewayIdentifier": created["gatewayId"]}
        agentcore.update_gateway(**ids, **gateway, protocolType="MCP")
        schema = {"mcp": {"openApiSchema": {"inlinePayload": "{}"}}}
        target = agentcore.create_gateway_target(**ids, name="crm", targetConfiguration=schema)["targetId"]
        agentcore.update_gateway_target(**ids, targetId=target, name="crm", targetConfiguration=schema)
        agentcore.delete_gateway_target(**ids, targetId=target)
        agentcore.delete_gateway(**ids)
        agentcore.set_token_vault_cmk(kmsConfiguration={"keyType": "ServiceManagedKey"})
        names = [f"{verb}Gateway" for verb in ("Create", "Update")]
        names += [f"{verb}GatewayTarget" for verb in ("Create", "Update", "Delete")]
        names += ["DeleteGateway", "SetTokenVaultCMK"]

        events = eventually(lambda: heard if len(heard := told()) >= len(names) else None)

        details = [event["detail"] for event in events]
        assert [detail["eventName"] for detail in details] == names
        assert {detail["resources"][0]["ARN"] for detail in details[:-1]} == {created["gatewayArn"]}
        assert {detail["requestParameters"].get("gatewayIdentifier") for detail in details[1:-1]} == {
            created["gatewayId"]
        }
        assert details[2]["responseElements"]["targetId"] == target
        assert created["gatewayArn"].endswith(f"gateway/{gateway['name']}-{created['gatewayId'][-10:]}")

    def test_a_tag_change_comes_in_both_its_forms(self, account: Account) -> None:
        secret = account.secret(Tags=[{"Key": "team", "Value": "a"}])
        told = account.listen({"source": [{"prefix": "aws."}], "detail-type": [{"anything-but": "other"}]})
        account.secrets.tag_resource(SecretId=secret, Tags=[{"Key": "stage", "Value": "prod"}])
        account.secrets.untag_resource(SecretId=secret, TagKeys=["team"])

        events = eventually(lambda: heard if len(heard := told()) >= 4 else None)

        native = [event for event in events if event["source"] == "aws.tag"]
        assert [event["resources"] for event in native] == [[secret], [secret]]
        assert native[0]["detail"]["tags"] == {"team": "a", "stage": "prod"}
        assert native[1]["detail"] == {
            "changed-tag-keys": ["team"],
            "service": "secretsmanager",
            "resource-type": "secret",
            "version": 2,
            "tags": {"stage": "prod"},
        }
        assert [event["detail"]["eventName"] for event in events if event not in native] == [
            "TagResource",
            "UntagResource",
        ]

    def test_a_rotation_fails_and_any_event_comes_when_asked(self, account: Account) -> None:
        secret = account.secret()
        told = account.listen({"source": ["aws.secretsmanager"], "detail": {"eventName": ["RotationFailed", "Made"]}})

        account.aws.secretsmanager("fail_rotation", secret=secret, message="the function timed out")
        sample = {"source": "aws.secretsmanager", "detail-type": "AWS Service Event via CloudTrail"}
        account.aws.put_event({**sample, "detail": {"eventName": "Made"}, "resources": [secret]})

        failed, made = eventually(lambda: heard if len(heard := told()) >= 2 else None)
        assert failed["detail"]["additionalEventData"] == {"SecretId": secret}
        assert (failed["detail"]["errorMessage"], made["resources"]) == ("the function timed out", [secret])


def read_by(record: Fields) -> str | None:
    """Who read for somebody else, in the record of a read."""
    invoked_by: str | None = record["userIdentity"].get("invokedBy")
    return invoked_by if record["eventName"] == "GetSecretValue" else None


class TestQuotas:
    @pytest.fixture(autouse=True)
    def lifted(self, account: Account) -> Iterator[None]:
        yield
        account.aws.quotas("lift")

    def test_calls_beyond_a_quota_are_refused_as_the_services_do_and_counted(self, account: Account) -> None:
        secret = account.secret()
        secrets = account.in_role("secretsmanager", {"Action": "secretsmanager:*"})
        agentcore = account.in_role("bedrock-agentcore-control", {"Action": "bedrock-agentcore:*"})
        trail = account.in_role("cloudtrail", {"Action": "cloudtrail:*"})
        account.aws.quotas("impose", policies=1, providers=1, lookups=1)

        passed = [
            calls_until_throttled(secrets.get_resource_policy, SecretId=secret),
            calls_until_throttled(agentcore.list_api_key_credential_providers),
            calls_until_throttled(trail.lookup_events),
        ]
        agentcore.list_oauth2_credential_providers()
        counts = account.aws.quotas("counts")

        names = ["secretsmanager:GetResourcePolicy", "bedrock-agentcore:ListApiKeyCredentialProviders"]
        names.append("cloudtrail:LookupEvents")
        assert counts["throttled"] == dict.fromkeys(names, 1)
        free = {"bedrock-agentcore:ListOauth2CredentialProviders": 1}
        assert counts["calls"] == {**{name: calls + 1 for name, calls in zip(names, passed, strict=True)}, **free}

    def test_clients_that_try_again_get_through(self, account: Account) -> None:
        secret, patient = account.secret(), Config(retries={"mode": "adaptive", "total_max_attempts": 10})
        client = boto3.Session("test", "test", region_name=account.aws.region).client(
            "secretsmanager", endpoint_url=account.aws.endpoint, config=patient
        )
        account.aws.quotas("impose", policies=5)

        for _ in range(12):
            client.get_resource_policy(SecretId=secret)

        counts = account.aws.quotas("counts")
        assert sum(counts["calls"].values()) - sum(counts["throttled"].values()) == 12

    def test_a_quota_that_makes_no_sense_says_why(self, account: Account) -> None:
        with pytest.raises(EmbeddedAwsError, match="at least 1"):
            account.aws.quotas("impose", policies=0)
        with pytest.raises(EmbeddedAwsError, match="there is no raise"):
            account.aws.quotas("raise")


def calls_until_throttled(call: Callable[..., Any], **arguments: Any) -> int:
    """How many calls were answered before the first that was throttled."""
    for answered in range(1000):
        try:
            call(**arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ThrottlingException":
                raise
            return answered
    raise AssertionError("no call was throttled")


def test_an_e_mail_subscription_is_pending_until_somebody_confirms_it(account: Account) -> None:
    sns, address = account.aws.client("sns"), f"{a_name()}@example.com".replace("/", "-")
    topic = sns.create_topic(Name=a_name().replace("/", "-"))["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=address)

    def arn() -> str:
        (subscription,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        return str(subscription["SubscriptionArn"])

    assert arn() == "PendingConfirmation"
    account.aws.confirm_subscription(address)
    assert arn().startswith(f"{topic}:")
    with pytest.raises(EmbeddedAwsError, match="nothing to confirm"):
        account.aws.confirm_subscription(address)


def test_iam_simulates_each_action_on_each_resource_in_the_given_context(account: Account) -> None:
    secret, queue = account.secret(), "arn:aws:sqs:us-east-1:111122223333:queue"
    tagged = {"StringEquals": {"aws:ResourceTag/team": "a"}}
    role = account.role(
        {"Action": READ, "Resource": secret, "Condition": tagged},
        {"Action": "sqs:*"},
        {"Action": "*", "Effect": "Deny", "Resource": "arn:aws:sns:*"},
    )
    team = {"ContextKeyName": "aws:ResourceTag/team", "ContextKeyValues": ["a"], "ContextKeyType": "string"}

    def decisions(*context: Fields) -> dict[tuple[str, str], str]:
        results = account.iam.simulate_principal_policy(
            PolicySourceArn=role,
            ActionNames=[READ, "sqs:SendMessage"],
            ResourceArns=[secret, queue],
            ContextEntries=list(context),
        )["EvaluationResults"]
        return {(each["EvalActionName"], each["EvalResourceName"]): each["EvalDecision"] for each in results}

    denied = account.iam.simulate_principal_policy(
        PolicySourceArn=role, ActionNames=["sns:Publish"], ResourceArns=["arn:aws:sns:us-east-1:111122223333:t"]
    )["EvaluationResults"]

    assert decisions(team) == {
        (READ, secret): "allowed",
        (READ, queue): "implicitDeny",
        ("sqs:SendMessage", secret): "allowed",
        ("sqs:SendMessage", queue): "allowed",
    }
    assert decisions()[READ, secret] == "implicitDeny"
    assert [each["EvalDecision"] for each in denied] == ["explicitDeny"]
    assert (
        refusal(account.iam.simulate_principal_policy, PolicySourceArn=f"{role}-none", ActionNames=[READ])
        == "NoSuchEntity"
    )


TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Caller:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.handler
      Runtime: python3.13
      FunctionUrlConfig: {AuthType: AWS_IAM}
      InlineCode: |
        import os

        def handler(event, context):
            caller = event["requestContext"]["authorizer"]["iam"]
            return {"caller": caller, "trace": os.environ["_X_AMZN_TRACE_ID"]}
  Dashboard:
    Type: AWS::CloudWatch::Dashboard
    Properties: {DashboardBody: '{"widgets": []}'}
  Sum:
    Type: AWS::CloudWatch::Alarm
    Properties:
      EvaluationPeriods: 1
      Threshold: 1
      ComparisonOperator: GreaterThanThreshold
      Metrics:
        - {Id: sum, Expression: "a + a"}
        - Id: a
          ReturnData: false
          MetricStat: {Stat: Sum, Period: 60, Metric: {Namespace: N, MetricName: A}}
  Any:
    Type: AWS::CloudWatch::CompositeAlarm
    Properties:
      AlarmName: any
      AlarmRule: !Sub 'ALARM("${Sum}")'
Outputs:
  Url: {Value: !GetAtt CallerUrl.FunctionUrl}
"""


def test_a_function_learns_who_called_its_url_in_a_stack_with_composite_alarms(account: Account) -> None:
    cloudformation = account.aws.client("cloudformation")
    cloudformation.create_stack(
        StackName="callers", TemplateBody=TEMPLATE, Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName="callers", WaiterConfig={"Delay": 1})
    (deployed,) = cloudformation.describe_stacks(StackName="callers")["Stacks"]
    (url,) = (output["OutputValue"] for output in deployed["Outputs"])
    role = account.role({"Action": "lambda:InvokeFunctionUrl"})
    session = account.session(role)

    answer = json.loads(call(account.aws, url, session))

    caller = answer["caller"]
    name = role.rpartition("/")[2]
    assert caller["userArn"] == f"arn:aws:sts::111122223333:assumed-role/{name}/alice"
    assert (caller["accountId"], caller["accessKey"]) == ("111122223333", session.access_key)
    assert caller["userId"] == caller["callerId"]
    assert caller["userId"].endswith(":alice")
    assert caller.keys() >= {"cognitoIdentity", "principalOrgId"}
    assert answer["trace"].endswith(";Sampled=0")
    with pytest.raises(urllib.error.HTTPError, match="403"):
        call(account.aws, url, account.session(account.role({"Action": "sqs:*"})))
    (alarm,) = account.aws.client("cloudwatch").describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    assert alarm["StateValue"] == "OK"


def call(aws: EmbeddedAws, url: str, credentials: Credentials) -> bytes:
    """Call a Function URL as these credentials; the embedded AWS serves all of them at its own address."""
    host = url.removeprefix("https://").rstrip("/")
    signed = AWSRequest("GET", f"{aws.endpoint}/", headers={"Host": host})
    SigV4Auth(credentials, "lambda", aws.region).add_auth(signed)
    request = urllib.request.Request(str(signed.url), headers=dict(signed.headers))  # noqa: S310 - the embedded AWS's own
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        body: bytes = answer.read()
        return body


ANSWER = """
def handler(event, context):
    raise {}("no")
"""


class TestStateMachines:
    """An execution of one task whose function raises what it is told to."""

    @staticmethod
    def function(account: Account, error: str) -> str:
        archive, name = io.BytesIO(), a_name()
        with zipfile.ZipFile(archive, "w") as code:
            code.writestr("app.py", ANSWER.format(error))
        function = account.aws.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.13",
            Handler="app.handler",
            Role=account.role({"Action": "sqs:*"}),
            Code={"ZipFile": archive.getvalue()},
        )
        arn: str = function["FunctionArn"]
        return arn

    def ended(self, account: Account, function: str, **task: Any) -> Fields:
        """The execution once it is over, with its history's events."""
        states, name = account.aws.client("stepfunctions"), a_name()
        task = {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Arguments": {"FunctionName": function, "Payload": {"token": "{% $states.context.Task.Token %}"}},
            "End": True,
            **task,
        }
        machine = states.create_state_machine(
            name=name,
            roleArn=account.role({"Action": "lambda:InvokeFunction"}),
            definition=json.dumps({"QueryLanguage": "JSONata", "StartAt": "Ask", "States": {"Ask": task}}),
        )["stateMachineArn"]
        execution = states.start_execution(stateMachineArn=machine, name=name, input='{"seconds": 1}')["executionArn"]
        over = eventually(
            lambda: one if (one := states.describe_execution(executionArn=execution))["status"] != "RUNNING" else None
        )
        return {**over, "events": states.get_execution_history(executionArn=execution)["events"]}

    def test_a_task_that_waits_for_its_token_fails_with_its_function_and_is_tried_again_as_the_retrier_says(
        self, account: Account
    ) -> None:
        retrier = {"ErrorEquals": ["KeyError"], "IntervalSeconds": 30, "MaxDelaySeconds": 1, "MaxAttempts": 2}

        execution = self.ended(account, self.function(account, "KeyError"), Retry=[retrier])

        tried = [event for event in execution["events"] if event["type"] == "TaskFailed"]
        assert (execution["status"], execution["error"], len(tried)) == ("FAILED", "KeyError", 3)
        assert (execution["stopDate"] - execution["startDate"]).total_seconds() < 20

    def test_a_time_out_may_be_an_expression(self, account: Account) -> None:
        queue = account.sqs.create_queue(QueueName=a_name())["QueueUrl"]

        execution = self.ended(
            account,
            "",
            Resource="arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            Arguments={"QueueUrl": queue, "MessageBody": "{% $states.context.Task.Token %}"},
            TimeoutSeconds="{% $states.input.seconds %}",
        )

        assert (execution["status"], execution["error"]) == ("FAILED", "States.Timeout")

    def test_the_event_history_says_who_started_an_execution(self, account: Account) -> None:
        states = account.aws.client("stepfunctions")
        definition = json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}})
        machine = states.create_state_machine(
            name=a_name(), roleArn=account.role({"Action": "sqs:*"}), definition=definition
        )["stateMachineArn"]

        started = account.in_role("stepfunctions", {"Action": "states:StartExecution"}).start_execution(
            stateMachineArn=machine, input='{"apiKey": "a literal"}'
        )["executionArn"]

        def told() -> list[Fields]:
            records = account.found("EventName", "StartExecution")
            return [one for one in records if one["responseElements"]["executionArn"] == started]

        (record,) = eventually(lambda: told() or None)
        assert record["userIdentity"]["arn"].endswith("/alice")
        assert "a literal" not in json.dumps(record)
