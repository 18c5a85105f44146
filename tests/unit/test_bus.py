"""The bus takes ten events at once, and 256 KB."""

from typing import Any

from quadrille.bus import Bus
from quadrille.events import Envelope

LIMIT = 256 * 1024


class Events:
    """The bus's service, with its limits."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    def put_events(self, **request: Any) -> dict[str, Any]:
        entries = request["Entries"]
        assert len(entries) <= 10
        assert sum(len((each["Source"] + each["DetailType"] + each["Detail"]).encode()) for each in entries) <= LIMIT
        self.taken += [Envelope.model_validate_json(each["Detail"]).id for each in entries]
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "x"}] * len(entries)}


def event(number: int, text: str) -> Envelope:
    return Envelope(id=f"e{number}", type="a.b", time="2026", tenant="t", subject="s", data={"text": text})


def test_events_go_out_in_order_in_requests_the_bus_takes() -> None:
    events = Events()
    sent = [event(number, "é" * 30_000 * (number % 3)) for number in range(30)]
    Bus("bus", events).publish(sent)  # type: ignore[arg-type]
    assert events.taken == [each.id for each in sent]
