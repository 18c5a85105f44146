"""One run: a handler, a queue of messages, and everything that goes wrong with them by seed."""

import json
import time
from collections import Counter
from collections.abc import Callable
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
    ):
        _deliver_all(worker, Queue(messages, seed), outcome, progress)
        outcome.seconds = time.monotonic() - began
        tallies = _tallies(provider)
        outcome.close(tallies, _effects(aws))
        if handler.startswith("quadrille"):
            outcome.books = worker.ask({"billed_tokens": tallies["tokens"]})
    return outcome


def _deliver_all(worker: WorkerProcess, queue: Queue, outcome: Outcome, progress: Callable[[str], None]) -> None:
    """One consumer; the clock never goes back. The first delivery teaches how many interactions a clean one has."""
    now, clean, quarter = 0.0, 0, max(outcome.messages // 4, 1)
    while delivery := queue.receive():
        now = max(now, delivery.time)
        answer = worker.ask(_message(delivery, now, queue.kill_at(delivery, clean)))
        clean = clean or len(answer["trace"])
        outcome.add(answer)
        now = max(now, answer["time"])
        if answer["outcome"] == "done":
            queue.delete(delivery)
        else:
            queue.hide(delivery, now)
        if outcome.deliveries % quarter == 0:
            progress(f"{outcome.handler}: {outcome.deliveries:,} deliveries")


def _message(delivery: Delivery, now: float, kill_at: int) -> dict[str, Any]:
    unit = str(delivery.message)
    text = f"unit {unit} of a text that is to be embedded once, paid for once and published once, whatever happens"
    return {"unit": unit, "text": text, "time": now, "kill_at": kill_at, "seed": delivery.order}


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
