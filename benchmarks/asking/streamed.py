"""The code that streams an answer, in this process: when the model's words came, and when ours went out.

`python -m benchmarks.asking.streamed <tenant> <collection>`, with the environment the deployed function has.
"""

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from benchmarks.asking.peer import TOP_K, serve
from quadrille import clients
from quadrille.ask.answer import answer
from quadrille.ask.models import AskRequest
from quadrille.calls import Payer
from quadrille.llm import Completion, Emit, Models

if TYPE_CHECKING:
    from openai import OpenAI

_BEGINS = '"answer":"'  # of the draft, blanks aside: what follows is the answer


@dataclass
class Moments:
    """Seconds after the question: the chat request, its first piece, the answer's first word, and that sent on."""

    asked: float = 0.0
    sent: float = 0.0
    first: float = 0.0
    begun: float = 0.0
    shown: float = 0.0

    def note(self, name: str, piece: str = "anything") -> None:
        """Note when something happened first. An empty piece is nothing."""
        if piece and not getattr(self, name):
            setattr(self, name, time.perf_counter() - self.asked)


@dataclass(frozen=True)
class Watched:
    """The models, with a look at the pieces as they come."""

    models: Models
    moments: Moments

    def chat(self, *given: Any, emit: Emit, **more: Any) -> Completion:
        """As `Models.chat`."""
        watched = replace(self.models, client=self._client)
        return watched.chat(*given, emit=partial(self._look, emit, []), **more)

    def _client(self) -> "OpenAI":
        self.moments.note("sent")
        return self.models.client()

    def _look(self, emit: Emit, draft: list[str], piece: str) -> None:
        draft += piece.split()
        if draft:
            self.moments.note("first")
        if "".join(draft).partition(_BEGINS)[2]:
            self.moments.note("begun")
        emit(piece)


class Streamed:
    def __init__(self, tenant: str, collection: str) -> None:
        self._tenant, self._collection = tenant, collection

    def index(self, texts: Mapping[str, str]) -> None:
        """They came through the pipeline."""

    def ask(self, question: str) -> str:
        desk, identity, ends_at = clients.desk(), uuid4().hex, time.time() + 100
        request = AskRequest(question=question, collection=self._collection, top_k=TOP_K, cache="off")
        payer = Payer(self._tenant, f"answers/{identity}", ends_at, ends_at, identity=identity)
        moments = Moments(asked=time.perf_counter())
        watched: Any = Watched(desk.models, moments)
        answer(request, payer, desk=replace(desk, models=watched), emit=lambda piece: moments.note("shown", piece))
        return json.dumps(asdict(moments))


if __name__ == "__main__":
    serve(lambda: Streamed(*sys.argv[1:]))
