"""Why the command cannot do what was asked."""


class Unable(Exception):
    """What was asked for cannot be done; the message says why, and what to do."""


class Misused(Unable):
    """What was typed cannot be meant; the message says why."""
