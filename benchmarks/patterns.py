"""What one piece of work takes by each pattern: seconds from its trigger to its result, paid calls, tokens, dollars.

`python -m benchmarks.patterns` measures the stack that runs, or one it starts and stops, with the offline models. Their
tokens are counted at the prices of the template's default models; a real model takes longer. Each piece of work is new.
Those behind the first ask the same questions of the same documents, so the ledger has their questions' vectors.
"""

import argparse
import hashlib
import hmac
import json
import os
import platform
import statistics
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from benchmarks.local_stack import document, question
from benchmarks.stack import COLLECTION, Tenant, running_stack
from local.stack.demo import call
from local.stack.places import Stop
from quadrille.prices import Prices, Usage

CHAT, EMBEDDING = "gpt-6-luna", "text-embedding-3-small"  # the template's defaults
_LONGEST = 60.0
_LOOK = 0.05
_THOUSAND = 1_000


@dataclass(frozen=True, slots=True)
class Work:
    """One piece of work, done."""

    seconds: float
    receipt: dict[str, Any]

    @property
    def usd(self) -> Decimal:
        """What its tokens cost with the template's default models. Hosted search models are not among them."""
        tokens, prices = self.receipt["tokens"], Prices({})
        chat = prices.cost(CHAT, Usage(tokens["input"], tokens["output"]))
        return chat + prices.cost(EMBEDDING, Usage(tokens["embedding"]))


def main(arguments: list[str]) -> int | str:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.patterns", description=__doc__)
    parser.add_argument("--pieces", type=int, default=20, help="of work, by each pattern (20)")
    given = parser.parse_args(arguments)
    if not 2 <= given.pieces <= 40:
        parser.error("2 to 40 pieces of work")
    try:
        with running_stack() as stack:
            print(f"\n{platform.system()} {platform.machine()}, {os.cpu_count()} cores", end=", ")
            print(f"Python {platform.python_version()}, load of the last minute {os.getloadavg()[0]:.1f}\n", flush=True)
            _measure(Tenant(stack, scopes=("ask", "ingest", "act", "react")), given.pieces)
    except Stop as reason:
        return str(reason)
    return 0


def _measure(tenant: Tenant, pieces: int) -> None:
    print(f"{'':34}{'p50 s':>7} {'p95 s':>7} {'calls':>6} {'tokens in + out':>16} {'$ per 1,000':>12}", flush=True)
    tenant.ingest({f"{number}.txt": document(number).encode() for number in range(pieces)})
    desk = {"collection": COLLECTION, "min_confidence": "0"}
    call(tenant.stack, "PUT", "/desk", desk)
    for name, one in _patterns(tenant):
        one(0)  # the first one of a pattern meets functions that were not started yet
        done = [one(number) for number in range(1, pieces)]
        seconds = [work.seconds for work in done]
        tokens = [work.receipt["tokens"] for work in done]
        calls = statistics.mean(work.receipt["calls"] for work in done)
        read = statistics.mean(each["input"] + each["embedding"] for each in tokens)
        wrote = statistics.mean(each["output"] for each in tokens)
        usd = sum((work.usd for work in done), Decimal(0)) / len(done) * _THOUSAND
        p95 = statistics.quantiles(seconds, n=20, method="inclusive")[-1]
        spent = f"{calls:6.1f} {read:8,.0f} + {wrote:5,.0f} {usd:12.3f}"
        print(f"{name:34}{statistics.median(seconds):7.2f} {p95:7.2f} {spent}", flush=True)


def _patterns(tenant: Tenant) -> Iterator[tuple[str, Callable[[int], Work]]]:
    yield "ask: a question", lambda number: _asked(tenant, number)
    yield "ask: the same question again", lambda number: _asked(tenant, number)
    yield "ingest: a document of 3 KB", lambda number: _ingested(tenant, number)
    yield "act: a task of a few steps", lambda number: _acted(tenant, number)
    yield "react: an event starts a task", lambda number: _reacted(tenant, number)
    yield "react: a mail is triaged", lambda number: _triaged(tenant, number)
    yield "desk: a ticket is enriched", lambda number: _enriched(tenant, number)
    yield "desk: a draft of a reply", lambda number: _drafted(tenant, number)


def _asked(tenant: Tenant, number: int) -> Work:
    body = {"question": question(number, 40), "collection": COLLECTION}
    began = time.perf_counter()
    answer = call(tenant.stack, "POST", "/ask", body)
    return Work(time.perf_counter() - began, answer["receipt"])


def _ingested(tenant: Tenant, number: int) -> Work:
    done = tenant.ingest({f"late-{number}.txt": document(1_000 + number).encode()})
    return Work(done.seconds, done.documents[0]["receipt"])


def _acted(tenant: Tenant, number: int) -> Work:
    goal = f"Search the documents: {question(number, 40)}"
    began = time.perf_counter()
    task_id = call(tenant.stack, "POST", "/tasks", _task(goal))["task_id"]
    task = _await(lambda: _ended(call(tenant.stack, "GET", f"/tasks/{task_id}")))
    return Work(time.perf_counter() - began, task["receipt"])


def _reacted(tenant: Tenant, number: int) -> Work:
    """From the event to the task's first breath; what the task takes stands a line above."""
    goal = f"Search the documents, please: {question(number, 40)}"
    event = {"specversion": "1.0", "id": str(number), "source": "/benchmark", "type": "TaskRequested"}
    began = time.perf_counter()
    call(tenant.stack, "POST", "/events", {**event, "data": _task(goal)})
    _await(lambda: any(task["goal"].startswith(goal) for task in call(tenant.stack, "GET", "/tasks")["items"]))
    return Work(time.perf_counter() - began, _NOTHING)


def _triaged(tenant: Tenant, number: int) -> Work:
    asked = question(number, 40)
    mail = f"From: Ann <ann-{number}@example.com>\r\nTo: desk@example.com\r\nMessage-ID: <{number}@example.com>\r\n"
    mail += f"Date: Sat, 28 Nov 2026 12:00:00 +0000\r\nSubject: A setting\r\n\r\nHello! {asked}\r\n"
    began = time.perf_counter()
    tenant.put(f"mail/{tenant.name}/{number}", mail.encode())

    def triaged() -> Any:
        items = call(tenant.stack, "GET", "/emails")["items"]
        return next((item for item in items if f"<ann-{number}@" in item["from"] and item["draft"]), None)

    return Work(time.perf_counter() - began, _await(triaged)["receipt"])


def _enriched(tenant: Tenant, number: int) -> Work:
    began = time.perf_counter()
    _post_ticket(tenant, number)

    def enriched() -> Any:
        ticket = call(tenant.stack, "GET", f"/tickets/{number}")
        return ticket if ticket["enrichment"]["enriched_at"] else None

    return Work(time.perf_counter() - began, _await(enriched)["receipt"])


def _drafted(tenant: Tenant, number: int) -> Work:
    began = time.perf_counter()
    made = call(tenant.stack, "POST", f"/tickets/{number}/draft", {})
    return Work(time.perf_counter() - began, made["receipt"])


def _post_ticket(tenant: Tenant, number: int) -> None:
    webhook = tenant.webhook
    ticket = {
        "ticket_id": str(number),
        "customer": {"email": f"bob-{number}@example.com"},
        "subject": "A setting",
        "body": f"Good day. {question(number, 40)}",
    }
    body, moment = json.dumps(ticket).encode(), str(int(time.time()))
    digest = hmac.new(webhook["secret"].encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-Quadrille-Signature": f"t={moment},v1={digest}"}
    with urllib.request.urlopen(urllib.request.Request(webhook["url"], body, headers), timeout=30) as answer:
        answer.read()


def _task(goal: str) -> dict[str, Any]:
    return {"goal": goal, "collection": COLLECTION, "tools": ["search_documents", "read_document"]}


def _ended(task: dict[str, Any]) -> dict[str, Any] | None:
    return task if task["status"] not in ("running", "waiting") else None


def _await(find: Callable[[], Any]) -> Any:
    """What is found at last. Raises `Stop`."""
    deadline = time.monotonic() + _LONGEST
    while not (found := find()):
        if time.monotonic() > deadline:
            raise Stop(f"Something did not come to an end within {_LONGEST:.0f} s. See: make logs")
        time.sleep(_LOOK)
    return found


_NOTHING: dict[str, Any] = {"calls": 0, "tokens": {"input": 0, "output": 0, "embedding": 0}}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
