"""A peer's end of its pipe: takes lists of files as lines of JSON, ingests them, and says what that took."""

import json
import resource
import sys
import time
from collections.abc import Sequence
from typing import Protocol

MODEL = "offline-hashed-embedding"
DIMENSIONS = 1536


class Peer(Protocol):
    """An ingestion in its usual in-process form."""

    def ingest(self, files: Sequence[str]) -> None: ...


def serve(peer: Peer) -> None:
    """Answer until the pipe is closed. Standard output is the pipe, so what libraries print goes to standard error."""
    pipe, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        began, cpu = time.monotonic(), time.process_time()
        peer.ingest(json.loads(line))
        taken = {"seconds": time.monotonic() - began, "cpu": time.process_time() - cpu}
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps(taken | {"peak": peak}), file=pipe, flush=True)
