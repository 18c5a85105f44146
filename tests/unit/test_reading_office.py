import io
import zipfile
from xml.sax.saxutils import escape

import openpyxl
import pytest

from quadrille.errors import TooLarge, Unreadable
from quadrille.ingest.reading import Limits
from quadrille.ingest.reading.formats import read

LIMITS = Limits(pages=100, characters=100_000)
RELATIONSHIP = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
P = (
    'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
    f'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:r="{RELATIONSHIP}"'
)


def package(parts: dict[str, str], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


def relationships(*targets: tuple[str, str]) -> str:
    listed = "".join(
        f'<Relationship Id="rId{number}" Type="{RELATIONSHIP}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, start=1)
    )
    return f"<Relationships>{listed}</Relationships>"


def word(body: str, **parts: str) -> bytes:
    more = {f"word/{name}.xml": content for name, content in parts.items()}
    return package(
        {
            "_rels/.rels": relationships(("officeDocument", "word/document.xml")),
            "word/document.xml": f"<w:document {W}><w:body>{body}</w:body></w:document>",
            "word/_rels/document.xml.rels": relationships(*((name, f"{name}.xml") for name in parts)),
            **more,
        }
    )


def paragraph(text: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:t>{escape(text)}</w:t></w:r></w:p>"


def table(*rows: tuple[str, ...]) -> str:
    cells = ("".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) for row in rows)
    return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in cells)}</w:tbl>"


def test_words_headings_are_known_by_style_however_it_is_called() -> None:
    styles = (
        f'<w:styles {W}><w:style w:styleId="berschrift2"><w:name w:val="heading 2"/></w:style>'
        '<w:style w:styleId="mine"><w:basedOn w:val="berschrift2"/></w:style></w:styles>'
    )
    body = paragraph("By name", '<w:pStyle w:val="berschrift2"/>') + paragraph("By base", '<w:pStyle w:val="mine"/>')
    extracted = read(word(body + paragraph("Text"), styles=styles), "x.bin", LIMITS)
    assert extracted.text == "## By name\n\n## By base\n\nText"
    assert extracted.markdown


def test_words_lists_keep_their_marks_and_levels() -> None:
    numbering = (
        f'<w:numbering {W}><w:abstractNum w:abstractNumId="7"><w:lvl w:ilvl="0"><w:numFmt w:val="decimal"/></w:lvl>'
        '<w:lvl w:ilvl="1"><w:numFmt w:val="bullet"/></w:lvl></w:abstractNum>'
        '<w:num w:numId="3"><w:abstractNumId w:val="7"/></w:num></w:numbering>'
    )
    levels = [("one", 0), ("detail", 1), ("two", 0)]
    body = "".join(
        paragraph(text, f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="3"/></w:numPr>') for text, level in levels
    )
    assert read(word(body, numbering=numbering), "x", LIMITS).text == "1. one\n    - detail\n2. two"


def test_words_tables_are_markdown_tables() -> None:
    text = read(word(table(("Part", "Price"), ("a|b", "9 €"))), "x", LIMITS).text
    assert text == "| Part | Price |\n| --- | --- |\n| a\\|b | 9 € |"


def test_deleted_words_are_left_out_and_boxes_are_read_once() -> None:
    box = f"<w:txbxContent>{paragraph('boxed')}</w:txbxContent>"
    body = (
        "<w:p><w:r><w:t>kept</w:t></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del>"
        f"<w:r><AlternateContent><Choice>{box}</Choice><Fallback>{box}</Fallback></AlternateContent></w:r></w:p>"
    )
    assert read(word(body), "x", LIMITS).text == "kept\n\nboxed"


def test_words_right_to_left_and_cjk_text_is_in_reading_order() -> None:
    assert read(word(paragraph("שלום 日本語 مرحبا")), "x", LIMITS).text == "שלום 日本語 مرحبا"


def slide(*shapes: str) -> str:
    return f"<p:sld {P}><p:cSld><p:spTree>{''.join(shapes)}</p:spTree></p:cSld></p:sld>"


def shape(text: str, role: str = "") -> str:
    holder = f'<p:nvSpPr><p:nvPr><p:ph type="{role}"/></p:nvPr></p:nvSpPr>' if role else ""
    lines = "".join(f"<a:p><a:r><a:t>{line}</a:t></a:r></a:p>" for line in text.split("\n"))
    return f"<p:sp>{holder}<p:txBody>{lines}</p:txBody></p:sp>"


def presentation(*slides: str) -> bytes:
    numbers = range(1, len(slides) + 1)
    listed = "".join(f'<p:sldId id="{255 + number}" r:id="rId{number}"/>' for number in numbers)
    return package(
        {
            "_rels/.rels": relationships(("officeDocument", "ppt/presentation.xml")),
            "ppt/presentation.xml": f"<p:presentation {P}><p:sldIdLst>{listed}</p:sldIdLst></p:presentation>",
            "ppt/_rels/presentation.xml.rels": relationships(*(("slide", f"slides/s{n}.xml") for n in numbers)),
            **{f"ppt/slides/s{number}.xml": content for number, content in zip(numbers, slides, strict=True)},
        }
    )


def test_slides_are_pages_with_their_titles_as_labels() -> None:
    extracted = read(
        presentation(slide(shape("Plan", "title"), shape("a\nb", "body")), slide(shape("End"))), "x", LIMITS
    )
    assert extracted.text == "# Plan\n\n- a\n- b\n\nEnd"
    assert [(page.number, page.label) for page in extracted.pages] == [(1, "Plan"), (2, "")]
    last = extracted.pages[-1]
    assert extracted.text[last.start : last.end] == "End"


def test_a_slide_that_is_but_a_picture_is_missing() -> None:
    extracted = read(presentation(slide(shape("Text")), slide("<p:pic/>"), slide()), "x", LIMITS)
    assert [gap.page for gap in extracted.missing] == [2]


def test_too_many_slides_are_refused_with_the_limit() -> None:
    with pytest.raises(TooLarge, match="3 slides; the limit is 2"):
        read(presentation(*[slide()] * 3), "x", Limits(pages=2, characters=100))


def workbook(**sheets: list[list[object]]) -> bytes:
    book, file = openpyxl.Workbook(), io.BytesIO()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(file)
    return file.getvalue()


def test_sheets_are_pages_with_their_names_and_empty_rows_part_tables() -> None:
    data = workbook(Prices=[["Part", "Price"], ["a", 9.1], [], ["Note"], ["sold"]], Empty=[], More=[[None, True]])
    extracted = read(data, "x.docx", LIMITS)
    assert extracted.text.startswith("## Prices\n\n| Part | Price |\n| --- | --- |\n| a | 9.1 |\n\nNote\nsold")
    assert [page.label for page in extracted.pages] == ["Prices", "Empty", "More"]
    assert extracted.text.endswith("## More\n\nTRUE")


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"a.txt": "x"}, "a ZIP archive"),
        ({"mimetype": "application/epub+zip"}, "an EPUB book"),
        ({"_rels/.rels": "<broken"}, "damaged Office file"),
        ({"_rels/.rels": relationships(("officeDocument", "gone.xml"))}, "damaged Office file"),
    ],
    ids=["zip", "epub", "broken xml", "no document"],
)
def test_an_archive_that_is_no_office_file_is_refused(parts: dict[str, str], reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read(package(parts), "x.docx", LIMITS)
