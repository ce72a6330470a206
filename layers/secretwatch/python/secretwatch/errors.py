"""Two families of failure, told apart by what happens next."""


class SecretwatchError(Exception):
    """Base of every failure that Secretwatch names."""


class Transient(SecretwatchError):
    """Trying the same thing later may succeed."""


class Permanent(SecretwatchError):
    """Trying again cannot succeed; a person has to look."""


class LostRace(Transient):
    """Another writer stored the record first; what we wanted to write may be stale."""
