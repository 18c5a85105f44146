import io

import pypdfium2
import pytest

from local.stack.places import ROOT
from quadrille.errors import TooLarge, Unreadable
from quadrille.ingest.reading import Limits
from quadrille.ingest.reading.formats import read

LIMITS = Limits(pages=100, characters=100_000)
HANDBOOK = (ROOT / "local/samples/employee-handbook.pdf").read_bytes()


def test_a_pdfs_pages_are_spans_of_its_text() -> None:
    extracted = read(HANDBOOK, "handbook.pdf", LIMITS)
    assert [page.number for page in extracted.pages] == [1, 2, 3, 4, 5]
    third = extracted.pages[2]
    assert "18 weeks of paid parental leave" in " ".join(extracted.text[third.start : third.end].split())
    assert extracted.missing == ()


def test_a_file_is_what_its_content_says_and_not_its_name() -> None:
    assert read(HANDBOOK, "notes.txt", LIMITS).pages
    assert read(b"# Title", "a.pdf", LIMITS).text == "# Title"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("naïve Zürich €".encode(), "naïve Zürich €"),
        ("naïve Zürich".encode("utf-16"), "naïve Zürich"),
        (b"\xef\xbb\xbfmarked", "marked"),
        ("na\u00efve \u201cquoted\u201d".encode("cp1252"), "naïve “quoted”"),
        ("שלום 日本語".encode(), "שלום 日本語"),
        (b"one\r\ntwo\rthree", "one\ntwo\nthree"),
    ],
    ids=["utf-8", "utf-16", "utf-8 mark", "windows-1252", "rtl and cjk", "line ends"],
)
def test_text_is_decoded(data: bytes, text: str) -> None:
    assert read(data, "notes.txt", LIMITS).text == text


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b" \r\n\t\x00", "empty"),
        (b"GIF89a\x00\x01", "GIF image"),
        (b"\x7fELF\x01\x00\x00\x02", "neither text nor anything else"),
        (b"%PDF-1.7 and then nothing that parses", "damaged"),
        (HANDBOOK[: len(HANDBOOK) // 20], "damaged"),
    ],
    ids=["zero bytes", "blank", "gif", "binary", "no pdf", "truncated pdf"],
)
def test_what_cannot_become_text_is_refused_with_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read(data, "x.pdf", LIMITS)


def test_a_text_that_mentions_pdfs_is_a_text() -> None:
    assert read(b"A PDF begins with %PDF-1.7 and ends with %%EOF.", "notes.md", LIMITS).markdown


def test_a_pdf_with_words_in_front_is_a_pdf() -> None:
    assert len(read(b"sent by a scanner\n" + HANDBOOK, "x.pdf", LIMITS).pages) == 5


def test_a_pdf_with_too_many_pages_is_refused_with_the_limit() -> None:
    with pytest.raises(TooLarge, match="5 pages; the limit is 4"):
        read(HANDBOOK, "x.pdf", Limits(pages=4, characters=100_000))


def test_a_text_that_is_too_long_is_refused_with_the_limit() -> None:
    with pytest.raises(TooLarge, match="over 10 characters"):
        read(b"12345678901", "x.txt", Limits(pages=1, characters=10))


def pdf(*, handbook: bool, blank: int = 0, pictures: int = 0) -> bytes:
    """A PDF with blank pages and pages that show only a picture, in front of the handbook's pages."""
    document = pypdfium2.PdfDocument(HANDBOOK) if handbook else pypdfium2.PdfDocument.new()
    for index in range(blank + pictures):
        page = document.new_page(200, 200, index=index)
        if index >= blank:
            image = pypdfium2.PdfImage.new(document)
            image.set_bitmap(pypdfium2.PdfBitmap.new_native(4, 4, 4))
            image.set_matrix(pypdfium2.PdfMatrix().scale(100, 100))
            page.insert_obj(image)
            page.gen_content()
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def test_a_page_that_shows_something_without_text_is_missing_and_a_blank_one_is_not() -> None:
    extracted = read(pdf(handbook=True, blank=1, pictures=1), "x.pdf", LIMITS)
    assert len(extracted.pages) == 7
    assert [gap.page for gap in extracted.missing] == [2]
    assert extracted.scanned == (2,)


def test_a_scan_gives_no_text_and_names_the_pages_for_ocr() -> None:
    extracted = read(pdf(handbook=False, pictures=2), "scan.pdf", LIMITS)
    assert (extracted.text.strip(), extracted.scanned) == ("", (1, 2))
