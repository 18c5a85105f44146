"""Text out of a PDF, page by page, by PDFium."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from quadrille.errors import TooLarge, Unreadable
from quadrille.ingest.reading.extracted import PICTURE, Extracted, Limits, Missing, joined
from quadrille.ingest.reading.pdf_page import DamagedPageError, page_text

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

_DAMAGED = "The page is damaged."


def read(data: bytes, limits: Limits) -> Extracted:
    """The text of a PDF. Raises `Unreadable` and `TooLarge`."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise Unreadable(_reason(error)) from error
    missing: list[Missing] = []
    try:
        if len(document) > limits.pages:
            raise TooLarge(f"The PDF has {len(document)} pages; the limit is {limits.pages}.")
        text, pages = joined(_texts(document, limits, missing), limits)
    finally:
        document.close()
    if not pages:
        raise Unreadable("The PDF has no pages.")
    return Extracted(text, pages, tuple(missing))


def _texts(document: "PdfDocument", limits: Limits, missing: list[Missing]) -> Iterator[tuple[str, str]]:
    """Every page's label and text; what gave none, or not all it shows, is noted."""
    for index in range(len(document)):
        text = ""
        try:
            text, picture = page_text(document, index, limits)
        except DamagedPageError:
            missing.append(Missing(_DAMAGED, page=index + 1))
        else:
            if picture:
                missing.append(Missing(PICTURE, page=index + 1, picture=True))
        yield "", text


def _reason(error: Exception) -> str:
    """PDFium's verdict in words for the file's owner."""
    words = str(error).lower()
    if "password" in words:
        return "The PDF is encrypted: remove its password and upload it again."
    return "The PDF is damaged and cannot be opened."
