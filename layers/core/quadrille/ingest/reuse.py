"""Vectors of the live version that a new one may keep: a chunk whose text has not changed is not embedded again."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from quadrille.blobs import Blobs
from quadrille.chunks import Chunk
from quadrille.errors import NotFound
from quadrille.ingest.work import work_key
from quadrille.messages import DocumentVersion


@dataclass(frozen=True, slots=True)
class Vector:
    """Where a chunk's vectors are: in which objects (one, if none is sparse), and at which place in them."""

    blob: str
    place: int
    sparse: str = ""

    @property
    def blobs(self) -> set[str]:
        """The keys of the objects."""
        return {self.blob, self.sparse} - {""}


def placed(batch: Mapping[str, Any], place: int = 0) -> Vector:
    """Where the vectors of a chunk of a batch are, of which the document's row says what it says."""
    return Vector(batch["blob"], place, batch.get("sparse", ""))


def digest(chunk: Chunk, embedding: str) -> str:
    """What a chunk's vector depends on: what of it is embedded, the models and the dimension."""
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
    lost = gone(vectors.values(), blobs)
    return {name: vector for name, vector in vectors.items() if not vector.blobs & lost}


def gone(vectors: Iterable[Vector], blobs: Blobs) -> set[str]:
    """The objects of vectors that are not there any more."""
    keys: set[str] = set().union(*(vector.blobs for vector in vectors))
    return {key for key in keys if blobs.about(key) is None}
