"""Tasks on the deployed stack: the state machine, its functions with their policies, and the HTTP API."""

import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from local.stack.places import Ports, read_stack
from tests.integration.agent import calling, finishing
from tests.local.conftest import Caller
from tests.local.test_sockets import connected, receive, send

ENDED = ("completed", "stopped", "failed", "cancelled")


@pytest.fixture
def caller(new_caller: Callable[..., Caller]) -> Caller:
    return new_caller(("ask", "ingest", "act"))


def script(*replies: dict[str, Any]) -> str:
    """A goal for which the offline model follows a script."""
    goal = f"The task {uuid4().hex}."
    data = json.dumps({"match": goal, "replies": replies}).encode()
    port = Ports.from_first(urlsplit(read_stack()["aws_endpoint_url"]).port or 0).models
    request = urllib.request.Request(f"http://127.0.0.1:{port}/scripts", data, method="PUT")
    urllib.request.urlopen(request, timeout=10).close()
    return goal


def give(caller: Caller, goal: str, **more: Any) -> str:
    task_id: str = caller.ok("POST", "/tasks", {"goal": goal, **more})["task_id"]
    return task_id


def until(caller: Caller, task_id: str, *statuses: str, seconds: float = 60) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while True:
        task = caller.ok("GET", f"/tasks/{task_id}")
        if task["status"] in statuses:
            return task
        assert task["status"] not in ENDED, task
        assert time.monotonic() < deadline, task
        time.sleep(0.2)


def test_a_task_works_over_the_tenants_documents(caller: Caller, client: Callable[[str], Any]) -> None:
    key = f"uploads/{caller.tenant}/default/club.md"
    client("s3").put_object(Bucket=caller.stack["bucket"], Key=key, Body=b"The number of the club is seven.")
    caller.await_final("club.md")
    search = ("search_documents", {"query": "the number of the club", "document_id": None})
    calls = [search, ("list_documents", {"after": None}), ("remember", {"fact": "The club has a number."})]
    goal = script(calling(*calls), finishing("Seven.", ("r1-0", "The number of the club is seven.")))
    task = until(caller, give(caller, goal), *ENDED)
    assert (task["status"], task["result"], task["evidence"][0]["found"]) == ("completed", "Seven.", True), task
    steps = caller.ok("GET", f"/tasks/{task['task_id']}/steps")["steps"]
    assert [call["status"] for call in steps[0]["calls"]] == ["done"] * 3, steps


def test_a_task_waits_for_people_and_goes_on(caller: Caller) -> None:
    goal = script(calling(("ask_human", {"question": "Which?"})), finishing("Done."))
    task = until(caller, give(caller, goal), "waiting")
    approval = task["approvals"][0]["approval_id"]
    caller.ok("POST", f"/tasks/{task['task_id']}/approvals/{approval}", {"decision": "approve", "comment": "That."})
    assert until(caller, task["task_id"], *ENDED)["status"] == "completed"


def test_a_waiting_task_is_cancelled(caller: Caller) -> None:
    task_id = give(caller, script(calling(("ask_human", {"question": "Which?"})), finishing("Done.")))
    until(caller, task_id, "waiting")
    assert caller.ok("POST", f"/tasks/{task_id}/cancel", {})["status"] == "cancelled"


def test_a_stopped_task_is_resumed(caller: Caller) -> None:
    replies = [calling(("calculate", {"expression": f"{number} + 1"})) for number in range(4)]
    task_id = give(caller, script(*replies, finishing("Done.")), budget={"iterations": 2})
    stopped = until(caller, task_id, "stopped")
    assert (stopped["stop_reason"], bool(stopped["result"])) == ("iterations", True)
    caller.ok("POST", f"/tasks/{task_id}/resume", {"budget": {"iterations": 20}})
    assert until(caller, task_id, *ENDED)["status"] == "completed"


def test_a_long_task_goes_on_in_another_execution(caller: Caller) -> None:
    replies = [calling(("calculate", {"expression": f"{number} + 1"})) for number in range(205)]
    budget = {"iterations": 300, "tool_calls": 300, "tokens": 5_000_000}
    task_id = give(caller, script(*replies, finishing("Done.")), budget=budget)
    task = until(caller, task_id, *ENDED, seconds=240)
    assert (task["status"], task["result"]) == ("completed", "Done.")


def test_the_tools_are_listed_with_their_schemas(caller: Caller) -> None:
    tools = {tool["name"]: tool for tool in caller.ok("GET", "/tools")["items"]}
    assert tools["calculate"]["schema"]["required"] == ["expression"]
    assert "send_email" not in tools  # no sender is set


def test_a_watched_task_is_shown_until_it_has_ended(caller: Caller) -> None:
    goal = script(calling(("calculate", {"expression": "6 * 7"})), finishing("42."))
    with connected(caller) as socket:
        task_id = give(caller, goal)
        send(socket, {"action": "watch", "id": "w", "resource": f"tasks/{task_id}"})
        frames = receive(socket, lambda frame: frame["status"] in ENDED)
    assert (frames[-1]["type"], frames[-1]["id"], frames[-1]["status"]) == ("progress", "w", "completed")
    assert len(frames) > 1, "how far it has come is shown, too"
