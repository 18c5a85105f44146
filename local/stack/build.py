"""`sam build`, for the interpreter at hand, and only if something it is made of changed."""

import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from local.stack.places import BIN, LOGS, ROOT, SAM, UV_BIN, Stop

BUILD = ROOT / ".aws-sam/build"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
RUNTIME = f"PythonRuntime=python{PYTHON}"
_SOURCES = ("template.yaml", "functions", "layers")
_LINUX = {"x86_64": "x86_64-manylinux_2_28", "arm64": "aarch64-manylinux_2_28"}


def build(*, architecture: str | None = None) -> bool:
    """Build for an architecture of Lambda, or for this machine if None. False if nothing had changed."""
    target = _LINUX[architecture] if architecture else _host()
    stamp, digest = BUILD / ".digest", _digest(target)
    if stamp.exists() and stamp.read_text() == digest:
        return False
    environment = {**sam_environment(), "PYTHON": PYTHON, "PLATFORM": target}
    overrides = [RUNTIME, f"Architecture={architecture}"] if architecture else [RUNTIME]
    # A cache per target: sam's own knows neither the interpreter nor the platform a layer is built for.
    command = [SAM, "build", "--cache-dir", f".aws-sam/cache-{PYTHON}-{target}", "--parameter-overrides", *overrides]
    run_sam(command, environment, log="build")
    stamp.write_text(digest)
    return True


def sam_environment() -> dict[str, str]:
    """The environment every sam command runs in: our interpreter and uv first on the path, no telemetry."""
    path = os.pathsep.join([str(BIN), str(UV_BIN), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, "SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "0.5"}


def run_sam(command: list[object], environment: dict[str, str], *, log: str) -> None:
    """Run a sam command quietly. Raises `Stop` with the end of what it said."""
    done = subprocess.run(
        list(map(str, command)), cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        check=False,
    )  # fmt: skip
    LOGS.mkdir(parents=True, exist_ok=True)
    (LOGS / f"{log}.log").write_text(done.stdout)
    if done.returncode:
        raise Stop(f"sam {command[1]} failed:\n{done.stdout[-3000:]}")


def _host() -> str:
    """This machine, as uv names a platform: the embedded AWS runs the functions right here."""
    machine = {"arm64": "aarch64", "AMD64": "x86_64"}.get(platform.machine(), platform.machine())
    if platform.system() == "Linux":
        return f"{machine}-manylinux_2_28"
    return f"{machine}-apple-darwin"


def _digest(target: str) -> str:
    digest = hashlib.sha256(f"{sys.version} {target}".encode())
    for path in _files():
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _files() -> Iterator[Path]:
    for name in _SOURCES:
        top = ROOT / name
        yield from [top] if top.is_file() else sorted(p for p in top.rglob("*") if p.is_file() and p.suffix != ".pyc")
