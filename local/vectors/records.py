"""What the index holds: records with dense values, sparse values and metadata.
All arrays are float32 or uint32, as in Pinecone, so what is fetched is what was stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Indices: TypeAlias = NDArray[np.uint32]
Flags: TypeAlias = NDArray[np.bool_]
MetadataValue: TypeAlias = str | float | bool | list[str]
Metadata: TypeAlias = dict[str, MetadataValue]


@dataclass(frozen=True, slots=True)
class Sparse:
    """A sparse vector: values[i] is the weight of term indices[i]."""

    indices: Indices
    values: Floats

    def to_bytes(self) -> bytes:
        return self.indices.tobytes() + self.values.tobytes()

    @classmethod
    def from_bytes(cls, blob: bytes) -> Sparse:
        half = len(blob) // 2
        return cls(np.frombuffer(blob[:half], np.uint32), np.frombuffer(blob[half:], np.float32))


@dataclass(frozen=True, slots=True)
class Record:
    """One record. It is never changed in place: an update stores a new one."""

    id: str
    values: Floats | None
    sparse: Sparse | None
    metadata: Metadata


@dataclass(frozen=True, slots=True)
class Match:
    """A record that a query found, and how well it matched."""

    record: Record
    score: float


@dataclass(frozen=True, slots=True)
class Page:
    """Records or ids in the order of their ids, and the id to go on after if there are more."""

    records: list[Record]
    last: str | None
