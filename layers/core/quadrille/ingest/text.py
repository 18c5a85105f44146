"""Text out of a file: what kind it is, by its content, and its characters with the positions of its pages."""

import codecs
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quadrille.errors import TooLarge, Unreadable

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

_PAGE_BREAK = "\n\n"
_MARKDOWN = (".md", ".markdown")
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_BINARY = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_KINDS = {
    b"PK\x03\x04": "a ZIP archive or an Office file",
    b"\xd0\xcf\x11\xe0": "an old Office file",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"II*\x00": "a TIFF image",
    b"MM\x00*": "a TIFF image",
    b"\x1f\x8b": "a gzip archive",
    b"{\\rtf": "an RTF file",
}
SUPPORTED = "PDF, Markdown and plain text are supported"


@dataclass(frozen=True, slots=True)
class Page:
    """A page's number, counted from 1, and its span in the text, in characters."""

    number: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Extracted:
    """A document's text. `pages` is empty for a format without pages; `missing` names pages that gave no text."""

    text: str
    pages: tuple[Page, ...]
    missing: tuple[int, ...]
    markdown: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """What a document may hold at most."""

    pages: int
    characters: int
    seconds: float = 60.0


def read(data: bytes, filename: str, limits: Limits) -> Extracted:
    """The text of a file. Raises `Unreadable` or `TooLarge`, whose messages are for the file's owner."""
    if not data.strip(b"\x00\t\n\r "):
        raise Unreadable("The file is empty.")
    extracted = _parsed(data, filename, limits)
    if not extracted.text.strip():
        raise Unreadable("The file is empty.")
    _require(len(extracted.text), limits)
    return extracted


def _parsed(data: bytes, filename: str, limits: Limits) -> Extracted:
    """A PDF if its mark is near the beginning: at the very beginning, or wherever PDFium can make sense of it."""
    place = data[:1024].find(b"%PDF-")
    if place < 0:
        return _plain(data, filename)
    try:
        return _pdf(data, limits)
    except Unreadable:
        if place == 0 or _BINARY.search(data.decode("latin-1")):
            raise
        return _plain(data, filename)  # a text that mentions the mark of a PDF


def _require(characters: int, limits: Limits) -> None:
    if characters > limits.characters:
        raise TooLarge(f"The text has over {limits.characters} characters, which is the limit.")


def _plain(data: bytes, filename: str) -> Extracted:
    kind = next((kind for magic, kind in _KINDS.items() if data.startswith(magic)), None)
    if kind:
        raise Unreadable(f"The file is {kind}; {SUPPORTED}.")
    text = _decoded(data).replace("\r\n", "\n").replace("\r", "\n")
    if _BINARY.search(text):
        raise Unreadable(f"The file is neither a PDF nor text; {SUPPORTED}.")
    return Extracted(text, (), (), filename.lower().endswith(_MARKDOWN))


def _decoded(data: bytes) -> str:
    """Characters of a text file: by its byte order mark, else UTF-8, else Windows-1252."""
    encoding = next((name for bom, name in _BOMS.items() if data.startswith(bom)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise Unreadable(f"The file says it is {encoding} and is not.") from error
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError as error:
        raise Unreadable(f"The file is neither a PDF nor text; {SUPPORTED}.") from error


def _pdf(data: bytes, limits: Limits) -> Extracted:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise Unreadable(_reason(error)) from error
    try:
        if len(document) > limits.pages:
            raise TooLarge(f"The PDF has {len(document)} pages; the limit is {limits.pages}.")
        texts = list(_page_texts(document, limits))
    finally:
        document.close()
    missing = tuple(index + 1 for index, text in enumerate(texts) if text is None)
    if not texts or len(missing) == len(texts) or not any(texts):
        raise Unreadable("The PDF has no text layer: it is a scan or holds only pictures.")
    return Extracted(*_joined([text or "" for text in texts]), missing, markdown=False)


def _page_texts(document: "PdfDocument", limits: Limits) -> Iterator[str | None]:
    """Every page's text, within the limits of time and of characters."""
    characters, deadline = 0, time.monotonic() + limits.seconds
    for index in range(len(document)):
        if time.monotonic() > deadline:
            raise TooLarge(f"Reading the PDF takes longer than {limits.seconds:.0f} s, which is the limit.")
        text = _page_text(document, index, limits)
        characters += len(text or "")
        _require(characters, limits)
        yield text


def _page_text(document: "PdfDocument", index: int, limits: Limits) -> str | None:
    """A page's text; empty for a blank page, None for one that shows something and has no text or cannot be read."""
    import pypdfium2

    try:
        page = document[index]
        characters = page.get_textpage()
        _require(characters.count_chars(), limits)
        text = characters.get_text_range()
        if text.strip():
            return _clean(text)
        return None if any(True for _ in page.get_objects()) else ""
    except pypdfium2.PdfiumError:
        return None


def _clean(text: str) -> str:
    """A page's characters: line ends as one newline, no NUL, no PDFium marks for a hyphenated line break."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "").replace("\ufffe", "-").strip()


def _joined(texts: list[str]) -> tuple[str, tuple[Page, ...]]:
    pages: list[Page] = []
    start = 0
    for number, text in enumerate(texts, start=1):
        pages.append(Page(number, start, start + len(text)))
        start += len(text) + len(_PAGE_BREAK)
    return _PAGE_BREAK.join(texts), tuple(pages)


def _reason(error: Exception) -> str:
    """PDFium's verdict in words for the file's owner."""
    words = str(error).lower()
    if "password" in words:
        return "The PDF is encrypted: remove its password and upload it again."
    return "The PDF is damaged and cannot be opened."
