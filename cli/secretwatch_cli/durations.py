"""Times as people type them."""

import re
from datetime import timedelta

from secretwatch_cli.failures import Misused

_DURATION = re.compile(r"(?P<count>[0-9]{1,5})(?P<unit>[hd])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1)}


def read_time(text: str, option: str) -> timedelta:
    """Of `30d` or `2h`; raises Misused for anything else, naming the option that it was typed for."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise Misused(f"{option} takes a time such as 30d or 2h, not {text!r}.")
    return int(found["count"]) * _UNITS[found["unit"]]
