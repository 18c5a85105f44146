"""One page of a PDF as characters, by PDFium's own functions: through its wrappers it takes a sixth longer."""

import ctypes
from typing import TYPE_CHECKING, Any

from quadrille.ingest.reading.extracted import Limits, cleaned
from quadrille.ingest.reading.glyphs import Glyphs, mended

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

_HYPHEN = "\ufffe"  # how PDFium marks a hyphen at the end of a line


class DamagedPageError(Exception):
    """PDFium cannot load the page."""


def page_text(document: "PdfDocument", index: int, limits: Limits) -> tuple[str, bool]:
    """A page's text, and whether it shows something instead. Raises `TooLarge` and `DamagedPageError`."""
    import pypdfium2.raw as pdfium

    page = pdfium.FPDF_LoadPage(document, index)
    if not page:
        raise DamagedPageError
    try:
        characters = pdfium.FPDFText_LoadPage(page)
        if not characters:
            raise DamagedPageError
        try:
            text = _text(pdfium, characters, limits)
        finally:
            pdfium.FPDFText_ClosePage(characters)
        return text, not text and pdfium.FPDFPage_CountObjects(page) > 0
    finally:
        pdfium.FPDF_ClosePage(page)


def _text(pdfium: Any, page: Any, limits: Limits) -> str:
    count = pdfium.FPDFText_CountChars(page)
    limits.check(count)
    if count <= 0:
        return ""
    buffer = (ctypes.c_ushort * (count + 1))()
    length = pdfium.FPDFText_GetText(page, 0, count, buffer)
    text = bytes(buffer)[: 2 * max(0, length - 1)].decode("utf-16-le", "replace")
    if len(text) == count:  # a character's place in the text is its place on the page
        text = mended(text, Glyphs(pdfium, page))
    return cleaned(text.replace(_HYPHEN, "-")).strip()
