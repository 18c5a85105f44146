"""SQS with a virtual clock: at-least-once, out of order, a visibility timeout, and a plan of faults drawn by seed.
10 % of the messages are delivered twice and 10 % of the deliveries killed; ten receives without an end lose a message.
"""

import heapq
from dataclasses import dataclass
from random import Random

VISIBILITY_TIMEOUT = 120.0
_MOST_RECEIVES = 10
_START = 1_796_081_400.0  # half an hour before a midnight: the day's budget changes under way
_SPACING = 1.0  # seconds between two messages
_WINDOW = 20.0  # seconds by which a message may be late
_LATE = 300.0  # seconds by which a copy may be late
_DUPLICATES = _KILLS = 0.10


@dataclass(frozen=True, order=True, slots=True)
class Delivery:
    """One delivery of a message. `order` breaks ties; `copy` is one that SQS makes by itself."""

    time: float
    order: int
    message: int
    copy: bool


class Queue:
    """The messages that are not yet deleted, and when each is next seen."""

    def __init__(self, messages: int, seed: int) -> None:
        self._seed, self._order = seed, 0
        self._heap: list[Delivery] = []
        self._visible: dict[int, float] = {}
        self._twins: set[int] = set()
        self._receives = dict.fromkeys(range(messages), 0)
        for message in range(messages):
            self._send(message)

    def receive(self) -> Delivery | None:
        """The next delivery, or None at the end."""
        while self._heap:
            delivery = heapq.heappop(self._heap)
            if delivery.copy or self._visible.get(delivery.message) == delivery.time:
                self._receives[delivery.message] += 1
                return delivery
        return None

    def twin(self, delivery: Delivery) -> Delivery | None:
        """The copy that another worker receives while this delivery is under way, if it has one."""
        if delivery.message not in self._twins:
            return None
        self._twins.remove(delivery.message)
        self._receives[delivery.message] += 1
        self._order += 1
        return Delivery(delivery.time, self._order, delivery.message, copy=True)

    def delete(self, delivery: Delivery) -> None:
        """The message was handled. A copy that is under way comes all the same."""
        self._visible.pop(delivery.message, None)

    def hide(self, delivery: Delivery, now: float) -> None:
        """The delivery came to nothing: it is seen again after the visibility timeout, or given up."""
        if delivery.message not in self._visible:
            return
        if self._receives[delivery.message] >= _MOST_RECEIVES:
            del self._visible[delivery.message]
        else:
            self._push(max(now, delivery.time) + VISIBILITY_TIMEOUT, delivery.message)

    def kill_at(self, delivery: Delivery, interactions: int) -> int:
        """At which interaction of a clean delivery this one is killed; 0 if it lives."""
        chance = self._killing(delivery.message, self._receives[delivery.message])
        return 1 + int(chance * interactions) if chance is not None else 0

    def pause_at(self, delivery: Delivery, interactions: int) -> int:
        """At which interaction of a clean delivery its twin overtakes it."""
        return 1 + int(self._chances(delivery.message, "pause").random() * interactions)

    def _killing(self, message: int, receive: int) -> float | None:
        """Where, from 0 to 1, a receive of the message is killed. The first message teaches and is let live."""
        chance = self._chances(message, f"kill {receive}")
        return chance.random() if message and chance.random() < _KILLS else None

    def _send(self, message: int) -> None:
        chance = self._chances(message, "send")
        arrival = _START + message * _SPACING + (chance.uniform(0, _WINDOW) if message else 0)
        self._push(arrival, message)
        if message and chance.random() < _DUPLICATES:
            self._send_again(message, arrival, chance)

    def _send_again(self, message: int, arrival: float, chance: Random) -> None:
        """A copy while a killed delivery is still hidden; at the same time as the first; or late, among others."""
        if self._killing(message, 1) is not None:
            self._push(arrival + chance.uniform(0, VISIBILITY_TIMEOUT), message, copy=True)
        elif chance.random() < 0.5:
            self._twins.add(message)
        else:
            self._push(arrival + chance.uniform(0, _LATE), message, copy=True)

    def _push(self, time: float, message: int, *, copy: bool = False) -> None:
        self._order += 1
        if not copy:
            self._visible[message] = time
        heapq.heappush(self._heap, Delivery(time, self._order, message, copy))

    def _chances(self, message: int, what: str) -> Random:
        return Random(f"{self._seed}/{message}/{what}")
