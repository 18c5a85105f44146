"""What a delivery does to the world outside its process: one entry before and one after each request or file written.
At any of them a worker can be killed, or overtaken by another."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

PROVIDER = "provider"
ACCEPTED = f"< {PROVIDER} 200"
_READS = ("BatchGet", "Get", "Head", "List", "Query", "Scan")


class Interactions:
    """The trace of one delivery: `> name` before, `< name` after. At an entry of `events` its event happens."""

    def __init__(self) -> None:
        self.trace: list[str] = []
        self._events: Mapping[int, Callable[[], None]] = {}

    def begin(self, events: Mapping[int, Callable[[], None]]) -> None:
        self.trace, self._events = [], events

    def add(self, entry: str) -> None:
        self.trace.append(entry)
        if event := self._events.get(len(self.trace)):
            event()

    @contextmanager
    def around(self, name: str) -> Iterator[None]:
        """An interaction that is no request: a write to the disk."""
        self.add(f"> {name}")
        yield
        self.add(f"< {name}")


def writes(trace: list[str]) -> int:
    """How many writes AWS was asked for."""
    names = (entry[2:] for entry in trace if entry.startswith("> ") and entry[2:3].isupper())
    return sum(not name.startswith(_READS) for name in names)


def lost_by_the_kill(trace: list[str]) -> bool:
    """Whether the killed delivery had been answered by the provider and not yet written anything anywhere."""
    for entry in reversed(trace):
        if entry == ACCEPTED:
            return True
        if entry.startswith("< ") and not entry.startswith(f"< {PROVIDER}") and not entry[2:].startswith(_READS):
            return False
    return False
