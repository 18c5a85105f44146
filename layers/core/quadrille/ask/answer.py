"""Answering a question: retrieve, generate, check what the model says it quotes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from quadrille.ask import citations
from quadrille.ask.models import AskRequest, AskResponse
from quadrille.ask.retrieval import Found, Retriever
from quadrille.calls import Payer
from quadrille.errors import CutOff
from quadrille.llm import Completion, Models
from quadrille.prompts import prompt
from quadrille.purposes import ANSWER
from quadrille.receipts import Receipt, added_to


class _Draft(BaseModel):
    """What the model is asked to reply, as the JSON schema it is given."""

    model_config = ConfigDict(extra="forbid")

    supported: bool
    answer: str
    citations: list[citations.Quote]


@dataclass(frozen=True, slots=True)
class Desk:
    """What answering takes. An answer has at most `limit` tokens; `style` is what the caller wishes of its words."""

    models: Models
    retriever: Retriever
    limit: int
    style: str = ""


def answer(request: AskRequest, payer: Payer, *, desk: Desk) -> AskResponse:
    """The answer to a question out of a tenant's collection.

    What the documents do not support is refused: `supported` is false and the answer says what was searched. Raises
    what `Ledger.pay` raises, and `CutOff`.
    """
    found, spent = desk.retriever.find(
        request.question, payer, collection=request.collection, top_k=request.top_k, only=request.filter
    )
    if not found:
        return _refusal(request, found, spent)
    with added_to(spent):
        completion = desk.models.chat(
            _messages(request.question, found, desk.style),
            replace(_after(payer, spent), sources=tuple(source.source for source in found)),
            purpose=ANSWER,
            schema=_Draft.model_json_schema(),
            limit=desk.limit,
        )
    if not completion.complete:
        raise CutOff(desk.limit, receipt=spent + completion.receipt)
    return _checked(request, completion, found, spent + completion.receipt)


def _after(payer: Payer, spent: Receipt) -> Payer:
    """The same payer with what is left of the request's own limit."""
    if payer.max_cost is None:
        return payer
    own = spent.cost_usd - spent.written_off_usd
    return replace(payer, max_cost=max(Decimal(0), payer.max_cost - own))


def _messages(question: str, found: Sequence[Found], style: str) -> list[dict[str, str]]:
    """The prompt. Sources travel as JSON strings, which no text of theirs can close."""
    wishes = {"style": style} if style else {}
    sources: list[dict[str, Any]] = [
        {
            "number": number,
            "filename": source.filename,
            "page": source.chunk.page and source.chunk.page.number,
            "section": source.chunk.heading,
            "text": source.chunk.text,
        }
        for number, source in enumerate(found, start=1)
    ]
    content = json.dumps({**wishes, "sources": sources, "question": question}, ensure_ascii=False)
    return [{"role": "system", "content": prompt("answer")}, {"role": "user", "content": content}]


def _checked(request: AskRequest, completion: Completion, found: Sequence[Found], spent: Receipt) -> AskResponse:
    """The model's draft, with the citations that hold; a refusal if nothing holds it up."""
    try:
        draft = _Draft.model_validate_json(completion.text)
    except ValidationError:  # a model that does not keep to a schema
        return _refusal(request, found, spent)
    held = citations.check(draft.citations, found)
    if not draft.supported or not held:
        return _refusal(request, found, spent)
    return AskResponse(
        answer=citations.without_markers(draft.answer, keep={citation.number for citation in held}),
        citations=held,
        supported=True,
        cached=None,
        conversation_id=None,
        receipt=spent.public(),
    )


def _refusal(request: AskRequest, found: Sequence[Found], spent: Receipt) -> AskResponse:
    """No answer, and what was searched for it."""
    names = list(dict.fromkeys(source.filename for source in found))
    searched = (
        f"the collection {request.collection!r}, nearest: {', '.join(names)}"
        if names
        else (f"the collection {request.collection!r}, which has no matching documents")
    )
    return AskResponse(
        answer=f"The documents do not contain an answer to this question. Searched: {searched}.",
        citations=[],
        supported=False,
        cached=None,
        conversation_id=None,
        receipt=spent.public(),
    )
