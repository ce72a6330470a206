"""Spreading: a change of a key concerns every secret under it."""

from secretwatch.domain.key import KeyId
from secretwatch.domain.secret import SecretId
from secretwatch.ports import ProtectedSecrets, Requests


class Spreading:
    """Asks for checks of all that one change may have touched, one request a secret."""

    def __init__(self, protected: ProtectedSecrets, *, checks: Requests) -> None:
        """`checks` takes the secrets that are to be checked."""
        self._protected = protected
        self._checks = checks

    def spread(self, key: KeyId, *, cause: str | None = None) -> list[SecretId]:
        """Ask for every secret under the key to be checked; an empty list means that it protects none of them.

        `cause` is the id of the event that told of the key.
        """
        secrets = self._protected.under(key)
        self._checks.send(secrets, cause=cause)
        return secrets
