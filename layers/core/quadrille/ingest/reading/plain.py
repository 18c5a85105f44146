"""Plain text, Markdown and CSV: text already, told apart by the file's name."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath

from quadrille.errors import Unreadable
from quadrille.ingest.reading import tables
from quadrille.ingest.reading.encodings import decoded
from quadrille.ingest.reading.extracted import Extracted, Limits, cleaned
from quadrille.ingest.reading.kinds import SUPPORTED

_STRANGE = re.compile(r"[\x01-\x08\x0e-\x1f]")
_RARE = 100  # characters of a text to one that is none
_MARKDOWN = (".md", ".markdown", ".mdown", ".mkd")
_TABLES = (".csv", ".tsv", ".tab")
_DELIMITERS = ",;\t|"
_SAMPLE = 50  # rows


def read(data: bytes, filename: str, limits: Limits) -> Extracted:
    """A text as it is, a CSV file as a table. Raises `Unreadable` and `TooLarge`."""
    text = decoded(data)
    limits.check(len(text))
    strange = len(_STRANGE.findall(text))
    if "\x00" in text.rstrip("\x00") or strange * _RARE > len(text):
        raise Unreadable(f"The file is neither text nor anything else that can be read; {SUPPORTED}.")
    text = cleaned(_STRANGE.sub("", text) if strange else text)
    suffix = PurePosixPath(filename.lower()).suffix
    if suffix in _TABLES and text.strip():
        return Extracted(_table(text, limits), markdown=True)
    return Extracted(text, markdown=suffix in _MARKDOWN)


def _table(text: str, limits: Limits) -> str:
    csv.field_size_limit(limits.characters)
    try:
        return tables.markdown(_Rows(text, _delimiter(text)))
    except csv.Error as error:
        raise Unreadable(f"The file is a damaged CSV file ({error}).") from error


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of a CSV file, read anew each time: all at once they would take twenty times its size."""

    text: str
    delimiter: str

    def __iter__(self) -> Iterator[list[str]]:
        return csv.reader(io.StringIO(self.text, newline=""), delimiter=self.delimiter, skipinitialspace=True)


def _delimiter(text: str) -> str:
    """The delimiter that splits the first rows into the most fields, and as many in each."""

    def evenness(delimiter: str) -> tuple[float, int]:
        counts = [len(row) for row in islice(_Rows(text, delimiter), _SAMPLE) if row]
        usual = max(set(counts), key=counts.count, default=1)
        return (counts.count(usual) / len(counts) if usual > 1 else 0.0, usual)

    return max(_DELIMITERS, key=evenness)
