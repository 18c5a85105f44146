"""Checking citations: a quote is shown only if it is found in the chunk it is said to come from."""

import re
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from quadrille.ask.models import Citation
from quadrille.ask.retrieval import Found

_LEAST = 8  # characters, without blanks: less than that supports nothing
_MARKER = re.compile(r"\s?\[(\d+)\]")
_SENTENCE = re.compile(r"(?<=[.!?\]])\s+(?![a-z\[])")  # where one begins, behind the markers of the one before


class Quote(BaseModel):
    """What the model says it took from source `number`, which counts from 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    quote: str


def check(quotes: Sequence[Quote], sources: Sequence[Found]) -> list[Citation]:
    """The citations that hold, each once, with the verbatim text, its page and its span in the document."""
    held = (_locate(quote, sources[quote.number - 1]) for quote in quotes if 1 <= quote.number <= len(sources))
    return list({(c.number, c.start, c.end): c for c in held if c}.values())


def without_markers(answer: str, *, keep: set[int]) -> str:
    """The answer without the markers `[n]` of citations that did not hold."""
    return _MARKER.sub(lambda match: match[0] if int(match[1]) in keep else "", answer)


def confidence(text: str, held: Sequence[Citation], *, offered: Sequence[Quote], sources: Sequence[Found]) -> float:
    """How sure a text may be of what it says, 0 to 1: the product of three shares.

    Of the quotes that were offered those that hold; of the text's sentences those that carry a marker; and of the best
    score that was found the best one cited, which is 1 if the evidence is what fits the question best.
    """
    sentences = [each for each in _SENTENCE.split(text) if each.strip()]
    carried = sum(bool(_MARKER.search(each)) for each in sentences) / max(1, len(sentences))
    best = max(source.score for source in sources)
    near = max(citation.score for citation in held) / best if best > 0 else 1.0
    return min(1.0, len(held) / max(1, len(offered))) * carried * max(0.0, near)


def _locate(quote: Quote, source: Found) -> Citation | None:
    """Where the quote stands in its chunk; any run of whitespace matches any other, all else exactly."""
    words = quote.quote.split()
    if sum(map(len, words)) < _LEAST:
        return None
    match = re.search(r"\s+".join(map(re.escape, words)), source.chunk.text)
    if match is None:
        return None
    start = source.chunk.start + match.start()
    page = source.chunk.page_at(start)
    return Citation(
        number=quote.number,
        document_id=source.document_id,
        filename=source.filename,
        page=page.number if page else None,
        label=page.label or None if page else None,
        start=start,
        end=source.chunk.start + match.end(),
        quote=match[0],
        score=source.score,
    )
