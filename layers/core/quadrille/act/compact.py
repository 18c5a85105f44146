"""The state Compact: what a model sees is made shorter, in one go and seldom.

First old results are cleared, which costs nothing: they can be read again. If what is left of the old steps is still
much, they are folded into a summary by the model; the facts the agent noted in them stay word for word.
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

_LEFT = 0.25  # of the context that steps may take whose results are cleared, or they are folded
_TOLD = 1_000  # characters of a result that who sums up is told


class _Summary(BaseModel):
    """What the model is asked to reply."""

    model_config = ConfigDict(extra="forbid")

    summary: str = Field(min_length=1)


def can_compact(task: Row, steps: Sequence[Step]) -> bool:
    """Whether the steps take too much, and some are old that are not yet cleared."""
    old = steps[: -settings().steps_kept]
    if not old or old[-1].number <= task["cleared"]:
        return False
    return context.size(context.transcript(steps, cleared=int(task["cleared"]))) > settings().task_context_tokens


def compact(turn: Turn, payer: Payer, *, tasks: Tasks, steps: Steps, models: Models) -> Turn:
    """Make a task's transcript shorter. Raises `RetryLater`."""
    task = tasks.active(turn.tenant, turn.task_id, turn.run)
    if task is None:
        return turn.to("end")
    shown = steps.after(turn.tenant, turn.task_id, int(task["folded"]))
    old = shown[: -settings().steps_kept]
    if not old:
        return turn.to("think")
    last = old[-1].number
    values: dict[str, Any] = {"cleared": last}
    if context.size(context.transcript(old, cleared=last)) > settings().task_context_tokens * _LEFT:
        values |= {
            "folded": last,
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
