"""The stage erase: what was made of a deleted document goes: its vectors, its text, its work."""

from aws_lambda_powertools import Logger

from quadrille.blobs import Blobs
from quadrille.documents import Documents, Place
from quadrille.errors import Invalid, RetryLater
from quadrille.ingest.work import version_of, work_prefix
from quadrille.messages import DocumentVersion, Erasure, ObjectDeleted
from quadrille.vectors import Vectors

logger = Logger()


def erase(message: Erasure, *, documents: Documents, blobs: Blobs, vectors: Vectors) -> None:
    """Erase everything of a document that is older than its deletion, and make sure that it is gone.

    A file put again after the deletion is a later version and is not touched. Raises only what a retry may cure.
    """
    root = message.root
    version = root if isinstance(root, DocumentVersion) else _deleted(root, documents)
    if version is None:
        logger.info("deletion_superseded")
        return
    objects, records = _objects(version, blobs), _records(version, vectors)
    blobs.delete(objects)
    vectors.delete_ids(version.tenant, records)
    if _objects(version, blobs) or _records(version, vectors):
        raise RetryLater("Not everything of the document is gone yet.", seconds=5)
    documents.erased(version, {"vectors": len(records), "objects": len(objects)})
    logger.info("document_erased", document_id=version.document_id, vectors=len(records), objects=len(objects))


def _deleted(event: ObjectDeleted, documents: Documents) -> DocumentVersion | None:
    """The deletion that an object's removal from the bucket makes."""
    try:
        place = Place.of(event.detail.object.key)
    except Invalid:
        return None
    return documents.delete(place.tenant, place.document_id, sequencer=event.detail.object.sequencer)


def _objects(version: DocumentVersion, blobs: Blobs) -> list[str]:
    return [key for key in blobs.list(work_prefix(version)) if version_of(key) < version.version]


def _records(version: DocumentVersion, vectors: Vectors) -> list[str]:
    ids = vectors.ids(version.tenant, prefix=f"{version.document_id}#")
    return [id_ for id_ in ids if int(id_.split("#")[1]) < version.version]
