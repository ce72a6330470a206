"""Two families of failure, told apart by what happens next."""

from datetime import datetime


class SecretwatchError(Exception):
    """Base of every failure that Secretwatch names."""


class Transient(SecretwatchError):
    """Trying the same thing later may succeed."""


class Later(Transient):
    """The other side asks to be left alone until a time."""

    def __init__(self, message: str, until: datetime) -> None:
        """`until` is when it may be asked again."""
        super().__init__(message)
        self.until = until


class Permanent(SecretwatchError):
    """Trying again cannot succeed; a person has to look."""


class LostRace(Transient):
    """Another writer stored the record first; what we wanted to write may be stale."""
