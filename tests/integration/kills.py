"""Killing a worker at a chosen moment: before or after any of its calls to AWS, the models or the vector store.

A kill is a `BaseException`: nothing of ours catches it, as nothing runs after SIGKILL.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import httpx
import httpx2
import pytest
from botocore.client import BaseClient

from quadrille import clients

_LEASE = 1_000.0  # seconds that pass after a kill: every lease is over


class Killed(BaseException):
    """The worker is gone."""


@dataclass
class Executioner:
    """Counts the moments of a worker's life, and ends it at those that are `due`, in this order."""

    due: list[int] = field(default_factory=list)
    moment: int = 0
    offset: float = 0.0
    alive: bool = False
    function: str = ""
    requests: int = 0
    passed: list[str] = field(default_factory=list)

    def tick(self, what: str) -> None:
        """One moment. The next kill is counted from the last one."""
        if not self.alive:
            return
        self.passed.append(f"{self.function} {what}")
        self.moment += 1
        if self.due and self.moment > self.due[0]:
            self.due.pop(0)
            self.moment = 0
            raise Killed(what)

    def begin(self, due: Iterable[int]) -> None:
        """Start counting anew, with these kills ahead."""
        self.due, self.moment, self.passed, self.requests = list(due), 0, [], 0

    def run(self, work: Callable[[], Any]) -> Any:
        """What `work` gives, or None if the worker was killed."""
        self.alive = True
        try:
            return work()
        except Killed:
            self.offset += _LEASE
            for connected in (clients._openai_with, clients._vectors):
                connected.cache_clear()  # a process that is gone leaves no connection half read
            return None
        finally:
            self.alive = False

    def now(self) -> float:
        return time.time() + self.offset


def executioner(monkeypatch: pytest.MonkeyPatch) -> Executioner:
    """One that stands between this process and everything it calls; the ledger's clock is its own."""
    it = Executioner()

    def around(call: Callable[..., Any], name: Callable[..., str]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            it.tick(f"before {name(*args)}")
            answer = call(*args, **kwargs)
            it.tick(f"after {name(*args)}")
            return answer

        return wrapped

    def model_request(*args: Any, **kwargs: Any) -> Any:
        it.requests += 1
        return send(*args, **kwargs)

    send = httpx2.Client.send
    monkeypatch.setattr(httpx2.Client, "send", around(model_request, lambda *_: "the model"))
    vector_request = httpx.HTTPTransport.handle_request
    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", around(vector_request, lambda *_: "the vector store"))
    monkeypatch.setattr(
        BaseClient, "_make_api_call", around(BaseClient._make_api_call, lambda _, operation, *__: str(operation))
    )
    monkeypatch.setattr(clients, "time", SimpleNamespace(time=it.now, sleep=lambda _: None))
    return it


def last_of_each(passed: Sequence[str]) -> list[int]:
    """The moments after the last of each function's calls of a kind, where there is most to lose.

    A kill before a call leaves the same behind as one after the call before it.
    """
    return sorted({what: moment for moment, what in enumerate(passed) if " after " in what}.values())


def singles_and_pairs(moments: int, *, pairs: bool) -> Iterable[list[int]]:
    """Every moment to be killed at; and every two, the second counted from the first."""
    yield from ([one] for one in range(moments))
    if pairs:
        yield from ([one, two] for one in range(moments) for two in range(moments))
