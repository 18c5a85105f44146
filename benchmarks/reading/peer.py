"""The peer: pypdf, as LangChain's PyPDFLoader and LlamaIndex's PDFReader call it by default, in one warm process.

As a module it is that process: it takes names of files and gives what came of each, a line of JSON for a line.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Outcome:
    """What reading one file gave and took: seconds of CPU, bytes of memory its process had at most until then."""

    text: str
    pages: int
    cpu: float
    peak: int


class Pypdf:
    """Our end of the process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def read(self, file: Path) -> Outcome:
        """What pypdf makes of a file; no pages if it gives up."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{file}\n")
        self.process.stdin.flush()
        return Outcome(**json.loads(self.process.stdout.readline()))


@contextmanager
def pypdf() -> Iterator[Pypdf]:
    """A process of pypdf."""
    command = [sys.executable, "-m", "benchmarks.reading.peer"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as process:
        yield Pypdf(process)
        assert process.stdin
        process.stdin.close()


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(_outcome(line.rstrip("\n"))), flush=True)


def _outcome(file: str) -> dict[str, object]:
    import pypdf as library

    started, texts = time.process_time(), []
    try:
        texts = [page.extract_text() for page in library.PdfReader(file).pages]
    except Exception as error:  # noqa: BLE001 - whatever it is, pypdf gives up
        print(repr(error), file=sys.stderr)
    peak = _peak()
    text = "\n\n".join(texts).encode(errors="replace").decode()
    return {"text": text, "pages": len(texts), "cpu": time.process_time() - started, "peak": peak}


def _peak() -> int:
    """Bytes of memory at most. Not by getrusage, which begins with what the parent had when it forked."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


if __name__ == "__main__":
    main()
