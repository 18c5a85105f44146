"""Tickets as HTTP shows them: each in a line, and one with its whole trail."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, Literal

from pydantic import BaseModel

from quadrille.act.models import moment
from quadrille.react.replies import Reply, reply_of
from quadrille.receipts import Receipt
from quadrille.rows import Row
from quadrille.tickets import STAGES, Status, Tickets

_moment = partial(moment, per_second=1_000)


class Sender(BaseModel):
    """Who wrote a ticket. `address` is whom a reply goes to: an e-mail address, or what the source has instead."""

    address: str
    name: str


class TicketLine(BaseModel):
    """A ticket in a list. What the enrichment has not found, or not found yet, is null."""

    id: str
    ticket_id: str
    source_id: str
    customer: Sender
    subject: str
    status: Status
    category: str | None
    priority: str | None
    sentiment: str | None
    group: str | None
    received_at: str


class TicketList(BaseModel):
    """Tickets, newest first."""

    items: list[TicketLine]
    cursor: str | None


class Said(BaseModel):
    """What a customer wrote. `created_at` is the source's word, `received_at` ours."""

    text: str
    created_at: str | None
    received_at: str


class Case(BaseModel):
    """What a customer wrote before: `tickets/<id>` or `emails/<id>`, and what became of it."""

    case: str
    created_at: str
    subject: str = ""
    category: str | None = None
    sentiment: str | None = None
    status: str | None = None


class Missing(BaseModel):
    """A stage that failed for good, and why."""

    stage: str
    reason: str


class Enrichment(BaseModel):
    """What is known of a ticket. `pending` are the stages that are under way.

    `trend` is how the mood turned since the customer's last letters: better, worse, steady, or null without any.
    `documents` are places where the tenant's documents speak of it.
    """

    enriched_at: str | None
    pending: list[str]
    missing: list[Missing]
    category: str | None
    priority: str | None
    sentiment: str | None
    trend: str | None
    language: str | None
    question: str | None
    group: str | None
    history: list[Case]
    documents: list[dict[str, Any]]


class Happened(BaseModel):
    """When what happened."""

    time: str
    what: Literal["created", "message", "enriched", "drafted", "approved", "edited", "rejected"]
    id: str


class Ticket(TicketLine):
    """A ticket with its whole trail. The receipt is the sum of what it has cost."""

    channel: str
    messages: list[Said]
    enrichment: Enrichment
    drafts: list[Reply]
    events: list[Happened]
    receipt: dict[str, Any]


_DECIDED: dict[str, Literal["approved", "edited", "rejected"]] = {
    "approve": "approved",
    "edit": "edited",
    "reject": "rejected",
}


def shown(tenant: str, ticket_id: str, *, tickets: Tickets) -> Ticket:
    """A ticket. Raises `NotFound`."""
    row = tickets.get(tenant, ticket_id)
    messages, drafts = tickets.trail(tenant, ticket_id)
    return Ticket(
        **line(row).model_dump(),
        channel=row["channel"],
        messages=[
            Said(text=each["text"], created_at=each["created_at"] or None, received_at=_moment(each["received_at"]))
            for each in messages
        ],
        enrichment=_enrichment(row),
        drafts=[reply_of(ticket_id, draft) for draft in drafts],
        events=sorted(_events(row, messages, drafts), key=lambda event: event.time),
        receipt=sum(_receipts(row, drafts), Receipt()).public(),
    )


def listed(
    tenant: str, *, tickets: Tickets, status: str | None, category: str | None, after: str | None, limit: int
) -> TicketList:
    """A tenant's tickets, newest first: all, or those of a status or a category."""

    def keep(row: Row) -> bool:
        kind = row.get("classification", {}).get("category")
        return status in (None, row["status"]) and category in (None, kind)

    rows, more = tickets.page(tenant, keep, after=after, limit=limit)
    return TicketList(items=[line(row) for row in rows], cursor=more)


def line(row: Row) -> TicketLine:
    """A ticket's row in short."""
    known = row.get("classification", {})
    return TicketLine(
        id=row["sk"],
        ticket_id=row["external_id"],
        source_id=row["source_id"],
        customer=Sender(address=row["address"], name=row["name"]),
        subject=row["subject"],
        status=row["status"],
        category=known.get("category"),
        priority=known.get("priority"),
        sentiment=known.get("sentiment"),
        group=row.get("group") or None,
        received_at=_moment(row["received_at"]),
    )


def _enrichment(row: Row) -> Enrichment:
    known, history = row.get("classification", {}), row.get("history", {})
    return Enrichment(
        enriched_at=_moment(row["enriched_at"]) if "enriched_at" in row else None,
        pending=[stage for stage in STAGES if stage not in row],
        missing=[
            Missing(stage=stage, reason=row[stage]["missing"]) for stage in STAGES if "missing" in row.get(stage, {})
        ],
        **{name: known.get(name) for name in ("category", "priority", "sentiment", "language", "question")},
        trend=row.get("trend"),
        group=row.get("group") or None,
        history=[Case(**{**case, "created_at": _moment(case["created_at"])}) for case in history.get("cases", [])],
        documents=row.get("documents", {}).get("places", []),
    )


def _events(row: Row, messages: Sequence[Row], drafts: Sequence[Row]) -> Iterator[Happened]:
    yield Happened(time=_moment(row["received_at"]), what="created", id=row["sk"])
    for message in sorted(messages, key=itemgetter("received_at"))[1:]:
        yield Happened(time=_moment(message["received_at"]), what="message", id=row["sk"])
    if "enriched_at" in row:
        yield Happened(time=_moment(row["enriched_at"]), what="enriched", id=row["sk"])
    for draft in drafts:
        yield Happened(time=_moment(draft["created_at"]), what="drafted", id=draft["draft_id"])
        if "decision" in draft:
            what = _DECIDED[draft["decision"]]
            yield Happened(time=_moment(draft["decided_at"]), what=what, id=draft["draft_id"])


def _receipts(row: Row, drafts: Sequence[Row]) -> Iterator[Receipt]:
    """Of each paid call of the ticket the receipt, once: stages, labels and drafts have subjects of their own."""
    parts: list[Mapping[str, Any]] = [*(value for value in row.values() if isinstance(value, dict)), *drafts]
    yield from (Receipt.parse(part["receipt"]) for part in parts if "receipt" in part)
