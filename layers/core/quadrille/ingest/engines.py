"""The engines of OCR: Tesseract, in a child of this process, and Textract, which is paid by the page."""

from collections.abc import Callable
from typing import TypeAlias

from quadrille.ingest.paying import paid, payer_of
from quadrille.ingest.reading import Limits, Recognised, depict, recognise
from quadrille.messages import DocumentVersion
from quadrille.rows import Row
from quadrille.textract import Textract

# Reads a page, by its number, of the file of a document's row. Raises `Unreadable` and `TooLarge`, which are about the
# page, and what `Ledger.pay` raises.
Engine: TypeAlias = Callable[[bytes, int, Row], Recognised]


def tesseract(*, languages: str, limits: Limits) -> Engine:
    """Tesseract, reading `languages`, joined by "+"."""
    return lambda data, page, _: recognise(data, page, languages, limits)


def textract(client: Textract, version: DocumentVersion, *, limits: Limits, deadline: float, ends_at: float) -> Engine:
    """Textract, which is sent a picture of each page on the account of this version."""

    def engine(data: bytes, page: int, row: Row) -> Recognised:
        picture = depict(data, page, limits)
        payer = payer_of(version, row, f"ocr/{page}", deadline=deadline, ends_at=ends_at)
        detected = paid(lambda payer: client.detect(picture, payer), payer, int(row["retries"]))
        return Recognised(detected.text, detected.confidence)

    return engine
