"""The deployed stack while the processes of its stages are killed: documents end ready, and are paid for as if not."""

import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest

from benchmarks.pipeline.meters import Load, metered
from local.stack import processes
from tests.local.conftest import Caller

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds the processes of functions in /proc")

Client = Callable[[str], Any]

STAGES = ("Extract", "Chunk", "Embed", "Summarize", "Index")
CHUNKS = 200
DOCUMENTS = 2
_SECONDS = 15  # that a function may take, and that a message stays away whose worker is gone
_KILLS = 2  # of a stage: a message is received five times


@pytest.fixture
def impatient(client: Client) -> Iterator[dict[str, str]]:
    """The stages' queues by name, with timeouts short enough to sit out."""
    functions, queues = client("lambda"), client("sqs")
    names = {stage: _named(_functions(functions), f"-Ingest{stage}Function-") for stage in STAGES}
    urls = {stage: _named(queues.list_queues()["QueueUrls"], f"-{stage}Queue-") for stage in STAGES}
    waits = {url: queues.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]) for url in urls.values()}
    timeouts = {name: functions.get_function_configuration(FunctionName=name)["Timeout"] for name in names.values()}
    try:
        for name in timeouts:
            functions.update_function_configuration(FunctionName=name, Timeout=_SECONDS)
        for url in waits:
            queues.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(_SECONDS)})
        yield urls
    finally:
        for name, seconds in timeouts.items():
            functions.update_function_configuration(FunctionName=name, Timeout=seconds)
        for url, was in waits.items():
            kept = {"VisibilityTimeout": was["Attributes"]["VisibilityTimeout"]}
            queues.set_queue_attributes(QueueUrl=url, Attributes=kept)


def _functions(client: Any) -> list[str]:
    pages = client.get_paginator("list_functions").paginate()
    return [function["FunctionName"] for page in pages for function in page["Functions"]]


def _named(names: list[str], part: str) -> str:
    [found] = [name for name in names if part in name]
    return found


def hunt(queues: Any, urls: dict[str, str], over: threading.Event) -> Counter[str]:
    """Kill the workers of a stage while a message of it is under way; how often, by stage."""
    chance, killed = random.Random(7), Counter[str]()
    while not over.is_set() and min(killed[stage] for stage in STAGES) < _KILLS:
        for stage in STAGES:
            if killed[stage] < _KILLS and _is_busy(queues, urls[stage]):
                time.sleep(chance.uniform(0, 0.25))
                killed[stage] += bool(
                    [_kill(pid) for pid, name in processes.workers() if name == f"Ingest{stage}Function"]
                )
        time.sleep(0.005)
    return killed


def _is_busy(queues: Any, url: str) -> bool:
    name = "ApproximateNumberOfMessagesNotVisible"
    return int(queues.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name]) > 0


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def text(number: int) -> bytes:
    """A text of some 200 chunks, not two of which are alike."""
    sentences = "It was found dry, and the keeper of the east lock has signed for it on the day of the inspection. " * 5
    return "\n\n".join(f"Record {number}-{part}. {sentences}" * 3 for part in range(CHUNKS)).encode()


def ingest(caller: Caller, client: Client) -> list[dict[str, Any]]:
    """The documents, once all are at their end."""
    for number in range(DOCUMENTS):
        key = f"uploads/{caller.tenant}/default/{number}.txt"
        client("s3").put_object(Bucket=caller.stack["bucket"], Key=key, Body=text(number))
    return [caller.await_final(f"{number}.txt", seconds=400) for number in range(DOCUMENTS)]


def books(documents: list[dict[str, Any]]) -> dict[str, Decimal]:
    """What the receipts add up to. Which of two documents pays for a request both make is chance."""
    receipts = [document["receipt"] for document in documents]
    sums = {"cost": sum(Decimal(receipt["cost_usd"]) for receipt in receipts)}
    sums["calls"] = sum(receipt["calls"] for receipt in receipts)
    return sums | {name: sum(receipt["tokens"][name] for receipt in receipts) for name in receipts[0]["tokens"]}


def sent(load: Load) -> int:
    """Requests to both servers: a batch goes to the sparse model too, whose server counts none."""
    return load.requests + load.embeddings["requests"]


def test_workers_killed_while_they_work_cost_nothing_but_the_counted_window(
    stack: dict[str, Any], client: Client, new_caller: Callable[..., Caller], impatient: dict[str, str]
) -> None:
    with metered(stack) as undisturbed:
        whole = ingest(new_caller(), client)
    assert {document["status"] for document in whole} == {"ready"}
    assert all(CHUNKS <= document["chunks"]["total"] <= 2 * CHUNKS for document in whole)
    over, found = threading.Event(), Counter[str]()
    hunter = threading.Thread(target=lambda: found.update(hunt(client("sqs"), impatient, over)))
    with metered(stack) as load:
        hunter.start()
        try:
            documents = ingest(new_caller(), client)
        finally:
            over.set()
            hunter.join()
    assert set(found) == set(STAGES), "a stage was never found at work"
    for document, clean in zip(documents, whole, strict=True):
        assert (document["status"], document["error"]) == ("ready", None)
        assert (document["chunks"], document["summary"]) == (clean["chunks"], clean["summary"])
    paid, due = books(documents), books(whole)
    ambiguous = sum(document["receipt"]["ambiguous"] for document in documents)
    assert paid == due | {"cost": paid["cost"]}
    assert (paid["cost"] == due["cost"]) == (ambiguous == 0)
    assert sent(undisturbed) == due["calls"] <= sent(load) <= due["calls"] + 2 * ambiguous
