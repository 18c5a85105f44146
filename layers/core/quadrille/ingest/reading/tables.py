"""Tables as Markdown."""

import re
from collections.abc import Sequence

_BREAKS = re.compile(r"\s*\n\s*|[\r\v\f\u2028\u2029]+")


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose first row is its head; what is empty at its edges is left out. Empty without content."""
    rows = _trimmed(rows)
    if not rows:
        return ""
    width = len(rows[0])
    lines = [_line(row) for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]])


def _trimmed(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """Rows of one length, without empty rows and columns."""
    cells = [[_BREAKS.sub(" ", cell).strip() for cell in row] for row in rows]
    used = sorted({place for row in cells for place, cell in enumerate(row) if cell})
    return [[row[place] if place < len(row) else "" for place in used] for row in cells if any(row)]


def _line(row: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
