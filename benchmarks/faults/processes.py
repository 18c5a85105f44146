"""The processes of one run: the provider's double, AWS, and the worker with its pipe."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.setup import ENVIRONMENTS, ON_DEMAND, ROOT

_PYTHON = {"langchain": ON_DEMAND["peers"] / "bin/python"}


@contextmanager
def server(module: str, *arguments: str) -> Iterator[str]:
    """A server of this package, which prints its port. Yields its address."""
    command = [sys.executable, "-m", f"benchmarks.faults.{module}", *arguments]
    with subprocess.Popen(command, cwd=ROOT, env=_environment(), stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            if not port:
                raise RuntimeError(f"{module} did not start")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


class WorkerProcess:
    """The driver's end of a worker."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._stdin, self._stdout = process.stdin, process.stdout
        self._read()

    def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        """Send a message and wait for its answer, or for the last words of who got it."""
        self._stdin.write(json.dumps(message) + "\n")
        self._stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        line = self._stdout.readline()
        if not line:
            raise RuntimeError("the worker ended, and nobody had killed it")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def worker(handler: str, *, provider: str, aws: str, folder: Path) -> Iterator[WorkerProcess]:
    """A worker with this handler, in the environment that has what the handler needs."""
    python = _PYTHON.get(handler, ENVIRONMENTS["dev"] / "bin/python")
    command = [str(python), "-m", "benchmarks.faults.worker", handler, provider, str(folder)]
    with subprocess.Popen(
        command, cwd=ROOT, env=_environment(aws), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield WorkerProcess(process)
        assert process.stdin is not None
        process.stdin.close()


def _environment(aws: str = "") -> dict[str, str]:
    """Nothing of the machine's but its PATH: no key, no profile, no setting of a library."""
    return {
        "PATH": os.environ["PATH"],
        "POWERTOOLS_LOG_LEVEL": "CRITICAL",
        "POWERTOOLS_METRICS_DISABLED": "true",
        "PYTHONPATH": str(ROOT / "layers/core"),
        "PYTHONHASHSEED": "0",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        **({"AWS_ENDPOINT_URL": aws} if aws else {}),
    }
