"""What OCR reads: pages drawn here, in real children; and the corpus, where it lies beside the repository."""

import struct
import sys
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from fpdf import FPDF
from PIL import Image

from benchmarks.reading.similarity import character_errors
from quadrille.errors import RetryLater, TooLarge, Unreadable
from quadrille.ingest.reading import Limits
from quadrille.ingest.reading.contained import Reader
from quadrille.ingest.reading.formats import read
from tests.scans import LINES, blank, drawn, saved, scan
from tests.unit.test_corpora import CORPORA

LIMITS = Limits(pages=10, characters=10_000)
TEXT = "\n".join(LINES)


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    reader = Reader("recognise")
    yield reader
    reader.close()


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


@pytest.mark.parametrize(
    "data",
    [
        saved(drawn(), "PNG"),
        saved(drawn(mode="1"), "PNG"),
        saved(drawn(mode="P"), "PNG"),
        saved(drawn(mode="RGB"), "JPEG"),
        saved(drawn(mode="CMYK"), "JPEG"),
        saved(drawn(mode="1"), "TIFF", compression="group4"),
        saved(drawn(), "TIFF", compression="tiff_lzw"),
        saved(drawn(), "TIFF", compression="jpeg"),
        saved(drawn().convert("I;16").point(lambda shade: shade * 100), "TIFF"),
        scan([drawn()]),
    ],
    ids=["grey", "1 bit", "palette", "jpeg", "cmyk", "fax", "lzw", "jpeg in tiff", "16 bit", "pdf"],
)
def test_a_picture_of_text_is_read_whatever_its_kind(reader: Reader, data: bytes) -> None:
    recognised = reader.recognise(data, 1, "eng", LIMITS)
    assert lines(recognised.text) == list(LINES)
    assert recognised.confidence > 85


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_page_is_read_whichever_side_is_up(reader: Reader, turn: int) -> None:
    assert lines(reader.recognise(scan([drawn(turn=turn)]), 1, "eng", LIMITS).text) == list(LINES)


def test_a_photograph_is_turned_as_its_camera_was(reader: Reader) -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    photograph = saved(drawn(turn=270), "JPEG", exif=exif)
    assert lines(reader.recognise(photograph, 1, "eng", LIMITS).text) == list(LINES)


def test_a_slightly_skewed_page_is_read(reader: Reader) -> None:
    skewed = drawn().rotate(2, fillcolor=255, resample=Image.Resampling.BICUBIC)
    assert lines(reader.recognise(saved(skewed, "PNG"), 1, "eng", LIMITS).text) == list(LINES)


def test_small_letters_are_enlarged(reader: Reader) -> None:
    small = drawn().resize((413, 292), Image.Resampling.LANCZOS)
    assert character_errors(reader.recognise(saved(small, "PNG"), 1, "eng", LIMITS).text, TEXT) < 0.05


def test_letters_on_nothing_are_on_white_paper(reader: Reader) -> None:
    page = Image.new("RGBA", drawn().size)
    page.putalpha(drawn().point(lambda shade: 255 - shade))
    assert lines(reader.recognise(saved(page, "PNG"), 1, "eng", LIMITS).text) == list(LINES)


@pytest.mark.parametrize("kind", ["PDF", "TIFF"])
def test_the_page_that_is_asked_for_is_read(reader: Reader, kind: str) -> None:
    data = scan([drawn("The first page is this."), drawn("The second page is this.")], kind)
    assert reader.recognise(data, 2, "eng", LIMITS).text == "The second page is this."


def test_a_blank_page_gives_nothing(reader: Reader) -> None:
    recognised = reader.recognise(scan([blank()]), 1, "eng", LIMITS)
    assert (recognised.text, recognised.confidence) == ("", 0)


def test_a_large_page_is_read_smaller(reader: Reader) -> None:
    large = drawn().resize((6200, 4385))
    limits = Limits(pages=1, characters=1, drawn=2_000_000)
    for data in (saved(large, "PNG"), saved(large, "JPEG"), scan([large])):
        assert lines(reader.recognise(data, 1, "eng", limits).text) == list(LINES)


def png(width: int, height: int, rows: int) -> bytes:
    """A black image of so many rows, or of fewer than it says, which takes a thousandth of its pixels."""

    def part(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    pixels = zlib.compress(bytes((width + 1) * rows), 9)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", pixels) + part(b"IEND", b"")


def test_a_bomb_of_pixels_is_refused_with_the_limit(reader: Reader) -> None:
    with pytest.raises(TooLarge, match="20000 x 20000 pixels; the limit is 200000000"):
        reader.recognise(png(20_000, 20_000, rows=1), 1, "eng", LIMITS)


def test_a_bomb_below_the_limit_of_pixels_is_stopped_by_that_of_memory(reader: Reader) -> None:
    with pytest.raises(TooLarge, match="more than 256 MB of memory"):
        reader.recognise(
            png(14_000, 14_000, rows=14_000), 1, "eng", Limits(pages=1, characters=1, memory=256 * 1024**2)
        )


@pytest.mark.parametrize(
    "data",
    [saved(drawn(), "PNG")[:-2000], saved(drawn(), "TIFF")[:5000], b"\xff\xd8\xff\xe0 not for us", b"%PDF-1.7 nothing"],
    ids=["png", "tiff", "jpeg", "pdf"],
)
def test_what_is_damaged_is_refused(reader: Reader, data: bytes) -> None:
    with pytest.raises(Unreadable, match="damaged"):
        reader.recognise(data, 1, "eng", LIMITS)
    with pytest.raises(Unreadable, match="damaged"):
        reader.recognise(scan([drawn()]), 2, "eng", LIMITS)


def test_a_language_without_data_is_named(reader: Reader) -> None:
    with pytest.raises(Unreadable, match="'tlh'"):
        reader.recognise(scan([drawn()]), 1, "tlh", LIMITS)


def test_a_part_of_the_layer_that_is_missing_is_no_fault_of_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [place for place in sys.path if not place.endswith("layers/ocr")])
    reader = Reader("recognise")
    with pytest.raises(RetryLater, match="does not start"):
        reader.recognise(scan([drawn()]), 1, "eng", LIMITS)


def test_a_page_is_drawn_as_a_file_of_its_own() -> None:
    drawer = Reader("depict")
    try:
        picture = Image.open(BytesIO(drawer.depict(scan([drawn(), drawn("Second.")]), 2, LIMITS)))
    finally:
        drawer.close()
    assert (picture.format, picture.mode) == ("PNG", "L")
    assert picture.width == pytest.approx(2480, abs=2)  # 300 dots an inch


def document(*, stamp: str, pictures: int = 1, width: float = 210) -> bytes:
    """A PDF whose one page has a text and images over each other."""
    made = FPDF(format="A4")
    made.add_page()
    made.set_font("helvetica", size=12)
    for _ in range(pictures):
        made.image(drawn(turn=90), x=0, y=0, w=width)
    made.multi_cell(w=190, text=stamp)
    return bytes(made.output())


@pytest.mark.parametrize(
    ("data", "scanned"),
    [
        (document(stamp="Page 3 of 7"), (1,)),
        (document(stamp="Page 3 of 7", width=60), ()),
        (document(stamp="The rules of the club are written here, under its coat of arms. " * 4), ()),
        (document(stamp="Page 3 of 7", pictures=0), ()),
        (scan([drawn()]), (1,)),
    ],
    ids=["stamped scan", "small picture", "text on a picture", "short text", "scan"],
)
def test_a_page_goes_to_ocr_if_it_shows_more_than_its_text(data: bytes, scanned: tuple[int, ...]) -> None:
    assert read(data, "x.pdf", LIMITS).scanned == scanned


def test_a_text_layer_that_means_nothing_is_none() -> None:
    made = document(stamp="The rules of the club are written here. " * 4, pictures=0)
    plain = read(made, "x.pdf", LIMITS)
    assert plain.text.startswith("The rules")
    private = " ".join(f"/uniE{code:03X}" for code in range(128)).encode()
    nameless = made.replace(b"/Encoding /WinAnsiEncoding", b"/Encoding << /Differences [0 " + private + b"] >>")
    garbled = read(nameless, "x.pdf", LIMITS)
    assert (garbled.text, garbled.scanned) == ("", (1,))


TRUTH = CORPORA / "ocr-truth/tesseract"
TRUTHS = {
    "8071_093.3B.tif": "8071_093.3B.txt",
    "8087_054.3B.tif": "8087_054.3B.txt",
    "eurotext.tif": "eurotext.txt",
    **{
        f"phototest{name}": "phototest.gold.txt"
        for name in (".tif", "rot.tif", "-rotated-180.png", "-rotated-L.png", "-rotated-R.png")
    },
}


@pytest.mark.parametrize("name", TRUTHS)
def test_the_corpus_is_read_as_well_as_the_engine_can(name: str, reader: Reader) -> None:
    if not TRUTH.is_dir():
        pytest.skip("there are no corpora")
    text = reader.recognise(Path(TRUTH / name).read_bytes(), 1, "eng", LIMITS).text
    assert character_errors(text, (TRUTH / TRUTHS[name]).read_text()) < 0.1
