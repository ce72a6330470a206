"""What roles may do by their own policies, as AWS IAM simulates it."""

from typing import TYPE_CHECKING

from secretwatch.adapters.aws import translated
from secretwatch.domain.facts import IdentityDecision
from secretwatch.errors import Permanent

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient


class IamIdentities:
    """`ports.Identities` on IAM."""

    def __init__(self, client: "IAMClient") -> None:
        """`client` is a boto3 IAM client."""
        self._client = client

    def decide(self, role_arn: str, action: str, resource: str) -> IdentityDecision:
        """SimulatePrincipalPolicy: the role's policies and its boundary.

        Permanent for a role that is gone, and where the answer hangs on a context that nobody gave.
        """
        with translated("SimulatePrincipalPolicy"):
            answer = self._client.simulate_principal_policy(
                PolicySourceArn=role_arn, ActionNames=[action], ResourceArns=[resource]
            )
        result = answer["EvaluationResults"][0]
        if missing := result.get("MissingContextValues"):
            raise Permanent(f"SimulatePrincipalPolicy: the role's policies hang on {', '.join(sorted(missing))}")
        return IdentityDecision(result["EvalDecision"])
