"""What a model sees of a long task: what is old is cleared, then folded; what was noted stays, and all can be read."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from quadrille import clients
from quadrille.act import context
from quadrille.act.tooling import Arguments, Observation, Use, Workbench, built_in, tool
from quadrille.steps import Step
from tests.integration.agent import Agent, calling, finishing
from tests.integration.house import reset_caches
from tests.integration.test_agent import goal

LINE = "The pump of station {number} was set to {number} bar by its keeper. "


class Number(Arguments):
    """Which page."""

    number: int


@tool()
def page(arguments: Number, use: Use, bench: Workbench) -> Observation:
    """A page of some 800 tokens."""
    return Observation(LINE.format(number=arguments.number) * 50)


@pytest.fixture
def seeing(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets how much a model sees."""
    monkeypatch.setattr(clients, "tools", lambda: {**built_in(), "page": page})

    def limit(**values: int) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name.upper(), str(value))
        reset_caches()

    return limit


def reading(pages: int) -> list[dict[str, Any]]:
    return [calling(("page", {"number": number})) for number in range(1, pages + 1)]


@pytest.mark.parametrize("steps", [1, 2, 10, 50])
def test_a_task_of_any_length_pays_for_each_step_once(agent: Agent, steps: int) -> None:
    script = [calling(("calculate", {"expression": f"{number} + 1"})) for number in range(steps - 1)]
    task = agent.give(goal(), *script, finishing("Done."), budget={"iterations": steps})
    assert (task["status"], task["steps"], task["receipt"]["calls"]) == ("completed", steps, steps)
    assert [agent.passed.count(state) for state in ("Think", "UseTools", "Finish")] == [steps, steps - 1, 1]
    assert agent.observations(task)[:-1] == [str(number + 1) for number in range(steps - 1)]


def test_what_is_cleared_costs_nothing_and_can_be_read_again(agent: Agent, seeing: Callable[..., None]) -> None:
    seeing(task_context_tokens=3_000)
    read = calling(("read_result", {"result": "r1-0", "from_character": 0, "characters": 60}))
    task = agent.give(goal(), *reading(4), read, finishing("Done."))
    row = clients.tasks().get(agent.tenant, task["task_id"])
    assert (row["cleared"], row["folded"], agent.passed.count("Compact")) == (2, 0, 1)
    assert LINE.format(number=1)[:50] in agent.observations(task)[4]
    assert task["receipt"]["calls"] == task["steps"] == 6


def test_steps_that_are_longer_than_the_limit_are_cleared_once_each(agent: Agent, seeing: Callable[..., None]) -> None:
    seeing(task_context_tokens=1_500)  # two pages have more
    task = agent.give(goal(), *reading(6), finishing("Done."))
    assert (task["status"], agent.passed.count("Compact")) == ("completed", 4)


def test_a_long_goal_is_no_reason_to_compact(agent: Agent, seeing: Callable[..., None]) -> None:
    seeing(task_context_tokens=4_500)
    task = agent.give(f"{goal()} {'Mind it!' * 2_000}", *reading(4), finishing("Done."))
    assert (task["status"], agent.passed.count("Compact")) == ("completed", 0)


def test_of_too_many_notes_the_latest_stay_in_sight(agent: Agent, seeing: Callable[..., None]) -> None:
    seeing(task_context_tokens=400, pinned_characters=300)
    facts = [f"Fact {number}: {'x' * 80}." for number in range(40)]
    script = [calling(*[("remember", {"fact": fact}) for fact in facts[at : at + 8]]) for at in range(0, 40, 8)]
    task = agent.give(goal(), *script, finishing("Done."))
    row = clients.tasks().get(agent.tenant, task["task_id"])
    folded = agent.steps(task)[: int(row["folded"])]
    noted = [call["arguments"]["fact"] for step in folded for call in step["calls"]]
    assert (row["pins"], len(noted) > 3) == (noted[-3:], True)


def taken(wished: str, **row: Any) -> Step:
    """A step with one call."""
    call = {"name": "page", "arguments": wished, "refused": "", "approval": False}
    done = {"observation": "Done.", "left_out": "", "kind": "result", **row}
    return Step(1, {"calls": [call], "thought": ""}, {0: done})


@pytest.mark.parametrize("arguments", ["", "{", "[1]", "5", '{"number": 1}', "\u20ac" * 9, "[" * 5_000])
def test_arguments_go_back_to_the_provider_as_an_object(arguments: str) -> None:
    [said, _] = context.transcript([taken(arguments)], cleared=0)
    back = json.loads(said["tool_calls"][0]["function"]["arguments"])
    assert back in ({"given": arguments}, json.loads(arguments or "{}") if arguments in ("", '{"number": 1}') else None)


def test_the_model_is_told_with_which_arguments_a_human_let_a_call_be_made() -> None:
    [_, result] = context.transcript([taken('{"number": 1}', arguments='{"number": 2}')], cleared=0)
    assert json.loads(result["content"])["made_with"] == {"number": 2}
