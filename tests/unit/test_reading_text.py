import pytest

from quadrille.ingest.reading import Limits
from quadrille.ingest.reading.formats import read

LIMITS = Limits(pages=100, characters=100_000)
LETTERS = {
    "shift_jis": "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。",
    "gb18030": "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心。",
    "big5": "人人生而自由,在尊嚴和權利上一律平等。他們賦有理性和良心,並應以兄弟關係的精神相對待。",
    "euc-kr": "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
    "windows-1251": "Все люди рождаются свободными и равными в своем достоинстве и правах.",
    "windows-1255": "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם. כולם חוננו בתבונה ובמצפון. "
    "לפיכך חובה עליהם לנהוג איש ברעהו ברוח של אחווה.",
    "windows-1256": "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق وقد وهبوا عقلا وضميرا.",
    "iso2022_jp": "吾輩は猫である。",
    "utf-16-le": "Zürich, 東京 und שלום",
    "utf-32": "Zürich, 東京 und שלום",
}


@pytest.mark.parametrize("encoding", LETTERS)
def test_text_without_a_declaration_is_decoded_by_its_shape(encoding: str) -> None:
    assert read(LETTERS[encoding].encode(encoding), "notes.txt", LIMITS).text == LETTERS[encoding]


@pytest.mark.parametrize("encoding", ["shift_jis", "windows-1251", "gb18030", "iso2022_jp"])
def test_html_is_read_in_the_charset_it_declares(encoding: str) -> None:
    page = f'<html><meta charset="{encoding}"><p>{LETTERS[encoding]}</p></html>'
    assert read(page.encode(encoding), "x", LIMITS).text == LETTERS[encoding]


def test_htmls_structure_is_markdown() -> None:
    page = (
        b"<!doctype html><title>T</title><h1>One</h1><p>a <b>bold</b> <a href='http://x.example'>link</a></p>"
        b"<ol><li>x<ul><li>y</ul></ol><table><tr><th>k<th>v<tr><td>1<td>2</table>"
    )
    text = read(page, "x", LIMITS).text
    assert text.startswith("# One\n\na bold link\n\n1. x\n   - y")
    assert text.endswith("| k | v |\n| --- | --- |\n| 1 | 2 |")


def test_nothing_of_html_is_run_or_shown_that_a_reader_would_not_see() -> None:
    page = b"<html><script>alert(1)</script><style>p{}</style><iframe src=x></iframe><img src=y alt='A duck'>Text"
    assert read(page, "x", LIMITS).text == "A duckText"


@pytest.mark.parametrize(
    ("data", "name"),
    [(b"a,b\n1,2", "x.csv"), (b"a;b\n1;2", "x.csv"), (b"a\tb\n1\t2", "x.tsv"), (b'"a"|b\n1|2', "x.csv")],
)
def test_a_csv_file_is_a_table_whatever_parts_its_cells(data: bytes, name: str) -> None:
    assert read(data, name, LIMITS).text == "| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_xml_is_read_as_the_text_it_is_and_expands_to_nothing() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]><x>&a;</x>'
    assert read(bomb.encode(), "x.xml", LIMITS).text == bomb


def test_a_name_that_lies_changes_nothing() -> None:
    assert read(b"<html><h1>Page</h1></html>", "report.pdf", LIMITS).text == "# Page"
    assert read(b"# A note that mentions <b>tags</b>", "note.html.md", LIMITS).markdown


def test_a_stray_control_character_makes_no_text_binary() -> None:
    assert read(b"A bell \x07 rings. " + b"And on. " * 20, "x.txt", LIMITS).text.startswith("A bell  rings.")
