"""What the pipeline's queues carry: ids and S3 keys, never content."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel


class Message(BaseModel):
    """Frozen, and strict about what it carries."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DocumentVersion(Message):
    """One version of one document: what the stages chunk and index work on."""

    tenant: str
    document_id: str
    version: int

    @property
    def budget(self) -> str:
        """The id its spending is booked under: each version of a document has a budget of its own."""
        return f"{self.document_id}/{self.version}"

    def of_version(self) -> "DocumentVersion":
        """The version alone, without the part of its work a message is about."""
        return DocumentVersion(tenant=self.tenant, document_id=self.document_id, version=self.version)


class OcrRange(DocumentVersion):
    """Some of a version's scanned pages: what the stage ocr works on."""

    number: int


class EmbeddingBatch(DocumentVersion):
    """One batch of a version's chunks: what the stage embed works on."""

    batch: int


class SummaryPart(DocumentVersion):
    """One part of a version's summary: what the stage summarize works on."""

    level: int
    part: int


class _Object(BaseModel):
    key: str
    size: int = 0
    etag: str = ""
    sequencer: str = ""


class _Detail(BaseModel):
    object: _Object


class ObjectCreated(BaseModel):
    """The EventBridge event S3 publishes for a new object; fields we do not use are ignored."""

    model_config = ConfigDict(frozen=True)

    detail_type: Literal["Object Created"] = Field(alias="detail-type")
    detail: _Detail

    @classmethod
    def of(cls, key: str, *, size: int, etag: str, sequencer: str) -> "ObjectCreated":
        """The event of an object, for reading it once more."""
        item = {"key": key, "size": size, "etag": etag, "sequencer": sequencer}
        return cls.model_validate({"detail-type": "Object Created", "detail": {"object": item}})


class ObjectDeleted(BaseModel):
    """The same for an object that was removed."""

    model_config = ConfigDict(frozen=True)

    detail_type: Literal["Object Deleted"] = Field(alias="detail-type")
    detail: _Detail


class Deletion(DocumentVersion):
    """The version a deletion made. A `late` one looks again, after every stage that had begun before it has ended.

    It brings the document's collection, and the keys of the attachments that were known, for the list of them is
    deleted.
    """

    collection: str
    late: bool = False
    attachments: tuple[str, ...] = ()


class Erasure(RootModel[Deletion | ObjectDeleted]):
    """What the stage erase works on: the version a deletion made, or an object's removal that is to make one."""
