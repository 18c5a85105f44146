"""The stage extract: a file dropped in the bucket becomes text, or a failure its owner understands."""

import hashlib
from dataclasses import asdict

from aws_lambda_powertools import Logger

from quadrille.blobs import Blobs
from quadrille.documents import UNCLAIMED, Documents, Place, Status
from quadrille.errors import Invalid, NotFound, TooLarge, Unreadable
from quadrille.ingest import attachments
from quadrille.ingest.reading import Extracted, Limits, read
from quadrille.ingest.work import work_key
from quadrille.keys import TENANT
from quadrille.messages import DocumentVersion, ObjectCreated
from quadrille.queues import Queue
from quadrille.rows import Row

logger = Logger()

_NO_TEXT = "The file has no text layer: it is an image, a scan or holds only pictures."
_MISSING = 1_000  # listed by name; a row of the table holds 400 KB


def extract(
    event: ObjectCreated, *, documents: Documents, blobs: Blobs, chunk: Queue, max_bytes: int, limits: Limits
) -> None:
    """Turn the object into text and send its version on to the stage chunk.

    Content that is searchable already costs nothing and changes nothing. A file that cannot become text ends as
    `failed` with the reason. Raises only what a retry may cure.
    """
    item = event.detail.object
    try:
        place = Place.of(item.key)
    except Invalid as error:
        _refuse(item.key, error, documents)
        return
    row = documents.arrive(place, sequencer=item.sequencer)
    if row is None:
        logger.info("event_superseded", document_id=place.document_id)
        return
    try:
        data = _content(place.key, item.size, blobs, max_bytes)
    except TooLarge as error:
        # Never downloaded, so its version is known by the bucket's checksum.
        version = documents.open_version(row, digest=f"etag:{item.etag}", size=item.size, etag=item.etag)
        if version:
            documents.fail(version, str(error))
        return
    except NotFound:
        documents.fail(_version_at(row), "The file was removed before it was read.")
        logger.info("object_gone", document_id=place.document_id)
        return
    version = documents.open_version(row, digest=hashlib.sha256(data).hexdigest(), size=len(data), etag=item.etag)
    if version is None:
        logger.info("content_unchanged", document_id=place.document_id)
        return
    try:
        extracted = read(data, place.filename, limits)
    except (Unreadable, TooLarge) as error:
        documents.fail(version, str(error))
        logger.info("document_failed", document_id=version.document_id, version=version.version, reason=str(error))
        return
    extracted = attachments.put(version, place, extracted, blobs, limits)
    if extracted.text.strip():
        _hand_on(version, extracted, documents, blobs, chunk)
    else:
        documents.fail(version, _NO_TEXT)
        logger.info("document_failed", document_id=version.document_id, version=version.version, reason=_NO_TEXT)


def _version_at(row: Row) -> DocumentVersion:
    return DocumentVersion(tenant=row["tenant"], document_id=row["document_id"], version=int(row["version"]))


def _content(key: str, size: int, blobs: Blobs, max_bytes: int) -> bytes:
    if size > max_bytes:
        raise TooLarge(f"The file has {size} bytes; the limit is {max_bytes}.")
    return blobs.get(key)


def _hand_on(version: DocumentVersion, extracted: Extracted, documents: Documents, blobs: Blobs, chunk: Queue) -> None:
    text = {"text": extracted.text, "pages": [asdict(page) for page in extracted.pages], "markdown": extracted.markdown}
    blobs.put_json(work_key(version, "text"), text)
    total, missing = len(extracted.pages), [gap.public() for gap in extracted.missing[:_MISSING]]
    if len(extracted.missing) > _MISSING:
        missing.append({"reason": f"{len(extracted.missing) - _MISSING} more pages or attachments are missing."})
    silent = sum(gap.page is not None for gap in extracted.missing)
    current = documents.advance(
        version,
        Status.CHUNKING,
        pages={"total": total, "extracted": total - silent, "ocr": 0},
        missing=missing,
        attachments=len(extracted.attachments),
    )
    if current:
        chunk.send(version)
        logger.info("document_extracted", document_id=version.document_id, version=version.version, pages=total)


def _refuse(key: str, error: Invalid, documents: Documents) -> None:
    """A file outside `uploads/<tenant>/<collection>/<name>`: noted as failed under its tenant, if it has one."""
    parts = key.split("/")
    tenant = parts[1] if len(parts) > 2 and TENANT.fullmatch(parts[1]) else UNCLAIMED
    documents.refuse(tenant, key, reason=f"The file was not ingested: {error.reason}.")
    logger.warning("upload_refused", tenant=tenant, reason=error.reason)
