"""A page as a picture in shades of grey: PDFium draws that of a PDF, Pillow decodes that of an image."""

from io import BytesIO
from math import sqrt
from typing import TYPE_CHECKING

from quadrille.errors import TooLarge, Unreadable
from quadrille.ingest.reading.extracted import Limits

if TYPE_CHECKING:
    from PIL.Image import Image

_FORMATS = ("JPEG", "PNG", "TIFF")
_DOTS = 300  # an inch, of a page that is drawn
_POINTS = 72
_WHITE = 255
_SIDE = 1_300  # pixels; a page whose longer side has fewer is doubled, for its letters are too small to be told apart
_LOSSLESS = 4 * 1024 * 1024  # bytes; a picture that takes more is a photograph


def picture(data: bytes, page: int, limits: Limits) -> "Image":
    """A page, counted from 1, of a PDF or an image. Raises `Unreadable` and `TooLarge`."""
    return _drawn(data, page, limits) if b"%PDF-" in data[:1024] else _decoded(data, page, limits)


def depict(data: bytes, page: int, limits: Limits) -> bytes:
    """The same as a PNG file, or a JPEG file if that is much smaller."""
    drawn, file = picture(data, page, limits), BytesIO()
    drawn.save(file, "PNG")
    if file.tell() > _LOSSLESS:
        file = BytesIO()
        drawn.save(file, "JPEG", quality=85)
    return file.getvalue()


def _drawn(data: bytes, number: int, limits: Limits) -> "Image":
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
        page = document[number - 1]
        width, height = page.get_size()
        scale = min(_DOTS / _POINTS, sqrt(limits.drawn / max(1.0, width * height)))
        drawn: Image = page.render(scale=scale, grayscale=True).to_pil()
    except (pypdfium2.PdfiumError, IndexError) as error:
        raise Unreadable("The page is damaged.") from error
    return drawn


def _decoded(data: bytes, number: int, limits: Limits) -> "Image":
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = None  # the limit is ours, and has a name
    try:
        image = Image.open(BytesIO(data), formats=_FORMATS)
        image.seek(number - 1)
        pixels = image.width * image.height
        if pixels > limits.pixels:
            raise TooLarge(f"The image has {image.width} x {image.height} pixels; the limit is {limits.pixels}.")
        if pixels > limits.drawn:  # a JPEG is decoded smaller, which takes less of everything
            image.draft("L", _times(image, sqrt(limits.drawn / pixels)))
        return _sized(ImageOps.exif_transpose(_grey(image)), limits)
    except (OSError, EOFError, SyntaxError) as error:
        raise Unreadable("The image is damaged.") from error


def _grey(image: "Image") -> "Image":
    """The image in shades of grey, on white paper."""
    from PIL import Image

    if image.mode[0] in "IF":  # deeper than a byte
        low, high = image.getextrema()
        span = max(1e-9, float(high) - float(low))  # type: ignore[arg-type]
        return image.convert("F").point(lambda value: (value - low) * (_WHITE / span)).convert("L")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("L")


def _sized(image: "Image", limits: Limits) -> "Image":
    pixels = image.width * image.height
    if pixels > limits.drawn:
        return image.resize(_times(image, sqrt(limits.drawn / pixels)), reducing_gap=2)
    return image.resize(_times(image, 2)) if max(image.size) < _SIDE else image


def _times(image: "Image", factor: float) -> tuple[int, int]:
    return max(1, int(image.width * factor)), max(1, int(image.height * factor))
