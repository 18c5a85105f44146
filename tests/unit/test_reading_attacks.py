"""Files made to harm their reader, against the readers themselves: refused by what they say, before they can."""

import io
import zipfile

import openpyxl
import pytest

from quadrille.errors import TooLarge, Unreadable
from quadrille.ingest.reading import Limits
from quadrille.ingest.reading import read as read_contained
from quadrille.ingest.reading.formats import read

LIMITS = Limits(pages=100, characters=1_000_000)
BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><x>&b;</x>'
EXTERNAL = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'


def archive(parts: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as members:
        for name, content in parts.items():
            members.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize("xml", [BOMB, EXTERNAL], ids=["bomb", "external"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_an_office_file_with_entities_is_refused(xml: str, encoding: str) -> None:
    with pytest.raises(Unreadable, match="declares XML entities"):
        read(archive({"_rels/.rels": xml.encode(encoding)}), "x.docx", LIMITS)


def test_a_workbook_with_entities_in_any_part_is_refused() -> None:
    file = io.BytesIO()
    openpyxl.Workbook().save(file)
    with zipfile.ZipFile(file, "a") as members:
        members.writestr("xl/externalLinks/one.xml", EXTERNAL)
    with pytest.raises(Unreadable, match="declares XML entities"):
        read(file.getvalue(), "x.xlsx", LIMITS)


@pytest.mark.parametrize(
    ("parts", "limits", "words"),
    [
        ({"a.xml": bytes(9_000_000)}, LIMITS, "unpacks to over 100 times its size"),
        ({"a.xml": b"x" * 900_000}, Limits(pages=1, characters=1, unpacked=800_000), "unpacks to 900000 bytes"),
        ({str(number): b"" for number in range(30)}, Limits(pages=1, characters=1, entries=20), "30 parts"),
    ],
    ids=["expansion", "total", "entries"],
)
def test_an_archive_bomb_is_refused_before_it_is_unpacked(parts: dict[str, bytes], limits: Limits, words: str) -> None:
    with pytest.raises(TooLarge, match=words):
        read(archive(parts), "x.docx", limits)


def test_an_archive_that_lies_about_a_parts_size_is_damaged() -> None:
    honest = archive({"_rels/.rels": b"<a/>" + b" " * 5000})
    size = (5004).to_bytes(4, "little")
    lie = honest.replace(size, (10).to_bytes(4, "little"))
    assert lie != honest
    with pytest.raises(Unreadable, match="damaged"):
        read(lie, "x.docx", LIMITS)


def test_an_archive_in_an_archive_is_not_opened() -> None:
    inner = archive({"a": bytes(900_000)})
    with pytest.raises(Unreadable, match="a ZIP archive"):
        read(archive({"inner.zip": inner}), "x.zip", LIMITS)


def test_encrypted_files_say_so() -> None:
    encrypted = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "EncryptedPackage".encode("utf-16-le")
    with pytest.raises(Unreadable, match="Office file is encrypted"):
        read(encrypted, "x.docx", LIMITS)


def test_html_that_is_nested_too_deeply_is_refused() -> None:
    with pytest.raises(Unreadable, match="nested too deeply"):
        read(b"<html>" + b"<div>" * 5000 + b"x", "x.html", LIMITS)


def test_a_mail_that_is_nested_too_deeply_is_refused() -> None:
    levels = "".join(f"Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n" for level in range(2000))
    with pytest.raises(Unreadable, match="too deeply"):
        read_contained(b"From: a\nDate: b\n" + levels.encode(), "x.eml", LIMITS)


def test_a_pdf_of_endless_text_ends_at_the_limit_of_memory() -> None:
    content = b"BT /F 9 Tf " + b"(%b) Tj " % (b"a" * 1000) * 3000 + b"ET"
    page = (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count 1/Kids[3 0 R]>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/Contents 4 0 R/MediaBox[0 0 9 9]/Resources<</Font<</F<</Type/Font"
        b"/Subtype/Type1/BaseFont/Courier>>>>>>>>endobj\n"
        b"4 0 obj<</Length 3021013>>stream\n" + content + b"\nendstream endobj\ntrailer<</Root 1 0 R>>"
    )
    with pytest.raises(TooLarge, match="limit"):
        read_contained(page, "x.pdf", Limits(pages=1, characters=2_000_000, memory=256 * 1024**2))
