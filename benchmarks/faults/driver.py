"""One run: a handler, a queue of messages, and everything that goes wrong with them by seed."""

import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import urlopen

import boto3

from benchmarks.faults import effects, processes
from benchmarks.faults.outcome import Outcome
from benchmarks.faults.processes import WorkerProcess
from benchmarks.faults.queue import Delivery, Queue


def run(handler: str, *, messages: int, seed: int, progress: Callable[[str], None] = lambda _: None) -> Outcome:
    """Deliver the messages to the handler until each is handled or given up."""
    outcome, began = Outcome(handler, messages), time.monotonic()
    with (
        TemporaryDirectory() as folder,
        processes.server("provider", str(seed)) as provider,
        processes.server("aws") as aws,
        processes.worker(handler, provider=f"{provider}/v1", aws=aws, folder=Path(folder)) as worker,
        processes.worker(handler, provider=f"{provider}/v1", aws=aws, folder=Path(folder)) as other,
    ):
        _Course(Queue(messages, seed), outcome, worker, other).run(progress)
        outcome.seconds = time.monotonic() - began
        tallies = _tallies(provider)
        outcome.close(tallies, _effects(aws))
        if handler.startswith("quadrille"):
            outcome.books = worker.ask({"billed_tokens": tallies["tokens"]})
    return outcome


_REHEARSALS = 5


@dataclass
class _Course:
    """Deliveries one after another, and now and then two at once. The clock never goes back.

    The first deliveries teach how many interactions a clean one has; the very first also reads what is then cached.
    """

    queue: Queue
    outcome: Outcome
    worker: WorkerProcess
    other: WorkerProcess
    now: float = 0.0
    clean: int = 0

    def run(self, progress: Callable[[str], None]) -> None:
        quarter = max(self.outcome.messages // 4, 1)
        for number, delivery in enumerate(iter(self.queue.receive, None), 1):
            if twin := self.queue.twin(delivery):
                self._deliver_two(delivery, twin)
            else:
                self._end(delivery, self._ask(self.worker, delivery))
            if number % quarter == 0:
                progress(f"{self.outcome.handler}: {number:,} deliveries")

    def _deliver_two(self, delivery: Delivery, twin: Delivery) -> None:
        """The twin overtakes the delivery: it comes and goes while the first stands still."""
        answer = self._ask(self.worker, delivery, pause_at=self.queue.pause_at(delivery, self.clean))
        self._end(twin, self._ask(self.other, twin))
        if answer["outcome"] == "paused":
            self.outcome.overtaken += 1
            answer = self.worker.ask({"time": self.now})
        self._end(delivery, answer)

    def _ask(self, worker: WorkerProcess, delivery: Delivery, pause_at: int = 0) -> dict[str, Any]:
        self.now = max(self.now, delivery.time)
        kill_at = 0 if pause_at else self.queue.kill_at(delivery, self.clean)
        answer = worker.ask({**_message(delivery), "time": self.now, "kill_at": kill_at, "pause_at": pause_at})
        self.now = max(self.now, answer["time"])
        return answer

    def _end(self, delivery: Delivery, answer: dict[str, Any]) -> None:
        self.now = max(self.now, answer["time"])
        if self.outcome.ended["done"] < _REHEARSALS and answer["outcome"] == "done":
            self.clean = len(answer["trace"])
        self.outcome.add(answer)
        if answer["outcome"] == "done":
            self.queue.delete(delivery)
        else:
            self.queue.hide(delivery, self.now)


def _message(delivery: Delivery) -> dict[str, Any]:
    unit = str(delivery.message)
    text = f"unit {unit} of a text that is to be embedded once, paid for once and published once, whatever happens"
    return {"unit": unit, "text": text, "seed": delivery.order}


def _tallies(provider: str) -> dict[str, Any]:
    with urlopen(f"{provider}/tallies") as answer:
        tallies: dict[str, Any] = json.load(answer)
        return tallies


def _effects(aws: str) -> Counter[str]:
    dynamodb = boto3.client(
        "dynamodb",
        region_name="us-east-1",
        endpoint_url=aws,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    try:
        return effects.published(dynamodb)
    finally:
        dynamodb.close()
