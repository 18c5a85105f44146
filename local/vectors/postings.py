"""Sparse vectors in memory: for each term, the slots that contain it and their weights.
A query touches the lists of its own terms only. Calls that write need the store's write lock."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from local.vectors.records import Floats, Indices, Sparse


@dataclass
class _Posting:
    slots: array[int] = field(default_factory=lambda: array("I"))
    weights: array[float] = field(default_factory=lambda: array("f"))

    def drop(self, dead: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> None:
        slots = np.frombuffer(self.slots, np.uint32)
        keep = ~dead[np.minimum(slots, len(dead) - 1)]
        weights = np.frombuffer(self.weights, np.float32)
        self.slots, self.weights = array("I", slots[keep].tobytes()), array("f", weights[keep].tobytes())


class Postings:
    """An inverted list per term."""

    def __init__(self) -> None:
        self._by_term: dict[int, _Posting] = {}

    def extend(self, vectors: Sequence[tuple[int, Sparse]]) -> None:
        """Adds sparse vectors, each with its slot. The slots hold none so far."""
        if not vectors:
            return
        terms, slots, weights = _columns(vectors)
        order = np.argsort(terms)
        slots, weights = slots[order], weights[order]
        for term, start, stop in _runs(terms[order]):
            posting = self._by_term.setdefault(term, _Posting())
            posting.slots.frombytes(slots[start:stop].tobytes())
            posting.weights.frombytes(weights[start:stop].tobytes())

    def remove(self, vectors: Sequence[tuple[int, Sparse]]) -> None:
        """Takes sparse vectors out again, as they were added."""
        if not vectors:
            return
        terms, slots, _ = _columns(vectors)
        dead = np.zeros(int(slots.max()) + 2, np.bool_)  # the last flag stands for all higher slots
        dead[slots] = True
        for term in np.unique(terms).tolist():
            posting = self._by_term[term]
            posting.drop(dead)
            if not posting.slots:
                del self._by_term[term]

    def scores(self, query: Sparse, count: int) -> Floats:
        """The dot product of the query with each of the first `count` slots."""
        scores = np.zeros(count, np.float32)
        for term, weight in zip(query.indices.tolist(), query.values, strict=True):
            posting = self._by_term.get(term)
            if posting is not None:
                # a slot occurs once in a list, so += adds to each
                slots = np.frombuffer(posting.slots, np.uint32)
                scores[slots] += weight * np.frombuffer(posting.weights, np.float32)
        return scores


def _columns(vectors: Sequence[tuple[int, Sparse]]) -> tuple[Indices, Indices, Floats]:
    sizes = [len(sparse.indices) for _, sparse in vectors]
    slots = np.repeat(np.array([slot for slot, _ in vectors], np.uint32), sizes)
    terms = np.concatenate([sparse.indices for _, sparse in vectors])
    return terms, slots, np.concatenate([sparse.values for _, sparse in vectors])


def _runs(terms: Indices) -> Iterator[tuple[int, int, int]]:
    """Each distinct term of a sorted array with the start and the stop of its run."""
    starts = np.flatnonzero(np.diff(terms, prepend=terms[0] ^ 1))
    return zip(terms[starts].tolist(), starts.tolist(), [*starts[1:].tolist(), len(terms)], strict=True)
