"""The server as a child process on a free port, for tests and for whatever starts the local stack.
Ready means that `/health` has answered."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SECONDS_TO_START = 15.0


@contextmanager
def run_server() -> Iterator[str]:
    """Yields the base URL, `http://127.0.0.1:<port>/v1`. Raises RuntimeError when the server does not come up."""
    port = find_free_port()
    process = subprocess.Popen([sys.executable, "-m", "local.models", "--port", str(port)], cwd=REPOSITORY)
    try:
        wait_until_healthy(port, process)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait()


def find_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_until_healthy(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while not is_healthy(port):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"The offline models did not start on port {port}.")
        time.sleep(0.02)


def is_healthy(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
