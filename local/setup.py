"""Makes the project's environments, each from its pinned requirements: `make setup`.

Runs on the machine's own python3 and needs nothing but its standard library. An environment is made again only if
its requirements or the interpreter changed.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[1]
REQUIREMENTS = ROOT / "requirements"
TOOLS = ROOT / ".local/envs/tools"
ENVIRONMENTS = {"dev": ROOT / ".venv", "aws": ROOT / ".local/envs/aws", "sam": ROOT / ".local/envs/sam"}
ON_DEMAND = {"peers": ROOT / ".local/envs/peers"}


def main(names: Sequence[str] = ()) -> int:
    """Make what is missing of the environments named, or of those everybody needs."""
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        return _stop(
            f"Python 3.11, 3.12 or 3.13 is needed; this is {sys.version.split()[0]}. Try: make PY=python3.12 ..."
        )
    stale = [name for name in names or ENVIRONMENTS if not _is_current(name)]
    if not stale:
        return 0
    started = time.monotonic()
    print(f"setting up the environments {', '.join(stale)} (once)", flush=True)
    try:
        _make_tools()
        with ThreadPoolExecutor() as pool:
            list(pool.map(_make, stale))
    except subprocess.CalledProcessError as error:
        print(error.stdout or "", file=sys.stderr)
        return _stop(f"Setting up failed at: {' '.join(map(str, error.cmd))}")
    except KeyboardInterrupt:
        return 130
    print(f"environments ready ({time.monotonic() - started:.1f} s)", flush=True)
    return 0


def _stop(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1


def _place(name: str) -> Path:
    return (ENVIRONMENTS | ON_DEMAND)[name]


def _digest(name: str) -> str:
    content = (REQUIREMENTS / f"{name}.txt").read_bytes() + sys.version.encode()
    return hashlib.sha256(content).hexdigest()


def _is_current(name: str) -> bool:
    stamp = _place(name) / "ready"
    return stamp.exists() and stamp.read_text() == _digest(name)


def _make_tools() -> None:
    """uv, installed by pip: it installs all else, in a tenth of pip's time."""
    try:
        _run(sys.executable, "-m", "venv", "--clear", TOOLS)
    except subprocess.CalledProcessError:
        sys.exit(_stop("python3 cannot make virtual environments here; on Debian: apt-get install python3-venv"))
    _run(TOOLS / "bin/python", "-m", "pip", "install", "-q", "--require-hashes", "-r", REQUIREMENTS / "uv.txt")


def _make(name: str) -> None:
    place = _place(name)
    uv = TOOLS / "bin/uv"
    if place.exists():
        shutil.rmtree(place)
    _run(uv, "venv", "-q", "--python", sys.executable, place)
    requirements = REQUIREMENTS / f"{name}.txt"
    _run(
        uv,
        "pip",
        "install",
        "-q",
        "--compile-bytecode",
        "--link-mode=copy",  # nltk reads no file that has a second name
        "--require-hashes",
        "-p",
        place / "bin/python",
        "-r",
        requirements,
    )
    (place / "ready").write_text(_digest(name))


def _run(*command: object) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(
        list(map(str, command)),
        check=True,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
