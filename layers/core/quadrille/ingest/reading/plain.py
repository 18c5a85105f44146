"""Plain text, Markdown and CSV: text already, told apart by the file's name."""

import csv
import re
from pathlib import PurePosixPath

from quadrille.errors import Unreadable
from quadrille.ingest.reading import tables
from quadrille.ingest.reading.encodings import decoded
from quadrille.ingest.reading.extracted import Extracted, Limits, cleaned
from quadrille.ingest.reading.kinds import SUPPORTED

_BINARY = re.compile(r"[\x01-\x08\x0e-\x1a\x1c-\x1f]")
_MARKDOWN = (".md", ".markdown", ".mdown", ".mkd")
_TABLES = (".csv", ".tsv", ".tab")
_DELIMITERS = ",;\t|"


def read(data: bytes, filename: str, limits: Limits) -> Extracted:
    """A text as it is, a CSV file as a table. Raises `Unreadable` and `TooLarge`."""
    text = decoded(data)
    limits.check(len(text))
    if "\x00" in text.rstrip("\x00") or _BINARY.search(text):
        raise Unreadable(f"The file is neither text nor anything else that can be read; {SUPPORTED}.")
    text = cleaned(text)
    suffix = PurePosixPath(filename.lower()).suffix
    if suffix in _TABLES and text.strip():
        return Extracted(_table(text, limits), markdown=True)
    return Extracted(text, markdown=suffix in _MARKDOWN)


def _table(text: str, limits: Limits) -> str:
    csv.field_size_limit(limits.characters)
    lines = text.splitlines(keepends=True)
    try:
        return tables.markdown(list(csv.reader(lines, delimiter=_delimiter(lines), skipinitialspace=True)))
    except csv.Error as error:
        raise Unreadable(f"The file is a damaged CSV file ({error}).") from error


def _delimiter(lines: list[str]) -> str:
    """The delimiter that splits the first lines into the most fields, and as many in each."""
    sample = lines[:50]

    def evenness(delimiter: str) -> tuple[float, int]:
        counts = [len(row) for row in csv.reader(sample, delimiter=delimiter) if row]
        usual = max(set(counts), key=counts.count, default=1)
        return (counts.count(usual) / len(counts) if usual > 1 else 0.0, usual)

    return max(_DELIMITERS, key=evenness)
