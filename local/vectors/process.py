"""The vector server as a child process, for tests and benchmarks.
`with serve(folder) as server:` yields once it listens and stops it at the end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
STOP_SECONDS = 10


@dataclass(frozen=True, slots=True)
class RunningServer:
    url: str
    process: subprocess.Popen[str]

    def kill(self) -> None:
        """Ends it as a crash would, without notice."""
        self.process.kill()
        self.process.wait()


@contextmanager
def serve(data_dir: Path, *options: str) -> Iterator[RunningServer]:
    """A server of the index in a folder, on a port of its own choice."""
    command = [sys.executable, "-m", "local.vectors", "--port", "0", "--data", str(data_dir), *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("The vector server did not start; its stderr says why.")
            yield RunningServer(line.split()[-1], process)
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)
