"""A completion in pieces: over scripted events, and over a connection that is really cut."""

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import openai
import pytest

from quadrille.calls import Payer
from quadrille.errors import Abandoned, AmbiguousCall
from quadrille.llm import Models
from quadrille.purposes import ANSWER
from tests.unit.test_llm import PRICES, SCHEMA, World, completion, refusal

USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15, "prompt_tokens_details": {"cached_tokens": 4}}


def event(piece: str = "", finish: str | None = None, **more: Any) -> bytes:
    choices = [] if "usage" in more else [{"index": 0, "delta": {"content": piece}, "finish_reason": finish}]
    chunk = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "chat", "choices": choices, **more}
    return f"data: {json.dumps(chunk)}\n\n".encode()


WHOLE = [event('{"a"'), event(": 1}"), event(finish="stop"), event(usage=USAGE), b"data: [DONE]\n\n"]


@dataclass
class Broken(httpx2.SyncByteStream):
    """Events, and then the end of the connection."""

    events: list[bytes]

    def __iter__(self) -> Iterator[bytes]:
        yield from self.events
        raise httpx2.ReadError("connection reset")


def events(parts: "list[bytes] | Broken") -> httpx2.Response:
    given: Any = {"stream": parts} if isinstance(parts, Broken) else {"content": b"".join(parts)}
    return httpx2.Response(200, headers={"content-type": "text/event-stream"}, **given)


@dataclass
class Listener:
    """Hears pieces, and leaves after so many."""

    patience: int = 1_000
    heard: list[str] = field(default_factory=list)

    def __call__(self, piece: str) -> None:
        self.heard.append(piece)
        if len(self.heard) > self.patience:
            raise Abandoned("gone")


def chat(world: World, emit: Any) -> Any:
    message = [{"role": "user", "content": "hi"}]
    return world.models().chat(message, world.payer(), purpose=ANSWER, schema=SCHEMA, limit=10, emit=emit)


def test_a_stream_is_the_same_completion_and_the_same_call() -> None:
    streamed, whole, listener = World([events(WHOLE)]), World([completion('{"a": 1}')]), Listener()
    assert chat(streamed, listener) == whole.chat()
    assert "".join(listener.heard) == '{"a": 1}'
    assert streamed.ledger.calls[0].key == whole.ledger.calls[0].key
    assert streamed.requests[0] == whole.requests[0] | {"stream": True, "stream_options": {"include_usage": True}}


@pytest.mark.parametrize(
    "parts", [WHOLE[:2], [], Broken(WHOLE[:2]), [*WHOLE[:1], b'data: {"error": {"message": "x"}}\n\n']]
)
def test_a_stream_that_breaks_off_may_have_been_billed(parts: Any) -> None:
    with pytest.raises(AmbiguousCall):
        chat(World([events(parts)]), Listener())


def test_a_stream_that_is_refused_is_tried_again_like_any_request() -> None:
    assert chat(World([refusal(503), events(WHOLE)]), Listener()).receipt.retries == 1


def test_a_server_that_counts_nothing_is_charged_the_most_it_can_have_been() -> None:
    world = World([events([part for part in WHOLE if b"usage" not in part])])
    assert chat(world, Listener()).receipt.cost_usd == world.ledger.calls[0].ceiling


def test_who_is_gone_before_anything_is_sent_pays_nothing() -> None:
    world = World([])
    with pytest.raises(Abandoned):
        chat(world, Listener(patience=0))
    assert world.ledger.calls == []


def test_the_deadline_ends_a_stream_that_trickles() -> None:
    world = World([events(WHOLE)])

    def listen(piece: str) -> None:
        world.time += 15 if piece else 0

    with pytest.raises(AmbiguousCall, match="in time"):
        chat(world, listen)


@pytest.fixture
def silent_provider() -> Iterator[tuple[str, threading.Event]]:
    """A provider that sends one event and then thinks; the event is set when its client hangs up."""
    hung_up = threading.Event()

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65_536)
            body = event("{")
            head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
            connection.sendall(head + f"{len(body):x}\r\n".encode() + body + b"\r\n")
            while connection.recv(65_536):
                pass
            hung_up.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=[listener])
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1", hung_up
        thread.join(5)


def test_who_leaves_a_silent_stream_is_gone_for_the_provider_at_once(
    silent_provider: tuple[str, threading.Event],
) -> None:
    url, hung_up = silent_provider
    client = openai.OpenAI(api_key="k", base_url=url, max_retries=0)
    world, listener = World([]), Listener(patience=4)
    models = Models(lambda: client, world.ledger, world.gate, PRICES, "embed", 2, "chat")  # type: ignore[arg-type]
    payer = Payer("acme", "answers/1", models.now() + 20, models.now() + 20)
    with pytest.raises(Abandoned):
        models.chat([], payer, purpose=ANSWER, schema=SCHEMA, limit=10, emit=listener)
    assert hung_up.wait(1)
    assert listener.heard[:2] == ["", "{"]
    assert set(listener.heard[2:]) == {""}
