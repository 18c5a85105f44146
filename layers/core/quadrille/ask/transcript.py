"""The answer while it is being written: the model's JSON comes in pieces, and goes out as text that will stay.

The model is asked for its quotes before its answer. So they are checked when the first word of the answer comes, and
nothing is shown that the checked answer will not begin with: no text of a refusal, no marker of a quote that did not
hold. From a model that writes in another order the text comes when it is whole.
"""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel
from pydantic_core import from_json

from quadrille.ask import citations
from quadrille.ask.retrieval import Found
from quadrille.llm import Emit

_INTERVAL = 0.05  # seconds of pieces that are read, and shown, together: each reading begins anew
_UNSETTLED = re.compile(r"\s?(?:\[\d*)?$")  # may become a marker that is dropped, with the blank before it


class _Begun(BaseModel):
    """A draft that has come as far as its answer."""

    supported: Literal[True]
    citations: list[citations.Quote]
    answer: str


@dataclass(slots=True)
class Transcript:
    """Takes the pieces of a draft and emits those of the answer. What `emit` raises passes through."""

    sources: Sequence[Found]
    emit: Emit
    clock: Callable[[], float] = field(default=time.monotonic)
    draft: str = ""
    shown: str = ""
    read_at: float = float("-inf")

    def __call__(self, piece: str) -> None:
        """Add a piece, or "". What can be shown is emitted every 50 ms, and "" in between."""
        self.draft += piece
        new = ""
        if self.clock() - self.read_at >= _INTERVAL:
            self.read_at = self.clock()
            text = spoken(self.draft, self.sources)
            new, self.shown = text[len(self.shown) :], text
        self.emit(new)


def spoken(draft: str, sources: Sequence[Found]) -> str:
    """How the answer begins that an unfinished draft will come to, as far as that is certain."""
    try:
        fields = from_json(draft, allow_partial="trailing-strings")
        begun = _Begun.model_validate(fields)
    except ValueError:  # it has not come as far, or is none
        return ""
    whole = list(fields)[-1] != "citations"  # something follows them
    held = citations.check(begun.citations, sources) if whole else []
    if not held:
        return ""
    return citations.without_markers(_UNSETTLED.sub("", begun.answer), keep={citation.number for citation in held})
