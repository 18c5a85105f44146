"""Builds the sample PDFs from the Markdown files in sources/: `python -m local.samples.build`.
The same sources give the same bytes, so a rebuilt sample shows up in a diff only when its text changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from fpdf import FPDF, FontFace, XPos, YPos

FOLDER = Path(__file__).parent
COMPANY = "Tannhof Mobility AG"
PAGE_BREAK = "<!-- page break -->"
EDITION = datetime(2026, 1, 12, 9, 0, tzinfo=UTC)

INK = (34, 40, 49)
ACCENT = (18, 98, 110)
MUTED = (110, 118, 128)
STRIPE = (240, 245, 246)

HEADINGS = {"# ": 22.0, "## ": 14.0, "### ": 11.5}


class Sheet(FPDF):
    """An A4 document in the house design: core fonts only, a footer with the page number."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.core_fonts_encoding = "cp1252"  # Latin-1 lacks the euro sign
        self.set_compression(False)  # deflate output differs between zlib builds
        self.set_title(title)
        self.set_author(COMPANY)
        self.set_producer("Quadrille samples")
        self.set_creation_date(EDITION)
        self.set_margins(24, 22, 24)
        self.set_auto_page_break(True, margin=24)
        self.add_page()

    def footer(self) -> None:
        self.set_y(-15)
        self.set_font("Helvetica", size=8)
        self.set_text_color(*MUTED)
        self.cell(0, 5, f"{COMPANY} | {self.title} | Page {self.page_no()}", align="C")


def blocks(source: str) -> Iterator[list[str]]:
    """The paragraphs, headings, lists and tables of a Markdown text: runs of lines between blank ones."""
    for blank, lines in groupby(source.splitlines(), key=lambda line: not line.strip()):
        if not blank:
            yield list(lines)


def write_block(sheet: Sheet, lines: list[str]) -> None:
    first = lines[0]
    marker = first[: first.find(" ") + 1]
    if first == PAGE_BREAK:
        sheet.add_page()
    elif marker in HEADINGS:
        write_heading(sheet, first.removeprefix(marker), HEADINGS[marker])
    elif marker == "| ":
        write_table(sheet, lines)
    elif marker == "- ":
        write_list(sheet, lines)
    else:
        write_paragraph(sheet, " ".join(lines))


def write_heading(sheet: Sheet, text: str, size: float) -> None:
    sheet.set_font("Helvetica", "B", size)
    sheet.set_text_color(*ACCENT)
    sheet.ln(size / 8)
    sheet.multi_cell(0, size * 0.5, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    sheet.ln(size / 8)


def write_paragraph(sheet: Sheet, text: str) -> None:
    set_body(sheet)
    sheet.multi_cell(0, 5.4, emphasis(text), align="L", markdown=True, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    sheet.ln(2.6)


def write_list(sheet: Sheet, lines: Iterable[str]) -> None:
    set_body(sheet)
    for line in lines:
        sheet.cell(5, 5.4, "\u2022")
        sheet.multi_cell(0, 5.4, line.removeprefix("- "), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    sheet.ln(2.6)


def write_table(sheet: Sheet, lines: list[str]) -> None:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if not line.startswith("|---")]
    set_body(sheet)
    sheet.set_font_size(9.5)
    sheet.set_draw_color(*MUTED)
    heading = FontFace(emphasis="BOLD", color=(255, 255, 255), fill_color=ACCENT)
    with sheet.table(
        headings_style=heading,
        borders_layout="NONE",
        cell_fill_color=STRIPE,
        cell_fill_mode="EVEN_ROWS",
        line_height=5.2,
        padding=1,
        text_align="LEFT",
        col_widths=column_widths(sheet, rows),
    ) as table:
        for row in rows:
            table.row(row)
    sheet.ln(3)


def column_widths(sheet: Sheet, rows: list[list[str]]) -> list[float]:
    """Shares of the page width by each column's longest cell: extracted text reads well when cells stay on one line."""
    return [max(sheet.get_string_width(cell) for cell in column) + 4 for column in zip(*rows, strict=True)]


def set_body(sheet: Sheet) -> None:
    sheet.set_font("Helvetica", size=10.5)
    sheet.set_text_color(*INK)


def emphasis(text: str) -> str:
    """Markdown's *emphasis* in the notation of the PDF library."""
    return text.replace("*", "__")


def build(source: Path) -> bytes:
    """The PDF of one Markdown file."""
    title, *_ = source.read_text(encoding="utf-8").splitlines()
    sheet = Sheet(title.removeprefix("# "))
    for lines in blocks(source.read_text(encoding="utf-8")):
        write_block(sheet, lines)
    return bytes(sheet.output())


def main() -> None:
    for source in sorted((FOLDER / "sources").glob("*.md")):
        target = FOLDER / source.with_suffix(".pdf").name
        target.write_bytes(build(source))
        print(f"{target.name}: {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
