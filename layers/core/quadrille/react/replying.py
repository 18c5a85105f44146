"""Drafting a reply to a customer's letter: grounded in the tenant's documents, in the customer's language, never sent.

A draft is an answer with another prompt: the same retrieval, the same checked quotes.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from quadrille.ask.answer import Brief, Desk, compose
from quadrille.ask.models import QUESTION_CHARACTERS, AskRequest, Citation
from quadrille.calls import Payer
from quadrille.config import settings
from quadrille.desks import DeskSettings
from quadrille.examples import Example
from quadrille.llm import Emit
from quadrille.purposes import REPLY
from quadrille.react.classifying import Labels, Letter
from quadrille.receipts import Receipt

_UNSUPPORTED = "The documents do not answer what is asked."


class Draft(BaseModel):
    """A reply nobody has approved yet. `confidence` is 0 to 1; `reason` says why a human is asked, if one is.

    Without support there is no text.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    citations: list[Citation]
    supported: bool
    confidence: Decimal
    ask_human: bool
    reason: str
    language: str


def draft(
    letter: Letter,
    labels: Labels,
    payer: Payer,
    *,
    desk: Desk,
    wishes: DeskSettings,
    examples: Sequence[Example],
    emit: Emit | None = None,
) -> tuple[Draft, Receipt]:
    """A reply to a letter. `emit` gets it while it is written. Raises as `answer`."""
    asked = (labels.question or letter.subject or letter.text).strip()[:QUESTION_CHARACTERS]
    request = AskRequest(question=asked or "?", collection=wishes.collection, cache="off")
    beside = {
        "letter": letter.told(),
        "customer": letter.name,
        "language": labels.language,
        "tone": wishes.tone,
        "examples": [{"question": example.question, "reply": example.reply} for example in examples],
    }
    brief = Brief("reply", REPLY, beside)
    made = compose(request, payer, replace(desk, brief=brief, limit=settings().reply_tokens), emit)
    confidence = Decimal(f"{made.confidence:.2f}")
    answer = made.answer
    return (
        Draft(
            text="\n\n".join(filter(None, (answer.answer, wishes.signature))) if answer.supported else "",
            citations=answer.citations,
            supported=answer.supported,
            confidence=confidence,
            ask_human=not answer.supported or confidence < wishes.min_confidence,
            reason=_reason(answer.supported, confidence, wishes.min_confidence),
            language=labels.language,
        ),
        made.spent,
    )


def _reason(supported: bool, confidence: Decimal, least: Decimal) -> str:
    if not supported:
        return _UNSUPPORTED
    return f"The confidence of {confidence} is below the desk's {least}." if confidence < least else ""
