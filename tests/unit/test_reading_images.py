import struct
from itertools import pairwise

import pytest

from quadrille.errors import TooLarge, Unreadable
from quadrille.ingest.reading import Limits
from quadrille.ingest.reading.formats import read

LIMITS = Limits(pages=10, characters=1000, pixels=1_000_000)


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height)


def jpeg(width: int, height: int) -> bytes:
    segment = b"\xff\xe0\x00\x04ab"
    return b"\xff\xd8" + segment + b"\xff\xc2\x00\x11\x08" + struct.pack(">HH", height, width)


def tiff(*sizes: tuple[int, int], ring: bool = False) -> bytes:
    """Directories of two entries each, the last pointing to the first if it is a ring."""
    places = [8 + 30 * number for number in range(len(sizes))] + [8 if ring else 0]
    directories = (
        struct.pack("<HHHIIHHIII", 2, 256, 4, 1, width, 257, 4, 1, height, after)
        for (width, height), (_, after) in zip(sizes, pairwise(places), strict=True)
    )
    return b"II*\x00" + struct.pack("<I", 8) + b"".join(directories)


@pytest.mark.parametrize(
    ("data", "pages"),
    [(png(20, 30), 1), (jpeg(20, 30), 1), (tiff((20, 30), (40, 50)), 2), (tiff((20, 30), ring=True), 1)],
    ids=["png", "jpeg", "tiff", "ring"],
)
def test_an_images_pages_are_left_to_ocr(data: bytes, pages: int) -> None:
    extracted = read(data, "notes.txt", LIMITS)
    assert (extracted.text, len(extracted.pages), extracted.scanned) == ("", pages, tuple(range(1, pages + 1)))


@pytest.mark.parametrize("data", [png(1001, 1000), jpeg(1001, 1000), tiff((2, 2), (1001, 1000))], ids=len)
def test_an_image_with_too_many_pixels_is_refused_with_the_limit(data: bytes) -> None:
    with pytest.raises(TooLarge, match="1001 x 1000 pixels; the limit is 1000000"):
        read(data, "x.png", LIMITS)


def test_an_image_with_too_many_pages_is_refused_with_the_limit() -> None:
    with pytest.raises(TooLarge, match="over 10 pages"):
        read(tiff(*[(1, 1)] * 11), "x.tif", LIMITS)


@pytest.mark.parametrize("data", [png(1, 1)[:20], jpeg(1, 1)[:-3], tiff((1, 1))[:-9], tiff(), png(0, 5)], ids=len)
def test_a_damaged_image_is_refused(data: bytes) -> None:
    with pytest.raises(Unreadable, match="image and damaged"):
        read(data, "x.png", LIMITS)
