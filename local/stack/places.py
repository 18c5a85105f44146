"""Where the local stack keeps its things, and what it says when it cannot go on."""

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

ROOT = Path(__file__).parents[2]
LOCAL = ROOT / ".local"
RUN = LOCAL / "run"  # all that a running stack leaves; gone when it stops
STACK_FILE = LOCAL / "stack.json"
LOGS = LOCAL / "logs"
BIN = ROOT / ".venv/bin"
SAM = LOCAL / "envs/sam/bin/sam"
MINISTACK = LOCAL / "envs/aws/bin/ministack"
UV_BIN = LOCAL / "envs/tools/bin"

STACK = "quadrille"
REGION = "us-east-1"
TENANT = "demo"


class Stop(Exception):
    """What keeps a command from going on, in one sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Three loopback ports in a row: `PORT=4566` moves them all."""

    aws: int
    models: int
    vectors: int

    @classmethod
    def chosen(cls) -> "Ports":
        given = os.environ.get("PORT", "4566")
        if not given.isdigit() or not 1024 <= int(given) <= 65_533:
            raise Stop(f"PORT={given} is no port: choose a number from 1024 to 65533, the first of three in a row.")
        return cls.from_first(int(given))

    @classmethod
    def from_first(cls, first: int) -> "Ports":
        return cls(first, first + 1, first + 2)

    @property
    def aws_url(self) -> str:
        return f"http://localhost:{self.aws}"


@cache
def dotenv() -> dict[str, str]:
    """The user's .env: the real providers, where their keys are set."""
    return {name: value for name, value in dotenv_values(ROOT / ".env").items() if value}


def read_stack() -> dict[str, Any]:
    """What `make up` wrote. Raises `Stop` if no stack runs."""
    if not STACK_FILE.exists():
        raise Stop("No local stack is running. Start one with: make up")
    stack: dict[str, Any] = json.loads(STACK_FILE.read_text())
    return stack


def local_credentials() -> dict[str, str]:
    """What the embedded AWS accepts as its root user."""
    return {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
