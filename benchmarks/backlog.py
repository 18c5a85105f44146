"""Events that pile up: a consumer that was down, and a flood of one tenant beside the few events of another.

`python -m benchmarks.backlog` measures the stack that runs, or one it starts and stops. Seconds are from the moment an
event was accepted to the moment the consumer `apply_rules` had done it, out of the rows and the log: no clock of a
caller is in them.
"""

import argparse
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from uuid import uuid4

from benchmarks.stack import running_stack
from local.stack import demo
from local.stack.deploy import command, create_key, local_session, stack_outputs
from local.stack.functions import environment
from local.stack.places import Stop
from quadrille.queues import Queue

CONSUMER = "apply_rules"
GOAL = 1.3  # times its own p95 a flood may slow another tenant
_BATCH = 100
_PATIENCE = 600  # seconds


@dataclass
class Desk:
    """The running stack: its API, the consumer's queue and source, and what was put down of each event."""

    stack: dict[str, Any]

    def tenant(self) -> dict[str, Any]:
        """The stack as a new tenant calls it."""
        name, endpoint = f"backlog-{uuid4().hex[:8]}", self.stack["aws_endpoint_url"]
        made = create_key(local_session(), stack_outputs(local_session(), endpoint), name, ["react"], endpoint)
        return self.stack | {"tenant": name, "api_key": made["key"]}

    @contextmanager
    def down(self) -> Iterator[None]:
        """The consumer takes nothing meanwhile."""
        [source] = self._client("lambda").list_event_source_mappings(EventSourceArn=self._arn)["EventSourceMappings"]
        switch = self._client("lambda").update_event_source_mapping
        switch(UUID=source["UUID"], Enabled=False)
        try:
            yield
        finally:
            switch(UUID=source["UUID"], Enabled=True)

    def await_depth(self, depth: int) -> None:
        """Wait until the queue holds as many messages."""
        deadline = time.monotonic() + _PATIENCE
        while (there := self.queue.depth()) != depth:
            if time.monotonic() > deadline:
                raise Stop(f"The queue of {CONSUMER} holds {there} events, and not {depth}, after {_PATIENCE} s.")
            time.sleep(0.5)

    def accepted(self, tenant: str) -> dict[str, float]:
        """When each of a tenant's events was accepted, by its id; in seconds since the epoch."""
        pages = (
            self._client("dynamodb")
            .get_paginator("query")
            .paginate(
                TableName=self._variables["CASES_TABLE"],
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": f"event#{tenant}"}},
            )
        )
        events = [json.loads(item["emits"]["M"]["event"]["S"]) for page in pages for item in page["Items"]]
        return {event["id"]: datetime.fromisoformat(event["time"]).timestamp() for event in events}

    def finished(self, tenant: str, since: float) -> int:
        """How many of a tenant's events the consumer has done, by its own rows: as a replay would find them."""
        endpoint = self.stack["aws_endpoint_url"]
        told = command(
            local_session(),
            endpoint,
            stack_outputs(local_session(), endpoint)["ReplayFunction"],
            action="predict",
            since=datetime.fromtimestamp(since - 1, UTC).isoformat(),
            until=datetime.now(UTC).isoformat(),
            tenant=tenant,
            consumer=CONSUMER,
        )
        return int(told["consumers"][CONSUMER]["done"])

    def done(self, since: float) -> dict[str, list[float]]:
        """When each event was done, as often as it was; in seconds since the epoch. A few lines are not in the log:
        the embedded AWS reads what a function writes only until it has answered.
        """
        found: dict[str, list[float]] = {}
        pages = (
            self._client("logs")
            .get_paginator("filter_log_events")
            .paginate(
                logGroupName=stack_outputs(local_session(), self.stack["aws_endpoint_url"])["LogGroup"],
                startTime=int(since * 1_000),
            )
        )
        for page in pages:
            for line in page["events"]:
                if '"event_consumed"' in line["message"] and f'"{CONSUMER}"' in line["message"]:
                    told = json.loads(line["message"])
                    at = datetime.strptime(told["timestamp"], "%Y-%m-%d %H:%M:%S,%f%z")
                    found.setdefault(told["event_id"], []).append(at.timestamp())
        return found

    @cached_property
    def queue(self) -> Queue:
        """The consumer's queue."""
        return Queue(self._variables["QUEUE_URL"], self._client("sqs"))

    @cached_property
    def _variables(self) -> dict[str, str]:
        return environment(self.stack, f"react/{CONSUMER}")

    @cached_property
    def _arn(self) -> str:
        sqs = self._client("sqs")
        answer = sqs.get_queue_attributes(QueueUrl=self.queue.url, AttributeNames=["QueueArn"])
        return str(answer["Attributes"]["QueueArn"])

    def _client(self, service: str) -> Any:
        return local_session().client(service, endpoint_url=self.stack["aws_endpoint_url"])


def post(caller: dict[str, Any], number: int) -> None:
    """Post so many events of a type no rule asks about, in batches."""
    events = [
        {
            "specversion": "1.0",
            "id": uuid4().hex,
            "source": "/backlog",
            "type": "benchmark.event",
            "data": {"number": n},
        }
        for n in range(number)
    ]
    for start in range(0, number, _BATCH):
        demo.call(caller, "POST", "/events", events[start : start + _BATCH])


def backlog(desk: Desk, events: int, tenants: int) -> bool:
    """The consumer is down while events come in; whether all were done once when it is up again."""
    desk.await_depth(0)
    callers, began = [desk.tenant() for _ in range(tenants)], time.time()
    with desk.down():
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda caller: post(caller, events // tenants), callers))
        desk.await_depth(events)
        up = time.time()
    desk.await_depth(0)
    finished = sum(desk.finished(caller["tenant"], began) for caller in callers)
    ids = {id_ for caller in callers for id_ in desk.accepted(caller["tenant"])}
    done = {id_: times for id_, times in desk.done(began).items() if id_ in ids}
    often = Counter(len(times) for times in done.values())
    twice = len(done) - often[1]
    seconds = max(times[-1] for times in done.values()) - up
    print(f"consumer down, {len(ids)} events of {tenants} tenants in {up - began:.1f} s; up again:")
    print(f"  {finished} done, {twice} of them more than once, {len(ids) - finished} not at all")
    print(f"  {seconds:.1f} s, {finished / seconds:.0f} events/s")
    return finished == events and not twice


def latencies(desk: Desk, caller: dict[str, Any], number: int, every: float) -> list[float]:
    """Post events one by one, and give the seconds each took."""
    began = time.time()
    for count in range(number):
        time.sleep(max(0.0, began + count * every - time.time()))
        post(caller, 1)
    deadline = time.time() + _PATIENCE
    while (finished := desk.finished(caller["tenant"], began)) < number:
        if time.time() > deadline:
            raise Stop(f"{number - finished} events were not done after {_PATIENCE} s.")
        time.sleep(2)
    done, accepted = desk.done(began), desk.accepted(caller["tenant"])
    return [done[id_][0] - at for id_, at in accepted.items() if id_ in done]


def flood(desk: Desk, events: int, number: int, every: float) -> bool:
    """The few events of one tenant, alone and beside a flood of another; whether the goal is met.

    Half of those alone come before the flood and half after it: the embedded AWS grows slower with what it holds.
    """
    desk.await_depth(0)
    latencies(desk, desk.tenant(), 5, 0.2)
    alone = latencies(desk, desk.tenant(), number // 2, every)
    with ThreadPoolExecutor(1) as pool:
        flooding = pool.submit(post, desk.tenant(), events)
        beside = latencies(desk, desk.tenant(), number, every)
        flooding.result()
    waiting = desk.queue.depth()
    desk.await_depth(0)
    alone += latencies(desk, desk.tenant(), number - number // 2, every)
    print(f"{number} events of a quiet tenant, one every {every} s; a flood is {events} events at once")
    print(f"{waiting} of the flood still waited for their turns after the last of them")
    print(f"{'seconds until done':24}{'p50':>8}{'p95':>8}{'max':>8}")
    for name, seconds in (("alone", alone), ("beside a flood", beside)):
        print(f"{name:24}{statistics.median(seconds):8.2f}{p95(seconds):8.2f}{max(seconds):8.2f}")
    ratio = p95(beside) / p95(alone)
    print(f"{'p95, times':24}{'':8}{ratio:8.2f}  goal: at most {GOAL}")
    return ratio <= GOAL


def p95(seconds: list[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(seconds, n=20, method="inclusive")[-1]


def main(arguments: list[str]) -> int | str:
    """Measure and print. Not 0 if an event was not done once, or a flood slowed another tenant too much."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backlog", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000, help="of the backlog and of the flood (1000)")
    parser.add_argument("--tenants", type=int, default=20, help="whose events the backlog is (20)")
    parser.add_argument(
        "--quiet", type=int, default=200, help="events of the quiet tenant, for as long as the flood lasts (200)"
    )
    parser.add_argument("--every", type=float, default=0.5, help="seconds between two of them (0.5)")
    parser.add_argument("--part", choices=["backlog", "flood"], help="only one part")
    given = parser.parse_args(arguments)
    if given.events % given.tenants:
        parser.error("the tenants have as many events each")
    try:
        with running_stack() as stack:
            desk = Desk(stack)
            done = given.part == "flood" or backlog(desk, given.events, given.tenants)
            fair = given.part == "backlog" or flood(desk, given.events, given.quiet, given.every)
    except Stop as reason:
        return str(reason)
    return 0 if done and fair else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
