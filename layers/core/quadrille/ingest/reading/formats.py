"""A file becomes text, in this very process: what kind it is, and the reader of that kind."""

from quadrille.errors import Unreadable
from quadrille.ingest.reading import html, images, mail, office, pdf, plain
from quadrille.ingest.reading.extracted import Extracted, Limits
from quadrille.ingest.reading.kinds import Kind, kind_of

EMPTY = "The file is empty."


def read(data: bytes, filename: str, limits: Limits) -> Extracted:
    """The text of a file. Raises `Unreadable` or `TooLarge`, whose messages are for the file's owner."""
    if not data.strip(b"\x00\t\n\r "):
        raise Unreadable(EMPTY)
    try:
        extracted = _parsed(data, filename, limits)
    except RecursionError as error:
        raise Unreadable("The file is nested too deeply.") from error
    limits.check(len(extracted.text))
    if not extracted.text.strip() and not extracted.missing and not extracted.attachments:
        raise Unreadable(EMPTY)
    return extracted


def _parsed(data: bytes, filename: str, limits: Limits) -> Extracted:
    match kind_of(data, filename):
        case Kind.PDF:
            return pdf.read(data, limits)
        case Kind.IMAGE:
            return images.read(data, limits)
        case Kind.OFFICE:
            return office.read(data, limits)
        case Kind.MAIL:
            return mail.read(data, limits)
        case Kind.HTML:
            return html.read(data, limits)
    return plain.read(data, filename, limits)
