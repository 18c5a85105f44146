"""The event bus: where everybody learns what happened. Only `functions/react/publish` puts something on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quadrille.errors import RetryLater
from quadrille.events import Envelope

if TYPE_CHECKING:
    from types_boto3_events.client import EventBridgeClient

_ENTRIES = 10  # of one PutEvents


@dataclass(frozen=True, slots=True)
class Bus:
    """One event bus, by name."""

    name: str
    events: "EventBridgeClient"

    def publish(self, envelopes: Sequence[Envelope]) -> None:
        """Publish events, in order. Raises `RetryLater` if the bus did not take one; others may then be on it."""
        for start in range(0, len(envelopes), _ENTRIES):
            entries = [self._entry(envelope) for envelope in envelopes[start : start + _ENTRIES]]
            answer = self.events.put_events(Entries=entries)
            if answer["FailedEntryCount"]:
                why = next(entry["ErrorMessage"] for entry in answer["Entries"] if "ErrorMessage" in entry)
                raise RetryLater(f"The event bus did not take {answer['FailedEntryCount']} events: {why}.")

    def _entry(self, envelope: Envelope) -> Any:
        detail = envelope.model_dump_json()
        return {"EventBusName": self.name, "Source": envelope.source, "DetailType": envelope.type, "Detail": detail}
