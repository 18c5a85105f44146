"""Headers of mails as people read them, however they were encoded, and however badly."""

import re
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.policy import Compat32
from typing import Any

from quadrille.errors import Unreadable
from quadrille.ingest.reading.encodings import attempt, decoded
from quadrille.ingest.reading.extracted import cleaned

_LONGEST = 2_000  # characters; who has a thousand recipients need not find them in every chunk
_LONGEST_RAW = 10_000
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f]+")


class Readable(Compat32):
    """The standard library's lenient policy, with bytes in headers as the characters they stand for."""

    def header_fetch_parse(self, name: str, value: Any) -> str:
        """A header's value, not yet freed of encoded words."""
        return _characters(str(value).encode("utf-8", "surrogateescape"), None)


def header(message: Message, name: str) -> str:
    """The first header of a name in one line; empty if there is none."""
    return readable(str(message.get(name, ""))[:_LONGEST_RAW])  # decoding takes the square of the length


def readable(raw: str) -> str:
    """A header's value with its encoded words decoded, in one line."""
    try:
        parts = decode_header(raw)
    except (HeaderParseError, ValueError):
        parts = [(raw, None)]
    words = (part if isinstance(part, str) else _characters(part, charset) for part, charset in parts)
    return _BLANKS.sub(" ", cleaned("".join(words))).strip()[:_LONGEST]


def _characters(data: bytes, charset: str | None) -> str:
    """Bytes as characters: what is declared, then what it looks like, then at least its ASCII."""
    text = attempt(data, charset)
    if text is not None:
        return text
    try:
        return decoded(data)
    except Unreadable:
        return data.decode("ascii", "replace")
