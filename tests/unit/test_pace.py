"""Calls of many threads go one after another, at even distances."""

from concurrent.futures import ThreadPoolExecutor

from secretwatch.adapters.pace import Pace


class Clock:
    """A clock that moves when somebody waits."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waited: list[float] = []

    def time(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waited.append(round(seconds, 6))


def test_a_call_waits_for_its_turn_and_one_that_comes_late_for_nothing() -> None:
    clock = Clock()
    pace = Pace(10, now=clock.time, wait=clock.wait)

    pace.keep()
    pace.keep()
    clock.now += 60
    pace.keep()

    assert clock.waited == [0.1]


def test_of_many_threads_each_has_a_turn_of_its_own() -> None:
    clock = Clock()
    pace = Pace(10, now=clock.time, wait=clock.wait)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: pace.keep(), range(20)))

    assert sorted(clock.waited) == [round(turn / 10, 6) for turn in range(1, 20)]
