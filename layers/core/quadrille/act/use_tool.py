"""The state UseTool: one call of a step is made, its effect at most once, and what it gave is kept."""

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from aws_lambda_powertools import Logger

from quadrille.act.context import UNKNOWN, call_id
from quadrille.act.limits import for_steps
from quadrille.act.results import result_key
from quadrille.act.tooling import Observation, Tool, Use, Workbench
from quadrille.act.turns import CallOfTurn
from quadrille.blobs import Blobs
from quadrille.calls import Payer
from quadrille.config import settings
from quadrille.errors import QuadrilleError, RetryLater
from quadrille.receipts import Receipt
from quadrille.rows import Row
from quadrille.steps import Steps
from quadrille.tasks import Tasks

logger = Logger()

_UNSTORABLE = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Hand:
    """What making a call takes. `tools` are those of this deployment, by name."""

    tasks: Tasks
    steps: Steps
    blobs: Blobs
    tools: Callable[[], Mapping[str, Tool]]
    bench: Callable[[], Workbench]
    now: Callable[[], float] = time.time


def use_tool(call: CallOfTurn, payer: Payer, *, hand: Hand) -> None:
    """Make a call, unless it was made or the task is over. Raises `RetryLater` if another try may do it."""
    task = hand.tasks.active(call.tenant, call.task_id, call.run)
    step = hand.steps.get(call.tenant, call.task_id, call.step) if task else None
    if task is None or step is None:
        return None
    place = (call.tenant, call.task_id, call.step, call.call)
    row = hand.steps.call(*place)
    if "observation" in row:
        return None
    wish = step["calls"][call.call]
    tool = hand.tools().get(wish["name"])
    said = _said(row, tool, now=hand.now()) if wish["approval"] else None
    if tool is None:
        said = _error(f"The tool {wish['name']!r} is not there any more.")
    if said or tool is None:
        return _keep(call, said or _error(""), tool, hand)
    claimed = hand.steps.begin(*place, ends_at=payer.ends_at)
    if "observation" in claimed:
        return None
    if claimed["tries"] > (1 if tool.effect else settings().tool_tries):
        return _keep(
            call, _error(UNKNOWN if tool.effect else "The tool did not end, however often it was tried."), tool, hand
        )
    payer = replace(payer, task_limit=for_steps(task))
    key = f"{call.task_id}/{call_id(call.step, call.call)}"
    use = Use(call.tenant, call.task_id, key, task["collection"], payer, hops=int(task["hops"]))
    arguments = row.get("arguments") or wish["arguments"]
    try:
        given = _run(tool, arguments, use, hand)
    except RetryLater as error:
        if claimed["tries"] < settings().tool_tries and not tool.effect:
            hand.steps.release(*place)
            raise
        given = _error(f"The tool is not available now: {error}", error.receipt)
    return _keep(call, given, tool, hand)


def _run(tool: Tool, arguments: str, use: Use, hand: Hand) -> Observation:
    """What the tool gives; what goes wrong in it is something to observe. Raises `RetryLater`."""
    try:
        checked = tool.check(tool.parse(arguments))
        return _in_time(lambda: tool.run(checked, use, hand.bench()), settings().tool_seconds)
    except RetryLater:
        raise
    except TimeoutError:
        unsure = f" {UNKNOWN}" if tool.effect else ""
        return _error(f"The tool did not end within {settings().tool_seconds} seconds.{unsure}")
    except QuadrilleError as error:
        return _error(str(error), error.receipt)
    except Exception:  # a tool is anybody's code: its failure ends no task
        logger.exception("tool_failed", tool=tool.name, task_id=use.task_id)
        unsure = f" {UNKNOWN}" if tool.effect else ""
        return _error(f"The tool failed; the log says why.{unsure}")


def _in_time(work: Callable[[], Observation], limit: float) -> Observation:
    """What `work` gives. Raises what it raises, and `TimeoutError`; a thread that hangs dies with its process."""
    done: list[Observation] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:  # noqa: BLE001  it is raised where it is waited for
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(limit)
    if failed:
        raise failed[0]
    if thread.is_alive():
        raise TimeoutError
    if not isinstance(done[0], Observation):
        raise TypeError(f"A tool gives an Observation and not {done[0]!r:.100}.")
    return done[0]


def _said(row: Row, tool: Tool | None, *, now: float) -> Observation | None:
    """What a call gives about which a human has decided; None if it is to be made."""
    comment = row.get("comment", "")
    match row.get("decision"):
        case "approve" if tool and tool.name == "ask_human":
            return Observation(comment or "They approve, without a word.")
        case "approve":
            return None
        case "reject":
            return _error(f"A human refused this call{f': {comment}' if comment else '.'}")
    return _error("Nobody decided about this call in time; it was not made.")


def _error(text: str, spent: Receipt | None = None) -> "_Error":
    return _Error(text, spent or Receipt())


class _Error(Observation):
    """What a model observes of a call that came to nothing."""


def _keep(call: CallOfTurn, given: Observation, tool: Tool | None, hand: Hand) -> None:
    """Keep what a call gave: what is too long to be shown in the bucket, and its beginning in the row."""
    here, text = settings(), _UNSTORABLE.sub("\ufffd", str(given.text)) or "The tool gave nothing."
    id_, left_out = call_id(call.step, call.call), ""
    if len(text) > here.observation_characters:
        whole = text[: here.max_result_characters]
        hand.blobs.put(result_key(call.tenant, call.task_id, id_), whole.encode(), content_type="text/plain")
        cut = f", which was cut from {len(text)}" if len(text) > len(whole) else ""
        left_out = f"characters {here.observation_characters} to {len(whole)}{cut}; read_result {id_} shows them"
        text = text[: here.observation_characters]
    kind = "error" if isinstance(given, _Error) else "untrusted" if tool and tool.untrusted else "result"
    values: dict[str, Any] = {
        "observation": text,
        "left_out": left_out,
        "kind": kind,
        "pinned": given.pinned,
        "sources": list(given.sources),
        "receipt": given.spent.public(),
    }
    hand.steps.end(call.tenant, call.task_id, call.step, call.call, values)
    logger.info(
        "tool_used",
        task_id=call.task_id,
        call=id_,
        tool=tool and tool.name,
        kind=kind,
        spent=json.dumps(given.spent.public()),
    )
