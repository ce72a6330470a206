"""Operations of which moto knows nothing, and the functions need."""

import json
from typing import TYPE_CHECKING, Any

from moto.iam.responses import IamResponse
from moto.secretsmanager.responses import SecretsManagerResponse

if TYPE_CHECKING:
    from collections.abc import Callable


def install() -> None:
    """Add them to moto, once or again."""
    added: dict[Any, dict[str, Callable[[Any], str]]] = {
        SecretsManagerResponse: {"list_resource_policies": _policy_names},
        IamResponse: {"simulate_principal_policy": _allowed},
    }
    for responses, operations in added.items():
        for name, answer in operations.items():
            setattr(responses, name, answer)


def _policy_names(responses: SecretsManagerResponse) -> str:
    """The one policy that moto keeps, whether it is there or not: GetResourcePolicy tells."""
    secret = responses._get_param("SecretId")
    return json.dumps({"ARN": secret, "Name": secret, "ResourcePolicies": [{"PolicyName": "default"}]})


def _allowed(_: IamResponse) -> str:
    """Every role may do everything."""
    result = "<member><EvalActionName>any</EvalActionName><EvalDecision>allowed</EvalDecision></member>"
    body = f"<EvaluationResults>{result}</EvaluationResults><IsTruncated>false</IsTruncated>"
    outer = "SimulatePrincipalPolicy"
    return (
        f'<{outer}Response xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
        f"<{outer}Result>{body}</{outer}Result></{outer}Response>"
    )
