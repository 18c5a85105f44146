"""The event bus: where everybody learns what happened. Only `functions/react/publish` puts something on it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quadrille.errors import RetryLater
from quadrille.events import Envelope

if TYPE_CHECKING:
    from types_boto3_events.client import EventBridgeClient

_ENTRIES = 10  # of one PutEvents
_BYTES = 256_000  # of all of them; it takes 256 KB


@dataclass(frozen=True, slots=True)
class Bus:
    """One event bus, by name."""

    name: str
    events: "EventBridgeClient"

    def publish(self, envelopes: Sequence[Envelope]) -> None:
        """Publish events, in order. Raises `RetryLater` if the bus did not take one; others may then be on it."""
        for entries in _requests([self._entry(envelope) for envelope in envelopes]):
            answer = self.events.put_events(Entries=entries)
            if answer["FailedEntryCount"]:
                why = next(entry["ErrorMessage"] for entry in answer["Entries"] if "ErrorMessage" in entry)
                raise RetryLater(f"The event bus did not take {answer['FailedEntryCount']} events: {why}.")

    def _entry(self, envelope: Envelope) -> Any:
        detail = envelope.model_dump_json()
        return {"EventBusName": self.name, "Source": envelope.source, "DetailType": envelope.type, "Detail": detail}


def _requests(entries: Sequence[Any]) -> Iterator[list[Any]]:
    """The entries by the requests they fit into, in order."""
    some: list[Any] = []
    size = 0
    for entry in entries:
        more = sum(len(entry[part].encode()) for part in ("Source", "DetailType", "Detail"))
        if some and (len(some) == _ENTRIES or size + more > _BYTES):
            yield some
            some, size = [], 0
        some, size = [*some, entry], size + more
    if some:
        yield some
