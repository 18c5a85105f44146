"""The state WaitForApproval, and what ends it: people decide about calls while the task waits and costs nothing."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from quadrille.act.context import CALL_ID, call_id, place_of
from quadrille.act.limits import seconds
from quadrille.act.tooling import Tool
from quadrille.act.turns import Turn
from quadrille.errors import Conflict, NotFound
from quadrille.machines import Machine
from quadrille.rows import Row
from quadrille.steps import Step, Steps
from quadrille.tasks import Status, Tasks

Decision = Literal["approve", "reject"]


@dataclass(frozen=True, slots=True)
class Desk:
    """What waiting and deciding take."""

    tasks: Tasks
    steps: Steps
    machine: Machine


def wait(turn: Turn, token: str, *, desk: Desk, now: float) -> None:
    """Ask about the calls of a step, and let the task wait. Called again it waits under the new token."""
    task = desk.tasks.active(turn.tenant, turn.task_id, turn.run)
    step = desk.steps.get(turn.tenant, turn.task_id, turn.step) if task else None
    if task is None or step is None:
        return desk.machine.go_on(token)
    for number, call in enumerate(step["calls"]):
        if call["approval"]:
            until = int(now) + turn.approval_seconds
            desk.steps.ask(turn.tenant, turn.task_id, turn.step, number, until=until)
    values = {"status": Status.WAITING, "token": token, "seconds": seconds(task, now=now), "active_since": 0}
    changed = desk.tasks.change(turn.tenant, turn.task_id, turn.run, values)
    return go_on(changed, desk=desk, now=now) if changed else desk.machine.go_on(token)


def decide(
    task: Row,
    approval_id: str,
    decision: Decision,
    *,
    comment: str,
    arguments: Mapping[str, Any] | None,
    by: str,
    tools: Mapping[str, Tool],
    desk: Desk,
    now: float,
) -> None:
    """Decide about a call, perhaps with other arguments. Said once more it changes nothing.

    Raises `NotFound`, `Invalid` for arguments the tool does not take, and `Conflict` if it was decided otherwise or the
    time is over.
    """
    tenant, task_id = task["pk"].removeprefix("task#"), task["sk"]
    number, call = place_of(approval_id) if CALL_ID.fullmatch(approval_id) else (0, 0)
    step = desk.steps.get(tenant, task_id, number)
    row = desk.steps.call(tenant, task_id, number, call)
    if step is None or "decision" not in row:
        raise NotFound(f"There is no approval {approval_id!r} of this task.")
    values: dict[str, Any] = {"decision": decision, "comment": comment, "decided_by": by}
    if arguments is not None:
        values["arguments"] = json.dumps(arguments, ensure_ascii=False)
        tool = tools.get(step["calls"][call]["name"])
        if tool is None:
            raise Conflict("The tool is not there any more; the call can only be rejected.")
        tool.check(tool.parse(values["arguments"]))
    if not desk.steps.decide(tenant, task_id, number, call, values):
        row = desk.steps.call(tenant, task_id, number, call)
        if any(row.get(name) != value for name, value in values.items() if name != "decided_by"):
            raise Conflict(_too_late(approval_id, row))
    go_on(desk.tasks.get(tenant, task_id), desk=desk, now=now)


def go_on(task: Row, *, desk: Desk, now: float) -> None:
    """Let a task go on that waits for nobody any more: each is decided, or its time is over."""
    if task["status"] != Status.WAITING:
        return
    if not any(_is_open(row, now) for row in asked(task, desk.steps).values()):
        desk.machine.go_on(task["token"])


def asked(task: Row, steps: Steps) -> dict[str, Row]:
    """The calls of a waiting task's step about which people are asked, by their ids."""
    number = int(task["step"])
    found: list[Step] = steps.after(task["pk"].removeprefix("task#"), task["sk"], number - 1, limit=1)
    calls = found[0].calls if found else {}
    return {call_id(number, call): row for call, row in sorted(calls.items()) if "decision" in row}


def _is_open(row: Row, now: float) -> bool:
    return bool(row["decision"] == "pending" and row["until"] > now)


def _too_late(approval_id: str, row: Row) -> str:
    if row["decision"] == "pending":
        return f"The time to decide about {approval_id!r} is over; the task goes on without the call."
    return f"The approval {approval_id!r} was decided already: {row['decision']}."
