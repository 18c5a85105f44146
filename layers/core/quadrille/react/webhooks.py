"""Webhooks: signed deliveries of sources. Nothing is stored, and no body read, before its signature is right."""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from quadrille.config import settings
from quadrille.deliveries import Deliveries
from quadrille.errors import Invalid, Parked, TooLarge, Unauthorized
from quadrille.events import Envelope
from quadrille.http import Api
from quadrille.metrics import count_parked
from quadrille.outbox import Outbox
from quadrille.react.adapters import Arrival, TicketDelivery, read
from quadrille.react.models import Delivered
from quadrille.signatures import right_signature
from quadrille.sources import Source, Sources
from quadrille.tickets import Message, Tickets

_DOOR = "webhooks"  # where what nobody can read is parked


@dataclass(frozen=True, slots=True)
class Signed:
    """Who has sent a request, and the signature that says so."""

    source: Source
    signature: str


class SignedApi(Api):
    """Routes that end in a source's id, and whose callers have no key: the source's secret has signed the body."""

    def __init__(self, sources: Callable[[], Sources], now: Callable[[], float]) -> None:
        super().__init__(scope=None)
        self.sources = sources
        self.now = now

    @property
    def max_bytes(self) -> int:
        """How long a delivery may be."""
        return settings().max_webhook_bytes

    @property
    def signed(self) -> Signed:
        """Who has sent the current request."""
        signed: Signed = self.context["signed"]
        return signed

    def _admit(self, event: dict[str, Any]) -> None:
        body = _raw(event)
        if len(body) > self.max_bytes:
            raise TooLarge(f"The request body has {len(body)} bytes; the limit is {self.max_bytes}.")
        self.context["signed"] = self._verify(event, body)
        _require_words(body)

    def _verify(self, event: dict[str, Any], body: bytes) -> Signed:
        """Raises `Unauthorized`, in the same words for a source that is unknown."""
        sources = self.sources()
        source = sources.find(event["path"].rsplit("/", 1)[-1])
        secret = sources.secret(source) if source else None
        if source and secret:
            headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
            window = settings().webhook_seconds
            signature = right_signature(headers, body, secret, kind=source.kind, now=self.now(), window=window)
            if signature:
                return Signed(source, signature)
        raise Unauthorized("Sign the raw body with this source's secret, not more than five minutes ago.")


def deliver(
    signed: Signed,
    payload: TicketDelivery | dict[str, Any],
    *,
    tickets: Tickets,
    deliveries: Deliveries,
    outbox: Outbox,
) -> Delivered:
    """Make a delivery a ticket, or a message of one; what has no reader here is parked. Each once.

    Raises `Invalid` and `RetryLater`.
    """
    source = signed.source
    seen = deliveries.seen(source.id, signed.signature)
    if seen:
        return Delivered(**{**seen, "status": "parked" if seen["status"] == "parked" else "known"})
    try:
        arrival = read(source.kind, payload)
        name, outcome = tickets.take(source.tenant, _message(source, arrival))
        delivered = Delivered(id=name, ticket_id=arrival.ticket_id, status=outcome)
    except Parked as error:
        delivered = _park(source, payload, str(error), outbox)
    deliveries.note(source.id, signed.signature, delivered.model_dump())
    return delivered


def _message(source: Source, arrival: Arrival) -> Message:
    at = arrival.created_at
    return Message(
        source_id=source.id,
        ticket_id=arrival.ticket_id,
        address=arrival.address,
        name=arrival.name,
        subject=arrival.subject,
        text=arrival.text,
        created_at=_text(at) if at else "",
        channel=arrival.channel,
    )


def _park(source: Source, payload: TicketDelivery | dict[str, Any], reason: str, outbox: Outbox) -> Delivered:
    """Keep a delivery for whoever reads it later; the same one, signed anew, is kept once."""
    data = payload.model_dump(mode="json") if isinstance(payload, TicketDelivery) else payload
    digest = hashlib.sha256(f"{source.id}\n{json.dumps(data, sort_keys=True)}".encode()).hexdigest()[:32]
    envelope = Envelope(
        id=f"dlv_{digest}",
        type=f"webhooks.{source.kind}",
        time=_text(datetime.now(UTC)),
        tenant=source.tenant,
        subject=f"webhooks/{source.id}",
        data=data,
    )
    if outbox.park(envelope, reason, by=_DOOR):
        count_parked(_DOOR, envelope.type)
    return Delivered(id=envelope.id, ticket_id="", status="parked", detail=reason)


def _raw(event: dict[str, Any]) -> bytes:
    """The body as its bytes were sent. Raises `Invalid`."""
    body = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return str(body).encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error:
        raise Invalid("body", "is not what the gateway says it is") from None


def _require_words(body: bytes) -> None:
    """Raises `Invalid` for what is no JSON in UTF-8, nests or counts too deep, or has half a character in a text."""
    try:
        json.dumps(json.loads(body.decode()), ensure_ascii=False).encode()
    except (ValueError, RecursionError):  # of which half a character is one
        raise Invalid("body", "is not JSON in UTF-8, or nests or counts too deep") from None


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
