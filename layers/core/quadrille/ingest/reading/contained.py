"""Reading a file in a child process, so that no file can harm more than itself, whatever it does to its parser."""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from typing import IO

from quadrille.errors import RetryLater, TooLarge, Unreadable
from quadrille.ingest.reading import wire
from quadrille.ingest.reading.extracted import Extracted, Limits

_MAIN = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    "from quadrille.ingest.reading.child import main; main(int(sys.argv[2]))"
)
_START = 30.0  # seconds a new interpreter may take
_GRACE = 3.0  # seconds after the kernel should have ended a child
_OUT_OF_TIME = (signal.SIGALRM, signal.SIGXCPU)


def read(data: bytes, filename: str, limits: Limits) -> Extracted:
    """The text of a file, read in a child. Raises `Unreadable`, `TooLarge`, and `RetryLater` if there is no child."""
    return _reader().read(data, filename, limits)


@cache
def _reader() -> "Reader":
    reader = Reader()
    atexit.register(reader.close)
    return reader


@dataclass(frozen=True, slots=True)
class Used:
    """What a child has used: bytes of memory at most, seconds of CPU."""

    peak: int
    cpu: float


class Reader:
    """A parent's end of `child.py`, which is started with the first file and again after it was lost."""

    def __init__(self) -> None:
        self.used = Used(0, 0.0)
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def read(self, data: bytes, filename: str, limits: Limits) -> Extracted:
        """The text of one file; others wait for their turn."""
        with self._turn, tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as target:
            source.write(data)
            source.seek(0)
            ended_by = self._ask(source, target, filename, limits)
            if ended_by:
                raise _verdict(ended_by, self.used.peak, limits)
            target.seek(0)
            return wire.unpack(target.read())

    def _ask(self, source: IO[bytes], target: IO[bytes], filename: str, limits: Limits) -> int:
        """Send a request and wait for the child's end: the signal that ended it, or 0."""
        if self._process and self._process.poll() is not None:
            self.close()
        control = self._control or self._start()
        request = json.dumps({"filename": filename[-1024:], "limits": asdict(limits)}).encode()
        control.settimeout(limits.seconds + _GRACE)
        try:
            socket.send_fds(control, [request], [source.fileno(), target.fileno()])
            answer = control.recv(1024)
        except TimeoutError:
            self.close()
            return signal.SIGALRM
        except OSError:
            answer = b""
        if not answer:
            self.close()
            raise RetryLater("The process that reads files was lost.")
        ended = json.loads(answer)
        self.used = Used(int(ended["peak"]), float(ended["cpu"]))
        return int(ended["signal"])

    def _start(self) -> socket.socket:
        """A fresh interpreter. It is given nothing: no environment, no descriptors but one, no credentials."""
        ours, theirs = socket.socketpair()
        with theirs:
            path = json.dumps([os.path.abspath(place) for place in sys.path])
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter and nothing of a file
                [sys.executable, "-I", "-S", "-X", "utf8", "-c", _MAIN, path, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={"LD_LIBRARY_PATH": sysconfig.get_config_var("LIBDIR") or ""},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._control = ours
        ours.settimeout(_START)
        if ours.recv(16) != b"ready\n":
            self.close()
            raise RetryLater("The process that reads files does not start.")
        return ours

    def close(self) -> None:
        """End the process and whatever it has started."""
        if self._control:
            self._control.close()
            self._control = None
        if self._process:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


def _verdict(ended_by: int, peak: int, limits: Limits) -> Unreadable | TooLarge:
    """Why a child was ended. A native parser that gets no memory crashes, so a large one is taken for that."""
    if ended_by in _OUT_OF_TIME:
        return TooLarge(f"Reading the file takes longer than {limits.seconds} s, which is the limit.")
    if ended_by == signal.SIGKILL or peak > limits.memory // 2:
        return TooLarge(
            f"Reading the file takes more than {limits.memory // 1024**2} MB of memory, which is the limit."
        )
    return Unreadable(f"The file is damaged: it crashes its reader ({signal.Signals(ended_by).name}).")
