"""The agent's loop: what it does, what stops it, and what it costs."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from quadrille import clients
from quadrille.documents import Place
from tests.integration.agent import Agent, calling, finishing
from tests.integration.house import reset_caches

SUM = ("calculate", {"expression": "6 * 7"})


def goal() -> str:
    """A goal nobody else has: the model server outlives a test, and scripts are found by it."""
    return f"The task {uuid4().hex}."


def test_a_task_calls_tools_until_it_has_a_result(agent: Agent) -> None:
    task = agent.give(goal(), calling(SUM, say="I calculate."), finishing("It is 42.", ("r1-0", "42")))
    assert (task["status"], task["result"]) == ("completed", "It is 42.")
    assert task["evidence"] == [{"call": "r1-0", "quote": "42", "found": True}]
    assert agent.passed == ["Think", "Next?", "UseTools", "Think", "Next?", "Finish", "End"]
    first, last = agent.steps(task)
    assert (first["thought"], first["calls"][0]["tool"], first["calls"][0]["observation"]) == (
        "I calculate.",
        "calculate",
        "42",
    )
    assert last["calls"][0]["tool"] == "finish"
    assert Decimal(task["receipt"]["cost_usd"]) == sum(Decimal(step["cost_usd"]) for step in (first, last)) > 0


def test_evidence_that_no_call_gave_is_marked(agent: Agent) -> None:
    task = agent.give(goal(), calling(SUM), finishing("It is 41.", ("r1-0", "41"), ("r9-0", "42")))
    assert [item["found"] for item in task["evidence"]] == [False, False]


def test_calls_of_one_step_are_all_made(agent: Agent) -> None:
    calls = [("calculate", {"expression": f"{number} + 1"}) for number in range(5)]
    task = agent.give(goal(), calling(*calls), finishing("Done."))
    assert agent.observations(task)[:5] == ["1", "2", "3", "4", "5"]


def test_a_task_reads_the_tenants_documents(agent: Agent, club: Place) -> None:
    search = ("search_documents", {"query": "number of the club", "document_id": None})
    task = agent.give(goal(), calling(search), finishing("Seven.", ("r1-0", "The number of the club is seven.")))
    assert task["evidence"][0]["found"]


def test_the_same_task_costs_nothing_again(agent: Agent) -> None:
    what = goal()
    script = (calling(SUM), finishing("42"))
    agent.give(what, *script)
    again = agent.give(what)
    assert (again["result"], again["receipt"]["cost_usd"]) == ("42", "0")


def test_an_idempotency_key_starts_one_task(agent: Agent) -> None:
    what, headers = goal(), {"Idempotency-Key": "order-1"}
    agent.house.script(what, finishing("Done."))
    one, other = (agent.call("POST", "/tasks", {"goal": what}, headers=headers)[1] for _ in range(2))
    assert one["task_id"] == other["task_id"]
    agent.work()
    assert agent.passed.count("Finish") == 1
    assert agent.call("POST", "/tasks", {"goal": "Another."}, headers=headers)[0] == 409


@pytest.mark.parametrize(
    ("budget", "reason"),
    [({"iterations": 3}, "iterations"), ({"tool_calls": 2}, "tool_calls"), ({"tokens": 1500}, "tokens")],
)
def test_a_limit_stops_a_task_and_more_lets_it_go_on(agent: Agent, budget: dict[str, int], reason: str) -> None:
    script = [calling(("calculate", {"expression": f"{number} + 1"})) for number in range(8)]
    task = agent.give(goal(), *script, finishing("Done."), budget=budget)
    assert (task["status"], task["stop_reason"]) == ("stopped", reason)
    assert task["result"]
    refused, problem = agent.call("POST", f"/tasks/{task['task_id']}/resume", {"budget": {}})
    assert (refused, problem["errors"][0]["field"]) == (422, f"budget.{reason}")
    paid = task["receipt"]["cost_usd"]
    accepted, _ = agent.call(
        "POST", f"/tasks/{task['task_id']}/resume", {"budget": {reason: 100_000 if reason == "tokens" else 50}}
    )
    assert accepted == 202
    agent.work()
    done = agent.see(task["task_id"])
    assert (done["status"], done["result"]) == ("completed", "Done.")
    assert done["steps"] == len(script)  # and not one more: a reply of the script went to the partial answer
    assert Decimal(done["receipt"]["cost_usd"]) > Decimal(paid)


def test_money_stops_a_task_before_it_is_spent(agent: Agent) -> None:
    script = [calling(("calculate", {"expression": f"{number} + 1"})) for number in range(30)]
    task = agent.give(goal(), *script, budget={"usd": "0.004", "iterations": 100})
    assert (task["status"], task["stop_reason"]) == ("stopped", "usd")
    assert Decimal(task["receipt"]["cost_usd"]) <= Decimal("0.004")
    assert task["result"]


def test_prose_is_answered_once_and_then_taken_as_the_result(agent: Agent) -> None:
    task = agent.give(goal(), {"content": "I think it is 42."}, {"content": "It is 42."})
    assert (task["status"], task["result"]) == ("completed", "It is 42.")


def test_bad_arguments_are_told_and_mended(agent: Agent) -> None:
    wrong = calling(("calculate", {"formula": "6 * 7"}))
    task = agent.give(goal(), wrong, calling(SUM), finishing("42"))
    told = agent.observations(task)[0]
    assert "expression" in told
    assert "formula" in told
    assert task["status"] == "completed"


def test_a_model_that_cannot_be_mended_is_stopped(agent: Agent) -> None:
    task = agent.give(goal(), *[calling(("no_such_tool", {"number": number})) for number in range(9)])
    assert (task["status"], task["stop_reason"], task["steps"]) == ("stopped", "repairs", 4)


def test_a_model_that_repeats_itself_is_told_and_then_stopped(agent: Agent) -> None:
    task = agent.give(goal(), calling(SUM))
    assert (task["status"], task["stop_reason"]) == ("stopped", "loop")
    assert [call["status"] for step in agent.steps(task) for call in step["calls"]] == [
        "done",
        "done",
        "refused",
        "refused",
        "refused",
    ]


def test_of_forty_calls_at_once_eight_are_made(agent: Agent) -> None:
    calls = [("calculate", {"expression": f"{number} + 1"}) for number in range(40)]
    task = agent.give(goal(), calling(*calls), finishing("Done."))
    statuses = [call["status"] for call in agent.steps(task)[0]["calls"]]
    assert (statuses.count("done"), statuses.count("refused")) == (8, 32)


def test_a_cancelled_task_takes_no_further_step(agent: Agent) -> None:
    what = goal()
    agent.house.script(what, *[calling(("calculate", {"expression": f"{n} + 1"})) for n in range(9)])
    task_id = agent.call("POST", "/tasks", {"goal": what})[1]["task_id"]

    def cancel() -> None:
        assert agent.call("POST", f"/tasks/{task_id}/cancel", {})[0] == 202

    agent.after = lambda state: cancel() if state == "UseTools" else None
    agent.work()
    task = agent.see(task_id)
    assert (task["status"], task["steps"]) == ("cancelled", 1)
    assert agent.steps(task)[0]["calls"][0]["status"] == "running"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"goal": "  "}, "goal"),
        ({"goal": "x" * 30_000}, "goal"),
        ({"goal": "Do it.", "budget": {"usd": "0"}}, "usd"),
        ({"goal": "Do it.", "budget": {"usd": "99"}}, "usd"),
        ({"goal": "Do it.", "budget": {"iterations": 0}}, "iterations"),
        ({"goal": "Do it.", "budget": {"iterations": 100_000}}, "iterations"),
        ({"goal": "Do it.", "tools": ["no_such_tool"]}, "tools"),
        ({"goal": "Do it.", "tenant": "other"}, "tenant"),
    ],
)
def test_what_cannot_be_a_task_is_refused(agent: Agent, body: dict[str, Any], field: str) -> None:
    status, problem = agent.call("POST", "/tasks", body)
    assert (status, field in problem["errors"][0]["field"]) == (422, True)
    assert not agent.names


def test_another_tenants_task_is_not_there(agent: Agent) -> None:
    task = agent.give(goal(), finishing("Done."))
    for method, path in (("GET", ""), ("GET", "/steps"), ("POST", "/cancel"), ("POST", "/resume")):
        body = {} if method == "POST" else None
        assert agent.call(method, f"/tasks/{task['task_id']}{path}", body, tenant="other")[0] == 404


def test_a_task_that_is_over_is_neither_resumed_nor_cancelled(agent: Agent) -> None:
    task = agent.give(goal(), finishing("Done."))
    assert agent.call("POST", f"/tasks/{task['task_id']}/resume", {})[0] == 409
    assert agent.call("POST", f"/tasks/{task['task_id']}/cancel", {})[0] == 409


def test_only_tools_of_the_allowlist_are_called(agent: Agent) -> None:
    task = agent.give(goal(), calling(SUM), finishing("No."), tools=["current_time"])
    assert agent.steps(task)[0]["calls"][0]["status"] == "refused"


def test_old_results_are_cleared_and_noted_facts_stay(
    agent: Agent, monkeypatch: pytest.MonkeyPatch, club: Place
) -> None:
    monkeypatch.setenv("TASK_CONTEXT_TOKENS", "700")
    reset_caches()
    fact = "The colour is green."
    script = [calling(("remember", {"fact": fact}))]
    script += [calling(("search_documents", {"query": f"club {n}", "document_id": None})) for n in range(15)]
    task = agent.give(goal(), *script, finishing("Done."), budget={"iterations": 50})
    assert task["status"] == "completed"
    assert agent.passed.count("Compact") >= 3
    row = clients.tasks().get(agent.tenant, task["task_id"])
    assert row["pins"] == [fact]
    assert row["folded"]
