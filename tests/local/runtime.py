"""AWS's runtime interface emulator around a built function, on this machine and without Docker.

The interpreter runs without its site-packages, so a function sees what it sees on Lambda: its folder, its layers and
the runtime. What a layer lacks is missing here too, unlike on the embedded AWS.
"""

import json
import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from importlib.metadata import files, requires
from pathlib import Path
from typing import Any

from local.stack import functions
from local.stack.build import BUILD
from local.stack.places import LOCAL, LOGS
from tests.template import TEMPLATE

_EMULATOR = "site-packages/samcli/local/rapid/aws-lambda-rie-" + {"aarch64": "arm64"}.get(platform.machine(), "x86_64")
_INVOCATIONS = "/2015-03-31/functions/function/invocations"
_START_SECONDS = 10
_STOP_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Emulator:
    """A function that waits for events at a port of this machine."""

    function: str
    port: int

    def invoke(self, event: bytes) -> Any:
        """What the handler returned, or `errorMessage` and `stackTrace` of what it raised: the emulator says 200."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=_setting(self.function, "Timeout") + 5)
        try:
            connection.request("POST", _INVOCATIONS, event)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()


@contextmanager
def emulated(function: str, stack: dict[str, Any], runtime: Path) -> Iterator[Emulator]:
    """One function under the emulator, in the environment the running stack gives it."""
    port, api_port = _free_ports()
    binary = next((LOCAL / "envs/sam/lib").glob(f"python3.*/{_EMULATOR}"))
    command: list[str | Path] = [binary, "--runtime-interface-emulator-address", f"127.0.0.1:{port}"]
    command += ["--runtime-api-address", f"127.0.0.1:{api_port}"]
    command += [sys.executable, "-S", "-m", "awslambdaric", "app.lambda_handler"]
    with (LOGS / f"runtime-{function.replace('/', '-')}.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=BUILD / functions.logical_ids()[function],
            env=functions.environment(stack, function) | _lambda_environment(function, runtime),
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
    try:
        _await(process, port)
        yield Emulator(function, port)
    finally:
        _stop(process)


def link_runtime(folder: Path) -> Path:
    """A folder that holds Lambda's runtime client and what it requires, and nothing else of this environment."""
    for name in ("awslambdaric", *(required.split(">")[0] for required in requires("awslambdaric") or [])):
        for file in files(name) or []:
            link = folder / file.parts[0]
            if not link.exists():
                link.symlink_to(Path(file.locate()).parents[len(file.parts) - 1] / file.parts[0])
    return folder


def _lambda_environment(function: str, runtime: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(map(str, [*functions.layers(function), runtime])),
        "AWS_LAMBDA_FUNCTION_NAME": functions.logical_ids()[function],
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(_setting(function, "Timeout")),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(_setting(function, "MemorySize")),
    }


def _setting(function: str, name: str) -> int:
    """A number of the template: the function's own, or that of all."""
    own = TEMPLATE["Resources"][functions.logical_ids()[function]]["Properties"]
    return int((TEMPLATE["Globals"]["Function"] | own)[name])


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


def _await(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.02)
    raise AssertionError(f"The emulator did not start; see {LOGS}/runtime-*.log.")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End the emulator, which ends the function's process."""
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
