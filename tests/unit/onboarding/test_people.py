"""Who is the same person, by the ARNs that AWS reports."""

import pytest

from secretwatch.domain.onboarding.people import same_person

ALICE, BOB = "arn:aws:iam::111122223333:user/alice", "arn:aws:iam::111122223333:user/bob"
DEPLOYER = "arn:aws:sts::111122223333:assumed-role/Deployer"
SSO = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123456789abcdef"

OTHER_SET = "arn:aws:sts::444455556666:assumed-role/AWSReservedSSO_Approver_fedcba9876543210"
FEDERATED = "arn:aws:sts::111122223333:federated-user/alice"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ALICE, ALICE),
        (f"{DEPLOYER}/alice", f"{DEPLOYER}/bob"),
        (f"{DEPLOYER}/alice", f"{DEPLOYER.lower()}/alice"),
        (f"{DEPLOYER}/alice", "arn:aws:iam::111122223333:role/teams/Deployer"),
        (f"{SSO}/alice@example.com", f"{SSO}/Alice@example.com"),
        (f"{SSO}/alice@example.com", f"{OTHER_SET}/alice@example.com"),
        (FEDERATED, ALICE),
        (FEDERATED, f"{SSO}/alice"),
    ],
)
def test_a_role_is_one_person_whatever_its_session_is_called(one: str, other: str) -> None:
    assert same_person(one, other)
    assert same_person(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ALICE, BOB),
        (f"{DEPLOYER}/alice", f"{DEPLOYER}s/alice"),
        (f"{DEPLOYER}/alice", f"{DEPLOYER.replace('1111', '4444')}/alice"),
        (f"{SSO}/alice@example.com", f"{SSO}/bob@example.com"),
        (FEDERATED, BOB),
        (ALICE, "events.amazonaws.com"),
    ],
)
def test_whom_identity_center_names_and_users_are_themselves(one: str, other: str) -> None:
    assert not same_person(one, other)
    assert not same_person(other, one)
