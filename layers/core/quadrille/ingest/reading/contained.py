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
from typing import IO, Any, TypeVar

from quadrille.errors import RetryLater, TooLarge, Unreadable
from quadrille.ingest.reading import wire
from quadrille.ingest.reading.extracted import Extracted, Limits, OpenedMail, Recognised, Written

T = TypeVar("T")

_MAIN = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    "from quadrille.ingest.reading.child import main; main(int(sys.argv[2]), sys.argv[3])"
)
_START = 30.0  # seconds a new interpreter may take
_GRACE = 3.0  # seconds after the kernel should have ended a child
_OUT_OF_TIME = (signal.SIGALRM, signal.SIGXCPU)


def read(data: bytes, filename: str, limits: Limits) -> Extracted:
    """The text of a file, read in a child. Raises `Unreadable`, `TooLarge`, and `RetryLater` if there is no child."""
    return _reader("read").read(data, filename, limits)


def recognise(data: bytes, page: int, languages: str, limits: Limits) -> Recognised:
    """What OCR reads on a page (from 1) of a PDF or an image, in a child. Raises as `read`."""
    return _reader("recognise").recognise(data, page, languages, limits)


def depict(data: bytes, page: int, limits: Limits) -> bytes:
    """A page (from 1) of a PDF or an image as a PNG or JPEG file, drawn in a child. Raises as `read`."""
    return _reader("depict").depict(data, page, limits)


def open_mail(data: bytes, limits: Limits) -> OpenedMail:
    """What a mail holds, read in a child. Raises as `read`."""
    return _reader("open").open(data, limits)


def split(text: str, limits: Limits) -> Written:
    """What is new in a mail's text, and what is not, told apart in a child. Raises as `read`."""
    return _reader("split").split(text, limits)


@cache
def _reader(task: str) -> "Reader":
    reader = Reader(task)
    atexit.register(reader.close)
    return reader


@dataclass(frozen=True, slots=True)
class Used:
    """What a child has used: bytes of memory at most, seconds of CPU."""

    peak: int
    cpu: float


class Reader:
    """A parent's end of `child.py`, which is started with the first file and again after it was lost.

    It is for one task, and the method of that name is the one to call.
    """

    def __init__(self, task: str = "read") -> None:
        self.task = task
        self.used = Used(0, 0.0)
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def read(self, data: bytes, filename: str, limits: Limits) -> Extracted:
        """The text of one file."""
        return self._result(data, {"filename": filename[-1024:]}, limits, wire.extracted)

    def recognise(self, data: bytes, page: int, languages: str, limits: Limits) -> Recognised:
        """What OCR reads on one page."""
        return self._result(data, {"page": page, "languages": languages}, limits, wire.recognised)

    def depict(self, data: bytes, page: int, limits: Limits) -> bytes:
        """One page as an image file."""
        return self._result(data, {"page": page}, limits, lambda _, parts: parts[0])

    def open(self, data: bytes, limits: Limits) -> OpenedMail:
        """What a mail holds."""
        return self._result(data, {}, limits, wire.opened)

    def split(self, text: str, limits: Limits) -> Written:
        """What a mail's text consists of."""
        return self._result(text.encode(), {}, limits, wire.written)

    def _result(self, data: bytes, request: dict[str, Any], limits: Limits, build: wire.Build[T]) -> T:
        """What the child makes of one file; others wait for their turn."""
        with self._turn, tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as target:
            source.write(data)
            source.seek(0)
            ended_by = self._ask(source, target, request, limits)
            if ended_by:
                raise _verdict(ended_by, self.used.peak, limits, what=wire.thing(self.task))
            target.seek(0)
            return wire.unpack(target.read(), build)

    def _ask(self, source: IO[bytes], target: IO[bytes], request: dict[str, Any], limits: Limits) -> int:
        """Send a request and wait for the child's end: the signal that ended it, or 0."""
        if self._process and self._process.poll() is not None:
            self.close()
        control = self._control or self._start()
        packed = json.dumps({**request, "limits": asdict(limits)}).encode()
        control.settimeout(limits.seconds + _GRACE)
        try:
            socket.send_fds(control, [packed], [source.fileno(), target.fileno()])
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
                [sys.executable, "-I", "-S", "-X", "utf8", "-c", _MAIN, path, str(theirs.fileno()), self.task],
                pass_fds=[theirs.fileno()],
                env={"LD_LIBRARY_PATH": sysconfig.get_config_var("LIBDIR") or "", "OMP_THREAD_LIMIT": "1"},
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


def _verdict(ended_by: int, peak: int, limits: Limits, *, what: str) -> Unreadable | TooLarge:
    """Why a child was ended. A native parser that gets no memory crashes, so a large one is taken for that."""
    if ended_by in _OUT_OF_TIME:
        return TooLarge(f"Reading the {what} takes longer than {limits.seconds} s, which is the limit.")
    if ended_by == signal.SIGKILL or peak > limits.memory // 2:
        return TooLarge(
            f"Reading the {what} takes more than {limits.memory // 1024**2} MB of memory, which is the limit."
        )
    return Unreadable(f"The {what} is damaged: it crashes its reader ({signal.Signals(ended_by).name}).")
