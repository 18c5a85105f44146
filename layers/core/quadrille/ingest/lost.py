"""Vectors that are gone from the bucket before a version is complete: their chunks are embedded again."""

from typing import Any

from quadrille.blobs import Blobs
from quadrille.documents import Documents
from quadrille.ingest.reuse import Vector, gone, placed
from quadrille.ingest.work import batch_key, work_key
from quadrille.messages import DocumentVersion, EmbeddingBatch
from quadrille.queues import Queue
from quadrille.rows import Row

_Json = dict[str, Any]  # a chunk as the stage chunk left it


def embed_again(
    version: DocumentVersion, row: Row, *, documents: Documents, blobs: Blobs, embed: Queue, per_batch: int
) -> bool:
    """Take what is gone out of the set of what is embedded, and send it to be embedded again; false if nothing is gone.

    Batches keep their numbers. Chunks that were to keep the vector of an older version become batches after them.
    """
    total, batches = int(row["batches_total"]), {int(number): placed(batch) for number, batch in row["batches"].items()}
    kept = [(chunk, Vector(**vector)) for chunk, vector in blobs.get_json(work_key(version, "kept"))]
    lost = gone([*batches.values(), *(vector for _, vector in kept)], blobs)
    again = [number for number in range(total) if number not in batches or batches[number].blobs & lost]
    homeless = _unless_batched([chunk for chunk, vector in kept if vector.blobs & lost], version, total, blobs)
    added = [homeless[start : start + per_batch] for start in range(0, len(homeless), per_batch)]
    for number, chunks in enumerate(added, start=total):
        blobs.put_json(batch_key(version, number), chunks)
        again.append(number)
    if again and documents.lose(version, again, seen=total, total=total + len(added), homeless=len(homeless)):
        embed.send(*(EmbeddingBatch(**version.model_dump(), batch=number) for number in again))
    return bool(again)


def _unless_batched(chunks: list[_Json], version: DocumentVersion, total: int, blobs: Blobs) -> list[_Json]:
    """The chunks that are in no batch."""
    if not chunks:
        return []
    batched = {chunk["number"] for number in range(total) for chunk in blobs.get_json(batch_key(version, number))}
    return [chunk for chunk in chunks if chunk["number"] not in batched]
