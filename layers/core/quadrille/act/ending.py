"""The states Finish and Stop: a task always ends with a status, and with what is known by then."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from aws_lambda_powertools import Logger
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from quadrille.act.context import place_of, told
from quadrille.act.finishing import Result
from quadrille.act.finishing import finish as finish_tool
from quadrille.act.limits import seconds
from quadrille.act.results import result_key
from quadrille.act.turns import Turn
from quadrille.blobs import Blobs
from quadrille.calls import Payer
from quadrille.config import settings
from quadrille.errors import NotFound, QuadrilleError, RetryLater
from quadrille.events import TaskFinished, emits
from quadrille.llm import Models
from quadrille.prompts import prompt
from quadrille.purposes import PARTIAL
from quadrille.rows import Row
from quadrille.steps import Step, Steps
from quadrille.tasks import Status, Tasks

logger = Logger()

_FAILURES = ("error", "model")  # reasons that are no limit
_LAST = 20  # steps of which a partial answer is made
_TOLD = 1_500  # characters of a result that is told of


class _Partial(BaseModel):
    """What the model is asked to reply."""

    model_config = ConfigDict(extra="forbid")

    answer: str = Field(min_length=1)
    open_points: list[str]


@dataclass(frozen=True, slots=True)
class Closing:
    """What ending a task takes."""

    tasks: Tasks
    steps: Steps
    blobs: Blobs
    models: Models


def finish(turn: Turn, *, closing: Closing, now: float) -> None:
    """Complete a task with the result of its last step, and say of each passage whether it was found."""
    step = closing.steps.get(turn.tenant, turn.task_id, turn.step)
    if step is None:
        return
    values: dict[str, Any] = {"result": step["thought"], "evidence": [], "open_points": []}
    if step["calls"]:
        arguments: Result = finish_tool.check(finish_tool.parse(step["calls"][0]["arguments"]))
        evidence = [
            {**item.model_dump(), "found": _holds(turn, item.call, item.quote, closing)} for item in arguments.evidence
        ]
        values |= {"result": arguments.result, "evidence": evidence}
    _end(turn, Status.COMPLETED, values, closing, now)


def stop(turn: Turn, payer: Payer, *, closing: Closing, now: float) -> None:
    """Stop a task with the best answer there is, and what is open. Raises `RetryLater` only for AWS."""
    task = closing.tasks.active(turn.tenant, turn.task_id, turn.run)
    values: dict[str, Any] = {}
    reason = turn.reason or "error"
    if task:
        steps = closing.steps.after(turn.tenant, turn.task_id, max(0, int(task["step"]) - _LAST))
        partial = _by_model(task, reason, steps, payer, closing) or _by_hand(task, steps)
        values = {"result": partial.answer, "open_points": partial.open_points, "evidence": []}
    values |= {"stop_reason": reason, "error": _why(turn) if reason in _FAILURES else None}
    _end(turn, Status.FAILED if reason in _FAILURES else Status.STOPPED, values, closing, now)


def _end(turn: Turn, status: Status, values: Mapping[str, Any], closing: Closing, now: float) -> None:
    """Set the final status of a run, once."""
    task = closing.tasks.active(turn.tenant, turn.task_id, turn.run)
    if task is None:
        return
    ended = closing.tasks.change(turn.tenant, turn.task_id, turn.run, final(turn.tenant, task, status, values, now=now))
    if ended:
        logger.info("task_ended", task_id=turn.task_id, status=status, reason=ended["stop_reason"])


def final(tenant: str, task: Row, status: Status, values: Mapping[str, Any], *, now: float) -> dict[str, Any]:
    """What the row of a task's run gets as its last: its status, its clock, and the event that says so."""
    reason, run = values.get("stop_reason"), int(task["run"])
    event = TaskFinished(task_id=task["sk"], run=run, status=status.value, stop_reason=reason)
    emitted = emits(event, tenant=tenant, subject=f"tasks/{task['sk']}", once=str(run), hops=int(task["hops"]))
    return {**values, "status": status, "seconds": seconds(task, now=now), "active_since": 0, **emitted}


def _why(turn: Turn) -> str:
    """Why a task failed: in the provider's words if it refused, for those of a bug are for the log alone."""
    if turn.reason == "model" and turn.error:
        return str(turn.error.get("Cause", ""))
    return "A step failed again and again; the log says why. Resume the task to try once more."


def _holds(turn: Turn, call: str, quote: str, closing: Closing) -> bool:
    """Whether a call gave this passage, blanks aside."""
    row = closing.steps.call(turn.tenant, turn.task_id, *place_of(call))
    text = row.get("observation", "")
    if row.get("left_out"):
        try:
            text = closing.blobs.get(result_key(turn.tenant, turn.task_id, call)).decode()
        except NotFound:
            logger.info("result_gone", task_id=turn.task_id, call=call)
    wanted = _plain(quote)
    return bool(wanted) and wanted in _plain(text)


def _plain(text: str) -> str:
    """A text without blanks, and without what JSON puts before a quote or a line's end."""
    return "".join(text.replace("\\n", " ").replace('\\"', '"').split())


def _by_model(task: Row, reason: str, steps: list[Step], payer: Payer, closing: Closing) -> _Partial | None:
    """The best answer by the model, out of what was kept for this; None if it cannot be had."""
    if not steps:
        return None
    given = {"task": task["goal"], "stopped": reason, "notes": _notes(task, steps), "steps": _told(steps)}
    sources = [source for step in steps for row in step.calls.values() for source in row.get("sources", [])]
    payer = replace(payer, task_limit=task["limits"]["usd"], sources=tuple(dict.fromkeys(sources))[-90:])
    try:
        completion = closing.models.chat(
            [
                {"role": "system", "content": prompt("partial")},
                {"role": "user", "content": json.dumps(given, ensure_ascii=False)},
            ],
            payer,
            purpose=PARTIAL,
            schema=_Partial.model_json_schema(),
            limit=settings().partial_tokens,
        )
        return _Partial.model_validate_json(completion.text)
    except (QuadrilleError, RetryLater, ValidationError) as error:
        logger.warning("no_last_word", task_id=task["sk"], reason=type(error).__name__)
        return None


def _by_hand(task: Row, steps: list[Step]) -> _Partial:
    """The same without a model: the notes, and what was seen last."""
    seen = [f"{part['tool']}: {part['gave'][:300]}" for part in _told(steps)[-3:] if part.get("gave")]
    known = [*_notes(task, steps), *seen]
    text = "\n".join(["The task was stopped before it was done. Known so far:", *known] if known else [])
    return _Partial(answer=text or "The task was stopped before anything was found out.", open_points=[task["goal"]])


def _notes(task: Row, steps: list[Step]) -> list[str]:
    new = [row["pinned"] for step in steps for row in step.calls.values() if row.get("pinned")]
    return list(dict.fromkeys([*filter(None, [task["summary"]]), *task["pins"], *new]))


def _told(steps: list[Step]) -> list[dict[str, Any]]:
    parts = [part for step in steps for part in told(step)]
    return [{**part, **({"gave": part["gave"][:_TOLD]} if part.get("gave") else {})} for part in parts]
