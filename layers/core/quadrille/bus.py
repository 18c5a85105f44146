"""The event bus: what happened, for whoever wants to know."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quadrille.errors import RetryLater

if TYPE_CHECKING:
    from types_boto3_events.client import EventBridgeClient

_SOURCE = "quadrille"


@dataclass(frozen=True, slots=True)
class Bus:
    """One event bus, by name."""

    name: str
    events: "EventBridgeClient"

    def publish(self, kind: str, detail: Mapping[str, Any], *, source: str = _SOURCE) -> None:
        """Publish one event; `kind` is its detail type. Raises `RetryLater` if the bus did not take it."""
        entry = {"EventBusName": self.name, "Source": source, "DetailType": kind, "Detail": json.dumps(detail)}
        answer = self.events.put_events(Entries=[entry])  # type: ignore[list-item]
        if answer["FailedEntryCount"]:
            raise RetryLater(f"The event bus did not take {kind}: {answer['Entries'][0].get('ErrorMessage')}.")
