"""Replies to tickets as HTTP has them: what is asked for, what was drafted, what a human decided about it."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, StringConstraints, model_validator

from quadrille.act.models import moment
from quadrille.ask.models import Citation
from quadrille.frames import Frame
from quadrille.http import Body
from quadrille.rows import Row

Decision = Literal["approve", "edit", "reject"]
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=20_000)]
TicketId = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class DraftRequest(Body):
    """`POST /tickets/{id}/draft`. With `fresh` the model is asked anew, and paid, even if nothing has changed."""

    fresh: bool = False


class DraftFrame(DraftRequest, Frame):
    """`draft`: the same over a connection."""

    action: Literal["draft"]
    ticket_id: TicketId


class DecisionRequest(Body):
    """`POST /tickets/{id}/drafts/{draft_id}`. To edit is to approve another `text`, which is kept as an example.

    Whoever rejects may say why in `text`.
    """

    decision: Decision
    text: Words = ""

    @model_validator(mode="after")
    def _worded(self) -> Self:
        if self.decision == "edit" and not self.text:
            raise ValueError("an edit has a text")
        if self.decision == "approve" and self.text:
            raise ValueError("to approve another text is an edit")
        return self


class Decided(BaseModel):
    """What was decided about a draft, by which key, and the text that was approved, or why it was rejected."""

    decision: Decision
    by: str
    at: str
    text: str


class Reply(BaseModel):
    """A draft of a reply, with its evidence. `confidence` is 0 to 1; `reason` says why a human is asked, if one is."""

    draft_id: str
    ticket_id: str
    text: str
    citations: list[Citation]
    supported: bool
    confidence: Decimal
    ask_human: bool
    reason: str
    language: str
    created_at: str
    decision: Annotated[Decided | None, Field(description="None as long as nobody has decided.")]
    receipt: dict[str, Any]


def reply_of(ticket_id: str, row: Row, receipt: Mapping[str, Any] | None = None) -> Reply:
    """A draft's row, with the receipt of what it cost, or another one."""
    decided = None
    if "decision" in row:
        at = moment(row["decided_at"], per_second=1_000)
        decided = Decided(decision=row["decision"], by=row["decided_by"], at=at, text=row["decided_text"])
    return Reply(
        **json.loads(row["draft"]),
        draft_id=row["draft_id"],
        ticket_id=ticket_id,
        created_at=moment(row["created_at"], per_second=1_000),
        decision=decided,
        receipt=dict(receipt or row["receipt"]),
    )
