"""Checking citations: a quote is shown only if it is found in the chunk it is said to come from."""

import re
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from quadrille.ask.models import Citation
from quadrille.ask.retrieval import Found

_LEAST = 8  # characters, without blanks: less than that supports nothing
_MARKER = re.compile(r"\s?\[(\d+)\]")


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
