"""Sparse vectors, as the hosted model makes them and the vector store takes them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sparse:
    """A sparse vector: which terms, by index, and how much of each. That of a text without words is empty."""

    indices: Sequence[int]
    values: Sequence[float]


def parsed(stored: bytes) -> list[Sparse]:
    """The sparse vectors of a paid result, in the order of its texts."""
    return [Sparse(row["indices"], row["values"]) for row in json.loads(stored)]
