"""A change of a key reaches every secret under it."""

from secretwatch.domain.key import KeyId
from secretwatch.domain.secret import SecretId
from secretwatch.spreading import Spreading
from tests.fakes import ACCOUNT, REGION, InMemoryProtectedSecrets, SentRequests, secret_arn

KEY = KeyId(f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd")
SECRETS = [SecretId.of_arn(secret_arn("billing")), SecretId.of_arn(secret_arn("crm"))]


def test_every_secret_under_the_key_is_to_be_checked() -> None:
    checks = SentRequests()

    told = Spreading(InMemoryProtectedSecrets({KEY: SECRETS}), checks=checks).spread(KEY, cause="e-1")

    assert checks.subjects == told == SECRETS
    assert checks.causes == {"e-1"}


def test_a_key_that_protects_no_referenced_secret_asks_for_nothing() -> None:
    checks = SentRequests()

    assert Spreading(InMemoryProtectedSecrets({}), checks=checks).spread(KEY) == []
    assert checks.subjects == []
