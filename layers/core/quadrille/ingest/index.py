"""The stage index: a version becomes what readers see, and the one before vanishes."""

from aws_lambda_powertools import Logger

from quadrille.blobs import Blobs
from quadrille.chunks import Chunk
from quadrille.documents import Documents, Status
from quadrille.ingest.work import batch_key
from quadrille.messages import DocumentVersion
from quadrille.rows import Row
from quadrille.vectors import Record, Vectors, floats

logger = Logger()


def index(version: DocumentVersion, *, documents: Documents, blobs: Blobs, vectors: Vectors, per_request: int) -> None:
    """Write a complete version's vectors, let readers see it, and delete every other version's.

    Readers go by the row's `live` version, so they change over at once, however long writing and deleting take. Vector
    ids are made of the version and the chunk's number, so a second run writes the same again. Raises only what a retry
    may cure.
    """
    row = documents.advance(version, Status.INDEXING)
    if row:
        for number in range(int(row["batches_total"])):
            records = _records(version, row, number, blobs)
            for start in range(0, len(records), per_request):
                vectors.upsert(version.tenant, records[start : start + per_request])
        status = Status.PARTIAL if row["missing"] else Status.READY
        if documents.advance(version, status, live=version.version):
            logger.info("document_indexed", document_id=version.document_id, version=version.version)
    _tidy(version, documents, vectors)


def _tidy(version: DocumentVersion, documents: Documents, vectors: Vectors) -> None:
    """Delete the vectors nobody reads: those before the live version, or one's own if a newer version came between."""
    live = documents.live(version.tenant, [version.document_id]).get(version.document_id, 0)
    stale = {"$lt": live} if live >= version.version else {"$eq": version.version}
    vectors.delete(version.tenant, where={"document_id": {"$eq": version.document_id}, "version": stale})


def _records(version: DocumentVersion, row: Row, number: int, blobs: Blobs) -> list[Record]:
    """A batch's chunks with their vectors."""
    chunks = [Chunk.from_json(stored) for stored in blobs.get_json(batch_key(version, number))]
    packed = blobs.get(row["batches"][str(number)]["blob"])
    width = len(packed) // len(chunks)
    about = {
        "document_id": version.document_id,
        "version": version.version,
        "collection": row["collection"],
        "filename": row["filename"],
    }
    return [
        Record(
            f"{version.document_id}#{version.version}#{chunk.number}",
            floats(packed[place * width : (place + 1) * width]),
            {**about, **chunk.to_metadata()},
        )
        for place, chunk in enumerate(chunks)
    ]
