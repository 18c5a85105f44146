"""The virtual clock of a worker: `time`, `datetime` and `sleep` of every library in the process follow it.
A lease or an in-progress record runs out by it, and a pause costs nothing."""

import time

import time_machine


class VirtualClock:
    """Time that passes when somebody sleeps, or when the queue says so."""

    def __init__(self, start: float) -> None:
        self._traveller = time_machine.travel(start, tick=False).start()
        time.sleep = self.sleep  # type: ignore[assignment]

    def now(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        self._traveller.shift(float(seconds))

    def move_to(self, moment: float) -> None:
        self._traveller.move_to(moment)
