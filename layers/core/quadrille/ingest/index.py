"""The stage index: a version's chunks become searchable, and those of the version before vanish."""

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
    """Write a complete version's vectors, delete older ones, and say `ready`, or `partial` if pages are missing.

    Vector ids are made of the version and the chunk's number, so a second run writes the same again. A version that a
    newer one overtook meanwhile takes its vectors back. Raises only what a retry may cure.
    """
    row = documents.advance(version, Status.INDEXING)
    if row is None:
        _withdraw(version, documents, vectors)
        return
    for number in range(int(row["batches_total"])):
        records = _records(version, row, number, blobs)
        for start in range(0, len(records), per_request):
            vectors.upsert(version.tenant, records[start : start + per_request])
    older = {"document_id": {"$eq": version.document_id}, "version": {"$lt": version.version}}
    vectors.delete(version.tenant, where=older)
    if documents.advance(version, Status.PARTIAL if row["missing"] else Status.READY):
        logger.info("document_indexed", document_id=version.document_id, version=version.version)
    else:
        _withdraw(version, documents, vectors)


def _withdraw(version: DocumentVersion, documents: Documents, vectors: Vectors) -> None:
    """Delete a version's vectors if it is no longer the current one; a second delivery of that keeps them."""
    current = documents.version(version.tenant, version.document_id)
    if current is None or current.version != version.version:
        mine = {"document_id": {"$eq": version.document_id}, "version": {"$eq": version.version}}
        vectors.delete(version.tenant, where=mine)
    logger.info("message_superseded", document_id=version.document_id, version=version.version)


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
