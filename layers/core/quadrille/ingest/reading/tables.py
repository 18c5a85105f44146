"""Tables as Markdown."""

import re
from collections.abc import Iterable, Iterator, Sequence

_BREAKS = re.compile(r"\s*\n\s*|[\r\v\f\u2028\u2029]+")


def markdown(rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table whose first row is its head, without empty rows and columns. `rows` is gone through twice."""
    used = sorted({place for row in rows for place, cell in enumerate(row) if cell.strip()})
    return "\n".join(_lines(rows, used))


def _lines(rows: Iterable[Sequence[str]], used: Sequence[int]) -> Iterator[str]:
    headed = False
    for row in rows:
        cells = [_clean(row[place]) if place < len(row) else "" for place in used]
        if not any(cells):
            continue
        if headed:
            while not cells[-1]:  # a row may end early, and a few rows of thousands of columns would fill a book
                cells.pop()
        yield "| " + " | ".join(cells) + " |"
        if not headed:
            yield "|" + " --- |" * len(used)
            headed = True


def _clean(cell: str) -> str:
    return _BREAKS.sub(" ", cell).strip().replace("|", "\\|")
