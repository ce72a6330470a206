"""Whether the KMS key that protects the secret can be used."""

from collections.abc import Iterator

from secretwatch.domain.facts import Facts, KeyDescription, NoSuchKey, SecretDescription, Unknown
from secretwatch.domain.finding import Code, Finding
from secretwatch.domain.judging.commands import on_key
from secretwatch.domain.reference import Reference


def key_findings(reference: Reference, secret: SecretDescription, facts: Facts) -> Iterator[Finding | Unknown]:
    """KEY_NOT_FOUND, KEY_DISABLED, KEY_PENDING_DELETION, CROSS_ACCOUNT_DEFAULT_KEY.

    The AWS managed key of the secret's own account is always usable there.
    """
    abroad = reference.secret.account != reference.provider.account
    if secret.key is None:
        if abroad:
            yield _default_key(reference)
        return
    match facts.key and facts.key.key:
        case Unknown() as unknown:
            yield unknown
        case KeyDescription(customer_managed=False) if abroad:
            yield _default_key(reference)
        case NoSuchKey():
            yield Finding(
                Code.KEY_NOT_FOUND,
                f"KMS knows no key {secret.key.arn}",
                "A deleted key does not come back, nor what it encrypted: store the value anew under another key.",
                about=secret.key.arn,
            )
        case KeyDescription() as key if key.state in _PENDING:
            yield _pending_deletion(reference, key)
        case KeyDescription() as key if key.state not in _USABLE:
            yield _disabled(reference, key)


# KMS developer guide, "Key states of AWS KMS keys": in which of them a key decrypts.
_USABLE = {"Enabled", "Updating"}
_PENDING = {"PendingDeletion", "PendingReplicaDeletion"}


def _default_key(reference: Reference) -> Finding:
    return Finding(
        Code.CROSS_ACCOUNT_DEFAULT_KEY,
        f"the secret of account {reference.secret.account} is under aws/secretsmanager, which serves that account only",
        "Encrypt the secret with a customer managed key whose policy lets the provider's account in.",
        about=reference.secret_arn,
    )


def _pending_deletion(reference: Reference, key: KeyDescription) -> Finding:
    when = f" ({key.deletion_date:%Y-%m-%d %H:%M %Z})" if key.deletion_date else ""
    return Finding(
        Code.KEY_PENDING_DELETION,
        f"the key is marked for deletion{when} and decrypts nothing: {key.arn}",
        "Cancel the deletion, then enable the key; or store the value anew under another key.",
        on_key(reference.secret.region, key.arn, "cancel-key-deletion"),
        about=key.arn,
    )


def _disabled(reference: Reference, key: KeyDescription) -> Finding:
    switched_off = key.state == "Disabled"
    return Finding(
        Code.KEY_DISABLED,
        f"the key is {'disabled' if switched_off else f'in state {key.state}'} and decrypts nothing: {key.arn}",
        "Enable the key." if switched_off else "Make the key usable again: its state says what it lacks.",
        on_key(reference.secret.region, key.arn, "enable-key") if switched_off else None,
        about=key.arn,
    )
