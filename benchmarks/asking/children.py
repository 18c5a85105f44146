"""Those who answer, each in a warm process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from benchmarks.stack import COLLECTION, Tenant
from local.setup import ON_DEMAND, ROOT
from local.stack.functions import environment
from local.stack.places import Ports, Stop

PEERS = ON_DEMAND["peers"] / "bin/python"


@dataclass(frozen=True, slots=True)
class Child:
    """A process that answers one question after the other."""

    process: "subprocess.Popen[str]"

    def index(self, texts: Mapping[str, str]) -> None:
        """Give it the documents."""
        self._say({"texts": texts})

    def ask(self, question: str) -> dict[str, Any]:
        """Its answer, and what that took."""
        done: dict[str, Any] = self._say({"question": question})
        return done

    def _say(self, line: dict[str, Any]) -> Any:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise Stop("A process that answers has ended; run it by hand with a question to see why.")
        return json.loads(answer)


@contextmanager
def ours(tenant: Tenant, module: str, *given: str) -> Iterator[Child]:
    """Our own code with the settings of the deployed function."""
    command = [sys.executable, "-m", f"benchmarks.asking.{module}", tenant.name, COLLECTION, *given]
    with _child(command, environment(tenant.stack, "ask/answer")) as child:
        yield child


@contextmanager
def peer(stack: Mapping[str, Any], module: str) -> Iterator[Child]:
    """A peer, over a namespace of its own."""
    ports = Ports.from_first(int(stack["aws_endpoint_url"].rsplit(":", 1)[1]))
    places = [f"http://127.0.0.1:{ports.models}/v1", f"http://127.0.0.1:{ports.vectors}", f"peer-{uuid4().hex[:8]}"]
    quiet = {"HAYSTACK_TELEMETRY_ENABLED": "false"}
    with _child([str(PEERS), "-m", f"benchmarks.asking.{module}", *places], quiet) as child:
        yield child


@contextmanager
def _child(command: list[str], settings: Mapping[str, str]) -> Iterator[Child]:
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, **settings}, text=True, **pipes) as process:
        try:
            yield Child(process)
        finally:
            assert process.stdin
            process.stdin.close()
