"""The stage index: a version becomes what readers see, and the one before vanishes."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from aws_lambda_powertools import Logger

from quadrille.about import beside_chunk
from quadrille.blobs import Blobs
from quadrille.chunks import Chunk
from quadrille.documents import Documents, Status
from quadrille.errors import NotFound
from quadrille.ingest.join import unsummarized
from quadrille.ingest.lost import embed_again
from quadrille.ingest.reuse import Vector, digest, placed, remember
from quadrille.ingest.work import batch_key, work_key
from quadrille.messages import DocumentVersion
from quadrille.queues import Queue
from quadrille.rows import Row
from quadrille.sparse import Sparse, parsed
from quadrille.vectors import Record, Vectors, floats

logger = Logger()

_REMEMBERED = 4  # objects of up to 96 vectors

Read = Callable[[Vector], tuple[list[float], Sparse | None]]


def index(
    version: DocumentVersion,
    *,
    documents: Documents,
    blobs: Blobs,
    vectors: Vectors,
    embed: Queue,
    per_request: int,
    per_batch: int,
    embedding: str,
    dimensions: int,
) -> None:
    """Write a complete version's vectors, let readers see it, and delete every other version's.

    Readers go by the row's `live` version, so they change over at once, however long writing and deleting take. Vector
    ids are made of the version and the chunk's number, so a second run writes the same again. The collection's epoch
    moves on after the change, in every run. What is gone from the bucket is sent to be embedded again. Raises only
    what a retry may cure.
    """
    row = documents.advance(version, Status.INDEXING)
    if row:
        try:
            chunks = _write(version, row, blobs, vectors, per_request, width=4 * dimensions)
        except NotFound:
            if embed_again(version, row, documents=documents, blobs=blobs, embed=embed, per_batch=per_batch):
                return
            raise
        remember(version, {digest(chunk, embedding): vector for chunk, vector in chunks}, blobs)
        if documents.finish(version, row, [*row["missing"], *unsummarized(row)]):
            logger.info("document_indexed", document_id=version.document_id, version=version.version)
    _tidy(version, documents.change_over(version), vectors)


def _write(
    version: DocumentVersion, row: Row, blobs: Blobs, vectors: Vectors, per_request: int, *, width: int
) -> list[tuple[Chunk, Vector]]:
    """Write a version's vectors, and give its chunks with their places. Raises `NotFound`."""
    read = _reader(blobs, width)
    # A chunk whose kept vector was gone is in a batch besides, and that is the one that counts.
    chunks = list({chunk.number: (chunk, vector) for chunk, vector in _placed(version, row, blobs)}.values())
    for start in range(0, len(chunks), per_request):
        vectors.upsert(version.tenant, _records(version, row, chunks[start : start + per_request], read))
    return chunks


def _tidy(version: DocumentVersion, live: int, vectors: Vectors) -> None:
    """Delete the vectors nobody reads: those before the live version, or one's own if a newer version came between."""
    stale = {"$lt": live} if live >= version.version else {"$eq": version.version}
    vectors.delete(version.tenant, where={"document_id": {"$eq": version.document_id}, "version": stale})


def _placed(version: DocumentVersion, row: Row, blobs: Blobs) -> Iterator[tuple[Chunk, Vector]]:
    """A version's chunks and where the vector of each is: those that were kept, then batch by batch."""
    for stored, vector in blobs.get_json(work_key(version, "kept")):
        yield Chunk.from_json(stored), Vector(**vector)
    for number in range(int(row["batches_total"])):
        batch = row["batches"].get(str(number))
        if batch is None:
            raise NotFound(f"Batch {number} is not embedded any more.")
        for place, stored in enumerate(blobs.get_json(batch_key(version, number))):
            yield Chunk.from_json(stored), placed(batch, place)


def _records(version: DocumentVersion, row: Row, chunks: Sequence[tuple[Chunk, Vector]], read: Read) -> list[Record]:
    """Chunks with their vectors."""
    about = {
        "document_id": version.document_id,
        "version": version.version,
        "collection": row["collection"],
        "filename": row["filename"],
        **beside_chunk(row),
    }
    records = []
    for chunk, vector in chunks:
        dense, sparse = read(vector)
        id_ = f"{version.document_id}#{version.version}#{chunk.number}"
        records.append(Record(id_, dense, {**about, **chunk.to_metadata()}, sparse))
    return records


def _reader(blobs: Blobs, width: int) -> Read:
    """Reads vectors, the dense ones of `width` bytes; the objects read last are remembered."""
    dense = lru_cache(maxsize=_REMEMBERED)(blobs.get)
    sparse = lru_cache(maxsize=_REMEMBERED)(lambda key: parsed(blobs.get(key)))

    def read(vector: Vector) -> tuple[list[float], Sparse | None]:
        packed = dense(vector.blob)[vector.place * width : (vector.place + 1) * width]
        return floats(packed), sparse(vector.sparse)[vector.place] if vector.sparse else None

    return read
