"""Drafting replies to tickets in real time, and deciding about them.

A draft's id follows from all it depends on: the letter, the desk, its examples, what can be found. So the same draft is
made once, by whatever way it is asked for, and something new makes another.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from quadrille.ask.answer import Desk
from quadrille.ask.cache import digest_of
from quadrille.ask.streaming import Spoken, Turn, hand_over
from quadrille.background import Background
from quadrille.calls import Payer
from quadrille.collections import Collections
from quadrille.config import settings
from quadrille.connections import Connections
from quadrille.customers import Customers
from quadrille.desks import SPAM, Desks, DeskSettings
from quadrille.errors import Conflict, Invalid, NotFound
from quadrille.events import ReplyApproved
from quadrille.examples import Example, Examples
from quadrille.frames import Sender
from quadrille.llm import Emit
from quadrille.prompts import prompt
from quadrille.react.classifying import Labels, Letter, classify
from quadrille.react.enriching import letter_of
from quadrille.react.replies import DecisionRequest, DraftFrame, DraftRequest, Reply, reply_of
from quadrille.react.replying import Draft, draft
from quadrille.receipts import Receipt, added_to
from quadrille.rows import Row
from quadrille.tickets import Tickets, tenant_of

_HOUR = 3_600_000


class DraftTurn(Turn):
    """A draft that is asked for over a connection."""

    kind: Literal["draft"] = "draft"
    ticket_id: str
    request: DraftRequest


@dataclass(frozen=True, slots=True)
class Bureau:
    """What drafting takes; `desk` finds and writes."""

    tickets: Tickets
    customers: Customers
    desks: Desks
    examples: Examples
    collections: Collections
    desk: Desk


def draft_reply(
    ticket_id: str, request: DraftRequest, payer: Payer, *, once: str, bureau: Bureau, emit: Emit | None = None
) -> Reply:
    """A reply to a ticket, made now or before; `emit` gets it while it is written. `once` is the request's id.

    Raises as `Ledger.pay`, and `NotFound`, `Unusable` and `CutOff`.
    """
    row = bureau.tickets.get(payer.tenant, ticket_id)
    messages, _ = bureau.tickets.trail(payer.tenant, ticket_id)
    letter, wishes = letter_of(row, messages), bureau.desks.get(payer.tenant)
    why_not = _why_not(row, bureau)
    if why_not:
        draft_id = "draft_" + digest_of(why_not, letter.model_dump(), int(row["messages"]))[:32]
        return _keep(row, letter, None, _unwritten(why_not), Receipt(), draft_id, bureau)
    labels, spent = _labels(row, letter, wishes, payer, bureau)
    with added_to(spent):
        examples = bureau.examples.nearest(
            payer.tenant, labels.question, labels.category, most=settings().examples_shown
        )
        draft_id = _id(row, letter, labels, wishes, examples, once if request.fresh else "", bureau)
        try:
            return _again(row, draft_id, spent, bureau)
        except NotFound:
            payer = replace(payer.after(spent), identity=once if request.fresh else "")
            made, paid = _made(row, letter, labels, draft_id, wishes, examples, payer, bureau, emit)
    reply = _keep(row, letter, labels, made, paid, draft_id, bureau)
    return reply.model_copy(update={"receipt": (spent + paid).public()})


def decide(tenant: str, ticket_id: str, draft_id: str, request: DecisionRequest, *, by: str, bureau: Bureau) -> Reply:
    """Write what the holder of the key `by` decided about a draft; what is approved is an event, once.

    Raises `NotFound`, `Conflict`, `RetryLater`, and `Invalid` for a draft without a text to approve.
    """
    tickets = bureau.tickets
    row = tickets.get(tenant, ticket_id)
    drafted = tickets.draft(row, draft_id)
    approves = request.decision != "reject"
    text = request.text or (reply_of(ticket_id, drafted).text if approves else "")
    if approves and not text:
        raise Invalid("decision", "there is no text to approve; write one with the decision 'edit'")
    event = ReplyApproved(ticket_id=ticket_id, draft_id=draft_id, to=row["address"], text=text) if approves else None
    said = {"decision": request.decision, "decided_text": text, "decided_by": by}
    decided = tickets.decide(row, drafted, said, event) or tickets.draft(row, draft_id)
    if (decided["decision"], decided["decided_text"]) != (request.decision, text):
        raise Conflict(
            f"The draft was decided about before: {decided['decision']}, by the key {decided['decided_by']}."
        )
    if request.decision == "edit" and decided["question"]:
        once = f"{ticket_id}/{draft_id}"  # tickets of the same words have drafts of the same id
        bureau.examples.keep(tenant, decided["question"], text, decided["category"], once=once)
    if approves:
        bureau.customers.note(tickets.entry(row), {"status": "answered"})
    return reply_of(ticket_id, decided)


def ask_draft(
    frame: DraftFrame, sender: Sender, *, connections: Connections, answering: Background, limit: int
) -> None:
    """Hand a draft over to be written. Raises as `hand_over`."""
    sender.who.require("react")
    turn = DraftTurn(
        connection_id=sender.connection.id,
        id=frame.id,
        request_id=sender.request_id,
        tenant=sender.who.tenant,
        ticket_id=frame.ticket_id,
        request=DraftRequest(fresh=frame.fresh),
    )
    hand_over(turn, sender, connections=connections, answering=answering, limit=limit)


def speak_draft(turn: DraftTurn, payer: Payer, emit: Emit, *, bureau: Bureau) -> Spoken:
    """A draft over a connection. Raises as `draft_reply`."""
    payer = replace(payer, max_cost=settings().case_budget_usd)
    reply = draft_reply(turn.ticket_id, turn.request, payer, once=turn.request_id, bureau=bureau, emit=emit)
    return Spoken(reply.text, reply.model_dump(mode="json"))


def _why_not(row: Row, bureau: Bureau) -> str:
    """Why a ticket gets no draft of a machine; empty if it does. Two machines that answer each other never end."""
    here = settings()
    if row["hops"] >= here.max_hops:
        return f"It came by {row['hops']} events; the limit is {here.max_hops}."
    before = bureau.customers.history(bureau.tickets.entry(row), limit=here.tickets_per_hour)
    if len(before) == here.tickets_per_hour and before[-1]["created_at"] > row["received_at"] - _HOUR:
        return f"This customer has written more than {here.tickets_per_hour} times within an hour: is it a machine?"
    return ""


def _labels(row: Row, letter: Letter, wishes: DeskSettings, payer: Payer, bureau: Bureau) -> tuple[Labels, Receipt]:
    """What a letter is: as the enrichment or an earlier draft has found, or by a paid call that is noted."""
    known = row.get("classification", {})
    digest = digest_of(letter.told())[:32]
    if row["messages"] > 1 or "category" not in known:
        known = row.get(f"labels_{digest}", {})
    if known:
        return Labels.model_validate({name: known[name] for name in Labels.model_fields}), Receipt()
    payer = replace(payer, subject=f"tickets/{row['sk']}/labels/{digest}")
    labels, spent = classify(letter, payer, models=bureau.desk.models, desk=wishes)
    bureau.tickets.keep_labels(row, digest, {**labels.model_dump(), "receipt": spent.public()})
    return labels, spent


def _id(
    row: Row,
    letter: Letter,
    labels: Labels,
    wishes: DeskSettings,
    examples: list[Example],
    fresh: str,
    bureau: Bureau,
) -> str:
    """A digest of all that a draft depends on."""
    desk = bureau.desk
    about = [letter.model_dump(), int(row["messages"]), labels.model_dump(), wishes.model_dump(mode="json"), fresh]
    about += [[example.question, example.reply] for example in examples]
    found = [bureau.collections.epoch(tenant_of(row), wishes.collection), *desk.retriever.manner, desk.context]
    return "draft_" + digest_of(about, found, [desk.models.chat_model, prompt("reply")])[:32]


def _again(row: Row, draft_id: str, spent: Receipt, bureau: Bureau) -> Reply:
    """A draft that was made before, and what that saves. Raises `NotFound`."""
    kept = bureau.tickets.draft(row, draft_id)
    saved = Receipt(saved_usd=Receipt.parse(kept["receipt"]).cost_usd)
    return reply_of(row["sk"], kept, (spent + saved).public())


def _made(
    row: Row,
    letter: Letter,
    labels: Labels,
    draft_id: str,
    wishes: DeskSettings,
    examples: list[Example],
    payer: Payer,
    bureau: Bureau,
    emit: Emit | None,
) -> tuple[Draft, Receipt]:
    if labels.category == SPAM:
        return _unwritten("This looks like spam."), Receipt()
    payer = replace(payer, subject=f"tickets/{row['sk']}/drafts/{draft_id}")
    return draft(letter, labels, payer, desk=bureau.desk, wishes=wishes, examples=examples, emit=emit)


def _unwritten(reason: str) -> Draft:
    """A draft that a human has to write."""
    return Draft(
        text="", citations=[], supported=False, confidence=Decimal(0), ask_human=True, reason=reason, language=""
    )


def _keep(
    row: Row, letter: Letter, labels: Labels | None, made: Draft, paid: Receipt, draft_id: str, bureau: Bureau
) -> Reply:
    values = {
        "draft": made.model_dump_json(),
        "question": labels.question if labels else letter.subject,
        "category": labels.category if labels else "",
        "receipt": paid.public(),
        "messages": row["messages"],
    }
    return reply_of(row["sk"], bureau.tickets.keep_draft(row, draft_id, values))
