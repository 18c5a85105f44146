"""Scanned pages, drawn here: pictures of text, and the PDF and TIFF files a scanner makes of them."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 1240, 877  # half a page at 150 dots an inch
LINES = ("The secret number of the club is four.", "Members meet on Tuesday in the old library.", "Bring a lamp.")


def drawn(*lines: str, turn: int = 0, mode: str = "L") -> Image.Image:
    """A picture of lines of text, or of the usual ones; turned by so many degrees."""
    page = Image.new("L", (WIDTH, HEIGHT), 255)
    font = ImageFont.load_default(size=36)
    ImageDraw.Draw(page).multiline_text((90, 90), "\n".join(lines or LINES), fill=0, font=font, spacing=24)
    return page.rotate(turn, expand=True).convert(mode)


def blank() -> Image.Image:
    return Image.new("L", (WIDTH, HEIGHT), 255)


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    """An image as a file."""
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def scan(pages: Sequence[Image.Image], kind: str = "PDF") -> bytes:
    """Pages as a scanner saves them: a PDF without text, or a TIFF."""
    first, *others = pages
    return saved(first, kind, save_all=True, append_images=others, resolution=150)
