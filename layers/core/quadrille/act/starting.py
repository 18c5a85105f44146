"""What people do with a task: give it, cancel it, resume it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from quadrille.act.ending import final
from quadrille.act.limits import LIMITS, ceilings, of_defaults, reached, used
from quadrille.act.models import Allowance, TaskRequest
from quadrille.act.tooling import Tool
from quadrille.act.turns import Turn
from quadrille.budgets import Limits
from quadrille.config import settings
from quadrille.costs import Costs
from quadrille.errors import Conflict, Invalid
from quadrille.machines import Machine
from quadrille.rows import Row
from quadrille.tasks import ACTIVE, RESUMABLE, Status, Tasks


@dataclass(frozen=True, slots=True)
class Office:
    """What giving and changing tasks takes."""

    tasks: Tasks
    machine: Machine
    limits: Limits
    costs: Costs


def create(
    tenant: str,
    request: TaskRequest,
    *,
    once: str,
    tools: Mapping[str, Tool],
    office: Office,
    now: float,
    hops: int = 0,
) -> Row:
    """A task under way: a new one, or the one that was given with the same key `once`. Raises `Invalid`, `Conflict`,
    `TooMany`.

    `hops` counts the events that led to it.
    """
    if len(request.goal) > settings().max_goal_characters:
        raise Invalid("goal", f"has {len(request.goal)} characters; the limit is {settings().max_goal_characters}")
    unknown = sorted(set(request.tools or []) - set(tools))
    if unknown:
        raise Invalid("tools", f"there is no tool {unknown[0]!r}; there are: {', '.join(tools)}")
    values = {
        "run": 1,
        "hops": hops,
        "status": Status.RUNNING,
        "goal": request.goal,
        "collection": request.collection,
        "tools": request.tools,
        "limits": _limits(tenant, "", request.budget, {}, office),
        "step": 0,
        "tool_calls": 0,
        "seconds": 0,
        "active_since": int(now),
        "tainted": False,
        "folded": 0,
        "cleared": 0,
        "summary": "",
        "pins": [],
        "result": None,
        "evidence": [],
        "open_points": [],
        "stop_reason": None,
        "error": None,
    }
    digest = hashlib.sha256(request.model_dump_json().encode()).hexdigest()
    task = office.tasks.create(tenant, values, once=once, digest=digest)
    if task["status"] in ACTIVE:
        _start(tenant, task, office)
    return task


def cancel(tenant: str, task_id: str, *, office: Office, now: float) -> Row:
    """End a task; a step that is under way is its last. Raises `NotFound`, and `Conflict` if it has ended."""
    task = office.tasks.get(tenant, task_id)
    if task["status"] == Status.CANCELLED:
        return task
    values = final(tenant, task, Status.CANCELLED, {"stop_reason": "cancelled"}, now=now)
    changed = office.tasks.change(tenant, task_id, int(task["run"]), values, when=(*ACTIVE, *RESUMABLE))
    if changed is None:
        raise Conflict(f"The task has ended: {office.tasks.get(tenant, task_id)['status']}.")
    if changed.get("token"):  # it may have begun to wait since it was read
        office.machine.go_on(changed["token"])
    return changed


def resume(tenant: str, task_id: str, budget: Allowance, *, office: Office, now: float) -> Row:
    """Let a stopped task go on where it was.

    Raises `NotFound`, `Conflict`, `TooMany`, and `Invalid` for a used-up limit.
    """
    task = office.tasks.get(tenant, task_id)
    if task["status"] == Status.RUNNING and _start(tenant, task, office):
        return task  # whoever gave or resumed it was gone before its execution began
    if task["status"] not in RESUMABLE:
        raise Conflict(f"The task is {task['status']}; what is stopped or failed can be resumed.")
    limits = _limits(tenant, task_id, budget, task["limits"], office)
    spent = office.costs.receipts(tenant, "task", [task_id])[task_id]
    have = used({**task, "limits": limits}, spent, now=now)
    stop = reached({**task, "limits": limits}, have)
    if stop:
        raise Invalid(f"budget.{stop}", f"{getattr(have, stop)} of {limits[stop]} are used; give more to go on")
    values = {
        "run": int(task["run"]) + 1,
        "status": Status.RUNNING,
        "limits": limits,
        "active_since": int(now),
        "stop_reason": None,
        "error": None,
    }
    office.tasks.admit(tenant, task_id)
    changed = office.tasks.change(tenant, task_id, int(task["run"]), values, when=RESUMABLE)
    if changed is None:
        raise Conflict("The task was resumed or cancelled meanwhile.")
    _start(tenant, changed, office)
    return changed


def _start(tenant: str, task: Row, office: Office) -> bool:
    """Start the execution of a task's run, if it was not started; it has one name, so that it is started once."""
    step, run = int(task["step"]), int(task["run"])
    turn = Turn(tenant=tenant, task_id=task["sk"], run=run, step=step, since=step)
    return office.machine.start(f"{task['sk']}-{run}", turn)


def _limits(
    tenant: str, task_id: str, asked: Allowance, given: Mapping[str, Any], office: Office
) -> dict[str, int | Decimal]:
    """A task's limits: what is asked for, else what was given, else the defaults. Raises `Invalid`."""
    usd = office.limits.limit(tenant, "task", task_id)
    wanted = asked.model_dump(exclude_none=True)
    most = ceilings(usd)
    for name in LIMITS:
        if name in wanted and wanted[name] > most[name]:
            raise Invalid(f"budget.{name}", f"is over the limit of {most[name]}")
    return {**of_defaults(usd), **given, **wanted}
