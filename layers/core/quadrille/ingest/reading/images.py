"""PNG, JPEG and TIFF: pictures without text, whose pages and pixels are counted from their headers alone."""

import struct

from quadrille.errors import TooLarge, Unreadable
from quadrille.ingest.reading.extracted import PICTURE, Extracted, Limits, Missing, Page

Size = tuple[int, int]

_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_SHORT = 256, 257, 3
_JPEG_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_JPEG_BARE = {0x01, 0xFF, *range(0xD0, 0xDA)}


def read(data: bytes, limits: Limits) -> Extracted:
    """An image's pages, each missing until OCR reads it. Raises `Unreadable` and `TooLarge`."""
    name = "PNG" if data.startswith(b"\x89PNG") else "JPEG" if data.startswith(b"\xff\xd8") else "TIFF"
    try:
        sizes = _sizes(name, data, limits)
    except (struct.error, IndexError) as error:
        raise Unreadable(f"The file is a {name} image and damaged.") from error
    if not sizes or not all(width and height for width, height in sizes):
        raise Unreadable(f"The file is a {name} image and damaged.")
    for width, height in sizes:
        if width * height > limits.pixels:
            raise TooLarge(f"The image has {width} x {height} pixels; the limit is {limits.pixels}.")
    numbers = range(1, len(sizes) + 1)
    pages = tuple(Page(number, 0, 0) for number in numbers)
    return Extracted("", pages, tuple(Missing(PICTURE, page=number, picture=True) for number in numbers))


def _sizes(name: str, data: bytes, limits: Limits) -> list[Size]:
    """The width and height of each page, in pixels."""
    match name:
        case "PNG":
            return [struct.unpack_from(">II", data, 16)]
        case "JPEG":
            return [_jpeg(data)]
    return _tiff(data, limits)


def _jpeg(data: bytes) -> Size:
    """The size in the first frame header (ITU T.81, B.2.2)."""
    place = 2
    while True:
        marker = data[place + 1]
        if data[place] != 0xFF:
            raise IndexError
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, place + 5)
            return width, height
        place += 1 if marker == 0xFF else 2 if marker in _JPEG_BARE else 2 + max(2, _short(data, place + 2))


def _short(data: bytes, place: int) -> int:
    return int(struct.unpack_from(">H", data, place)[0])


def _tiff(data: bytes, limits: Limits) -> list[Size]:
    """The size in each directory of the chain (TIFF 6.0, section 2), which may be a ring."""
    order = "<" if data.startswith(b"II") else ">"
    (place,) = struct.unpack_from(f"{order}I", data, 4)
    sizes: list[Size] = []
    seen: set[int] = set()
    while place and place not in seen:
        if len(sizes) == limits.pages:
            raise TooLarge(f"The file has over {limits.pages} pages, which is the limit.")
        seen.add(place)
        (count,) = struct.unpack_from(f"{order}H", data, place)
        entries = {}
        for at in range(place + 2, place + 2 + 12 * count, 12):
            tag, kind, _, value = struct.unpack_from(f"{order}HHII", data, at)
            if kind == _TIFF_SHORT:
                (value,) = struct.unpack_from(f"{order}H", data, at + 8)
            entries[tag] = value
        sizes.append((entries.get(_TIFF_WIDTH, 0), entries.get(_TIFF_HEIGHT, 0)))
        (place,) = struct.unpack_from(f"{order}I", data, place + 2 + 12 * count)
    return sizes
