"""The pipeline's stages as data: what each one's messages are, and where a document takes up its work again."""

from dataclasses import dataclass

from pydantic import BaseModel

from quadrille.documents import Status
from quadrille.messages import DocumentVersion, EmbeddingBatch, Erasure, ObjectCreated, OcrRange, SummaryPart


@dataclass(frozen=True, slots=True)
class Kind:
    """The model of a stage's messages; the stage that a redriven document goes on from, and its status then."""

    model: type[BaseModel]
    resumes_at: str
    status: Status


# A range, batch or part goes on from the stage before: while its document was failed, the messages of the others were
# dropped, and extract and chunk send on all that are missing.
STAGES = {
    "extract": Kind(ObjectCreated, "extract", Status.EXTRACTING),
    "ocr": Kind(OcrRange, "extract", Status.EXTRACTING),
    "chunk": Kind(DocumentVersion, "chunk", Status.CHUNKING),
    "embed": Kind(EmbeddingBatch, "chunk", Status.CHUNKING),
    "summarize": Kind(SummaryPart, "chunk", Status.CHUNKING),
    "index": Kind(DocumentVersion, "index", Status.INDEXING),
    "erase": Kind(Erasure, "erase", Status.DELETED),
}
