"""Plain text, Markdown and CSV: text already, told apart by the file's name."""

import re
from pathlib import PurePosixPath

from quadrille.errors import Unreadable
from quadrille.ingest.reading.encodings import decoded
from quadrille.ingest.reading.extracted import Extracted, Limits, cleaned
from quadrille.ingest.reading.kinds import SUPPORTED

_BINARY = re.compile(r"[\x01-\x08\x0e-\x1a\x1c-\x1f]")
_MARKDOWN = (".md", ".markdown", ".mdown", ".mkd")


def read(data: bytes, filename: str, limits: Limits) -> Extracted:
    """A text as it is. Raises `Unreadable` and `TooLarge`."""
    text = decoded(data)
    limits.check(len(text))
    if "\x00" in text.rstrip("\x00") or _BINARY.search(text):
        raise Unreadable(f"The file is neither text nor anything else that can be read; {SUPPORTED}.")
    suffix = PurePosixPath(filename.lower()).suffix
    return Extracted(cleaned(text), markdown=suffix in _MARKDOWN)
