"""Dense vectors in memory: blocks of float32 rows, and the scan that scores all of them against a query.
Growing adds a block and copies nothing. Calls that write need the store's write lock, all others its read lock."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import sqrt
from threading import Lock

import numpy as np

from local.vectors.records import Floats

# Large enough that the BLAS call outweighs Python, small enough that a small namespace stays small:
# memory of a block that was never written is not resident.
BLOCK_ROWS = 2048

# More cores do not help: two or three already use up the bandwidth of the memory.
WORKERS = min(4, os.cpu_count() or 1)
POOL = ThreadPoolExecutor(WORKERS, thread_name_prefix="scan")

# More queries in one pass cost little memory traffic, but 4 bytes x rows each.
QUERIES_PER_PASS = 16


@dataclass(eq=False)
class _Ticket:
    query: Floats
    scores: Floats | None = None


class Rows:
    """Rows of one dimension, addressed by slot. `cosine` False scores by dot product."""

    def __init__(self, dimension: int, *, cosine: bool) -> None:
        self._dimension = dimension
        self._cosine = cosine
        self._blocks: list[Floats] = []
        self._inverse_norms: list[Floats] = []
        self._turn = Lock()
        self._waiting_guard = Lock()
        self._waiting: list[_Ticket] = []

    def write(self, slot: int, values: Floats) -> None:
        block, row = divmod(slot, BLOCK_ROWS)
        if block == len(self._blocks):
            self._blocks.append(np.empty((BLOCK_ROWS, self._dimension), np.float32))
            self._inverse_norms.append(np.empty(BLOCK_ROWS, np.float32))
        self._blocks[block][row] = values
        self._inverse_norms[block][row] = 1 / _norm(values)

    def read(self, slot: int) -> Floats:
        """A copy of the row."""
        block, row = divmod(slot, BLOCK_ROWS)
        return np.array(self._blocks[block][row])

    def scores(self, query: Floats, count: int) -> Floats:
        """The scores of the first `count` slots. Scanning is bound by memory bandwidth, so queries that
        arrive during a pass wait and share the next one. All of them hold the read lock: the rows stand still."""
        ticket = _Ticket((query / _norm(query)).astype(np.float32) if self._cosine else query)
        with self._waiting_guard:
            self._waiting.append(ticket)
        with self._turn:
            if ticket.scores is None:
                self._serve(ticket, count)
        assert ticket.scores is not None
        return ticket.scores

    def _serve(self, own: _Ticket, count: int) -> None:
        """Scores the own ticket and as many waiting ones as a pass takes."""
        with self._waiting_guard:
            others = [ticket for ticket in self._waiting if ticket is not own]
            batch = [own, *others[: QUERIES_PER_PASS - 1]]
            self._waiting = others[QUERIES_PER_PASS - 1 :]
        scores = self._pass(np.stack([ticket.query for ticket in batch]), count)
        for ticket, row in zip(batch, scores, strict=True):
            ticket.scores = row

    def _pass(self, queries: Floats, count: int) -> Floats:
        scores = np.empty((len(queries), count), np.float32)
        columns = np.ascontiguousarray(queries.T)
        blocks = range(0, -(-count // BLOCK_ROWS))
        shares = [blocks[worker::WORKERS] for worker in range(min(WORKERS, len(blocks)))]
        for done in [POOL.submit(self._score_blocks, share, columns, scores) for share in shares]:
            done.result()
        return scores

    def _score_blocks(self, share: range, columns: Floats, scores: Floats) -> None:
        for block in share:
            self._score_block(block, columns, scores)

    def _score_block(self, block: int, columns: Floats, scores: Floats) -> None:
        part = scores[:, block * BLOCK_ROWS : (block + 1) * BLOCK_ROWS]
        rows = self._blocks[block][: part.shape[1]]
        if len(part) == 1:
            np.dot(rows, columns[:, 0], out=part[0])  # the matrix product of a single column takes twice as long
        else:
            part[:] = (rows @ columns).T
        if self._cosine:
            part *= self._inverse_norms[block][: part.shape[1]]


def _norm(values: Floats) -> float:
    """In double precision, whose squares neither overflow nor vanish for any 32-bit number."""
    wide = values.astype(np.float64)
    return sqrt(wide @ wide)
