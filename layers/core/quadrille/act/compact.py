"""The state Compact: what a model sees is made shorter, in one go and seldom.

First old results are cleared, which costs nothing: they can be read again. If that does not make enough room, the old
steps are folded into a summary by the model; the facts the agent noted in them stay word for word.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from aws_lambda_powertools import Logger
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from quadrille.act import context
from quadrille.act.limits import for_steps
from quadrille.act.turns import Turn
from quadrille.calls import Payer
from quadrille.config import settings
from quadrille.errors import BudgetExceeded, ProviderRefused, ResultLost, Unanswered, UnknownPrice
from quadrille.llm import Models
from quadrille.prompts import prompt
from quadrille.purposes import COMPACTION
from quadrille.rows import Row
from quadrille.steps import Step, Steps
from quadrille.tasks import Tasks

logger = Logger()

_ROOM = 0.5  # of the context that clearing must leave free, or steps are folded
_TOLD = 1_000  # characters of a result that who sums up is told


class _Summary(BaseModel):
    """What the model is asked to reply."""

    model_config = ConfigDict(extra="forbid")

    summary: str = Field(min_length=1)


def can_compact(task: Row, steps: Sequence[Step]) -> bool:
    """Whether a transcript is too long, and more of it is old than what must be shown."""
    old = steps[: -settings().steps_kept]
    return bool(old) and context.size(context.messages(task, steps)) > settings().task_context_tokens


def compact(turn: Turn, payer: Payer, *, tasks: Tasks, steps: Steps, models: Models) -> Turn:
    """Make a task's transcript shorter. Raises `RetryLater`."""
    task = tasks.active(turn.tenant, turn.task_id, turn.run)
    if task is None:
        return turn.to("end")
    shown = steps.after(turn.tenant, turn.task_id, int(task["folded"]))
    old = shown[: -settings().steps_kept]
    if not old:
        return turn.to("think")
    cleared = {**task, "cleared": old[-1].number}
    values: dict[str, Any] = {"cleared": old[-1].number}
    if context.size(context.messages(cleared, shown)) > settings().task_context_tokens * _ROOM:
        values |= {
            "folded": old[-1].number,
            "summary": _summary(task, old, payer, models),
            "pins": _pinned(task, old),
        }
    changed = tasks.change(turn.tenant, turn.task_id, turn.run, values)
    return turn.to("think" if changed else "end")


def _summary(task: Row, old: Sequence[Step], payer: Payer, models: Models) -> str:
    """What the old steps come to, by the model; what was called, if it cannot say."""
    steps = [
        {**part, **({"gave": part["gave"][:_TOLD]} if "gave" in part else {})}
        for step in old
        for part in context.told(step)
    ]
    given = json.dumps({"task": task["goal"], "summary": task["summary"], "steps": steps}, ensure_ascii=False)
    sources = [source for step in old for row in step.calls.values() for source in row.get("sources", [])]
    try:
        completion = models.chat(
            [{"role": "system", "content": prompt("compact")}, {"role": "user", "content": given}],
            replace(payer, task_limit=for_steps(task), sources=tuple(dict.fromkeys(sources))[-90:]),
            purpose=COMPACTION,
            schema=_Summary.model_json_schema(),
            limit=settings().compaction_tokens,
        )
        return _Summary.model_validate_json(completion.text).summary
    except (BudgetExceeded, ProviderRefused, ResultLost, Unanswered, UnknownPrice, ValidationError) as error:
        logger.warning("steps_not_summed_up", task_id=task["sk"], reason=type(error).__name__)
        return _named(task, old)


def _named(task: Row, old: Sequence[Step]) -> str:
    """The summary of who has no model: which calls were made; their results can be read again."""
    made = [f"{part['call']} {part['tool']}" for step in old for part in context.told(step) if "tool" in part]
    return f"{task['summary']}\nCalls made, whose results read_result shows: {', '.join(made)}."[-4_000:].strip()


def _pinned(task: Row, old: Sequence[Step]) -> list[str]:
    """All facts noted so far; the oldest go, if they are too many, and `recall` finds them."""
    new = [row["pinned"] for step in old for _, row in sorted(step.calls.items()) if row.get("pinned")]
    pins = list(dict.fromkeys([*task["pins"], *new]))
    while sum(map(len, pins)) > settings().pinned_characters:
        pins.pop(0)
    return pins
