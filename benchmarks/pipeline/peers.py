"""The same files through LangChain and LlamaIndex, in process, against the same offline models and vectors."""

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from benchmarks.extraction import row
from benchmarks.pipeline.corpus import Corpus, one_page_changed, pdf
from benchmarks.pipeline.meters import metered
from benchmarks.stack import Tenant
from local.setup import ON_DEMAND, ROOT
from local.stack.places import Ports

_PYTHON = ON_DEMAND["peers"] / "bin/python"
_NAMES = {"LangChain": "langchain_peer", "LlamaIndex": "llamaindex_peer"}
_NOTE = """
LangChain and LlamaIndex run in one process that reads files from a disk and keeps what it knows in SQLite or JSON: no
queue, no bucket, no second worker, no budget, and what a crash interrupts begins again. They send the chunks of many
documents in one request, where a document here is a unit of its own for failure, budget and receipt.
"""

Step = Callable[[Mapping[str, bytes], int], float]  # files and their version -> seconds


@dataclass(frozen=True, slots=True)
class Taken:
    """What one step took: seconds, and what was sent to be embedded."""

    seconds: float
    requests: int
    chunks: int


def measure(stack: dict[str, Any], count: int) -> None:
    """Put the same files through each, and print. They are new, the same again, and changed in one page of forty."""
    if not _PYTHON.exists():
        print("\nPeers: not measured. python3 local/setup.py peers makes their environment.")
        return
    print(
        f"\nPeers: {count} Markdown documents of 3 to 6 pages; then one page of forty rewritten, as text and as PDF\n"
    )
    row("", "docs/s", "requests", "chunks", "again s", "requests", "chunks", "txt: one", "of", "pdf: one", "of")
    with _ours(stack) as step:
        _print_row("this pipeline", count, _through(stack, step, count))
    for name, module in _NAMES.items():
        with _peer(stack, module) as step:
            _print_row(name, count, _through(stack, step, count))
    print(_NOTE)


def _print_row(name: str, count: int, taken: list[Taken]) -> None:
    new, again, text, changed_text, paper, changed_paper = taken
    row(
        name,
        f"{count / new.seconds:.1f}",
        *(new.requests, new.chunks),
        f"{again.seconds:.2f}",
        *(again.requests, again.chunks),
        *(changed_text.chunks, text.chunks, changed_paper.chunks, paper.chunks),
    )


def _through(stack: dict[str, Any], step: Step, count: int) -> list[Taken]:
    corpus = Corpus("peers")
    step({"warm-up.md": corpus.report(count), "warm-up.pdf": pdf(corpus.pages(count, 1))}, 1)
    files = {f"{number}.md": corpus.report(number) for number in range(count)}
    before, after = one_page_changed("peers")
    texts, papers = (["\n\n".join(pages).encode() for pages in (before, after)], [pdf(before), pdf(after)])
    steps: list[tuple[dict[str, bytes], int]] = [(files, 1), (files, 1)]
    steps += [({"report.txt": text}, version) for version, text in enumerate(texts, start=1)]
    steps += [({"report.pdf": paper}, version) for version, paper in enumerate(papers, start=1)]
    return [_metered(stack, step, *arguments) for arguments in steps]


def _metered(stack: dict[str, Any], step: Step, files: Mapping[str, bytes], version: int) -> Taken:
    with metered(stack) as load:
        seconds = step(files, version)
    return Taken(seconds, load.embeddings["requests"], load.embeddings["inputs"])


@contextmanager
def _ours(stack: dict[str, Any]) -> Iterator[Step]:
    tenant = Tenant(stack)
    yield lambda files, version: tenant.ingest(files, version=version).seconds


@contextmanager
def _peer(stack: dict[str, Any], module: str) -> Iterator[Step]:
    """A peer's warm process, over files on a disk and a namespace of its own."""
    ports = Ports.from_first(int(stack["aws_endpoint_url"].rsplit(":", 1)[1]))
    models, vectors = f"http://127.0.0.1:{ports.models}/v1", f"http://127.0.0.1:{ports.vectors}"
    with TemporaryDirectory() as name:
        folder = Path(name)
        command = [_PYTHON, "-m", f"benchmarks.pipeline.{module}", models, vectors, f"peer-{uuid4().hex[:8]}", folder]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(list(map(str, command)), cwd=ROOT, text=True, **pipes) as process:
            yield lambda files, _: _ask(process, folder / "files", files)
            assert process.stdin
            process.stdin.close()


def _ask(process: "subprocess.Popen[str]", folder: Path, files: Mapping[str, bytes]) -> float:
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    assert process.stdin
    assert process.stdout
    process.stdin.write(json.dumps([str(folder / name) for name in files]) + "\n")
    process.stdin.flush()
    return float(process.stdout.readline())
