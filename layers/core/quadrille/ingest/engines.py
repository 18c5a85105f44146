"""The engines of OCR: Tesseract, in a child of this process, and Textract, which is paid by the page."""

from collections.abc import Callable
from typing import TypeAlias

from quadrille.calls import Payer
from quadrille.ingest.paying import paid
from quadrille.ingest.reading import Limits, Recognised, depict, recognise
from quadrille.messages import DocumentVersion
from quadrille.textract import Textract

# Reads a page, by its number, of a file that was retried so often. Raises `Unreadable` and `TooLarge`, which are about
# the page, and what `Ledger.pay` raises.
Engine: TypeAlias = Callable[[bytes, int, int], Recognised]


def tesseract(*, languages: str, limits: Limits) -> Engine:
    """Tesseract, reading `languages`, joined by "+"."""
    return lambda data, page, _: recognise(data, page, languages, limits)


def textract(client: Textract, version: DocumentVersion, *, limits: Limits, deadline: float, ends_at: float) -> Engine:
    """Textract, which is sent a picture of each page on the account of this version."""

    def engine(data: bytes, page: int, retries: int) -> Recognised:
        picture = depict(data, page, limits)
        payer = Payer(
            tenant=version.tenant,
            subject=f"documents/{version.document_id}/{version.version}/ocr/{page}",
            deadline=deadline,
            ends_at=ends_at,
            document=version.budget,
        )
        detected = paid(lambda payer: client.detect(picture, payer), payer, retries)
        return Recognised(detected.text, detected.confidence)

    return engine
