"""How far a task may go: what it is given, and whether there is any left."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from quadrille.config import settings
from quadrille.receipts import Receipt
from quadrille.rows import Row

LIMITS = ("iterations", "tokens", "usd", "seconds", "tool_calls")
_KEPT = Decimal("0.1")  # of dollars and tokens, for the last word


class Used(NamedTuple):
    """What a task has used. Tokens are all of a model's, in and out; seconds are those it was under way."""

    iterations: int
    tokens: int
    usd: Decimal
    seconds: int
    tool_calls: int


def used(task: Row, spent: Receipt, *, now: float) -> Used:
    """What a task has used by now."""
    tokens = spent.input_tokens + spent.output_tokens + spent.embedding_tokens
    return Used(int(task["step"]), tokens, spent.cost_usd, seconds(task, now=now), int(task["tool_calls"]))


def seconds(task: Row, *, now: float) -> int:
    """How long a task was under way, without what it waited for people."""
    since = task["active_since"]
    return int(task["seconds"]) + (max(0, int(now) - int(since)) if since else 0)


def reached(task: Row, have: Used) -> str:
    """The first limit that leaves no room for another step; empty if none is reached."""
    limits: Mapping[str, Any] = task["limits"]
    return next((name for name in LIMITS if getattr(have, name) >= _before_the_last_word(name, limits[name])), "")


def for_steps(task: Row) -> Decimal:
    """What a task's steps may cost in US dollars; the rest of its limit is kept for the last word."""
    return _before_the_last_word("usd", task["limits"]["usd"])


def of_defaults(usd: Decimal) -> dict[str, int | Decimal]:
    """The limits of a task that names none; `usd` is what a task of the tenant may cost."""
    here = settings()
    return {
        "iterations": here.task_iterations,
        "tokens": here.task_tokens,
        "usd": usd,
        "seconds": here.task_seconds,
        "tool_calls": here.task_tool_calls,
    }


def ceilings(usd: Decimal) -> dict[str, int | Decimal]:
    """The most that may be asked for."""
    here = settings()
    return {
        "iterations": here.max_task_iterations,
        "tokens": here.max_task_tokens,
        "usd": usd,
        "seconds": here.max_task_seconds,
        "tool_calls": here.max_task_tool_calls,
    }


def _before_the_last_word(name: str, limit: Decimal) -> Decimal:
    return limit * (1 - _KEPT) if name in ("usd", "tokens") else limit
