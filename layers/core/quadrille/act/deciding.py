"""What becomes of a model's move: which of its calls are made, which are refused and why, and where the task goes."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quadrille.act.finishing import finish
from quadrille.act.tooling import Tool
from quadrille.act.turns import Next
from quadrille.config import settings
from quadrille.errors import QuadrilleError
from quadrille.llm import Move, ToolCall
from quadrille.rows import Row
from quadrille.steps import Step

_UNNAMEABLE, _NAME = re.compile(r"[^A-Za-z0-9_-]"), 64  # characters no name may have, and how many it may
_RECENT = 8  # steps in which a repeated call is noticed
_REPEATED = 2  # times a call was made with the same result before the model is told
_STUBBORN = 4  # times after which the task is stopped


@dataclass(frozen=True, slots=True)
class Decision:
    """Calls as a step's row has them, where to go, and why if it is to stop."""

    calls: list[dict[str, Any]]
    next: Next
    reason: str = ""

    @property
    def made(self) -> list[int]:
        """The numbers of the calls that are made."""
        return [number for number, call in enumerate(self.calls) if not call["refused"]]


def decide(task: Row, move: Move, steps: Sequence[Step], tools: Mapping[str, Tool], *, left: int) -> Decision:
    """What becomes of a move after these steps; `left` is how many calls the task may still make."""
    if not move.calls:
        return Decision([], "finish") if _was_prose(steps) and move.text.strip() else _refused([], steps)
    if [call.name for call in move.calls] == [finish.name]:
        return _finish(move.calls[0], steps)
    times = [_times(call, steps) for call in move.calls]
    calls = [
        _judged(number, call, seen, task, tools, left=left)
        for number, (call, seen) in enumerate(zip(move.calls, times, strict=True))
    ]
    decision = Decision(calls, "approve" if any(call["approval"] for call in calls) else "use_tools")
    if decision.made:
        return decision
    if max(times) >= _STUBBORN:
        return Decision(calls, "stop", "loop")
    return _refused(calls, steps)


def _finish(call: ToolCall, steps: Sequence[Step]) -> Decision:
    refused = _refusal(call, finish)
    return _refused([_entry(call, refused)], steps) if refused else Decision([_entry(call)], "finish")


def _refused(calls: list[dict[str, Any]], steps: Sequence[Step]) -> Decision:
    """No call can be made: the model is told why, so many times in a row."""
    in_a_row = next((n for n, step in enumerate(reversed(steps)) if _was_of_use(step)), len(steps))
    if in_a_row + 1 > settings().repairs:
        return Decision(calls, "stop", "repairs")
    return Decision(calls, "think")


def _was_of_use(step: Step) -> bool:
    return any(not call["refused"] for call in step.row["calls"])


def _was_prose(steps: Sequence[Step]) -> bool:
    return bool(steps) and not steps[-1].row["calls"]


def _judged(
    number: int, call: ToolCall, times: int, task: Row, tools: Mapping[str, Tool], *, left: int
) -> dict[str, Any]:
    """A call as the step's row has it."""
    most = min(settings().calls_at_once, left)
    tool = tools.get(call.name)
    if number >= most:
        return _entry(call, f"Not made: {most} calls at most can be made now. Make it in a later turn.")
    if call.name == finish.name:
        return _entry(call, "Not finished: call finish alone, after you have seen what your other calls gave.")
    if tool is None:
        return _entry(call, f"There is no tool {call.name[:100]!r}. There are: {', '.join([*tools, finish.name])}.")
    if refused := _refusal(call, tool):
        return _entry(call, refused)
    if times >= _REPEATED:
        return _entry(call, f"Not made: the same call gave the same {times} times. Do something else, or finish.")
    tainted = task["tainted"] and settings().effects_after_untrusted == "approve"
    return _entry(call, approval=tool.approval or (tool.effect and tainted))


def _entry(call: ToolCall, refused: str = "", *, approval: bool = False) -> dict[str, Any]:
    """A name is kept as a provider takes it back: one that no tool can have would end the task."""
    name = _UNNAMEABLE.sub("_", call.name)[:_NAME] or "_"
    return {"name": name, "arguments": call.arguments, "refused": refused, "approval": approval}


def _refusal(call: ToolCall, tool: Tool) -> str:
    """What is wrong with a call's arguments, for the model to mend; empty if nothing is."""
    try:
        tool.check(tool.parse(call.arguments))
    except QuadrilleError as error:
        return f"Not made: {error}"
    return ""


def _times(call: ToolCall, steps: Sequence[Step]) -> int:
    """How often this call was wished lately, if it gave the same every time."""
    same = [
        step.calls.get(number, {}).get("observation")
        for step in steps[-_RECENT:]
        for number, made in enumerate(step.row["calls"])
        if made["name"] == call.name and _same(made["arguments"], call.arguments)
    ]
    given = {text for text in same if text is not None}
    return len(same) if len(given) <= 1 else 0


def _same(one: str, other: str) -> bool:
    """Whether two arguments are the same JSON."""
    if one == other:
        return True
    try:
        return bool(json.loads(one) == json.loads(other))
    except (ValueError, RecursionError):
        return False
