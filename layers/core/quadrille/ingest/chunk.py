"""The stage chunk: text becomes overlapping chunks with exact positions, and messages for embed and summarize."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from aws_lambda_powertools import Logger

from quadrille.blobs import Blobs
from quadrille.chunks import Chunk
from quadrille.collections import Collections
from quadrille.documents import Documents, Status, is_held
from quadrille.ingest.estimate import Estimator
from quadrille.ingest.join import complete, open_parts
from quadrille.ingest.reading import Page
from quadrille.ingest.reuse import digest, reusable
from quadrille.ingest.splitting import split
from quadrille.ingest.summarize import parts
from quadrille.ingest.work import batch_key, part_key, work_key
from quadrille.messages import DocumentVersion, EmbeddingBatch, SummaryPart
from quadrille.queues import Queue
from quadrille.rows import Row
from quadrille.tokens import estimated

logger = Logger()


@dataclass(frozen=True, slots=True)
class Next:
    """The queues of the stages that follow."""

    embed: Queue
    summarize: Queue
    index: Queue


@dataclass(frozen=True, slots=True)
class Plan:
    """How a text is split and priced; `embedding` names what vectors depend on besides their text."""

    collections: Collections
    estimator: Estimator
    embedding: str


def chunk(version: DocumentVersion, *, documents: Documents, blobs: Blobs, plan: Plan, queues: Next) -> None:
    """Split a version's text, keep what the live version has embedded already, and send the rest on in batches.

    A version is split once: a later delivery, or a retry, sends on what is missing. One whose price is to be confirmed
    first goes no further. Raises only what a retry may cure.
    """
    row = documents.current(version)
    if row and not row["chunks_total"]:
        row = _split(version, row, documents, blobs, plan)
    if row and is_held(row):
        documents.advance(version, Status.WAITING)
        logger.info("document_waits_for_confirmation", document_id=version.document_id, version=version.version)
        return
    row = row and documents.advance(version, Status.EMBEDDING)
    if row:
        _send_on(version, row, queues)
    else:
        logger.info("message_superseded", document_id=version.document_id, version=version.version)


def _send_on(version: DocumentVersion, row: Row, queues: Next) -> None:
    """Send what is missing of a version to the stages that make it."""
    about = version.model_dump()
    left = [number for number in range(int(row["batches_total"])) if str(number) not in row["batches"]]
    queues.embed.send(*(EmbeddingBatch(**about, batch=number) for number in left))
    queues.summarize.send(*(SummaryPart(**about, level=level, part=part) for level, part in open_parts(row)))
    if complete(row):
        queues.index.send(version)


def _split(version: DocumentVersion, row: Row, documents: Documents, blobs: Blobs, plan: Plan) -> Row | None:
    """Store a version's batches, the chunks whose vectors are kept and the parts to summarize; the row that says so."""
    stored = blobs.get_json(work_key(version, "text"))
    text, pages = stored["text"], [Page(**page) for page in stored["pages"]]
    size = plan.collections.enter(version.tenant, row["collection"])
    chunks = list(split(text, pages, markdown=stored["markdown"], size=size))
    if not chunks:
        documents.fail(version, "The file is empty.")
        return None
    known = reusable(version, int(row["live"]), blobs) if row["live"] else {}
    kept = [(piece, known[name]) for piece in chunks if (name := digest(piece, plan.embedding)) in known]
    fresh = [piece for piece in chunks if digest(piece, plan.embedding) not in known]
    per_batch = plan.estimator.batch
    batches = [fresh[start : start + per_batch] for start in range(0, len(fresh), per_batch)]
    summarized = parts(text, [piece.start for piece in chunks], tokens=plan.estimator.summary_over)
    _store(version, batches, summarized, blobs)
    blobs.put_json(work_key(version, "kept"), [[piece.to_json(), asdict(vector)] for piece, vector in kept])
    logger.info(
        "document_chunked", document_id=version.document_id, version=version.version, fresh=len(fresh), kept=len(kept)
    )
    return documents.advance(
        version,
        Status.CHUNKING,
        chunks_total=len(chunks),
        chunks_kept=len(kept),
        batches_total=len(batches),
        summary_parts=len(summarized),
        tokens=estimated(text),
        estimate=plan.estimator.of_chunks(text, fresh).public() if is_held(row) else row["estimate"],
    )


def _store(version: DocumentVersion, batches: Sequence[Sequence[Chunk]], texts: Sequence[str], blobs: Blobs) -> None:
    for number, batch in enumerate(batches):
        blobs.put_json(batch_key(version, number), [piece.to_json() for piece in batch])
    for number, text in enumerate(texts):
        blobs.put_json(part_key(version, 0, number), text)
