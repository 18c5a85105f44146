"""How fast the local stack is: documents from drop to `ready`, and `POST /ask` beside a handler that does nothing.

`python -m benchmarks.local_stack` measures the stack that runs, or one it starts and stops. It works for a tenant of
its own, with the offline models only: nothing is paid for but play money.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection
from random import Random
from typing import Any
from urllib.parse import urlsplit

from benchmarks.bare_route import PATH, bare_route
from benchmarks.stack import COLLECTION, Tenant, running_stack
from local.stack.places import Stop

_SENTENCES = 42  # of some 70 characters: a document of about 3 KB
_PLACES = ("boiler house", "north pier", "turbine hall", "grain store", "east lock", "signal box", "dry dock", "mill")
_PARTS = ("pump", "valve", "gauge", "hatch", "winch", "relay", "filter", "bearing")
_WARM_UP = 5


@dataclass
class Calls:
    """The calls of one route: milliseconds, statuses, and of answers how many were supported and paid for."""

    milliseconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    supported: int = 0
    paid_calls: int = 0

    def percentile(self, percent: int) -> float:
        return statistics.quantiles(self.milliseconds, n=100, method="inclusive")[percent - 1]

    def add(self, milliseconds: float, status: int, answer: dict[str, Any]) -> None:
        self.milliseconds.append(milliseconds)
        self.statuses[status] += 1
        self.supported += bool(answer.get("supported"))
        self.paid_calls += answer.get("receipt", {}).get("calls", 0)


def main(arguments: list[str]) -> int | str:
    """Measure and print. Not 0 if a document was not ingested or a call was not answered."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.local_stack", description=__doc__)
    parser.add_argument("--documents", type=int, default=50, help="how many are dropped at once, twice (50)")
    parser.add_argument("--questions", type=int, default=200, help="how many are asked, twice each (200)")
    given = parser.parse_args(arguments)
    if given.documents < 1 or not 2 <= given.questions <= given.documents * _SENTENCES:
        parser.error(f"a document answers {_SENTENCES} questions; two questions are the least")
    try:
        with running_stack() as stack:
            return _measure(Tenant(stack), given.documents, given.questions)
    except Stop as reason:
        return str(reason)


def _measure(tenant: Tenant, documents: int, questions: int) -> int:
    print(f"\n{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    ended: Counter[str] = Counter()
    for turn in range(2):  # a stack that was just started begins cold
        files = {
            f"{number}.txt": document(number).encode() for number in range(turn * documents, (turn + 1) * documents)
        }
        done = tenant.ingest(files)
        average = sum(map(len, files.values())) // documents
        print(f"ingest, {('first', 'second')[turn]} time: {documents} documents of {average:,} bytes dropped at once")
        speed = documents / done.seconds
        print(f"  {done.seconds:.1f} s to the last status, {speed:.1f} documents/s; {_counted(done.statuses)}")
        ended += done.statuses
    print()
    with bare_route(tenant.stack):
        passes = ask_twice(tenant.stack, [question(number, documents) for number in range(questions)])
    print_passes(passes)
    statuses_seen = {status for both in passes.values() for calls in both for status in calls.statuses}
    return 0 if set(ended) == {"ready"} and statuses_seen == {200} else 1


def ask_twice(stack: dict[str, Any], questions: list[str]) -> dict[str, tuple[Calls, Calls]]:
    """The calls of both passes and, one before each, those of the bare handler; over one connection, never reopened."""
    address = urlsplit(stack["api_url"])
    connection = HTTPConnection(str(address.hostname), address.port, timeout=60)
    connection.connect()
    connection.auto_open = 0
    passes = {name: (Calls(), Calls()) for name in ("warm-up", "paid now", "paid once before")}
    warm_up = [f"{question} Please." for question in questions[:_WARM_UP]]
    with closing(connection):
        for (ask, bare), asked in zip(passes.values(), (warm_up, questions, questions), strict=True):
            for question in asked:
                body = json.dumps({"question": question, "collection": COLLECTION})
                bare.add(*_call(connection, address.path + PATH, body, stack["api_key"]))
                ask.add(*_call(connection, address.path + "/ask", body, stack["api_key"]))
    return {name: both for name, both in passes.items() if name != "warm-up"}


def _call(connection: HTTPConnection, path: str, body: str, key: str) -> tuple[float, int, dict[str, Any]]:
    began = time.perf_counter()
    connection.request("POST", path, body, {"Authorization": f"Bearer {key}", "Content-Type": "application/json"})
    response = connection.getresponse()
    content = response.read()
    return (time.perf_counter() - began) * 1_000, response.status, json.loads(content)


def print_passes(passes: dict[str, tuple[Calls, Calls]]) -> None:
    print(f"{'milliseconds':26}{'p50':>8}{'p99':>8}  calls, one connection")
    for name, (ask, bare) in passes.items():
        shown = {f"ask, {name}": ask, "bare handler, interleaved": bare}
        at = {label: (calls.percentile(50), calls.percentile(99)) for label, calls in shown.items()}
        for label, calls in shown.items():
            print(f"{label:26}{at[label][0]:8.1f}{at[label][1]:8.1f}  {_counted(calls.statuses)}")
        (p50, p99), (bare_p50, bare_p99) = at.values()
        paid = f"{ask.supported} supported, {ask.paid_calls} model calls paid"
        print(f"{'ask above bare':26}{p50 - bare_p50:8.1f}{p99 - bare_p99:8.1f}  {paid}\n")


def _counted(statuses: "Counter[str] | Counter[int]") -> str:
    return ", ".join(f"{count} {status}" for status, count in statuses.most_common())


def document(number: int) -> str:
    """About 3 KB that no other document holds; the same in every run."""
    bars = Random(number).sample(range(100, 100_000), _SENTENCES)
    lines = (f"The {_subject(number, line)} was set to {bar / 10} bar by its keeper." for line, bar in enumerate(bars))
    return f"Log of station {number}.\n\n" + "\n".join(lines)


def question(number: int, documents: int) -> str:
    """A question of which no two are alike, as long as no document is asked for more sentences than it has."""
    return f"To how many bar was the {_subject(number % documents, number // documents)} set?"


def _subject(document: int, line: int) -> str:
    return f"{_PARTS[line % 8]} {document}-{line} in the {_PLACES[(document + line) % 8]}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
