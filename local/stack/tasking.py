"""`make task`: a task given to the running stack, its steps written to the terminal as they are taken."""

import json
import time
from collections.abc import Iterator
from typing import Any

from local.stack.demo import call
from local.stack.places import Stop

GOAL = "Search the documents for the battery warranty of the Aurora X2."
TOOLS = ["search_documents", "list_documents", "read_document", "calculate", "current_time"]
_SECONDS = 300
_WIDTH = 160


def run_task(stack: dict[str, Any], goal: str) -> None:
    """Print a task's steps while it runs, then its result. Raises `Stop` if it takes too long."""
    task = call(stack, "POST", "/tasks", {"goal": goal, "tools": TOOLS})
    for line in steps(stack, task["task_id"]):
        print(line, flush=True)
    task = call(stack, "GET", f"/tasks/{task['task_id']}")
    print(f"\n  {task['status']}{': ' + task['stop_reason'] if task['stop_reason'] else ''}\n\n  {task['result']}\n")
    for item in task["evidence"]:
        print(f"  [{item['call']}] {'found' if item['found'] else 'not found'}: {_short(item['quote'])}")
    for asked in task["approvals"]:
        print(f"  waits for you: POST /tasks/{task['task_id']}/approvals/{asked['approval_id']} ({asked['tool']})")
    receipt = task["receipt"]
    print(f"\n  receipt: ${receipt['cost_usd']}, {receipt['calls']} calls, saved ${receipt['saved_usd']}")


def steps(stack: dict[str, Any], task_id: str) -> Iterator[str]:
    """A line for each call of each step, once it has ended."""
    deadline, seen = time.monotonic() + _SECONDS, 0
    while time.monotonic() < deadline:
        over = call(stack, "GET", f"/tasks/{task_id}")["status"] != "running"
        taken = call(stack, "GET", f"/tasks/{task_id}/steps?cursor={seen}")["steps"]
        for step in taken if over else taken[:-1]:  # the last one may still be under way
            yield from _lines(step)
            seen = step["number"]
        if over and not taken:
            return
        time.sleep(0.3)
    raise Stop(f"The task has not ended within {_SECONDS} s; GET /tasks/{task_id} says how far it is.")


def _lines(step: dict[str, Any]) -> Iterator[str]:
    spent = f"{step['tokens']['input']} + {step['tokens']['output']} tokens, ${step['cost_usd']}, {step['ms']} ms"
    yield f"  step {step['number']}  ({spent})" + (f"  {_short(step['thought'])}" if step["thought"] else "")
    for made in step["calls"]:
        yield f"    {made['tool']} {_short(json.dumps(made['arguments'], ensure_ascii=False))}"
        if made["observation"]:
            yield f"      {made['status']}: {_short(made['observation'])}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…"
