"""Vectors of the live version that a new one may keep: a chunk whose text has not changed is not embedded again."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from quadrille.blobs import Blobs
from quadrille.chunks import Chunk
from quadrille.errors import NotFound
from quadrille.ingest.work import work_key
from quadrille.messages import DocumentVersion


@dataclass(frozen=True, slots=True)
class Vector:
    """Where a chunk's vector is: in which object, and at which place in it."""

    blob: str
    place: int


def digest(chunk: Chunk, embedding: str) -> str:
    """What a chunk's vector depends on: what of it is embedded, and the model and dimension."""
    return hashlib.sha256(f"{embedding}\n{chunk.embedded}".encode("utf-8", "surrogatepass")).hexdigest()


def remember(version: DocumentVersion, vectors: Mapping[str, Vector], blobs: Blobs) -> None:
    """Leave the vectors of a version, by digest, for the one after it."""
    blobs.put_json(work_key(version, "vectors"), {name: asdict(vector) for name, vector in vectors.items()})


def reusable(version: DocumentVersion, live: int, blobs: Blobs) -> dict[str, Vector]:
    """The vectors the live version of a document left, as far as their objects still exist."""
    try:
        stored = blobs.get_json(work_key(version.model_copy(update={"version": live}), "vectors"))
    except NotFound:
        return {}
    vectors = {name: Vector(**vector) for name, vector in stored.items()}
    there = {blob for blob in _blobs(vectors.values()) if blobs.about(blob) is not None}
    return {name: vector for name, vector in vectors.items() if vector.blob in there}


def _blobs(vectors: Iterable[Vector]) -> set[str]:
    return {vector.blob for vector in vectors}
