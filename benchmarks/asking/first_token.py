"""How long after the provider's first word an answer's first word comes to who asked over the WebSocket."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from websockets.sync.client import ClientConnection, connect

from benchmarks.asking.children import ours
from benchmarks.asking.library import Library
from benchmarks.asking.overhead import at
from benchmarks.extraction import row
from benchmarks.stack import COLLECTION, Tenant
from local.stack.places import Stop

_WARM_UP = 3
_LAST = ("done", "error", "cancelled")
_NOTE = """
The model writes its quotes before its answer, so that they are checked when the first word comes; the provider's first
word is the answer's, in the chat's stream. The first line is the deployed stack, the others are the same question put
to the same code in process. "above" is the difference, question by question.
"""


def measure(tenant: Tenant, library: Library, count: int) -> None:
    """Ask each question over the socket and in process, and print."""
    with ours(tenant, "streamed") as child, _connected(tenant) as socket:
        waited, moments = [], []
        for question in library.questions[: count + _WARM_UP]:
            seconds = _first_word(socket, question)
            inside = json.loads(child.ask(question)["answer"])
            if seconds and inside["shown"]:  # a refusal has no words before its end
                waited.append(seconds)
                moments.append(inside)
    waited, moments = waited[_WARM_UP:], moments[_WARM_UP:]
    provider = [each["begun"] - each["sent"] for each in moments]
    print(f"\nThe first word of an answer: {len(waited)} questions, milliseconds\n")
    row("", "p50", "p99")
    _line("over the WebSocket", waited)
    _line("the chat's first token", [each["first"] - each["sent"] for each in moments])
    _line("the chat's first word of the answer", provider)
    _line("above the provider's first word", [a - b for a, b in zip(waited, provider, strict=True)])
    _line("in process: before the chat is asked", [each["sent"] for each in moments])
    _line("in process: from its word to ours", [each["shown"] - each["begun"] for each in moments])
    print(_NOTE)


def _line(name: str, seconds: Sequence[float]) -> None:
    row(name, *(f"{at(seconds, percent) * 1_000:.1f}" for percent in (50, 99)))


@contextmanager
def _connected(tenant: Tenant) -> Iterator[ClientConnection]:
    headers = {"Authorization": f"Bearer {tenant.stack['api_key']}"}
    with connect(tenant.stack["ws_url"], additional_headers=headers) as socket:
        yield socket


def _first_word(socket: ClientConnection, question: str) -> float | None:
    """Seconds to the first `token` frame; None if the answer was all there before one."""
    asked = {"action": "ask", "question": question, "collection": COLLECTION, "cache": "off"}
    began, first, kind = time.perf_counter(), None, ""
    socket.send(json.dumps(asked))
    while kind not in _LAST:
        frame = json.loads(socket.recv(timeout=130))
        kind = frame["type"]
        if kind == "token" and first is None:
            first = time.perf_counter() - began
    if kind != "done":
        raise Stop(f"An ask over the WebSocket was not answered: {frame}")
    return first if frame["supported"] else None
