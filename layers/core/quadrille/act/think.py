"""The state Think: the model decides on the next step, if the task may take one."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from quadrille.act import context
from quadrille.act.compact import can_compact
from quadrille.act.deciding import Decision, decide
from quadrille.act.finishing import finish
from quadrille.act.limits import for_steps, reached, seconds, used
from quadrille.act.tooling import Tool
from quadrille.act.turns import Turn
from quadrille.calls import Payer
from quadrille.config import settings
from quadrille.costs import Costs
from quadrille.errors import BudgetExceeded, ProviderRefused, ResultLost, Unanswered, UnknownPrice
from quadrille.llm import Models, Move, ToolCall
from quadrille.purposes import STEP
from quadrille.rows import Row
from quadrille.steps import Step, Steps
from quadrille.tasks import Status, Tasks

_FINAL = (ProviderRefused, ResultLost, Unanswered, UnknownPrice)
_MOST_SOURCES = 90
_MOST_BYTES, _TEXT_BYTES = 200_000, 150_000  # of all calls, and of one text; an item holds 400 KB
_CALL_BYTES = 500  # of a call besides its arguments, a refusal among them


@dataclass(frozen=True, slots=True)
class Mind:
    """What thinking takes. `tools` are those of this deployment, by name."""

    tasks: Tasks
    steps: Steps
    models: Models
    costs: Costs
    tools: Callable[[], Mapping[str, Tool]]
    now: Callable[[], float] = time.time


def think(turn: Turn, payer: Payer, *, mind: Mind) -> Turn:
    """Decide on the next step, once: whoever comes again finds the same decision. Raises `RetryLater`."""
    task = mind.tasks.active(turn.tenant, turn.task_id, turn.run)
    if task is None:
        return turn.to("end")
    if turn.step - turn.since >= settings().execution_steps:
        return turn.to("continue", since=turn.step)
    steps = mind.steps.after(turn.tenant, turn.task_id, int(task["folded"]))
    seen = [step for step in steps if step.number <= turn.step]
    if len(seen) == len(steps):
        stop = reached(task, used(task, _spent(mind, turn), now=mind.now()))
        if stop:
            return turn.to("stop", reason=stop)
        if can_compact(task, seen):
            return turn.to("compact")
        try:
            row = _step(turn, task, seen, payer, mind)
        except BudgetExceeded as error:
            return turn.to("stop", reason="usd" if error.scope == "task" else f"{error.scope}_budget")
        except _FINAL as error:
            return turn.to("stop", reason="model", error={"Error": type(error).__name__, "Cause": str(error)})
    else:
        row = steps[len(seen)].row
    return _onward(turn, task, row, mind)


def _step(turn: Turn, task: Row, steps: list[Step], payer: Payer, mind: Mind) -> Row:
    """Ask the model, and keep what it decided."""
    tools = offered(task, mind.tools())
    started = mind.now()
    move = mind.models.choose(
        context.messages(task, steps),
        replace(payer, task_limit=for_steps(task), sources=_sources(steps)),
        purpose=STEP,
        tools=[*(tool.offered() for tool in tools.values()), finish.offered()],
        limit=settings().step_tokens,
    )
    move = _storable(move)
    left = int(task["limits"]["tool_calls"]) - int(task["tool_calls"])
    decision = decide(task, move, steps, tools, left=left)
    values = _kept(decision, move, tools) | {"ms": int((mind.now() - started) * 1000)}
    return mind.steps.add(turn.tenant, turn.task_id, turn.step + 1, values)


def offered(task: Row, tools: Mapping[str, Tool]) -> dict[str, Tool]:
    """The tools of a task: those it names, else all. None of a deployer's is `finish`, which is there always."""
    allowed = tools if task["tools"] is None else task["tools"]
    return {name: tool for name, tool in tools.items() if name in allowed and name != finish.name}


def _kept(decision: Decision, move: Move, tools: Mapping[str, Tool]) -> dict[str, Any]:
    names = [decision.calls[number]["name"] for number in decision.made]
    return {
        "thought": move.text,
        "calls": decision.calls,
        "made": decision.made if decision.next in ("use_tools", "approve") else [],
        "next": decision.next,
        "reason": decision.reason,
        "taints": any(name in tools and tools[name].untrusted for name in names),
        "receipt": move.receipt.public(),
    }


def _onward(turn: Turn, task: Row, row: Row, mind: Mind) -> Turn:
    """Note on the task that a step was decided, and go where it leads."""
    number, made = turn.step + 1, [int(call) for call in row["made"]]
    if task["step"] < number:
        now = mind.now()
        values = {
            "step": number,
            "tool_calls": int(task["tool_calls"]) + len(made),
            "tainted": task["tainted"] or row["taints"],
            "status": Status.RUNNING,
            "seconds": seconds(task, now=now),
            "active_since": int(now),
        }
        if mind.tasks.change(turn.tenant, turn.task_id, turn.run, values) is None:
            return turn.to("end")
    going = turn.to(row["next"], step=number, calls=made, reason=row["reason"])
    return going.model_copy(update={"approval_seconds": settings().approval_seconds})


def _spent(mind: Mind, turn: Turn) -> Any:
    return mind.costs.receipts(turn.tenant, "task", [turn.task_id])[turn.task_id]


def _sources(steps: list[Step]) -> tuple[str, ...]:
    """The document versions the transcript draws on, the latest of them."""
    found = [source for step in steps for row in step.calls.values() for source in row.get("sources", [])]
    return tuple(dict.fromkeys(found))[-_MOST_SOURCES:]


def _storable(move: Move) -> Move:
    """The same as a row takes it: without halves of characters, and no more than it holds."""
    calls: list[ToolCall] = []
    room = _MOST_BYTES
    for call in move.calls:
        kept = replace(call, name=_cut(call.name), arguments=_cut(call.arguments))
        room -= len(kept.arguments.encode()) + _CALL_BYTES
        if room < 0:
            break
        calls.append(kept)
    return replace(move, text=_cut(move.text), calls=tuple(calls))


def _cut(text: str) -> str:
    return text.encode("utf-8", "replace")[:_TEXT_BYTES].decode("utf-8", "ignore")
