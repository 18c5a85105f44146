"""Files made to exhaust their reader, larger than a test would make them."""

import io
import zipfile
import zlib
from collections.abc import Iterator

_RELATIONSHIP = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIL = b"From: a\nTo: b\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n"
_TEXT = b"(%b) Tj " % (b"a" * 1000)


def attacks() -> Iterator[tuple[str, str, bytes]]:
    """What each is, a name to go by, and its bytes."""
    yield "PDF of 10,000 pages", "x.pdf", pdf(10_000, _TEXT)
    yield "PDF of 25 M characters on a page", "x.pdf", pdf(1, _TEXT * 25_000)
    yield "PDF of 1 GB, deflated twice", "x.pdf", pdf(1, _TEXT * 1_000_000, deflated=2)
    yield "Word file of 200 MB of XML", "x.docx", word(b"<w:p><w:r><w:t>w</w:t></w:r></w:p>" * 6_000_000)
    yield "Word file nested 50,000 deep", "x.docx", word(b"<w:sdt>" * 50_000 + b"</w:sdt>" * 50_000)
    yield "archive of 60,000 parts", "x.docx", archive({str(number): b"" for number in range(60_000)})
    yield "HTML of 50 MB", "x.html", b"<html>" + b"<p>hello <b>world</b></p>" * 2_000_000
    yield "HTML of 100,000 open tags", "x.html", b"<html>" + b"<b>x" * 100_000
    yield "CSV of 20,000 columns", "x.csv", (b"a," * 20_000 + b"\n") * 2 + b"a\n" * 100_000
    yield "mail of 100,000 parts", "x.eml", _MAIL + b"--x\nContent-Type: text/plain; name=a\n\nhi\n" * 100_000
    yield "mail of a million headers", "x.eml", b"From: a\nTo: b\n" + b"X-A: b\n" * 1_000_000 + b"\nbody"
    yield "mail nested 2,000 deep", "x.eml", b"From: a\nDate: b\n" + b"".join(map(level, range(2_000)))
    pages = b"".join((8 + 6 * number).to_bytes(4, "little") + b"\0\0" for number in range(60_000))
    yield "TIFF of 60,000 pages", "x.tif", b"II*\0" + pages


def pdf(pages: int, content: bytes, *, deflated: int = 0) -> bytes:
    """A PDF whose pages all show the same text."""
    content = b"BT /F 9 Tf " + content + b"ET"
    for _ in range(deflated):
        content = zlib.compress(content, 9)
    page = (
        b" 0 obj<</Type/Page/Parent 2 0 R/Contents 3 0 R/MediaBox[0 0 9 9]/Resources"
        b"<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Courier>>>>>>>>endobj\n"
    )
    numbers = [str(number).encode() for number in range(4, 4 + pages)]
    return b"".join(
        [
            b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n",
            b"2 0 obj<</Type/Pages/Count ", str(pages).encode(), b"/Kids[", b" 0 R ".join(numbers), b" 0 R]>>endobj\n",
            b"3 0 obj<</Length ", str(len(content)).encode(), b"/Filter[", b"/FlateDecode " * deflated, b"]>>stream\n",
            content, b"\nendstream endobj\n", *(number + page for number in numbers), b"trailer<</Root 1 0 R>>",
        ]
    )  # fmt: skip


def word(body: bytes) -> bytes:
    """A Word file."""
    target = f'<Relationship Id="a" Type="{_RELATIONSHIP}/officeDocument" Target="document.xml"/>'
    return archive(
        {
            "_rels/.rels": f"<Relationships>{target}</Relationships>".encode(),
            "document.xml": b'<w:document xmlns:w="w"><w:body>' + body + b"</w:body></w:document>",
        }
    )


def archive(parts: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as members:
        for name, content in parts.items():
            members.writestr(name, content)
    return file.getvalue()


def level(number: int) -> bytes:
    return b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (number, number)
