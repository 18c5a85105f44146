"""What a stretch of work took on the local stack: CPU by process, invocations by stage, requests to the models.

Read from /proc, from the functions' own log and from the offline models' count, so this is for Linux.
"""

import json
import os
import re
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.stack import processes
from local.stack.deploy import local_session
from local.stack.places import STACK, Ports

STAGES = ("extract", "ocr", "chunk", "summarize", "embed", "index")
_TICK = os.sysconf("SC_CLK_TCK")
_FUNCTION = re.compile(rf"{STACK}-(\w+Function)-")
_DURATION = re.compile(r"^REPORT .*?Duration: (\d+)")


@dataclass
class Load:
    """What a stretch of work took. CPU is in seconds by name: a stage, `api`, `aws`, `models`, `vectors`, `others`."""

    seconds: float = 0.0
    cpu: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    invocations: Counter[str] = field(default_factory=Counter)
    busy: dict[str, float] = field(default_factory=lambda: defaultdict(float))  # seconds of invocations by stage
    embeddings: Counter[str] = field(default_factory=Counter)  # requests, inputs, tokens
    chats: int = 0

    @property
    def requests(self) -> int:
        """To the models, of any kind."""
        return self.embeddings["requests"] + self.chats

    @property
    def own_cpu(self) -> float:
        """What the stack used, and this benchmark."""
        return sum(seconds for who, seconds in self.cpu.items() if who != "others")


@contextmanager
def metered(stack: dict[str, Any], *, logs: bool = False) -> Iterator[Load]:
    """Measure what happens inside; the load is filled in at the end. Invocations with `logs` only: it reads all."""
    load, began, wall = Load(), time.time(), time.monotonic()
    cpu, usage = _cpu(), models_usage(stack)
    yield load
    load.seconds = time.monotonic() - wall
    after, used = _cpu(), models_usage(stack)
    spent = {who: after[who] - cpu[who] for who in after if who != "machine"}
    load.cpu.update(spent)
    load.cpu["others"] = after["machine"] - cpu["machine"] - sum(spent.values())
    load.embeddings = Counter({n: used["embeddings"][n] - usage["embeddings"][n] for n in used["embeddings"]})
    load.chats = used["chat"]["requests"] - usage["chat"]["requests"]
    if logs:
        _read_log(stack, began, load)


def models_usage(stack: dict[str, Any]) -> dict[str, dict[str, int]]:
    """What the offline models have answered so far."""
    first = int(stack["aws_endpoint_url"].rsplit(":", 1)[1])
    with urllib.request.urlopen(f"http://127.0.0.1:{Ports.from_first(first).models}/usage", timeout=10) as answer:
        found: dict[str, dict[str, int]] = json.loads(answer.read())
        return found


def _cpu() -> dict[str, float]:
    """CPU seconds so far by who used them, and of the `machine`."""
    servers = processes.pids()
    used: dict[str, float] = defaultdict(float)
    for name, pid in servers.items():
        used[name] = sum(_times(pid)[:2])
    for pid, function in processes.workers():
        with suppress(OSError):  # it ended meanwhile
            used[_stage(function)] += sum(_times(pid))  # with those of the children that read files
    used["benchmark"] = sum(os.times()[:2])
    busy = [int(number) for number in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    used["machine"] = (sum(busy[:3]) + sum(busy[5:7])) / _TICK
    return used


def _stage(function: str) -> str:
    name = function.removeprefix("Ingest").removesuffix("Function").lower()
    return name if name in STAGES else "api"


def _times(pid: int) -> list[float]:
    """Own user and system time, and that of ended children, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return [int(ticks) / _TICK for ticks in fields[11:15]]


def _read_log(stack: dict[str, Any], began: float, load: Load) -> None:
    """Invocations and their seconds, which each leaves with its function's name in a stream of its own."""
    client = local_session().client("logs", endpoint_url=stack["aws_endpoint_url"])
    names: dict[str, str] = {}
    milliseconds: dict[str, int] = {}
    for group in client.describe_log_groups()["logGroups"]:
        pages = client.get_paginator("filter_log_events").paginate(
            logGroupName=group["logGroupName"], startTime=int(began * 1_000)
        )
        for event in (event for page in pages for event in page["events"]):
            if found := _FUNCTION.search(event["message"]):
                names[event["logStreamName"]] = _stage(found[1])
            if reported := _DURATION.match(event["message"]):
                milliseconds[event["logStreamName"]] = int(reported[1])
    for stream, duration in milliseconds.items():
        name = names.get(stream, "api")
        load.invocations[name] += 1
        load.busy[name] += duration / 1_000
