"""The stage ocr: a range of a version's scanned pages becomes text; the last range in makes the whole text of them."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from aws_lambda_powertools import Logger

from quadrille.blobs import Blobs
from quadrille.documents import Documents, Place, Status
from quadrille.errors import NotFound, TooLarge, Unreadable
from quadrille.ingest.engines import Engine
from quadrille.ingest.reading import Extracted, Limits, Missing
from quadrille.ingest.reading.extracted import joined
from quadrille.ingest.work import range_key, work_key
from quadrille.messages import DocumentVersion, OcrRange
from quadrille.queues import Queue
from quadrille.rows import Row

logger = Logger()

Read = Mapping[str, Any]  # a page's `text`, whether it is `ocr`'s, and the `reason` if it is missing

_PAST = (Status.FAILED, Status.EMBEDDING, Status.INDEXING)  # a late message changes nothing there
_NOTHING = "OCR found no text on the page."
_UNSURE = "OCR cannot make sense of what is on the page."
LEAST = 50  # of 100; what is upside down, in another script or no text at all comes out below (docs/quality.md)


def ocr(message: OcrRange, *, documents: Documents, blobs: Blobs, engine: Engine, chunk: Queue, limits: Limits) -> None:
    """Read a range of pages, and send the version on if it is the last. Raises what the engine and `Ledger.pay` raise.

    Whoever completes the set makes the text, and again on every later delivery until the next stage has it. A range is
    read once, and only out of the very content its version is of.
    """
    version = message.of_version()
    row = documents.current(version)
    if row and row["status"] not in _PAST and str(message.number) not in row["ranges"]:
        row = _add(version, message.number, row, documents, blobs, engine)
    if row is None or row["status"] in _PAST:
        logger.info("message_superseded", document_id=version.document_id, version=version.version)
    elif len(row["ranges"]) == row["ranges_total"]:
        _complete(version, row, documents, blobs, chunk, limits)


def _add(
    version: DocumentVersion, number: int, row: Row, documents: Documents, blobs: Blobs, engine: Engine
) -> Row | None:
    """The row with this range in it, or None if the file is another one by now."""
    key = range_key(version, number)
    try:
        pages = blobs.get_json(key)
    except NotFound:
        data = _content(version, row, documents, blobs)
        if data is None:
            return None
        pages = _read(data, blobs.get_json(work_key(version, "layer")), number, engine, row)
        blobs.put_json(key, pages)
    extracted, by_ocr = (sum(bool(page[name]) for page in pages.values()) for name in ("text", "ocr"))
    logger.info("range_read", document_id=version.document_id, version=version.version, range=number, ocr=by_ocr)
    return documents.recognised(version, number, extracted=extracted, ocr=by_ocr)


def _content(version: DocumentVersion, row: Row, documents: Documents, blobs: Blobs) -> bytes | None:
    """The file, if it is still the one this version is of. The event of what replaced it makes the next version."""
    try:
        data = blobs.get(Place(version.tenant, row["collection"], row["filename"]).key)
    except NotFound:
        documents.fail(version, "The file was removed before it was read.")
        return None
    return data if hashlib.sha256(data).hexdigest() == row["digest"] else None


def _read(data: bytes, layer: Mapping[str, Any], number: int, engine: Engine, row: Row) -> dict[str, Read]:
    texts = {page["number"]: layer["text"][page["start"] : page["end"]] for page in layer["pages"]}
    return {str(page): _page(data, page, texts[page], engine, row) for page in layer["ranges"][number]}


def _page(data: bytes, number: int, layer: str, engine: Engine, row: Row) -> Read:
    """A page's text: what OCR reads there, else the little that its text layer has."""
    try:
        recognised = engine(data, number, row)
    except (Unreadable, TooLarge) as error:
        return {"text": layer, "ocr": False, "reason": str(error)}
    if recognised.text and recognised.confidence >= LEAST:
        return {"text": recognised.text, "ocr": True, "reason": ""}
    return {"text": layer, "ocr": False, "reason": "" if layer else _UNSURE if recognised.text else _NOTHING}


def _complete(
    version: DocumentVersion, row: Row, documents: Documents, blobs: Blobs, chunk: Queue, limits: Limits
) -> None:
    """Store the whole text and send the version on, or end it as failed if there is none."""
    layer = Extracted.from_json(blobs.get_json(work_key(version, "layer")))
    read: dict[int, Read] = {}
    for number in range(int(row["ranges_total"])):
        read |= {int(page): found for page, found in blobs.get_json(range_key(version, number)).items()}
    try:
        whole = merged(layer, read, limits)
    except TooLarge as error:
        documents.fail(version, str(error))
        return
    if not whole.text.strip():
        reason = f"Nothing in the file can be read as text. {whole.missing[0].reason}"
        documents.advance(version, Status.FAILED, error=reason, missing=whole.gaps)
        logger.info("document_failed", document_id=version.document_id, version=version.version, reason=reason)
        return
    blobs.put_json(work_key(version, "text"), whole.to_json())
    if documents.advance(version, Status.CHUNKING, missing=whole.gaps):
        chunk.send(version)
        logger.info("document_read", document_id=version.document_id, version=version.version)


def merged(layer: Extracted, read: Mapping[int, Read], limits: Limits) -> Extracted:
    """A file's pages in order, those that were read by OCR as they were read. Raises `TooLarge`."""
    texts = (
        (page.label, read[page.number]["text"] if page.number in read else layer.text[page.start : page.end])
        for page in layer.pages
    )
    text, pages = joined(texts, limits)
    return replace(layer, text=text, pages=pages, missing=tuple(_missing(layer.missing, read)))


def _missing(gaps: Sequence[Missing], read: Mapping[int, Read]) -> Iterator[Missing]:
    for gap in gaps:
        page = read.get(gap.page or 0)
        if page is None:
            yield gap
        elif page["reason"]:
            yield Missing(page["reason"], page=gap.page)
