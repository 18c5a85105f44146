"""A Lambda of the loop that dies at any moment: no step is paid twice, and no effect happens twice."""

import json
from typing import Any

import pytest

from quadrille import clients
from tests.integration.agent import Agent, calling, finishing
from tests.integration.kills import Executioner, last_of_each
from tests.integration.test_agent import goal

STEPS = 5


def script(what: str, agent: Agent) -> None:
    calls = [
        calling(
            ("calculate", {"expression": f"{number} + 1"}),
            ("publish_event", {"name": "step.done", "data": {"number": number}}),
        )
        for number in range(STEPS - 1)
    ]
    agent.house.script(what, *calls, finishing("Done."))


def run(agent: Agent, killer: Executioner, due: list[int]) -> dict[str, Any]:
    """A task whose workers are killed then; what it came to. `killer.passed` says what they did."""
    what = goal()
    script(what, agent)
    task_id = agent.call("POST", "/tasks", {"goal": what})[1]["task_id"]
    killer.begin(due)
    agent.work()
    passed, requests = [*killer.passed], killer.requests
    killer.begin([])
    task = agent.see(task_id)
    killer.passed, killer.requests = passed, requests
    return task


def test_a_killed_worker_neither_pays_nor_acts_twice(
    agent: Agent, killer: Executioner, published: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAILY_BUDGET_USD", "100")
    whole = run(agent, killer, [])
    assert (whole["status"], len(published), killer.requests) == ("completed", STEPS - 1, STEPS)
    moments = last_of_each(killer.passed)
    assert len(moments) >= 14
    for moment in moments:
        published.clear()
        task = run(agent, killer, [moment])
        assert task["status"] == "completed", (moment, task)
        assert len(set(published)) == len(published) <= STEPS - 1
        receipt = task["receipt"]
        assert killer.requests <= receipt["calls"] + receipt["ambiguous"] <= STEPS + 1, (moment, receipt)
        _says_what_is_unknown(agent, task, published)


def _says_what_is_unknown(agent: Agent, task: dict[str, Any], published: list[str]) -> None:
    """An effect of which nothing is known is told as such, and is no error of the count."""
    told = [call for step in agent.steps(task) for call in step["calls"] if call["tool"] == "publish_event"]
    done = [call for call in told if call["status"] == "done"]
    unknown = [call for call in told if "may or may not" in (call["observation"] or "")]
    assert len(done) + len(unknown) == STEPS - 1, json.dumps(told)
    assert len(done) <= len(published) <= len(done) + len(unknown)
    assert clients.tasks().get(agent.tenant, task["task_id"])["tool_calls"] == 2 * (STEPS - 1)
