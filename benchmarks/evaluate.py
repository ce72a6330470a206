"""How long the policy evaluator takes for a policy of ten statements, in milliseconds and beside reading its JSON.

    PYTHONPATH=layers/secretwatch/python .venv/dev/bin/python benchmarks/evaluate.py

The policy is the kind that teams write: one statement for the reader, the others for roles, accounts and guards.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable

from secretwatch.policy import ABSENT, UNKNOWN, Context, Outcome, Policy, Present, Principal, evaluate

RUNS = 2_000
LIMIT_MS = 0.5

OWN = "111122223333"
SECRET = f"arn:aws:secretsmanager:eu-west-1:{OWN}:secret:agents/crm-AbCdEf"
ACTION = "secretsmanager:GetSecretValue"
READER = Principal.service("bedrock-agentcore.amazonaws.com")
TEXT = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            *(
                {
                    "Sid": f"Team{number}",
                    "Effect": "Allow",
                    "Principal": {"AWS": [f"arn:aws:iam::{OWN}:role/team-{number}", f"arn:aws:iam::{OWN}:root"]},
                    "Action": ["secretsmanager:GetSecretValue", "secretsmanager:Describe*"],
                    "Resource": "*",
                    "Condition": {"StringEquals": {"secretsmanager:VersionStage": "AWSCURRENT"}},
                }
                for number in range(6)
            ),
            {
                "Sid": "AgentCore",
                "Effect": "Allow",
                "Principal": {"Service": ["bedrock-agentcore.amazonaws.com", "lambda.amazonaws.com"]},
                "Action": "secretsmanager:GetSecretValue",
                "Resource": f"arn:aws:secretsmanager:*:{OWN}:secret:agents/*",
                "Condition": {
                    "StringEqualsIfExists": {"aws:SourceAccount": [OWN, "444455556666"]},
                    "ArnLikeIfExists": {"aws:SourceArn": f"arn:aws:bedrock-agentcore:*:{OWN}:*"},
                },
            },
            {
                "Sid": "OnlyEncrypted",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "secretsmanager:*",
                "Resource": "*",
                "Condition": {"BoolIfExists": {"aws:SecureTransport": "false"}},
            },
            {
                "Sid": "OnlyOurOrganisation",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "secretsmanager:*",
                "Resource": "*",
                "Condition": {
                    "StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-example"},
                    "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
                },
            },
            {
                "Sid": "NobodyDeletes",
                "Effect": "Deny",
                "NotPrincipal": {"AWS": [f"arn:aws:iam::{OWN}:role/admin", f"arn:aws:iam::{OWN}:root"]},
                "Action": "secretsmanager:Delete*",
                "Resource": "*",
            },
        ],
    }
)
KNOWN: Context = {
    "aws:SourceAccount": Present((OWN,)),
    "aws:SourceArn": Present((f"arn:aws:bedrock-agentcore:eu-west-1:{OWN}:token-vault/default",)),
    "aws:SecureTransport": Present(("true",)),
    "aws:PrincipalOrgID": ABSENT,
}
UNSURE: Context = {**KNOWN, "aws:SourceAccount": UNKNOWN, "aws:SourceArn": UNKNOWN}


def main() -> None:
    """Print the medians; exit with 1 when evaluating takes longer than it may."""
    read = median_ms(lambda: json.loads(TEXT))
    parsed = median_ms(lambda: Policy.parse(TEXT))
    print(f"ten statements, {len(TEXT)} bytes: json.loads {read:.3f} ms, Policy.parse {parsed:.3f} ms")
    slowest = 0.0
    for context, expected in ((KNOWN, Outcome.ALLOWED), (UNSURE, Outcome.UNKNOWN)):
        took = evaluated_ms(context, expected)
        print(f"evaluate, {expected}: {took:.3f} ms, {took / read:.1f} times json.loads")
        slowest = max(slowest, took)
    sys.exit(slowest > LIMIT_MS)


def evaluated_ms(context: Context, expected: Outcome) -> float:
    """The median, of what comes to the outcome that it should."""
    policy = Policy.parse(TEXT)
    if evaluate([policy], READER, ACTION, SECRET, context).outcome is not expected:
        sys.exit(f"the outcome is not {expected}")
    return median_ms(lambda: evaluate([policy], READER, ACTION, SECRET, context))


def median_ms(run: Callable[[], object]) -> float:
    """The median of many runs."""
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


if __name__ == "__main__":
    main()
