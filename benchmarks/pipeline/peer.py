"""A peer's end of its pipe: takes lists of files as lines of JSON, ingests them, and says how many seconds it took."""

import json
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
        began = time.monotonic()
        peer.ingest(json.loads(line))
        print(time.monotonic() - began, file=pipe, flush=True)
