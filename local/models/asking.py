"""The ask prompt: numbered sources and a question in, an answer with verbatim citations out, or a refusal.
Sources are data. A sentence in them that gives orders is one more sentence, cited if it answers and never obeyed."""

from collections.abc import Sequence
from dataclasses import dataclass

from local.models.evidence import Evidence, Source, find_evidence
from local.models.fields import JsonObject
from local.models.messages import Message, read_json
from local.models.questions import Question

REFUSAL = "The sources do not contain an answer to this question."


@dataclass(frozen=True, slots=True)
class Ask:
    question: str
    sources: list[Source]


def read_ask(messages: Sequence[Message]) -> Ask | None:
    """The ask in the last user message, or None when that is not `{"sources": [...], "question": "..."}`."""
    said = [message.text for message in messages if message.role == "user"]
    value = read_json(said[-1]) if said else None
    if not isinstance(value, dict) or not isinstance(value.get("question"), str):
        return None
    given = value.get("sources")
    if not isinstance(given, list) or not all(_is_source(each) for each in given):
        return None
    return Ask(
        value["question"], [Source(each.get("number", at), each["text"]) for at, each in enumerate(given, start=1)]
    )


def _is_source(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("text"), str) and isinstance(value.get("number", 0), int)


def answer_ask(ask: Ask) -> JsonObject:
    """`supported`, `answer` and `citations`, as the ask prompt's response format names them."""
    evidence = find_evidence(Question(ask.question), ask.sources)
    citations = [{"number": each.number, "quote": each.quote} for each in evidence]
    return {"supported": bool(evidence), "answer": _write(evidence) or REFUSAL, "citations": citations}


def _write(evidence: Sequence[Evidence]) -> str:
    return " ".join(f"{on_one_line(each.quote)} [{each.number}]" for each in evidence)


def on_one_line(text: str) -> str:
    """White space normalised, as in an answer; a quote keeps its own."""
    return " ".join(text.split())
