"""How fast an adapter calls: never so fast that a quota is used up that others need, too."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable


class Pace:
    """Lets calls through at a steady pace, those of each operation at one of its own. Threads may share it."""

    def __init__(
        self,
        seconds: float,
        *,
        now: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """One call of an operation every so many `seconds`; `now` and `wait` are its clock."""
        self._seconds = seconds
        self._now = now
        self._wait = wait
        self._next_calls: defaultdict[str, float] = defaultdict(float)
        self._lock = threading.Lock()

    def keep(self, operation: str) -> None:
        """Wait until the next call of the operation may go."""
        with self._lock:
            now = self._now()
            turn = max(now, self._next_calls[operation])
            self._next_calls[operation] = turn + self._seconds
        if turn > now:
            self._wait(turn - now)
