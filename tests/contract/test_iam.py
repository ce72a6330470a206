"""The adapter asks IAM what a role may do by its own policies, and takes no for an answer only where it is one."""

from typing import Any

import pytest

from secretwatch.adapters.iam import IamIdentities
from secretwatch.domain.facts import IdentityDecision
from secretwatch.errors import Permanent
from tests.contract.stubs import MakeStub, Stub
from tests.fakes import ACCOUNT, secret_arn

ROLE = f"arn:aws:iam::{ACCOUNT}:role/support-bot"
ACTION = "secretsmanager:GetSecretValue"


@pytest.fixture
def aws(make_stub: MakeStub) -> Stub:
    return make_stub("iam")


def decided(aws: Stub, **result: Any) -> IdentityDecision:
    answer = {"EvaluationResults": [{"EvalActionName": ACTION, **result}]}
    asked = {"PolicySourceArn": ROLE, "ActionNames": [ACTION], "ResourceArns": [secret_arn()]}
    aws.add_response("simulate_principal_policy", answer, asked)
    return IamIdentities(aws.client).decide(ROLE, ACTION, secret_arn())


@pytest.mark.parametrize("decision", IdentityDecision)
def test_a_decision_is_told_as_iam_names_it(aws: Stub, decision: IdentityDecision) -> None:
    assert decided(aws, EvalDecision=decision.value) is decision


def test_a_decision_that_hangs_on_what_nobody_told_iam_is_none(aws: Stub) -> None:
    with pytest.raises(Permanent, match=r"hang on aws:SourceIp, aws:SourceVpc$"):
        decided(aws, EvalDecision="implicitDeny", MissingContextValues=["aws:SourceVpc", "aws:SourceIp"])


def test_a_role_that_is_gone_is_not_taken_for_one_that_may_nothing(aws: Stub) -> None:
    aws.add_client_error("simulate_principal_policy", "NoSuchEntity", "no role", 404)

    with pytest.raises(Permanent, match=r"^SimulatePrincipalPolicy: NoSuchEntity$"):
        IamIdentities(aws.client).decide(ROLE, ACTION, secret_arn())
