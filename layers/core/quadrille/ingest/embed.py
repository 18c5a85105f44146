"""The stage embed: one batch of chunks becomes vectors, paid for once; the last part in sends the version to index."""

from aws_lambda_powertools import Logger

from quadrille.blobs import Blobs
from quadrille.chunks import Chunk
from quadrille.documents import Documents, Status
from quadrille.inference import Inference
from quadrille.ingest.join import complete
from quadrille.ingest.paying import paid, payer_of
from quadrille.ingest.work import batch_key
from quadrille.llm import Models
from quadrille.messages import EmbeddingBatch
from quadrille.purposes import DOCUMENT
from quadrille.queues import Queue

logger = Logger()


def embed(
    batch: EmbeddingBatch,
    *,
    documents: Documents,
    blobs: Blobs,
    models: Models,
    inference: Inference,
    index: Queue,
    deadline: float,
    ends_at: float,
) -> None:
    """Embed a batch and note where its vectors are: the dense ones and, if there is a sparse model, the sparse ones.

    Each is a request of its own, so what one of them paid is kept if the other fails. Raises what `Ledger.pay` raises.

    Whoever completes the version's work sends the version on, and again on every later delivery: losing
    that message would lose the document, and the stage index does its work once.
    """
    version = batch.of_version()
    row = documents.current(version)
    if row is None or row["status"] == Status.FAILED:  # what was refused once is not bought in part
        logger.info("message_superseded", document_id=batch.document_id, version=batch.version, batch=batch.batch)
        return
    if str(batch.batch) not in row["batches"]:
        texts = [Chunk.from_json(chunk).embedded for chunk in blobs.get_json(batch_key(version, batch.batch))]
        payer = payer_of(version, row, str(batch.batch), deadline=deadline, ends_at=ends_at)
        dense = paid(
            lambda payer: models.embed(texts, payer, purpose=DOCUMENT, as_blob=True).blob, payer, int(row["retries"])
        )
        sparse = inference.embeds and paid(
            lambda payer: inference.embed(texts, payer, purpose=DOCUMENT, kind="passage").blob,
            payer,
            int(row["retries"]),
        )
        row = documents.embedded(version, batch.batch, blob=dense, chunks=len(texts), sparse=sparse or "")
        logger.info("batch_embedded", document_id=batch.document_id, version=batch.version, batch=batch.batch)
    if row and complete(row):
        index.send(version)
