"""Excel files: a page for each sheet, with its blocks of cells as tables."""

import datetime
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from typing import Any

from quadrille.errors import TooLarge, Unreadable
from quadrille.ingest.reading import tables
from quadrille.ingest.reading.archive import part
from quadrille.ingest.reading.extracted import Extracted, Limits, cleaned, joined
from quadrille.ingest.reading.ooxml import DAMAGED, Package, refuse_entities


def read(data: bytes, package: Package, limits: Limits) -> Extracted:
    """The text of a workbook, sheet by sheet: values, not formulas. Raises `Unreadable` and `TooLarge`."""
    import openpyxl

    for member in package.archive.infolist():
        if member.filename.endswith((".xml", ".rels", ".vml")):
            refuse_entities(part(package.archive, member.filename) or b"")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # at what openpyxl does not know
        try:
            book = openpyxl.load_workbook(BytesIO(data), read_only=True, data_only=True, keep_links=False)
        except (MemoryError, RecursionError):
            raise
        except Exception as error:  # openpyxl raises whatever a damaged part makes it stumble over
            raise Unreadable(DAMAGED) from error
        try:
            return _read(book, limits)
        except (zipfile.BadZipFile, KeyError, ValueError, TypeError, IndexError, SyntaxError) as error:
            raise Unreadable(DAMAGED) from error
        finally:
            book.close()


def _read(book: Any, limits: Limits) -> Extracted:
    if len(book.worksheets) > limits.pages:
        raise TooLarge(f"The workbook has {len(book.worksheets)} sheets; the limit is {limits.pages}.")
    text, pages = joined(((sheet.title, _sheet(sheet, limits)) for sheet in book.worksheets), limits)
    return Extracted(text, pages, markdown=True)


def _sheet(sheet: Any, limits: Limits) -> str:
    """A sheet as Markdown under its name; empty for an empty sheet."""
    sheet.reset_dimensions()  # what a sheet says of its own size is often wrong
    blocks = [cleaned(_block(rows)) for rows in _blocks(sheet.iter_rows(values_only=True), limits)]
    return "\n\n".join([f"## {cleaned(sheet.title)}", *blocks]) if blocks else ""


def _blocks(rows: Iterable[Sequence[Any]], limits: Limits) -> Iterator[list[list[str]]]:
    """Rows of cells that no empty row parts. Raises `TooLarge`."""
    block: list[list[str]] = []
    characters = 0
    for row in rows:
        cells = [_cell(value) for value in row]
        if any(cells):
            block.append(cells)
            characters += sum(map(len, cells))
            limits.check(characters)
        elif block:
            yield block
            block = []
    if block:
        yield block


def _block(rows: list[list[str]]) -> str:
    """A table, or lines if there is only one cell in each row."""
    if all(sum(map(bool, row)) == 1 for row in rows):
        return "\n".join(next(filter(None, row)).strip() for row in rows)
    return tables.markdown(rows)


def _cell(value: Any) -> str:
    """A value as a reader of the sheet would write it."""
    match value:
        case None:
            return ""
        case bool():
            return "TRUE" if value else "FALSE"
        case float():
            return f"{value:.15g}"
        case datetime.datetime() if value.time() == datetime.time():
            return value.date().isoformat()
        case datetime.datetime():
            return value.isoformat(sep=" ", timespec="seconds")
    return str(value)
