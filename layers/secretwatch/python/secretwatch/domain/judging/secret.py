"""Whether the secret is there, in the right place, and has a current version."""

from collections.abc import Iterator

from secretwatch.domain.facts import Facts, NoSuchSecret, SecretDescription, Unknown
from secretwatch.domain.finding import Code, Finding
from secretwatch.domain.judging.commands import REVOKED, move_current, on_secret
from secretwatch.domain.reference import Reference


def secret_findings(reference: Reference, facts: Facts) -> Iterator[Finding | Unknown]:
    """SECRET_NOT_FOUND, SECRET_RECREATED, SECRET_PENDING_DELETION, REGION_MISMATCH, NO_CURRENT_VERSION."""
    if reference.secret.region != reference.provider.region:
        yield _elsewhere(reference)
    match facts.secret:
        case Unknown() as unknown:
            yield unknown
        case NoSuchSecret(recreated=None):
            yield _not_found(reference)
        case NoSuchSecret(recreated=str(arn)):
            yield _recreated(reference, arn)
        case SecretDescription(deletion_date=None) as secret:
            if secret.current is None:
                yield _no_current_version(reference, secret)
        case SecretDescription() as secret:
            yield _pending_deletion(reference, secret)


def _elsewhere(reference: Reference) -> Finding:
    return Finding(
        Code.REGION_MISMATCH,
        f"the secret is in {reference.secret.region}, the provider in {reference.provider.region}",
        f"Point the provider at a secret in {reference.provider.region}; a replica of this one serves too.",
        about=reference.secret_arn,
    )


def _not_found(reference: Reference) -> Finding:
    return Finding(
        Code.SECRET_NOT_FOUND,
        "Secrets Manager knows no secret by this ARN",
        "A deleted secret does not come back under its old ARN: create it again and point the provider at the new one.",
        about=reference.secret_arn,
    )


def _recreated(reference: Reference, arn: str) -> Finding:
    return Finding(
        Code.SECRET_RECREATED,
        f"the secret was deleted, and another one has its name: {arn}",
        "Point the provider at the new secret's ARN: a provider holds the full ARN, and that has another ending now.",
        about=reference.secret_arn,
    )


def _pending_deletion(reference: Reference, secret: SecretDescription) -> Finding:
    return Finding(
        Code.SECRET_PENDING_DELETION,
        f"the secret is marked for deletion ({secret.deletion_date:%Y-%m-%d %H:%M %Z}) and cannot be read",
        "Restore the secret, or point the provider at another one.",
        on_secret(reference, "restore-secret"),
        about=reference.secret_arn,
    )


def _no_current_version(reference: Reference, secret: SecretDescription) -> Finding:
    evidence, command = "no version of the secret is labelled AWSCURRENT", None
    remedy = "Store a value in the secret."
    if secret.previous:
        evidence = f"{evidence}; the previous version still is AWSPREVIOUS"
        command = move_current(reference, secret.previous)
        remedy = f"Make the previous version current again{REVOKED}, or store a new value."
    return Finding(Code.NO_CURRENT_VERSION, evidence, remedy, command, about=reference.secret_arn)
