"""The stage embed: one batch of chunks becomes vectors, paid for once; the last batch in sends the version to index."""

from dataclasses import replace

from aws_lambda_powertools import Logger

from quadrille.blobs import Blobs
from quadrille.calls import Payer
from quadrille.documents import Documents, Status
from quadrille.errors import Unanswered
from quadrille.ingest.work import batch_key
from quadrille.llm import Embeddings, Models
from quadrille.messages import DocumentVersion, EmbeddingBatch
from quadrille.purposes import DOCUMENT
from quadrille.queues import Queue

logger = Logger()


def embed(
    batch: EmbeddingBatch,
    *,
    documents: Documents,
    blobs: Blobs,
    models: Models,
    index: Queue,
    deadline: float,
    ends_at: float,
) -> None:
    """Embed a batch and note where its vectors are. Raises what `Ledger.pay` raises.

    Whoever completes the set sends the version on, and again on every later delivery: losing that message would lose
    the document, and the stage index does its work once.
    """
    version = DocumentVersion(tenant=batch.tenant, document_id=batch.document_id, version=batch.version)
    row = documents.current(version)
    if row is None or row["status"] == Status.FAILED:  # what was refused once is not bought in part
        logger.info("message_superseded", document_id=batch.document_id, version=batch.version, batch=batch.batch)
        return
    if str(batch.batch) not in row["batches"]:
        texts = [chunk["text"] for chunk in blobs.get_json(batch_key(version, batch.batch))]
        payer = Payer(
            tenant=batch.tenant,
            subject=f"documents/{batch.document_id}/{batch.version}/{batch.batch}",
            deadline=deadline,
            ends_at=ends_at,
            document=version.budget,
        )
        paid = _paid(models, texts, payer, retries=int(row["retries"]))
        row = documents.embedded(version, batch.batch, blob=paid.blob, chunks=len(texts))
        logger.info("batch_embedded", document_id=batch.document_id, version=batch.version, batch=batch.batch)
    if row and len(row["batches"]) == row["batches_total"]:
        index.send(version)


def _paid(models: Models, texts: list[str], payer: Payer, *, retries: int) -> Embeddings:
    """The batch's vectors. What was sent in vain too often is sent anew once somebody has asked for a retry."""
    try:
        return models.embed(texts, payer, purpose=DOCUMENT, as_blob=True)
    except Unanswered:
        if not retries:
            raise
        return models.embed(texts, replace(payer, identity=f"retry {retries}"), purpose=DOCUMENT, as_blob=True)
