"""What a file is, by its content. Its name only decides between kinds of text, which no content tells apart."""

import re
from enum import StrEnum
from pathlib import PurePosixPath

from quadrille.errors import Unreadable

SUPPORTED = "PDF, Word, PowerPoint, Excel, CSV, HTML, Markdown, plain text, mails, PNG, JPEG and TIFF are supported"


class Kind(StrEnum):
    """What can be read; the value is the reader's module."""

    PDF = "pdf"
    OFFICE = "office"
    IMAGE = "images"
    MAIL = "mail"
    HTML = "html"
    TEXT = "plain"


_MAGIC = (
    (b"PK\x03\x04", Kind.OFFICE),
    (b"PK\x05\x06", Kind.OFFICE),
    (b"\x89PNG\r\n\x1a\n", Kind.IMAGE),
    (b"\xff\xd8\xff", Kind.IMAGE),
    (b"II*\x00", Kind.IMAGE),
    (b"MM\x00*", Kind.IMAGE),
)
_REFUSED = (
    (b"GIF8", "a GIF image"),
    (b"RIFF", "a WebP image or a sound"),
    (b"BM", "a BMP image"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"{\\rtf", "an RTF file"),
)
_OLE = b"\xd0\xcf\x11\xe0"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_TAGS = re.compile(rb"<(!doctype\s+html|html|head|body)[\s>]", re.IGNORECASE)
_TAG = re.compile(rb"<[a-z][a-z0-9]*(\s[^<>]*)?/?>", re.IGNORECASE)
_PROLOGUE = re.compile(rb"(\s|<\?xml[^>]*>|<!--.*?-->)*", re.DOTALL)
_HEADER = re.compile(rb"[!-9;-~]{1,70}[ \t]*:.*|[ \t]+.*")
_MAIL_HEADERS = re.compile(
    rb"^(from|to|cc|subject|date|received|return-path|message-id|mime-version|delivered-to|reply-to|sender"
    rb"|content-type|x-mailer)[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)


def kind_of(data: bytes, filename: str) -> Kind:
    """The kind of a file that is not empty. Raises `Unreadable` for what is known and not supported."""
    if _is_pdf(data):
        return Kind.PDF
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    _refuse(data)
    suffix = PurePosixPath(filename.lower()).suffix
    if _is_mail(data[: 16 * 1024], suffix):
        return Kind.MAIL
    return Kind.HTML if _is_html(data[: 16 * 1024], suffix) else Kind.TEXT


def _is_pdf(data: bytes) -> bool:
    """A PDF's mark at the very beginning, or near it in a file that is no text that mentions one."""
    if b"%PDF-" not in data[:1024]:
        return False
    return data.startswith(b"%PDF-") or bool(_BINARY.search(data)) or b"startxref" in data[-1024:]


def _refuse(data: bytes) -> None:
    if data.startswith(_OLE):
        if _ENCRYPTED in data:
            raise Unreadable("The Office file is encrypted: remove its password and upload it again.")
        raise Unreadable(f"The file is an old Office file or an Outlook message; {SUPPORTED}.")
    for magic, name in _REFUSED:
        if data.startswith(magic) and (name == "an RTF file" or _BINARY.search(data[:4096])):
            raise Unreadable(f"The file is {name}; {SUPPORTED}.")


def _is_mail(head: bytes, suffix: str) -> bool:
    """A block of header lines with two that mails have, or one if the name says that it is a mail."""
    lines = head.lstrip(b"\xef\xbb\xbf\r\n \t").splitlines()
    if lines and lines[0].startswith(b"From "):
        lines = lines[1:]
    block = []
    for line in lines:
        if not _HEADER.fullmatch(line):
            break
        block.append(line)
    known = {match.lower() for match in _MAIL_HEADERS.findall(b"\n".join(block))}
    ended = len(block) == len(lines) or not lines[len(block)].strip()
    if suffix in (".eml", ".mht", ".mhtml"):
        return bool(known)
    return ended and len(known) > 1 and bool(known & {b"from", b"received", b"return-path", b"message-id"})


def _is_html(head: bytes, suffix: str) -> bool:
    head = head.replace(b"\x00", b"").lstrip(b"\xff\xfe\xef\xbb\xbf")
    if suffix in (".html", ".htm", ".xhtml"):
        return bool(_TAG.search(head) or _TAGS.search(head))
    if suffix in (".md", ".markdown", ".txt", ".csv"):
        head = head[:512]
    prologue = _PROLOGUE.match(head)
    return bool(_TAGS.match(head, prologue.end() if prologue else 0))
