"""The stage extract: a file dropped in the bucket becomes text, or a failure its owner understands."""

import hashlib
import json
from dataclasses import dataclass

from aws_lambda_powertools import Logger

from quadrille.about import About
from quadrille.blobs import Blobs, Stored
from quadrille.collections import Collections
from quadrille.documents import UNCLAIMED, Documents, Place, Status, is_held
from quadrille.errors import Invalid, NotFound, TooLarge, Unreadable
from quadrille.ingest import attachments
from quadrille.ingest.estimate import Estimator
from quadrille.ingest.reading import Extracted, Limits, read
from quadrille.ingest.work import work_key
from quadrille.keys import TENANT
from quadrille.messages import DocumentVersion, ObjectCreated, OcrRange
from quadrille.queues import Queue
from quadrille.rows import Row

logger = Logger()

_NO_TEXT = "Nothing in the file can be read as text."


@dataclass(frozen=True, slots=True)
class Scans:
    """What becomes of scanned pages: the queue of the stage ocr, how many go into a message, what they cost."""

    queue: Queue
    pages: int
    estimator: Estimator
    collections: Collections


def extract(
    event: ObjectCreated,
    *,
    documents: Documents,
    blobs: Blobs,
    chunk: Queue,
    scans: Scans,
    max_bytes: int,
    limits: Limits,
) -> None:
    """Turn the object into text and send its version on: to the stage chunk, or its scanned pages to the stage ocr.

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
        stored = _stored(place.key, item.size, blobs, max_bytes)
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
    version = documents.open_version(row, digest=_digest(stored), size=len(stored.data), etag=item.etag)
    if version is None:
        logger.info("content_unchanged", document_id=place.document_id)
        return
    if row["version"] == version.version and row["ranges_total"]:
        _hand_to_ocr(version, row, documents, scans)
        return
    try:
        about = About.of(stored.about, else_date=stored.at.date().isoformat())
        extracted = read(stored.data, place.filename, limits)
    except (Unreadable, TooLarge, Invalid) as error:
        documents.fail(version, str(error))
        logger.info("document_failed", document_id=version.document_id, version=version.version, reason=str(error))
        return
    extracted = attachments.put(version, place, extracted, stored.about, blobs, limits)
    if extracted.scanned:
        divided = _divide(version, place, extracted, about, documents, blobs, scans)
        _hand_to_ocr(version, divided, documents, scans)
    elif extracted.text.strip():
        _hand_on(version, extracted, about, documents, blobs, chunk)
    else:
        documents.fail(version, _NO_TEXT)
        logger.info("document_failed", document_id=version.document_id, version=version.version, reason=_NO_TEXT)


def _version_at(row: Row) -> DocumentVersion:
    return DocumentVersion(tenant=row["tenant"], document_id=row["document_id"], version=int(row["version"]))


def _stored(key: str, size: int, blobs: Blobs, max_bytes: int) -> Stored:
    if size > max_bytes:
        raise TooLarge(f"The file has {size} bytes; the limit is {max_bytes}.")
    return blobs.read(key)


def _digest(stored: Stored) -> str:
    """Of a file's content, and of what was said of it, if anything was."""
    digest = hashlib.sha256(stored.data)
    said = About.entries(stored.about)
    if said:
        digest.update(json.dumps(said, sort_keys=True).encode())
    return digest.hexdigest()


def _divide(
    version: DocumentVersion,
    place: Place,
    extracted: Extracted,
    about: About,
    documents: Documents,
    blobs: Blobs,
    scans: Scans,
) -> Row | None:
    """Store a version's text layer and which of its pages OCR is to read, in ranges; the row that says how many."""
    pages = extracted.scanned
    ranges = [pages[start : start + scans.pages] for start in range(0, len(pages), scans.pages)]
    blobs.put_json(work_key(version, "layer"), {**extracted.to_json(), "ranges": ranges})
    estimate = None
    if scans.estimator.ocr_model:
        size = scans.collections.size(place.tenant, place.collection)
        estimate = scans.estimator.of_scan(extracted.text, len(pages), size).public()
    known = {"pages": _counted(extracted), "missing": extracted.gaps, "estimate": estimate, **about.row()}
    return documents.divide(version, len(ranges), **known)


def _hand_to_ocr(version: DocumentVersion, row: Row | None, documents: Documents, scans: Scans) -> None:
    """Send the ranges that are not read yet to the stage ocr, or one that is: it sends on what is complete.

    What is to be confirmed first waits here only if OCR costs anything.
    """
    if row and is_held(row) and scans.estimator.ocr_model:
        documents.advance(version, Status.WAITING)
        logger.info("document_waits_for_confirmation", document_id=version.document_id, version=version.version)
    elif row and documents.advance(version, Status.OCR):
        left = [number for number in range(int(row["ranges_total"])) if str(number) not in row["ranges"]]
        scans.queue.send(*(OcrRange(**version.model_dump(), number=number) for number in left or [0]))
        logger.info("document_is_scanned", document_id=version.document_id, version=version.version, ranges=len(left))


def _hand_on(
    version: DocumentVersion, extracted: Extracted, about: About, documents: Documents, blobs: Blobs, chunk: Queue
) -> None:
    blobs.put_json(work_key(version, "text"), extracted.to_json())
    pages, count = _counted(extracted), len(extracted.attachments)
    known = {"pages": pages, "missing": extracted.gaps, "attachments": count, **about.row()}
    if documents.advance(version, Status.CHUNKING, **known):
        chunk.send(version)
        logger.info(
            "document_extracted", document_id=version.document_id, version=version.version, pages=pages["total"]
        )


def _counted(extracted: Extracted) -> dict[str, int]:
    """All pages, and those that need no OCR and are not missing."""
    total = len(extracted.pages)
    return {"total": total, "extracted": total - sum(gap.page is not None for gap in extracted.missing)}


def _refuse(key: str, error: Invalid, documents: Documents) -> None:
    """A file outside `uploads/<tenant>/<collection>/<name>`: noted as failed under its tenant, if it has one."""
    parts = key.split("/")
    tenant = parts[1] if len(parts) > 2 and TENANT.fullmatch(parts[1]) else UNCLAIMED
    documents.refuse(tenant, key, reason=f"The file was not ingested: {error.reason}.")
    logger.warning("upload_refused", tenant=tenant, reason=error.reason)
