"""Answers in OpenAI's protocol: a conversation becomes one question, and its answer a message."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from quadrille.ask.answer import Brief, Desk, answer
from quadrille.ask.models import QUESTION_CHARACTERS, AskRequest, Citation
from quadrille.ask.protocol import (
    AnswerMessage,
    ChatCompletion,
    ChatMessage,
    Choice,
    CompletionRequest,
    Model,
    ModelList,
    Usage,
)
from quadrille.calls import Payer
from quadrille.errors import CutOff, Invalid
from quadrille.receipts import Receipt, added_to

Turns = Sequence[tuple[str, str]]  # what was asked, and what was answered


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation: the wishes of its system messages, what was said before, and what is asked now."""

    style: str
    history: Turns
    question: str

    @classmethod
    def of(cls, messages: Sequence[ChatMessage], *, most_style: int) -> "Talk":
        """The messages taken apart. Raises `Invalid`."""
        *before, last = messages
        question = (last.content or "").strip()
        if last.role != "user" or not 1 <= len(question) <= QUESTION_CHARACTERS:
            wanted = f"a question of the user's, with 1 to {QUESTION_CHARACTERS} characters"
            raise Invalid(f"messages.{len(before)}", f"the last message must be {wanted}")
        style = "\n\n".join(m.content for m in before if m.role in ("system", "developer") and m.content)
        if len(style) > most_style:
            raise Invalid("messages", f"the system messages have {len(style)} characters; the limit is {most_style}")
        return cls(style, _turns(before), question)


def _turns(messages: Sequence[ChatMessage]) -> Turns:
    """What the user asked, each with what was answered before the next question."""
    turns: list[tuple[str, str]] = []
    for message in messages:
        if message.role == "user":
            turns.append((message.content or "", ""))
        elif message.role == "assistant" and turns:
            question, answered = turns[-1]
            turns[-1] = (question, f"{answered}\n{message.content or ''}".strip())
    return turns


def models(collections: Mapping[str, int]) -> ModelList:
    """The models of a tenant: `quadrille` and one for each of its collections, which began when is given."""
    began = {"quadrille": collections.get("default", 0)}
    began |= {f"quadrille/{name}": at for name, at in collections.items()}
    return ModelList(data=[Model(id=name, created=at) for name, at in began.items()])


def complete(request: CompletionRequest, payer: Payer, *, id: str, desk: Desk, most_style: int) -> ChatCompletion:
    """The answer to a conversation's last message, on the way every question goes.

    One that does not fit into its tokens ends with `length` and says so. Raises as `answer`, `Invalid` and `NotFound`.
    """
    talk = Talk.of(request.messages, most_style=most_style)
    collection = request.collection
    question, spent = desk.memory.rewrite(talk.question, talk.history, payer)
    asked = AskRequest(question=question, collection=collection)
    brief = Brief(beside={"style": talk.style} if talk.style else {})
    desk = replace(desk, brief=brief, limit=request.limit(desk.limit))
    try:
        with added_to(spent):
            answered = answer(asked, payer.after(spent), desk=desk)
    except CutOff as error:
        choice = Choice(message=AnswerMessage(content=str(error), citations=[]), finish_reason="length")
        spent = error.receipt or spent
    else:
        text = "\n\n".join([answered.answer, *footnotes(answered.citations)])
        choice = Choice(message=AnswerMessage(content=text, citations=answered.citations), finish_reason="stop")
        spent += Receipt.parse(answered.receipt)
    return ChatCompletion(
        id=f"chatcmpl-{id}",
        created=int(time.time()),
        model=request.model,
        choices=[choice],
        usage=_usage(spent),
        receipt=spent.public(),
    )


def footnotes(citations: Sequence[Citation]) -> list[str]:
    """`[1] manual.pdf, page 2`: one paragraph with a line for each source and page that is cited."""
    ordered = sorted(citations, key=lambda citation: (citation.number, citation.start))
    lines = dict.fromkeys(f"[{c.number}] {c.filename}{_place(c)}" for c in ordered)
    return ["\n".join(lines)] if lines else []


def _place(citation: Citation) -> str:
    where = citation.label or (f"page {citation.page}" if citation.page else "")
    return where and f", {where}"


def _usage(spent: Receipt) -> Usage:
    read, written = spent.input_tokens, spent.output_tokens
    return Usage(prompt_tokens=read, completion_tokens=written, total_tokens=read + written)


def events(completion: ChatCompletion, *, with_usage: bool) -> str:
    """The same as server-sent events, as `stream: true` asks for: the role, the answer, its end, what it used."""
    chunks = [*_chunks(completion, with_usage=with_usage)]
    lines = [json.dumps(chunk, separators=(",", ":"), ensure_ascii=False) for chunk in chunks]
    return "".join(f"data: {line}\n\n" for line in [*lines, "[DONE]"])


def _chunks(completion: ChatCompletion, *, with_usage: bool) -> Iterator[dict[str, Any]]:
    whole = completion.model_dump(mode="json")
    [choice] = whole.pop("choices")
    usage, receipt = whole.pop("usage"), whole.pop("receipt")
    head = whole | {"object": "chat.completion.chunk"} | ({"usage": None} if with_usage else {})
    said = {name: choice["message"][name] for name in ("content", "citations")}
    yield head | {"choices": [_delta({"role": "assistant", "content": ""})]}
    yield head | {"choices": [_delta(said)]}
    yield head | {"choices": [_delta({}, choice["finish_reason"])], "receipt": receipt}
    if with_usage:
        yield head | {"choices": [], "usage": usage}


def _delta(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
