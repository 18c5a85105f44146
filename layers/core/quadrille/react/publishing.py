"""Publishing: what a row's write says it emits goes into the journal and onto the bus.

The streams of the tables bring every write, in order and at least once. So no change is without its event and no event
without its change; an event that is published twice has the same id, and its consumers take it once.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from quadrille.bus import Bus
from quadrille.events import Envelope
from quadrille.journal import Journal
from quadrille.rows import from_item


def publish(records: Sequence[Mapping[str, Any]], *, bus: Bus, journal: Journal) -> list[Envelope]:
    """Publish what these records of a stream emit, and give it. Raises `RetryLater`."""
    envelopes = [Envelope.model_validate_json(new["event"]) for new in map(_emitted, records) if new]
    journal.write(envelopes)
    bus.publish(envelopes)
    return envelopes


def _emitted(record: Mapping[str, Any]) -> dict[str, str] | None:
    """What this write emits; None if the row carries only what an earlier write emitted."""
    change = record["dynamodb"]
    new, old = (from_item(change.get(name, {})).get("emits") for name in ("NewImage", "OldImage"))
    return new if new and new != old else None
