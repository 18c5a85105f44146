"""Enrichment of tickets: stages that know nothing of one another put their parts, and whoever puts the last one joins.

    TicketCreated -> [classify_ticket] | [customer_history] | [related_documents] -> the ticket's row -> TicketEnriched

A stage that fails for good puts its part as missing, with the reason; the ticket is enriched with what is there. The
letter is the message that made the ticket: what its customer adds later changes no part.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quadrille.ask.models import QUESTION_CHARACTERS, Filter
from quadrille.ask.retrieval import Retriever
from quadrille.calls import Payer
from quadrille.config import settings
from quadrille.customers import Customers
from quadrille.desks import SPAM, Desks
from quadrille.errors import NotFound, Parked
from quadrille.events import Envelope, TicketCreated
from quadrille.llm import Models
from quadrille.react.classifying import Letter, classify
from quadrille.rows import Row
from quadrille.tickets import STAGES, Tickets

_MOODS = {"negative": -1, "neutral": 0, "positive": 1}
_TURN = 0.5  # of the mood, between the letters before and this one, that makes a trend
_RECENT = 5  # letters before this one that count for it


@dataclass(frozen=True, slots=True)
class Enricher:
    """What every stage has at hand."""

    tickets: Tickets
    customers: Customers
    desks: Desks


def classify_ticket(envelope: Envelope, payer: Payer, *, desk: Enricher, models: Models) -> None:
    """The stage classification. Raises as `Ledger.pay`, and `Parked` and `Unusable`."""

    def part(row: Row) -> dict[str, Any]:
        letter = first_letter(row, desk.tickets)
        labels, spent = classify(letter, payer, models=models, desk=desk.desks.get(envelope.tenant))
        known = labels.model_dump()
        desk.customers.note(desk.tickets.entry(row), {"category": labels.category, "sentiment": labels.sentiment})
        return {**known, "receipt": spent.public()}

    _stage("classification", envelope, part, desk)


def look_back(envelope: Envelope, *, desk: Enricher) -> None:
    """The stage history: what the customer wrote before, and what became of it. Raises `Parked`."""

    def part(row: Row) -> dict[str, Any]:
        cases = desk.customers.history(desk.tickets.entry(row), limit=settings().history_cases)
        names = ("case", "created_at", "subject", "category", "sentiment", "status")
        return {"cases": [{name: case[name] for name in names if name in case} for case in cases]}

    _stage("history", envelope, part, desk)


def relate(envelope: Envelope, payer: Payer, *, desk: Enricher, retriever: Retriever) -> None:
    """The stage documents: where the tenant's documents speak of it. Raises as `Ledger.pay`, and `Parked`.

    It is noted where they do, and not what they say: that goes with the document.
    """

    def part(row: Row) -> dict[str, Any]:
        letter, limit = first_letter(row, desk.tickets), settings().related_documents
        collection = desk.desks.get(envelope.tenant).collection
        text = f"{letter.subject}\n{letter.text}".strip()[:QUESTION_CHARACTERS]
        found = retriever.find(text, payer, collection=collection, top_k=limit, only=Filter())
        hits = [source.hit().model_dump(exclude={"text"}, exclude_none=True) for source in found.found]
        places = [{**hit, "score": f"{hit['score']:.3f}"} for hit in hits]
        return {"places": places, "receipt": found.spent.public()}

    _stage("documents", envelope, part, desk)


def miss(stage: str, envelope: Envelope, reason: str, *, desk: Enricher) -> None:
    """Do without a stage's part, and say why."""
    try:
        _put(stage, envelope, {"missing": reason}, desk)
    except NotFound:
        return  # nobody is left to be told


def payer_of(stage: str, envelope: Envelope, *, ends_at: float) -> Payer:
    """Who pays for a stage of a ticket. Each has a subject of its own, so what a ticket cost is their sum."""
    here = settings()
    return Payer(
        tenant=envelope.tenant,
        subject=f"{envelope.subject}/{stage}",
        deadline=min(time.time() + here.stage_seconds, ends_at),
        ends_at=ends_at,
        inbound=True,
        max_cost=here.case_budget_usd,
    )


def letter_of(row: Row, messages: Sequence[Row]) -> Letter:
    """All that a ticket's customer wrote, in order; of more than a model is given the end."""
    text = "\n\n".join(message["text"] for message in messages)
    return Letter(subject=row["subject"], text=text[-settings().letter_characters :], name=row["name"])


def first_letter(row: Row, tickets: Tickets) -> Letter:
    """What made a ticket."""
    return letter_of(row, [tickets.first(row)])


def trend_of(before: Sequence[str], now: str) -> str | None:
    """How the mood of a customer's letters turns: `better`, `worse` or `steady`; None if there were none before."""
    moods = [_MOODS[each] for each in before[:_RECENT] if each in _MOODS]
    if not moods or now not in _MOODS:
        return None
    turn = _MOODS[now] - sum(moods) / len(moods)
    return "steady" if abs(turn) < _TURN else "better" if turn > 0 else "worse"


def _stage(stage: str, envelope: Envelope, part: Callable[[Row], dict[str, Any]], desk: Enricher) -> None:
    """Make a stage's part and put it, if it has none yet. Raises `Parked` for a ticket that is gone."""
    created = envelope.event()
    if not isinstance(created, TicketCreated):
        raise Parked(f"{envelope.type} makes no ticket.")
    try:
        row = desk.tickets.get(envelope.tenant, created.ticket_id)
        _put(stage, envelope, row[stage] if stage in row else part(row), desk)
    except NotFound as error:
        raise Parked(str(error)) from None


def _put(stage: str, envelope: Envelope, part: Mapping[str, Any], desk: Enricher) -> None:
    """Put a part, and join them all if that was the last one: also if whoever put it has died since."""
    row = desk.tickets.put_part(envelope.tenant, envelope.data["ticket_id"], stage, part)
    if "enriched_at" in row or not all(each in row for each in STAGES):
        return
    labels, cases = row["classification"], row["history"].get("cases", [])
    values = {
        "group": _group(labels, cases, desk.desks, envelope.tenant),
        "trend": trend_of([case.get("sentiment", "") for case in cases], labels.get("sentiment", "")),
    }
    missing = [each for each in STAGES if "missing" in row[each]]
    desk.tickets.enrich(row, values, missing, hops=envelope.hops + 1)


def _group(labels: Mapping[str, Any], cases: Sequence[Mapping[str, Any]], desks: Desks, tenant: str) -> str:
    """Who is to work on it: the category's group, else the one most of the customer's cases went to."""
    desk = desks.get(tenant)
    if labels.get("category") == SPAM:
        return ""
    groups = Counter(filter(None, (desk.group(case.get("category", "")) for case in cases)))
    usual = groups.most_common(1)[0][0] if groups else ""
    return desk.group(labels.get("category", "")) or usual
