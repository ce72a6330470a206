"""A steady pace below AWS's quotas, so that whoever deploys or reads meanwhile keeps a share of them.

A call that AWS throttles all the same is made again by botocore; each attempt keeps the pace too.
"""

import time
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any


class Pace:
    """Lets calls of several threads through, one after another at even distances."""

    def __init__(
        self,
        a_second: float,
        *,
        now: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """So many calls `a_second`; `now` and `wait` are its clock."""
        self._between = 1 / a_second
        self._now = now
        self._wait = wait
        self._next = 0.0
        self._lock = Lock()

    def keep(self) -> None:
        """Wait for one's turn."""
        with self._lock:
            now = self._now()
            turn = max(now, self._next)
            self._next = turn + self._between
        if turn > now:
            self._wait(turn - now)


class Paces:
    """The paces of one account and Region: one for each operation that has one."""

    def __init__(
        self, a_second: Mapping[str, Mapping[str, float]], *, new_pace: Callable[[float], Pace] = Pace
    ) -> None:
        """So many calls `a_second` by service and operation; `*` gives each operation of the service its own pace."""
        self._a_second = a_second
        self._new_pace = new_pace
        self._kept: dict[tuple[str, str], Pace] = {}
        self._lock = Lock()

    def apply(self, client: Any) -> Any:
        """The boto3 client, whose every attempt of a call keeps the pace from now on."""
        service = client.meta.service_model.service_name
        for operation, a_second in self._a_second.get(service, {}).items():
            client.meta.events.register(_event(client, operation), self._keeper(service, a_second))
        return client

    def _keeper(self, service: str, a_second: float) -> Callable[..., None]:
        def keep(event_name: str, **_: Any) -> None:
            self._pace((service, event_name.rsplit(".", 1)[1]), a_second).keep()

        return keep

    def _pace(self, operation: tuple[str, str], a_second: float) -> Pace:
        with self._lock:
            if operation not in self._kept:
                self._kept[operation] = self._new_pace(a_second)
            return self._kept[operation]


def _event(client: Any, operation: str) -> str:
    service_id = client.meta.service_model.service_id.hyphenize()
    return f"before-send.{service_id}.{operation}"
