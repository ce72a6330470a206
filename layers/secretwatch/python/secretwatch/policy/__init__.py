"""What resource policies and KMS key policies decide: pure values and functions, standard library only.

policy = Policy.parse(text)
reader = Principal.service("bedrock-agentcore.amazonaws.com")
decision = evaluate([policy], reader, "secretsmanager:GetSecretValue", secret_arn, {"aws:SourceAccount": ABSENT})
"""

from secretwatch.policy.context import ABSENT, UNKNOWN, Absent, Context, ContextValue, OneOf, Present, Unknown
from secretwatch.policy.decision import Decision, Decisive, Outcome
from secretwatch.policy.document import Effect, Policy, Problem
from secretwatch.policy.evaluate import evaluate
from secretwatch.policy.grant import Grant, evaluate_key
from secretwatch.policy.principal import Principal, PrincipalKind

__all__ = [
    "ABSENT",
    "UNKNOWN",
    "Absent",
    "Context",
    "ContextValue",
    "Decision",
    "Decisive",
    "Effect",
    "Grant",
    "OneOf",
    "Outcome",
    "Policy",
    "Present",
    "Principal",
    "PrincipalKind",
    "Problem",
    "Unknown",
    "evaluate",
    "evaluate_key",
]
