"""What a model sees of a task: the task, what was folded into a summary, and the steps since.

The transcript only grows at its end, so that a provider's cache of the beginning holds, until it is compacted: then old
results are cleared in one go, and if that is not enough, old steps are folded into a summary.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from quadrille.prompts import prompt
from quadrille.rows import Row
from quadrille.steps import Step
from quadrille.tokens import estimated

Message = dict[str, Any]

CALL_ID = re.compile(r"r[0-9]{1,6}-[0-9]{1,3}")
UNKNOWN = (
    "This call was begun and never ended: what it does may or may not have happened. Find out before you repeat it."
)
_SHORT = 200  # characters of a result that are not worth clearing
_UNSEEN = "not shown any more; read_result shows it"
_PROSE = "Nothing was done: a turn is a call of a tool. Call one, or finish with the result."


def messages(task: Row, steps: Sequence[Step]) -> list[Message]:
    """A task and its steps after those that are folded, as OpenAI's messages."""
    head: list[Message] = [
        {"role": "system", "content": prompt("act")},
        {"role": "user", "content": _json({"task": task["goal"], "collection": task["collection"]})},
    ]
    if task["folded"]:
        head.append({"role": "user", "content": _json({"done_so_far": task["summary"], "notes": task["pins"]})})
    return head + transcript(steps, cleared=int(task["cleared"]))


def transcript(steps: Sequence[Step], *, cleared: int) -> list[Message]:
    """Steps as messages; the results of those up to `cleared` are not shown any more."""
    return [message for step in steps for message in _of_step(step, cleared=step.number <= cleared)]


def size(transcript: Iterable[Message]) -> int:
    """Tokens of messages, about."""
    return estimated(_json(list(transcript)))


def call_id(step: int, call: int) -> str:
    """How a call is named to the model, to `read_result` and to people."""
    return f"r{step}-{call}"


def place_of(id_: str) -> tuple[int, int]:
    """The step and the number of a call, by its id as `call_id` made it."""
    step, _, call = id_.removeprefix("r").partition("-")
    return int(step), int(call)


def told(step: Step) -> list[dict[str, Any]]:
    """A step as a model is told of it that is to sum it up."""
    return [
        {"call": call_id(step.number, number), "tool": call["name"], "arguments": call["arguments"], "gave": gave}
        for number, call in enumerate(step.row["calls"])
        for gave in [step.calls.get(number, {}).get("observation") or call["refused"]]
    ] or [{"said": step.row["thought"]}]


def _of_step(step: Step, *, cleared: bool) -> list[Message]:
    calls = step.row["calls"]
    if not calls:
        return [{"role": "assistant", "content": step.row["thought"]}, {"role": "user", "content": _PROSE}]
    made = [
        {
            "id": call_id(step.number, number),
            "type": "function",
            "function": {"name": call["name"], "arguments": _object(call["arguments"])},
        }
        for number, call in enumerate(calls)
    ]
    said: Message = {"role": "assistant", "content": step.row["thought"] or None, "tool_calls": made}
    return [said, *(_result(step, number, call, cleared=cleared) for number, call in enumerate(calls))]


def _result(step: Step, number: int, call: Mapping[str, Any], *, cleared: bool) -> Message:
    id_ = call_id(step.number, number)
    return {"role": "tool", "tool_call_id": id_, "content": _json({"call": id_, **_shown(step, number, call, cleared)})}


def _shown(step: Step, number: int, call: Mapping[str, Any], cleared: bool) -> dict[str, Any]:
    """What a call gave. Text of others travels as a JSON string, which nothing in it can close."""
    row = step.calls.get(number, {})
    text = row.get("observation")
    if text is None:
        return {"error": call["refused"] or (UNKNOWN if row.get("tries") else "This call was not made.")}
    if cleared and len(text) > _SHORT:
        return {"result": _UNSEEN}
    left = {"left_out": row["left_out"]} if row["left_out"] else {}
    edited = {"made_with": _value(row["arguments"])} if "arguments" in row else {}
    return {row["kind"]: _value(text), **left, **edited}


def _object(arguments: str) -> str:
    """Arguments as any provider takes them back, for some read them: what is no JSON object is shown in one."""
    try:
        is_object = isinstance(json.loads(arguments or "{}"), dict)
    except (ValueError, RecursionError):
        is_object = False
    return (arguments or "{}") if is_object else _json({"given": arguments})


def _value(text: str) -> Any:
    """A result that is JSON as what it says, which is shorter than JSON in a string."""
    try:
        return json.loads(text) if text.startswith(("{", "[")) else text
    except (ValueError, RecursionError):
        return text


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
