"""The headline figures of the ingest room: documents a second and what bounds it, requests beside their least number,
the reader beside pypdf, and LangChain and LlamaIndex with the same files.

`python -m benchmarks.ingest` measures the stack that runs, or one it starts and stops, with offline models only. Not 0
if a goal is missed that does not depend on the machine: a document's cost, and requests.
"""

import argparse
import os
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import extraction
from benchmarks.pipeline import peers, requests, throughput
from benchmarks.stack import running_stack
from local.stack.places import Stop

PARTS = ("throughput", "requests", "extract", "peers")


def main(arguments: list[str]) -> int | str:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest", description=__doc__)
    parser.add_argument("--counts", type=_counts, default=[1, 10, 100, 1_000], help="documents at once (1,10,100,1000)")
    parser.add_argument("--mixed", type=int, default=100, help="documents of 1 to 400 chunks (100)")
    parser.add_argument("--peers", type=int, default=100, help="documents the peers are given (100)")
    parser.add_argument("--corpora", type=Path, default=extraction.CORPORA, help="for the reader (../shared/corpora)")
    parser.add_argument("--part", choices=PARTS, action="append", help="only this part; may be repeated")
    given = parser.parse_args(arguments)
    if not Path("/proc/stat").exists():
        return "This benchmark reads the CPU of each process from /proc: run it on Linux."
    print(f"\n{datetime.now(UTC):%Y-%m-%d}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores", end=", ")
    print(f"Python {platform.python_version()}, load of the last minute {os.getloadavg()[0]:.1f}\n", flush=True)
    began = time.monotonic()
    try:
        with running_stack() as stack:
            misses = _measure(stack, given)
    except Stop as reason:
        return str(reason)
    print(f"\n{time.monotonic() - began:.0f} s in all")
    print("\n".join(f"a goal is missed: {miss}" for miss in misses) or "every goal that was measured is kept")
    return 1 if misses else 0


def _measure(stack: dict[str, Any], given: argparse.Namespace) -> list[str]:
    parts, misses = given.part or PARTS, []
    if "throughput" in parts:
        misses += throughput.measure(stack, given.counts)
        print()
    if "requests" in parts:
        misses += requests.measure(stack, given.mixed)
        print()
    if "extract" in parts:
        extraction.print_speed(given.corpora)
    if "peers" in parts:
        peers.measure(stack, given.peers)
    return misses


def _counts(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
