"""Quadrille's agent: the state machine and the functions that are deployed, over AWS in this process."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3
import httpx2
import pytest
from botocore.client import BaseClient
from moto import mock_aws
from moto.dynamodb.models.table import Table

from benchmarks.looping.pages import GOAL, page
from benchmarks.looping.server import Server
from local.vectors.process import serve
from quadrille import clients
from quadrille.act.tooling import Arguments, Observation, Use, Workbench, built_in, tool
from quadrille.machines import Machine
from tests.integration import house as harness
from tests.integration.agent import Agent
from tests.integration.conftest import TABLES, make_table, patched
from tests.integration.house import build, reset_caches

TOOLS = ["read_page", "remember", "read_result"]


class Page(Arguments):
    """Which page to read."""

    number: int


@tool()
def read_page(arguments: Page, use: Use, bench: Workbench) -> Observation:
    """Read a page of the register."""
    return Observation(page(arguments.number))


@dataclass
class Meter:
    """What a task asks of AWS and takes besides, after each step: requests, rows and CPU seconds, all of them sums."""

    requests: int = 0
    rows: int = 0
    away: float = 0.0
    began: float = 0.0
    steps: list[tuple[int, int, float]] = field(default_factory=list)

    def step(self, state: str) -> None:
        """Note where the sums are when a step has ended."""
        if state in ("UseTools", "Finish"):
            self.steps.append((self.requests, self.rows, time.process_time() - self.began - self.away))

    @contextmanager
    def leaving(self) -> Iterator[None]:
        """What is done here is AWS' work or the model's, both of which are in this process, and not our own."""
        began = time.process_time()
        yield
        self.away += time.process_time() - began


def run(server: Server, key: str, steps: int) -> Meter:
    """Work on the task until it has ended."""
    with TemporaryDirectory() as folder, serve(Path(folder)) as vectors, pytest.MonkeyPatch.context() as patch:
        logging.disable()
        patched(patch)
        patch.setattr(
            Table, "__deepcopy__", lambda table, memo: table, raising=False
        )  # moto would, at every transaction
        with mock_aws():
            agent = _agent(patch, server.url, vectors.url, key)
            meter = _metered(patch, agent)
            limits = {"iterations": steps, "tokens": 20_000_000, "usd": "500", "seconds": 86_400, "tool_calls": 5_000}
            task = agent.give(GOAL, tools=TOOLS, budget=limits)
            if task["status"] != "completed":
                raise RuntimeError(f"the task is {task['status']}: {task['stop_reason']} {task['error']}")
    logging.disable(logging.NOTSET)
    reset_caches()
    return meter


def _agent(patch: pytest.MonkeyPatch, models: str, vectors: str, key: str) -> Agent:
    for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "DEFAULT_REGION": "us-east-1"}.items():
        patch.setenv(f"AWS_{name}", value)
    for name, value in {"TASK_BUDGET_USD": "1000", "DAILY_BUDGET_USD": "1000"}.items():
        patch.setenv(name, value)
    patch.setenv("POWERTOOLS_METRICS_DISABLED", "true")
    dynamodb = boto3.client("dynamodb")
    tables = {variable: make_table(dynamodb, name) for variable, name in TABLES.items()}
    house = build(patch, tables, models, vectors)
    boto3.client("secretsmanager").put_secret_value(SecretId="openai", SecretString=key)
    agent = Agent(house, "bench")
    patch.setattr(clients, "agent_machine", lambda: Machine("agent", agent))
    patch.setattr(clients, "tools", lambda: {**built_in(), "read_page": read_page})
    return agent


def _metered(patch: pytest.MonkeyPatch, agent: Agent) -> Meter:
    meter = Meter()
    ask_aws, send = BaseClient._make_api_call, httpx2.Client.send  # type: ignore[attr-defined]

    def asked(client: Any, operation: str, parameters: Any) -> Any:
        with meter.leaving():
            answer = ask_aws(client, operation, parameters)
        meter.requests += 1
        meter.rows += len(answer.get("Items", [])) + ("Item" in answer)
        return answer

    def sent(client: Any, *given: Any, **more: Any) -> Any:
        with meter.leaving():
            return send(client, *given, **more)

    patch.setattr(BaseClient, "_make_api_call", asked)
    patch.setattr(httpx2.Client, "send", sent)
    meter.began = time.process_time()
    agent.after = meter.step
    harness.handler.cache_clear()
    return meter
