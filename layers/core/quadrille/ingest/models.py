"""What the ingest room takes and gives over HTTP."""

import json
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, model_validator

from quadrille.about import Day, Metadata
from quadrille.documents import COLLECTION, Status
from quadrille.http import Body
from quadrille.ingest.stages import STAGES
from quadrille.receipts import Receipt
from quadrille.rows import Row

Collection = Annotated[str, StringConstraints(pattern=rf"^{COLLECTION.pattern}$")]


def _known(stage: str) -> str:
    if stage not in STAGES:
        raise ValueError(f"must be one of {', '.join(STAGES)}")
    return stage


StageName = Annotated[str, AfterValidator(_known)]
ContentType = Annotated[str, StringConstraints(pattern=r"^[\w.+-]+/[\w.+-]+(?:; ?[\w=-]+)?$", max_length=100)]


class UploadRequest(Body):
    """`POST /documents`: a file that is about to be uploaded. `size` is in bytes.

    Questions can be narrowed by `date`, which is else the day of the upload, and by `metadata`. With `confirm` it
    waits, before anything is paid, until its estimate is confirmed.
    """

    filename: Annotated[str, StringConstraints(min_length=1, max_length=900)]
    size: Annotated[int, Field(ge=1)]
    collection: Collection = "default"
    content_type: ContentType | None = None
    sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")] | None = None
    confirm: bool = False
    date: Day | None = None
    metadata: Metadata = Field(default_factory=dict)


class EstimateRequest(Body):
    """`POST /documents/estimate`: pages or tokens of a text, or a document that has been read."""

    pages: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    tokens: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None
    document_id: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    collection: Collection = "default"

    @model_validator(mode="after")
    def _one_basis(self) -> Self:
        if len(self.model_fields_set & {"pages", "tokens", "document_id"}) != 1:
            raise ValueError("give one of pages, tokens and document_id")
        return self


class Calls(BaseModel):
    """Calls of the models, and of OCR if it costs anything."""

    embedding: int
    summary: int
    ocr: int = 0


class Estimate(BaseModel):
    """What ingesting will cost, in US dollars: a summary's part is the most it can be."""

    tokens: int
    chunks: int
    calls: Calls
    cost_usd: str


class CollectionSettings(Body):
    """How a collection's documents are split from now on, in tokens."""

    chunk_tokens: Annotated[int, Field(ge=50, le=2_000)]
    chunk_overlap_tokens: Annotated[int, Field(ge=0, le=500)]

    @model_validator(mode="after")
    def _overlap_fits(self) -> Self:
        if 2 * self.chunk_overlap_tokens > self.chunk_tokens:
            raise ValueError("the overlap may be at most half of a chunk")
        return self


class Upload(BaseModel):
    """A form to send: `fields`, then the file as the field `file`, by POST to `url` before `expires_at`."""

    url: str
    fields: dict[str, str]
    expires_at: str


class UploadResponse(BaseModel):
    """What `POST /documents` gives."""

    document_id: str
    upload: Upload


class Pages(BaseModel):
    """Pages in, and how their text was come by."""

    total: int
    extracted: int
    ocr: int


class ChunkCounts(BaseModel):
    """Chunks of the current version: how many in all, were embedded anew, and kept the vector of the version before."""

    total: int
    embedded: int
    reused: int


class Document(BaseModel):
    """A document and how far its current version has come."""

    document_id: str
    collection: str
    filename: str
    version: int
    status: Status
    size: int
    pages: Pages
    attachments: int
    chunks: ChunkCounts
    missing: list[dict[str, int | str]]
    date: str | None
    metadata: dict[str, Any]
    summary: str | None
    estimate: Estimate | None
    error: str | None
    erased: dict[str, int] | None
    receipt: dict[str, Any]
    created_at: str
    updated_at: str

    @classmethod
    def of(cls, row: Row, receipt: Receipt) -> "Document":
        """A row of the documents table, and what its version has cost so far."""
        embedded = sum(int(batch["chunks"]) for batch in row["batches"].values())
        extracted, ocr = (sum(int(part[name]) for part in row["ranges"].values()) for name in ("extracted", "ocr"))
        return cls.model_validate(
            {
                **row,
                "metadata": json.loads(row["metadata"]),
                "pages": {
                    "total": row["pages"]["total"],
                    "extracted": row["pages"]["extracted"] + extracted,
                    "ocr": ocr,
                },
                "chunks": {"total": row["chunks_total"], "embedded": embedded, "reused": row["chunks_kept"]},
                "receipt": receipt.public(),
            }
        )


class DocumentList(BaseModel):
    """A page of documents, and the cursor of the next one if there may be more."""

    items: list[Document]
    cursor: str | None
