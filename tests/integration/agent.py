"""Step Functions in this process, as far as the agent's state machine needs it: it runs the JSON that is deployed."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from local.stack.places import ROOT
from tests.integration import house as harness
from tests.integration.house import House

STATES = json.loads((ROOT / "statemachines/agent.asl.json").read_text())["States"]
FUNCTIONS = {
    "${ThinkFunction}": "act/think",
    "${UseToolFunction}": "act/use_tool",
    "${CompactFunction}": "act/compact",
    "${WaitForApprovalFunction}": "act/wait_for_approval",
    "${FinishFunction}": "act/finish",
    "${StopFunction}": "act/stop",
}


class StateFailed(Exception):
    """A state failed as often as it may be tried."""


class ExecutionAlreadyExists(Exception):
    """As boto3 has it."""


class TaskDoesNotExist(Exception):
    """As boto3 has it."""


@dataclass
class Agent:
    """Tasks of one tenant. Executions run when `work` is called; `passed` are the states they entered."""

    house: House
    tenant: str
    names: set[str] = field(default_factory=set)
    ready: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    waiting: dict[str, dict[str, Any]] = field(default_factory=dict)
    passed: list[str] = field(default_factory=list)
    after: Callable[[str], None] = lambda _: None
    exceptions: Any = field(
        default_factory=lambda: SimpleNamespace(
            ExecutionAlreadyExists=ExecutionAlreadyExists,
            TaskTimedOut=TaskDoesNotExist,
            TaskDoesNotExist=TaskDoesNotExist,
        )
    )

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> None:  # noqa: N803  boto3's names
        """As boto3 has it."""
        if name in self.names:
            raise ExecutionAlreadyExists
        self.names.add(name)
        self.ready.append(("Think", json.loads(input)))

    def send_task_success(self, *, taskToken: str, output: str) -> None:  # noqa: N803  boto3's names
        """As boto3 has it."""
        if taskToken not in self.waiting:
            raise TaskDoesNotExist
        self.ready.append((STATES["WaitForApproval"]["Next"], self.waiting.pop(taskToken)))

    def time_out(self) -> None:
        """Let what waits have waited too long, as AWS does."""
        for token in list(self.waiting):
            self.ready.append((STATES["WaitForApproval"]["Catch"][0]["Next"], self.waiting.pop(token)))

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
        """Status and body of an HTTP call of this tenant."""
        more = {"tenant": self.tenant, "scopes": "act", **more}
        parts = path.split("/")
        function = parts[3] if len(parts) > 3 and parts[3] in ("steps", "approvals") else parts[1]
        return self.house.call(f"act/{function}", method, path, body, **more)

    def give(self, goal: str, *replies: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Give a task whose model follows a script, and let it run."""
        if replies:
            self.house.script(goal, *replies)
        status, task = self.call("POST", "/tasks", {"goal": goal, **more})
        assert status == 202, task
        self.work()
        return self.see(task["task_id"])

    def see(self, task_id: str) -> dict[str, Any]:
        """The task as it is now."""
        task: dict[str, Any] = self.call("GET", f"/tasks/{task_id}")[1]
        return task

    def steps(self, task: dict[str, Any]) -> list[dict[str, Any]]:
        """The first hundred steps of a task."""
        found: list[dict[str, Any]] = self.call("GET", f"/tasks/{task['task_id']}/steps", query={"limit": "100"})[1][
            "steps"
        ]
        return found

    def observations(self, task: dict[str, Any]) -> list[str]:
        """What the calls gave, in order."""
        return [call["observation"] for step in self.steps(task) for call in step["calls"]]

    def work(self) -> None:
        """Run until every execution has ended or waits."""
        while self.ready:
            state, data = self.ready.pop(0)
            while state:
                self.passed.append(state)
                state, data = self._enter(state, data)
                self.after(state)

    def _enter(self, name: str, data: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        state = STATES[name]
        match state["Type"]:
            case "Choice":
                found = (each["Next"] for each in state["Choices"] if each["StringEquals"] == data["next"])
                return next(found, state["Default"]), data
            case "Succeed" | "Fail":
                return "", data
        try:
            return state["Next"], self._run(name, state, data)
        except StateFailed as error:
            return state["Catch"][-1]["Next"], {**data, "error": {"Error": "Exception", "Cause": str(error)}}
        except Waits:
            return "", data

    def _run(self, name: str, state: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        if state["Type"] == "Map":
            for call in data["calls"]:
                inner = state["ItemProcessor"]["States"]["UseTool"]
                with suppress(StateFailed):
                    self._invoke(inner, {"turn": data, "call": call})
            return data
        if name == "Continue":
            self.start_execution(
                stateMachineArn="agent", name=f"{data['task_id']}-{data['run']}-{data['since']}", input=json.dumps(data)
            )
            return data
        if name == "WaitForApproval":
            token = uuid4().hex
            self.waiting[token] = data
            self._invoke(state, {"turn": data, "token": token})
            raise Waits
        answer = self._invoke(state, data)
        return data if state.get("ResultPath", "") is None else answer

    def _invoke(self, state: dict[str, Any], event: dict[str, Any]) -> Any:
        function = FUNCTIONS[state["Parameters"]["FunctionName"]]
        for _ in range(1 + state["Retry"][0]["MaxAttempts"]):
            try:
                answer = harness.invoke(function, json.loads(json.dumps(event)))
            except Exception as error:  # noqa: BLE001  whatever it is, Lambda reports it
                failure = error
                continue
            if not (isinstance(answer, dict) and answer.get("statusCode") == 0):
                return answer
            failure = Exception("killed")
        raise StateFailed(str(failure))


class Waits(Exception):
    """The state waits for a token."""


def calling(*calls: tuple[str, dict[str, Any]], say: str | None = None) -> dict[str, Any]:
    """A model's reply that calls tools."""
    return {"content": say, "calls": [{"name": name, "arguments": arguments} for name, arguments in calls]}


def finishing(result: str, *evidence: tuple[str, str]) -> dict[str, Any]:
    """A model's reply that ends the task."""
    shown = [{"call": call, "quote": quote} for call, quote in evidence]
    return calling(("finish", {"result": result, "evidence": shown}))
