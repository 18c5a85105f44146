"""The process that reads hostile files: it forks a child for each, under limits the kernel keeps.

It is a fresh interpreter that never had an environment, credentials or connections to lose, and imports the parsers
once: forking it takes a millisecond, starting it a hundred. No file is looked at before the fork.
"""

import gc
import importlib
import json
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NoReturn

from quadrille.errors import TooLarge, Unreadable
from quadrille.ingest.reading import wire
from quadrille.ingest.reading.extracted import Limits

_REQUEST = 64 * 1024  # bytes
_OUTPUT = 192 * 1024 * 1024  # bytes; the longest text and the most attachments fit
_HERE = "quadrille.ingest.reading"
_PARSERS = ("pypdfium2", "markdownify", "openpyxl", "charset_normalizer", "email.parser", "xml.etree.ElementTree")
_PICTURES = (f"{_HERE}.pictures", "pypdfium2", "PIL.JpegImagePlugin", "PIL.PngImagePlugin", "PIL.TiffImagePlugin")
_PAGES = ("recognise", "depict")
_MODULES = {
    "read": (f"{_HERE}.formats", *_PARSERS),
    "open": (f"{_HERE}.opening", "markdownify", "charset_normalizer", "email.parser"),
    "split": (f"{_HERE}.quotes", "mailparser_reply"),
    "recognise": (f"{_HERE}.ocr", "tesserocr", "tessdata", *_PICTURES),
    "depict": _PICTURES,
}
# Taken by a parser if they are there. No layer of a task's function has them, so no machine uses them.
_UNUSED = {"read": ("numpy", "PIL", "lxml", "defusedxml", "pandas"), "open": ("numpy", "PIL", "lxml")}


def main(descriptor: int, task: str) -> None:
    """Serve requests, one at a time, until the parent closes its end. Each comes with the file and a place to write.

    All are for one task: `read` a file, `open` a mail, `split` its text, `recognise` a page's text by OCR, or `depict`
    a page.
    """
    for name in _UNUSED.get(task, ("numpy",)):
        sys.modules[name] = None  # type: ignore[assignment]
    control = socket.socket(fileno=descriptor)
    warm = task in _PAGES
    if warm:  # a page takes a second, and what is missing must not be taken for a page's fault
        _import(*_MODULES[task])
    control.sendall(b"ready\n")
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, _REQUEST, 2)
        if not request:
            return
        control.sendall(_answer({**json.loads(request), "task": task}, control, descriptors))
        if not warm:  # after the first answer: nobody waits for it
            _import(*_MODULES[task])
            warm = True


def _import(*names: str) -> None:
    for name in names:
        importlib.import_module(name)
    gc.freeze()  # what is never collected is never copied for a child


def _answer(request: dict[str, Any], control: socket.socket, descriptors: list[int]) -> bytes:
    """Do one request in a child; how that ended, the most memory it had, and the seconds of CPU it took."""
    started = time.process_time()
    child = os.fork()
    if not child:
        control.close()
        _work(request, *descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    _, status, used = os.wait4(child, 0)
    ended = {
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
        "peak": used.ru_maxrss * 1024,
        "cpu": used.ru_utime + used.ru_stime + time.process_time() - started,
    }
    return json.dumps(ended).encode() + b"\n"


def _work(request: dict[str, Any], source: int, target: int) -> NoReturn:
    """The child: read, write what came of it, and end."""
    limits = Limits(**request["limits"])
    try:
        _confine(limits)
        with open(source, "rb") as file:
            data = file.read()
        with open(target, "wb", closefd=False) as file:
            file.writelines(_outcome(data, request, limits))
    except MemoryError:
        _refuse(target, _over_memory(limits, request["task"]))
    except OSError:
        _refuse(target, TooLarge(f"The file's text and attachments have over {_OUTPUT} bytes, which is the limit."))
    finally:
        os._exit(0)


def _outcome(data: bytes, request: dict[str, Any], limits: Limits) -> list[bytes]:
    try:
        return list(_result(data, request, limits))
    except (Unreadable, TooLarge) as error:
        return [wire.pack_refusal(error)]
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - a parser may raise anything on hostile bytes, and this is its end
        what, why = wire.thing(request["task"]), type(error).__name__
        return [wire.pack_refusal(Unreadable(f"The {what} is damaged and cannot be read ({why})."))]


def _result(data: bytes, request: dict[str, Any], limits: Limits) -> Iterator[bytes]:
    match request["task"]:
        case "recognise":
            from quadrille.ingest.reading import ocr

            return wire.pack_recognised(ocr.recognise(data, request["page"], request["languages"], limits))
        case "open":
            from quadrille.ingest.reading import opening

            return wire.pack_opened(opening.read(data, limits))
        case "split":
            from quadrille.ingest.reading import quotes

            return wire.pack_written(quotes.split(data.decode()))
        case "depict":
            from quadrille.ingest.reading import pictures

            return wire.pack({}, pictures.depict(data, request["page"], limits))
    from quadrille.ingest.reading import formats

    return wire.pack_extracted(formats.read(data, request["filename"], limits))


def _refuse(target: int, error: TooLarge) -> None:
    os.ftruncate(target, 0)
    os.pwrite(target, wire.pack_refusal(error), 0)


def _over_memory(limits: Limits, task: str) -> TooLarge:
    megabytes = limits.memory // 1024**2
    return TooLarge(f"Reading the {wire.thing(task)} takes more than {megabytes} MB of memory, which is the limit.")


def _confine(limits: Limits) -> None:
    """From here on the kernel ends this process if it takes too long, too much, or starts another one."""
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(silence, stream)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, limits.seconds)
    for name, value, hard in (
        ("RLIMIT_CPU", limits.seconds, limits.seconds + 1),  # at the hard limit it is SIGKILL, which tells no reason
        ("RLIMIT_AS", limits.memory, limits.memory),
        ("RLIMIT_FSIZE", _OUTPUT, _OUTPUT),
        ("RLIMIT_NPROC", 0, 0),
        ("RLIMIT_CORE", 0, 0),
    ):
        with suppress(AttributeError, ValueError, OSError):  # not every system knows every limit
            resource.setrlimit(getattr(resource, name), (value, hard))
