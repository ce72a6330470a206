"""What each function's role must be allowed, as template.yaml grants it: the only place where the command says so.

Left out, since a simulation cannot judge it: kms:Decrypt (whose key protects a secret is not known here), the
Registry's stream (its mapping's own state tells) and X-Ray (nothing stops without it).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

REFERENCED_SECRETS = "each secret that a provider references"


@dataclass(frozen=True, slots=True)
class Need:
    """Actions on resources: ARNs with `{partition}`, `{region}`, `{account}` and the stack's logical ids to fill in.

    `context` are condition keys that the actual calls have. `only_if` tells of a stack's parameters whether its role
    has the permission at all.
    """

    actions: tuple[str, ...]
    on: tuple[str, ...]
    context: Mapping[str, str] = field(default_factory=dict)
    only_if: Callable[[Mapping[str, str]], bool] = lambda _: True

    def resources(self, names: Mapping[str, str], secrets: Sequence[str]) -> Iterator[str]:
        """The ARNs in one stack; raises KeyError for a logical id that the stack does not have."""
        for arn in self.on:
            if arn == REFERENCED_SECRETS:
                yield from secrets
            else:
                yield arn.format_map(names)


def _queues(*names: str) -> tuple[str, ...]:
    return tuple(f"arn:{{partition}}:sqs:{{region}}:{{account}}:{{{name}}}" for name in names)


def _logs(name: str) -> Need:
    arn = f"arn:{{partition}}:logs:{{region}}:{{account}}:log-group:{{{name}}}:log-stream:any"
    return Need(("logs:CreateLogStream", "logs:PutLogEvents"), (arn,))


def _takes_from(*queues: str) -> Need:
    return Need(("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"), _queues(*queues))


def _sends_to(*queues: str) -> Need:
    return Need(("sqs:SendMessage",), _queues(*queues))


def _execution_of(workflow: str) -> str:
    return f"arn:{{partition}}:states:{{region}}:{{account}}:execution:{{{workflow}}}:any"


_REGISTRY = ("arn:{partition}:dynamodb:{region}:{account}:table/{Registry}",)
_AGENTCORE = "bedrock-agentcore.amazonaws.com"  # alone it has no policies of its own to be asked about
_TOKEN_VAULT = "token-vault/default"  # noqa: S105 - where AgentCore keeps providers

_OF_AGENTCORE = "arn:{partition}:bedrock-agentcore:{region}:{account}"
_JUDGES_ROLES = Need(
    ("iam:SimulatePrincipalPolicy",),
    ("arn:{partition}:iam::{account}:role/any",),
    only_if=lambda parameters: (
        parameters.get("RequiredReaders", _AGENTCORE) != _AGENTCORE or parameters.get("ObservedReads", "off") != "off"
    ),
)
_READS_KEYS = Need(
    ("kms:DescribeKey", "kms:GetKeyPolicy", "kms:ListGrants"), ("arn:{partition}:kms:{region}:{account}:key/any",)
)
_READS_POLICIES = Need(
    ("secretsmanager:DescribeSecret", "secretsmanager:ListResourcePolicies", "secretsmanager:GetResourcePolicy"),
    (REFERENCED_SECRETS,),
)
# With `tagged` the answer hangs on each secret's tags, which a simulation does not see.
_READS_VALUES = Need(
    ("secretsmanager:GetSecretValue",),
    (REFERENCED_SECRETS,),
    only_if=lambda parameters: parameters.get("ReadSecretValues", "all") == "all",
)
# With RepairOnlyTagged the same holds.
_WRITES_POLICIES = Need(
    ("secretsmanager:PutResourcePolicy", "secretsmanager:DeleteResourcePolicy"),
    (REFERENCED_SECRETS,),
    context={"secretsmanager:BlockPublicPolicy": "true"},
    only_if=lambda parameters: (
        parameters.get("RepairMode", "propose") != "observe" and parameters.get("RepairOnlyTagged") != "true"
    ),
)
_WRITES_KEY_POLICIES = Need(
    ("kms:PutKeyPolicy",),
    ("arn:{partition}:kms:{region}:{account}:key/any",),
    only_if=lambda parameters: (
        parameters.get("RepairMode", "propose") != "observe" and parameters.get("RepairKeyPolicies") == "on"
    ),
)
_TELLS = Need(("events:PutEvents",), ("arn:{partition}:events:{region}:{account}:event-bus/{Bus}",))
_READS_PROVIDERS = Need(
    (
        "bedrock-agentcore:GetApiKeyCredentialProvider",
        "bedrock-agentcore:GetOauth2CredentialProvider",
        "bedrock-agentcore:GetPaymentCredentialProvider",
    ),
    (f"{_OF_AGENTCORE}:{_TOKEN_VAULT}",),
)
_READS_GATEWAYS = Need(
    ("bedrock-agentcore:GetGateway", "bedrock-agentcore:ListGatewayTargets", "bedrock-agentcore:GetGatewayTarget"),
    (f"{_OF_AGENTCORE}:gateway/any",),
)


NEEDS: Mapping[str, tuple[Need, ...]] = {
    "CheckReferences": (
        _logs("CheckReferencesLogs"),
        _takes_from("ChangeQueue", "SweepQueue"),
        _sends_to("SweepQueue"),
        Need(("dynamodb:Query", "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:PutItem"), _REGISTRY),
        _READS_POLICIES,
        _READS_VALUES,
        _READS_KEYS,
        _JUDGES_ROLES,
    ),
    "TakeInventory": (
        _logs("TakeInventoryLogs"),
        _takes_from("InventoryQueue"),
        _sends_to("InventoryQueue", "SweepQueue"),
        Need(("dynamodb:Query", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"), _REGISTRY),
        Need(
            (
                "bedrock-agentcore:ListApiKeyCredentialProviders",
                "bedrock-agentcore:ListOauth2CredentialProviders",
                "bedrock-agentcore:ListPaymentCredentialProviders",
                "bedrock-agentcore:GetApiKeyCredentialProvider",
                "bedrock-agentcore:GetOauth2CredentialProvider",
                "bedrock-agentcore:GetPaymentCredentialProvider",
            ),
            (f"arn:{{partition}}:bedrock-agentcore:{{region}}:{{account}}:{_TOKEN_VAULT}",),
        ),
        _READS_GATEWAYS,
        Need(("bedrock-agentcore:ListGateways", "cloudtrail:DescribeTrails"), ("*",)),
        Need(
            ("cloudtrail:GetTrailStatus", "cloudtrail:GetEventSelectors"),
            ("arn:{partition}:cloudtrail:{region}:{account}:trail/any",),
        ),
    ),
    "PublishVerdicts": (
        _logs("PublishVerdictsLogs"),
        _TELLS,
        _sends_to("UnpublishedVerdicts"),
    ),
    "SendAlerts": (
        _logs("SendAlertsLogs"),
        _takes_from("AlertQueue"),
        Need(("dynamodb:Query", "dynamodb:GetItem"), _REGISTRY),
        Need(("dynamodb:Query",), (f"{_REGISTRY[0]}/index/Open",)),
        Need(
            ("dynamodb:PutItem", "dynamodb:DeleteItem"),
            _REGISTRY,
            context={"dynamodb:LeadingKeys": "ALERTS"},
        ),
        _TELLS,
        Need(("sns:Publish", "sns:ListSubscriptionsByTopic"), ("{Alerts}",)),
    ),
    "RepairAccess": (
        _logs("RepairAccessLogs"),
        _takes_from("RepairQueue"),
        _sends_to("SweepQueue"),
        Need(("dynamodb:GetItem", "dynamodb:Query"), _REGISTRY),
        Need(("dynamodb:PutItem", "dynamodb:DeleteItem"), _REGISTRY, context={"dynamodb:LeadingKeys": "REPAIRS#any"}),
        Need(("dynamodb:PutItem",), _REGISTRY, context={"dynamodb:LeadingKeys": "AUDIT#any"}),
        _TELLS,
        Need(
            (
                "secretsmanager:DescribeSecret",
                "secretsmanager:ListResourcePolicies",
                "secretsmanager:GetResourcePolicy",
                "secretsmanager:ValidateResourcePolicy",
            ),
            (REFERENCED_SECRETS,),
        ),
        _WRITES_POLICIES,
        _READS_KEYS,
        _WRITES_KEY_POLICIES,
        _JUDGES_ROLES,
        Need(("cloudtrail:LookupEvents",), ("*",)),
    ),
    "DecideRepair": (
        _logs("DecideRepairLogs"),
        Need(
            ("dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem"),
            _REGISTRY,
            context={"dynamodb:LeadingKeys": "REPAIR#any"},
        ),
        _sends_to("RepairQueue"),
    ),
    "OnboardSecretSteps": (
        _logs("OnboardSecretStepsLogs"),
        Need(
            ("dynamodb:Query", "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"),
            _REGISTRY,
            context={"dynamodb:LeadingKeys": "ONBOARDING#any"},
        ),
        _TELLS,
        Need(("states:DescribeExecution",), (_execution_of("OnboardSecret"), _execution_of("OffboardProvider"))),
        _READS_PROVIDERS,
        _READS_POLICIES,
        _READS_VALUES,
        _READS_KEYS,
        _JUDGES_ROLES,
        Need(
            (
                "bedrock-agentcore:CreateWorkloadIdentity",
                "bedrock-agentcore:GetWorkloadAccessToken",
                "bedrock-agentcore:GetResourceApiKey",
            ),
            (
                f"{_OF_AGENTCORE}:workload-identity-directory/default",
                f"{_OF_AGENTCORE}:workload-identity-directory/default/workload-identity/secretwatch-onboarding",
            ),
            only_if=lambda parameters: parameters.get("OnboardingVend") == "on",
        ),
    ),
    "OffboardProviderSteps": (
        _logs("OffboardProviderStepsLogs"),
        Need(
            ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"),
            _REGISTRY,
            context={"dynamodb:LeadingKeys": "ONBOARDING#any"},
        ),
        _TELLS,
        Need(("states:DescribeExecution",), (_execution_of("OnboardSecret"), _execution_of("OffboardProvider"))),
        _READS_PROVIDERS,
        _READS_GATEWAYS,
        Need(("bedrock-agentcore:ListGateways",), ("*",)),
    ),
    "GrantAccess": (
        _logs("GrantAccessLogs"),
        _sends_to("SweepQueue"),
        Need(("dynamodb:GetItem", "dynamodb:Query"), _REGISTRY),
        Need(("dynamodb:PutItem", "dynamodb:DeleteItem"), _REGISTRY, context={"dynamodb:LeadingKeys": "REPAIRS#any"}),
        Need(("dynamodb:PutItem",), _REGISTRY, context={"dynamodb:LeadingKeys": "AUDIT#any"}),
        _TELLS,
        _READS_POLICIES,
        Need(("secretsmanager:ValidateResourcePolicy",), (REFERENCED_SECRETS,)),
        _WRITES_POLICIES,
        _READS_KEYS,
        _WRITES_KEY_POLICIES,
        _JUDGES_ROLES,
    ),
    "CreateProvider": (
        _logs("CreateProviderLogs"),
        Need(("dynamodb:GetItem", "dynamodb:PutItem"), _REGISTRY, context={"dynamodb:LeadingKeys": "ONBOARDING#any"}),
        Need(
            (
                "bedrock-agentcore:CreateApiKeyCredentialProvider",
                "bedrock-agentcore:CreateOauth2CredentialProvider",
                "bedrock-agentcore:CreatePaymentCredentialProvider",
                "bedrock-agentcore:DeleteApiKeyCredentialProvider",
                "bedrock-agentcore:DeleteOauth2CredentialProvider",
                "bedrock-agentcore:DeletePaymentCredentialProvider",
                "bedrock-agentcore:TagResource",
            ),
            (f"{_OF_AGENTCORE}:{_TOKEN_VAULT}",),
        ),
        _READS_PROVIDERS,
        Need(("bedrock-agentcore:ListTagsForResource",), (f"{_OF_AGENTCORE}:{_TOKEN_VAULT}",)),
    ),
    "DecideOnboarding": (
        _logs("DecideOnboardingLogs"),
        Need(("dynamodb:GetItem", "dynamodb:PutItem"), _REGISTRY, context={"dynamodb:LeadingKeys": "ONBOARDING#any"}),
        Need(("cloudtrail:LookupEvents", "states:SendTaskFailure", "states:SendTaskSuccess"), ("*",)),
    ),
}
