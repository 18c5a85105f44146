"""The peer: pypdf, as LangChain's PyPDFLoader and LlamaIndex's PDFReader call it by default, in a child of its own."""

import io
import os
import signal
import tempfile
import time
from dataclasses import dataclass

SECONDS = 120  # for one file


@dataclass(frozen=True)
class Outcome:
    """What reading one file gave and took: seconds of CPU, bytes of memory at most."""

    text: str
    pages: int
    cpu: float
    peak: int


def pypdf_text(data: bytes) -> Outcome | None:
    """A PDF's text by pypdf; None if it gives up."""
    import pypdf  # before the fork: importing it is not what is measured

    with tempfile.TemporaryFile() as target:
        child = os.fork()
        if not child:
            signal.alarm(SECONDS)
            _write(pypdf.PdfReader, data, target.fileno())
        _, status, used = os.wait4(child, 0)
        target.seek(0)
        head, _, text = target.read().decode().partition("\n")
    if status or not head:
        return None
    pages, cpu = head.split()
    return Outcome(text, int(pages), float(cpu), used.ru_maxrss * 1024)


def _write(reader: type, data: bytes, target: int) -> None:
    started = time.process_time()  # the fork is ours and not pypdf's
    try:
        pages = [page.extract_text() for page in reader(io.BytesIO(data)).pages]
        text = "\n\n".join(pages)
        with open(target, "wb", closefd=False) as file:
            file.write(f"{len(pages)} {time.process_time() - started}\n{text}".encode(errors="replace"))
    except Exception:  # noqa: BLE001 - whatever it is, pypdf gave up
        os._exit(1)
    os._exit(0)
