"""One page of a PDF as characters, by PDFium's own functions: through its wrappers it takes a sixth longer."""

import ctypes
import re
from typing import TYPE_CHECKING, Any

from quadrille.ingest.reading.extracted import Limits, cleaned
from quadrille.ingest.reading.glyphs import Glyphs, mended

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

_HYPHEN = "\ufffe"  # how PDFium marks a hyphen at the end of a line
_FEW = 100  # characters: a page number, a stamp, a watermark; with more, a page is not looked at any further
_SAMPLE = 200  # characters
_UNMAPPED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ue000-\uf8ff\ufffd]")
_OBJECTS, _DEPTH = 1_000, 3  # of a page, that are looked at for pictures


class DamagedPageError(Exception):
    """PDFium cannot load the page."""


def page_text(document: "PdfDocument", index: int, limits: Limits) -> tuple[str, bool]:
    """A page's text, and whether it shows more than that. Raises `TooLarge` and `DamagedPageError`."""
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
        if _is_unmapped(text):
            return "", True
        return text, len(text) < _FEW and _is_picture(pdfium, page, bool(text))
    finally:
        pdfium.FPDF_ClosePage(page)


def _is_unmapped(text: str) -> bool:
    """Whether most of a text are numbers of glyphs that its font gives no meaning."""
    sample = text[:: len(text) // _SAMPLE + 1]
    return len(_UNMAPPED.findall(sample)) * 2 > len(sample)


def _is_picture(pdfium: Any, page: Any, has_text: bool) -> bool:
    """Whether a page shows anything, if it has no text, or images that cover most of it, if it has a little."""
    count = pdfium.FPDFPage_CountObjects(page)
    if not has_text:
        return bool(count > 0)
    objects = (pdfium.FPDFPage_GetObject(page, place) for place in range(min(count, _OBJECTS)))
    covered = sum(_area(pdfium, item) for item in objects if _holds_image(pdfium, item, _DEPTH))
    return bool(covered * 2 > pdfium.FPDF_GetPageWidthF(page) * pdfium.FPDF_GetPageHeightF(page))


def _holds_image(pdfium: Any, item: Any, depth: int) -> bool:
    kind = pdfium.FPDFPageObj_GetType(item)
    if kind != pdfium.FPDF_PAGEOBJ_FORM or not depth:
        return bool(kind == pdfium.FPDF_PAGEOBJ_IMAGE)
    count = min(pdfium.FPDFFormObj_CountObjects(item), _OBJECTS)
    return any(_holds_image(pdfium, pdfium.FPDFFormObj_GetObject(item, place), depth - 1) for place in range(count))


def _area(pdfium: Any, item: Any) -> float:
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    pdfium.FPDFPageObj_GetBounds(item, left, bottom, right, top)
    return (right.value - left.value) * (top.value - bottom.value)


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
