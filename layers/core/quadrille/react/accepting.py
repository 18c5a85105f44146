"""Events from outside: CloudEvents 1.0, structured, in binary mode, or as a batch."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from quadrille.config import settings
from quadrille.errors import Forbidden, Invalid, Parked
from quadrille.events import CATALOGUE, Envelope
from quadrille.http import Api
from quadrille.metrics import count_parked
from quadrille.outbox import Outbox
from quadrille.react.models import Accepted, AcceptedEvents, CloudEvent, ParkedEvent, ParkedEvents

_DOOR = "events"  # where an event is parked that came by HTTP


class EventApi(Api):
    """Routes that take events."""

    @property
    def max_bytes(self) -> int:
        """More than elsewhere: a request may be a batch."""
        return settings().max_events_bytes


def structured(request: Mapping[str, Any]) -> dict[str, Any]:
    """A request of the gateway whose event is in its body: one in binary mode has it in the headers `ce-*`.

    What is structured by its content type is so whatever else its headers say, and a header's value may be
    percent-encoded, as the HTTP protocol binding of CloudEvents 1.0 has it.
    """
    headers = {name.lower(): value for name, value in (request.get("headers") or {}).items()}
    content_type = headers.get("content-type", "").lower()
    if "ce-specversion" not in headers or content_type.startswith("application/cloudevents"):
        return dict(request)
    event: dict[str, Any] = {name[3:]: unquote(value) for name, value in headers.items() if name.startswith("ce-")}
    try:
        event["data"] = json.loads(request.get("body") or "{}")
    except (ValueError, RecursionError):
        return dict(request)  # whoever reads the body says what is wrong with it
    return {**request, "body": json.dumps(event)}


def accept(tenant: str, given: CloudEvent | list[CloudEvent], *, outbox: Outbox) -> Accepted | AcceptedEvents:
    """Publish a tenant's event or batch of events, each once; one of a type or version nobody knows is parked.

    A batch is looked at as a whole before anything of it is published. Raises `Forbidden` for a type that only
    Quadrille may publish, and `Invalid` for data that is not of its type.
    """
    events = given if isinstance(given, list) else [given]
    if not 1 <= len(events) <= settings().max_events:
        raise Invalid("body", f"has {len(events)} events; a batch has 1 to {settings().max_events}")
    looked_at = [(event, *_look_at(tenant, event)) for event in events]
    new = outbox.put_all([envelope for _, envelope, reason in looked_at if not reason])
    items = [_taken(event, envelope, reason, new, outbox) for event, envelope, reason in looked_at]
    return AcceptedEvents(items=items) if isinstance(given, list) else items[0]


def parked(tenant: str, *, outbox: Outbox, after: str | None, limit: int) -> ParkedEvents:
    """The tenant's events that could not be taken, a page of them."""
    rows, more = outbox.parked(tenant, after=after, limit=limit)
    return ParkedEvents(
        items=[
            ParkedEvent(**envelope.model_dump(exclude={"tenant", "hops"}), reason=reason) for envelope, reason in rows
        ],
        cursor=more,
    )


def _look_at(tenant: str, event: CloudEvent) -> tuple[Envelope, str]:
    """An event in its envelope, and why it cannot be published, if it cannot yet. Raises `Forbidden` and `Invalid`."""
    if "data_base64" in (event.model_extra or {}):
        raise Invalid("data_base64", "is not taken: what an event says is a JSON object, in data")
    envelope = Envelope(
        id=_id(tenant, event),
        type=event.type,
        version=event.schemaversion,
        time=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        tenant=tenant,
        subject=event.subject or f"events/{event.id}",
        hops=event.hops,
        data=event.data,
    )
    _admit(envelope)
    try:
        if not envelope.is_own:
            envelope.event()
    except Parked as error:
        model = CATALOGUE.get(event.type)
        if model and model.version == event.schemaversion:
            raise Invalid("data", str(error)) from None
        return envelope, str(error)
    return envelope, ""


def _taken(event: CloudEvent, envelope: Envelope, reason: str, new: set[str], outbox: Outbox) -> Accepted:
    """What became of an event; one that a batch has twice is `accepted` twice."""
    if not reason:
        return Accepted(id=event.id, status="accepted" if envelope.id in new else "known")
    if outbox.park(envelope, reason, by=_DOOR):
        count_parked(_DOOR, event.type)
    return Accepted(id=event.id, status="parked", detail=reason)


def _admit(envelope: Envelope) -> None:
    model = CATALOGUE.get(envelope.type)
    if model and not model.public:
        ours = ", ".join(sorted(name for name, type_ in CATALOGUE.items() if type_.public))
        raise Forbidden(
            f"Only Quadrille says {envelope.type}. You may post {ours}, and types with a dot in their name."
        )
    try:
        size, limit = len(envelope.model_dump_json().encode()), settings().max_event_bytes
    except ValueError:
        raise Invalid("data", "nests too deep, or has characters that are not Unicode") from None
    if size > limit:
        raise Invalid(
            "data", f"the event has {size} bytes; the limit is {limit}: put it in the bucket and send its key"
        )


def _id(tenant: str, event: CloudEvent) -> str:
    """CloudEvents are the same if both their source and their id are."""
    content = "\n".join((tenant, event.source, event.id))
    return "ext_" + hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:32]
