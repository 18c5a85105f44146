"""A task on the deployed stack whose workers are killed after a call of theirs: one bill a step, one effect a call."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import groupby
from typing import Any

import pytest

from benchmarks.pipeline.meters import models_usage
from tests.integration.agent import calling, finishing
from tests.local.conftest import Caller
from tests.local.test_act import ENDED, give, script, until
from tests.local.turnstile import Moment, Turnstile

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds the processes of functions in /proc")

STEPS = 5
FUNCTIONS = ("ActThinkFunction", "ActUseToolFunction", "ActFinishFunction")
READS = ("GetItem", "Query", "BatchGetItem")  # after which all is as it was after the write before
EFFECT = ("ActUseToolFunction", "DynamoDB_20120810.PutItem")  # how an event gets into the outbox
_SECONDS = 20  # that a function may take, and that what it has claimed stays its own
_AT_ONCE = 4


@pytest.fixture
def turnstile(client: Callable[[str], Any]) -> Iterator[Turnstile]:
    """The functions of the loop, impatient, and whatever they call through it."""
    functions, it = client("lambda"), Turnstile()
    names = [
        found["FunctionName"]
        for page in functions.get_paginator("list_functions").paginate()
        for found in page["Functions"]
    ]
    with ExitStack() as stack:
        for function in FUNCTIONS:
            [name] = [name for name in names if f"-{function}-" in name]
            was = functions.get_function_configuration(FunctionName=name)
            variables = was["Environment"]["Variables"]
            through = {
                place: stack.enter_context(it.before(variables[place].replace("localhost", "127.0.0.1")))
                for place in ("AWS_ENDPOINT_URL", "OPENAI_BASE_URL")
            }
            configure = functions.update_function_configuration
            kept = {"Timeout": was["Timeout"], "Environment": {"Variables": variables}}
            stack.callback(configure, FunctionName=name, **kept)
            configure(FunctionName=name, Timeout=_SECONDS, Environment={"Variables": variables | through})
        yield it


def begin(caller: Caller) -> str:
    """The id of a task of five steps, each of which calls a tool without an effect and one with."""
    calls = [
        calling(
            ("calculate", {"expression": f"{number} + 1"}),
            ("publish_event", {"name": "step.done", "data": {"number": number}}),
        )
        for number in range(STEPS - 1)
    ]
    return give(caller, script(*calls, finishing("Done.")))


def moments(passed: list[Moment]) -> list[Moment]:
    """All writes and the call of the model of a step, and of the end."""
    states = [list(calls) for _, calls in groupby(passed, key=lambda moment: moment[0])]
    assert [calls[0][0] for calls in states[-2:]] == ["ActThinkFunction", "ActFinishFunction"]
    assert len(states) == 2 * STEPS
    calls = [*states[2], *states[3], *states[-1]]
    return [moment for moment in calls if moment[1].rpartition(".")[2] not in READS]


def test_a_task_whose_workers_are_killed_pays_and_acts_once(
    stack: dict[str, Any], new_caller: Callable[..., Caller], turnstile: Turnstile
) -> None:
    whole = new_caller(("act",))
    assert until(whole, begin(whole), *ENDED, seconds=180)["receipt"]["calls"] == STEPS
    due = moments(turnstile.passed[whole.tenant])
    assert len(due) >= 10
    before, expected = models_usage(stack)["chat"]["requests"], 0
    for at in range(0, len(due), _AT_ONCE):
        callers = [(new_caller(("act",)), moment) for moment in due[at : at + _AT_ONCE]]
        turnstile.due |= {caller.tenant: moment for caller, moment in callers}
        for caller, moment, task_id in [(caller, moment, begin(caller)) for caller, moment in callers]:
            task = until(caller, task_id, *ENDED, seconds=180)
            assert task["status"] == "completed", (moment, task)
            receipt = task["receipt"]
            assert STEPS <= receipt["calls"] + receipt["ambiguous"] <= STEPS + 1, (moment, receipt)
            expected += receipt["calls"] + receipt["ambiguous"]
            acted_once(caller, task_id, turnstile)
    assert turnstile.killed == turnstile.due
    assert models_usage(stack)["chat"]["requests"] - before <= expected


def acted_once(caller: Caller, task_id: str, turnstile: Turnstile) -> None:
    """An effect happened once, or the model was told that nobody knows whether it did."""
    steps = caller.ok("GET", f"/tasks/{task_id}/steps")["steps"]
    calls = [call for step in steps for call in step["calls"] if call["tool"] == "publish_event"]
    done = sum(call["status"] == "done" for call in calls)
    unknown = sum("may or may not" in call["observation"] for call in calls)
    effects = sum(moment[:2] == EFFECT for moment in turnstile.passed[caller.tenant])
    assert done + unknown == len(calls) == STEPS - 1, calls
    assert done <= effects <= STEPS - 1, turnstile.passed[caller.tenant]
