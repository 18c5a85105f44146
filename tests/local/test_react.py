"""Events on the deployed stack: what happens makes other things happen, once."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.stack.commands import main
from local.stack.places import STACK
from quadrille.events import Envelope, TaskRequested
from quadrille.queues import Queue
from quadrille.react.replaying import delivery_of
from tests.integration.agent import finishing
from tests.local.conftest import Caller
from tests.local.test_act import script


@pytest.fixture
def caller(new_caller: Callable[..., Caller]) -> Caller:
    return new_caller(("ask", "ingest", "act", "react"))


def cloud_event(type_: str, data: dict[str, Any], id_: str) -> dict[str, Any]:
    return {"specversion": "1.0", "id": id_, "source": "/tests", "type": type_, "data": data}


def eventually(find: Callable[[], Any], *, seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := find()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return found


def finished(caller: Caller, number: int = 1) -> list[dict[str, Any]]:
    def find() -> Any:
        tasks = caller.ok("GET", "/tasks")["items"]
        return tasks if len(tasks) >= number and all(task["status"] == "completed" for task in tasks) else None

    found: list[dict[str, Any]] = eventually(find)
    return found


def test_an_event_asks_for_a_task_once_however_often_it_is_posted(caller: Caller) -> None:
    event = cloud_event("TaskRequested", {"goal": script(finishing("Done."))}, "1")
    statuses = [caller.ok("POST", "/events", event)["status"] for _ in range(3)]
    assert statuses == ["accepted", "known", "known"]
    [task] = finished(caller)
    assert task["result"] == "Done."


def test_a_rule_lets_an_agent_read_what_was_indexed(caller: Caller, client: Callable[[str], Any]) -> None:
    goal = script(finishing("Read."))
    pattern = {"type": ["DocumentIndexed"], "data": {"collection": ["contracts"]}}
    caller.ok("PUT", "/rules/read-it", {"pattern": pattern, "action": {"kind": "task", "goal": goal}})
    key = f"uploads/{caller.tenant}/contracts/lease.md"
    client("s3").put_object(Bucket=caller.stack["bucket"], Key=key, Body=b"The lease ends in May.")
    [task] = finished(caller)
    assert "lease.md" in task["goal"]


def test_a_rule_gives_a_short_document_a_summary(caller: Caller, client: Callable[[str], Any]) -> None:
    pattern = {"type": ["DocumentIndexed"]}
    caller.ok("PUT", "/rules/sum-up", {"pattern": pattern, "action": {"kind": "summary"}})
    key = f"uploads/{caller.tenant}/default/club.md"
    client("s3").put_object(
        Bucket=caller.stack["bucket"], Key=key, Body=b"The number of the club is seven. It is green."
    )
    document = caller.await_final("club.md")
    assert eventually(lambda: caller.ok("GET", f"/documents/{document['document_id']}")["summary"])


def test_more_events_than_a_tenant_has_turns_for_come_in_their_turn(
    caller: Caller, client: Callable[[str], Any]
) -> None:
    """A dozen may be taken at once; the rest must not wait for the queue's own timeout of three minutes."""
    found = client("cloudformation").describe_stack_resource(StackName=STACK, LogicalResourceId="ApplyRulesQueue")
    queue = Queue(found["StackResourceDetail"]["PhysicalResourceId"], client("sqs"))
    eventually(lambda: queue.depth() == 0)
    caller.ok("POST", "/events", [cloud_event("tests.flood", {}, str(number)) for number in range(40)])
    eventually(lambda: queue.depth() > 0)
    eventually(lambda: queue.depth() == 0)


def test_a_dead_letter_of_a_consumer_is_counted_shown_and_sent_back(
    caller: Caller, client: Callable[[str], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = TaskRequested(goal=script(finishing("Done.")))
    envelope = Envelope.of(asked, tenant=caller.tenant, subject="events/1")
    found = client("cloudformation").describe_stack_resource(StackName=STACK, LogicalResourceId="StartTaskDeadLetters")
    dead = Queue(found["StackResourceDetail"]["PhysicalResourceId"], client("sqs"))
    dead.send(delivery_of(envelope))
    assert main(["dead-letters"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines if line.endswith(" 1 dead")] == [
        ["consumer", "start_task", "0", "waiting", "1", "dead"]
    ]
    assert main(["dead-letters", "consumer=start_task"]) == 0
    shown = capsys.readouterr().out
    assert (envelope.id in shown, asked.goal in shown) == (True, False)
    assert main(["redrive", "consumer=start_task"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0])["redriven"] == 1
    [task] = finished(caller)
    assert (task["result"], dead.depth()) == ("Done.", 0)
    assert main(["redrive", "consumer=embed"]) == 1
    assert "start_task" in capsys.readouterr().err


def test_parked_events_are_listed_in_pages(caller: Caller) -> None:
    batch = [cloud_event("OrderPlaced", {}, str(number)) for number in range(3)]
    assert {item["status"] for item in caller.ok("POST", "/events", batch)["items"]} == {"parked"}
    first = caller.ok("GET", "/events?limit=2")
    second = caller.ok("GET", f"/events?limit=2&cursor={first['cursor']}")
    assert len({item["id"] for item in first["items"] + second["items"]}) == 3
    assert second["cursor"] is None


def test_a_replay_of_what_is_done_is_free(
    caller: Caller, client: Callable[[str], Any], outputs: dict[str, str]
) -> None:
    caller.ok("POST", "/events", cloud_event("TaskRequested", {"goal": script(finishing("Done."))}, "1"))
    finished(caller)
    now = datetime.now(UTC)
    command = {
        "since": (now - timedelta(minutes=5)).isoformat(),
        "until": (now + timedelta(minutes=5)).isoformat(),
        "tenant": caller.tenant,
    }

    def replay(action: str) -> dict[str, Any]:
        answer = client("lambda").invoke(
            FunctionName=outputs["ReplayFunction"], Payload=json.dumps({**command, "action": action})
        )
        body: dict[str, Any] = json.loads(answer["Payload"].read())
        assert "error" not in body, body
        return body

    predicted = eventually(lambda: (found := replay("predict"))["events"] >= 2 and found)
    assert predicted["at_most_usd"] == "0"
    assert replay("play")["sent"]["start_task"] == 1
    time.sleep(2)
    assert len(finished(caller)) == 1
