"""Answering a question: retrieve, generate, check what the model says it quotes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from quadrille.ask import citations
from quadrille.ask.cache import Answered, Cache, digest_of
from quadrille.ask.conversations import Memory
from quadrille.ask.models import Answer, AskRequest, AskResponse
from quadrille.ask.packing import packed
from quadrille.ask.retrieval import Found, Retriever
from quadrille.ask.transcript import Transcript
from quadrille.calls import Payer
from quadrille.errors import CutOff
from quadrille.llm import Completion, Embeddings, Emit, Models
from quadrille.prompts import prompt
from quadrille.purposes import ANSWER, Purpose
from quadrille.receipts import added_to

_NOT_SCOPE = {"question", "collection", "conversation_id", "max_cost_usd", "cache"}


class _Draft(BaseModel):
    """What the model is asked to reply, as the JSON schema it is given."""

    model_config = ConfigDict(extra="forbid")

    supported: bool
    citations: list[citations.Quote]
    answer: str


_DRAFT = _Draft.model_json_schema()  # made once: that takes longer than an answer's whole way through the ledger


@dataclass(frozen=True, slots=True)
class Brief:
    """What kind of text the model is to write, by the prompt of that name; `beside` stands beside sources and question.

    What stands there is data, or wishes as to the words.
    """

    prompt: str = "answer"
    purpose: Purpose = ANSWER
    beside: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Desk:
    """What answering takes. An answer has at most `limit` tokens, the passages it is made of about `context`."""

    models: Models
    retriever: Retriever
    cache: Cache
    memory: Memory
    limit: int
    context: int
    brief: Brief = Brief()

    def scope(self, request: AskRequest) -> str:
        """A digest of what an answer depends on besides the question, its tenant and its collection."""
        return digest_of(
            request.model_dump(mode="json", exclude=_NOT_SCOPE),
            [self.models.chat_model, *self.retriever.manner],
            [prompt(self.brief.prompt), self.limit, self.context, self.brief.beside],
        )


def answer(request: AskRequest, payer: Payer, *, desk: Desk, emit: Emit | None = None) -> AskResponse:
    """The answer to a question out of a tenant's collection.

    What the documents do not support is refused: `supported` is false and the answer says what was searched. `emit`
    gets the beginning of the answer while it is being written, as `Models.chat` says. Raises what `Ledger.pay` raises,
    and `CutOff`.
    """
    asked = desk.memory.hear(request, payer)
    alone = request.model_copy(update={"question": asked.question})
    payer = replace(payer.after(asked.spent), sources=asked.sources)
    with added_to(asked.spent):
        answer_it = compose if request.cache == "off" else _known_or_made
        answered = answer_it(alone, payer, desk, emit)
    spent = asked.spent + answered.spent
    with added_to(spent):
        kept = desk.memory.keep(asked, answered)
    return AskResponse(**dict(answered.answer), cached=answered.cached, conversation_id=kept, receipt=spent.public())


def _known_or_made(request: AskRequest, payer: Payer, desk: Desk, emit: Emit | None) -> Answered:
    slot, known = desk.cache.find(request.question, payer, collection=request.collection, scope=desk.scope(request))
    if known:
        return known
    embedded = None
    if request.cache == "semantic":
        embedded = desk.retriever.embed(request.question, replace(payer, sources=()))
        known = desk.cache.find_similar(slot, embedded, payer)
        if known:
            return known
    made = compose(request, payer, desk, emit, embedded)
    if made.whole:
        desk.cache.keep(slot, made, embedded)
    return made


def compose(
    request: AskRequest, payer: Payer, desk: Desk, emit: Emit | None, embedded: Embeddings | None = None
) -> Answered:
    """Retrieve, generate and check, whatever is known already. Raises as `answer`."""
    retrieved = desk.retriever.find(
        request.question,
        replace(payer, sources=()),
        collection=request.collection,
        top_k=request.top_k,
        only=request.filter,
        mode=request.mode,
        embedded=embedded,
    )
    spent, whole = retrieved.spent, retrieved.whole
    if not retrieved.found:
        return Answered(_refusal(request, ()), (), spent, whole=whole)
    found = packed(retrieved.found, desk.context)
    sources = tuple(dict.fromkeys((*payer.sources, *(source.source for source in found))))
    with added_to(spent):
        completion = desk.models.chat(
            _messages(request.question, found, desk.brief),
            replace(payer.after(spent), sources=sources),
            purpose=desk.brief.purpose,
            schema=_DRAFT,
            limit=desk.limit,
            emit=emit and Transcript(found, emit),
        )
    if not completion.complete:
        raise CutOff(desk.limit, receipt=spent + completion.receipt)
    made, confidence = _checked(request, completion, found)
    return Answered(made, sources, spent + completion.receipt, whole=whole, confidence=confidence)


def _messages(question: str, found: Sequence[Found], brief: Brief) -> list[dict[str, str]]:
    """The prompt. Sources travel as JSON strings, which no text of theirs can close."""
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
    content = json.dumps({**brief.beside, "sources": sources, "question": question}, ensure_ascii=False)
    return [{"role": "system", "content": prompt(brief.prompt)}, {"role": "user", "content": content}]


def _checked(request: AskRequest, completion: Completion, found: Sequence[Found]) -> tuple[Answer, float]:
    """The model's draft with the citations that hold, and how sure it is; a refusal if nothing holds it up."""
    try:
        draft = _Draft.model_validate_json(completion.text)
    except ValidationError:  # a model that does not keep to a schema
        return _refusal(request, found), 0.0
    held = citations.check(draft.citations, found)
    if not draft.supported or not held:
        return _refusal(request, found), 0.0
    text = citations.without_markers(draft.answer, keep={citation.number for citation in held})
    return (
        Answer(answer=text, citations=held, supported=True),
        citations.confidence(text, held, offered=draft.citations, sources=found),
    )


def _refusal(request: AskRequest, found: Sequence[Found]) -> Answer:
    """No answer, and what was searched for it."""
    names = list(dict.fromkeys(source.filename for source in found))
    searched = (
        f"the collection {request.collection!r}, nearest: {', '.join(names)}"
        if names
        else (f"the collection {request.collection!r}, which has no matching documents")
    )
    return Answer(
        answer=f"The documents do not contain an answer to this question. Searched: {searched}.",
        citations=[],
        supported=False,
    )
