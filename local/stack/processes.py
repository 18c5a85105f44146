"""The three servers of the local stack as child processes: started together, stopped without a trace."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.error import URLError

from local.stack.places import BIN, LOGS, MINISTACK, ROOT, RUN, STACK, STACK_FILE, Ports, Stop

_PIDS = RUN / "pids.json"
_WORKER = re.compile(rf"ministack-lambda-{STACK}-(\w+Function)-")
_PACE = "0.015"  # seconds a piece of a streamed answer: as fast as a hosted model, so that one can see it stream
_START_SECONDS = 30
_STOP_SECONDS = 5


def start(ports: Ports, *, models: bool, vectors: bool) -> None:
    """Start the embedded AWS and those of the offline servers that are wanted. Raises `Stop`."""
    stop()  # what a stack that was killed has left
    for port in (ports.aws, *([ports.models] if models else []), *([ports.vectors] if vectors else [])):
        _require_free(port)
    for folder in (RUN / "tmp", RUN / "vectors", LOGS):
        folder.mkdir(parents=True, exist_ok=True)
    python = str(BIN / "python")
    commands = {"aws": [str(MINISTACK)]}
    health = {"aws": f"{ports.aws_url}/_ministack/health"}
    if models:
        commands["models"] = [python, "-m", "local.models", "--port", str(ports.models), "--pace", _PACE]
        health["models"] = f"http://127.0.0.1:{ports.models}/health"
    if vectors:
        commands["vectors"] = [
            python,
            "-m",
            "local.vectors",
            "--port",
            str(ports.vectors),
            "--data",
            str(RUN / "vectors"),
        ]
        health["vectors"] = f"http://127.0.0.1:{ports.vectors}/health"
    started = {name: _spawn(name, command, ports) for name, command in commands.items()}
    _PIDS.write_text(json.dumps({name: process.pid for name, process in started.items()}))
    for name, url in health.items():
        _await(name, started[name], url)


def pids() -> dict[str, int]:
    """The processes of the servers that an earlier command started: `aws`, `models`, `vectors`."""
    found: dict[str, int] = json.loads(_PIDS.read_text()) if _PIDS.exists() else {}
    return found


def workers() -> Iterator[tuple[int, str]]:
    """The processes the embedded AWS runs functions in, and the function of each, as the template names it. Linux."""
    parent = pids().get("aws")
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError):  # it ended meanwhile
            found = _WORKER.search((entry / "cmdline").read_text())
            if found and int((entry / "stat").read_text().rpartition(") ")[2].split()[1]) == parent:
                yield int(entry.name), found[1]


def running() -> bool:
    """Whether a server that an earlier command started is still there."""
    return any(_is_ours(pid) for pid in pids().values())


def require_none() -> None:
    """Raises `Stop` if a stack is running."""
    if running():
        raise Stop("A local stack is already running. Use it, or stop it with: make down")


def stop() -> None:
    """Stop every server and remove what they left."""
    groups = [pid for pid in pids().values() if _is_ours(pid)]
    for pid in groups:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while time.monotonic() < deadline and any(_group_lives(pid) for pid in groups):
        time.sleep(0.05)
    for pid in groups:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
    shutil.rmtree(RUN, ignore_errors=True)
    STACK_FILE.unlink(missing_ok=True)


def _spawn(name: str, command: list[str], ports: Ports) -> "subprocess.Popen[bytes]":
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "PYTHONDONTWRITE"))},
        "GATEWAY_PORT": str(ports.aws),
        "BIND_HOST": "127.0.0.1",
        "AUTH": "true",  # the functions run under their own roles, so least privilege is what is tested
        "LOG_LEVEL": "WARNING",
        "IOT_MTLS_ENABLED": "0",  # it would listen on every address of this machine
        "SFTP_ENABLED": "0",
        "TMPDIR": str(RUN / "tmp"),
    }
    with (LOGS / f"{name}.log").open("wb") as log:
        # A session of its own: Ctrl-C reaches the controller alone, which then stops the servers in order.
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
        )


def _await(name: str, process: "subprocess.Popen[bytes]", url: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with suppress(URLError, OSError), urllib.request.urlopen(url, timeout=2):
            return
        time.sleep(0.05)
    raise Stop(f"The server {name!r} did not start; see {(LOGS / f'{name}.log').relative_to(ROOT)}.")


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise Stop(
                f"Port {port} is in use. Stop what uses it, or choose three others: PORT=5566 make ..."
            ) from None


def _is_ours(pid: int) -> bool:
    """Whether the process is one we started, and not another that was given its number since."""
    entry = Path(f"/proc/{pid}/cmdline")
    if entry.exists():
        command = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
    else:  # no /proc: macOS
        listing = subprocess.run(["ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False)
        command = listing.stdout
    return any(name in command for name in ("ministack", "local.models", "local.vectors"))


def _group_lives(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    with suppress(ChildProcessError):
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    return False
