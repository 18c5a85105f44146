"""What a stretch of work takes in this process: wall time, the part of it in which no request is under way, and CPU.

Requests are met in the transports, below every client. The CPU of the clients (openai, pinecone, boto3) is counted
apart: what is left is the work of who calls them.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

_TRANSPORTS = (
    ("httpx", "HTTPTransport", "handle_request"),
    ("httpx2", "HTTPTransport", "handle_request"),
    ("urllib3", "HTTPConnectionPool", "urlopen"),
    ("botocore.httpsession", "URLLib3Session", "send"),
)
_CLIENTS = (
    ("openai.resources.chat.completions", "Completions", "create"),
    ("openai.resources.embeddings", "Embeddings", "create"),
    ("openai", "OpenAI", "with_options"),
    ("openai._base_client", "SyncAPIClient", "request"),  # of who takes another way to it
    ("pinecone.index", "Index", "query"),  # pinecone 10
    ("pinecone.client.inference", "Inference", "embed"),
    ("pinecone.client.inference", "Inference", "rerank"),
    ("pinecone.db_data.index", "Index", "query"),  # pinecone 7
    ("botocore.client", "BaseClient", "_make_api_call"),
)


@dataclass(frozen=True, slots=True)
class Taken:
    """Milliseconds of wall time in all and while no request was under way; of CPU in all and without the clients'."""

    requests: int
    wall: float
    waiting_for_nobody: float
    cpu: float
    own_cpu: float


@dataclass(slots=True)
class Spans:
    """When something was under way, and the CPU its threads used for it. What happens within a span is part of it."""

    times: list[tuple[float, float]] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    inside: threading.local = field(default_factory=threading.local)

    @contextmanager
    def span(self) -> Iterator[None]:
        if getattr(self.inside, "is_so", False):
            yield
            return
        self.inside.is_so, began, cpu = True, time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            self.cpu.append(time.thread_time() - cpu)
            self.times.append((began, time.perf_counter()))
            self.inside.is_so = False

    def covered(self) -> float:
        """Seconds in which at least one was under way."""
        seconds, until = 0.0, 0.0
        for began, ended in sorted(self.times):
            seconds += max(0.0, ended - max(began, until))
            until = max(until, ended)
        return seconds

    def clear(self) -> None:
        self.times.clear()
        self.cpu.clear()


@dataclass(slots=True)
class Meter:
    """Meets, from when it is made, the transports and clients that are installed."""

    requests: Spans = field(default_factory=Spans)
    clients: Spans = field(default_factory=Spans)

    def __post_init__(self) -> None:
        for place in _TRANSPORTS:
            _wrap(*place, self.requests)
        for place in _CLIENTS:
            _wrap(*place, self.clients)

    def measure(self, work: Callable[[], Any]) -> tuple[Any, Taken]:
        """What `work` gives, and what it took."""
        self.requests.clear()
        self.clients.clear()
        began, cpu = time.perf_counter(), time.process_time()
        done = work()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - began
        figures = (wall, wall - self.requests.covered(), cpu, cpu - sum(self.clients.cpu))
        return done, Taken(len(self.requests.times), *(figure * 1_000 for figure in figures))


def _wrap(module: str, owner: str, name: str, spans: Spans) -> None:
    try:
        kind = getattr(import_module(module), owner)
    except ImportError:
        return
    original = getattr(kind, name)

    def timed(*args: Any, **given: Any) -> Any:
        with spans.span():
            response = original(*args, **given)
            if name == "handle_request" and "event-stream" not in response.headers.get("content-type", ""):
                response.read()  # else the body would come after the end of the span
            return response

    setattr(kind, name, timed)
